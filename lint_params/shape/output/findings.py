"""From refuted obligations to what a reader is told: where, what, and where each size came from."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from lint_params.project import Project, SourceFile
from lint_params.shape.check import Obligation, Verdict
from lint_params.shape.evaluate.classes import is_module_class
from lint_params.shape.evaluate.interpreter import Interpreter
from lint_params.shape.output.places import builder_of, causes, made_inside, place, spot_of
from lint_params.shape.output.templates import changes_torch, is_template
from lint_params.shape.runs.analyse import check_class, check_file
from lint_params.shape.runs.builders import somebody_agrees
from lint_params.shape.runs.callers import Callers
from lint_params.shape.runs.left_out import only_left_out
from lint_params.shape.runs.one_class import Checked
from lint_params.shape.runs.ties import forced
from lint_params.shape.sizes.dim import MAYBE, Poly, Symbol, same
from lint_params.shape.sizes.shown import short
from lint_params.shape.value import ClassRef, Origin

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
            self._mismatches = list(_mismatches(self._file, self.runs, self._project))
        return self._mismatches

    @property
    def ties(self) -> list[Mismatch]:
        """What is sound only where sizes happen to agree; looked for only if a rule asks."""
        if self._ties is None:
            seen = {spot_of(self._file.path, m.node) for m in self.mismatches}
            found = list(forced(self._file, self.runs, self._project))
            places = [place(self._file, run, o, set()) for run, o in found]
            self._ties = [
                _mismatch(self._file, run, o._replace(rule=TIE, text=_TIED), node)
                for (run, o), node in zip(found, places)
                if node is not None and spot_of(self._file.path, node) not in seen and not self._asks_itself(o)
            ]
        return self._ties

    def _asks_itself(self, o: Obligation) -> bool:
        """Whether the innermost module leaves the same open whoever builds it: that is its own matter."""
        if not o.inside:
            return False
        cls, spot = o.inside[-1].cls, spot_of(o.path, o.node)
        own = [run for run in self.runs if run.root is cls.node]
        if not own:
            it = Interpreter(self._project)
            it.current = cls.file
            own = [next(check_class(it, cls, cls.node.name, Callers(it, cls.file, {})))]
        return any(
            one.verdict is Verdict.UNKNOWN and not one.inside and spot_of(one.path, one.node) == spot
            for run in own
            for one in run.obligations
        )

    @cached_property
    def _is_template(self) -> bool:
        return is_template(self._file, self._project) or changes_torch(self._file)

    def refuted(self, rule: str) -> Iterator[Mismatch]:
        """The mismatches that the rule of that name reports; none of a file that is never run."""
        if self._is_template:
            return iter(())
        found = self.ties if rule == TIE else self.mismatches
        return (m for m in found if m.rule == rule)


def _mismatches(
    file: SourceFile, runs: list[Checked], project: Project | None
) -> Iterator[Mismatch]:
    refuted = [
        (run, o)
        for run in runs
        for o in run.obligations
        if o.verdict is Verdict.REFUTED and not _is_of_nothing(run, o)
        and not only_left_out(run, o, runs) and not _is_met(file, run, o, project)
    ]
    # A class that fails by itself is reported there, not wherever it is used.
    own = {
        spot_of(o.path, o.node)
        for run, o in refuted
        if not o.inside and isinstance(run.root, ast.ClassDef)
    }
    ties = _own_ties(runs)
    seen: set[tuple[Any, ...]] = set()
    for run, obligation in refuted:
        if obligation.inside and spot_of(obligation.path, obligation.node) in own:
            continue
        node = place(file, run, obligation, ties)
        if node is None:
            continue
        spots = {spot_of(file.path, node)}
        builder = builder_of(file, obligation)
        if builder is not None and made_inside(obligation):
            spots.add(spot_of(file.path, builder))  # what follows from it inside is told where it is built
        spots |= causes(file, obligation)
        if spots & seen:
            continue
        seen |= spots
        if _is_told_there(file, obligation, project):
            continue
        yield _mismatch(file, run, obligation, node)


def _is_of_nothing(run: Checked, o: Obligation) -> bool:
    """A class with a size of 0, which is a default that a caller replaces."""
    return isinstance(run.root, ast.ClassDef) and 0 in (o.expected, o.got)


def _is_met(file: SourceFile, run: Checked, o: Obligation, project: Project | None) -> bool:
    """Whether a class is built, where anybody sees, for the one number with which it runs: its single head."""
    if o.expected is None or o.got is None or not isinstance(run.root, ast.ClassDef):
        return False
    return same(o.expected, o.got) is MAYBE and somebody_agrees(project, file, run.root, o.expected, o.got)


def _own_ties(runs: list[Checked]) -> set[tuple[Any, ...]]:
    """Where a class asks two of its own arguments to be equal, whoever builds it: the fault
    is then the class's, not its caller's."""
    return {
        spot_of(o.path, o.node)
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


def _is_told_there(file: SourceFile, o: Obligation, project: Project | None) -> bool:
    """Whether a class of another file fails by itself: that is reported over there."""
    other = project.load(Path(o.path)) if project is not None and o.path != file.path else None
    if other is None:
        return False
    spot = spot_of(o.path, o.node)
    around = [n for n in other.tree.body if n.lineno <= spot[1] <= (n.end_lineno or 0)]
    running = [module.cls.node for module in o.inside[-1:] if module.cls.file.path == o.path]
    for node in (one for one in (*running, *around) if isinstance(one, ast.ClassDef)):
        it = Interpreter(project)
        it.current = other
        cls = ClassRef(node, other)
        if is_module_class(it, cls):
            run = next(check_class(it, cls, node.name, Callers(it, other, {})))
            if any(spot_of(o.path, one.node) == spot for one in _mismatches(other, [run], project)):
                return True
    return False


def _mismatch(file: SourceFile, run: Checked, o: Obligation, node: ast.AST) -> Mismatch:
    message = o.text.format(
        name=o.name or "this call",
        expected=short(o.expected),
        got=short(o.got),
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
    failing = getattr(o.node, "lineno", 0)
    if o.path == file.path and failing not in (getattr(node, "lineno", 0), *(line for line, _ in trace)):
        trace.append((failing, f"{o.name or 'the call'} fails here"))
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
    details["failing_line"] = failing
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
