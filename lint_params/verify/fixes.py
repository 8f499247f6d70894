"""``--fix --verify``: what fixes make of a file is run before it is written. No torch here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from typing import Any

from lint_params.evidence import Outcome, Run, Verification
from lint_params.rule import Finding, Level, Place, Rule, Step
from lint_params.verify.client import verify_findings

#: A finding under this code asks whether what it names runs at all.
_CODE = "LP000"
_RULES = {_CODE: f"{__name__}:Fails"}
_PHASES = ("import", "construct", "forward", "script")


class Fails(Rule):
    """Not one of the rules: confirmed where the run of its subject ended in an error."""

    code = _CODE
    level = Level.ERROR

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        failure = run.failure(*_PHASES)
        return run.confirmed_by(failure) if failure is not None else None


def still_fails(
    path: str, before: str, after: str, fixed: Sequence[Finding], call: Mapping[str, Any]
) -> str:
    """Why the fixed text is not to be written, or "" where nothing speaks against it.

    Both texts are run with the same call. The fixed one must not show what was found, and must
    not fail but in the way in which the old one did, if that was not what was found.
    """
    asked = [*fixed, *map(_question, fixed)]
    there = [moved(finding, before, after) for finding in asked]
    new = verify_findings(there, rules=_RULES, texts={path: after}, **call)
    for finding, judged in zip(fixed, new, strict=False):
        if _confirmed(judged):
            return f"{_where(finding)} is still there: {_said(judged)}"
    if not any(map(_confirmed, new)):
        return ""
    old = verify_findings(asked, rules=_RULES, texts={path: before}, **call)
    for index, finding in enumerate(fixed):
        failed, fails = old[index + len(fixed)], new[index + len(fixed)]
        same = _confirmed(failed) and _error(failed) == _error(fails)
        was_it = _confirmed(old[index]) and _said(old[index]) == _said(failed)
        if _confirmed(fails) and (was_it or not same):
            return f"{_where(finding)}: the fixed code fails: {_said(fails)}"
    return ""


def moved(finding: Finding, before: str, after: str) -> Finding:
    """The finding on the lines of the other text that took the place of its own."""
    old, new = before.splitlines(), after.splitlines()
    opcodes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()

    def line_of(line: int) -> int:
        for _, i1, i2, j1, j2 in opcodes:
            if i1 < line <= i2:
                return min(j1 + line - i1, max(j2, 1))
        return line

    place = finding.place
    details = dict(finding.details)
    if "lines" in details:
        details["lines"] = [line_of(line) for line in details["lines"] if isinstance(line, int)]
    return replace(
        finding,
        place=Place(line_of(place.line), place.column, line_of(place.end_line), place.end_column),
        trace=tuple(Step(line_of(step.line), step.text) for step in finding.trace),
        details=details,
    )


def _question(finding: Finding) -> Finding:
    return replace(finding, code=_CODE, trace=(), details={}, fix=None, message="")


def _where(finding: Finding) -> str:
    return f"{finding.code} on line {finding.place.line}"


def _confirmed(finding: Finding) -> bool:
    proof = finding.verification
    return proof is not None and proof.verdict is Outcome.CONFIRMED


def _said(finding: Finding) -> str:
    proof = finding.verification
    return proof.evidence.partition("\n")[0] if proof is not None else ""


def _error(finding: Finding) -> str:
    """torch's words without the line, which a fix may have moved."""
    return _said(finding).rpartition(" (line ")[0] or _said(finding)
