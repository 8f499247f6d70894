"""Mistakes of the kind that the sweep found in released libraries, written anew and executed.

Each of them is reported on the marked line, and torch does what the finding says.
"""

from __future__ import annotations

import textwrap
from typing import Any

import pytest
import torch

from lint_params.config import Config
from lint_params.runner import Linter

HEADER = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n\n"


def found(code: str) -> list[tuple[int, str]]:
    result = Linter(Config()).lint("mistake.py", code.encode())
    assert result.crashes == []
    return [(finding.place.line, finding.code) for finding in result.findings]


def checked(body: str) -> dict[str, Any]:
    """The namespace of a source whose marked lines, and no others, are reported."""
    code = HEADER + textwrap.dedent(body)
    lines = code.splitlines()
    wanted = [(n, line.split("# want ")[1]) for n, line in enumerate(lines, 1) if "# want " in line]
    assert wanted and found(code) == wanted
    names: dict[str, Any] = {}
    exec(compile(code, "mistake.py", "exec"), names)  # noqa: S102
    return names


def test_one_row_of_a_joint_weight_instead_of_the_rest() -> None:
    names = checked(
        """
        class Attention(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.dim = dim
                self.joint = nn.Conv2d(dim, 1 + 2 * dim, 1)

            def forward(self, x):
                value = F.conv2d(x, weight=self.joint.weight[self.dim + 1])  # want LP408
                return value
        """
    )
    with pytest.raises(RuntimeError, match="expected stride"):
        names["Attention"](4)(torch.randn(2, 4, 8, 8))


def test_heads_in_a_dimension_of_their_own_before_bmm() -> None:
    names = checked(
        """
        class Attention(nn.Module):
            def __init__(self, dim, heads):
                super().__init__()
                self.heads = heads
                self.qkv = nn.Linear(dim, 3 * dim)

            def forward(self, x):
                n, length, width = x.shape
                q, k, v = self.qkv(x).chunk(3, dim=-1)
                q = q.reshape(n, length, self.heads, -1).transpose(1, 2)
                k = k.reshape(n, length, self.heads, -1).transpose(1, 2)
                return torch.bmm(q, k.transpose(-1, -2))  # want LP408
        """
    )
    with pytest.raises(RuntimeError, match="3D tensor"):
        names["Attention"](8, 2)(torch.randn(2, 5, 8))


def test_a_bias_filled_in_place() -> None:
    names = checked(
        """
        class Positions(nn.Module):
            def __init__(self, heads, dim, random=False):
                super().__init__()
                self.shift = nn.Parameter(torch.zeros(heads, dim))
                if random:
                    self.shift.uniform_(-1.0, 0.0)  # want LP205

            def forward(self, x):
                return x + self.shift
        """
    )
    names["Positions"](2, 3)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        names["Positions"](2, 3, random=True)


def test_the_operation_of_the_sister_class() -> None:
    names = checked(
        """
        class Conv(nn.Module):
            def __init__(self, channels, side):
                super().__init__()
                self.weight = nn.Parameter(torch.randn(channels, channels, side, side))

            def forward(self, x):
                return F.conv1d(x, self.weight)  # want LP408
        """
    )
    for shape in ((2, 4, 8), (2, 4, 8, 8)):
        with pytest.raises(RuntimeError):
            names["Conv"](4, 3)(torch.randn(*shape))


def test_freezing_a_module_by_an_attribute() -> None:
    names = checked(
        """
        class Adapted(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.trunk = nn.Linear(dim, dim)
                self.trunk.requires_grad = False  # want LP602
                self.down = nn.Linear(dim, 2)

            def forward(self, x):
                return self.down(self.trunk(x))
        """
    )
    model = names["Adapted"](4)
    model(torch.randn(2, 4)).sum().backward()
    assert model.trunk.weight.grad is not None


def test_a_misspelt_flag() -> None:
    names = checked(
        """
        class Slope(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.slope = nn.Parameter(torch.ones(dim))
                self.slope.requiresGrad = False  # want LP607

            def forward(self, x):
                return torch.sigmoid(self.slope * x)
        """
    )
    assert names["Slope"](3).slope.requires_grad


def test_dropout_whose_result_is_dropped() -> None:
    names = checked(
        """
        class Head(nn.Module):
            def __init__(self, dim, rate):
                super().__init__()
                self.rate = rate
                self.fc = nn.Linear(dim, 2)

            def forward(self, x):
                F.dropout(x, self.rate, training=self.training)  # want LP208
                return self.fc(x)
        """
    )
    model, x = names["Head"](4, 0.9).train(), torch.randn(2, 4)
    assert torch.equal(model(x), model(x))


def test_a_convolution_made_in_forward() -> None:
    names = checked(
        """
        class Mixer(nn.Module):
            def __init__(self, channels):
                super().__init__()
                self.channels = channels
                self.fc = nn.Linear(4, 4)

            def forward(self, x):
                return self.fc(self.coarse(x))

            def coarse(self, x):
                pool = nn.Conv1d(self.channels, self.channels, 3, stride=2)  # want LP307
                return pool(x)
        """
    )
    model, x = names["Mixer"](3), torch.randn(2, 3, 9)
    assert not torch.equal(model(x), model(x))


def test_a_method_that_was_left_behind() -> None:
    names = checked(
        """
        class Decoder(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.fc = nn.Linear(dim, dim)

            def forward(self, x, state=None):
                if state is not None:
                    x = x + self.read_state(state)  # want LP312
                return self.fc(x)
        """
    )
    names["Decoder"](3)(torch.randn(2, 3))
    with pytest.raises(AttributeError, match="read_state"):
        names["Decoder"](3)(torch.randn(2, 3), {})


def test_a_table_that_nothing_fills() -> None:
    names = checked(
        """
        class Text(nn.Module):
            def __init__(self, length, width):
                super().__init__()
                self.positions = nn.Parameter(torch.empty(length, width))  # want LP104
                self.fc = nn.Linear(width, width)

            def forward(self, x):
                return self.fc(x + self.positions)
        """
    )
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)  # torch then writes NaN into new memory
    try:
        model = names["Text"](3, 4)
    finally:
        torch.use_deterministic_algorithms(before)
    assert model.positions.isnan().all() and not model.fc.weight.isnan().any()
