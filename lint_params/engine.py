"""One file: read, parse, facts, rules, suppression. Nothing that happens here stops a run."""

from __future__ import annotations

import ast
import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lint_params import registry
from lint_params.expected import meant_to_fail, tried
from lint_params.frames import with_room
from lint_params.notebook import in_cell, show_last_values, without_bad_cells
from lint_params.parse import parse
from lint_params.rule import Finding, Level, Place, Rule
from lint_params.source import Source, Unreadable, read
from lint_params.suppress import Noqa, read_noqa

if TYPE_CHECKING:
    from lint_params.project import Project


@dataclass
class Result:
    """What one file gave: findings, those that noqa silenced, and what went wrong inside.

    ``crashes`` are mistakes of the linter (exit status 2); ``notes`` are limits it met.
    ``depends`` are the other files that were read, with their hashes, for the cache.
    """

    path: str
    findings: list[Finding] = field(default_factory=list)
    suppressed: list[Finding] = field(default_factory=list)
    unused_noqa: list[tuple[int, str]] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    depends: dict[str, str] = field(default_factory=dict)


@contextmanager
def uncollected() -> Iterator[None]:
    """No garbage is looked for in here: a tree is a hundred thousand objects of which none is
    garbage, and the collector would go through them again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@with_room
@uncollected()
def lint_bytes(
    path: str,
    data: bytes,
    rules: Sequence[Rule],
    project: Project | None = None,
    *,
    noqa: bool = True,
    unreadable: bool = True,
) -> Result:
    """Lint a file's bytes; ``unreadable`` False leaves LP001 out."""
    result = Result(path)
    try:
        source = read(path, data)
        if source.cells:
            source, problems = without_bad_cells(source)
            result.findings += [_unreadable(cell, problem) for cell, problem in problems]
        tree = parse(source.text)
        if source.cells:
            show_last_values(tree, source)
    except Unreadable as problem:
        result.findings.append(_unreadable(path, problem))
    else:
        _lint(source, tree, rules, project, result, noqa=noqa)
    if not unreadable:
        result.findings = [f for f in result.findings if f.code != registry.UNREADABLE]
    result.findings.sort(key=lambda finding: finding.sort_key)
    return result


@with_room
@uncollected()
def lint_tree(
    path: str,
    text: str,
    tree: ast.Module,
    rules: Sequence[Rule],
    project: Project | None = None,
    *,
    noqa: bool = True,
) -> Result:
    """Lint what somebody else has parsed already (flake8)."""
    result = Result(path)
    _lint(Source(path, text), tree, rules, project, result, noqa=noqa)
    result.findings.sort(key=lambda finding: finding.sort_key)
    return result


def unreadable_file(path: str, error: OSError) -> Result:
    """The result for a file that the system does not let us read."""
    reason = error.strerror or type(error).__name__
    return Result(path, [_unreadable(path, Unreadable(f"cannot read: {reason}"))])


def _lint(
    source: Source,
    tree: ast.Module,
    rules: Sequence[Rule],
    project: Project | None,
    result: Result,
    *,
    noqa: bool,
) -> None:
    found = _findings(source, tree, rules, project, result)
    comments = read_noqa(source.text) if noqa else Noqa([])
    kept, result.suppressed = comments.split(found)
    result.unused_noqa = comments.unused(registry.names())
    result.findings += [in_cell(finding, source) for finding in kept] if source.cells else kept


def _findings(
    source: Source,
    tree: ast.Module,
    rules: Sequence[Rule],
    project: Project | None,
    result: Result,
) -> list[Finding]:
    text = source.text
    if "torch" not in text:
        return []
    able = [rule for rule in rules if not rule.words or any(word in text for word in rule.words)]
    if not able:
        return []
    from lint_params.facts import FileFacts

    try:
        facts = FileFacts(source.path, text, tree, project)
    except RecursionError:
        result.notes.append(f"{source.path}: nested too deeply, not linted")
        return []
    except Exception as error:
        result.crashes.append(f"{source.path}: internal error in facts: {_failure(error)}")
        return []
    found: dict[Finding, None] = {}
    crashed: dict[str, list[str]] = {}  # what rules share can fail in each of them
    for rule in able:
        try:
            for finding in rule.check(facts):
                found.setdefault(finding)
        except RecursionError:
            result.notes.append(f"{source.path}: nested too deeply for {rule.code}, skipped")
        except Exception as error:
            crashed.setdefault(_failure(error), []).append(f"{rule.code} ({rule.name})")
    facts.rest()
    for failure, names in crashed.items():
        others = f" and {len(names) - 1} more rules" if len(names) > 1 else ""
        result.crashes.append(f"{source.path}: internal error in {names[0]}{others}: {failure}")
    if project is not None:
        result.depends = project.dependencies(source.path)
    failing = meant_to_fail(tree) if found else []
    escaped = failing + tried(tree) if found else []

    def counts(one: Finding) -> bool:
        expected = failing if one.code.startswith(_SILENT) else escaped
        return not any(first <= one.place.line <= last for first, last in expected)

    return sorted(filter(counts, found), key=lambda finding: finding.sort_key)


#: Families whose mistakes raise nothing: parameters changed without a trace, or not trained.
_SILENT = ("LP2", "LP6")


def _failure(error: Exception) -> str:
    """What a user can paste into a report: the error, and where the linter itself failed."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = ""
    if frame is not None:
        file = frame.tb_frame.f_code.co_filename.replace("\\", "/").rpartition("/")[2]
        where = f" at {file}:{frame.tb_lineno}"
    return f"{type(error).__name__}: {error}{where}"


def _unreadable(path: str, problem: Unreadable) -> Finding:
    return Finding(
        code=registry.UNREADABLE,
        name=registry.UNREADABLE_NAME,
        level=Level.ERROR,
        path=path,
        place=Place(problem.line, problem.column, problem.line, problem.column + 1),
        message=problem.message,
    )
