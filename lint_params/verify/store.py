"""Verdicts by content: a finding whose file, rule, torch and device are the same is not rerun.

A verdict is kept with the hashes of the project's files that the linted file imported. Verdicts
that depend on the moment (timeout, memory, a crash) are not kept. Trouble with the folder means
no cache, never no verdict. No torch here: its version is read from its metadata.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

#: What may come out otherwise the next time.
_PASSING = ("timeout", "out-of-memory", "crashed", "sandbox-denied", "needs-device")
#: Files beyond this number go, the oldest first.
MOST = 2000

Json = dict[str, Any]


class Store:
    """A folder of verdicts; with ``place`` None it holds nothing."""

    def __init__(self, place: Path | None, device: str) -> None:
        self.place = place
        self.device = device
        if place is not None:
            try:
                place.mkdir(parents=True, exist_ok=True)
            except OSError:
                self.place = None

    def key(self, request: Json) -> str:
        parts = {k: v for k, v in request.items() if k != "id"}
        text = json.dumps([_surroundings(), self.device, _gpus(), parts], sort_keys=True, default=str)
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=20).hexdigest()

    def get(self, request: Json) -> list[Json] | None:
        """The verdicts of all findings of a request, if nothing that they depend on changed."""
        if self.place is None:
            return None
        try:
            kept = json.loads((self.place / f"{self.key(request)}.json").read_bytes())
            if all(_digest(path) == mark for path, mark in kept["depends"].items()):
                return list(kept["verdicts"])
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return None

    def put(self, request: Json, verdicts: list[Json], depends: list[str]) -> None:
        if self.place is None or any(_passing(verdict) for verdict in verdicts):
            return
        marks = {path: _digest(path) for path in depends}
        text = json.dumps({"verdicts": verdicts, "depends": marks})
        target = self.place / f"{self.key(request)}.json"
        with contextlib.suppress(OSError):
            half = target.with_suffix(f".{os.getpid()}")
            half.write_text(text, encoding="utf-8")
            half.replace(target)

    def prune(self) -> None:
        if self.place is None:
            return
        with contextlib.suppress(OSError):
            files = sorted(self.place.glob("*.json"), key=lambda file: file.stat().st_mtime)
            for file in files[:-MOST]:
                file.unlink(missing_ok=True)


def _passing(verdict: Json) -> bool:
    return str(verdict["evidence"]).startswith(_PASSING)


def _digest(path: str) -> str:
    try:
        return hashlib.blake2b(Path(path).read_bytes(), digest_size=16).hexdigest()
    except OSError:
        return ""


def _gpus() -> list[str]:
    """Those that the device "auto" may choose, as far as the system names them."""
    seen = sorted(str(path) for path in Path("/dev").glob("nvidia[0-9]*"))
    return [os.environ.get("CUDA_VISIBLE_DEVICES", ""), *seen]


@cache
def _surroundings() -> list[str]:
    """Python, torch, and the sources of this package and of its rules."""
    import lint_params
    import lint_params.rules

    marks = [platform.python_version(), platform.platform()]
    with contextlib.suppress(metadata.PackageNotFoundError):
        marks.append(metadata.version("torch"))
    for top in sorted({*lint_params.__path__, *lint_params.rules.__path__}):
        for file in sorted(Path(top).rglob("*.py")):
            about = file.stat()
            marks.append(f"{file}:{about.st_mtime_ns}:{about.st_size}")
    return marks
