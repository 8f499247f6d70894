"""What the files next to a file of a package mention: others may use its classes."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lint_params.folders import MANY, Folder, mentioning
from lint_params.trees import last_name, parsed

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts


def may_use_beside(facts: FileFacts, name: str) -> bool:
    """Whether another file of the same package, here or one folder up, may use this file's class
    of that name; one that makes a class of that name, or imports it from a third file, does not.

    False for a file that stands in no package: nobody imports it.
    """
    folders = _around(facts)
    # More files than that: somebody surely uses it, nobody has to look.
    if sum(len(folder.files) for folder in folders) > MANY:
        return True
    stems = {path.stem for folder in folders for path in folder.files} - {Path(facts.path).stem, "__init__"}
    return any(_may_mean(source, name, stems) for source in _mentioning(facts, folders, name))


def importers(facts: FileFacts) -> Iterator[ast.Module]:
    """The scripts that import a file and speak of a class of it: beside it or, if it stands in a
    package, beside that."""
    folder, wanted = Path(facts.path).resolve().parent, Path(facts.path).stem
    if "." in facts.source.module:
        wanted = facts.source.module.partition(".")[0]
        while (folder / "__init__.py").exists():
            folder = folder.parent
    names = {cls.name for cls in facts.classes}
    around = [facts.project.folder(folder, facts.source)]
    for source in _mentioning(facts, around, wanted):
        tree = _parsed(source)
        if tree is None or not any(wanted in _imported(node) for node in tree.body):
            continue
        if any(last_name(node) in names for node in ast.walk(tree) if isinstance(node, (ast.Name, ast.Attribute))):
            yield tree


def _imported(node: ast.stmt) -> list[str]:
    """The parts of the names of the modules that a statement imports."""
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").split(".")
    return [part for alias in node.names for part in alias.name.split(".")] if isinstance(node, ast.Import) else []


def _may_mean(source: bytes | None, name: str, others: set[str]) -> bool:
    """Whether the text may use a class that it neither makes itself nor gets from ``others``."""
    tree = _parsed(source)
    if tree is None:
        return True
    own = used = False
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == name:
            own = True
        elif isinstance(node, ast.ImportFrom):
            home = (node.module or "").rpartition(".")[2]
            if any(alias.name == name for alias in node.names):
                if home not in others:
                    return True
                own = True
        elif isinstance(node, ast.Attribute) and node.attr == name:
            return True
        elif isinstance(node, ast.Constant) and node.value == name:
            return True
        elif isinstance(node, ast.Name) and node.id == name:
            used = True
    return used and not own


def is_used_beside(facts: FileFacts, name: str, within: Callable[[ast.AST], bool]) -> bool:
    """Whether one of these files uses the name inside a statement of the asked kind."""
    for source in _mentioning(facts, _around(facts), name):
        tree = _parsed(source)
        for node in ast.walk(tree) if tree is not None else ():
            if within(node) and any(
                last_name(one) == name for one in ast.walk(node)
            ):
                return True
    return False


def is_subclassed_beside(facts: FileFacts, name: str) -> bool:
    """Whether a file of the same folder has a class with this one as its base."""
    for source in _mentioning(facts, facts.project.around(facts.source), name):
        tree = _parsed(source)
        made = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)] if tree is not None else []
        if all(node.name != name for node in made) and any(
            last_name(base) == name for node in made for base in node.bases
        ):
            return True
    return False


def _parsed(source: bytes | None) -> ast.Module | None:
    """The tree of another file; None where it cannot be read or is no Python."""
    return None if source is None else parsed(source)


def _around(facts: FileFacts) -> list[Folder]:
    return facts.project.around(facts.source) if "." in facts.source.module else []


def _mentioning(facts: FileFacts, folders: list[Folder], name: str) -> Iterator[bytes | None]:
    files = [(folder, path) for folder in folders for path in folder.files]
    return (text for _, text in mentioning(files[:MANY], facts.path, name))
