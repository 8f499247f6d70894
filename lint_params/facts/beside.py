"""What the files next to a file of a package mention: others may use its classes."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lint_params.folders import MANY, Folder

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts


def is_mentioned_beside(facts: FileFacts, name: str) -> bool:
    """Whether another file of the same package, here or one folder up, has this word.

    False for a file that stands in no package: nobody imports it.
    """
    folders = _around(facts)
    # More files than that: somebody surely uses it, nobody has to look.
    many = sum(len(folder.files) for folder in folders) > MANY
    return many or any(True for _ in _mentioning(facts, folders, name))


def is_used_beside(facts: FileFacts, name: str, within: Callable[[ast.AST], bool]) -> bool:
    """Whether one of these files uses the name inside a statement of the asked kind."""
    for source in _mentioning(facts, _around(facts), name):
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


def _around(facts: FileFacts) -> list[Folder]:
    if "." not in facts.source.module:
        return []
    here = Path(facts.path).resolve().parent
    folders = [here, here.parent] if _in_package(here) else [here]
    return [facts.project.folder(folder, facts.source) for folder in folders]


def _mentioning(facts: FileFacts, folders: list[Folder], name: str) -> Iterator[bytes | None]:
    """The text of each other file that has the word; None where it cannot be read."""
    word = re.compile(rb"\b%s\b" % re.escape(name.encode()))
    here = Path(facts.path).resolve()
    files = [(folder, path) for folder in folders for path in folder.files]
    for folder, path in files[:MANY]:
        if path == here:
            continue
        source = folder.text(path)
        if source is None or word.search(source):
            yield source


def _in_package(folder: Path) -> bool:
    return (folder.parent / "__init__.py").exists()
