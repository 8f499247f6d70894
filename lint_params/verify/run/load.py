"""Imports the linted file once, with probes on the flagged lines. Runs in the child only."""

# Running the linted file is this module's work:
# ruff: noqa: S102, BLE001
from __future__ import annotations

import ast
import importlib
import importlib.abc
import importlib.util
import os
import sys
import types
from collections.abc import Callable, Iterable, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

from lint_params.verify.run.instrument import compiled

#: So many folders above a file are searched for what it imports.
_ABOVE = 8

Probes = dict[str, Callable[..., Any]]


def module_name(path: Path) -> tuple[Path, str]:
    """The folder to put on sys.path and the dotted name under which the file imports."""
    parts = [] if path.stem == "__init__" else [path.stem.replace(".", "_")]
    folder = path.parent
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    return folder, ".".join(parts) or path.parent.name


def project_files(request: dict[str, Any]) -> list[str]:
    """The files of the request's project itself that are imported by now."""
    tops = {*request.get("roots", ()), str(module_name(Path(request["path"]))[0])}
    found = set()
    for module in list(sys.modules.values()):
        name = getattr(module, "__file__", None)
        if not isinstance(name, str) or "site-packages" in name or name == request["path"]:
            continue
        if any(name.startswith(top + os.sep) for top in tops):
            found.add(name)
    return sorted(found)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the rewritten file to whoever imports it first: there is only one copy of it."""

    def __init__(self, name: str, path: Path, code: types.CodeType, probes: Probes) -> None:
        self.name, self.path, self.code, self.probes = name, path, code, probes

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        inside = [str(self.path.parent)] if self.path.stem == "__init__" else None
        return importlib.util.spec_from_file_location(
            fullname, self.path, loader=self, submodule_search_locations=inside
        )

    def exec_module(self, module: types.ModuleType) -> None:
        exec(self.code, _namespace(module, self.probes))


def load(
    path: Path, text: str, lines: Iterable[int], probes: Probes, failed: list[BaseException]
) -> tuple[types.ModuleType, ast.Module]:
    """Execute the file as a module of its package; returns it with its untouched tree.

    A package around it that cannot be imported (``failed`` is told) is taken to be an empty one.
    """
    root, name = module_name(path)
    for folder in (str(root), str(path.parent)) if "." not in name else (str(root),):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    tree = ast.parse(text)
    sys.path += homes(path, tree)
    sys.modules.pop(name, None)  # a library that the verifier itself has imported
    sys.meta_path.insert(0, _Finder(name, path, compiled(text, path, set(lines)), probes))
    try:
        return importlib.import_module(name), tree
    except Exception as error:
        if "." not in name or isinstance(error, (TimeoutError, MemoryError)):  # limits
            raise
        failed.append(error)
    _emptied(root, name)
    return importlib.import_module(name), tree


def _emptied(root: Path, name: str) -> None:
    """Puts an empty package in the place of each one on the way to a module that fails."""
    parts = name.split(".")[:-1]
    for end in range(1, len(parts) + 1):
        package = ".".join(parts[:end])
        try:
            importlib.import_module(package)
        except Exception:
            empty = sys.modules[package] = types.ModuleType(package)
            empty.__path__ = [str(root.joinpath(*parts[:end]))]
            if end > 1:
                setattr(sys.modules[".".join(parts[: end - 1])], parts[end - 1], empty)


def homes(path: Path, tree: ast.Module) -> list[str]:
    """Folders above the file where the packages lie that it imports and nobody has installed.

    Its own package among them, if a folder on the way is without ``__init__.py``.
    """
    found = set()
    for node in ast.walk(tree):
        named = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            named = [node.module]
        for top in {name.partition(".")[0] for name in named}:
            if not _installed(top):
                around = [at for up in path.parents[:_ABOVE] for at in (up, up / "src")]
                here = (at for at in around if (at / top).is_dir() or (at / f"{top}.py").is_file())
                found.add(str(next(here, "")))
    return sorted(found - {""})


def _installed(top: str) -> bool:
    try:
        return importlib.util.find_spec(top) is not None
    except (ValueError, ImportError):
        return top in sys.modules


def run_as_main(path: Path, text: str, lines: Iterable[int], probes: Probes) -> None:
    """Execute the file's own code as ``python file.py`` would, training loops bounded."""
    module = types.ModuleType("__main__")
    module.__file__ = str(path)
    _, name = module_name(path)
    module.__package__ = name.rpartition(".")[0]
    sys.modules["__main__"] = module
    sys.argv = [str(path)]
    exec(compiled(text, path, set(lines)), _namespace(module, probes))


def _namespace(module: types.ModuleType, probes: Probes) -> dict[str, Any]:
    space = vars(module)
    space.update(probes)
    return space
