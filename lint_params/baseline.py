"""Accept today's findings and report new ones; lines may move, the code may not change.

A fingerprint is made of the file, the rule and the flagged line's text without its layout. Equal
lines in one file count: a second copy of an accepted mistake is new.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from lint_params.config import ConfigError
from lint_params.rule import Finding
from lint_params.source import split_cell

_VERSION = 1


def fingerprints(findings: Sequence[Finding], lines: Mapping[str, Sequence[str]]) -> list[str]:
    """One stable mark a finding; ``lines`` holds the text of the files."""
    return [
        hashlib.sha256(f"{key}\0{number}".encode("utf-8", "surrogateescape")).hexdigest()[:32]
        for key, number in _numbered(findings, lines)
    ]


def write(path: str, findings: Sequence[Finding], lines: Mapping[str, Sequence[str]]) -> None:
    entries = [
        {"path": _relative(finding.path, path), "code": finding.code, "fingerprint": mark}
        for finding, mark in zip(findings, _marks(path, findings, lines), strict=True)
    ]
    text = json.dumps({"version": _VERSION, "findings": entries}, indent=2) + "\n"
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write the baseline {path}: {error.strerror}") from None


def new(
    path: str, findings: Sequence[Finding], lines: Mapping[str, Sequence[str]]
) -> list[Finding]:
    """The findings that the baseline in ``path`` does not hold."""
    try:
        held = json.loads(Path(path).read_text(encoding="utf-8"))
        if held["version"] != _VERSION:
            raise ConfigError(f"{path}: baseline of version {held['version']}, write it anew")
        accepted = Counter(entry["fingerprint"] for entry in held["findings"])
    except OSError as error:
        raise ConfigError(f"cannot read the baseline {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise ConfigError(f"{path}: not a baseline of lint-params") from None
    fresh = []
    for finding, mark in zip(findings, _marks(path, findings, lines), strict=True):
        if accepted[mark]:
            accepted[mark] -= 1
        else:
            fresh.append(finding)
    return fresh


def _marks(
    path: str, findings: Sequence[Finding], lines: Mapping[str, Sequence[str]]
) -> list[str]:
    """Fingerprints with paths relative to the baseline file: the same from every folder."""
    return [
        hashlib.sha256(f"{key}\0{number}".encode("utf-8", "surrogateescape")).hexdigest()[:32]
        for key, number in _numbered(findings, lines, beside=path)
    ]


def _numbered(
    findings: Sequence[Finding], lines: Mapping[str, Sequence[str]], beside: str = ""
) -> list[tuple[str, int]]:
    seen: Counter[str] = Counter()
    out = []
    for finding in findings:
        text = lines.get(finding.path, ())
        number = finding.place.line
        line = text[number - 1] if 0 < number <= len(text) else ""
        shown = _relative(finding.path, beside) if beside else finding.path
        key = "\0".join([shown.replace("\\", "/"), finding.code, "".join(line.split())])
        out.append((key, seen[key]))
        seen[key] += 1
    return out


def _relative(path: str, beside: str) -> str:
    """A finding's path as seen from the folder of the baseline file."""
    file, cell = split_cell(path)
    full, folder = Path(file).resolve(), Path(beside).resolve().parent
    try:
        shown = full.relative_to(folder).as_posix()
    except ValueError:
        shown = full.as_posix()
    return f"{shown}:cell {cell}" if cell else shown
