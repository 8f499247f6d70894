"""Expressions: one function for each kind of node."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from lint_params.shape.evaluate import iterate
from lint_params.shape.evaluate.arithmetic import beneath, binary, unary
from lint_params.shape.evaluate.comparison import compare
from lint_params.shape.evaluate.evaluated import FUNCTIONS, evaluated
from lint_params.shape.evaluate.interpreter import Interpreter
from lint_params.shape.evaluate.join import join_all
from lint_params.shape.evaluate.objects import ABSENT, OF_SUBCLASS, get_attr, super_value
from lint_params.shape.evaluate.parameters import CHANGES, defined
from lint_params.shape.evaluate.scope import Scope
from lint_params.shape.evaluate.shown import shown
from lint_params.shape.evaluate.subscript import subscript
from lint_params.shape.evaluate.text import field
from lint_params.shape.evaluate.truth import ASSERTIONS, FAILED, assume, holds, truth
from lint_params.shape.value import (
    OPEN,
    PERHAPS,
    AnySeq,
    Choice,
    ClassRef,
    Config,
    Dict,
    External,
    Function,
    Instance,
    More,
    Native,
    Seq,
    ShapeOf,
    Splice,
    Unknown,
    Value,
    as_set,
    asks_shapes,
)

Evaluator = Callable[[Interpreter, Any, Scope], Value]
EVAL: dict[type, Evaluator] = {}


def on(kind: type) -> Callable[[Evaluator], Evaluator]:
    def register(how: Evaluator) -> Evaluator:
        EVAL[kind] = how
        return how

    return register


@on(ast.Attribute)
def _attribute(it: Interpreter, node: ast.Attribute, scope: Scope) -> Value:
    owner = it.eval(node.value, scope)
    it.ctx.node = node
    value = get_attr(it, owner, node.attr)
    if value.__class__ is not Unknown:
        return value
    if isinstance(owner, Unknown) and node.attr in CHANGES and isinstance(node.value, ast.Subscript):
        _change_any(it, it.eval(node.value.value, scope))
    if isinstance(owner, Instance) and value.why in ABSENT:
        other = owner.attrs.get(OF_SUBCLASS)
        return value if other is None else other.attr(node.attr)
    return value


def _change_any(it: Interpreter, holder: Value) -> None:
    """``groups[i].append(x)`` where nobody knows i: any of the lists may have grown."""
    items = holder.items if isinstance(holder, (Seq, Dict)) else []
    for inner in list(items.values() if isinstance(items, dict) else items):
        if isinstance(inner, Seq) and inner.kind == "list":
            it.ctx.rewrite(inner.items, [More()])
        elif isinstance(inner, Dict):
            inner.open = True


def _sizes(value: Value) -> bool:
    """Whether some of its items stand for all sizes of a shape, as ``view(*x.shape, 1)`` may."""
    if isinstance(value, Seq) and not any(isinstance(i, Splice) for i in value.items):
        return any(isinstance(item, ShapeOf) for item in value.items)
    return isinstance(value, ShapeOf)


@on(ast.Call)
def _call(it: Interpreter, node: ast.Call, scope: Scope) -> Value:
    if isinstance(node.func, ast.Name) and node.func.id == "super":
        return super_value(it, scope, [it.eval(a, scope) for a in node.args])
    callee = it.eval(node.func, scope)
    if callee.__class__ is External and node.args:
        if callee.name in ASSERTIONS:
            return None if holds(it, node.args[0], scope) else FAILED
        if callee.name in FUNCTIONS:
            return evaluated(it, node, scope)
    args: list[Value] = []
    for arg in node.args:
        if arg.__class__ is not ast.Starred:
            args.append(it.eval(arg, scope))
        else:
            value = it.eval(arg.value, scope)
            if isinstance(callee, (External, Native)) and _sizes(value):
                args.extend([value] if isinstance(value, ShapeOf) else value.items)
                continue
            guess = isinstance(value, Config) or (
                isinstance(value, AnySeq) and not isinstance(it.ctx.resolve(value.length), int)
            )
            items = None if guess else iterate.known_items(it, value)
            if items is None:
                return Unknown("*args of unknown length")
            args.extend(items)
    kwargs: dict[str, Value] = {}
    for keyword in node.keywords:
        value = it.eval(keyword.value, scope)
        if keyword.arg is not None:
            kwargs[keyword.arg] = value
        elif isinstance(value, Dict):
            own = isinstance(callee, (ClassRef, Function))  # these know what perhaps is there
            kwargs.update(
                {k: v for k, v in value.items.items() if isinstance(k, str) and (own or v is not PERHAPS)}
            )
            if value.open or kwargs.pop("?", None) is not None:  # any key may be there
                kwargs[OPEN] = Unknown("perhaps in **kwargs")
        elif isinstance(value, Config) and isinstance(callee, (ClassRef, Function)):
            kwargs[OPEN] = value
        else:
            return Unknown("**kwargs of unknown keys")
    value = it.call(callee, args, kwargs, node, source_text(node.func))
    if it.watch is not None and it.watch == (it.ctx.path, node.lineno):
        it.watched.append(f"{source_text(node.func)}(...) is {shown(value)}")
    return value


def source_text(node: ast.expr) -> str:
    """A callee as the reader wrote it: ``self.fc1``, ``nn.Linear``."""
    if isinstance(node, ast.Name):
        return node.id
    known: str | None = getattr(node, _TEXT, None)
    if known is None:
        known = _source_text(node)
        setattr(node, _TEXT, known)
    return known


#: Kept on the node itself, so that it goes with the tree.
_TEXT = "_lint_params_text"


def _source_text(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        inner = source_text(node.value)
        return f"{inner}.{node.attr}" if inner else node.attr
    if isinstance(node, ast.Subscript):
        inner = source_text(node.value)
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) and node.slice.elts else [node.slice]
        return f"{inner}[{', '.join(map(ast.unparse, parts))}]" if inner else ""
    if isinstance(node, ast.Call):
        return source_text(node.func)
    return ""


@on(ast.BinOp)
def _binop(it: Interpreter, node: ast.BinOp, scope: Scope) -> Value:
    left, right = it.eval(node.left, scope), it.eval(node.right, scope)
    it.ctx.node = node
    if isinstance(node.op, (ast.Add, ast.Sub)):
        left, right = beneath(left, right, node.left), beneath(right, left, node.right)
    return binary(it, type(node.op), left, right)


@on(ast.UnaryOp)
def _unaryop(it: Interpreter, node: ast.UnaryOp, scope: Scope) -> Value:
    value = it.eval(node.operand, scope)
    if isinstance(node.op, ast.Not):
        known = truth(it, value)
        return Unknown("condition") if known is None else not known
    it.ctx.node = node
    return unary(it, type(node.op), value)


@on(ast.BoolOp)
def _boolop(it: Interpreter, node: ast.BoolOp, scope: Scope) -> Value:
    stop = isinstance(node.op, ast.Or)
    open_options: list[Value] = []
    for i, part in enumerate(node.values):
        value = it.eval(part, scope)
        known = truth(it, value)
        if value is False and not stop:
            return False  # what came before may be false, too
        if known is stop or i == len(node.values) - 1:
            open_options.append(value)
            break
        if known is None:
            open_options.append(_truthy_part(value) if stop else value)
    return next(filter(asks_shapes, open_options), None) or join_all(it, open_options)


def _truthy_part(value: Value) -> Value:
    """What ``value or ...`` gives where value counts as true."""
    if isinstance(value, Choice):
        rest = [o for o in value.options if o is not None and o is not False]
        return rest[0] if len(rest) == 1 else Choice(rest) if rest else value
    return value


@on(ast.Compare)
def _compare(it: Interpreter, node: ast.Compare, scope: Scope) -> Value:
    left = it.eval(node.left, scope)
    result: Value = True
    for op, right_node in zip(node.ops, node.comparators):
        right = it.eval(right_node, scope)
        it.ctx.node = node
        one = compare(it, type(op), left, right)
        if one is False:
            return False
        if one is not True:
            result = one
        left = right
    return result


@on(ast.IfExp)
def _ifexp(it: Interpreter, node: ast.IfExp, scope: Scope) -> Value:
    test = it.eval(node.test, scope)
    known = truth(it, test)
    if known is not None:
        return it.eval(node.body if known else node.orelse, scope)
    start = len(it.ctx.obligations)

    def arm(branch: ast.expr, want: bool) -> Callable[[], Value]:
        def run() -> Value:
            assume(it, node.test, want, scope)
            return it.eval(branch, scope)

        return run

    outcomes = it.fork([arm(node.body, True), arm(node.orelse, False)])
    if asks_shapes(test):
        it.ctx.forgive(start)
    it.merge([writes for _, writes in outcomes])
    return join_all(it, [value for value, _ in outcomes])


@on(ast.Tuple)
def _tuple(it: Interpreter, node: ast.Tuple, scope: Scope) -> Value:
    return _sequence(it, node.elts, scope, "tuple")


@on(ast.List)
def _list(it: Interpreter, node: ast.List, scope: Scope) -> Value:
    return _sequence(it, node.elts, scope, "list")


@on(ast.Set)
def _set(it: Interpreter, node: ast.Set, scope: Scope) -> Value:
    return _sequence(it, node.elts, scope, "set")


def _sequence(it: Interpreter, elements: list[ast.expr], scope: Scope, kind: str) -> Value:
    items: list[Value] = []
    for element in elements:
        if isinstance(element, ast.Starred):
            value = it.eval(element.value, scope)
            if isinstance(value, ShapeOf):
                items.append(value)  # stands for all of its sizes
                continue
            inner = value.items if isinstance(value, Seq) else iterate.known_items(it, value)
            if inner is None:
                return Unknown("starred part of unknown length")
            items.extend(inner)
        else:
            items.append(it.eval(element, scope))
    return as_set(items) if kind == "set" else Seq(items, kind)


@on(ast.Dict)
def _dict(it: Interpreter, node: ast.Dict, scope: Scope) -> Value:
    items: dict[Any, Value] = {}
    is_open = False
    for key, value in zip(node.keys, node.values):
        if key is None:
            inner = it.eval(value, scope)
            if isinstance(inner, Dict):
                items.update(inner.items)
                is_open = is_open or inner.open
            else:
                is_open = True
            continue
        k = it.eval(key, scope)
        v = it.eval(value, scope)
        if isinstance(k, (str, int, float, bool, type(None))):
            items[k] = v
        elif isinstance(k, Seq) and all(isinstance(i, (str, int)) for i in k.items):
            items[tuple(k.items)] = v
        else:
            is_open = True
    return Dict(items, is_open)


@on(ast.Subscript)
def _subscript(it: Interpreter, node: ast.Subscript, scope: Scope) -> Value:
    owner = it.eval(node.value, scope)
    index = it.eval(node.slice, scope)
    it.ctx.node = node
    told, before = it.ctx.obligations, len(it.ctx.obligations)
    value = subscript(it, owner, index)
    for place in range(before, len(told)):  # no call is to blame, nor what it called
        told[place] = told[place]._replace(name=source_text(node.value) or "this tensor", built=None)
    return value


@on(ast.Slice)
def _slice(it: Interpreter, node: ast.Slice, scope: Scope) -> Value:
    parts = [None if p is None else it.eval(p, scope) for p in (node.lower, node.upper, node.step)]
    return slice(*parts)


@on(ast.Lambda)
def _lambda(it: Interpreter, node: ast.Lambda, scope: Scope) -> Value:
    return defined(it, node, scope)


@on(ast.NamedExpr)
def _walrus(it: Interpreter, node: ast.NamedExpr, scope: Scope) -> Value:
    value = it.eval(node.value, scope)
    it.ctx.write(scope.vars, node.target.id, value)
    return value


@on(ast.JoinedStr)
def _fstring(it: Interpreter, node: ast.JoinedStr, scope: Scope) -> Value:
    text = ""
    for part in node.values:
        if isinstance(part, ast.Constant):
            text += str(part.value)
        elif isinstance(part, ast.FormattedValue):
            spec = "" if part.format_spec is None else it.eval(part.format_spec, scope)
            value = it.eval(part.value, scope)
            said = field(value, spec) if isinstance(spec, str) else None
            if not isinstance(said, str) or part.conversion not in (-1, ord("s")):
                return Unknown("text")
            text += said
    return text


@on(ast.Await)
def _await(it: Interpreter, node: ast.Await, scope: Scope) -> Value:
    return it.eval(node.value, scope)


