"""A kernel is larger than what is left of the picture.

Every stride and every pooling shrinks the picture; where the size of the input is known, from
a call or from an adaptive pooling, one can count that a later kernel no longer fits. Padding
of a pooling beyond half its kernel is reported too.

Bad::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(4))
            self.conv = nn.Conv2d(8, 16, 5)

        def forward(self, x):
            return self.conv(self.stem(x))

Good::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(6))
            self.conv = nn.Conv2d(8, 16, 5)

        def forward(self, x):
            return self.conv(self.stem(x))

Run::

    Net()(torch.randn(1, 3, 32, 32))

Says: Calculated padded input size per channel: (4 x 4). Kernel size: (5 x 5). Kernel size can't be greater than actual input size

Silent when: the size of the picture is a free argument of `forward`: a small picture may fit.
"""

from __future__ import annotations

from lint_params.rule import Level, ShapeRule


class KernelExceedsInput(ShapeRule):
    code = "LP412"
    level = Level.ERROR
    words = ("torch",)
