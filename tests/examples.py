"""Small files that many tests lint."""

from __future__ import annotations

#: LP401 on line 12, column 16.
MISMATCH = '''\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(10, 20)
        self.fc2 = nn.Linear(30, 5)

    def forward(self, x):
        return self.fc2(self.fc1(x))
'''
LINE, COLUMN = 12, 16
#: LP301 on line 7, and MISMATCH's LP401 on line 12 of its own file.
TRANSFORMED = '''\
import torch
from torch import nn

class Scale(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.randn(3)).cuda()

    def forward(self, x):
        return x * self.w
'''
CLEAN = MISMATCH.replace("nn.Linear(30", "nn.Linear(20")


def with_noqa(comment: str, text: str = MISMATCH, line: int = LINE) -> str:
    """The text with a comment at the end of a line."""
    lines = text.split("\n")
    lines[line - 1] += f"  {comment}"
    return "\n".join(lines)
