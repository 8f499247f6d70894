"""A matrix product meets a Parameter of a shape that does not fit.

With weights of one's own there is no layer that says which side is which: `x @ w` wants the
features of x first, `F.linear(x, w)` wants them last. matmul, `@`, mm, bmm, einsum, F.linear,
F.bilinear and the functional convolutions are checked against what is known of both sides.

Bad::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Linear(6, 10)
            self.weight = nn.Parameter(torch.randn(20, 10))

        def forward(self, x):
            return torch.relu(self.embed(x)) @ self.weight

Good::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Linear(6, 10)
            self.weight = nn.Parameter(torch.randn(20, 10))

        def forward(self, x):
            return torch.relu(self.embed(x)) @ self.weight.t()

Run::

    Net()(torch.randn(3, 6))

Says: mat1 and mat2 shapes cannot be multiplied (3x10 and 20x10)

Silent when: a size is not known for certain, or may be equal for some value of the
constructor's arguments.
"""

from __future__ import annotations

from lint_params.rule import Level, ShapeRule


class ParameterProductMismatch(ShapeRule):
    code = "LP408"
    level = Level.ERROR
    words = ("torch",)
