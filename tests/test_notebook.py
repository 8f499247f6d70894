"""Notebooks: lines that only IPython reads, values that a cell shows, places in terms of a cell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import lint_params
from lint_params.rule import Finding
from lint_params.source import read

HEAD = "import torch\nfrom torch import nn\n"


def lint(folder: Path, *cells: str) -> list[Finding]:
    book = folder / "book.ipynb"
    raw = [{"cell_type": "code", "source": cell} for cell in cells]
    book.write_text(json.dumps({"cells": raw, "metadata": {}}))
    return list(lint_params.lint([str(book)]))


@pytest.mark.parametrize(
    ("cell", "read_as"),
    [
        ("x = 1  # is it?\ny = 2", "x = 1  # is it?\ny = 2\n"),
        ("if x:\n    !pip install \\\n      a b\ny = 2\n", "if x:\n    pass\n\ny = 2\n"),
        ("  x = 1\n  y = 2\n", "x = 1\ny = 2\n"),
        ("files = !ls -l\nhere = %pwd\n", "files = get_ipython()\nhere = get_ipython()\n"),
        ("nn.Linear?\n?nn.Linear\nnn.Linear??\n", "pass\npass\npass\n"),
        ("x = (a\n     % b)\n", "x = (a\n     % b)\n"),
        ("x = a != b\n", "x = a != b\n"),
        ("pip install -q timm\nls ./data/\nrm -rf data\n", "pass\npass\npass\n"),
        ("ls = 1\ncat in ls\ncat - ls\nrm(x)\n", "ls = 1\ncat in ls\ncat - ls\nrm(x)\n"),
        ("%%bash\nls\n", "\n"),
        ("%%time\nx = 1\n", "pass\nx = 1\n"),
    ],
)
def test_lines_of_ipython(cell: str, read_as: str) -> None:
    raw = json.dumps({"cells": [{"cell_type": "code", "source": cell}]}).encode()
    assert read("book.ipynb", raw).text == read_as


def test_shown_values_are_not_dropped(tmp_path: Path) -> None:
    assert lint(tmp_path, HEAD + "a = torch.ones(2, 3)", "a.t()", "b = 1\na.sum(dim=1)\n\n# and so on\n") == []
    every = "InteractiveShell.ast_node_interactivity = 'all'\n"
    assert lint(tmp_path, HEAD + every + "a = torch.ones(2, 3)", "a.t()\na.sum(dim=1)") == []


def test_dropped_values_are_reported(tmp_path: Path) -> None:
    found = lint(tmp_path, HEAD + "a = torch.ones(2, 3)", "a.t()\nprint(a)", "'é'; a.t();", "if 1:\n    a.t()")
    assert [(f.path.rpartition("cell ")[2], f.place.line, f.place.column, f.code) for f in found] == [
        ("2", 1, 1, "LP208"),
        ("3", 1, 6, "LP208"),
        ("4", 2, 5, "LP208"),
    ]


def test_what_stands_below_is_not_known_yet(tmp_path: Path) -> None:
    cells = (HEAD + "model = nn.Linear(3, 3)", "model(x)", "x = torch.ones(2, 4)")
    assert lint(tmp_path, *cells) == []
    assert [f.code for f in lint(tmp_path, *cells, "model(x)")] == ["LP401"]


def test_messages_name_cells(tmp_path: Path) -> None:
    [found] = lint(tmp_path, HEAD + "\nmodel = nn.Linear(3, 3)", "x = torch.ones(2, 4)\nmodel(x)")
    assert found.message == "model takes 3 features (cell 1, line 4) but gets 4, the output of torch.ones (line 1)"
    assert [step.text for step in found.trace][0] == "(cell 1) model is built here"
