# expect: refuted
from torch import nn


class Shed:
    def __del__(self):
        raise SystemExit(3)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        Shed()

    def forward(self, x):
        Shed()
        return x
