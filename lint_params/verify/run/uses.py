"""Other files of the project that use a class: the tests first, then the package. Child only."""

# The linted code may raise anything, anywhere:
# ruff: noqa: BLE001, S102
from __future__ import annotations

import ast
import contextlib
import importlib
import os
import sys
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from lint_params.trees import parsed
from lint_params.verify.made_up.scopes import called
from lint_params.verify.made_up.source_facts import FileView
from lint_params.verify.run.load import module_name

#: How much text is searched for the name of a class, and how many files are then read.
_SEARCHED = 40 << 20
_READ = 8
#: A folder that holds one of these is a project.
_MARKS = ("pyproject.toml", "setup.py", "setup.cfg", ".git")


class Uses:
    """The project's other files that call one of these names, found in one pass."""

    def __init__(self, path: Path, names: Iterable[str]) -> None:
        self.found: dict[str, list[Path]] = {name: [] for name in names if name}
        self.views: dict[tuple[Path, str], FileView | None] = {}
        self._search(path)

    def _search(self, own: Path) -> None:
        left = _SEARCHED
        for path in _files(project_of(own), own) if self.found else ():
            with contextlib.suppress(OSError):
                data = path.read_bytes()
                left -= len(data)
                if left < 0:
                    return
                for name, paths in self.found.items():
                    if len(paths) < _READ and f"{name}(".encode() in data:
                        paths.append(path)

    def of(self, name: str, kind: Any) -> Iterator[FileView]:
        """Views of the files in which ``name`` (or ``module.name``) is this very class."""
        for path in self.found.get(name, ()):
            if (path, name) not in self.views:
                self.views[path, name] = _view(path, name, kind)
            view = self.views[path, name]
            if view is not None:
                yield view

    def outer(self, name: str, kind: Any) -> Iterator[tuple[str, FileView]]:
        """(class, view) of the classes elsewhere that build an object of the class."""
        for path in self.found.get(name, ()):
            tree = _parsed(path)
            names = [
                node.name
                for node in (tree.body if tree is not None else ())
                if isinstance(node, ast.ClassDef) and _calls(node, name)
            ]
            live = _imported(path) if names else None
            if live is not None and tree is not None and _means(vars(live), name, kind):
                yield from ((each, FileView(live, tree)) for each in names)


def _parsed(path: Path) -> ast.Module | None:
    try:
        return parsed(path.read_bytes())
    except OSError:
        return None


def _view(path: Path, name: str, kind: Any) -> FileView | None:
    tree = _parsed(path)
    if tree is None:
        return None
    space = _namespace(path, tree)
    return FileView(space, tree) if _means(vars(space), name, kind) else None


def _means(space: dict[str, Any], name: str, kind: Any) -> bool:
    """Whether a name of the file, or of a module that it has imported, is the class."""
    modules = [value for value in space.values() if isinstance(value, types.ModuleType)]
    return any(vars(each).get(name) is kind for each in modules) or space.get(name) is kind


def project_of(path: Path) -> Path:
    """The folder of the project that a file belongs to: its package, or what holds that."""
    root, name = module_name(path)
    package = root / name.partition(".")[0] if "." in name else root
    if "site-packages" in root.parts:
        return package
    for folder in (root, root.parent):  # src/package and package
        if any((folder / mark).exists() for mark in _MARKS):
            return folder
    return package


def _files(folder: Path, own: Path) -> Iterator[Path]:
    """The project's Python files, tests first, then those that lie near.

    A folder that is neither a package nor a project is not searched below its tests.
    """
    loose = not (folder / "__init__.py").exists()
    loose = loose and not any((folder / mark).exists() for mark in _MARKS)
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(
            each
            for each in folders
            if not each.startswith((".", "__"))
            and each != "site-packages"
            and (not loose or each in ("tests", "test"))
        )
        near = os.path.relpath(own.parent, place).count(os.pardir)
        for name in sorted(names):
            if name.endswith(".py"):
                path = Path(place, name)
                tests = name.startswith("test_") or "tests" in path.parts
                found.append((not tests, near, path))
        if len(found) > 5000:
            break
    found.sort(key=lambda item: item[:2])
    return (path for _, _, path in found if path != own)


def _namespace(path: Path, tree: ast.Module) -> types.ModuleType:
    """What the file imports, of what has been imported by now: nothing new is run for it."""
    name = module_name(path)[1]
    space = types.ModuleType(name)
    space.__package__ = name.rpartition(".")[0]
    for node in tree.body:
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        if isinstance(node, ast.Import):
            wanted = [alias.name for alias in node.names]
        else:
            wanted = [resolved(node, space.__package__)]
        if all(each in sys.modules for each in wanted):
            with contextlib.suppress(Exception):
                exec(compile(ast.Module([node], []), str(path), "exec"), vars(space))
    return space


def resolved(node: ast.ImportFrom, package: str) -> str:
    """The absolute name of the module that an import names."""
    base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
    return ".".join([*base, *filter(None, [node.module])])


def _calls(node: ast.AST, name: str) -> bool:
    return any(isinstance(inner, ast.Call) and called(inner) == name for inner in ast.walk(node))


def _imported(path: Path) -> types.ModuleType | None:
    root, name = module_name(path)
    if str(root) not in sys.path:
        sys.path.append(str(root))
    try:
        module = importlib.import_module(name)
    except BaseException:
        return None
    return module if getattr(module, "__file__", None) == str(path) else None
