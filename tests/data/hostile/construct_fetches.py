# expect: sandbox-denied
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.load_state_dict(torch.hub.load_state_dict_from_url("http://192.0.2.1/net.pt"))
