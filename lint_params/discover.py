"""Paths given by the user to the files that are linted."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from lint_params.config import Config, ConfigError

SUFFIXES = (".py", ".pyw", ".ipynb")


def files(paths: Sequence[str], config: Config) -> list[str]:
    """The files below these paths, each once, sorted; ConfigError for a path that is not there.

    A path that is named is linted whatever its extension; the default excludes apply only
    below it, the user's own everywhere. What git ignores makes no difference.
    """
    missing = [path for path in paths if not os.path.exists(path)]
    if missing:
        raise ConfigError("no such file or folder: " + ", ".join(missing))
    seen: set[str] = set()
    found = []
    for path in paths:
        for file in _below(path, config):
            real = os.path.realpath(file)
            if real not in seen:
                seen.add(real)
                found.append(file)
    return sorted(found)


def _below(path: str, config: Config) -> Iterator[str]:
    if config.excluded(path):
        return
    if not os.path.isdir(path):
        yield os.path.normpath(path)
        return
    closed: list[str] = []
    for folder, inner, names in os.walk(path, onerror=lambda error: closed.append(error.filename)):
        inner[:] = sorted(
            name for name in inner if not config.excluded(os.path.join(folder, name), path)
        )
        for name in sorted(names):
            file = os.path.normpath(os.path.join(folder, name))
            if name.endswith(SUFFIXES) and not config.excluded(file, path) and _is_file(file):
                yield file
    yield from map(os.path.normpath, closed)  # reading them says why


def _is_file(file: str) -> bool:
    """Whether it is one; also where the folder does not let us know."""
    try:
        return Path(file).is_file()
    except OSError:
        return True
