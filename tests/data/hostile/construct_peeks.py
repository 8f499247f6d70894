# expect: refuted
import os

from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        if "LINT_PARAMS_TEST_TOKEN" in os.environ or os.getcwd() == os.path.dirname(__file__):
            raise ValueError("sees the caller's environment")

    def forward(self, x):
        return x
