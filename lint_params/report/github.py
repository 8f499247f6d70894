"""GitHub Actions workflow commands: annotations on the changed lines."""

from __future__ import annotations

from lint_params.report import Report, location
from lint_params.rule import Level

_COMMANDS = {Level.ERROR: "error", Level.WARNING: "warning", Level.ADVICE: "notice"}


def render(report: Report) -> str:
    lines = []
    for finding in report.findings:
        path, cell = location(finding)
        place = finding.place
        where = f"file={_property(path)}"
        if not cell:  # a cell's lines are not lines of the file
            where += f",line={place.line},endLine={place.end_line},col={place.column}"
            if place.end_line == place.line:  # GitHub refuses columns over several lines
                where += f",endColumn={place.end_column}"
        title = _property(f"{finding.code} {finding.name}")
        text = "\n".join([finding.message, *(f"line {s.line}: {s.text}" for s in finding.trace)])
        if finding.verification is not None:
            text += f"\n{finding.verification.verdict.value}: {finding.verification.evidence}"
        command = _COMMANDS[finding.level]
        lines.append(f"::{command} {where},title={title}::{_data(text + cell)}\n")
    return "".join(lines)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
