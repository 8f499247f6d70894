"""A class once more with other choices: for the layers that its defaults, or its callers, leave out.

Which arguments lead to a layer is read from the conditions around it. What such a run proves is
proved for these arguments; what it refutes is dropped, for the author may not mean them to go
together with the defaults of the others. Only who asks for proofs waits for it: a linted file
does not.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lint_params.shape.check import Verdict
from lint_params.shape.evaluate import interpreter
from lint_params.shape.ops import layer_spec
from lint_params.shape.runs.arguments import Mode, parameters
from lint_params.shape.runs.chosen import Key
from lint_params.shape.runs.conditions import Conditions
from lint_params.shape.runs.one_class import NOTHING, Checked, find_method
from lint_params.shape.runs.steady import WithRanks, by_rank, open_question
from lint_params.shape.value import ClassRef
from lint_params.trees import walk

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter

#: So many choices are tried for one class, within so many steps.
MOST = 6
MOST_STEPS = 20_000
#: How much longer than others a class may run that was not done.
PATIENCE = 4

#: By the line that builds a layer, the lines on which it is called and nothing is open.
Settled = dict[int, set[int]]
#: The class built and called with these choices, and with the defaults of what callers give.
Again = Callable[[Mapping[Key, Any], Mode], Checked]


def supposed(
    it: Interpreter, cls: ClassRef, init: tuple[ClassRef, ast.FunctionDef] | None, runs: list[Checked],
    plain: bool, again: Again, ranked: Callable[[Mapping[Key, Any]], WithRanks],
) -> Iterator[Checked]:
    """The runs with choices that lead to layers which the ``runs`` of the class left open.
    ``plain``: first that with no choice but the defaults of what callers give."""
    patient = runs[0].exhausted
    settled: Settled = {}
    for run in runs:
        _settle(settled, run, cls)
    methods = {m[1].name: m[1] for m in (init, find_method(it, cls, "forward")) if m is not None}
    for choice, mode in _choices(Conditions(cls.node, methods), cls, plain or patient, runs, settled):
        it.budget = interpreter.MAX_STEPS * (PATIENCE if patient else 1)
        try:
            run = again(choice, mode)
        finally:
            it.budget = interpreter.MAX_STEPS
        more = by_rank(it, run, ranked(choice)) if mode is Mode.SIZES and open_question(it, run) else None
        for one in (run, more):
            if one is not None:
                one.how, one.chosen = "supposed", choice
                one.obligations[:] = [o for o in one.obligations if o.verdict is not Verdict.REFUTED]
                _settle(settled, one, cls)
                yield one
        if run.exhausted:
            return


def _choices(
    conditions: Conditions, cls: ClassRef, plain: bool, runs: list[Checked], settled: Settled
) -> Iterator[tuple[Mapping[Key, Any], Mode]]:
    """What to choose next, as long as a layer is not ``settled``."""
    if plain:
        yield NOTHING, Mode.SIZES
    places = list(_layers(conditions, cls, runs))
    ran = any(run.how == Mode.DEFAULTS.value for run in runs)
    if not ran and any(o.verdict is Verdict.UNKNOWN for o in runs[0].obligations):
        yield NOTHING, Mode.DEFAULTS
    tried: list[Mapping[Key, Any]] = []
    for built, use in places:
        if len(tried) >= MOST:
            return
        if not _is_settled(settled, built, use):
            choice = conditions.needed(built, *([use] if use is not None else []))
            if choice and choice not in tried:
                tried.append(choice)
                yield choice, Mode.SIZES


def lacks(cls: ClassRef, runs: list[Checked]) -> bool:
    """Whether a layer that the class builds is called with sizes that no run decides, or not at all."""
    settled: Settled = {}
    for run in runs:
        _settle(settled, run, cls)
    named = {node.lineno for node in walk(cls.node) if isinstance(node, ast.Call) and _has_weights(cls, node)}
    return not (_left_open(runs) | named) <= settled.keys()


def _left_open(runs: list[Checked]) -> set[int]:
    """The lines that build what a run called with sizes that it did not know."""
    return {o.built.line for run in runs for o in run.obligations if o.verdict is Verdict.UNKNOWN and o.built}


def _has_weights(cls: ClassRef, node: ast.Call) -> bool:
    spec = layer_spec(cls.file.names.qualify(node.func) or "")
    return spec is not None and spec.params is not None


def _settle(settled: Settled, run: Checked, cls: ClassRef) -> None:
    for o in run.obligations:
        if o.built is not None and o.built.path == cls.file.path and o.verdict in (Verdict.PROVED, Verdict.FREE):
            settled.setdefault(o.built.line, set()).add(getattr(o.node, "lineno", 0))


def _is_settled(settled: Settled, built: ast.Call, use: ast.Attribute | None) -> bool:
    lines = settled.get(built.lineno, set())
    return bool(lines) if use is None else bool(lines & {use.lineno, built.lineno})


def _layers(
    conditions: Conditions, cls: ClassRef, runs: list[Checked]
) -> Iterator[tuple[ast.Call, ast.Attribute | None]]:
    """The layers with parameters that the class builds by name, or that a run left open, and where
    it calls them."""
    lines = _left_open(runs)
    for node in walk(cls.node):
        if not isinstance(node, ast.Call):
            continue
        if _has_weights(cls, node) or (node.lineno in lines and isinstance(node.func, ast.Name)):
            uses = conditions.uses.get(conditions.attribute(node), [])
            called = [use for use in uses if _is_called(conditions, use)]
            yield from ((node, use) for use in (called or (None,)))


def _is_called(conditions: Conditions, use: ast.AST) -> bool:
    """``self.head(x)``, ``self.head[0](x)``"""
    outer = conditions.parents.get(use)
    while isinstance(outer, ast.Subscript) and outer.value is use:
        use, outer = outer, conditions.parents.get(outer)
    return isinstance(outer, ast.Call) and outer.func is use


def chosen_by_default(init: ast.FunctionDef, always: frozenset[str]) -> frozenset[str]:
    """The parameters, of those that callers ``always`` give, whose default chooses the structure: a
    layer, a function, a flag or a text."""
    return frozenset(
        arg.arg
        for arg, default in parameters(init.args)
        if arg.arg in always
        and (
            isinstance(default, (ast.Name, ast.Attribute, ast.Call))
            or (isinstance(default, ast.Constant) and isinstance(default.value, (str, bool)))
        )
    )
