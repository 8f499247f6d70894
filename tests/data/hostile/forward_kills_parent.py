# expect: crashed
import os
import signal

from torch import nn


class Net(nn.Module):
    def forward(self, x):
        os.kill(os.getppid(), signal.SIGKILL)
        return x
