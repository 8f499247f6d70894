# expect: crashed
import os
import signal

from torch import nn


class Net(nn.Module):
    def forward(self, x):
        os.killpg(0, signal.SIGKILL)
        return x
