"""Classes and functions from other files of the same project, found without importing."""

from __future__ import annotations

import ast
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from lint_params.folders import ALL, Folder, mark, marked
from lint_params.names import Names, canonical, read_names

#: A file larger than this is data, not code that a reader's class stands in.
MAX_BYTES = 2_000_000
#: A file with more star imports gathers a whole library: looking for a name would read it all.
MOST_STARS = 24


@dataclass
class SourceFile:
    """One parsed file: ``module`` is its dotted name as its project imports it."""

    path: str
    module: str
    tree: ast.Module
    is_package: bool = False
    _names: Names | None = field(default=None, repr=False)

    @property
    def names(self) -> Names:
        if self._names is None:
            self._names = read_names(self.tree, self.module, self.is_package)
        return self._names


def module_name(path: Path) -> tuple[Path, str]:
    """The import root of a file and its dotted name below it: packages have ``__init__.py``."""
    path = path.resolve()
    folder = path.parent
    parts = [] if path.name == "__init__.py" else [path.stem]
    while (folder / "__init__.py").exists() and folder != folder.parent:
        parts.insert(0, folder.name)
        folder = folder.parent
    return folder, ".".join(parts)


def source_file(path: Path, tree: ast.Module) -> SourceFile:
    """A parsed file under the name by which its project imports it."""
    return SourceFile(str(path), module_name(path)[1], tree, path.name == "__init__.py")


class Known(Protocol):
    """What somebody above keeps about a file of the project."""

    def release(self) -> None:
        """Let go of all that refers to trees."""


