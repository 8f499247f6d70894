# expect: sandbox-denied
import socket

from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        socket.create_connection(("192.0.2.1", 9), timeout=30)
