# expect: crashed
import sys

from torch import nn

for name in list(sys.modules):
    if name.startswith(("torch", "json", "lint_params")):
        del sys.modules[name]


class Net(nn.Module):
    def forward(self, x):
        return x
