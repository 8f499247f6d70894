"""Arguments that are all None by default although one of them has to be given: without any the code
raises. The first that it is content with is given."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from lint_params.shape.evaluate.scope import Scope
from lint_params.shape.runs.arguments import Mode, constructor_argument, parameters
from lint_params.shape.runs.forward_inputs import forward_argument
from lint_params.shape.sizes.dim import Poly
from lint_params.shape.value import Choice, ClassRef, Config, Tensor, Unknown, Value
from lint_params.trees import is_none

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter

#: So many are tried.
MOST = 6


def content(
    it: Interpreter,
    owner: ClassRef,
    fn: ast.FunctionDef,
    given: dict[str, Value],
    use: Callable[[], Value],
) -> Value:
    """What ``use`` makes of ``given``, to which an argument is added where it raises otherwise."""
    mark, start = it.ctx.mark(), len(it.ctx.obligations)
    value = use()
    if not _raises(value):
        return value
    for name, other in list(_left_out(it, owner, fn, given))[:MOST]:
        it.ctx.undo(mark)
        del it.ctx.obligations[start:]
        kept = given.get(name)
        given[name] = other
        value = use()
        if not _raises(value):
            break
        given[name] = kept
    return value


def _raises(value: Value) -> bool:
    return isinstance(value, Unknown) and value.why == "raises"


def _left_out(
    it: Interpreter, owner: ClassRef, fn: ast.FunctionDef, given: dict[str, Value]
) -> Iterator[tuple[str, Value]]:
    scope = Scope(it.file_scope(owner.file), owner.scope)
    for arg, default in parameters(fn.args)[1:]:
        if given.get(arg.arg) is None and is_none(default):
            if fn.name == "__init__":
                value = constructor_argument(it, arg, None, scope, Mode.SIZES)
            else:
                value = forward_argument(it, arg, None, scope, Mode.SIZES)
                value = value.options[0] if isinstance(value, Choice) else value
            if isinstance(value, (Tensor, Poly, Config)):
                yield arg.arg, value
