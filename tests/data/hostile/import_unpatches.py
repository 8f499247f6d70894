# expect: crashed
import json
import signal
import sys

from torch import nn

json.dumps = None
sys.settrace(None)


class Net(nn.Module):
    def forward(self, x):
        signal.alarm(0)
        return x
