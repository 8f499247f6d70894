"""Each form of the tool in tests/forms on one small model: it changes the text, torch refuses it as
the original, and the linter says the same of it: the mistake on its own line, nothing of the twin.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT

HERE = ROOT / "tests" / "forms"
sys.path.insert(0, str(HERE))

from forms import execute, rewritten  # noqa: E402
from judging import Variant, compare, lint, linter_for, tables  # noqa: E402
from sets import Source  # noqa: E402
from variant import FORMS, ORIGIN  # noqa: E402

MODEL = '''
import torch
import torch.nn as nn
import torch.nn.functional as F

STEPS = 2


def gate(x, scale):
    return torch.sigmoid(x @ scale.permute(1, 0))


class Block(nn.Module):
    def __init__(self, dim, hidden=24):
        super().__init__()
        self.hidden = hidden
        self.net = nn.Sequential(nn.Linear(dim, 24), nn.ReLU(), nn.Linear(WIDTH, dim))

    def forward(self, x):
        x = self.net(x)
        return x * torch.ones(1, 1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(6, out_features=8)
        self.scale = nn.Parameter(torch.zeros(8, 8))
        self.blocks = nn.ModuleList([Block(8) for _ in range(STEPS)])
        self.out = nn.Linear(16, 3)

    def forward(self, x):
        x = F.relu(self.embed(x))
        kept = x.unsqueeze(1)
        for block in self.blocks:
            x = x + block(x)
        x = torch.cat([x * gate(x, self.scale), kept.flatten(1)], dim=-1)
        x = x.view(x.size(0), -1).reshape(x.shape[0], 16)
        return self.out(torch.tanh(x))


def main():
    torch.manual_seed(0)
    net = Net()
    return net(torch.randn(2, 6)).sum()


if __name__ == "__main__":
    print(main())
'''
WRONG = Source("test", "wrong", True, MODEL.replace("WIDTH", "20"), "model", run="")
SOUND = Source("test", "sound", False, MODEL.replace("WIDTH", "24"), "model", run="")


def _origin(source: Source) -> Variant:
    origin = rewritten(source, ORIGIN)
    assert origin is not None
    return origin


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Variant]:
    """Every form of both sources that finds something to change, linted; the wrong ones also run."""
    folder, found = tmp_path_factory.mktemp("forms"), []
    for source in (WRONG, SOUND):
        origin, linter = _origin(source), linter_for(source)
        lint(origin, linter, folder)
        for name in FORMS:
            variant = rewritten(source, name)
            if variant is not None and name != ORIGIN:
                variant.origin = origin
                lint(variant, linter, folder)
                compare(variant)
                found.append(variant)
    wrong = [row for row in found if row.source.wrong]
    execute([*{row.origin.id: row.origin for row in wrong if row.origin is not None}.values(), *wrong], folder)
    return found


def test_most_forms_apply(rows: list[Variant]) -> None:
    assert len({row.name for row in rows}) > 0.9 * len(FORMS)


def test_each_form_changes_the_text(rows: list[Variant]) -> None:
    assert [row.name for row in rows if row.origin is not None and row.files == row.origin.files] == []


def test_each_form_means_the_same(rows: list[Variant]) -> None:
    """The wrong one fails as it did, to the letter."""
    said = {row.outcome for row in rows if row.source.wrong}
    assert said == {"RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x24 and 20x8)"}
    assert all(row.means_the_same for row in rows)


def test_the_linter_says_the_same(rows: list[Variant]) -> None:
    assert [(row.name, row.lost, row.new) for row in rows if row.lost or row.new] == []
    assert all(row.origin is not None and len(row.origin.findings) == row.source.wrong for row in rows)


def test_lines_are_those_of_the_original(tmp_path: Path) -> None:
    variant = rewritten(WRONG, "number_in_local")
    assert variant is not None
    lint(variant, linter_for(WRONG), tmp_path)
    line = next(i for i, text in enumerate(WRONG.text.splitlines(), 1) if "nn.Linear(20" in text)
    assert [line in found.lines for found in variant.findings] == [True]


def test_what_is_lost_and_new_is_counted(tmp_path: Path) -> None:
    origin, other = _origin(WRONG), rewritten(SOUND, ORIGIN)
    assert other is not None
    lint(origin, linter_for(WRONG), tmp_path)
    other.origin = origin
    compare(other)
    assert [found.code for found in other.lost] == ["LP401"]
    assert "LP401 1 of 1" in tables([other])


def test_the_command() -> None:
    """One form over the fixtures of one rule."""
    command = [sys.executable, str(HERE / "forms.py"), "--form", "torch_as_th", "--only", "pages/linear", "--run", "all"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "torch_as_th" in said and said.splitlines()[-1].startswith("LP401 0 of 1")
