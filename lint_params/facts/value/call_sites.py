"""What a function of the file is called with, so far as the file shows it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lint_params.facts.torch_names import MODULE_ATTRIBUTES
from lint_params.facts.value.kinds import UNKNOWN, Kind, join
from lint_params.trees import is_none

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts
    from lint_params.facts.scope import Scope

#: With more call sites than this the first ones tell as much as all.
_MOST = 12


def argument_kind(facts: FileFacts, scope: Scope, arg: ast.arg) -> Kind:
    """The kind that all calls in this file give an argument of a function, or of a private or
    static method that only its own class calls.

    Unknown as soon as one call does not say, or if it is never called here.
    """
    if scope.decorators and not scope.has_decorator("no_grad", "staticmethod"):
        return UNKNOWN
    if not isinstance(scope.node, ast.FunctionDef):
        return UNKNOWN
    plain = _positional(scope)
    if scope.owner is not None:
        calls = _own_calls(facts, scope)
    elif scope.parent is facts.index.module and len(facts.index.module.bound[scope.name]) == 1:
        calls = facts.named_calls.get(scope.name, [])
    else:
        return UNKNOWN
    kinds = []
    for call in calls[:_MOST]:
        value = _given(call, arg, plain)
        if value is None:
            return UNKNOWN
        kind = facts.kind_of(value)
        if not kind.known:
            return UNKNOWN
        kinds.append(kind)
    return join(kinds) if kinds else UNKNOWN


def _own_calls(facts: FileFacts, scope: Scope) -> list[ast.Call]:
    """All calls of a method, which are the class's own or those of what inherits from it:
    ``self._set(self.left)``; [] if something else speaks of it, or may run it."""
    cls = facts.class_at(scope.owner.node) if scope.owner is not None else None
    if cls is None or scope.name.startswith("__") or scope.name == "forward" or scope.name in MODULE_ATTRIBUTES:
        return []
    uses = [node for node in facts.nodes(ast.Attribute) if node.attr == scope.name]
    calls = [parent for node in uses if isinstance(parent := facts.parent(node), ast.Call) and parent.func is node]
    if len(calls) != len(uses) or not all(facts.self_attribute(node) for node in uses):
        return []
    users = [facts.class_around(node) for node in uses]
    if scope.name.startswith("_"):
        return calls if all(one is cls for one in users) else []
    # What is public others call, with what they have; a static method is a helper of its own class,
    # unless a framework that is not known calls it.
    if not scope.has_decorator("staticmethod") or sum(scope.name in one.methods for one in facts.classes) > 1:
        return []
    plain = all(one is not None and one.bases_complete and any(base is cls for base in one.mro) for one in users)
    return calls if plain else []


def _given(call: ast.Call, arg: ast.arg, plain: list[ast.arg]) -> ast.expr | None:
    if any(isinstance(one, ast.Starred) for one in call.args):
        return None
    for keyword in call.keywords:
        if keyword.arg == arg.arg:
            return keyword.value
    if arg in plain:
        place = plain.index(arg)
        if place < len(call.args):
            return call.args[place]
    return None


def value_given(call: ast.Call, scope: Scope, name: str) -> ast.expr | None:
    """What a call of the function gives the argument of that name; None where it does not show."""
    named = [arg for arg in scope.arguments if arg.arg == name]
    return _given(call, named[0], _positional(scope)) if named else None


def _positional(scope: Scope) -> list[ast.arg]:
    """The arguments that a call can give by their place."""
    if not isinstance(scope.node, ast.FunctionDef):
        return []
    plain = [*scope.node.args.posonlyargs, *scope.node.args.args]
    return plain if scope.owner is None or scope.has_decorator("staticmethod") else plain[1:]


def default_of(facts: FileFacts, use: ast.Name) -> list[ast.expr]:
    """[the default] of an argument, where nothing asks about it or assigns it before this use."""
    found = facts.definitions(use) or ()
    if len(found) != 1 or found[0].how != "argument" or found[0].value is None:
        return []
    for above in facts.index.ancestors(use):
        if isinstance(above, (ast.FunctionDef, ast.AsyncFunctionDef)):
            break
        test = getattr(above, "test", getattr(above, "subject", None))
        if test is not None and any(
            isinstance(part, ast.Name) and part.id == use.id for part in ast.walk(test)
        ):
            return []
    return [found[0].value]


def is_none_by_default(facts: FileFacts, name: ast.expr) -> bool:
    """Whether it is an argument, nothing else, that is None unless somebody says otherwise."""
    found = facts.definitions(name) if isinstance(name, ast.Name) else None
    return bool(found) and all(one.how == "argument" and is_none(one.value) for one in found or ())


def argument_values(facts: FileFacts, use: ast.Name) -> list[ast.expr]:
    """What an argument can be where it is used: its default and what the calls in this file
    give; [] where they do not show it all, or it is no argument."""
    found = facts.definitions(use) or ()
    if len(found) != 1 or found[0].how != "argument":
        return []
    name, default = use.id, found[0].value
    scope = facts.scope_of(use)
    if scope.name == "__init__" and scope.owner is not None:
        called, binder = scope.owner.name, scope.owner.parent
        cls = facts.class_around(use)
        if cls is None or cls.subclasses:
            return []
    else:
        called, binder = scope.name, scope.parent
    if binder is not facts.index.module or not isinstance(scope.node, ast.FunctionDef):
        return []
    calls = facts.named_calls.get(called, [])
    if facts.named_loads[called] != len(calls):
        return []  # also a registry entry, a base, an annotation: built elsewhere
    arguments = scope.node.args
    plain = [*arguments.posonlyargs, *arguments.args]
    if scope.owner is not None:
        plain = plain[1:]
    values = [default] if default is not None else []
    for call in calls:
        if any(keyword.arg is None for keyword in call.keywords):
            return []
        if any(isinstance(one, ast.Starred) for one in call.args):
            return []
        for arg in (*plain, *arguments.kwonlyargs):
            value = _given(call, arg, plain) if arg.arg == name else None
            if value is not None:
                values.append(value)
    return values


def receiver_of(facts: FileFacts, call: ast.Call, given: ast.AST) -> tuple[FileFacts, list[ast.Name]] | None:
    """Where the function of the project that a call runs, or a layer's forward, reads the argument
    ``given``; None where that is not known, or the name is given another value in there."""
    found = facts.function_of(call)
    if found is None:
        kind = facts.kind_of(call.func)
        method = kind.cls.method("forward") if kind.is_module and kind.cls is not None else None
        if method is None:
            return None
        found = method[0].facts, method[1]
    there, scope = found
    node = scope.node
    if not isinstance(node, ast.FunctionDef) or scope.children:
        return None
    if any(not (there.qualify(getattr(one, "func", one)) or "").startswith("torch.") for one in node.decorator_list):
        return None
    plain = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args)]
    if scope.owner is not None and not scope.has_decorator("staticmethod"):
        plain = plain[1:]
    if isinstance(given, ast.keyword):
        name = given.arg if given.arg in [*plain, *(arg.arg for arg in node.args.kwonlyargs)] else None
    else:
        place = call.args.index(given) if given in call.args else len(plain)
        starred = any(isinstance(one, ast.Starred) for one in call.args[: place + 1])
        name = plain[place] if place < len(plain) and not starred else None
    uses = [one for one in scope.nodes(ast.Name) if one.id == name]
    if name is None or any(not isinstance(one.ctx, ast.Load) for one in uses):
        return None
    return there, uses
