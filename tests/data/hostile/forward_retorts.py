# expect: refuted
from torch import nn


class Anything:
    def __getattr__(self, name):
        return self

    def __call__(self, *args, **kwargs):
        return self

    def __iter__(self):
        return iter([self])

    def __eq__(self, other):
        raise ValueError(other)

    __hash__ = None


class Net(nn.Module):
    def forward(self, x):
        self.anything = Anything()
        return Anything()
