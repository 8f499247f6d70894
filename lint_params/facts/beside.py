"""What the files next to a file of a package mention: others may use its classes."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts

#: More files than this around: somebody surely uses it, nobody has to look.
_MANY = 400


def is_mentioned_beside(facts: FileFacts, name: str) -> bool:
    """Whether another file of the same package, here or one folder up, has this word.

    False for a file that stands in no package: nobody imports it.
    """
    files = _around(facts)
    return len(files) > _MANY or any(True for _ in _mentioning(facts, files, name))


def is_used_beside(facts: FileFacts, name: str, within: Callable[[ast.AST], bool]) -> bool:
    """Whether one of these files uses the name inside a statement of the asked kind."""
    for source in _mentioning(facts, _around(facts)[:_MANY], name):
        try:
            tree = ast.parse(source or b"")
        except (SyntaxError, ValueError, RecursionError):
            continue
        for node in ast.walk(tree):
            if within(node) and any(
                getattr(one, "id", getattr(one, "attr", "")) == name for one in ast.walk(node)
            ):
                return True
    return False


def _around(facts: FileFacts) -> tuple[Path, ...]:
    if "." not in facts.source.module:
        return ()
    here = Path(facts.path).resolve().parent
    return _files(here) + (_files(here.parent) if _in_package(here) else ())


def _mentioning(facts: FileFacts, files: tuple[Path, ...], name: str) -> Iterator[bytes | None]:
    """The text of each other file that has the word; None where it cannot be read."""
    word = re.compile(rb"\b%s\b" % re.escape(name.encode()))
    here = Path(facts.path).resolve()
    for path in files:
        if path == here:
            continue
        try:
            source = path.read_bytes()
        except OSError:
            yield None
            continue
        if word.search(source):
            yield source


def _in_package(folder: Path) -> bool:
    return (folder.parent / "__init__.py").exists()


@lru_cache(maxsize=64)
def _files(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(folder.glob("*.py"))[: _MANY + 1])
