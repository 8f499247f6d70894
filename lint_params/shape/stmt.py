"""Statements: what runs, what follows from conditions, and how paths meet again."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lint_params.names import imported
from lint_params.shape.arithmetic import binary
from lint_params.shape.check import Refuted, Verdict
from lint_params.shape.iterate import known_items
from lint_params.shape.join import join_all
from lint_params.shape.objects import set_attr
from lint_params.shape.ops.broadcast import stays
from lint_params.shape.ops.index import set_item
from lint_params.shape.scope import Scope
from lint_params.shape.truth import assume, truth
from lint_params.shape.value import (
    Choice,
    ClassRef,
    Config,
    Dict,
    Function,
    Instance,
    Layer,
    Seq,
    ShapeOf,
    Splice,
    Tensor,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from lint_params.shape.interpreter import Interpreter

#: How a block ends: None goes on; the others leave it.
Flow = str | None
RETURN, BREAK, CONTINUE, RAISE = "return", "break", "continue", "raise"
MAX_ROUNDS = 64


def run_body(it: Interpreter, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> Value:
    """The value that the function returns."""
    if _is_generator(node):
        return Unknown("generator")
    flow = run(it, node.body, scope)
    values = list(scope.returns)
    if flow is None:
        values.append(None)
    if not values:
        return Unknown("raises")
    return join_all(it, values)


_GENERATORS: dict[ast.AST, bool] = {}


def _is_generator(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    known = _GENERATORS.get(node)
    if known is None:
        if len(_GENERATORS) > 20_000:
            _GENERATORS.clear()
        known = _GENERATORS[node] = any(_yields(s) for s in node.body)
    return known


def _yields(node: ast.AST) -> bool:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
        return False
    if isinstance(node, (ast.Yield, ast.YieldFrom)):
        return True
    return any(_yields(child) for child in ast.iter_child_nodes(node))


def run(it: Interpreter, body: list[ast.stmt], scope: Scope) -> Flow:
    """Run the statements in order; says how the block was left."""
    for i, statement in enumerate(body):
        if isinstance(statement, ast.If):
            flow, rest_done = _if(it, statement, body[i + 1 :], scope)
            if flow is not None or rest_done:
                return flow
            continue
        how = _RUN.get(type(statement))
        if how is None:
            continue
        flow = how(it, statement, scope)
        if flow is not None:
            return flow
    return None


def _if(it: Interpreter, node: ast.If, rest: list[ast.stmt], scope: Scope) -> tuple[Flow, bool]:
    """Both ways where the condition is not known; True if ``rest`` has been run as well."""
    known = truth(it, it.eval(node.test, scope))
    if known is not None:
        return run(it, node.body if known else node.orelse, scope), False
    # A branch that jumps out of the loop skips the rest of the block: run it in the branches.
    jumps = any(_ends_in_jump(b) for b in (node.body, node.orelse))

    def arm(body: list[ast.stmt], want: bool) -> Callable[[], Flow]:
        def go() -> Flow:
            assume(it, node.test, want, scope)
            flow = run(it, body, scope)
            if flow is None and jumps:
                flow = run(it, rest, scope)
            return flow

        return go

    # Code of others may take a branch only with arguments of another kind: there a mismatch
    # counts only if no branch escapes it. A class's own methods answer for each of theirs.
    fn, root = scope.function, it.frames[0] if it.frames else None
    handed = len(it.active) > 1 and (fn is None or fn.bound is None or root is None or fn.bound is not root.bound)
    outcomes = it.fork([arm(node.body, True), arm(node.orelse, False)], every=handed)
    alive = [(flow, writes) for flow, writes in outcomes if flow not in (RETURN, RAISE)]
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


def _ends_in_jump(body: list[ast.stmt]) -> bool:
    return bool(body) and isinstance(body[-1], (ast.Break, ast.Continue))


# -- simple statements ----------------------------------------------------------------------


def _expr(it: Interpreter, node: ast.Expr, scope: Scope) -> Flow:
    if not isinstance(node.value, ast.Constant):
        it.eval(node.value, scope)
    return None


def _assign(it: Interpreter, node: ast.Assign, scope: Scope) -> Flow:
    start = len(it.ctx.obligations)
    value = it.eval(node.value, scope)
    if any(isinstance(t, ast.Attribute) and t.attr == "data" for t in node.targets):
        # `p.data = p.data.view(...)`: the mistake is the assignment, which has rules of its own.
        kept = it.ctx.obligations
        kept[start:] = [o for o in kept[start:] if o.verdict is not Verdict.REFUTED]
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
    load = _as_load(node.target)
    old = it.eval(load, scope)
    value = it.eval(node.value, scope)
    it.ctx.node = node
    if isinstance(old, Seq) and old.kind == "list" and isinstance(node.op, ast.Add):
        items = value.items if isinstance(value, Seq) else known_items(it, value)
        it.ctx.rewrite(old.items, [*old.items, *(items if items is not None else [Unknown("items")])])
        return None
    if isinstance(old, (Layer, Instance)) and old.items is not None and isinstance(node.op, ast.Add):
        from lint_params.shape.containers import member

        it.call(member(it, old, "extend"), [value], {}, node, "+=")
        return None
    if isinstance(old, Tensor) and isinstance(value, Tensor) and isinstance(
        node.op, (ast.Add, ast.Sub, ast.Mult, ast.Div)
    ):
        it.ctx.callee = "the operator in place"
        try:
            stays(it.ctx, old, value)  # a tensor keeps its shape where it is written to
        except Refuted:
            assign(it, node.target, Unknown("refuted"), scope)
            return None
    assign(it, node.target, binary(it, type(node.op), old, value), scope)
    return None


def _as_load(target: ast.expr) -> ast.expr:
    """The target read as an expression: evaluation does not look at the context."""
    return target


def assign(it: Interpreter, target: ast.expr, value: Value, scope: Scope) -> None:
    """Bind a target: a name, attribute, item, or a tuple of targets."""
    if isinstance(target, ast.Name):
        home = scope.outer.get(target.id, scope) if scope.outer else scope
        it.ctx.write(home.vars, target.id, value)
    elif isinstance(target, ast.Attribute):
        set_attr(it, it.eval(target.value, scope), target.attr, value)
    elif isinstance(target, (ast.Tuple, ast.List)):
        _unpack(it, target.elts, value, scope)
    elif isinstance(target, ast.Starred):
        assign(it, target.value, value, scope)
    elif isinstance(target, ast.Subscript):
        _assign_item(it, target, value, scope)


def _unpack(it: Interpreter, targets: list[ast.expr], value: Value, scope: Scope) -> None:
    count = len(targets)
    star = next((i for i, t in enumerate(targets) if isinstance(t, ast.Starred)), None)
    items = _parts(it, value, count, star)
    if items is None:
        why = value.why if isinstance(value, Unknown) else "unpacking"
        items = [Unknown(why) for _ in range(count)]
        star = None
    if star is not None:
        after = count - star - 1
        middle = items[star : len(items) - after]
        items = [*items[:star], Seq(middle), *items[len(items) - after :]]
    for target, item in zip(targets, items):
        assign(it, target, item, scope)


def _parts(it: Interpreter, value: Value, count: int, star: int | None) -> list[Value] | None:
    """The items of a value that is unpacked into ``count`` targets, or None."""
    if isinstance(value, Choice):
        lists = [_parts(it, o, count, star) for o in value.options]
        known = [items for items in lists if items is not None]
        if len(known) != len(lists) or any(len(k) != len(known[0]) for k in known):
            return None
        return [join_all(it, list(column)) for column in zip(*known)]
    if isinstance(value, ShapeOf):
        if star is not None:
            return _open_shape(it, value, count, star)
        dims = it.ctx.of_rank(value.tensor, count + value.drop)
        return list(dims[:count]) if dims is not None else None
    if isinstance(value, Seq) and star is None and sum(isinstance(i, ShapeOf) for i in value.items) == 1:
        return _with_open_shape(it, value.items, count)
    if isinstance(value, Config):
        return [value.attr(i) for i in range(count)] if star is None else None
    if isinstance(value, Tensor):
        dims = it.ctx.dims(value)
        if dims is None:  # perhaps a tuple that somebody passes: nothing is known of its parts
            return [it.ctx.unknown_tensor() for _ in range(count)] if star is None else None
        if dims and star is None:
            return [it.ctx.tensor(dims[1:], like=value, text="a row") for _ in range(count)]
        return None
    items = known_items(it, value)
    if items is None:
        return None
    if star is None and len(items) != count:
        return None
    return items if star is None or len(items) >= count - 1 else None


def _with_open_shape(it: Interpreter, items: list[Value], count: int) -> list[Value] | None:
    """``b, n, _, h = *x.shape, heads``: how many are asked for tells the rank of x."""
    at = next(i for i, item in enumerate(items) if isinstance(item, ShapeOf))
    shape = items[at]
    wanted = count - len(items) + 1
    dims = it.ctx.of_rank(shape.tensor, wanted + shape.drop) if wanted > 0 else None
    return None if dims is None else [*items[:at], *dims[:wanted], *items[at + 1 :]]


def _open_shape(it: Interpreter, value: ShapeOf, count: int, star: int) -> list[Value] | None:
    """``*lead, n = x.shape``: the last sizes are known, the starred part is not."""
    after = count - star - 1
    last = it.ctx.last(value.tensor, after)
    if last is None:
        return None
    return None if star else [Unknown("leading sizes"), *last]


def _assign_item(it: Interpreter, target: ast.Subscript, value: Value, scope: Scope) -> None:
    owner = it.eval(target.value, scope)
    index = it.eval(target.slice, scope)
    if isinstance(owner, Dict):
        if isinstance(index, (str, int, float, bool)):
            it.ctx.write(owner.items, index, value)
        else:
            owner.open = True
    elif isinstance(owner, Seq):
        items = list(owner.items)
        if isinstance(index, int) and -len(items) <= index < len(items):
            items[index] = value
        else:
            items = [Unknown("item assignment") for _ in items]
        it.ctx.rewrite(owner.items, items)
    elif isinstance(owner, (Layer, Instance)) and owner.items is not None:
        if isinstance(index, int):
            keys = list(owner.items)
            if -len(keys) <= index < len(keys):
                it.ctx.write(owner.items, keys[index], value)
        elif isinstance(index, str):
            it.ctx.write(owner.items, index, value)
        else:
            it.ctx.write(owner.items, "?", Unknown("item of unknown name"))
    elif isinstance(owner, Tensor) and isinstance(value, Tensor):
        it.ctx.node, it.ctx.callee = target, "the assignment to an item"
        with contextlib.suppress(Refuted):
            set_item(it.ctx, owner, index.items if isinstance(index, Seq) and index.kind == "tuple" else [index], value)


def _return(it: Interpreter, node: ast.Return, scope: Scope) -> Flow:
    value = None if node.value is None else it.eval(node.value, scope)
    home = scope
    while home.function is None and home.parent is not None:
        home = home.parent
    home.returns.append(value)
    return RETURN


def _nonlocal(it: Interpreter, node: ast.Nonlocal, scope: Scope) -> Flow:
    for name in node.names:
        scope.outer[name] = scope.owner(name)
    return None


def _global(it: Interpreter, node: ast.Global, scope: Scope) -> Flow:
    for name in node.names:
        it.ctx.write(scope.file.values, name, Unknown("assigned by a function"))
        scope.outer[name] = Scope(scope.file)
    return None


def _raise(it: Interpreter, node: ast.Raise, scope: Scope) -> Flow:
    return RAISE


def _assert(it: Interpreter, node: ast.Assert, scope: Scope) -> Flow:
    known = truth(it, it.eval(node.test, scope))
    if known is False:
        return RAISE
    assume(it, node.test, True, scope)
    return None


def _def(it: Interpreter, node: Any, scope: Scope) -> Flow:
    it.ctx.write(scope.vars, node.name, Function(node, scope.file.file, scope))
    return None


def _class(it: Interpreter, node: ast.ClassDef, scope: Scope) -> Flow:
    it.ctx.write(scope.vars, node.name, ClassRef(node, scope.file.file, scope))
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
            if isinstance(owner, (Instance, Layer)) and target.attr in owner.attrs:
                it.ctx.write(owner.attrs, target.attr, Unknown("deleted"))
        elif isinstance(target, ast.Name):
            it.ctx.write(scope.vars, target.id, Unknown("deleted"))
        elif isinstance(target, ast.Subscript):
            _delete_item(it, it.eval(target.value, scope), it.eval(target.slice, scope))
    return None


def _delete_item(it: Interpreter, owner: Value, index: Value) -> None:
    if isinstance(owner, Seq):
        items = list(owner.items)
        if isinstance(index, int) and -len(items) <= index < len(items):
            del items[index]
        else:
            items = [Unknown("items of unknown number")]
        it.ctx.rewrite(owner.items, items)
    elif isinstance(owner, (Layer, Instance)) and owner.items is not None:
        keys = list(owner.items)
        it.epoch += 1
        if isinstance(index, int) and -len(keys) <= index < len(keys):
            values = [owner.items[k] for i, k in enumerate(keys) if i != index % len(keys)]
            it.ctx.rewrite_dict(owner.items, {str(i): v for i, v in enumerate(values)})
        else:
            it.ctx.rewrite_dict(owner.items, {"?": Unknown("items of unknown number")})
    elif isinstance(owner, Dict) and isinstance(index, (str, int)):
        it.ctx.rewrite_dict(owner.items, {k: v for k, v in owner.items.items() if k != index})


# -- compound statements --------------------------------------------------------------------


def _for(it: Interpreter, node: ast.For | ast.AsyncFor, scope: Scope) -> Flow:
    iterable = it.eval(node.iter, scope)
    if isinstance(iterable, (Seq, Layer, Instance)):
        parts = iterable.items
        listing = list(parts.values()) if isinstance(parts, dict) else parts
        if listing is not None and any(isinstance(p, Splice) for p in listing):
            return _for_spliced(it, node, listing, scope)
    items = known_items(it, iterable)
    if items is None or len(items) > MAX_ROUNDS:
        return _unknown_rounds(it, node, iterable, scope)
    return _rounds(it, node, items, scope, node.orelse)


def _rounds(
    it: Interpreter, node: ast.For | ast.AsyncFor, items: list[Value], scope: Scope, orelse: list[ast.stmt]
) -> Flow:
    outer, scope.broke = scope.broke, False
    for item in items:
        assign(it, node.target, item, scope)
        flow = run(it, node.body, scope)
        if flow == BREAK:
            break
        if flow in (RETURN, RAISE):
            scope.broke = outer
            return flow
    else:
        if orelse:
            run(it, orelse, scope)
    if scope.broke:
        _havoc(it, node.body, scope, "loop left by a condition")
    scope.broke = outer
    return None


def _for_spliced(it: Interpreter, node: Any, listing: list[Value], scope: Scope) -> Flow:
    """Items of which some are there only under a condition: each possible run in its turn."""
    for part in listing:
        if isinstance(part, Splice):

            def go(items: list[Value]) -> Callable[[], Flow]:
                return lambda: _rounds(it, node, items, scope, [])

            outcomes = it.fork([go(option) for option in part.options], every=True)
            it.merge([writes for flow, writes in outcomes if flow not in (RETURN, RAISE)])
        elif _rounds(it, node, [part], scope, []) in (RETURN, RAISE):
            return RETURN
    return None


def _unknown_rounds(it: Interpreter, node: Any, iterable: Value, scope: Scope) -> Flow:
    """One round over an unknown item, then nothing is known of what the loop assigns."""
    item: Value = Unknown("item of an unknown sequence")
    if isinstance(iterable, Tensor) and not iterable.shape.lead and iterable.shape.dims:
        item = it.ctx.tensor(iterable.shape.dims[1:], like=iterable, text="a row")
    _havoc(it, node.body, scope, "loop of unknown length")

    def go() -> Flow:
        assign(it, node.target, item, scope)
        return run(it, node.body, scope)

    it.fork([go])
    _havoc(it, node.body, scope, "loop of unknown length")
    return None


def _while(it: Interpreter, node: ast.While, scope: Scope) -> Flow:
    for _ in range(MAX_ROUNDS):
        known = truth(it, it.eval(node.test, scope))
        if known is False:
            return None
        if known is None or isinstance(node.test, ast.Constant):
            break
        flow = run(it, node.body, scope)
        if flow == BREAK:
            return None
        if flow in (RETURN, RAISE):
            return flow
    _havoc(it, node.body, scope, "while loop")
    it.fork([lambda: run(it, node.body, scope)])
    _havoc(it, node.body, scope, "while loop")
    return None


def _havoc(it: Interpreter, body: list[ast.stmt], scope: Scope, why: str) -> None:
    """Forget the names and attributes that these statements assign."""
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                it.ctx.write(scope.vars, node.id, Unknown(why))
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                owner = it.eval(node.value, scope)
                if isinstance(owner, (Instance, Layer)):
                    it.ctx.write(owner.attrs, node.attr, Unknown(why))
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr in ("append", "extend", "insert", "add_module", "pop"):
                    _havoc_list(it, it.eval(node.func.value, scope), why)


def _havoc_list(it: Interpreter, owner: Value, why: str) -> None:
    if isinstance(owner, Seq):
        it.ctx.rewrite(owner.items, [*owner.items, Unknown(why)])
    elif isinstance(owner, (Layer, Instance)) and owner.items is not None:
        it.ctx.write(owner.items, "?", Unknown(why))


def _with(it: Interpreter, node: ast.With | ast.AsyncWith, scope: Scope) -> Flow:
    for item in node.items:
        value = it.eval(item.context_expr, scope)
        if item.optional_vars is not None:
            assign(it, item.optional_vars, value, scope)
    return run(it, node.body, scope)


def _try(it: Interpreter, node: Any, scope: Scope) -> Flow:
    """What fails inside ``try`` may be meant to fail: nothing in there is reported."""
    start = len(it.ctx.obligations)

    def body() -> Flow:
        flow = run(it, node.body, scope)
        return flow if flow is not None else run(it, node.orelse, scope)

    arms: list[Callable[[], Flow]] = [body]
    for handler in node.handlers:

        def handle(h: ast.ExceptHandler = handler) -> Flow:
            if h.name:
                it.ctx.write(scope.vars, h.name, Unknown("exception"))
            return run(it, h.body, scope)

        arms.append(handle)
    outcomes = it.fork(arms)
    if node.handlers:
        kept = it.ctx.obligations
        kept[start:] = [o for o in kept[start:] if o.verdict is not Verdict.REFUTED]
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


def _match(it: Interpreter, node: ast.Match, scope: Scope) -> Flow:
    subject = it.eval(node.subject, scope)

    def arm(case: ast.match_case) -> Callable[[], Flow]:
        def go() -> Flow:
            for part in ast.walk(case.pattern):
                name = getattr(part, "name", None)
                if isinstance(name, str):
                    it.ctx.write(scope.vars, name, Unknown("match"))
            return run(it, case.body, scope)

        return go

    if isinstance(subject, (str, int)) and not isinstance(subject, bool):
        for case in node.cases:
            wanted = _literals(case.pattern)
            if wanted is None:
                break
            if case.guard is None and (subject in wanted or not wanted):
                return run(it, case.body, scope)
    outcomes = it.fork([arm(case) for case in node.cases])
    alive = [w for f, w in outcomes if f not in (RETURN, RAISE)]
    if not alive:
        return RETURN
    it.merge(alive)
    return None


def _literals(pattern: ast.pattern) -> list[Any] | None:
    """The values that a pattern matches; [] for everything, None where it is more than that."""
    if isinstance(pattern, ast.MatchValue) and isinstance(pattern.value, ast.Constant):
        return [pattern.value.value]
    if isinstance(pattern, ast.MatchOr):
        parts = [_literals(p) for p in pattern.patterns]
        return None if None in parts else [v for p in parts if p for v in p]
    if isinstance(pattern, ast.MatchAs) and pattern.pattern is None and pattern.name is None:
        return []
    return None


_RUN: dict[type, Callable[..., Flow]] = {
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
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.While: _while,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Try: _try,
    ast.Match: _match,
    ast.Break: lambda it, node, scope: BREAK,
    ast.Continue: lambda it, node, scope: CONTINUE,
}
if hasattr(ast, "TryStar"):  # Python 3.11
    _RUN[ast.TryStar] = _try
