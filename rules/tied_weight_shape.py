"""Two layers share a weight that does not fit both.

`decoder.weight = encoder.weight` ties the two; it fits where the decoder is the encoder turned
round: `nn.Linear(d, v)` and `nn.Embedding(v, d)` both have a weight of `(v, d)`. A projection
between, or two vocabularies, break it, and torch only says so at the first forward, if at all.

Bad::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(100, 32)
            self.proj = nn.Linear(32, 48)
            self.decoder = nn.Linear(48, 100)
            self.decoder.weight = self.embed.weight

        def forward(self, x):
            return self.decoder(self.proj(self.embed(x)))

Good::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(100, 32)
            self.proj = nn.Linear(32, 32)
            self.decoder = nn.Linear(32, 100)
            self.decoder.weight = self.embed.weight

        def forward(self, x):
            return self.decoder(self.proj(self.embed(x)))

Run::

    Net()(torch.tensor([[1, 2, 3, 4, 5]]))

Says: mat1 and mat2 shapes cannot be multiplied (5x48 and 32x100)

Silent when: a size is not known for certain, depends on a flag, or may be equal for some value
of the constructor's arguments; only the width of the input is another, and what the layer is
called with fits its new weight, or is not known (torch reads the weight, not `in_features`).
"""

from __future__ import annotations

from lint_params.rule import Level, ShapeRule


class TiedWeightShape(ShapeRule):
    code = "LP411"
    level = Level.ERROR
    words = ("torch",)
