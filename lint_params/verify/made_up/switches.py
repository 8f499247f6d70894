"""What stands above a line: ``if init_uniform:``, ``elif phase == 2:`` let it run. Child only."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lint_params.verify.made_up.calls import signature, without_default
from lint_params.verify.made_up.inputs import GIVEN
from lint_params.verify.made_up.source_facts import FileView
from lint_params.verify.made_up.synthesis import Synthesis

#: How many calls lie between the constructor or forward and the line, at most.
_DEEP = 4


@dataclass
class Way:
    """Arguments other than their defaults with which a line of a class is reached."""

    built: dict[str, Any] = field(default_factory=dict)  # the constructor's
    called: dict[str, Any] = field(default_factory=dict)  # forward's
    method: str = ""  # to be called itself, as neither of the two leads to it


def way(kind: type, line: int, view: FileView) -> Way:
    found = Way()
    name, wanted = _climbed(line, view)
    constructor, forward = signature(kind), signature(getattr(kind, "forward", None))
    for text, value in wanted.items():
        own = text.removeprefix("self.")
        if own == text and name == "forward":
            param = forward.parameters.get(own) if forward is not None else None
            if param is not None and (other := _other(param, value)) is not param.default:
                found.called[own] = other
        elif own != text or name == "__init__":
            param = constructor.parameters.get(own) if constructor is not None else None
            if param is not None and (other := _other(param, value)) is not param.default:
                found.built[own] = _made(param, kind, view) if other is GIVEN else other
    if name not in ("__init__", "forward", "") and callable(getattr(kind, name, None)):
        found.method = _alone(kind, line, view) or name
    return found


def _alone(kind: type, line: int, view: FileView) -> str:
    """The method of a line, if it can be called with nothing, by whoever holds the object."""
    node = next((n for n in view.scopes.parents if isinstance(n, ast.stmt) and n.lineno == line), None)
    function = view.scopes.of.get(node) if node is not None else None
    if not isinstance(function, ast.FunctionDef):
        return ""
    return function.name if len(without_default(getattr(kind, function.name, None))) == 1 else ""


def _other(param: inspect.Parameter, value: Any) -> Any:
    """What the parameter must be given, its default where that will do (or nothing is known)."""
    usual = param.default
    if value is GIVEN or isinstance(value, bool) and usual is None:
        return GIVEN if value and usual is None else usual
    if not isinstance(value, bool) or isinstance(usual, bool) or usual is param.empty:
        return usual if usual == value else value
    if isinstance(usual, (int, float)) and bool(usual) is not value:
        return type(usual)(0.5 if isinstance(usual, float) else 1) if value else type(usual)(0)
    return usual


def _made(param: inspect.Parameter, kind: type, view: FileView) -> Any:
    node = view.find(f"{kind.__qualname__}.__init__")
    hints = view.hints(node, param.name) if node is not None else None
    return Synthesis(view).parameter(param.name, param.annotation, hints)


def _climbed(line: int, view: FileView) -> tuple[str, dict[str, Any]]:
    """(the constructor or forward, what must be there), through the methods that lead to a line."""
    nodes = (node for node in view.scopes.parents if isinstance(node, ast.stmt))
    here: ast.AST | None = next((node for node in nodes if node.lineno == line), None)
    wanted: dict[str, Any] = {}
    seen: set[str] = set()
    for _ in range(_DEEP):
        function = view.scopes.of.get(here) if here is not None else None
        if here is None or not isinstance(function, ast.FunctionDef):
            break
        for expression, value in _conditions(here, view):
            wanted.setdefault(ast.unparse(expression), value)
        seen.add(function.name)
        if function.name in ("__init__", "forward"):
            return function.name, wanted
        call = _call_of(function, seen, view)
        if call is None:
            return function.name, wanted
        wanted = _passed(wanted, function, call)
        here = call
    return "", wanted


def _call_of(function: ast.FunctionDef, seen: set[str], view: FileView) -> ast.Call | None:
    """``self.method(...)`` in another method of the same class."""
    scopes = view.scopes
    for call in scopes.calls.get(function.name, ()):
        around = scopes.of[call]
        if around is None or around.name in seen or scopes.of[around] is not scopes.of[function]:
            continue
        if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "self":
            return call
    return None


def _passed(wanted: dict[str, Any], function: ast.FunctionDef, call: ast.Call) -> dict[str, Any]:
    """The wishes for a method's parameters as wishes for what a call of it passes."""
    names = [arg.arg for arg in function.args.args[1:]]
    given = {**dict(zip(names, call.args)), **{w.arg: w.value for w in call.keywords if w.arg}}
    own = {*names, *(arg.arg for arg in function.args.kwonlyargs)}
    moved = {
        ast.unparse(given[name]) if name in own else name: value
        for name, value in wanted.items()
        if name not in own or name in given
    }
    return {name: value for name, value in moved.items() if name.removeprefix("self.").isidentifier()}


def _conditions(here: ast.AST, view: FileView) -> Iterator[tuple[ast.expr, Any]]:
    """(what, its value) for the tests around a node of a function, from the inside out."""
    parents = view.scopes.parents
    inner: ast.AST | None = here
    while inner is not None and not isinstance(inner, ast.FunctionDef):
        outer = parents.get(inner)
        if isinstance(outer, (ast.If, ast.IfExp)) and inner is not outer.test:
            body = outer.body if isinstance(outer, ast.If) else [outer.body]
            yield from _asked(outer.test, inner in body)
        inner = outer


def _asked(test: ast.expr, value: bool) -> Iterator[tuple[ast.expr, Any]]:
    if isinstance(test, (ast.Name, ast.Attribute)):
        yield test, value
    elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        yield from _asked(test.operand, not value)
    elif isinstance(test, ast.BoolOp):
        every = isinstance(test.op, ast.And) is value
        for part in test.values if every else test.values[:1]:
            yield from _asked(part, value)
    elif isinstance(test, ast.Compare) and len(test.ops) == 1:
        yield from _compared(test.left, test.ops[0], test.comparators[0], value)


def _compared(
    left: ast.expr, op: ast.cmpop, right: ast.expr, value: bool
) -> Iterator[tuple[ast.expr, Any]]:
    equal = isinstance(op, (ast.Eq, ast.Is, ast.In)) is value
    if isinstance(op, (ast.In, ast.NotIn)) and isinstance(right, (ast.Tuple, ast.List, ast.Set)):
        right = right.elts[0] if right.elts else right
    if not isinstance(op, (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn)):
        return
    if not isinstance(right, ast.Constant):
        return
    if equal:
        yield left, right.value
    elif right.value is None:
        yield left, GIVEN
    elif isinstance(right.value, bool):
        yield left, not right.value
