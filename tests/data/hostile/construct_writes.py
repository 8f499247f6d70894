# expect: sandbox-denied
from pathlib import Path

from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        Path(__file__).with_suffix(".escaped").write_text("out")
