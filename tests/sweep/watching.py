"""An interpreter that keeps, for every call of a layer with parameters, what was decided.

A call is named by two places of the source: where the layer is built and where it is called.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from lint_params.project import Project, SourceFile
from lint_params.shape.check import Obligation, Verdict
from lint_params.shape.evaluate.interpreter import Interpreter
from lint_params.shape.runs.analyse import check_file
from lint_params.shape.runs.one_class import Checked
from lint_params.shape.value import Config, Layer, Unknown, Value

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

    @property
    def verdict(self) -> Verdict:
        if not self.needs:
            return Verdict.UNKNOWN if self.why else Verdict.PROVED
        return max((self._of(o) for o in self.needs), key=ORDER.index)

    def _of(self, o: Obligation) -> Verdict:
        """A refutation that was taken back (another way is sound, another count) is no verdict."""
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
        run = self.ctx.obligations
        start = len(run)
        value = super().call(callee, args, kwargs, node, text)
        why = _unknown(args[0] if args else next(iter(kwargs.values()), None))
        needs = run[start:]
        if not needs and not why and isinstance(value, Unknown):
            why = value.why
        self.calls_seen.append(LayerCall(run, callee, node, needs, why))
        return value


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
