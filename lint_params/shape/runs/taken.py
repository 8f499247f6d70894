"""What forward takes, by the source alone: ranks, and sizes in the constructor's arguments.

For those who make inputs up (the verifier): which sizes are tied and which are free to choose.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field

from lint_params.project import Project
from lint_params.shape.check import Verdict
from lint_params.shape.evaluate.classes import is_module_class
from lint_params.shape.evaluate.interpreter import Interpreter
from lint_params.shape.runs.one_class import Checked, find_method, run_ranks
from lint_params.shape.runs.steady import RANKS, open_question
from lint_params.shape.sizes.dim import Atom, Size, Symbol
from lint_params.shape.sizes.poly import OPERATIONS
from lint_params.shape.value import ClassRef, Shape, Tensor, Value, as_size, only_symbol


@dataclass(frozen=True)
class Input:
    """A tensor that forward takes. ``open``: further sizes may stand in front of ``dims``."""

    dims: tuple[Size, ...]
    open: bool
    looks_up: bool = False  # it numbers the rows of a table
    rows: Size | None = None  # how many there are, where that is known

    def __str__(self) -> str:
        text = str(Shape(self.dims, self.open))
        if not self.looks_up:
            return text
        return f"{text} of whole numbers" + ("" if self.rows is None else f" below {self.rows}")


@dataclass
class Taken:
    """``demands``: what had to be so for the code to run at all, an atom being a size."""

    inputs: dict[str, Input] = field(default_factory=dict)
    demands: dict[Atom, Size] = field(default_factory=dict)
    met: list[tuple[Size, Size]] = field(default_factory=list)  # added: alike, or one is 1

    def ties(self) -> Iterator[tuple[Symbol, Size]]:
        """Arguments of the constructor that must equal other sizes."""
        for atom, size in self.demands.items():
            if isinstance(atom, Symbol) and atom.kind == "argument":
                yield atom, size
        for one, other in self.met:
            for alone, size in ((other, one), (one, other)):
                symbol = only_symbol(alone)
                if symbol is not None and symbol.kind == "argument" and symbol.default is None:
                    yield symbol, size
                    break


class Classes:
    """The classes of one file, each looked at when it is first asked for."""

    def __init__(self, path: str, tree: ast.Module) -> None:
        project = Project()
        self.it = Interpreter(project)
        self.file = project.add(path, tree)
        self.known: dict[str, Taken] = {}

    def taken(self, name: str) -> Taken:
        if name not in self.known:
            self.known[name] = self._taken(name)
        return self.known[name]

    def _taken(self, name: str) -> Taken:
        it = self.it
        it.current = self.file
        cls = it.file_scope(self.file).lookup(it, name)
        if not isinstance(cls, ClassRef) or not is_module_class(it, cls):
            return Taken()
        init = find_method(it, cls, "__init__")

        def again(ranks: Iterable[Mapping[str, int]]) -> Iterator[tuple[Checked, Taken]]:
            with closing(run_ranks(it, cls, name, init, frozenset(), _nothing, ranks)) as runs:
                for run in runs:
                    yield run, _read(it, run)

        try:
            return _best(it, again)
        finally:
            it.ctx.looked_up = None


#: Ranks of what numbers the rows of a table.
IDS = (2, 1, 3)

#: The class run on inputs of one set of ranks after the other.
Again = Callable[[Iterable[Mapping[str, int]]], Iterator[tuple[Checked, Taken]]]


def _nothing(name: str) -> Value | None:
    return None


def _best(it: Interpreter, again: Again) -> Taken:
    """The first run's; where it left something open, that of the first ranks that all of the
    class takes, or, if it takes none, of those with which it gets furthest."""
    it.ctx.looked_up = []
    first, taken = next(iter(again([{}])))
    if first.exhausted:
        return Taken()
    first.open_inputs = tuple(n for n, x in taken.inputs.items() if x.open)
    names = first.open_inputs
    if not open_question(it, first):  # whole numbers are a batch of rows, where nothing says so
        names = tuple(name for name in names[:2] if taken.inputs[name].looks_up)
    if not names:
        return taken
    usual = [IDS if taken.inputs[name].looks_up else RANKS for name in names]
    best: tuple[int, int, int] | None = None
    for run, found in again(dict(zip(names, ranks)) for ranks in itertools.product(*usual)):
        verdicts = [o.verdict for o in run.obligations]
        if run.exhausted or any(o.batch for o in run.obligations):
            continue
        if Verdict.REFUTED in verdicts:
            place = (0, max(o.at for o in run.obligations), 0)
        else:
            place = (1, -verdicts.count(Verdict.UNKNOWN), verdicts.count(Verdict.PROVED))
        if best is None or place > best:
            best, taken = place, found
    return taken


def _symbol(value: Value) -> Symbol | None:
    size = as_size(value)
    return None if size is None else only_symbol(size)


def _read(it: Interpreter, run: Checked) -> Taken:
    """What a run has learned, while it is remembered."""
    ctx = it.ctx
    tables = {id(x.shape): rows for x, rows in ctx.looked_up or ()}
    taken = Taken(demands=dict(ctx.bound))
    own = {symbol for value in run.arguments.values() if (symbol := _symbol(value)) is not None}
    for value in run.inputs.values():
        if isinstance(value, Tensor):
            own.update(s for d in value.shape.dims if (s := only_symbol(d)) is not None)
    for atom in OPERATIONS.values():
        if atom.name == "broadcast" and not own.isdisjoint(atom.deep):
            taken.met.append((ctx.resolve(atom.args[0]), ctx.resolve(atom.args[1])))
    for name, value in run.inputs.items():
        if isinstance(value, Tensor):
            shape = value.shape
            rows = tables.get(id(shape))
            taken.inputs[name] = Input(
                tuple(ctx.resolve(d) for d in shape.dims),
                shape.lead,
                id(shape) in tables,
                None if rows is None else ctx.resolve(rows),
            )
    if ctx.looked_up:
        ctx.looked_up.clear()
    return taken
