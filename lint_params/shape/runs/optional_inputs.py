"""What does not fit only as long as an input of forward is left out, whatever the class is built
with: ``forward(self, x, pitch=None)`` joins ``pitch`` to ``x`` where it is there, for a layer that is
as wide as both. The class needs the input; who leaves it out is told by the call.

And what does not fit only as long as a part is left out that the constructor takes: a U-Net's block
is as wide as what its ``submodule=None`` gives back. ``left_out`` is of widths that the constructor may
leave out as well.
"""

from __future__ import annotations

import ast
import re

from lint_params.shape.check import Verdict
from lint_params.shape.runs.arguments import parameters
from lint_params.shape.runs.chosen import GIVEN, Key
from lint_params.shape.runs.narrow import Again
from lint_params.shape.runs.one_class import Checked, refutes
from lint_params.shape.value import Value
from lint_params.trees import is_none

_FITS = (Verdict.PROVED, Verdict.FREE)


def with_all_inputs(run: Checked, forward: ast.FunctionDef | None, again: Again) -> Checked:
    """The run of a class without what is refuted at calls that fit once all inputs are given which
    are None by default."""
    left = _left_out(forward) if refutes(run) and forward is not None else {}
    other = again(left) if left else None
    if other is None:
        return run
    fits = {id(o.node) for o in other.obligations if o.verdict in _FITS}
    fits -= {id(o.node) for o in other.obligations if o.verdict not in _FITS}
    run.left_out = [o for o in run.obligations if o.verdict is Verdict.REFUTED and id(o.node) in fits]
    run.obligations = [o for o in run.obligations if o not in run.left_out]
    return run


def with_all_parts(run: Checked, init: ast.FunctionDef | None, again: Again) -> Checked:
    """The run of a class without what is refuted at calls of which nothing is known once all Modules
    are given that the constructor takes and that are None by default."""
    if init is None or not refutes(run):
        return run
    parts = _parts(init)
    left = {key: value for key, value in _left_out(init).items() if key[1] in parts}
    other = again(left) if left else None
    if other is None or other.exhausted:
        return run
    there = {id(o.node) for o in other.obligations}
    there -= {id(o.node) for o in other.obligations if o.verdict is Verdict.REFUTED}
    run.obligations = [o for o in run.obligations if o.verdict is not Verdict.REFUTED or id(o.node) not in there]
    return run


def _parts(init: ast.FunctionDef) -> set[str]:
    """The arguments that take a Module, by annotation or name."""
    return {
        arg.arg
        for arg, _ in parameters(init.args)
        if (arg.annotation is not None and "Module" in ast.unparse(arg.annotation)) or _PART.search(arg.arg)
    }


#: Names for what a class is given to hold.
_PART = re.compile(r"(^|_|sub|inner)(module|layer|block|net|encoder|decoder|backbone)$")


def _left_out(forward: ast.FunctionDef) -> dict[Key, Value]:
    return {
        (forward.name, arg.arg): GIVEN
        for arg, default in parameters(forward.args)[1:]
        if is_none(default)
    }
