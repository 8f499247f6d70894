"""``eval`` and ``exec``: an expression in a text that is known is read as if it stood there; any
other code may have put anything into a list."""

from __future__ import annotations

import ast
from functools import cache
from typing import TYPE_CHECKING

from lint_params.shape.value import Instance, More, Seq, Unknown, Value

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter
    from lint_params.shape.evaluate.scope import Scope

FUNCTIONS = frozenset({"builtins.eval", "builtins.exec"})


def evaluated(it: Interpreter, node: ast.Call, scope: Scope) -> Value:
    text = it.eval(node.args[0], scope)
    tree = _parsed(text, node.lineno, node.col_offset) if isinstance(text, str) and len(node.args) == 1 else None
    if tree is not None:
        return it.eval(tree, scope)
    owners = [fn.bound.attrs for fn in it.frames if isinstance(fn.bound, Instance)]
    for table in (*owners, scope.vars):
        for held in table.values():
            if isinstance(held, Seq) and held.kind == "list":
                it.ctx.rewrite(held.items, [More()])
    return Unknown("code in a text")


@cache
def _parsed(text: str, line: int, column: int) -> ast.expr | None:
    """The expression, as standing at the call."""
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    for part in ast.walk(tree):
        if isinstance(part, ast.expr):
            part.lineno = part.end_lineno = line
            part.col_offset = part.end_col_offset = column
    return tree
