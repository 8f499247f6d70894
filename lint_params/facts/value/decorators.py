"""Decorators of the project that give back what they get, such as those of registries."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lint_params.facts.value.functions import function_of

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts
    from lint_params.facts.scope import Scope

_KEEPS = ("append", "add", "setdefault")


#: Decorators that only mark what they get.
_TORCH_KEEPS = ("torch._dynamo.allow_in_graph", "torch.compiler.allow_in_graph")
_SAID = ("__doc__", "__module__", "__name__", "__qualname__")
_LEAVES_RESULT = ("torch.", "builtins.", "functools.", "typing.", "typing_extensions.", "contextlib.")


def leaves_result(facts: FileFacts, decorator: ast.expr) -> bool:
    """Whether what a function under it returns surely comes out as it is: any other may change it,
    run it or give back something else."""
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = facts.qualify(called) or ""
    return name.startswith(_LEAVES_RESULT) and name != "functools.partial" or gives_back(facts, decorator)


def may_give_another(facts: FileFacts, decorator: ast.expr) -> bool:
    """Whether a decorator of the project may give back another class or function than it gets."""
    return function_of(facts, _applied(decorator)) is not None and not gives_back(facts, decorator)


def _applied(decorator: ast.expr) -> ast.Call:
    """``@register`` as the call that it is."""
    return decorator if isinstance(decorator, ast.Call) else ast.Call(decorator, [], [])


def _of_project(facts: FileFacts, decorator: ast.expr) -> str | None:
    """The name outside of the project that a decorator comes to, also by the name of another file."""
    name = facts.qualify(decorator)
    return facts.project.external(name, facts.source) if name is not None else None


def gives_back(facts: FileFacts, decorator: ast.expr) -> bool:
    """Whether a class or function under ``@register`` or ``@register("name")`` surely is what is
    written there, and is only kept somewhere under a name."""
    call = _applied(decorator)
    if call is not decorator and _of_project(facts, decorator) in _TORCH_KEEPS:
        return True
    found = function_of(facts, call)
    if found is None or found[1].decorators:
        return False
    home, scope = found
    if call is not decorator:
        return _returns_first(home, scope)
    inner = {one.name: one for one in scope.children if one.is_function}
    values = [one.value for one in scope.nodes(ast.Return)]
    names = [value.id if isinstance(value, ast.Name) else "" for value in values]
    return bool(names) and all(name in inner and _returns_first(home, inner[name]) for name in names)


def _returns_first(facts: FileFacts, scope: Scope) -> bool:
    arguments = scope.arguments
    if not arguments or len(scope.bound.get(arguments[0].arg, ())) != 1:
        return False
    given = arguments[0].arg
    values = [one.value for one in scope.nodes(ast.Return)]
    handed = [
        call
        for call in scope.nodes(ast.Call)
        if any(isinstance(one, ast.Name) and one.id == given for one in (*call.args, *(k.value for k in call.keywords)))
    ]
    return (
        bool(values)
        and not any(map(_makes_another, _stored(scope, given)))
        and all(isinstance(value, ast.Name) and value.id == given for value in values)
        and all(_only_keeps(facts, call) for call in handed)
    )


def _stored(scope: Scope, given: str) -> list[str | None]:
    """Names of the attributes that are put on it; None where that is computed."""
    found: list[str | None] = [
        node.attr
        for node in scope.nodes(ast.Attribute)
        if isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name) and node.value.id == given
    ]
    for call in scope.nodes(ast.Call):
        if isinstance(call.func, ast.Name) and call.func.id == "setattr" and len(call.args) > 1:
            word = call.args[1]
            if isinstance(call.args[0], ast.Name) and call.args[0].id == given:
                found.append(str(word.value) if isinstance(word, ast.Constant) else None)
    return found


def _makes_another(name: str | None) -> bool:
    """Whether with a new attribute of that name a class does something else than is written there."""
    return name is None or name == "forward" or name.startswith("__") and name not in _SAID


def _only_keeps(facts: FileFacts, call: ast.Call) -> bool:
    if isinstance(call.func, ast.Attribute) and call.func.attr in _KEEPS:
        return True
    return (facts.qualify(call.func) or "").startswith("builtins.")
