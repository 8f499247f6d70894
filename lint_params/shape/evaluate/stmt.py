"""Statements: what runs, what follows from conditions, and how paths meet again."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lint_params.names import imported
from lint_params.shape.check import Refuted
from lint_params.shape.evaluate.arithmetic import binary
from lint_params.shape.evaluate.descriptors import DELETE, by_class
from lint_params.shape.evaluate.hooks import is_made_over
from lint_params.shape.evaluate.iterate import known_items
from lint_params.shape.evaluate.join import join_all
from lint_params.shape.evaluate.matching import bind, fits
from lint_params.shape.evaluate.objects import settle
from lint_params.shape.evaluate.parameters import defined
from lint_params.shape.evaluate.scope import Scope
from lint_params.shape.evaluate.truth import FAILED, assume, holds, truth
from lint_params.shape.ops.broadcast import stays
from lint_params.shape.value import (
    REAL,
    ClassRef,
    Instance,
    Layer,
    Seq,
    Tensor,
    Unknown,
    Value,
    asks_shapes,
)

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter
from lint_params.shape.evaluate.assign import assign, delete_item
from lint_params.shape.evaluate.generators import all_yielded, is_generator, yielded

#: How a block ends: None goes on; the others leave it.
Flow = str | None
RETURN, BREAK, CONTINUE, RAISE = "return", "break", "continue", "raise"


def run_body(it: Interpreter, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> Value:
    """The value that the function returns."""
    if is_generator(node):
        return all_yielded(node, scope, lambda: run(it, node.body, scope) is RAISE)
    start = it.ctx.mark()
    flow = run(it, node.body, scope)
    if scope.exits:
        it.merge_exits(scope.exits, start, scope.vars)
    values = list(scope.returns)
    if flow is None:
        values.append(None)
    if not values:
        return Unknown("raises")
    return join_all(it, values)


def run(it: Interpreter, body: list[ast.stmt], scope: Scope) -> Flow:
    """Run the statements in order; says how the block was left."""
    for i, statement in enumerate(body):
        if isinstance(statement, (ast.If, ast.Match)):
            choose = _if if isinstance(statement, ast.If) else _match
            flow, rest_done = choose(it, statement, body[i + 1 :], scope)  # type: ignore[arg-type]
            if flow is not None or rest_done:
                return flow
            continue
        how = RUN.get(type(statement))
        if how is None:
            continue
        flow = how(it, statement, scope)
        if flow is not None:
            return flow
    return None


def _if(it: Interpreter, node: ast.If, rest: list[ast.stmt], scope: Scope) -> tuple[Flow, bool]:
    """Both ways where the condition is not known; True if ``rest`` has been run as well."""
    test = it.eval(node.test, scope)
    known = truth(it, test)
    if known is not None:
        return run(it, node.body if known else node.orelse, scope), False
    ways: list[Way] = [
        (lambda: assume(it, node.test, True, scope), node.body),
        (lambda: assume(it, node.test, False, scope), node.orelse),
    ]
    return _ways(it, ways, rest, scope, asks_shapes(test))


def _match(it: Interpreter, node: ast.Match, rest: list[ast.stmt], scope: Scope) -> tuple[Flow, bool]:
    """The first case that fits, with those before it of which that is not known."""
    subject = it.eval(node.subject, scope)
    ways: list[Way] = []
    for case in node.cases:
        found = fits(it, case.pattern, subject, scope)
        if found and case.guard is not None:
            bind(it, case.pattern, subject, scope)
            found = truth(it, it.eval(case.guard, scope))
        if found is False:
            continue

        def learn(case: ast.match_case = case) -> None:
            bind(it, case.pattern, subject, scope, node.subject)
            if case.guard is not None:
                assume(it, case.guard, True, scope)

        ways.append((learn, case.body))
        if found:
            break
    else:
        ways.append((lambda: None, []))
    if len(ways) == 1:
        ways[0][0]()
        return run(it, ways[0][1], scope), False
    return _ways(it, ways, rest, scope)


#: A way to go on: what is learned by taking it, and the statements on it.
Way = tuple[Callable[[], object], list[ast.stmt]]


def _ways(
    it: Interpreter, ways: list[Way], rest: list[ast.stmt], scope: Scope, by_shape: bool = False
) -> tuple[Flow, bool]:
    """Each of the ways, of which one is taken; True if ``rest`` has been run as well.

    ``by_shape`` where whole shapes are compared: what that says of them is not all learned.
    """
    start = len(it.ctx.obligations)
    # Code of others may take a branch only with arguments of another kind: there a mismatch
    # counts only if no branch escapes it. A class's own methods answer for each of theirs.
    fn, root = scope.function, it.frames[0] if it.frames else None
    handed = len(it.active) > 1 and (
        fn is None or fn.bound is None or root is None or fn.bound is not root.bound
    )
    # A branch that jumps out of the loop skips the rest of the block: run it in the branches.
    # So does one that returns, which escapes a mismatch behind it as well as one beside it.
    ends = (ast.Break, ast.Continue, ast.Return) if handed else (ast.Break, ast.Continue)
    jumps = any(body and isinstance(body[-1], ends) for _, body in ways)

    def arm(learn: Callable[[], object], body: list[ast.stmt]) -> Callable[[], Flow]:
        def go() -> Flow:
            learn()
            flow = run(it, body, scope)
            if flow is None and jumps:
                flow = run(it, rest, scope)
            return flow

        return go

    outcomes = it.fork([arm(learn, body) for learn, body in ways], every=handed)
    if by_shape:
        it.ctx.forgive(start)
    alive = [(flow, writes) for flow, writes in outcomes if flow not in (RETURN, RAISE)]
    home(scope).exits += [writes for flow, writes in outcomes if flow == RETURN]
    if not alive:
        flows = [flow for flow, _ in outcomes]
        return (RETURN if RETURN in flows else RAISE), True
    it.merge([writes for _, writes in alive])
    flows = [flow for flow, _ in alive]
    if any(f == BREAK for f in flows):
        if all(f == BREAK for f in flows):
            return BREAK, True
        scope.broke = True
    if jumps:
        return (CONTINUE if all(f == CONTINUE for f in flows) else None), True
    return None, False


# -- simple statements ----------------------------------------------------------------------


def _expr(it: Interpreter, node: ast.Expr, scope: Scope) -> Flow:
    if isinstance(node.value, ast.Constant):
        return None
    if isinstance(node.value, (ast.Yield, ast.YieldFrom)):
        return None if yielded(it, node.value, scope) else RAISE
    return RAISE if it.eval(node.value, scope) is FAILED else None


def _assign(it: Interpreter, node: ast.Assign, scope: Scope) -> Flow:
    start = len(it.ctx.obligations)
    value = it.eval(node.value, scope)
    target = node.targets[0]
    if isinstance(target, ast.Attribute) and target.attr == "data":
        # `p.data = p.data.view(...)`: the mistake is the assignment, which has rules of its own.
        it.ctx.forgive(start, "view-size-mismatch")
    for target in node.targets:
        it.ctx.node = node
        assign(it, target, value, scope)
    return None


def _annassign(it: Interpreter, node: ast.AnnAssign, scope: Scope) -> Flow:
    if node.value is not None:
        value = it.eval(node.value, scope)
        it.ctx.node = node
        assign(it, node.target, value, scope)
    return None


def _augassign(it: Interpreter, node: ast.AugAssign, scope: Scope) -> Flow:
    old = it.eval(node.target, scope)  # evaluation does not look at the context
    value = it.eval(node.value, scope)
    it.ctx.node = node
    if isinstance(old, Seq) and old.kind == "list" and isinstance(node.op, ast.Add):
        items = value.items if isinstance(value, Seq) else known_items(it, value)
        it.ctx.rewrite(
            old.items, [*old.items, *(items if items is not None else [Unknown("items")])]
        )
        return None
    if (
        isinstance(old, (Layer, Instance))
        and old.items is not None
        and isinstance(node.op, ast.Add)
    ):
        from lint_params.shape.evaluate.containers import member

        it.call(member(it, old, "extend"), [value], {}, node, "+=")
        return None
    if (
        isinstance(old, Tensor)
        and isinstance(value, Tensor)
        and isinstance(node.op, (ast.Add, ast.Sub, ast.Mult, ast.Div))
    ):
        it.ctx.callee = "the operator in place"
        try:
            stays(it.ctx, old, value)  # a tensor keeps its shape where it is written to
        except Refuted:
            assign(it, node.target, Unknown("refuted"), scope)
            return None
    if isinstance(old, Tensor) and isinstance(value, Unknown):
        value = REAL  # whatever it is, the tensor keeps its shape
    assign(it, node.target, binary(it, type(node.op), old, value), scope)
    return None


def _return(it: Interpreter, node: ast.Return, scope: Scope) -> Flow:
    home(scope).returns.append(None if node.value is None else it.eval(node.value, scope))
    return RETURN


def home(scope: Scope) -> Scope:
    """The scope of the function that a block belongs to."""
    while scope.function is None and scope.parent is not None:
        scope = scope.parent
    return scope


def _nonlocal(it: Interpreter, node: ast.Nonlocal, scope: Scope) -> Flow:
    for name in node.names:
        scope.outer[name] = scope.owner(name)
    return None


def _global(it: Interpreter, node: ast.Global, scope: Scope) -> Flow:
    it.rebound = True
    for name in node.names:
        it.ctx.write(scope.file.values, name, Unknown("assigned by a function"))
        scope.outer[name] = Scope(scope.file)
    return None


def _raise(it: Interpreter, node: ast.Raise, scope: Scope) -> Flow:
    return RAISE


def _assert(it: Interpreter, node: ast.Assert, scope: Scope) -> Flow:
    return None if holds(it, node.test, scope) else RAISE


def _def(it: Interpreter, node: Any, scope: Scope) -> Flow:
    it.ctx.write(scope.vars, node.name, defined(it, node, scope))
    return None


def _class(it: Interpreter, node: ast.ClassDef, scope: Scope) -> Flow:
    made: Value = ClassRef(node, scope.file.file, Scope(scope.file, scope))  # another each time
    if node.decorator_list and is_made_over(it, node, scope):
        made = Unknown("a class that its decorator makes over")
    else:
        settle(it, made)
    it.ctx.write(scope.vars, node.name, made)
    return None


def _import(it: Interpreter, node: Any, scope: Scope) -> Flow:
    file = scope.file.file
    package = file.module if file.is_package else file.module.rpartition(".")[0]
    for name, target in imported(node, package):
        if name != "*":
            it.ctx.write(scope.vars, name, it.qualified(target, file))
    return None


def _delete(it: Interpreter, node: ast.Delete, scope: Scope) -> Flow:
    for target in node.targets:
        if isinstance(target, ast.Attribute):
            owner = it.eval(target.value, scope)
            if isinstance(owner, Instance) and by_class(it, owner, target.attr, DELETE, []):
                continue
            if isinstance(owner, (Instance, Layer)) and target.attr in owner.attrs:
                it.ctx.write(owner.attrs, target.attr, Unknown("deleted"))
        elif isinstance(target, ast.Name):
            it.ctx.write(scope.vars, target.id, Unknown("deleted"))
        elif isinstance(target, ast.Subscript):
            delete_item(it, it.eval(target.value, scope), it.eval(target.slice, scope))
    return None


RUN: dict[type, Callable[..., Flow]] = {
    ast.Expr: _expr,
    ast.Assign: _assign,
    ast.AnnAssign: _annassign,
    ast.AugAssign: _augassign,
    ast.Return: _return,
    ast.Raise: _raise,
    ast.Nonlocal: _nonlocal,
    ast.Global: _global,
    ast.Assert: _assert,
    ast.FunctionDef: _def,
    ast.AsyncFunctionDef: _def,
    ast.ClassDef: _class,
    ast.Import: _import,
    ast.ImportFrom: _import,
    ast.Delete: _delete,
    ast.Break: lambda it, node, scope: BREAK,
    ast.Continue: lambda it, node, scope: CONTINUE,
}
