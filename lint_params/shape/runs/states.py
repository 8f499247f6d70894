"""The first state of a recurrent module: what its own ``init_hidden`` makes goes into forward."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from lint_params.shape.evaluate.classes import definition, mro
from lint_params.shape.evaluate.scope import Scope
from lint_params.shape.runs.arguments import Mode, parameters
from lint_params.shape.runs.forward_inputs import forward_arguments
from lint_params.shape.value import (
    AnySeq,
    ClassRef,
    External,
    Function,
    Instance,
    Seq,
    Tensor,
    Value,
)

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter

#: What people call the state that a step takes, and the method that makes the first one.
_STATE = re.compile(r"^(h|hx|hc|h_0|h0|hidden|hiddens|hidden_states?|(prev_|cur_|init_)?states?)$")
_MAKERS = ("init_hidden", "initHidden", "init_state", "initial_state", "zero_state", "initState")


def with_first_state(it: Interpreter, instance: Instance, given: dict[str, Value]) -> None:
    """Put the state that the module's own method makes in the place of a free one."""
    names = [n for n, v in given.items() if _STATE.match(n) and isinstance(v, (Tensor, AnySeq))]
    maker = _maker(it, instance) if len(names) == 1 else None
    if maker is None:
        return
    owner, node = maker
    scope = Scope(it.file_scope(owner.file), owner.scope)
    arguments = forward_arguments(it, instance, node, scope, Mode.SIZES)
    method = Function(node, owner.file, owner.scope, instance, owner)
    made = it.call(method, [], arguments, node, node.name)
    parts = made.items if isinstance(made, Seq) else [made]
    if isinstance(given[names[0]], AnySeq) and not isinstance(made, Seq):
        return  # forward takes it apart: a caller gives several
    if parts and all(isinstance(part, Tensor) for part in parts):
        given[names[0]] = made


def _maker(it: Interpreter, instance: Instance) -> tuple[ClassRef, ast.FunctionDef] | None:
    for base in mro(it, instance.cls):
        if isinstance(base, External):
            continue
        if not isinstance(base, ClassRef):
            return None
        for name in _MAKERS:
            node = definition(base, name)
            # Without a batch to make it for, a caller may stack what it gives.
            if isinstance(node, ast.FunctionDef) and not node.decorator_list and parameters(node.args)[1:]:
                return base, node
    return None
