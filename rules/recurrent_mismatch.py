"""A recurrent layer, its state or its result does not fit.

What people forget about RNN, LSTM and GRU: the result is a tuple, so the next layer wants
only its first item; `bidirectional=True` doubles the last dimension of the output and the
first of the state; the state has one row a layer and direction; `input_size` of the next
layer is `hidden_size` of this one.

Bad::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(8, 16, batch_first=True)
            self.head = nn.Linear(16, 4)

        def forward(self, x):
            return self.head(self.lstm(x))

Good::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(8, 16, batch_first=True)
            self.head = nn.Linear(16, 4)

        def forward(self, x):
            return self.head(self.lstm(x)[0])

Run::

    Net()(torch.randn(2, 5, 8))

Says: linear(): argument 'input' (position 1) must be Tensor, not tuple

Silent when: a size is not known for certain; when the two halves of a bidirectional output
are summed, or the sequence is a PackedSequence made elsewhere.
"""

from __future__ import annotations

from lint_params.rule import Level, ShapeRule


class RecurrentMismatch(ShapeRule):
    code = "LP404"
    level = Level.ERROR
    words = ("torch",)
