# expect: forward-failed-elsewhere
from torch import nn


class Net(nn.Module):
    def forward(self, x):
        raise LookupError("elsewhere")
