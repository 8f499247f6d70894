"""Arguments that are chosen otherwise than their defaults say."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lint_params.shape.evaluate.scope import Scope
from lint_params.shape.runs.arguments import Mode, constructor_argument, parameters
from lint_params.shape.runs.forward_inputs import forward_argument
from lint_params.shape.value import Choice, ClassRef, Value

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter

#: A parameter: the name of the method that takes it, and its own.
Key = tuple[str, str]
#: A value that somebody gives, whatever it is: no None.
GIVEN: Any = type("Given", (), {})()
#: Any value that somebody may give, the default among them.
OPENED: Any = type("Opened", (), {})()


def choose(
    it: Interpreter, owner: ClassRef, fn: ast.FunctionDef, into: dict[str, Value], chosen: Mapping[Key, Value]
) -> None:
    """Put what is ``chosen`` for the parameters of a method into its arguments."""
    own = {name: value for (method, name), value in chosen.items() if method == fn.name}
    scope = Scope(it.file_scope(owner.file), owner.scope)
    for arg, default in parameters(fn.args) if own else ():
        if arg.arg not in own:
            continue
        value = own[arg.arg]
        if value is OPENED:
            value = constructor_argument(it, arg, default, scope, Mode.OPEN)
        elif value is GIVEN:
            make = constructor_argument if fn.name == "__init__" else forward_argument
            value = make(it, arg, None, scope, Mode.SIZES)
            value = value.options[0] if isinstance(value, Choice) else value
        into[arg.arg] = value
