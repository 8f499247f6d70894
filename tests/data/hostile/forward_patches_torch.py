# expect: refuted
import torch
from torch import nn


class Net(nn.Module):
    def forward(self, x):
        torch.Tensor.backward = torch.Tensor.clone = None
        torch.optim.SGD.step = None
        return x