class Project:
    """The files of one project, read and parsed at most once, on demand.

    Lookups return None for anything outside the project: torch itself and installed
    libraries are known by name only and never read.
    """

    def __init__(self) -> None:
        self._files: dict[str, SourceFile | None] = {}
        self._marks: dict[str, str] = {}
        #: By import root and module: where it stands, and all places that were looked at.
        self._exists: dict[str, tuple[str | None, tuple[str, ...]]] = {}
        #: By file: the places that were looked at for what is known about it.
        self._looked: dict[str, set[str]] = {}
        self._keys: dict[str, str] = {}
        self._folders: dict[Path, Folder] = {}
        #: By path, what the facts layer knows about a file; nothing here looks inside.
        self.facts: dict[str, Known] = {}
        self._roots: dict[str, str] = {}
        self._tops: dict[str, bool] = {}
        self._sizes: dict[str, int] = {}
        self._turn = 0
        self._last: dict[str, int] = {}  # the turn in which a file was last asked for

    def add(self, path: str, tree: ast.Module) -> SourceFile:
        """Register a file that the caller has parsed already (the file being linted)."""
        _, name = module_name(Path(path))
        file = SourceFile(path, name, tree, Path(path).name == "__init__.py")
        key = self._key(path)
        self._files[key] = file
        end = tree.body[-1].end_lineno if tree.body else 0
        # Its text is not at hand, and what is known about it takes as much again.
        self._sizes[key] = 80 * (end or 0)
        self._turn += 1
        self._last[key] = self._turn
        return file

    def trim(self, most: int) -> bool:
        """Between two files: where the trees come from more than ``most`` bytes of source, keep
        those of three quarters as many, the ones asked for last. Returns whether any were let go.

        What is known about files goes as a whole: it refers to trees of other files, and a tree
        that is read again is another one.
        """
        left = sum(self._sizes.values())
        if left <= most:
            return False
        for known in self.facts.values():
            known.release()
        self.facts.clear()
        for key in sorted(self._sizes, key=lambda key: self._last.get(key, 0)):
            if left <= most * 3 // 4:
                break
            left -= self._sizes.pop(key)
            self._last.pop(key, None)
            del self._files[key]
        return True

    def dependencies(self, path: str) -> dict[str, str]:
        """Path to ``mark`` of all that was looked at for ``path``, also by way of other files
        and also where nothing stands: the result may be another once one of these changes."""
        own = self._key(path)
        seen: set[str] = set()
        todo = [own]
        while todo:
            new = self._looked.get(todo.pop(), set()) - seen
            seen |= new
            todo += new
        return {place: self._mark(place) for place in sorted(seen - {own})}

    def _mark(self, place: str) -> str:
        if place not in self._marks:
            folder, name = os.path.split(place)
            known = self._folders.get(Path(folder)) if name == ALL else None
            self._marks[place] = known.mark if known is not None else mark(place)
        return self._marks[place]

    def _key(self, path: str) -> str:
        if path not in self._keys:
            self._keys[path] = str(Path(path).resolve())
        return self._keys[path]

    def folder(self, path: Path, importer: SourceFile) -> Folder:
        """The files of a folder, for something that is asked about ``importer``."""
        self._looked.setdefault(self._key(importer.path), set()).add(str(path / ALL))
        if path not in self._folders:
            while len(self._folders) >= 4:  # files come folder by folder
                del self._folders[next(iter(self._folders))]
            self._folders[path] = Folder(path)
        return self._folders[path]

    def around(self, file: SourceFile) -> list[Folder]:
        """The folder of a file and, inside a package, the one above."""
        here = Path(file.path).resolve().parent
        places = [here, here.parent] if (here.parent / "__init__.py").exists() else [here]
        return [self.folder(place, file) for place in places]

    def load(self, path: Path) -> SourceFile | None:
        """The parsed file, or None where it cannot be read or parsed."""
        key = str(path.resolve())
        if key in self._files:
            return self._files[key]
        file = None
        try:
            data = path.read_bytes()
            self._marks[key] = marked(data)
            self._sizes[key] = len(data)
            if len(data) <= MAX_BYTES:
                file = source_file(path, ast.parse(data))
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            file = None
        self._files[key] = file
        return file

    def find_module(self, module: str, importer: SourceFile) -> SourceFile | None:
        """The project file that ``module`` means in ``importer``, else None."""
        first = module.partition(".")[0]
        if not first or first in _NEVER_OURS:
            return None
        root = self._root(importer.path)
        key = f"{root}\0{module}"
        if key not in self._exists:
            self._exists[key] = self._module_path(root, first, module)
        found, looked = self._exists[key]
        self._looked.setdefault(self._key(importer.path), set()).update(looked)
        if found is None:
            return None
        file = self._files[found] if found in self._files else self.load(Path(found))
        self._last[found] = self._turn
        return file

    def _root(self, path: str) -> str:
        if path not in self._roots:
            self._roots[path] = str(module_name(Path(path))[0])
        return self._roots[path]

    def _module_path(
        self, root: str, first: str, module: str
    ) -> tuple[str | None, tuple[str, ...]]:
        """The file of a module below an import root, and the places that were looked at; most
        imports are of other packages."""
        top = os.path.join(root, first)
        if top not in self._tops:
            self._tops[top] = os.path.isdir(top) or os.path.isfile(top + ".py")
        if not self._tops[top]:
            return None, (top, top + ".py")
        stem = os.path.join(root, *module.split("."))
        places = (stem + ".py", os.path.join(stem, "__init__.py"))
        for place in places:
            if os.path.isfile(place):
                found = os.path.realpath(place)
                return found, (found, *places[: places.index(place)])
        return None, places

    def resolve(
        self, qualified: str, importer: SourceFile, _depth: int = 0
    ) -> tuple[SourceFile, ast.stmt | ast.expr] | None:
        """The project file and node that define ``pkg.mod.Name``, through re-exports."""
        if _depth > 8:
            return None
        module, _, name = qualified.rpartition(".")
        file = importer if module == importer.module else self.find_module(module, importer)
        if file is None:
            return None
        bound = file.names.bindings.get(name)
        if bound is None:
            if len(file.names.stars) > MOST_STARS:
                return None
            for star in file.names.stars:
                hit = self.resolve(f"{star}.{name}", file, _depth + 1)
                if hit is not None:
                    return hit
            return None
        if isinstance(bound, str):
            return self.resolve(bound, file, _depth + 1)
        return file, bound

    def external(self, qualified: str, importer: SourceFile, _depth: int = 0) -> str | None:
        """The canonical name outside the project that ``qualified`` ends in, through re-exports."""
        if _depth > 8:
            return None
        module, _, name = qualified.rpartition(".")
        file = importer if module == importer.module else self.find_module(module, importer)
        if file is None:
            return canonical(qualified)
        bound = file.names.bindings.get(name)
        if isinstance(bound, str):
            return self.external(bound, file, _depth + 1)
        if isinstance(bound, (ast.Name, ast.Attribute)):
            target = file.names.qualify(bound)
            return self.external(target, file, _depth + 1) if target and target != qualified else None
        return None


_NEVER_OURS = frozenset(
    "torch numpy typing collections math os sys functools itertools dataclasses abc re json "
    "warnings logging copy enum pathlib time random contextlib einops scipy".split()
)
