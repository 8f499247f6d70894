# expect: refuted
import os
import time

from torch import nn

if os.fork() == 0:
    os.setsid()
    time.sleep(600)
    os._exit(0)


class Net(nn.Module):
    def forward(self, x):
        return x
