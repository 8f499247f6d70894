"""``--fix`` and ``--diff`` over the files of a run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lint_params.config import ConfigError
from lint_params.discover import files
from lint_params.engine import lint_bytes
from lint_params.fix import Fixed, diff, fix_text, write
from lint_params.rule import Finding
from lint_params.source import Source, Unreadable, decode

if TYPE_CHECKING:
    from lint_params.session import Session


def fix_files(session: Session) -> int | None:
    """Fix in place and return None, so that what is left is reported.

    With ``--diff`` nothing is written: the status is 1 where there would be changes. Fixed
    stdin goes to stdout, and its findings to stderr.
    """
    options = session.options
    linter = session.linter()
    linter.rules  # noqa: B018 - an unknown rule is an error before anything is written
    paths = [session.name] if session.stdin else files(session.paths, session.config)
    changed = count = 0
    for path in paths:
        source = _source(session, path)
        if source is None or "torch" not in source.text:
            continue

        def lint(text: str, source: Source = source) -> list[Finding]:
            result = lint_bytes(
                source.path,
                source.encode(text),
                linter.rules_for(source.path),
                linter.project(),
                noqa=linter.noqa,
            )
            return result.findings

        fixed = fix_text(source.text, lint, unsafe=options.unsafe_fixes)
        if (
            fixed.text != source.text
            and _encodable(session, source, fixed)
            and _proven(session, source, fixed, lint)
        ):
            changed += 1
            count += len(fixed.done)
            if options.diff:
                sys.stdout.write(diff(path, source.text, fixed.text))
            elif not session.stdin:
                write(source, fixed.text)
        elif session.stdin and not options.diff:
            fixed = Fixed(source.text, [])
        if session.stdin and not options.diff:
            sys.stdout.buffer.write(source.encode(fixed.text))
            return _report_stdin(session, lint(fixed.text))
    if options.diff:
        return 1 if changed else 0
    if count:
        session.say(f"{count} fixed in {changed} file{'s' * (changed != 1)}")
        session.forget_sources()
    return None


def _proven(
    session: Session, source: Source, fixed: Fixed, lint: Callable[[str], list[Finding]]
) -> bool:
    """With ``--verify``: what is written was run, with the same call, and is mended."""
    if not session.options.verify or session.stdin:
        return True
    from lint_params.verify import TorchMissing, VerifierFailed
    from lint_params.verify.fixes import still_fails

    # What a later round found stands on lines of a text between the two.
    places = {(finding.code, finding.place) for finding in fixed.done}
    first = [f for f in lint(source.text) if (f.code, f.place) in places]
    try:
        why = still_fails(source.path, source.text, fixed.text, first, session.call())
    except (TorchMissing, VerifierFailed) as error:
        raise ConfigError(str(error)) from None
    if why:
        print(f"lint-params: {source.path}: not fixed: {why}", file=sys.stderr)
    return not why


def _report_stdin(session: Session, findings: list[Finding]) -> int:
    from lint_params.report.text import first_line

    for finding in findings:
        place = finding.place
        line = f"{finding.path}:{place.line}:{place.column}: {first_line(finding)}"
        print(line, file=sys.stderr)
    return 1 if findings else 0


def _source(session: Session, path: str) -> Source | None:
    try:
        data = session.stdin_data() if session.stdin else Path(path).read_bytes()
        if path.endswith(".ipynb"):
            return None  # a notebook's fixes are shown, never written
        return decode(path, data)
    except (OSError, Unreadable):
        return None


def _encodable(session: Session, source: Source, fixed: Fixed) -> bool:
    try:
        source.encode(fixed.text)
    except UnicodeEncodeError:
        session.say(f"{source.path}: not fixed, its encoding {source.encoding} lacks a character")
        return False
    return True
