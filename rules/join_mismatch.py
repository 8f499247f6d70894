"""Tensors that do not fit are joined, or one is split into other sizes than it has.

`torch.cat` wants all sizes but the joined one equal, `torch.stack` all of them;
`split([a, b])` wants its sizes to add up to the size that is split.

Bad::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.proj = nn.Linear(16, 12)

        def forward(self, x):
            mean, scale = self.proj(x).split([8, 8], dim=-1)
            return mean * scale

Good::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.proj = nn.Linear(16, 16)

        def forward(self, x):
            mean, scale = self.proj(x).split([8, 8], dim=-1)
            return mean * scale

Run::

    Net()(torch.randn(2, 16))

Says: split_with_sizes expects split_sizes to sum exactly to 12 (input tensor's size at dimension -1), but got split_sizes=[8, 8]

Silent when: a size is not known for certain, or may be equal for some value of the
constructor's arguments.
"""

from __future__ import annotations

from lint_params.rule import Level, ShapeRule


class JoinMismatch(ShapeRule):
    code = "LP410"
    level = Level.ERROR
    words = ("torch",)
