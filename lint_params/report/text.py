"""For people: ``path:line:col: CODE message [name]``, then where the values came from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from lint_params.report import Report
from lint_params.rule import Finding, Level, Outcome

_COLOURS = {
    Level.ERROR: "1;31",
    Level.WARNING: "1;33",
    Level.ADVICE: "1;36",
    Outcome.CONFIRMED: "31",
    Outcome.REFUTED: "32",
    Outcome.INCONCLUSIVE: "33",
}


def render(report: Report) -> str:
    if report.statistics:
        return _statistics(report)
    lines: list[str] = []
    for finding in report.findings:
        lines += _finding(finding, report)
    if report.colour and (report.findings or report.files):
        lines.append(_summary(report))
    return "".join(line + "\n" for line in lines)


def first_line(finding: Finding) -> str:
    """What stands behind the place, the same in the command and in flake8."""
    return f"{finding.code} {' '.join(finding.message.split())} [{finding.name}]"


def _finding(finding: Finding, report: Report) -> Iterator[str]:
    def paint(style: str, text: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if report.colour else text

    place = finding.place
    code = paint(_COLOURS[finding.level], finding.code)
    message = first_line(finding).removeprefix(finding.code)
    yield f"{paint('1', finding.path)}:{place.line}:{place.column}: {code}{message}"
    if report.show_source:
        yield from _frame(finding, report)
    for step in finding.trace:
        yield f"    {paint('2', f'line {step.line}:')} {step.text}"
    if finding.verification is not None:
        from lint_params.report.advice import advice  # only a run that verifies needs it

        proof = finding.verification
        device = f" on {proof.device}" if proof.device else ""
        verdict = paint(_COLOURS[proof.verdict], proof.verdict.value)
        first, *rest = proof.evidence.splitlines() or [""]
        yield f"    {verdict}{device} in {proof.seconds:.2f} s: {first}"
        yield from (f"        {line}" for line in rest)
        yield from (f"    {line}" for line in [advice(finding)] if line)
    if finding.fix is not None and report.show_source:
        yield f"    fix: {finding.fix.message}"


def _frame(finding: Finding, report: Report) -> Iterator[str]:
    """The line itself with carets under the finding."""
    lines = report.lines.get(finding.path, [])
    place = finding.place
    if not 0 < place.line <= len(lines):
        return
    line = lines[place.line - 1].rstrip("\r\n")
    end = place.end_column if place.end_line == place.line else len(line) + 1
    lead = "".join(char if char == "\t" else " " for char in line[: place.column - 1])
    yield f"    {place.line:>4} | {line}"
    yield f"         | {lead}{'^' * max(1, end - place.column)}"


def _statistics(report: Report) -> str:
    counts = Counter((finding.code, finding.name) for finding in report.findings)
    width = max((len(str(count)) for count in counts.values()), default=1)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return "".join(f"{count:>{width}} {code} {name}\n" for (code, name), count in ordered)


def _summary(report: Report) -> str:
    files = f"{report.files} file{'s' * (report.files != 1)}"
    if not report.findings:
        return f"No mistakes found in {files}."
    count = len(report.findings)
    text = f"{count} finding{'s' * (count != 1)} in {files}"
    if report.verified:
        parts = [f"{report.verdicts(outcome)} {outcome.value}" for outcome in Outcome]
        text += f": {', '.join(parts)}"
    return text + "."
