"""Each operator of the mutation tool on one small model: torch fails or the effect shows.

What is no mistake (a comment, a renamed local, a check of the file's own) is judged so as well.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import ROOT

HERE = ROOT / "tests" / "mutants"
sys.path.insert(0, str(HERE))

import declaration  # noqa: E402, F401
import mutation  # noqa: E402, F401
import registration  # noqa: E402, F401
import shapes  # noqa: E402, F401
from edits import OPERATORS, Mutant, classes, mutants  # noqa: E402

MODEL = '''
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(12, 12)

    def forward(self, x):
        return x + self.fc(x)


class Net(nn.Module):
    """A bit of everything."""

    def __init__(self, dim=12, hidden=20, heads=2):
        super().__init__()
        self.heads = heads
        self.table = nn.Embedding(30, dim)
        self.other = nn.Embedding(30, dim)
        self.up = nn.Linear(dim, hidden * heads)
        self.down = nn.Linear(hidden * heads, dim)
        self.out = nn.Linear(dim, hidden)
        self.back = nn.Linear(hidden, dim)
        self.join = nn.Linear(dim * 2, dim)
        self.qkv = nn.Linear(dim, dim * 3)
        self.conv = nn.Conv2d(3, dim, 1)
        self.group = nn.GroupNorm(4, dim)
        self.norm = nn.LayerNorm(dim)
        self.scale = nn.Parameter(torch.ones(1, dim))
        self.mix = nn.Parameter(torch.zeros(dim, hidden))
        nn.init.normal_(self.mix)
        self.gain = nn.Parameter(torch.ones(1))
        self.steps = nn.ParameterList([nn.Parameter(torch.zeros(dim))])
        self.blocks = nn.ModuleList([Block() for _ in range(2)])
        self.heads_by_name = nn.ModuleDict({"a": nn.Linear(dim, dim)})
        self.register_buffer("shift", torch.zeros(dim))

    def forward(self, x, image):
        ids = x.argmax(-1)
        x = self.norm(x) * self.scale + self.shift + self.steps[0]
        x = x + self.table(ids % 30) + self.other(ids % 30)
        y = self.group(self.conv(image))
        y = y.mean(dim=(2, 3))
        y = y.unsqueeze(1)
        x = self.join(torch.cat([x, y.expand(-1, x.shape[1], -1)], dim=-1))
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        x = (q @ k.transpose(-2, -1)) @ v
        x = self.up(x)
        x = self.down(x) * self.gain
        x = self.back(self.out(x))
        x = (x @ self.mix) @ self.mix.t()
        n, length, width = x.shape
        x = x.view(n, length, self.heads, width // self.heads).flatten(2)
        for block in self.blocks:
            x = block(x)
        return self.heads_by_name["a"](x)


def main(net):
    return net(torch.randn(2, 5, 12), torch.randn(2, 3, 4, 4))
'''


def torch_side(folder: Path, path: Path, wanted: Any) -> tuple[list[dict[str, Any]], str]:
    """What torch says of the wanted mutants of a file, or of its classes, and the complaints."""
    request, answers = folder / "request.json", folder / "answers.jsonl"
    request.write_text(json.dumps({"files": [str(path)], "roots": [], "wanted": wanted}))
    done = subprocess.run(
        [sys.executable, str(HERE / "torch_side.py"), str(request), str(answers)],
        env={**os.environ, "PYTHONPATH": str(folder)},
        check=True,
        stderr=subprocess.PIPE,
        text=True,
    )
    return [json.loads(line) for line in answers.read_text(encoding="utf-8").splitlines()], done.stderr


def _wanted() -> dict[str, Mutant]:
    subject = next(s for s in classes(MODEL) if s.node.name == "Net")
    return {f"{m.mistake}/{i}": m for i, m in enumerate(mutants(subject))}


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """What torch made of every mutant, and of three changes that are no mistakes."""
    folder = tmp_path_factory.mktemp("mutants")
    path = folder / "small_net.py"
    path.write_text(MODEL, encoding="utf-8")
    harmless = {
        "comment": MODEL + "# nothing\n",
        "own check": MODEL.replace("        ids =", "        assert False\n        ids ="),
        "missing name": MODEL.replace("        ids =", "        missing\n        ids ="),
    }
    rows = [{"id": key, **vars(m)} for key, m in _wanted().items()]
    rows += [
        {"id": key, "text": text, "script": "", "effects": ["fewer", "other output"]}
        for key, text in harmless.items()
    ]
    root = json.dumps(
        {
            "model": "import_('small_net').Net()",
            "inputs": "torch.randn(2, 5, 12), torch.randn(2, 3, 4, 4)",
        }
    )
    said, _ = torch_side(folder, path, {root: {f"{path}::Net": rows}})
    return {row["id"]: row for row in said}


@pytest.mark.parametrize("mistake", sorted({operator.mistake for operator in OPERATORS}))
def test_an_operator_makes_a_mistake_that_shows(
    mistake: str, judged: dict[str, dict[str, object]]
) -> None:
    rows = [row for key, row in judged.items() if key.startswith(f"{mistake}/")]
    assert rows, "proposes nothing for the small model"
    assert any(row["valid"] for row in rows), rows


def test_classes_are_built_from_made_up_arguments(tmp_path: Path) -> None:
    path = tmp_path / "made_up_net.py"
    path.write_text(MODEL.partition("def main")[0], encoding="utf-8")
    rows, complaints = torch_side(tmp_path, path, None)
    assert complaints == ""
    assert {"Block": True, "Net": True} == {row["class"].partition("::")[2]: row["runs"] for row in rows}


HELD = '''
import torch
from torch import nn


class Scale(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x):
        return x * self.weight


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = Scale(4)
        self.apply(self.fill)

    def fill(self, module):
        if "Scale" in module.__class__.__name__:
            nn.init.ones_(module.weight)

    def forward(self, x):
        return self.scale(x)
'''


@pytest.mark.parametrize("filled", [True, False])
def test_what_the_model_fills_is_no_mistake(filled: bool, tmp_path: Path) -> None:
    path = tmp_path / f"held_{filled}.py"
    model = HELD if filled else HELD.replace("        self.apply(self.fill)\n", "")
    path.write_text(model, encoding="utf-8")
    text = model.replace("torch.ones(dim)", "torch.empty(dim)")
    row = {"id": "one", "text": text, "script": "", "effects": ["unwritten"], "kind": "declaration"}
    root = json.dumps({"model": f"import_('held_{filled}').Net()", "inputs": "torch.randn(2, 4)"})
    ((answer,), _) = torch_side(tmp_path, path, {root: {f"{path}::Scale": [row]}})
    assert answer["valid"] is not filled, answer


REGISTRY = '''
import torch
from torch import nn

KNOWN = {}


def register(function):
    if function.__name__ in KNOWN:
        raise ValueError(f"an entry is registered under {function.__name__!r}")
    KNOWN[function.__name__] = function
    return function


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.Linear(3, 4)
        self.down = nn.Linear(4, 3)

    def forward(self, x):
        return self.down(self.up(x))


@register
def net():
    return Net()
'''


def test_a_registry_may_be_filled_once_more(tmp_path: Path) -> None:
    files = {"__init__": "", "table": REGISTRY.partition("class")[0], "nets": ""}
    files["nets"] = "from .table import register\n" + REGISTRY.replace(files["table"], "import torch\nfrom torch import nn\n\n\n")
    (tmp_path / "nets_by_name").mkdir()
    for name, text in files.items():
        (tmp_path / "nets_by_name" / f"{name}.py").write_text(text, encoding="utf-8")
    path = tmp_path / "nets_by_name" / "nets.py"
    text = files["nets"].replace("Linear(4, 3)", "Linear(5, 3)")
    row = {"id": "one", "text": text, "script": "", "effects": [], "kind": "shape"}
    root = json.dumps({"model": "import_('nets_by_name.nets').Net()", "inputs": "torch.randn(2, 3)"})
    ((said,), _) = torch_side(tmp_path, path, {root: {f"{path}::Net": [row]}})
    assert said["valid"] and "mat1 and mat2" in said["how"], said


@pytest.mark.parametrize("change", ["comment", "own check", "missing name"])
def test_what_is_no_mistake_of_these_kinds_does_not_count(
    change: str, judged: dict[str, dict[str, object]]
) -> None:
    assert judged[change]["valid"] is False


def test_changed_lines_are_known() -> None:
    for made in _wanted().values():
        old, new = MODEL.splitlines(), made.text.splitlines()
        removed = made.mistake.startswith(("super init removed", "name", "layer left"))
        changed = {new.index(line) + 1 for line in new if line not in old}
        assert removed or changed <= {*made.lines, *made.related}, made.mistake


def test_a_sample_is_the_same_for_the_same_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(HERE.parent / "sweep"))
    from mutants import sample

    rows = [(name, number) for name in "abc" for number in range(20)]
    first = sample(list(rows), 9, 3, lambda row: row[0])
    assert first == sample(list(rows), 9, 3, lambda row: row[0])
    assert first != sample(list(rows), 9, 4, lambda row: row[0])
    assert [name for name, _ in first] == list("abc" * 3)


FILLED_BY_THE_MODEL = '''
import torch
from torch import nn


class Scale(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(dim))
        self.beta = nn.Parameter(torch.zeros(dim))


def _init_weights(module):
    if isinstance(module, Scale):
        module.gamma.data.fill_(1.0)
'''


def test_what_the_whole_model_fills_is_no_mistake() -> None:
    subject, = classes(FILLED_BY_THE_MODEL)
    removed = [m for m in mutants(subject) if m.mistake == "init removed"]
    assert ["self.beta" in m.text.splitlines()[m.lines[0] - 1] for m in removed] == [True]


def test_what_goes_over_all_parameters_of_the_class_fills_it() -> None:
    fills = """
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = Scale()
        for m in self.modules():
            if isinstance(m, {kind}):
                for p in m.parameters():
                    nn.init.ones_(p)
"""
    changed = {
        kind: [m.mistake for subject in classes(FILLED_BY_THE_MODEL + fills.format(kind=kind)) for m in mutants(subject)]
        for kind in ("Scale", "nn.Linear")
    }
    assert "init removed" not in changed["Scale"]
    assert "init removed" in changed["nn.Linear"]
