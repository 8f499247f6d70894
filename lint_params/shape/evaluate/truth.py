"""Conditions: whether they hold, and what follows where they do."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lint_params.shape.evaluate.scope import Scope
from lint_params.shape.sizes.dim import Poly, lower
from lint_params.shape.value import (
    PERHAPS,
    AnySeq,
    Choice,
    ClassRef,
    Config,
    Dict,
    External,
    Flag,
    Function,
    Instance,
    Layer,
    Native,
    Ratio,
    Real,
    Seq,
    ShapeOf,
    Tensor,
    Unknown,
    Value,
    is_size,
)

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter


def truth(it: Interpreter, value: Value) -> bool | None:
    """Whether the value counts as true; None where that is not decided."""
    if value is True or value is False:
        return value
    if value is None or isinstance(value, (int, float, str, bytes)):
        return bool(value)
    if isinstance(value, Flag):
        known = it.ctx.flags.get(value)
        return known if isinstance(known, bool) else None
    if isinstance(value, Poly):
        size = it.ctx.resolve(value)
        if isinstance(size, int):
            return bool(size)
        low = lower(size)
        return True if low is not None and low > 0 else None
    if isinstance(value, Seq):
        return bool(value.items)
    if isinstance(value, Dict):
        sure = any(one is not PERHAPS for one in value.items.values())
        return True if sure else None if value.open else False
    if isinstance(value, Choice):
        results = {truth(it, option) for option in value.options}
        return results.pop() if len(results) == 1 else None
    if isinstance(value, (Layer, Instance)):
        if value.items is not None:
            return bool(value.items)  # a container has a length
        return True
    if isinstance(value, (External, ClassRef, Function, Native)):
        return True
    if isinstance(value, (Unknown, Config, Tensor, Ratio, Real, AnySeq)):
        return None
    return None


#: Functions that raise unless their first argument is true, and what such a call gives if it is not.
ASSERTIONS = frozenset({"torch._assert", "torch._check"})
FAILED = Unknown("raises")


def holds(it: Interpreter, test: ast.expr, scope: Scope) -> bool:
    """Learn from a condition without which the code raises; False where it surely raises."""
    if truth(it, it.eval(test, scope)) is False:
        return False
    assume(it, test, True, scope)
    return True


def assume(it: Interpreter, node: ast.expr, want: bool, scope: Scope) -> None:
    """Learn from the fact that a condition came out as ``want`` on this path."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        assume(it, node.operand, not want, scope)
    elif isinstance(node, ast.BoolOp):
        if isinstance(node.op, ast.And) is want:  # all parts of a true `and`, of a false `or`
            for part in node.values:
                assume(it, part, want, scope)
        else:  # a false `and` whose other parts hold: it is the one that is left
            neutral = isinstance(node.op, ast.And)
            open_ones = [p for p in node.values if truth(it, it.eval(p, scope)) is not neutral]
            if len(open_ones) == 1:
                assume(it, open_ones[0], want, scope)
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        _assume_compare(it, node, want, scope)
    elif isinstance(node, ast.Call):
        if not _assume_isinstance(it, node, want, scope):
            _assume_answer(it, node, want, scope)
    elif isinstance(node, (ast.Name, ast.Attribute)):
        value = it.eval(node, scope)
        if isinstance(value, Flag):
            it.ctx.write(it.ctx.flags, value, want)
        else:
            narrow(it, node, scope, lambda v: truth(it, v) in (want, None))


def _assume_compare(it: Interpreter, node: ast.Compare, want: bool, scope: Scope) -> None:
    op, right_node = node.ops[0], node.comparators[0]
    right = it.eval(right_node, scope)
    if isinstance(op, (ast.Is, ast.IsNot)) and right is None:
        is_none = isinstance(op, ast.Is) is want
        narrow(
            it,
            node.left,
            scope,
            lambda v: (v is None) is is_none or isinstance(v, (Config, Unknown)),
        )
        return
    if not isinstance(op, (ast.Eq, ast.NotEq)) or isinstance(op, ast.Eq) is not want:
        if isinstance(op, ast.Gt) and want and right == 0 and isinstance(node.left, ast.BinOp):
            return
        return
    left = it.eval(node.left, scope)
    rank = _rank_of(it, node.left, scope)
    if rank is not None and isinstance(right, int):
        it.ctx.of_rank(rank, right)
        return
    if isinstance(left, Config) and not isinstance(right, (str, Seq)):
        left = left.size
    if is_size(left) and is_size(right):
        for tensor in _counted_from_front(it, scope, node.left, right_node):
            it.ctx.refine(tensor.shape, (), True)  # which of its sizes was meant, nobody knows
        it.ctx.learn_equal(left, right)
    elif isinstance(left, Seq) and isinstance(right, Seq) and len(left.items) == len(right.items):
        for a, b in zip(left.items, right.items):
            if is_size(a) and is_size(b):
                it.ctx.learn_equal(a, b)
    elif isinstance(left, ShapeOf) or isinstance(right, ShapeOf):
        _learn_shapes(it, left, right)
    elif isinstance(left, Choice):
        narrow(
            it, node.left, scope, lambda v: v == right or not isinstance(v, (str, int, type(None)))
        )


def _learn_shapes(it: Interpreter, left: Value, right: Value) -> None:
    """Two shapes are the same: so are their sizes, counted from the end."""
    from lint_params.shape.evaluate.comparison import last_sizes

    one, other = last_sizes(it, left), last_sizes(it, right)
    for a, b in zip(reversed(one[0]), reversed(other[0])) if one and other else ():
        if is_size(a) and is_size(b):
            it.ctx.learn_equal(a, b)


