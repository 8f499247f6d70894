"""What the files next to a file of a package mention: others may use its classes."""

from __future__ import annotations

import re
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
    if "." not in facts.source.module:
        return False
    here = Path(facts.path).resolve()
    files = _files(here.parent) + (_files(here.parent.parent) if _in_package(here.parent) else ())
    if len(files) > _MANY:
        return True
    word = re.compile(rb"\b%s\b" % re.escape(name.encode()))
    for path in files:
        if path == here:
            continue
        try:
            if word.search(path.read_bytes()):
                return True
        except OSError:
            return True
    return False


def _in_package(folder: Path) -> bool:
    return (folder.parent / "__init__.py").exists()


@lru_cache(maxsize=64)
def _files(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(folder.glob("*.py"))[: _MANY + 1])
