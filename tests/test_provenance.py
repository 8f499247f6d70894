"""The trace of a mismatch leads to what made its sizes, however far that is."""

from __future__ import annotations

import textwrap

import pytest

from lint_params.config import Config
from lint_params.runner import Linter

HEAD = "import torch\nfrom torch import nn\n"
#: A class, and of its one finding the trace: what each line, named by its mark, is told to be.
CLASSES = {
    "the layer before the views": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc1 = nn.Linear(10, 40)  # made
                self.fc2 = nn.Linear(30, 3)  # built
            def forward(self, x):
                x = self.fc1(x).relu()  # first
                x = x.transpose(-1, -2)
                return self.fc2(x.transpose(-1, -2))  # called
        """,
        {
            "built": ["self.fc2 is built here"],
            "called": ["40 is the size of the output of x.transpose"],
            "first": ["40 is the size of the output of self.fc1"],
            "made": ["self.fc1 is built here"],
        },
    ),
    "the layer from which an input's size was learned": (
        """
        class Net(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.up = nn.Conv2d(2 * dim, dim, 3)  # first
                self.down = nn.Conv2d(dim, dim, 3)  # built
            def forward(self, x):
                y = self.up(x)  # taken
                return y + self.down(x)
        """,
        {
            "built": ["self.down is built here"],
            "first": ["self.up is built here"],
            "taken": ["self.up takes 2*dim here, so its input has them"],
        },
    ),
    "a norm makes no sizes": (
        """
        class Net(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.conv = nn.Conv2d(3, 2 * dim, 3)  # made
                self.norm = nn.BatchNorm2d(2 * dim)
                self.last = nn.Conv2d(dim, 8, 1)  # built
            def forward(self, x):
                x = self.norm(self.conv(x))  # called
                return self.last(x)
        """,
        {
            "built": ["self.last is built here"],
            "called": ["2*dim is the size of the output of self.conv"],
            "made": ["self.conv is built here"],
        },
    ),
    "a Parameter": (
        """
        class Net(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.scale = nn.Parameter(torch.ones(dim + 1))  # made
                self.fc = nn.Linear(dim, dim)  # built
            def forward(self, x):
                x = x.mean(-1, keepdim=True) * self.scale  # product
                return self.fc(x)
        """,
        {
            "built": ["self.fc is built here"],
            "product": ["dim + 1 is the size of the output of '*'"],
            "made": ["dim + 1 is the size of the Parameter that is made here"],
        },
    ),
    "both of two tensors": (
        """
        class Net(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.q = nn.Linear(10, dim)  # q
                self.k = nn.Linear(10, dim + 2)  # k
            def forward(self, x):
                q, k = self.q(x), self.k(x)  # called
                return q @ k.transpose(-1, -2)  # product
        """,
        {
            "q": ["self.q is built here"],
            "k": ["self.k is built here"],
            "called": [
                "dim is the size of the output of self.q",
                "dim + 2 is the size of the output of self.k",
            ],
            "product": ["dim + 2 is the size of the output of k.transpose"],
        },
    ),
    "a size that was put together": (
        """
        class Net(nn.Module):
            def __init__(self, heads, wide):
                super().__init__()
                self.heads = heads
                self.value = nn.Linear(10, wide)  # made
                self.out = nn.Linear(heads * wide, 10)  # built
            def forward(self, x):
                v = self.value(x)  # called
                return self.out(torch.cat([v, v], -1))  # put

        def build(heads, wide):
            return Net(heads, wide)
        """,
        {
            "built": ["self.out is built here"],
            "put": ["2*wide is the size of the output of torch.cat"],
            "made": ["self.value is built here"],
            "called": ["2*wide comes from the output of self.value"],
        },
    ),
}


@pytest.mark.parametrize("name", CLASSES)
def test_where_sizes_come_from(name: str) -> None:
    text, wanted = CLASSES[name]
    source = HEAD + textwrap.dedent(text)
    lines = source.splitlines()
    result = Linter(Config(preview=True)).lint("net.py", source.encode())
    (finding,) = [f for f in result.findings if f.code.startswith("LP4")]
    told: dict[str, list[str]] = {}
    for step in finding.trace:
        told.setdefault(lines[step.line - 1].partition("# ")[2], []).append(step.text)
    assert {mark: sorted(texts) for mark, texts in told.items()} == {
        mark: sorted(texts) for mark, texts in wanted.items()
    }
