"""Fixes: planned from findings, applied one at a time, each checked against the old tree.

A fix is either text for a range (``Finding.fix``) or a statement that the rule rewrites
(``Rule.fixed``). A fix is kept only if the file still parses, and if nothing but the statement
that it touches differs between the two trees. Without that proof the file stays as it is.
"""

from __future__ import annotations

import ast
import difflib
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lint_params import registry
from lint_params.rule import Finding, Fix, Place, Rule
from lint_params.source import Source, lines_of

#: Fixing one mistake can uncover another; rules that undo each other must not hang us.
ROUNDS = 10


@dataclass
class Fixed:
    """A file's text after fixing, and the findings that were fixed on the way."""

    text: str
    done: list[Finding]


def with_fixes(findings: Iterable[Finding], text: str) -> list[Finding]:
    """The findings with ``fix`` filled in where their rule rewrites statements."""
    return [
        replace(finding, fix=fix)
        if finding.fix is None and (fix := rewritten(finding, text)) is not None
        else finding
        for finding in findings
    ]


def fix_text(
    text: str, lint: Callable[[str], Sequence[Finding]], *, unsafe: bool = False
) -> Fixed:
    """Fix until nothing is left to fix; ``lint`` gives the findings of a text."""
    fixed = Fixed(text, [])
    for _ in range(ROUNDS):
        findings = with_fixes(lint(fixed.text), fixed.text)
        wanted = [f for f in findings if f.fix is not None and (f.fix.safe or unsafe)]
        after, done = apply(fixed.text, wanted)
        if not done:
            break
        fixed = Fixed(after, [*fixed.done, *done])
    return fixed


def apply(text: str, findings: Iterable[Finding]) -> tuple[str, list[Finding]]:
    """Apply the fixes of these findings, last first; one that overlaps another waits."""
    done: list[Finding] = []
    floor: tuple[int, int] | None = None
    ordered = sorted(
        (f for f in findings if f.fix is not None),
        key=lambda f: (f.fix.place.line, f.fix.place.column),  # type: ignore[union-attr]
        reverse=True,
    )
    for finding in ordered:
        fix = finding.fix
        assert fix is not None
        place = fix.place
        if floor is not None and (place.end_line, place.end_column) > floor:
            continue
        after = spliced(text, fix)
        if after is None or after == text or not only_there(text, after, place):
            continue
        text = after
        floor = (place.line, place.column)
        done.append(finding)
    return text, done[::-1]


def spliced(text: str, fix: Fix) -> str | None:
    """The text with the range replaced, in the file's own newlines; None if it is not there."""
    lines = lines_of(text)
    begin = _offset(lines, fix.place.line, fix.place.column)
    end = _offset(lines, fix.place.end_line, fix.place.end_column)
    if begin is None or end is None or end < begin:
        return None
    newline = _newline(lines, fix.place.line)
    replacement = newline.join(line.rstrip("\r\n") for line in fix.replacement.split("\n"))
    return text[:begin] + replacement + text[end:]


def only_there(before: str, after: str, place: Place) -> bool:
    """True where both texts parse and their trees agree outside the statements at ``place``."""
    old, new = _tree(before), _tree(after)
    if old is None or new is None:
        return False
    grown = len(lines_of(after)) - len(lines_of(before))
    there = range(place.line, place.end_line + 1)
    here = range(place.line, place.end_line + grown + 1)  # empty where all was removed
    return _outline(old, there) == _outline(new, here)


