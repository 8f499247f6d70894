"""A normalisation layer counts other features than its input has.

BatchNorm and GroupNorm count the channels, dimension 1; LayerNorm and RMSNorm compare the
last dimensions. The usual causes: a norm that takes the channels from before the
convolution, and a LayerNorm over a picture whose channels do not stand last.

Bad::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 32, 3)
            self.norm = nn.BatchNorm2d(64)

        def forward(self, x):
            return torch.relu(self.norm(self.conv(x)))

Good::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 32, 3)
            self.norm = nn.BatchNorm2d(32)

        def forward(self, x):
            return torch.relu(self.norm(self.conv(x)))

Run::

    Net()(torch.randn(2, 3, 8, 8))

Says: running_mean should contain 32 elements not 64

Silent when: a size is not known for certain or may be equal for some value of the
constructor's arguments; when the norm has neither weights nor running statistics
(`nn.InstanceNorm2d(n)` as it comes), where torch itself does not compare.
"""

from __future__ import annotations

from lint_params.rule import Level, ShapeRule


class NormFeatureMismatch(ShapeRule):
    code = "LP403"
    level = Level.ERROR
    words = ("torch",)
