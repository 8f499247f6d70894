# expect: construct-failed
import torch
from torch import nn


def refuse(*args, **kwargs):
    raise RuntimeError("not today")


torch.manual_seed = torch.randn = torch.zeros = refuse
nn.Module.named_parameters = nn.Module.parameters = refuse
nn.Module.__init__ = refuse


class Net(nn.Module):
    def forward(self, x):
        return x
