"""A Module works only where two arguments of its constructor are one number.

Two layers that follow each other are sized by different arguments. Where both have one value
everything runs; with the first other value the first batch fails. Most often one of the sizes is
another than was meant: in and out changed places, a factor is missing, a number stands where the
argument should.

Bad::

    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self, dim, hidden):
            super().__init__()
            self.up = nn.Linear(dim, hidden)
            self.down = nn.Linear(dim, hidden)

        def forward(self, x):
            return self.down(torch.relu(self.up(x)))

    def build(dim, hidden):
        return Block(dim, hidden)

Good::

    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self, dim, hidden):
            super().__init__()
            self.up = nn.Linear(dim, hidden)
            self.down = nn.Linear(hidden, dim)

        def forward(self, x):
            return self.down(torch.relu(self.up(x)))

    def build(dim, hidden):
        return Block(dim, hidden)

Run::

    build(8, 12)(torch.randn(2, 8))

Says: mat1 and mat2 shapes cannot be multiplied (2x12 and 8x12)

Silent when: the class compares the two itself; nobody in its file or in the files beside builds
it (an argument that has to be one certain number is reported then, too: it could as well be none;
so is a number of classes for a width); somebody builds it with sizes that agree or may agree, or
with a flag that it was not looked at with, hands it on out of sight (to a function it is seen where
the calls that lead there set both by name) or derives from it; a default of the setting in sight is
just the number;
they agree with the default arguments, or wherever a division leaves no rest; one of the layers is
built or called under a condition only, unless both stand in one ``nn.Sequential`` or the condition
asks no more than whether there is such a layer; a class of the
project that has a part in it chooses anything; or one of the sizes is no argument of its own: an
item of a list, an input of forward, one attribute of a configuration against another.
"""

from __future__ import annotations

from lint_params.rule import Level, ShapeRule


class ArgumentsMustAgree(ShapeRule):
    code = "LP413"
    level = Level.WARNING
    words = ("torch",)
