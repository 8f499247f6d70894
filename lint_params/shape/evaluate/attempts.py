"""Code that may be meant to fail: ``try``, and ``with`` a context that expects an error."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lint_params.shape.evaluate.assign import assign
from lint_params.shape.evaluate.classes import definition, mro
from lint_params.shape.evaluate.hooks import changes_things
from lint_params.shape.evaluate.scope import Scope
from lint_params.shape.evaluate.stmt import RAISE, RETURN, RUN, Flow, home, run
from lint_params.shape.value import ClassRef, Function, Instance, Unknown, Value
from lint_params.trees import expects_error, goes_on, walk

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter


def _with(it: Interpreter, node: ast.With | ast.AsyncWith, scope: Scope) -> Flow:
    from lint_params.shape.evaluate.interpreter import OutOfBudget

    expects = expects_error(node)
    for item in node.items:
        value = it.eval(item.context_expr, scope)
        expects = expects or _takes_errors(it, item.context_expr, value, scope)
        if changes_things(it, item.context_expr, value, scope):
            raise OutOfBudget  # what is in there has other sizes, for as long as it lasts
        if item.optional_vars is not None:
            assign(it, item.optional_vars, value, scope)
    if not expects:
        return run(it, node.body, scope)
    start = len(it.ctx.obligations)
    outcomes = it.fork([lambda: run(it, node.body, scope), lambda: None])
    it.ctx.forgive(start)
    it.merge([writes for flow, writes in outcomes if flow not in (RETURN, RAISE)])
    return None


def _takes_errors(it: Interpreter, made: ast.expr, value: Value, scope: Scope) -> bool:
    """Whether a context manager of the project may end what is raised inside: its ``__exit__`` gives
    something back, or the ``yield`` of its function stands in a ``try``."""
    if isinstance(value, Instance):
        leave = next((found for base in mro(it, value.cls) if isinstance(base, ClassRef)
                      if (found := definition(base, "__exit__")) is not None), None)  # fmt: skip
        parts = walk(*leave.body) if isinstance(leave, ast.FunctionDef) else ()
        return any(isinstance(part, ast.Return) and not _is_false(part.value) for part in parts)
    maker = it.aside(lambda: it.eval(made.func, scope)) if isinstance(made, ast.Call) else None
    if not isinstance(maker, Function):
        return False
    tries = (part for part in walk(maker.node) if isinstance(part, ast.Try) and part.handlers)
    return any(isinstance(inner, ast.Yield) for one in tries for inner in walk(*one.body))


def _is_false(value: ast.expr | None) -> bool:
    return value is None or isinstance(value, ast.Constant) and not value.value


def _try(it: Interpreter, node: Any, scope: Scope) -> Flow:
    """What fails inside ``try`` may be meant to fail: nothing in there is reported, unless no
    handler would go on after it."""
    start = len(it.ctx.obligations)

    def body() -> Flow:
        flow = run(it, node.body, scope)
        if flow == RETURN and _refused(scope) and any(_catches_type_error(h) for h in node.handlers):
            home(scope).returns.pop()
            return RAISE
        return flow if flow is not None else run(it, node.orelse, scope)

    arms: list[Callable[[], Flow]] = [body]
    for handler in node.handlers:

        def handle(h: ast.ExceptHandler = handler) -> Flow:
            if h.name:
                it.ctx.write(scope.vars, h.name, Unknown("exception"))
            return run(it, h.body, scope)

        arms.append(handle)
    outcomes = it.fork(arms)
    if any(map(goes_on, node.handlers)):
        it.ctx.forgive(start)
    alive = [(f, w) for f, w in outcomes if f not in (RETURN, RAISE)]
    flow: Flow = None
    if alive:
        it.merge([w for _, w in alive])
        flow = alive[0][0] if len(alive) == 1 else None
    else:
        flow = RETURN if any(f == RETURN for f, _ in outcomes) else RAISE
    if node.finalbody:
        final = run(it, node.finalbody, scope)
        flow = final if final is not None else flow
    return flow


def _refused(scope: Scope) -> bool:
    """Whether what has just been returned is a call that does not take its arguments."""
    value = home(scope).returns[-1]
    return isinstance(value, Unknown) and value.why.endswith("arguments do not fit")


def _catches_type_error(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(k is None or getattr(k, "id", "") in ("TypeError", "Exception") for k in kinds)


RUN.update({ast.With: _with, ast.AsyncWith: _with, ast.Try: _try})
if hasattr(ast, "TryStar"):  # Python 3.11
    RUN[ast.TryStar] = _try
