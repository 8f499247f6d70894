"""Imports the linted file once, with probes on the flagged lines. Runs in the child only."""

# Running the linted file is this module's work:
# ruff: noqa: S102
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

from lint_params.verify.instrument import compiled

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
    path: Path, text: str, lines: Iterable[int], probes: Probes
) -> tuple[types.ModuleType, ast.Module]:
    """Execute the file as a module of its package; returns it with its untouched tree."""
    root, name = module_name(path)
    for folder in (str(root), str(path.parent)) if "." not in name else (str(root),):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    sys.modules.pop(name, None)  # a library that the verifier itself has imported
    sys.meta_path.insert(0, _Finder(name, path, compiled(text, path, set(lines)), probes))
    return importlib.import_module(name), ast.parse(text)


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
