"""``# noqa``: read as flake8 reads it, with rule names beside the codes.

A comment serves the physical line it stands on, or all lines of the multi-line string or
backslash continuation that it ends; that is flake8's own mapping. A word that is neither a
code nor a rule's name makes the comment a blanket one, as in flake8.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lint_params.rule import Finding
from lint_params.source import lines_of

_COMMENT = re.compile(r"# noqa(?::[\s]?(?P<keys>[^#\n\r]*))?", re.I)
#: Like flake8's: codes that follow make no difference, the whole file is left alone.
_FILE = re.compile(r"\s*# flake8[:=]\s*noqa", re.I)
_KEY = re.compile(r"[A-Z]+[0-9]+|[a-z][a-z0-9]*(?:-[a-z0-9]+)+", re.I)
_SEPARATOR = re.compile(r"[,\s]+")


@dataclass
class Comment:
    """One noqa comment: the lines it serves, its keys (None: everything), what it silenced."""

    line: int
    last_line: int
    keys: frozenset[str] | None
    used: set[str] = field(default_factory=set)

    def matches(self, finding: Finding) -> bool:
        return self.keys is None or any(
            finding.code.lower().startswith(key) or finding.name == key for key in self.keys
        )


@dataclass
class Noqa:
    """All noqa comments of one file."""

    comments: list[Comment]
    whole_file: bool = False

    def split(self, findings: Iterable[Finding]) -> tuple[list[Finding], list[Finding]]:
        """The findings to report, and the suppressed ones."""
        kept: list[Finding] = []
        dropped: list[Finding] = []
        for finding in findings:
            (dropped if self.silences(finding) else kept).append(finding)
        return kept, dropped

    def silences(self, finding: Finding) -> bool:
        for comment in self.comments:
            if comment.line <= finding.place.line <= comment.last_line and comment.matches(finding):
                comment.used.add(finding.code)
                return True
        return self.whole_file

    def unused(self, names: Iterable[str]) -> list[tuple[int, str]]:
        """Line and key of each comment that names a rule of ours and silenced nothing."""
        known = frozenset(names)
        return [
            (comment.line, key)
            for comment in self.comments
            for key in sorted(comment.keys or ())
            if (re.fullmatch(r"lp\d+", key) or key in known)
            and not any(code.lower().startswith(key) for code in comment.used)
            and not (key in known and comment.used)
        ]


def read_noqa(text: str) -> Noqa:
    """The noqa comments of a file; cheap where the word does not occur."""
    if "noqa" not in text.lower():
        return Noqa([])
    lines = lines_of(text)
    comments = []
    for first, last in _ranges(text, lines):
        joined = "".join(lines[first - 1 : last])
        match = _COMMENT.search(joined)
        if match is not None:
            comments.append(Comment(first, last, _keys(match["keys"])))
    return Noqa(comments, any(_FILE.match(line) for line in lines))


def _keys(text: str | None) -> frozenset[str] | None:
    """The codes and names at the start of a comment's list; None where there is none."""
    found: list[str] = []
    for word in _SEPARATOR.split((text or "").strip()):
        if not _KEY.fullmatch(word):
            break
        found.append(word.lower())
    return frozenset(found) or None


def _ranges(text: str, lines: Sequence[str]) -> list[tuple[int, int]]:
    """Line ranges that share their noqa comment: flake8's mapping, or each line alone."""
    wanted = [number for number, line in enumerate(lines, 1) if "noqa" in line.lower()]
    ranges: list[tuple[int, int]] = []
    first, last = len(lines) + 2, -1
    try:
        for token in tokenize.generate_tokens(io.StringIO(text, newline="").readline):
            if token.type in (tokenize.ENDMARKER, tokenize.DEDENT):
                continue
            first, last = min(first, token.start[0]), max(last, token.end[0])
            if token.type in (tokenize.NL, tokenize.NEWLINE):
                if any(first <= number <= last for number in wanted):
                    ranges.append((first, last))
                first, last = len(lines) + 2, -1
    except (tokenize.TokenError, SyntaxError):
        return [(number, number) for number in wanted]
    return ranges