def rewritten(finding: Finding, text: str) -> Fix | None:
    """The fix that the finding's rule makes of the statement that holds it, if any."""
    rule = registry.find(finding.code)
    if rule is None or type(rule).fixed is Rule.fixed:
        return None
    tree = _tree(text)
    statement = _statement_at(tree, finding.place.line) if tree is not None else None
    if statement is None or statement.end_lineno is None:
        return None
    import libcst

    lines = lines_of(text)
    first = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", ()))])
    piece = "".join(lines[first - 1 : statement.end_lineno])
    head = "if True:\n" if piece[:1] in (" ", "\t") else ""
    try:
        module = libcst.parse_module(head + piece)
    except (libcst.ParserSyntaxError, RecursionError):
        return None
    block = module
    if head:
        outer = module.body[0]
        assert isinstance(outer, libcst.If)
        block = outer.body  # type: ignore[assignment]
    if len(block.body) != 1 or len(getattr(block.body[0], "body", (0,))) != 1 and isinstance(
        block.body[0], libcst.SimpleStatementLine
    ):
        return None  # `a; b`: which of them is meant is not worth guessing
    rewrite = rule.fixed(block.body[0], finding)
    if rewrite is None or rewrite is block.body[0]:
        return None
    if head:
        inner = block.with_changes(body=[rewrite])
        module = module.with_changes(body=[module.body[0].with_changes(body=inner)])
    else:
        module = module.with_changes(body=[rewrite])
    code = module.code[len(head) :]
    whole = Place(first, 1, statement.end_lineno, len(lines[statement.end_lineno - 1]) + 1)
    message = getattr(rule, "fix_message", f"rewrite for {rule.code}")
    safe = bool(getattr(rule, "fix_safe", False))
    return Fix(whole, code.replace("\r\n", "\n").replace("\r", "\n"), message, safe)


def diff(path: str, before: str, after: str) -> str:
    """A unified diff that ``patch -p1`` takes."""
    shown = path.replace("\\", "/").lstrip("/")
    lines = difflib.unified_diff(
        lines_of(before), lines_of(after), f"a/{shown}", f"b/{shown}"
    )
    return "".join(
        line if line.endswith(("\n", "\r")) else line + "\n\\ No newline at end of file\n"
        for line in lines
    )


def write(source: Source, text: str) -> None:
    """Replace the file in one step: encoding, BOM, newlines and mode as they were."""
    target = Path(os.path.realpath(source.path))
    data = source.encode(text)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        shutil.copymode(target, name)
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _tree(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _statement_at(tree: ast.Module, line: int) -> ast.stmt | None:
    """The smallest statement on this line."""
    found = None
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno):
            if found is None or _lines(node) <= _lines(found):
                found = node
    return found


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno


def _outline(tree: ast.Module, lines: range) -> list[str]:
    """Every statement's own text as a dump, without those that lie inside ``lines``.

    A statement that spans the range counts by its header: what it is made of besides blocks.
    """
    found: list[str] = []
    todo: list[tuple[ast.AST, int]] = [(node, 0) for node in reversed(tree.body)]
    while todo:
        node, depth = todo.pop()
        blocks = [
            child for child in ast.iter_child_nodes(node)
            if isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case))
        ]
        first = getattr(node, "lineno", 0)
        last = getattr(node, "end_lineno", 0) or first
        inside = last >= lines.start and first < lines.stop
        if not inside:
            found.append(f"{depth} {ast.dump(node)}")
        elif blocks and not (first in lines and last in lines):  # a block made by the fix
            header = [
                f"{name}={ast.dump(value) if isinstance(value, ast.AST) else value!r}"
                for name, value in ast.iter_fields(node)
                if not isinstance(value, list) and first not in lines
            ]
            found.append(f"{depth} {type(node).__name__} {' '.join(header)}")
            todo += [(child, depth + 1) for child in reversed(blocks)]
    return found


def _offset(lines: Sequence[str], line: int, column: int) -> int | None:
    if not 1 <= line <= len(lines) + 1 or column < 1:
        return None
    if line == len(lines) + 1:
        return sum(map(len, lines)) if column == 1 else None
    if column > len(lines[line - 1]) + 1:
        return None
    return sum(map(len, lines[: line - 1])) + column - 1


def _newline(lines: Sequence[str], line: int) -> str:
    text = lines[line - 1] if line <= len(lines) else (lines[-1] if lines else "\n")
    for end in ("\r\n", "\r", "\n"):
        if text.endswith(end):
            return end
    return "\n"
