# expect: out-of-memory
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.ballast = []
        while True:
            self.ballast.append(bytes(1 << 28))
