"""From refuted obligations to what a reader is told: where, what, and where each size came from."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lint_params.project import Project, SourceFile
from lint_params.shape.analyse import check_file
from lint_params.shape.check import Obligation, Verdict
from lint_params.shape.dim import Poly, Symbol
from lint_params.shape.left_out import only_left_out
from lint_params.shape.runs import Checked
from lint_params.shape.ties import forced
from lint_params.shape.value import Origin

#: The rule that reports sizes which fit only where arguments are equal.
TIE = "arguments-must-agree"
_TIED = "{name}{built} takes {expected} but gets {got}{source}: only where these are one does it run"


@dataclass(frozen=True)
class Mismatch:
    """A refuted obligation at the place where a reader would mend it."""

    rule: str
    node: ast.AST
    message: str
    trace: tuple[tuple[int, str], ...]
    subject: str
    details: dict[str, Any] = field(default_factory=dict, hash=False)


class ShapeFacts:
    """What the interpreter found in one file, for the rules that ask by their name."""

    def __init__(self, file: SourceFile, project: Project | None) -> None:
        self._file = file
        self._project = project
        self._mismatches: list[Mismatch] | None = None
        self._ties: list[Mismatch] | None = None
        self._runs: list[Checked] | None = None

    @property
    def runs(self) -> list[Checked]:
        """Every run over the file with all its obligations."""
        if self._runs is None:
            self._runs = list(check_file(self._file, self._project))
        return self._runs

    @property
    def mismatches(self) -> list[Mismatch]:
        if self._mismatches is None:
            self._mismatches = list(_mismatches(self._file, self.runs))
        return self._mismatches

    @property
    def ties(self) -> list[Mismatch]:
        """What is sound only where sizes happen to agree; looked for only if a rule asks."""
        if self._ties is None:
            seen = {_spot(self._file.path, m.node) for m in self.mismatches}
            self._ties = [
                _mismatch(self._file, run, o._replace(rule=TIE, text=_TIED), o.node)
                for run, o in forced(self._file, self.runs, self._project)
                if _spot(self._file.path, o.node) not in seen
            ]
        return self._ties

    def refuted(self, rule: str) -> Iterator[Mismatch]:
        """The mismatches that the rule of that name reports."""
        found = self.ties if rule == TIE else self.mismatches
        return (m for m in found if m.rule == rule)


def _mismatches(file: SourceFile, runs: list[Checked]) -> Iterator[Mismatch]:
    refuted = [(run, o) for run in runs for o in run.obligations if o.verdict is Verdict.REFUTED]
    # A class that fails by itself is reported there, not wherever it is used.
    own = {
        _spot(o.path, o.node)
        for run, o in refuted
        if not o.inside and isinstance(run.root, ast.ClassDef)
    }
    ties = _own_ties(runs)
    seen: set[tuple[Any, ...]] = set()
    for run, obligation in refuted:
        if obligation.inside and _spot(obligation.path, obligation.node) in own:
            continue
        if isinstance(run.root, ast.ClassDef) and 0 in (obligation.expected, obligation.got):
            continue  # a size of 0 is a default that a caller replaces
        if only_left_out(run, obligation, runs):
            continue
        node = _outside_call(file, run, obligation) or _place(file, obligation, ties)
        if node is None:
            continue
        spots = {_spot(file.path, node)}
        if _made_inside(obligation):  # what follows from it inside that module is told where it is built
            builder = _builder(file, obligation)
            spots |= {_spot(file.path, builder)} if builder is not None else set()
        spots |= _causes(file, obligation)
        if spots & seen:
            continue
        seen |= spots
        yield _mismatch(file, run, obligation, node)


def _spot(path: str, node: ast.AST) -> tuple[Any, ...]:
    return (path, getattr(node, "lineno", 0), getattr(node, "col_offset", 0))


def _causes(file: SourceFile, o: Obligation) -> set[tuple[Any, ...]]:
    """What one mistake shows in several places: a line of another file that no size of this file
    makes wrong, wherever it is come to; one input that several layers of a module refuse."""
    found: set[tuple[Any, ...]] = set()
    origins = [one for one in (o.source, o.built) if one is not None]
    if o.path != file.path and origins and all(one.path != file.path for one in origins):
        found.add(("line", *_spot(o.path, o.node)))
    if o.source is not None and o.inside and o.stack:
        path, call, _ = o.stack[-1]
        sizes = str(o.expected), str(o.got), o.source.path, o.source.line
        found.add(("input", *_spot(path, call), *sizes))
    return found


def _outside_call(file: SourceFile, run: Checked, o: Obligation) -> ast.AST | None:
    """The call in the script, where a sound class gets an input whose own size is wrong."""
    if (
        o.inside
        or o.source is None
        or o.source.path != file.path
        or isinstance(run.root, ast.ClassDef)
    ):
        return None
    frames = [node for path, node, _ in o.stack if path == file.path and isinstance(node, ast.Call)]
    spans = [n for n in file.tree.body if isinstance(n, ast.ClassDef)]

    def in_class(line: int) -> bool:
        return any(c.lineno <= line <= (c.end_lineno or c.lineno) for c in spans)

    if in_class(o.source.line) or not in_class(getattr(o.node, "lineno", 0)):
        return None
    outside = [node for node in frames if not in_class(node.lineno)]
    return outside[-1] if outside else None


def _own_ties(runs: list[Checked]) -> set[tuple[Any, ...]]:
    """Where a class asks two of its own arguments to be equal, whoever builds it: the fault
    is then the class's, not its caller's."""
    return {
        _spot(o.path, o.node)
        for run in runs
        for o in run.obligations
        if o.verdict is Verdict.UNKNOWN
        and not o.inside
        and _arguments(o.expected)
        and _arguments(o.got)
    }


def _arguments(size: Any) -> bool:
    """Whether a size is made of nothing but constructor arguments (and numbers)."""
    return isinstance(size, Poly) and all(
        isinstance(a, Symbol) and a.kind == "argument" for a in size.atoms
    )


def _place(file: SourceFile, obligation: Obligation, ties: set[tuple[Any, ...]]) -> ast.AST | None:
    """Where to report: the call itself, or, inside a module of the project, that module's
    constructor call, which gave it the sizes that do not fit."""
    own = (
        obligation.turned or _spot(obligation.path, obligation.node) in ties or _made_inside(obligation)
    )
    if own and obligation.path == file.path:
        return obligation.node
    builder = _builder(file, obligation)
    if builder is not None:
        return builder
    if obligation.path == file.path and hasattr(obligation.node, "lineno"):
        return obligation.node
    for path, node, _ in reversed(obligation.stack):
        if path == file.path and isinstance(node, (ast.Call, ast.BinOp)):
            return node
    return None


def _builder(file: SourceFile, obligation: Obligation) -> ast.Call | None:
    """The constructor call in this file of the innermost module that has one."""
    for module in reversed(obligation.inside):
        if isinstance(module.node, ast.Call) and module.origin is not None:
            if module.origin.path == file.path:
                return module.node
    return None


def _made_inside(o: Obligation) -> bool:
    """Whether the innermost module itself makes the size that does not fit, by an operation and no
    layer: ``x.chunk(2)``, ``self.pe[:x.size(1)]``. Whoever builds it has no part in that."""
    cls = o.inside[-1].cls if o.inside else None
    if cls is None or o.source is None or o.source.built is not None:
        return False

    def within(origin: Origin) -> bool:
        node = cls.node
        return origin.path == o.path and node.lineno <= origin.line <= (node.end_lineno or node.lineno)

    return within(o.source) and (o.built is None or within(o.built))


def _mismatch(file: SourceFile, run: Checked, o: Obligation, node: ast.AST) -> Mismatch:
    message = o.text.format(
        name=o.name or "this call",
        expected=o.expected,
        got=o.got,
        built=_at(file, o.built),
        source=_from(file, o.source),
        at=_Lines(file),
    )
    trace: list[tuple[int, str]] = []
    if o.built is not None and o.built.path == file.path and o.built.line:
        trace.append((o.built.line, f"{o.name} is built here"))
    if o.source is not None and o.source.path == file.path and o.source.line and o.got is not None:
        what = "number of dimensions" if o.counts_dimensions else "size"
        trace.append((o.source.line, f"{o.of_source} is the {what} of {o.source.text}"))
    known = {line for line, _ in trace}
    trace += [
        (s.line, s.text) for s in o.sources if s.path == file.path and s.line not in known and s.line
    ]
    for path, frame, text in o.stack:
        line = getattr(frame, "lineno", 0)
        if path == file.path and isinstance(frame, ast.Call) and line != getattr(node, "lineno", 0):
            trace.append((line, f"called here: {text}(...)"))
    if run.how == "ranks":
        trace.append(
            (getattr(run.root, "lineno", 1), "whatever the number of dimensions of the input")
        )
    if run.how == "defaults":
        trace.append(
            (getattr(run.root, "lineno", 1), f"with the default arguments of {run.subject}")
        )
    details: dict[str, Any] = {"expected": _plain(o.expected), "got": _plain(o.got)}
    attribute = o.name.rpartition(".")[2].partition("[")[0] if o.name.startswith("self.") else ""
    if attribute:
        details["attribute"] = attribute
    details["failing_line"] = getattr(o.node, "lineno", 0)
    return Mismatch(o.rule, node, message, tuple(dict.fromkeys(trace)), run.subject, details)


def _plain(size: Any) -> Any:
    return size if isinstance(size, int) or size is None else str(size)


class _Lines:
    """The lines that a message names, ``LINE:PATH``, as they are called in one file."""

    def __init__(self, file: SourceFile) -> None:
        self.file = file

    def __getitem__(self, place: str) -> str:
        line, _, path = place.partition(":")
        return _line(self.file, path, int(line))


def _at(file: SourceFile, origin: Origin | None) -> str:
    return "" if origin is None or not origin.line else _line(file, origin.path, origin.line)


def _line(file: SourceFile, path: str, line: int) -> str:
    if path and path != file.path:
        return f" ({os.path.basename(path)}:{line})"
    return f" (line {line})"


def _from(file: SourceFile, origin: Origin | None) -> str:
    if origin is None or not origin.line:
        return ""
    return f", {origin.text}{_at(file, origin)}"
