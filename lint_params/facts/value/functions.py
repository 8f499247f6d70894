"""Which function of the project a call runs, and what it returns."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lint_params.facts.value.kinds import UNKNOWN, Kind, join

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts
    from lint_params.facts.scope import Scope


def super_call(call: ast.Call) -> str | None:
    """``f`` for ``super().f(...)``."""
    func = call.func
    if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Call):
        inner = func.value.func
        if isinstance(inner, ast.Name) and inner.id == "super":
            return func.attr
    return None


def function_of(facts: FileFacts, call: ast.Call) -> tuple[FileFacts, Scope] | None:
    func = call.func
    if isinstance(func, ast.Name):
        return _named(facts, func)
    if not isinstance(func, ast.Attribute):
        return None
    qualified = facts.qualify(func)
    if qualified is not None:
        return _global(facts, qualified)
    above = super_call(call)
    if above is not None:
        cls = facts.class_around(call)
        if cls is None:
            return None
        for one in cls.mro[1:]:
            if above in one.methods:
                return one.facts, one.methods[above]
        return None
    owner = facts.kind_of(func.value)
    if owner.cls is not None and owner.what in ("module", "object"):
        found = owner.cls.method(func.attr)
        return (found[0].facts, found[1]) if found is not None else None
    return None


def _named(facts: FileFacts, name: ast.Name) -> tuple[FileFacts, Scope] | None:
    definitions = facts.definitions(name)
    if definitions is not None and facts.scope_of(name).parent is not None:
        scopes = [facts.index.scopes.get(one.node) for one in definitions if one.how == "def" and one.node]
        if len(scopes) == 1 == len(definitions) and scopes[0] is not None and scopes[0].is_function:
            return facts, scopes[0]
        if not any(one.how == "import" for one in definitions):
            return None
    qualified = facts.qualify(name)
    return _global(facts, qualified) if qualified is not None else None


def _global(facts: FileFacts, qualified: str) -> tuple[FileFacts, Scope] | None:
    if qualified.startswith(("torch.", "builtins.", "numpy.")):
        return None
    found = facts.project.resolve(qualified, facts.source)
    if found is None or not isinstance(found[1], (ast.FunctionDef, ast.AsyncFunctionDef)):
        return None
    other = facts if found[0] is facts.source else facts.other(found[0])
    other.index.module.children  # noqa: B018 - the walk registers the scopes
    scope = other.index.scopes.get(found[1])
    return (other, scope) if scope is not None else None


def _factory(facts: FileFacts, call: ast.Call) -> tuple[FileFacts, Scope] | None:
    """The static or class method that ``Weights.create(dim)`` runs."""
    cls = facts.class_of(call.func.value) if isinstance(call.func, ast.Attribute) else None
    found = cls.method(call.func.attr) if cls is not None and isinstance(call.func, ast.Attribute) else None
    if found is None or not found[1].has_decorator("staticmethod", "classmethod"):
        return None
    return found[0].facts, found[1]


def _of_another(facts: FileFacts, call: ast.Call, scope: Scope) -> bool:
    """Whether a class method runs for a class below its own, which is what it then makes."""
    if not scope.has_decorator("classmethod") or not isinstance(call.func, ast.Attribute):
        return False
    cls = facts.class_of(call.func.value) or facts.kind_of(call.func.value).cls
    return cls is None or cls.scope is not scope.owner


def returned_kind(facts: FileFacts, call: ast.Call) -> Kind:
    found = function_of(facts, call) or _factory(facts, call)
    if found is None or _of_another(facts, call, found[1]):
        return UNKNOWN
    other, scope = found
    if scope.nodes(ast.Yield, ast.YieldFrom) or isinstance(scope.node, ast.AsyncFunctionDef):
        return UNKNOWN
    if scope.decorators and not scope.has_decorator("staticmethod", "classmethod", "no_grad"):
        return UNKNOWN
    kinds = []
    for statement in scope.nodes(ast.Return):
        if other.flow(scope).at(statement) is None:
            continue  # never reached
        kinds.append(other.kind_of(statement.value) if statement.value else Kind("none"))
    if other.flow(scope).end is not None:
        kinds.append(Kind("none"))
    if not kinds:
        return UNKNOWN
    return join(kinds)
