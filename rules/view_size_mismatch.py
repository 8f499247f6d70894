"""A view or reshape asks for another number of elements than there are.

`view`, `reshape`, `flatten`, `unflatten` and their kin keep the number of elements. A
product of wished sizes that differs from it fails; and with one `-1` the known sizes must
divide it.

Bad::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 8, 3, padding=1)
            self.pool = nn.AdaptiveAvgPool2d(5)
            self.head = nn.Linear(256, 10)

        def forward(self, x):
            x = self.pool(self.conv(x))
            return self.head(x.view(x.shape[0], 256))

Good::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 8, 3, padding=1)
            self.pool = nn.AdaptiveAvgPool2d(5)
            self.head = nn.Linear(200, 10)

        def forward(self, x):
            x = self.pool(self.conv(x))
            return self.head(x.view(x.shape[0], 200))

Run::

    Net()(torch.randn(2, 1, 28, 28))

Says: shape '[2, 256]' is invalid for input of size 400

Silent when: the number of elements is not known for certain; when the sizes may be equal for
some value of the constructor's arguments; when a free batch or length can make it fit.
"""

from __future__ import annotations

from lint_params.rule import Level, ShapeRule


class ViewSizeMismatch(ShapeRule):
    code = "LP405"
    level = Level.ERROR
    words = ("torch",)
