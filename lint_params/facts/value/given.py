"""Tensors made of given numbers: an argument of the constructor, or a list of literals."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lint_params.facts.torch_names import CREATORS
from lint_params.facts.value.words import class_constant

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts

_KEEP = frozenset(
    """
        view reshape unsqueeze float double to contiguous clone detach flatten squeeze expand
    """.split()
)


def is_given_data(facts: FileFacts, expr: ast.expr, depth: int = 0) -> bool:
    """``torch.tensor(mean).view(-1, 1, 1)`` of an argument or of several different numbers."""
    if depth > 8:
        return False
    if isinstance(expr, ast.Name):
        values = facts.reach(expr)
        return values is not None and len(values) == 1 and values[0] is not expr and (
            is_given_data(facts, values[0], depth + 1)
        )
    if isinstance(expr, ast.Subscript):
        return is_given_data(facts, expr.value, depth + 1)
    if not isinstance(expr, ast.Call):
        return False
    name = facts.qualify(expr.func)
    if name is None:
        func = expr.func
        inside = isinstance(func, ast.Attribute) and func.attr in _KEEP
        return inside and is_given_data(facts, func.value, depth + 1)  # type: ignore[attr-defined]
    if CREATORS.get(name) == "data" or name in ("torch.Tensor", "torch.FloatTensor"):
        data = facts.argument(expr, 0, "data")
        return data is not None and _is_given(facts, data)
    return False


def _is_given(facts: FileFacts, data: ast.expr) -> bool:
    if isinstance(data, ast.Name):
        found = facts.definitions(data) or ()
        if found and all(one.how == "argument" for one in found):
            return True
        values = facts.reach(data) or []
        return len(values) == 1 and values[0] is not data and _is_given(facts, values[0])
    if isinstance(data, ast.Attribute):
        constant = class_constant(facts, data, facts.self_attribute(data) or "")
        return constant is not None and _is_given(facts, constant)
    if isinstance(data, (ast.List, ast.Tuple)):
        numbers = [part.value for part in data.elts if isinstance(part, ast.Constant)]
        return len(numbers) == len(data.elts) and len(set(numbers)) > 1
    return False
