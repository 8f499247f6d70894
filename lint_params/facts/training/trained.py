"""Whether a gradient of a training loop reaches a module or a Parameter."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lint_params.facts.conditions import no_grad
from lint_params.names import dotted
from lint_params.trees import targets

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts
    from lint_params.facts.scope import Scope

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
    calls = [
        n for n in nodes
        if isinstance(n, ast.expr)
        and (_is_use_of(facts, n, name) or isinstance(n, ast.Call) and _gives(facts, n, name))
    ]
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
    flowing = _flowing(facts, nodes, name)
    return calls[0] if any(_carries(facts, end, name, flowing) for end in ends) else None


def _flowing(facts: FileFacts, nodes: list[ast.AST], name: str, depth: int = 0) -> set[str]:
    """The local names through which a gradient can flow back to ``name``."""
    flowing: set[str] = set()
    for _ in range(4):
        for node in nodes:
            value: ast.expr | None = None
            given: list[ast.expr] = []
            if isinstance(node, (ast.Assign, ast.AnnAssign)):
                value, given = node.value, targets(node)
            elif isinstance(node, ast.AugAssign):
                value, given = node.value, [node.target]
            if isinstance(value, ast.Call) and isinstance(given[0], ast.Tuple):
                for place, part in enumerate(given[0].elts):
                    if isinstance(part, ast.Name) and _gives(facts, value, name, place, depth):
                        flowing.add(part.id)
            if value is not None and _carries(facts, value, name, flowing, depth):
                flowing |= {
                    part.id
                    for target in given
                    for part in ast.walk(target)
                    if isinstance(part, ast.Name)
                }
    return flowing


def _gives(facts: FileFacts, call: ast.Call, name: str, place: int | None = None, depth: int = 0) -> bool:
    """Whether a method of the same object, ``self.losses(x)``, gives what ``name`` computed: as a
    whole, or at one place of the tuple that it returns; with no place, anywhere in it."""
    found = facts.function_of(call) if facts.self_attribute(call.func) is not None and depth < 3 else None
    if found is None or found[0] is not facts or found[1].decorators or no_grad(facts, call):
        return False
    scope = found[1]
    returns = [one.value for one in scope.nodes(ast.Return)]
    if len(returns) != 1 or returns[0] is None or scope.nodes(ast.Yield, ast.YieldFrom):
        return False
    parts = returns[0].elts if isinstance(returns[0], ast.Tuple) else [returns[0]]
    if place is not None:
        parts = parts[place : place + 1] if isinstance(returns[0], ast.Tuple) else []
    nodes = [node for statement in scope.node.body for node in ast.walk(statement)]
    flowing = _flowing(facts, nodes, name, depth + 1)
    return any(_carries(facts, part, name, flowing, depth + 1) for part in parts)


def _is_use_of(facts: FileFacts, node: ast.expr, name: str) -> bool:
    """``net(x)``, ``net.encode(x)``; of a Parameter the name itself."""
    if not isinstance(node, ast.Call):
        used = isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load)
        return used and dotted(node) == name and facts.kind_of(node).is_parameter
    called = dotted(node.func)
    return called is not None and (called == name or called.startswith(name + "."))


def _carries(facts: FileFacts, value: ast.AST, name: str, flowing: set[str], depth: int = 0) -> bool:
    """Whether a gradient can flow from ``value`` back to the module or a flowing name."""
    if isinstance(value, ast.Call):
        func = value.func
        if isinstance(func, ast.Attribute) and func.attr in _STOPS:
            return False
        found = facts.function_of(value) if facts.self_attribute(func) is not None else None
        if found is not None and _returns_one(found[1]) and _gives(facts, value, name, None, depth):
            return True
    if isinstance(value, ast.Attribute) and value.attr in _STOPS:
        return False
    if isinstance(value, ast.expr) and _is_use_of(facts, value, name) and not no_grad(facts, value):
        return True
    if isinstance(value, ast.Name):
        return value.id in flowing
    return any(_carries(facts, child, name, flowing, depth) for child in ast.iter_child_nodes(value))


def _returns_one(scope: Scope) -> bool:
    return not any(isinstance(one.value, ast.Tuple) for one in scope.nodes(ast.Return))
