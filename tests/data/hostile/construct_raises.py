# expect: construct-failed
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        raise ValueError("never")
