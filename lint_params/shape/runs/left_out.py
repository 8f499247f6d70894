"""Sizes that fit only where an input is given that a caller may leave out.

``Linear(width + context_dim)`` behind ``if context is not None: x = cat((x, context))``: who calls
forward without a context builds the class without one, and who builds it with one gives it.
"""

from __future__ import annotations

import ast

from lint_params.shape.check import Obligation, Verdict
from lint_params.shape.runs.one_class import Checked
from lint_params.shape.sizes.dim import Poly, Size, Symbol, sub


def only_left_out(run: Checked, refuted: Obligation, runs: list[Checked]) -> bool:
    """Whether what does not fit in this run are the sizes that an input would have brought that it
    left out: with the input given, the same line is come by and fits."""
    if _called_by_nobody(run, refuted):
        own = [(one, o) for one in runs if isinstance(one.root, ast.ClassDef) for o in one.obligations]
        return any(o.node is refuted.node for one in runs for o in one.left_out) or any(
            o.verdict is Verdict.REFUTED and o.node is refuted.node and only_left_out(one, o, runs) for one, o in own
        )
    if not any(value is None for value in run.inputs.values()) or not isinstance(run.root, ast.ClassDef):
        return False
    if not _counts_alone(refuted.expected, refuted.got):
        return False
    there = [o.verdict for one in _with_inputs(run, runs) for o in one.obligations if o.node is refuted.node]
    return bool(there) and Verdict.REFUTED not in there


def brought_by_input(run: Checked, tie: Obligation, runs: list[Checked]) -> bool:
    """Whether what must agree in this run comes with an input that it left out: behind
    ``context = x if context is None else context`` the width is that of the context, if one is given."""
    if not any(value is None for value in run.inputs.values()):
        return False
    there = [o for one in _with_inputs(run, runs) for o in one.obligations if o.node is tie.node]
    return bool(there) and all(o.verdict in (Verdict.FREE, Verdict.PROVED) for o in there)


def _with_inputs(run: Checked, runs: list[Checked]) -> list[Checked]:
    """The runs of the same class in which every input is given."""
    return [one for one in runs if one.root is run.root and one.how == "open"]


def _called_by_nobody(run: Checked, o: Obligation) -> bool:
    """Whether a function only builds the module: its forward runs as in the run of its class."""
    first = o.stack[0][1] if o.stack else None
    return isinstance(first, ast.FunctionDef) and first is not run.root and not isinstance(run.root, ast.ClassDef)


def _counts_alone(expected: Size | None, got: Size | None) -> bool:
    """Whether one is the other with whole arguments of the constructor added, which may be 0."""
    if expected is None or got is None:
        return False
    rest = sub(expected, got)
    if not isinstance(rest, Poly) or len({factor > 0 for factor in rest.terms.values()}) > 1:
        return False
    return all(
        monomial and all(isinstance(a, Symbol) and a.kind == "argument" and not a.default for a, _ in monomial)
        for monomial in rest.terms
    )
