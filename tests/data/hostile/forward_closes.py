# expect: crashed
import os

from torch import nn


class Net(nn.Module):
    def forward(self, x):
        os.closerange(0, 4096)
        return x
