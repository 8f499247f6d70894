# expect: refuted
import sys

from torch import nn


class Net(nn.Module):
    def forward(self, x):
        for _ in range(200):
            print("x" * 10000)
            print("x" * 10000, file=sys.stderr)
        return x
