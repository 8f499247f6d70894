# expect: timeout
import time

from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        time.sleep(600)
