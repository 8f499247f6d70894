"""Reports: one module a format, each with ``render(report) -> str``, imported when asked for."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TextIO

from lint_params.rule import Finding, Level, Outcome
from lint_params.source import split_cell

FORMATS = ("text", "json", "sarif", "github", "gitlab", "junit")


@dataclass
class Report:
    """What a run found, and how it is to be shown."""

    findings: list[Finding]
    files: int = 0
    suppressed: int = 0
    verified: bool = False
    colour: bool = False
    show_source: bool = False
    statistics: bool = False
    #: Text of the files with findings, for those formats that show source.
    lines: dict[str, list[str]] = field(default_factory=dict)

    def count(self, *levels: Level) -> int:
        return sum(finding.level in levels for finding in self.findings)

    def verdicts(self, outcome: Outcome) -> int:
        return sum(
            finding.verification is not None and finding.verification.verdict is outcome
            for finding in self.findings
        )


def render(format_name: str, report: Report) -> str:
    module = importlib.import_module(f"lint_params.report.{format_name}")
    text: str = module.render(report)
    return text


def colour_wanted(stream: TextIO) -> bool:
    """On a terminal that knows colours, unless the user says otherwise."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def location(finding: Finding) -> tuple[str, str]:
    """The real file for formats that link to one, and the cell to put into the message."""
    path, cell = split_cell(finding.path)
    return path.replace("\\", "/"), f" (cell {cell})" if cell else ""


def rules_of(findings: Iterable[Finding]) -> dict[str, str]:
    """Code to name of the rules that reported, by code."""
    return dict(sorted({finding.code: finding.name for finding in findings}.items()))
