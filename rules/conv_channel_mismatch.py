"""A convolution gets another number of channels than it takes.

The second argument of one convolution must be the first of the next, and an RGB network
needs pictures with three channels. Construction accepts anything; the first batch fails.
Transposed convolutions, groups and `F.conv2d` with a known weight count as well.

Bad::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
            self.conv2 = nn.Conv2d(32, 8, 3, padding=1)

        def forward(self, x):
            return self.conv2(torch.relu(self.conv1(x)))

Good::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
            self.conv2 = nn.Conv2d(16, 8, 3, padding=1)

        def forward(self, x):
            return self.conv2(torch.relu(self.conv1(x)))

Run::

    Net()(torch.randn(1, 3, 8, 8))

Says: Given groups=1, weight of size [8, 32, 3, 3], expected input[1, 16, 8, 8] to have 32 channels, but got 16 channels instead

Silent when: the number of channels is not known for certain, depends on a flag, or may be
right for some value of the constructor's arguments; when the input is a free argument of
`forward` and no call in sight gives it a shape.
"""

from __future__ import annotations

from lint_params.rule import Level, ShapeRule


class ConvChannelMismatch(ShapeRule):
    code = "LP402"
    level = Level.ERROR
    words = ("torch",)
