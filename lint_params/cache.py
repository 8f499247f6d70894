"""Results by content: a rerun reads and hashes the files, and nothing else.

The key is made of everything a result depends on: the path, the bytes, the rules that run, the
sources of this package and Python's version. What else was looked at for a result is kept beside
it: other files, those that they import in their turn, folders, and places where nothing stood.
SQLite makes writes atomic and safe with many processes; any trouble with it means no cache, never
no result.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import sys
import time
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from lint_params.engine import Result
from lint_params.folders import mark
from lint_params.project import module_name
from lint_params.rule import Finding, Fix, Level, Place, Step

#: Beyond this many bytes of results the least recently used third goes.
MAX_BYTES = 64 * 1024 * 1024
_ERRORS = (sqlite3.Error, OSError, ValueError, KeyError, TypeError, zlib.error)


def folder() -> Path:
    """Where results are kept: LINT_PARAMS_CACHE_DIR, or the platform's place for caches."""
    named = os.environ.get("LINT_PARAMS_CACHE_DIR")
    if named:
        return Path(named)
    import platformdirs

    return Path(platformdirs.user_cache_dir("lint-params", appauthor=False))


def key(path: str, data: bytes, settings: str) -> str:
    """``settings`` are the options that change a file's result."""
    place = os.path.abspath(path)
    parts = (_environment(), settings, place, path, module_name(Path(place))[1])
    head = hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogateescape"), digest_size=20)
    head.update(data)
    return head.hexdigest()


@cache
def _environment() -> str:
    """Changes with this package's sources, its rules' and Python's version."""
    import lint_params
    import lint_params.rules

    mark = hashlib.blake2b(sys.version.encode(), digest_size=16)
    for top in sorted({*lint_params.__path__, *lint_params.rules.__path__}):
        for file in sorted(Path(top).rglob("*.py")):
            about = file.stat()
            mark.update(f"{file}\0{about.st_mtime_ns}\0{about.st_size}\0".encode())
    return mark.hexdigest()


class Cache:
    """An open cache; with ``enabled`` False, or where it cannot be opened, it holds nothing."""

    def __init__(self, place: Path | None, enabled: bool = True) -> None:
        self._base: sqlite3.Connection | None = None
        self._marks: dict[str, str] = {}
        if enabled:
            try:
                self._base = _open((place or folder()) / "results.sqlite")
            except _ERRORS:
                self._base = None

    def get(self, name: str) -> Result | None:
        """The result under this key, if the other files that it read are as they were."""
        if self._base is None:
            return None
        try:
            row = self._base.execute("SELECT value FROM results WHERE key = ?", (name,)).fetchone()
            if row is None:
                return None
            result = _from_json(json.loads(zlib.decompress(row[0])))
        except _ERRORS:
            return None
        return result if self._current(result.depends) else None

    def put(self, results: Mapping[str, Result]) -> None:
        """Keep results; those with crashes are not worth keeping."""
        if self._base is None or not results:
            return
        now = int(time.time())
        rows = [
            (name, zlib.compress(json.dumps(asdict(result)).encode(), 1), now)
            for name, result in results.items()
            if not result.crashes
        ]
        with contextlib.suppress(*_ERRORS), self._base:
            self._base.executemany("INSERT OR REPLACE INTO results VALUES (?, ?, ?)", rows)

    def close(self, used: Iterable[str] = ()) -> None:
        """Note which keys were used, and drop the oldest results if there are too many."""
        if self._base is None:
            return
        with contextlib.suppress(*_ERRORS):
            with self._base:
                stale = int(time.time()) - 3600  # a warm rerun need not write
                self._base.executemany(
                    "UPDATE results SET used = ? WHERE key = ? AND used < ?",
                    [(int(time.time()), name, stale) for name in used],
                )
            _shrink(self._base)
        self._base.close()
        self._base = None

    def _current(self, depends: Mapping[str, str]) -> bool:
        for file, known in depends.items():
            if file not in self._marks:
                self._marks[file] = mark(file)
            if self._marks[file] != known:
                return False
        return True


def _open(file: Path) -> sqlite3.Connection:
    file.parent.mkdir(parents=True, exist_ok=True)
    for attempt in (1, 2):
        base = sqlite3.connect(file, timeout=2.0)
        try:
            base.execute(
                "CREATE TABLE IF NOT EXISTS results "
                "(key TEXT PRIMARY KEY, value BLOB NOT NULL, used INTEGER NOT NULL) WITHOUT ROWID"
            )
            base.execute("SELECT key FROM results LIMIT 1").fetchone()
            return base
        except sqlite3.OperationalError:  # locked: somebody else is busy, not broken
            base.close()
            raise
        except sqlite3.DatabaseError:  # not a database any more: start anew
            base.close()
            if attempt == 2:
                raise
            file.unlink(missing_ok=True)
    raise AssertionError("unreachable")


def _shrink(base: sqlite3.Connection) -> None:
    while _bytes(base) > MAX_BYTES:
        with base:
            gone = base.execute(
                "DELETE FROM results WHERE key IN (SELECT key FROM results ORDER BY used "
                "LIMIT (SELECT COUNT(*) / 3 + 1 FROM results))"
            ).rowcount
        base.execute("VACUUM")
        if gone < 1:
            return


def _bytes(base: sqlite3.Connection) -> int:
    (pages,) = base.execute("PRAGMA page_count").fetchone()
    (size,) = base.execute("PRAGMA page_size").fetchone()
    return int(pages) * int(size)


def _from_json(value: dict[str, Any]) -> Result:
    value["findings"] = [_finding(item) for item in value["findings"]]
    value["suppressed"] = [_finding(item) for item in value["suppressed"]]
    value["unused_noqa"] = [(line, word) for line, word in value["unused_noqa"]]
    return Result(**value)


def _finding(item: dict[str, Any]) -> Finding:
    item["level"] = Level(item["level"])
    item["place"] = Place(**item["place"])
    item["trace"] = tuple(Step(**step) for step in item["trace"])
    if item["fix"] is not None:
        item["fix"] = Fix(**{**item["fix"], "place": Place(**item["fix"]["place"])})
    item["verification"] = None  # never kept here: torch's word depends on more than the file
    return Finding(**item)
