"""JUnit XML: a test suite a file, a failed test case a finding."""

from __future__ import annotations

import re
from itertools import groupby
from xml.sax.saxutils import escape, quoteattr

from lint_params.report import Report

#: XML 1.0 cannot hold these at all, not even as entities.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def render(report: Report) -> str:
    count = len(report.findings)
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<testsuites name="lint-params" tests="{max(count, 1)}" failures="{count}">',
    ]
    if not count:  # a suite without tests is an error to some readers
        lines += [
            '  <testsuite name="lint-params" tests="1" failures="0">',
            '    <testcase name="no findings" classname="lint-params"/>',
            "  </testsuite>",
        ]
    for path, group in groupby(report.findings, key=lambda finding: finding.path):
        findings = list(group)
        lines.append(
            f"  <testsuite name={_attribute(path)} "
            f'tests="{len(findings)}" failures="{len(findings)}">'
        )
        for finding in findings:
            place = finding.place
            text = [f"{path}:{place.line}:{place.column}: {finding.message}"]
            text += [f"line {step.line}: {step.text}" for step in finding.trace]
            if finding.verification is not None:
                proof = finding.verification
                text.append(f"{proof.verdict.value}: {proof.evidence}")
            lines += [
                f"    <testcase name={_attribute(f'{finding.code} {finding.name}')} "
                f'classname={_attribute(path)} file={_attribute(path)} line="{place.line}">',
                f"      <failure type={_attribute(finding.level.value)} "
                f"message={_attribute(finding.message)}>{_text(chr(10).join(text))}</failure>",
                "    </testcase>",
            ]
        lines.append("  </testsuite>")
    lines.append("</testsuites>")
    return "\n".join(lines) + "\n"


def _text(text: str) -> str:
    return escape(_FORBIDDEN.sub("?", text))


def _attribute(text: str) -> str:
    return quoteattr(_FORBIDDEN.sub("?", text), {"\n": "&#10;"})
