"""Whether a gradient of a training loop reaches a module or a Parameter."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lint_params.facts.conditions import no_grad
from lint_params.names import dotted

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts

#: Where a value stops to be trained.
_STOPS = ("detach", "item", "argmax", "tolist", "numpy", "data")


def is_backward(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and (
        node.func.attr in ("backward", "manual_backward")
    )


def trains(facts: FileFacts, body: list[ast.stmt], name: str) -> ast.expr | None:
    """A call of ``name`` (a use of it, for a Parameter) in these statements whose result reaches
    what backward starts from (or what a training_step returns)."""
    nodes = [node for statement in body for node in ast.walk(statement)]
    calls = [n for n in nodes if isinstance(n, ast.expr) and _is_use_of(facts, n, name)]
    calls = [call for call in calls if not no_grad(facts, call)]
    backwards = [node for node in nodes if is_backward(node)]
    ends: list[ast.AST] = []
    for node in backwards:
        assert isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        ends += [node.func.value, *node.args]
    if not backwards:
        ends = [n.value for n in nodes if isinstance(n, ast.Return) and n.value is not None]
    if not calls or not ends:
        return None
    flowing: set[str] = set()
    for _ in range(4):
        for node in nodes:
            value, targets = None, []
            if isinstance(node, ast.Assign):
                value, targets = node.value, node.targets
            elif isinstance(node, ast.AugAssign):
                value, targets = node.value, [node.target]
            if value is not None and _carries(facts, value, name, flowing):
                flowing |= {
                    part.id
                    for target in targets
                    for part in ast.walk(target)
                    if isinstance(part, ast.Name)
                }
    return calls[0] if any(_carries(facts, end, name, flowing) for end in ends) else None


def _is_use_of(facts: FileFacts, node: ast.expr, name: str) -> bool:
    """``net(x)``, ``net.encode(x)``; of a Parameter the name itself."""
    if not isinstance(node, ast.Call):
        used = isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load)
        return used and dotted(node) == name and facts.kind_of(node).is_parameter
    called = dotted(node.func)
    return called is not None and (called == name or called.startswith(name + "."))


def _carries(facts: FileFacts, value: ast.AST, name: str, flowing: set[str]) -> bool:
    """Whether a gradient can flow from ``value`` back to the module or a flowing name."""
    if isinstance(value, ast.Call):
        func = value.func
        if isinstance(func, ast.Attribute) and func.attr in _STOPS:
            return False
    if isinstance(value, ast.Attribute) and value.attr in _STOPS:
        return False
    if isinstance(value, ast.expr) and _is_use_of(facts, value, name) and not no_grad(facts, value):
        return True
    if isinstance(value, ast.Name):
        return value.id in flowing
    return any(_carries(facts, child, name, flowing) for child in ast.iter_child_nodes(value))
