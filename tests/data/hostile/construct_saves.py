# expect: refuted
import os

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        os.makedirs("runs", exist_ok=True)
        torch.save(torch.ones(3), os.path.expanduser("~/weights.pt"))

    def forward(self, x):
        return x
