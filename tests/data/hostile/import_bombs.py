# expect: refuted
# The forks end where they are refused; what stands behind them is run all the same.
import os

from torch import nn

while True:
    os.fork()


class Net(nn.Module):
    def forward(self, x):
        return x
