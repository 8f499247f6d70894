"""The comparison itself: what agrees, what is only known in part, and that a wrong shape shows."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
pytest.importorskip("torch")

import inferred
import real
from agreement import compared

from lint_params.project import Project
from lint_params.verify.made_up.source_facts import FileView
from lint_params.verify.run.watch import Watch

SOURCE = '''
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, dim, depth):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(dim, dim) for _ in range(depth)])
        self.head = nn.Sequential(nn.Linear(dim, 3 * dim), nn.Linear(3 * dim, 7))

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.head(x)
'''


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    path = tmp_path_factory.mktemp("agreement") / "block_of_agreement.py"
    path.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    seen = real.run(module.Block, FileView(module, ast.parse(SOURCE)), Watch(str(path), SOURCE))
    assert seen is not None
    project = Project()
    file = project.load(path)
    assert file is not None
    given = list(zip(seen.given.names, seen.given.args))
    return seen, inferred.run(project, file, "Block", seen.arguments, given)


def test_every_layer_agrees(both: tuple[Any, Any]) -> None:
    seen, told = both
    verdicts = {name: verdict for verdict, name, _ in compared(seen, told)}
    assert set(verdicts) == {"layers.0", "layers.1", "head.0", "head.1"}
    assert "contradicted" not in verdicts.values() and not told.refuted
    assert Counter(verdicts.values())["unknown"] == 0


def test_the_sizes_are_symbols(both: tuple[Any, Any]) -> None:
    _, told = both
    ((dims, _),) = told.outputs["head.0"]
    assert str(dims[-1]) == "3*dim" and told.number(dims[-1]) == 48


def test_a_wrong_shape_contradicts(both: tuple[Any, Any]) -> None:
    seen, told = both
    ((*front, last),) = seen.outputs["head.1"]
    wrong = real.Seen(seen.arguments, seen.given, {"head.1": [(*front, last + 1)]})
    assert [verdict for verdict, _, _ in compared(wrong, told)] == ["contradicted"]
