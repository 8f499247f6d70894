# expect: sandbox-denied
import os

from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        os.makedirs(__file__ + ".escaped", exist_ok=True)
