"""SARIF 2.1.0, as code scanning services read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lint_params import __version__, registry
from lint_params.baseline import fingerprints
from lint_params.report import Report, location, rules_of
from lint_params.rule import Finding, Fix, Level

_LEVELS = {Level.ERROR: "error", Level.WARNING: "warning", Level.ADVICE: "note"}


def render(report: Report) -> str:
    rules = rules_of(report.findings)
    index = {code: number for number, code in enumerate(rules)}
    marks = fingerprints(report.findings, report.lines)
    results = [
        _result(finding, index[finding.code], mark)
        for finding, mark in zip(report.findings, marks, strict=True)
    ]
    driver = {
        "name": "lint-params",
        "semanticVersion": __version__,
        "rules": [_rule(code, name) for code, name in rules.items()],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"SRCROOT": {"uri": Path.cwd().as_uri() + "/"}},
        "results": results,
    }
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _rule(code: str, name: str) -> dict[str, Any]:
    rule = registry.find(code)
    words = registry.summary(rule) if rule else "The file cannot be read or parsed."
    text = registry.page(rule) if rule else words
    return {
        "id": code,
        "name": name,
        "shortDescription": {"text": words},
        "fullDescription": {"text": text},
        "help": {"text": text},
        "defaultConfiguration": {"level": _LEVELS[rule.level] if rule else "error"},
    }


def _result(finding: Finding, index: int, mark: str) -> dict[str, Any]:
    path, cell = location(finding)
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": _LEVELS[finding.level],
        "message": {"text": finding.message + cell},
        "locations": [_location(finding, path, bool(cell))],
        "partialFingerprints": {"lintParams/v1": mark},
    }
    if finding.trace and not cell:
        result["relatedLocations"] = [
            {
                "id": number,
                "message": {"text": step.text},
                "physicalLocation": {
                    "artifactLocation": _artifact(path),
                    "region": {"startLine": step.line},
                },
            }
            for number, step in enumerate(finding.trace)
        ]
    if finding.fix is not None and not cell:
        result["fixes"] = [_fix(finding.fix, path)]
    if finding.verification is not None:
        proof = finding.verification
        result["properties"] = {
            "verification": {
                "verdict": proof.verdict.value,
                "evidence": proof.evidence,
                "device": proof.device,
                "seconds": proof.seconds,
            }
        }
    return result


def _location(finding: Finding, path: str, cell: bool) -> dict[str, Any]:
    place = finding.place
    region = {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    }
    physical: dict[str, Any] = {"artifactLocation": _artifact(path)}
    if not cell:  # a cell's lines are not lines of the file
        physical["region"] = region
    return {"physicalLocation": physical}


def _artifact(path: str) -> dict[str, str]:
    if Path(path).is_absolute():
        return {"uri": Path(path).as_uri()}
    return {"uri": quote(path), "uriBaseId": "SRCROOT"}


def _fix(fix: Fix, path: str) -> dict[str, Any]:
    place = fix.place
    region = {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    }
    replacement = {"deletedRegion": region, "insertedContent": {"text": fix.replacement}}
    change = {"artifactLocation": _artifact(path), "replacements": [replacement]}
    return {"description": {"text": fix.message}, "artifactChanges": [change]}
