"""An interpreter that keeps, for every call of a layer with parameters, what was decided.

A call is named by two places of the source: where the layer is built and where it is called.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from lint_params.project import Project, SourceFile
from lint_params.shape.check import Obligation, Verdict
from lint_params.shape.evaluate.calls import OF_ARGUMENT
from lint_params.shape.evaluate.interpreter import Interpreter
from lint_params.shape.runs.analyse import check_file
from lint_params.shape.runs.one_class import Checked
from lint_params.shape.sizes.dim import Poly, Size, Symbol
from lint_params.shape.value import Config, Layer, Tensor, Unknown, Value, only_symbol

#: So many values are looked at for where one comes from.
MOST_PARTS = 200
#: A call is as good as the worst of what it needs.
ORDER = [Verdict.PROVED, Verdict.FREE, Verdict.UNKNOWN, Verdict.REFUTED]


@dataclass
class LayerCall:
    """One call in one run. ``run`` is the list of what that run checked; it tells runs apart."""

    run: list[Obligation]
    layer: Layer
    node: ast.AST
    needs: list[Obligation]
    why: str  # of a call that needs nothing, or of a value that is not known
    theirs: bool = False  # the sizes of what comes in are the caller's, as far as the source says

    @property
    def verdict(self) -> Verdict:
        if not self.needs:
            return Verdict.UNKNOWN if self.why else Verdict.PROVED
        return max((self._of(o) for o in self.needs), key=ORDER.index)

    def _of(self, o: Obligation) -> Verdict:
        """A refutation that was taken back (another way is sound, another count) is no verdict."""
        if self.theirs and o.why == "sizes not comparable" and _is_new(o.got):
            return Verdict.FREE
        gone = o.verdict is Verdict.REFUTED and not any(o is kept for kept in self.run)
        return Verdict.UNKNOWN if gone else o.verdict

    @property
    def reason(self) -> str:
        if self.verdict is not Verdict.UNKNOWN:
            return ""
        if self.why or not self.needs:
            return self.why
        worst = max(self.needs, key=lambda o: ORDER.index(self._of(o)))
        if worst.verdict is Verdict.REFUTED:
            return "refuted on one way only"
        if worst.source is None or worst.why != "sizes not comparable":
            return worst.why
        return f"{worst.why}: {_kind(worst.got)} of {worst.source.text.split(' self.')[0]}"


def _kind(size: object) -> str:
    text = str(size)
    return "a size that is either" if "either" in text else "a size"


class Watching(Interpreter):
    """``calls`` of layers and, by call, why a callee was ``unknown``; in order, of all runs."""

    def __init__(self, project: Project) -> None:
        super().__init__(project)
        self.calls_seen: list[LayerCall] = []
        self.unknown: dict[ast.AST, str] = {}
        self.known: set[ast.AST] = set()

    def call(
        self,
        callee: Value,
        args: list[Value],
        kwargs: dict[str, Value],
        node: ast.AST,
        text: str = "",
    ) -> Value:
        if isinstance(callee, (Unknown, Config)):
            why = callee.why if isinstance(callee, Unknown) else "an argument of unknown type"
            self.unknown[node] = why
        else:
            self.known.add(node)
        if not isinstance(callee, Layer) or callee.spec.params is None:
            return super().call(callee, args, kwargs, node, text)
        came = args[0] if args else next(iter(kwargs.values()), None)
        theirs = self._is_theirs(came)
        run = self.ctx.obligations
        start = len(run)
        value = super().call(callee, args, kwargs, node, text)
        why = _unknown(came)
        needs = run[start:]
        if not needs and not why and isinstance(value, Unknown):
            why = value.why
        self.calls_seen.append(LayerCall(run, callee, node, needs, why, theirs))
        return value

    def _is_theirs(self, value: Value) -> bool:
        """Whether the caller chooses the sizes of a value: it is an argument, or torch's functions
        made it of nothing but arguments, of which no size is known, or an argument made it."""
        if isinstance(value, (Unknown, Config)):
            return isinstance(value, Config) or value.why == OF_ARGUMENT
        if not isinstance(value, Tensor):
            return False
        todo, seen = [value], 0
        while todo and seen < MOST_PARTS:
            one = todo.pop()
            seen += 1
            if not one.free and not one.of:
                return False
            if one.free and not all(_of_inputs(self.ctx.resolve(d)) for d in one.shape.dims):
                return False
            todo += () if one.free else one.of
        return not todo


def _of_inputs(size: Size) -> bool:
    return isinstance(size, Poly) and all(isinstance(a, Symbol) and a.kind == "input" for a in size.atoms)


def _is_new(size: Size | None) -> bool:
    """Whether a size is one that nothing is known of."""
    symbol = None if size is None else only_symbol(size)
    return symbol is not None and symbol.kind == "opaque"


def _unknown(value: Value) -> str:
    if isinstance(value, Unknown):
        return f"value: {value.why}"
    return "value: an argument of unknown type" if isinstance(value, Config) else ""


def watched(file: SourceFile, project: Project) -> Iterator[tuple[Checked, Watching]]:
    """Every run over a file, with the calls that were made in it and not in other runs."""
    it = Watching(project)
    for run in check_file(file, project, it, suppose=True):
        it.calls_seen = [c for c in it.calls_seen if c.run is run.obligations]
        yield run, it
        it.calls_seen, it.unknown, it.known = [], {}, set()
