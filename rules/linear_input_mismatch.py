"""A Linear layer gets another number of features than it takes.

``nn.Linear(in_features, out_features)`` multiplies the last dimension of its input. Where the
layer before gives another number of features, construction succeeds and the first batch
fails; in a long job that may be after minutes of loading data.

Bad::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1 = nn.Linear(10, 20)
            self.fc2 = nn.Linear(30, 5)

        def forward(self, x):
            return self.fc2(torch.relu(self.fc1(x)))

Good::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1 = nn.Linear(10, 20)
            self.fc2 = nn.Linear(20, 5)

        def forward(self, x):
            return self.fc2(torch.relu(self.fc1(x)))

Run::

    Net()(torch.randn(2, 10))

Says: mat1 and mat2 shapes cannot be multiplied (2x20 and 30x5)

Silent when: a size is not known for certain, depends on a flag, or may be equal for some
value of the constructor's arguments; when a Linear after a convolution works on the width,
which is the last dimension.
"""

from __future__ import annotations

from lint_params.rule import Level, ShapeRule


class LinearInputMismatch(ShapeRule):
    code = "LP401"
    level = Level.ERROR
    words = ("torch",)
