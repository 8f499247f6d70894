"""Layers that only a function knows: ``self.f = lambda x: fc(x)``."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lint_params.facts.held.owners import kind_owns

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts
    from lint_params.facts.members import Member
    from lint_params.facts.scope import Scope


def captured(facts: FileFacts, member: Member) -> list[ast.Call]:
    """The constructor calls of layers with parameters that the assigned function closes over
    and that nothing else holds."""
    home, names = member.scope, _names(facts, member.value)
    if isinstance(member.value, ast.Call):
        home, names = _returned(facts, member.value)
    if not names or not home.is_function:
        return []
    found: list[ast.Call] = []
    for text in dict.fromkeys(name.id for name in names):
        made = _made_once(facts, home, text)
        if made is None:
            continue
        kind = facts.kind_of(made)
        if not kind.is_module or kind.annotated or kind.node is not made or not kind_owns(kind, 0):
            continue
        if not any(_holds(facts, use, names) for use in _uses(home, text)):
            found.append(made)
    return found


def _returned(facts: FileFacts, call: ast.Call) -> tuple[Scope, list[ast.Name]]:
    """The function of this file that is called, and what the function reads that it returns."""
    found = facts.function_of(call)
    if found is None or found[0] is not facts:
        return facts.scope_of(call), []
    values = [one.value for one in found[1].nodes(ast.Return)]
    return found[1], _names(facts, values[0]) if len(values) == 1 else []


def _names(facts: FileFacts, value: ast.expr | None) -> list[ast.Name]:
    """What the body of the lambda or of the nested function reads."""
    if isinstance(value, ast.Lambda):
        nodes: list[ast.AST] = list(ast.walk(value.body))
    elif isinstance(value, ast.Name):
        definitions = facts.definitions(value) or ()
        if len(definitions) != 1 or definitions[0].how != "def" or definitions[0].node is None:
            return []
        scope = facts.index.scopes.get(definitions[0].node)
        if scope is None or not scope.is_function:
            return []
        nodes = [name for name in scope.nodes(ast.Name) if name.id not in scope.bound]
    else:
        return []
    return [n for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]


def _made_once(facts: FileFacts, scope: Scope, name: str) -> ast.Call | None:
    bound = scope.bound.get(name, [])
    if len(bound) != 1 or not isinstance(bound[0], ast.Name):
        return None
    statement = facts.parent(bound[0])
    if isinstance(statement, ast.Tuple):  # fc1, fc2 = nn.Linear(...), nn.Linear(...)
        place, above = statement.elts.index(bound[0]), facts.parent(statement)
        parts = above.value if isinstance(above, ast.Assign) else None
        made = parts.elts if isinstance(parts, ast.Tuple) else []
        one = made[place] if len(made) == len(statement.elts) else None
        return one if isinstance(one, ast.Call) else None
    if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call):
        return statement.value
    return None


def _uses(scope: Scope, name: str) -> list[ast.Name]:
    return [
        node
        for inner in scope.within()
        for node in inner.nodes(ast.Name)
        if node.id == name and isinstance(node.ctx, ast.Load)
    ]


def _holds(facts: FileFacts, use: ast.Name, closed: list[ast.Name]) -> bool:
    """Whether a use may register the layer: anything but calling it, its attributes and
    initialisers, and the closure itself."""
    parent = facts.parent(use)
    if isinstance(parent, ast.Attribute) or (isinstance(parent, ast.Call) and parent.func is use):
        return False
    if isinstance(parent, ast.Call) and any(use is one for one in closed):
        called = facts.qualify(parent.func) or ""
        return not called.startswith(("torch.utils.checkpoint.", "torch.nn.init."))
    return True
