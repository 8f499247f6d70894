"""GitLab code quality: Code Climate issues with stable fingerprints."""

from __future__ import annotations

import json

from lint_params.baseline import fingerprints
from lint_params.report import Report, location
from lint_params.rule import Level

_SEVERITY = {Level.ERROR: "major", Level.WARNING: "minor", Level.ADVICE: "info"}


def render(report: Report) -> str:
    issues = []
    for finding, mark in zip(
        report.findings, fingerprints(report.findings, report.lines), strict=True
    ):
        path, cell = location(finding)
        begin = 1 if cell else finding.place.line
        end = 1 if cell else finding.place.end_line
        issues.append(
            {
                "type": "issue",
                "check_name": finding.code,
                "description": f"{finding.code} {finding.message} [{finding.name}]{cell}",
                "categories": ["Bug Risk"],
                "severity": _SEVERITY[finding.level],
                "fingerprint": mark,
                "location": {"path": path, "lines": {"begin": begin, "end": end}},
            }
        )
    return json.dumps(issues, indent=2, ensure_ascii=False) + "\n"
