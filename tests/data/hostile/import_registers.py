# expect: refuted
import atexit
import time

from torch import nn

atexit.register(time.sleep, 600)


class Net(nn.Module):
    def forward(self, x):
        atexit.register(open, __file__ + ".escaped", "w")
        return x
