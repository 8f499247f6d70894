"""What does not fit only as long as an input of forward is left out, whatever the class is built
with: ``forward(self, x, pitch=None)`` joins ``pitch`` to ``x`` where it is there, for a layer that is
as wide as both. The class needs the input; who leaves it out is told by the call.

``left_out`` is of widths that the constructor may leave out as well.
"""

from __future__ import annotations

import ast

from lint_params.shape.check import Verdict
from lint_params.shape.runs.arguments import parameters
from lint_params.shape.runs.chosen import GIVEN, Key
from lint_params.shape.runs.narrow import Again
from lint_params.shape.runs.one_class import Checked
from lint_params.shape.value import Value
from lint_params.trees import is_none

_FITS = (Verdict.PROVED, Verdict.FREE)


def with_all_inputs(run: Checked, forward: ast.FunctionDef | None, again: Again) -> Checked:
    """The run of a class without what is refuted at calls that fit once all inputs are given which
    are None by default."""
    refuted = any(o.verdict is Verdict.REFUTED for o in run.obligations)
    left = _left_out(forward) if refuted and forward is not None else {}
    other = again(left) if left else None
    if other is None:
        return run
    fits = {id(o.node) for o in other.obligations if o.verdict in _FITS}
    fits -= {id(o.node) for o in other.obligations if o.verdict not in _FITS}
    run.left_out = [o for o in run.obligations if o.verdict is Verdict.REFUTED and id(o.node) in fits]
    run.obligations = [o for o in run.obligations if o not in run.left_out]
    return run


def _left_out(forward: ast.FunctionDef) -> dict[Key, Value]:
    return {
        (forward.name, arg.arg): GIVEN
        for arg, default in parameters(forward.args)[1:]
        if is_none(default)
    }
