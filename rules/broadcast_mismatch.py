"""Two tensors of sizes that do not broadcast meet in one operation.

Elementwise operations line the shapes up from the right; each pair of sizes must be equal or
one of them 1. The usual causes: a residual path that keeps its channels while the main path
changes them, positions that forget the class token, a bias per row where one per column was
meant.

Bad::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.main = nn.Linear(16, 32)
            self.skip = nn.Linear(16, 24)

        def forward(self, x):
            return self.main(x) + self.skip(x)

Good::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.main = nn.Linear(16, 32)
            self.skip = nn.Linear(16, 32)

        def forward(self, x):
            return self.main(x) + self.skip(x)

Run::

    Net()(torch.randn(2, 16))

Says: The size of tensor a (32) must match the size of tensor b (24) at non-singleton dimension 1

Silent when: a size is not known for certain, may be 1, or may be equal for some value of the
constructor's arguments.
"""

from __future__ import annotations

from lint_params.rule import Level, ShapeRule


class BroadcastMismatch(ShapeRule):
    code = "LP409"
    level = Level.ERROR
    words = ("torch",)
