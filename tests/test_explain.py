"""--shapes and --why: what they print is what torch says."""

from __future__ import annotations

import io
import json

import pytest
import torch
from torch import nn

from lint_params import shape_page
from lint_params.shape.output.tables import ClassTable, class_tables
from lint_params.shape.output.why import why_report

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


def table(name: str, source: str = SOURCE) -> ClassTable:
    return next(t for t in class_tables("net.py", source) if t.name == name)


def drawn(source: str, colour: bool = False) -> str:
    stream = io.StringIO()
    shape_page.draw("net.py", class_tables("net.py", source), stream, colour)
    return stream.getvalue()


@pytest.mark.parametrize("name", ["Block", "Net"])
def test_parameter_counts_at_the_defaults_are_torchs(name: str) -> None:
    assert table(name).parameters_at_defaults == sum(p.numel() for p in built()[name].parameters())


def test_modules_are_named_and_counted_as_torch_does() -> None:
    net = built()["Net"]
    rows = {row.name: row for module in table("Net").modules for _, row in module.walk()}
    ours = {name for name in rows if rows[name].type != "Parameter"}
    alike = {"blocks.0-1" if name == "blocks.0" else name for name, _ in net.named_modules() if name}
    assert ours == {name for name in alike if not name.startswith("blocks.1") and name.count("out_proj") == 0}
    assert rows["blocks.0-1"].repeats == 2
    assert rows["blocks.0.scale"].outputs == ("[dim]",)
    assert rows["head"].outputs == ("[size(-4), classes]",)
    assert rows["head"].parameters == "14*classes"
    assert rows["stem"].outputs[0].startswith("[size(-4), dim, ")
    assert net(torch.randn(2, 3, 16, 16)).shape == (2, 5)


OPEN = """
from torch import nn

class Stack(nn.Module):
    def __init__(self, depth, wide, dim=8):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(dim, dim) for _ in range(depth))
        self.last = nn.Linear(dim, 4 * dim) if wide else nn.Linear(dim, dim)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.last(x)
"""


def test_what_is_not_known_is_not_counted() -> None:
    """The depth is taken to be 2, and which of the last layers is built is open."""
    stack = table("Stack", OPEN)
    assert stack.arguments["depth"] == "" and stack.assumed == {"depth": 2}
    assert stack.parameters == "at least 2*dim + 2*dim**2"
    assert stack.parameters_at_defaults is None
    assert "at least 2*dim + 2*dim**2 parameters with depth = 2" in drawn(OPEN)


def test_plain_text_has_no_colours_and_no_padding() -> None:
    text = drawn(SOURCE)
    assert "Net(channels=3, dim=12, classes=5)  net.py:16" in text
    assert "  takes x: [size(-4), channels, size(-2), size(-1)]" in text
    assert "    0-1 ×2   Block (line 20)" in text
    assert "\x1b" not in text and not any(line.endswith(" ") for line in text.splitlines())
    assert "\x1b[" in drawn(SOURCE, colour=True)


def test_json_lists_every_module_with_its_depth() -> None:
    data = json.loads(shape_page.as_json("net.py", class_tables("net.py", SOURCE)))
    assert [c["name"] for c in data["classes"]] == ["Block", "Net"]
    rows = {row["name"]: row for row in data["classes"][1]["layers"]}
    assert rows["blocks.0.norm"]["depth"] == 2 and rows["rnn"]["layer"] == "LSTM"


BROKEN = SOURCE.replace("nn.Linear(14, classes", "nn.Linear(7, classes")


def test_why_says_what_was_refuted_proved_or_not_checked() -> None:
    line = SOURCE.splitlines().index("        return self.head(x.mean(1))") + 1
    assert "proved: self.head" in why_report("net.py", SOURCE, line)
    assert "refuted: self.head [linear-input-mismatch] needs 7, gets 14" in why_report("net.py", BROKEN, line)
    assert "nothing here is checked" in why_report("net.py", SOURCE, 2)
    data = json.loads(why_report("net.py", BROKEN, line, as_json=True))
    assert {o["verdict"] for o in data["obligations"]} == {"refuted"}
