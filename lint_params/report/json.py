"""For programs: one object with ``version``, ``findings`` and ``summary``."""

from __future__ import annotations

import json
from typing import Any

from lint_params import __version__
from lint_params.report import Report
from lint_params.rule import Finding, Fix, Level, Outcome, Verification


def render(report: Report) -> str:
    return json.dumps(as_object(report), indent=2, ensure_ascii=False) + "\n"


def as_object(report: Report) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "files": report.files,
        "findings": len(report.findings),
        **{level.value: report.count(level) for level in Level},
        "suppressed": report.suppressed,
        "fixable": sum(finding.fix is not None for finding in report.findings),
        "by_code": {},
    }
    for finding in report.findings:
        summary["by_code"][finding.code] = summary["by_code"].get(finding.code, 0) + 1
    if report.verified:
        summary |= {outcome.value: report.verdicts(outcome) for outcome in Outcome}
    return {
        "version": __version__,
        "findings": [finding_object(finding) for finding in report.findings],
        "summary": summary,
    }


def finding_object(finding: Finding) -> dict[str, Any]:
    place = finding.place
    return {
        "path": finding.path,
        "line": place.line,
        "column": place.column,
        "end_line": place.end_line,
        "end_column": place.end_column,
        "code": finding.code,
        "name": finding.name,
        "level": finding.level.value,
        "message": finding.message,
        "trace": [{"line": step.line, "text": step.text} for step in finding.trace],
        "fix": _fix(finding.fix),
        "verification": _verification(finding.verification),
    }


def _fix(fix: Fix | None) -> dict[str, Any] | None:
    if fix is None:
        return None
    return {
        "message": fix.message,
        "safe": fix.safe,
        "replacement": fix.replacement,
        "line": fix.place.line,
        "column": fix.place.column,
        "end_line": fix.place.end_line,
        "end_column": fix.place.end_column,
    }


def _verification(proof: Verification | None) -> dict[str, Any] | None:
    if proof is None:
        return None
    return {
        "verdict": proof.verdict.value,
        "evidence": proof.evidence,
        "device": proof.device,
        "seconds": round(proof.seconds, 3),
    }
