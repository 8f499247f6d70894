"""The models among the fixtures are real: torch runs the sound ones and refuses the others."""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch

FIXTURES = Path(__file__).parent.parent / "fixtures"
FILES = [
    path
    for folder in ("seeds", "shapes", "models")
    for path in sorted((FIXTURES / folder).rglob("*.py"))
]
TWINS = sorted((FIXTURES / "shapes").glob("*.py"))
_WANT = re.compile(r"\s*# (?:want|known-miss|known-noise): .*")
_NOT_A_SHAPE = (NameError, ImportError, SyntaxError, AttributeError)


def _run_block(page: str) -> str:
    found = re.search(r"^Run::\n((?:\n|[ ]+.*\n?)+)", page, re.MULTILINE)
    return textwrap.dedent(found[1]) if found else ""


def _says(page: str) -> str:
    found = re.search(r"^Says: (.+(?:\n(?!\n).+)*)", page, re.MULTILINE)
    return " ".join(found[1].split()) if found else ""


def _page(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


def _execute(path: Path) -> None:
    """The file, as a script, and then its Run block."""
    torch.manual_seed(0)
    names: dict[str, Any] = {"__name__": "__main__", "__file__": str(path)}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)
    exec(compile(_run_block(_page(path)), f"{path}, Run", "exec"), names)


@pytest.mark.parametrize(
    "path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_torch_agrees(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(path.parent))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        if not _says(_page(path)) and not path.stem.endswith("_buggy"):
            _execute(path)
            return
        with pytest.raises(Exception) as raised:
            _execute(path)
    finally:
        torch.set_num_threads(threads)
    assert not isinstance(raised.value, _NOT_A_SHAPE), raised.value
    assert _says(_page(path)) in " ".join(str(raised.value).split())


def test_folders_are_not_empty() -> None:
    assert {path.parent.name for path in FILES} >= {"seeds", "shapes", "models"}


@pytest.mark.parametrize("path", TWINS, ids=lambda path: path.stem)
def test_twins_differ_little(path: Path) -> None:
    """Both twins exist, and most of their lines are the same."""
    name, _, which = path.stem.rpartition("_")
    assert which in ("buggy", "fixed")
    other = path.with_name(f"{name}_{'fixed' if which == 'buggy' else 'buggy'}.py")
    assert other.exists()
    mine, theirs = (
        [
            _WANT.sub("", line)
            for line in twin.read_text(encoding="utf-8").split('"""', 2)[2].splitlines()
        ]
        for twin in (path, other)
    )
    changed = len(set(mine) ^ set(theirs))
    assert 0 < changed <= 8


@pytest.mark.parametrize(
    "path",
    [*FIXTURES.glob("models/clean_*.py"), *FIXTURES.glob("shapes/*_fixed.py")],
    ids=lambda path: path.stem,
)
def test_sound_ones_are_run(path: Path) -> None:
    """A file that runs nothing proves nothing."""
    text = path.read_text(encoding="utf-8")
    assert _run_block(_page(path)).strip() or "__main__" in text