def _counted_from_front(it: Interpreter, scope: Scope, *nodes: ast.expr) -> list[Tensor]:
    """The tensors of open rank of which ``x.shape[1]`` or ``x.size(1)`` is asked."""
    found = []
    for node in nodes:
        asked, index = _asked_size(node)
        value = it.eval(asked, scope) if asked is not None else None
        if isinstance(value, Tensor) and value.shape.lead and index is not None:
            at = it.eval(index, scope)
            if isinstance(at, int) and at > 0:
                found.append(value)
    return found


def _asked_size(node: ast.expr) -> tuple[ast.expr | None, ast.expr | None]:
    """``x`` and 1 of ``x.shape[1]`` and ``x.size(1)``."""
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute):
        return (node.value.value, node.slice) if node.value.attr == "shape" else (None, None)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
        return (node.func.value, node.args[0]) if node.func.attr == "size" else (None, None)
    return None, None


def _rank_of(it: Interpreter, node: ast.expr, scope: Scope) -> Tensor | None:
    """The tensor whose rank the expression asks: ``x.dim()``, ``x.ndim``, ``len(x.shape)``."""
    inner: ast.expr | None = None
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("dim", "ndimension"):
            inner = node.func.value
        elif isinstance(node.func, ast.Name) and node.func.id == "len" and len(node.args) == 1:
            arg = node.args[0]
            if isinstance(arg, ast.Attribute) and arg.attr == "shape":
                inner = arg.value
    elif isinstance(node, ast.Attribute) and node.attr == "ndim":
        inner = node.value
    if inner is None:
        return None
    value = it.eval(inner, scope)
    return value if isinstance(value, Tensor) else None


def _assume_answer(it: Interpreter, node: ast.Call, want: bool, scope: Scope) -> None:
    """Learn from what a function of one expression said, ``divisible_by(a, b)`` or ``exists(x)``:
    what holds of its parameters holds of what it was asked about."""
    fn = it.eval(node.func, scope)
    test = _answered(fn) if isinstance(fn, Function) else None
    starred = any(isinstance(arg, ast.Starred) for arg in node.args) or not all(k.arg for k in node.keywords)
    if not isinstance(fn, Function) or test is None or starred or fn.node in it.active:
        return
    from lint_params.shape.evaluate.parameters import bind_parameters

    inner = Scope(it.file_scope(fn.file), fn.scope, fn)
    asked = [*node.args, *(keyword.value for keyword in node.keywords)]
    given = [it.eval(one, scope) for one in asked]
    named = {k.arg: value for k, value in zip(node.keywords, given[len(node.args) :]) if k.arg}
    if not bind_parameters(it, fn, given[: len(node.args)], named, inner):
        return
    before = dict(inner.vars)
    it.active.append(fn.node)
    try:
        assume(it, test, want, inner)
    finally:
        it.active.pop()
    for name, value in before.items():
        for one, its in zip(asked, given):
            if inner.vars[name] is not value is its and isinstance(one, (ast.Name, ast.Attribute)):
                _store(it, one, inner.vars[name], scope)


def _answered(fn: Function) -> ast.expr | None:
    """The only expression of a function."""
    if isinstance(fn.node, ast.Lambda):
        return fn.node.body
    last = fn.node.body[-1]
    plain = isinstance(fn.node, ast.FunctionDef) and not fn.node.decorator_list
    alone = all(isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant) for s in fn.node.body[:-1])
    return last.value if plain and alone and isinstance(last, ast.Return) else None


def _assume_isinstance(it: Interpreter, node: ast.Call, want: bool, scope: Scope) -> bool:
    """Whether the call is ``isinstance(x, kind)``, which says what x is."""
    if not (
        isinstance(node.func, ast.Name) and node.func.id == "isinstance" and len(node.args) == 2
    ):
        return False
    from lint_params.shape.python.objects import is_instance

    kind = it.eval(node.args[1], scope)
    value = it.eval(node.args[0], scope)
    if isinstance(value, Config) and want and isinstance(kind, External):
        if kind.name == "builtins.int":
            _store(it, node.args[0], value.size, scope)
    else:
        narrow(it, node.args[0], scope, lambda v: is_instance(it, v, kind) in (want, None))
    return True


def narrow(it: Interpreter, node: ast.expr, scope: Scope, keep) -> None:  # type: ignore[no-untyped-def]
    """Drop the alternatives of a name or attribute that cannot be meant on this path."""
    if not isinstance(node, (ast.Name, ast.Attribute)):
        return
    value = it.eval(node, scope)
    if not isinstance(value, Choice):
        return
    options = [o for o in value.options if keep(o)]
    if options and len(options) < len(value.options):
        _store(it, node, options[0] if len(options) == 1 else Choice(options), scope)


def _store(it: Interpreter, node: ast.expr, value: Value, scope: Scope) -> None:
    if isinstance(node, ast.Name):
        here = scope
        while node.id not in here.vars and here.parent is not None:
            here = here.parent
        if node.id in here.vars:
            it.ctx.write(here.vars, node.id, value)
    elif isinstance(node, ast.Attribute):
        owner = it.eval(node.value, scope)
        if isinstance(owner, (Instance, Layer)) and node.attr in owner.attrs:
            it.ctx.write(owner.attrs, node.attr, value)
