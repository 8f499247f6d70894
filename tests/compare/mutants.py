"""Mutants of released classes, as tests/mutants writes them, each in a copy of its library.

A mutant lies beside its original, under a name of its own, so that its imports are found and one
run of a tool reads them all.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from compare.pairs import Pair


def mutants(folder: Path, count: int) -> list[Pair]:
    """So many of them, the same ones for the same mutants."""
    found = sorted(folder.glob("*/*/meta.json"), key=lambda path: hashlib.sha1(path.parent.name.encode()).digest())
    return [_pair(path.parent, json.loads(path.read_text(encoding="utf-8"))) for path in found[:count]]


def _pair(folder: Path, meta: dict[str, object]) -> Pair:
    package = _package(meta)
    place = Path(str(meta["path"])).relative_to(package.parent)
    lines = [*meta["lines"], *meta["related"], *meta["raised"]]  # type: ignore[misc]
    buggy, fixed = ((folder / name).read_text(encoding="utf-8") for name in ("mutant.py", "original.py"))
    group = "mutants-shape" if meta["kind"] == "shape" else "mutants"
    name = str(place.with_name(f"{place.stem}_{folder.name}"))
    return Pair(group, name, buggy, fixed, frozenset(lines), str(place), package)


def _package(meta: dict[str, object]) -> Path:
    """The folder of the library below the one that imports search."""
    path = Path(str(meta["path"]))
    return next(up for up in path.parents if not (up.parent / "__init__.py").exists())


def packages(pairs: Sequence[Pair]) -> Iterator[Path]:
    yield from sorted({pair.package for pair in pairs if pair.package is not None})


def copied(package: Path, folder: Path) -> None:
    """A library's sources, and nothing else of it."""
    for path in package.rglob("*.py"):
        target = folder / path.relative_to(package.parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
