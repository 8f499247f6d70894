"""Sizes that come from what a method is given: ``x.shape[0]``, ``b, n, _ = x.shape``."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts

#: Methods after which the first dimension may be another one.
_MIXED = frozenset(
    """
        t T mT transpose permute view reshape flatten squeeze unsqueeze movedim moveaxis
        swapaxes swapdims unflatten expand repeat mean sum unfold chunk split
    """.split()
)
_SEQUENCE = ("seq", "time", "length", "token", "frame", "steps")


@dataclass(frozen=True)
class InputSize:
    """``dim`` of the argument ``name``; ``called`` is the local name that holds it."""

    name: str
    dim: int
    called: str
    node: ast.expr

    @property
    def is_batch(self) -> bool:
        return self.dim == 0

    @property
    def is_sequence(self) -> bool:
        """A later dimension that the code itself calls a length."""
        low = self.called.lower()
        return self.dim in (1, 2) and any(word in low for word in _SEQUENCE)


def input_sizes(facts: FileFacts, expr: ast.expr) -> list[InputSize]:
    """The sizes of the function's arguments that an expression is made from."""
    found: list[InputSize] = []
    todo: list[tuple[ast.AST, int]] = [(expr, 0)]
    while todo:
        node, depth = todo.pop()
        if isinstance(node, ast.expr):
            one = input_size(facts, node)
            if one is not None:
                found.append(one)
                continue
            if isinstance(node, ast.Name) and depth < 6:
                values = facts.reach(node)
                todo += [(value, depth + 1) for value in values or () if value is not node]
                continue
        todo += [(child, depth) for child in ast.iter_child_nodes(node)]
    return found


def input_size(facts: FileFacts, expr: ast.expr, called: str = "", depth: int = 0) -> InputSize | None:
    """The one size that an expression is."""
    if depth > 6:
        return None
    if isinstance(expr, ast.Name):
        found = facts.definitions(expr)
        if not found or len(found) != 1 or found[0].how != "assign" or found[0].value is None:
            return None
        one = found[0]
        assert one.value is not None
        if len(one.path) == 1:
            owner = _shape_owner(one.value)
            name = _argument(facts, owner, 0) if owner is not None else None
            return InputSize(name, one.path[0], expr.id, expr) if name else None
        if one.path or one.value is expr:
            return None
        return input_size(facts, one.value, expr.id, depth + 1)
    if isinstance(expr, ast.Subscript):
        owner = _shape_owner(expr.value)
        place = _constant(expr.slice)
        if owner is None or place is None:
            return None
        return _made(facts, owner, place, called, expr)
    if isinstance(expr, ast.Call):
        func = expr.func
        if isinstance(func, ast.Attribute) and func.attr == "size" and len(expr.args) == 1:
            place = _constant(expr.args[0])
            return None if place is None else _made(facts, func.value, place, called, expr)
        if isinstance(func, ast.Name) and len(expr.args) == 1:
            if func.id == "len":
                return _made(facts, expr.args[0], 0, called, expr)
            if func.id == "int":
                return input_size(facts, expr.args[0], called, depth + 1)
    return None


def _made(
    facts: FileFacts, owner: ast.expr, place: int, called: str, node: ast.expr
) -> InputSize | None:
    name = _argument(facts, owner, 0)
    return InputSize(name, place, called, node) if name else None


def _shape_owner(expr: ast.expr) -> ast.expr | None:
    """``x`` of ``x.shape`` and ``x.size()``."""
    if isinstance(expr, ast.Attribute) and expr.attr == "shape":
        return expr.value
    if (
        isinstance(expr, ast.Call) and isinstance(expr.func, ast.Attribute)
        and expr.func.attr == "size" and not expr.args
    ):
        return expr.func.value
    return None


def _constant(expr: ast.expr) -> int | None:
    if isinstance(expr, ast.Constant) and type(expr.value) is int:
        return expr.value
    if isinstance(expr, ast.UnaryOp) and isinstance(expr.op, ast.USub):
        inner = _constant(expr.operand)
        return None if inner is None else -inner
    return None


def _argument(facts: FileFacts, expr: ast.expr, depth: int) -> str | None:
    """The argument from which a tensor was computed with its first dimension kept."""
    if depth > 8:
        return None
    if isinstance(expr, ast.Name):
        found = facts.definitions(expr)
        if not found:
            return None
        names = set()
        for one in found:
            if one.how == "argument" and isinstance(one.node, ast.arg):
                scope = facts.scope_with_argument(one.node)
                is_self = scope is not None and one.name == scope.self_name
                names.add("" if is_self else one.name)
            elif one.how == "assign" and one.value is not None and one.value is not expr:
                names.add(_argument(facts, one.value, depth + 1) or "")
            else:
                names.add("")
        return names.pop() or None if len(names) == 1 else None
    if isinstance(expr, ast.Call):
        func = expr.func
        if isinstance(func, ast.Attribute) and func.attr in _MIXED:
            return None
        if isinstance(func, ast.Attribute):
            own = _argument(facts, func.value, depth + 1)
            if own is not None:
                return own
        return _argument(facts, expr.args[0], depth + 1) if expr.args else None
    return None


def from_arguments(facts: FileFacts, expr: ast.expr) -> bool:
    """Whether a value is computed from the function's own arguments (not from ``self``)."""
    todo: list[tuple[ast.AST, int]] = [(expr, 0)]
    while todo:
        node, depth = todo.pop()
        if isinstance(node, ast.Name) and depth < 6:
            for one in facts.definitions(node) or ():
                if one.how == "argument" and isinstance(one.node, ast.arg):
                    scope = facts.scope_with_argument(one.node)
                    if scope is None or one.name != scope.self_name:
                        return True
                elif one.value is not None and one.value is not node:
                    todo.append((one.value, depth + 1))
        todo += [(child, depth) for child in ast.iter_child_nodes(node)]
    return False
