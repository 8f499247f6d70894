"""The models among the fixtures are real: torch runs the sound ones and refuses the others."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import torch
from support import FIXTURES, execute, says, section

FILES = [
    path
    for folder in ("seeds", "shapes", "models")
    for path in sorted((FIXTURES / folder).rglob("*.py"))
]
TWINS = sorted((FIXTURES / "shapes").glob("*.py"))
_WANT = re.compile(r"\s*# (?:want|known-miss|known-noise): .*")
_NOT_A_SHAPE = (NameError, ImportError, SyntaxError, AttributeError)


def _page(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


@pytest.mark.parametrize(
    "path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_torch_agrees(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(path.parent))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        if not says(_page(path)) and not path.stem.endswith("_buggy"):
            execute(path)
            return
        with pytest.raises(Exception) as raised:
            execute(path)
    finally:
        torch.set_num_threads(threads)
    assert not isinstance(raised.value, _NOT_A_SHAPE), raised.value
    assert says(_page(path)) in " ".join(str(raised.value).split())


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
    assert section(_page(path), "Run") or "__main__" in text
