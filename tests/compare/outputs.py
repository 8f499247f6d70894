"""What each tool prints, read into the same form."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

#: Lines in a file count from 1. ``flake8``'s and Ruff's codes are codes, a type checker's are names.
_FLAKE8 = re.compile(r"^(?P<path>.+?):(?P<line>\d+):\d+: (?P<code>[A-Z]+\d+) (?P<text>.*)$")
#: An environment that lacks what a library imports is no fault of the tool or of the library.
_MISSING = {"missing-import", "missing-source", "missing-source-for-stubs", "import-not-found", "import-untyped"}


class Said(NamedTuple):
    """One thing that a tool said about a line of a file."""

    path: str
    line: int
    code: str
    text: str


def lint_params(out: str) -> list[Said]:
    return [
        Said(found["path"], found["line"], found["code"], found["message"])
        for found in json.loads(out)["findings"]
    ]


def flake8(out: str) -> list[Said]:
    found = map(_FLAKE8.match, out.splitlines())
    return [Said(m["path"], int(m["line"]), m["code"], m["text"]) for m in found if m]


def ruff(out: str) -> list[Said]:
    return [
        Said(found["filename"], found["location"]["row"], found["code"] or "", found["message"])
        for found in json.loads(out)
    ]


def pyrefly(out: str) -> list[Said]:
    return [
        Said(found["path"], found["line"], found["name"], found["concise_description"])
        for found in json.loads(out)["errors"]
        if found["name"] not in _MISSING
    ]


def mypy(out: str) -> list[Said]:
    rows = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    return [
        Said(row["file"], row["line"], row["code"] or "", row["message"])
        for row in rows
        if row["severity"] == "error" and row["code"] not in _MISSING
    ]
