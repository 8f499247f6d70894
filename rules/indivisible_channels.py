"""The arguments of a layer contradict each other.

torch splits channels into groups and features into heads, and a rest is an error: already in
the constructor, but that line may stand in a branch, or in a configuration that nobody tests.
The same goes for a padding index outside of the vocabulary and for a projection that is not
smaller than the hidden size.

Bad::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(100, num_heads=8)

        def forward(self, x):
            return self.attention(x, x, x)[0]

Good::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(96, num_heads=8)

        def forward(self, x):
            return self.attention(x, x, x)[0]

Run::

    Net()(torch.randn(5, 2, 96))

Says: embed_dim must be divisible by num_heads

Silent when: one of the two numbers is an argument that may make it fit.
"""

from __future__ import annotations

from lint_params.rule import Level, ShapeRule


class IndivisibleChannels(ShapeRule):
    code = "LP406"
    level = Level.ERROR
    words = ("torch",)
