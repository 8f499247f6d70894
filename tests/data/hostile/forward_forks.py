# expect: refuted
import os
import time

from torch import nn


class Net(nn.Module):
    def forward(self, x):
        for _ in range(3):
            if os.fork() == 0:
                if os.fork() == 0:
                    os.setsid()
                    time.sleep(600)
                os._exit(0)
        return x
