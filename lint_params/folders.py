"""What stands beside a file, and the mark by which the cache knows that it has not changed."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import islice
from pathlib import Path

#: More files than this in one folder are counted and not read.
MANY = 400
#: The name under which all Python files of a folder are one dependency.
ALL = "*.py"

#: What stands where a project begins.
_MARKS = ("pyproject.toml", "setup.py", "setup.cfg", ".git")


class Folder:
    """The Python files of one folder; each is read at most once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._texts: dict[Path, bytes | None] = {}

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """The files by name: no more than one beyond ``MANY``."""
        try:
            return tuple(sorted(self.path.glob(ALL))[: MANY + 1])
        except OSError:
            return ()

    def text(self, file: Path) -> bytes | None:
        """The bytes of one of the files; None where it cannot be read."""
        if file not in self._texts:
            try:
                self._texts[file] = file.read_bytes()
            except OSError:
                self._texts[file] = None
        return self._texts[file]

    @cached_property
    def mark(self) -> str:
        """Changes with the names and, where they may have been read, the contents."""
        read = len(self.files) <= MANY
        every = hashlib.sha256()
        for file in self.files:
            text = self.text(file) if read else b""
            every.update(f"{file.name}\0".encode("utf-8", "surrogateescape"))
            every.update(b"?" if text is None else hashlib.sha256(text).digest())
        return every.hexdigest()[:32]


def of_package(folder: Path, home: Path, most: int) -> list[Path]:
    """A folder and the others of its package, which stands in ``home``: no more than so many."""
    if home == folder:
        return [folder]
    top = home / folder.relative_to(home).parts[0]
    inner = (Path(here) for here, _, files in os.walk(top) if "__init__.py" in files)
    return [folder, *(one for one in islice(inner, most) if one != folder)]


def of_project(folder: Path, home: Path, most: int) -> list[Path]:
    """The folders with Python files below the one that a project's scripts stand in, where that is
    ``home`` or, of a folder that is no package, the one above or itself; none where there are too many."""
    for top in filter(_is_project, (home,) if home != folder else (folder.parent, folder)):
        found = _with_files(top, most)
        if found:
            return found
    return []


def _with_files(top: Path, most: int) -> list[Path]:
    """The folders from there on that have Python files; none where they are more than so many."""
    found: list[Path] = []
    for here, below, files in os.walk(top):
        below[:] = sorted(name for name in below if name.isidentifier())
        if any(name.endswith(".py") for name in files):
            found.append(Path(here))
        if len(found) > most:
            return []
    return found


def _is_project(top: Path) -> bool:
    """Whether scripts stand there, or what marks a project; not where packages are installed."""
    if top.name in ("site-packages", "dist-packages"):
        return False
    return any(top.glob(ALL)) or any((top / name).exists() for name in _MARKS)


def mentioning(
    files: Iterable[tuple[Folder, Path]], path: str, name: str
) -> Iterator[tuple[Path, bytes | None]]:
    """Each of the files, but the one at ``path``, whose text has the word, with the text; None
    where it cannot be read."""
    word = re.compile(rb"\b%s\b" % re.escape(name.encode()))
    here = Path(path).resolve()
    for folder, file in files:
        text = folder.text(file) if file != here else b""
        if text is None or word.search(text):
            yield file, text


def mark(path: str) -> str:
    """What stands at a path now, in short: a file's content, a folder, nothing."""
    if os.path.basename(path) == ALL:
        return Folder(Path(path).parent).mark
    try:
        return marked(Path(path).read_bytes())
    except OSError:
        return "folder" if os.path.isdir(path) else "absent"


def marked(data: bytes) -> str:
    """The mark of a file with this content."""
    return hashlib.sha256(data).hexdigest()[:32]
