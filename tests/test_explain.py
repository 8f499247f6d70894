"""--shapes and --why: what they print is what torch says."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from lint_params.shape.explain import shape_tables, shapes_report, why_report

SOURCE = '''
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self, dim=12, heads=3):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.attn = nn.MultiheadAttention(dim, heads, batch_first=True)
        self.scale = nn.Parameter(torch.ones(dim))

    def forward(self, x):
        h = self.norm(x)
        return x + self.scale * self.attn(h, h, h)[0]

class Net(nn.Module):
    def __init__(self, channels=3, dim=12, classes=5):
        super().__init__()
        self.stem = nn.Conv2d(channels, dim, 4, stride=4)
        self.blocks = nn.Sequential(Block(dim), Block(dim))
        self.rnn = nn.LSTM(dim, 7, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(14, classes, bias=False)

    def forward(self, x):
        x = self.stem(x).flatten(2).transpose(1, 2)
        x, _ = self.rnn(self.blocks(x))
        return self.head(x.mean(1))
'''


def built() -> dict[str, nn.Module]:
    scope: dict[str, object] = {}
    exec(SOURCE, scope)
    return {name: scope[name]() for name in ("Block", "Net")}  # type: ignore[operator]


@pytest.mark.parametrize("name", ["Block", "Net"])
def test_parameter_counts_at_the_defaults_are_torchs(name: str) -> None:
    table = next(t for t in shape_tables("net.py", SOURCE) if t.name == name)
    assert table.parameters_at_defaults == sum(p.numel() for p in built()[name].parameters())


def test_layers_are_listed_with_their_outputs_in_symbols() -> None:
    rows = {r.name: r for t in shape_tables("net.py", SOURCE) if t.name == "Net" for r in t.layers}
    assert rows["head"].output == "[size(-4), classes]"
    assert rows["head"].parameters == "14*classes"
    assert rows["stem"].output.startswith("[size(-4), dim, ")
    assert built()["Net"](torch.randn(2, 3, 16, 16)).shape == (2, 5)


def test_the_report_is_plain_text_or_json() -> None:
    text = shapes_report("net.py", SOURCE)
    assert "Net(channels, dim, classes)  net.py:16" in text
    data = json.loads(shapes_report("net.py", SOURCE, as_json=True))
    assert [c["name"] for c in data["classes"]] == ["Block", "Net"]


BROKEN = SOURCE.replace("nn.Linear(14, classes", "nn.Linear(7, classes")


def test_why_says_what_was_refuted_proved_or_not_checked() -> None:
    line = SOURCE.splitlines().index("        return self.head(x.mean(1))") + 1
    assert "proved: self.head" in why_report("net.py", SOURCE, line)
    assert "refuted: self.head [linear-input-mismatch] needs 7, gets 14" in why_report("net.py", BROKEN, line)
    assert "nothing here is checked" in why_report("net.py", SOURCE, 2)
    data = json.loads(why_report("net.py", BROKEN, line, as_json=True))
    assert {o["verdict"] for o in data["obligations"]} == {"refuted"}
