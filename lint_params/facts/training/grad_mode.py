"""Whether gradients may be off where a node runs, for reasons beyond the with around it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.facts.beside import is_used_beside

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts
    from lint_params.facts.scope import Scope

_SWITCHES = ("requires_grad_", "detach_", "set_grad_enabled", "_set_grad_enabled", "freeze")
_MODE = re.compile(r"grad|training|(^|\W|_)(test|eval|infer)")
_HARMLESS = ("staticmethod", "classmethod", "property", "override", "wraps", "setter", "final")


def grad_may_be_off(facts: FileFacts, node: ast.AST) -> bool:
    """Under no_grad here, in a caller of this file, by a decorator that nobody here knows, or
    switched off in the function; also where the code asks ``requires_grad`` itself, or where
    nobody in this file calls the function: what was ever run has a caller who does."""
    if facts.no_grad(node):
        return True
    if _asks_mode(facts, node):
        return True
    for condition in facts.conditions(node):
        if condition.what == "with" and condition.test is not None:
            called = condition.test.func if isinstance(condition.test, ast.Call) else condition.test
            name = facts.qualify(called) or ""
            if not name.startswith(("torch.", "builtins.")) or "grad" in name:
                return True  # a context manager that may do anything
    scope: Scope | None = facts.scope_of(node)
    while scope is not None:
        if scope.is_function:
            if _decorated(scope) or _switched(facts, scope):
                return True
            if _learns(facts, scope, node):
                return False
            if _called_while_learning(facts, scope):
                return _called_without(facts, scope)
            if _is_hook(facts, scope) or not _is_called(facts, scope, set()):
                return True
            if _called_without(facts, scope):  # it may read other files
                return True
        elif scope.parent is None and _switched(facts, scope):
            return True
        scope = scope.parent
    return False


def _asks_mode(facts: FileFacts, node: ast.AST) -> bool:
    """Whether a condition tells training from what runs without gradients: ``if fcn_test:``."""
    tests = (condition.test for condition in facts.conditions(node))
    return any(test is not None and _MODE.search(ast.unparse(test)) for test in tests)


def _is_hook(facts: FileFacts, scope: Scope) -> bool:
    """Whether a base class calls the method, in its own way: an override, or unknown bases."""
    cls = facts.class_at(scope.owner.node) if scope.owner is not None else None
    if cls is None or scope.name in ("__init__", "forward"):
        return False
    if scope.name in cls.reached_from_init and scope.name not in ("_init_weights", "init_weights"):
        return False
    if not cls.bases_complete:
        return scope.name not in cls.reached_from_forward
    return any(scope.name in one.methods for one in cls.mro[1:])


def _learns(facts: FileFacts, scope: Scope, node: ast.AST) -> bool:
    """Whether the function runs a backward pass of its own, which would fail without gradients,
    and reads the ``.grad`` of what is written: it is trained here."""
    graded = {ast.unparse(one.value) for one in scope.nodes(ast.Attribute) if one.attr == "grad"}
    parts = (part for part in ast.walk(node) if isinstance(part, (ast.Name, ast.Attribute)))
    if not graded or not any(ast.unparse(part) in graded for part in parts):
        return False
    return _runs_backward(facts, scope)


def _runs_backward(facts: FileFacts, scope: Scope) -> bool:
    """Whether the function surely runs a backward pass, with gradients as they are at its beginning."""
    for call in scope.nodes(ast.Call):
        func = call.func
        if isinstance(func, ast.Attribute) and func.attr == "backward" and not call.args:
            known = facts.kind_of(func.value).is_tensor or "loss" in ast.unparse(func.value).lower()
            if known and _is_plain(facts, call):
                return True
    return False


def _is_plain(facts: FileFacts, node: ast.AST) -> bool:
    return not any(one.what in ("with", "try", "if", "else", "function") for one in facts.conditions(node))


def _called_while_learning(facts: FileFacts, scope: Scope) -> bool:
    """Whether a method of the same class that trains calls this one, gradients as they are there."""
    cls = facts.class_at(scope.owner.node) if scope.owner is not None else None
    if cls is None or cls.is_module or len(cls.mro) > 1 or cls.subclasses:
        return False
    for other in cls.scope.children:
        calls = [call for call in other.nodes(ast.Call) if facts.self_attribute(call.func) == scope.name]
        if other.is_function and any(_is_plain(facts, call) for call in calls):
            if _runs_backward(facts, other) and not _decorated(other) and not _switched(facts, other):
                return True
    return False


def _decorated(scope: Scope) -> bool:
    for decorator in scope.decorators:
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        if getattr(target, "attr", getattr(target, "id", "")) not in _HARMLESS:
            return True
    return False


def _switched(facts: FileFacts, scope: Scope) -> bool:
    """``requires_grad_(False)``, ``p.requires_grad = False``, ``p.detach_()``,
    ``torch.set_grad_enabled(...)``."""
    for call in scope.nodes(ast.Call):
        last = getattr(call.func, "attr", getattr(call.func, "id", ""))
        if last in _SWITCHES:
            return True
    return any(
        node.attr == "requires_grad" and isinstance(node.ctx, ast.Store)
        for node in scope.nodes(ast.Attribute)
    )


def _called_without(facts: FileFacts, scope: Scope) -> bool:
    """Whether a call of that name, here or in a file around, stands under no_grad, or it is
    only handed on there."""
    if scope.name in ("__init__", "forward", ""):
        return False
    if any(facts.no_grad(node) or _asks_mode(facts, node) for node in _named(facts, scope.name)):
        return True
    return is_used_beside(facts, scope.name, _switches)


def _named(facts: FileFacts, name: str) -> Iterator[ast.Attribute | ast.Name]:
    """Where the file has the name, alone or as the last part of a dotted one."""
    yield from (node for node in facts.nodes(ast.Attribute) if node.attr == name)
    yield from (node for node in facts.nodes(ast.Name) if node.id == name)


def _is_called(facts: FileFacts, scope: Scope, seen: set[str]) -> bool:
    """Whether the file's own code, a constructor or a forward comes to the function."""
    if scope.name in ("__init__", "forward", ""):
        return True
    seen.add(scope.name)
    for node in _named(facts, scope.name):
        if isinstance(node.ctx, ast.Store):
            continue
        caller = facts.scope_of(node)
        while not caller.is_function and caller.parent is not None:
            caller = caller.parent
        if not caller.is_function and any(isinstance(above, ast.Lambda) for above in facts.index.ancestors(node)):
            continue  # a table of lambdas: whoever reads it calls
        if not caller.is_function or caller.name not in seen and _is_called(facts, caller, seen):
            return True
    return False


def _switches(node: ast.AST) -> bool:
    """A block or a decorated function that switches gradients off."""
    heads = (
        [item.context_expr for item in node.items] if isinstance(node, ast.With)
        else node.decorator_list if isinstance(node, ast.FunctionDef)
        else []
    )  # fmt: skip
    return any(
        part.attr in ("no_grad", "inference_mode", "set_grad_enabled")
        for head in heads
        for part in ast.walk(head)
        if isinstance(part, ast.Attribute)
    )
