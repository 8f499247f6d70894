"""Loops: unrolled where their items are known, forgotten where they are not."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lint_params.shape.context import Whole
from lint_params.shape.evaluate.every import below, forget, given_to
from lint_params.shape.evaluate.iterate import known_items
from lint_params.shape.evaluate.join import spliced
from lint_params.shape.evaluate.scope import MISSING, Scope
from lint_params.shape.evaluate.truth import truth
from lint_params.shape.value import (
    PERHAPS,
    Choice,
    Dict,
    Instance,
    Items,
    Layer,
    Modules,
    More,
    Seq,
    Splice,
    Tensor,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter
from lint_params.shape.evaluate.assign import assign
from lint_params.shape.evaluate.objects import NAMELESS, UNNAMED
from lint_params.shape.evaluate.stmt import BREAK, RAISE, RETURN, RUN, Flow, run

MAX_ROUNDS = 64
#: Of a loop inside a loop: every pair of 49 windows is no matter of sizes.
MAX_NESTED = 512


# -- compound statements --------------------------------------------------------------------


def _for(it: Interpreter, node: ast.For | ast.AsyncFor, scope: Scope) -> Flow:
    iterable = it.eval(node.iter, scope)
    if isinstance(iterable, (Seq, Layer, Instance)):
        parts = iterable.items
        listing = list(parts.values()) if isinstance(parts, dict) else parts
        if listing is not None and any(isinstance(p, Splice) for p in listing):
            return _for_spliced(it, node, listing, scope)
    if isinstance(iterable, Choice) and all(isinstance(o, Seq) for o in iterable.options):
        return _for_spliced(it, node, spliced([o.items for o in iterable.options]), scope)
    if isinstance(iterable, Modules):
        return _over_modules(it, node, iterable, scope)
    items = known_items(it, iterable)
    if items is None or len(items) > MAX_ROUNDS or scope.rounds * len(items) > MAX_NESTED:
        return _unknown_rounds(it, node, iterable, scope)
    return _rounds(it, node, items, scope, node.orelse)


def _rounds(
    it: Interpreter,
    node: ast.For | ast.AsyncFor,
    items: list[Value],
    scope: Scope,
    orelse: list[ast.stmt],
) -> Flow:
    outer, scope.broke = scope.broke, False
    around, scope.rounds = scope.rounds, scope.rounds * max(len(items), 1)
    for item in items:
        assign(it, node.target, item, scope)
        flow = run(it, node.body, scope)
        if flow == BREAK:
            break
        if flow in (RETURN, RAISE):
            scope.broke, scope.rounds = outer, around
            return flow
    else:
        if orelse:
            run(it, orelse, scope)
    if scope.broke:
        _havoc(it, node.body, scope, "loop left by a condition")
    scope.broke, scope.rounds = outer, around
    return None


def _for_spliced(it: Interpreter, node: Any, listing: list[Value], scope: Scope) -> Flow:
    """Items of which some are there only under a condition: each possible run in its turn."""
    for part in listing:
        if isinstance(part, More):
            _unknown_rounds(it, node, Unknown("items of unknown number"), scope)
        elif isinstance(part, Splice):

            def go(items: list[Value]) -> Callable[[], Flow]:
                return lambda: _rounds(it, node, items, scope, [])

            outcomes = it.fork([go(option) for option in part.options], every=True)
            it.merge([writes for flow, writes in outcomes if flow not in (RETURN, RAISE)])
        elif _rounds(it, node, [part], scope, []) in (RETURN, RAISE):
            return RETURN
    return None


def _over_modules(it: Interpreter, node: Any, iterable: Modules, scope: Scope) -> Flow:
    """Most loops over all modules only fill their weights: one round shows what else happens.
    Where the modules themselves are changed, each is, or all have forgotten it."""
    target = node.target
    if iterable.named and isinstance(target, ast.Tuple) and len(target.elts) == 2:
        target = target.elts[1]
    changed = given_to(getattr(target, "id", ""), *node.body)
    modules = below(iterable.owner) if changed else []
    if 0 < len(modules) <= MAX_ROUNDS:
        items = [Seq([name, m], "tuple") if iterable.named else m for name, m in modules]
        return _rounds(it, node, items, scope, node.orelse)
    forget(it, modules, changed)
    return _unknown_rounds(it, node, iterable, scope)


def _unknown_rounds(it: Interpreter, node: Any, iterable: Value, scope: Scope) -> Flow:
    """One round over an unknown item, then nothing is known of what the loop assigns."""
    item: Value = Unknown("item of an unknown sequence")
    if isinstance(iterable, Tensor) and not iterable.shape.lead and iterable.shape.dims:
        item = it.ctx.tensor(iterable.shape.dims[1:], like=iterable, text="a row")
    _havoc(it, node.body, scope, "loop of unknown length")

    def go() -> Flow:
        assign(it, node.target, item, scope)
        return run(it, node.body, scope)

    _once(it, go)
    _havoc(it, node.body, scope, "loop of unknown length")
    return None


def _while(it: Interpreter, node: ast.While, scope: Scope) -> Flow:
    for _ in range(MAX_ROUNDS):
        known = truth(it, it.eval(node.test, scope))
        if known is False:
            return run(it, node.orelse, scope)
        if known is None or isinstance(node.test, ast.Constant):
            break
        flow = run(it, node.body, scope)
        if flow == BREAK:
            return None
        if flow in (RETURN, RAISE):
            return flow
    _havoc(it, node.body, scope, "while loop")
    _once(it, lambda: run(it, node.body, scope))
    _havoc(it, [*node.body, *node.orelse], scope, "while loop")
    return None


def _once(it: Interpreter, go: Callable[[], Flow]) -> None:
    """One round that stands for any number. The lists and mappings that it fills, in functions
    that it calls too, hold anything from then on, and so do objects whose attributes it sets by
    names that nobody knows."""
    for _, writes in it.fork([go]):
        for target, key, value in writes.values():
            if isinstance(target, list):
                it.ctx.rewrite(target, [More()])
            elif isinstance(target, Whole):
                it.ctx.rewrite_dict(target.table, {"?": More()})
            elif isinstance(target, Items) and value is not MISSING:
                it.ctx.write(target, key, PERHAPS)
            elif key == UNNAMED or isinstance(value, Unknown) and value.why == NAMELESS:
                it.ctx.write(target, key, value)


def _havoc(it: Interpreter, body: list[ast.stmt], scope: Scope, why: str) -> None:
    """Forget the names, attributes and items that these statements assign."""
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                it.ctx.write(scope.vars, node.id, Unknown(why))
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                owner = it.eval(node.value, scope)
                if isinstance(owner, (Instance, Layer)):
                    it.ctx.write(owner.attrs, node.attr, Unknown(why))
            elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
                _havoc_items(it, it.eval(node.value, scope))
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr in ("append", "extend", "insert", "add_module", "pop"):
                    _havoc_list(it, it.eval(node.func.value, scope), node.func.attr)


def _havoc_items(it: Interpreter, owner: Value) -> None:
    """A mapping in which a loop may set any key, or none."""
    if isinstance(owner, Dict):
        it.ctx.rewrite_dict(owner.items, dict.fromkeys([*owner.items, "?"], PERHAPS))
    elif isinstance(owner, (Layer, Instance)) and owner.items is not None:
        it.ctx.write(owner.items, "?", More())


def _havoc_list(it: Interpreter, owner: Value, method: str) -> None:
    """A list that a loop may change, any number of times."""
    if isinstance(owner, Seq):
        kept = owner.items if method in ("append", "extend") else []
        if not (kept and isinstance(kept[-1], More)):
            it.ctx.rewrite(owner.items, [*kept, More()])
    elif isinstance(owner, (Layer, Instance)) and owner.items is not None:
        it.ctx.write(owner.items, "?", More())


RUN.update({ast.For: _for, ast.AsyncFor: _for, ast.While: _while})
