"""Whether gradients may be off where a node runs, for reasons beyond the with around it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.facts.beside import is_used_beside
from lint_params.facts.training.learners import called_while_learning, decorated, learns, switched

if TYPE_CHECKING:
    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.conditions import Condition
    from lint_params.facts.file import FileFacts
    from lint_params.facts.scope import Scope

_MODE = re.compile(r"grad|training|(^|\W|_)(test|eval|infer)")


def grad_may_be_off(facts: FileFacts, node: ast.AST, target: ast.expr) -> bool:
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
            if decorated(scope) or switched(facts, scope) or _is_of_silent_model(facts, scope):
                return True
            if learns(facts, scope, node, target):
                return False
            if called_while_learning(facts, scope, node, target):
                return _called_without(facts, scope)
            if _is_hook(facts, scope) or not _is_called(facts, scope, set()):
                return True
            if _called_without(facts, scope):  # it may read other files
                return True
        elif scope.parent is None and switched(facts, scope):
            return True
        scope = scope.parent
    return False


def _is_of_silent_model(facts: FileFacts, scope: Scope) -> bool:
    """Whether it is a method of a part of which a model is built whose forward records nothing:
    the cache of a model that only generates."""
    cls = facts.class_at(scope.owner.node) if scope.owner is not None else None
    if cls is None or scope.name in cls.reached_from_init:
        return False
    parts = {one.name: one for one in facts.module_classes}
    pending = [one for one in parts.values() if _is_silent(facts, one)]
    seen = set(pending)
    while pending:
        inner = pending.pop()
        names = {node.id for part in inner.scope.within() for node in part.nodes(ast.Name)}
        found = {parts[name] for name in names if name in parts} - seen
        seen |= found
        pending += found
    return cls in seen


def _is_silent(facts: FileFacts, cls: ClassFacts) -> bool:
    forward = cls.methods.get("forward")
    return forward is not None and facts.no_grad(forward.node.body[0])


def _asks_mode(facts: FileFacts, node: ast.AST) -> bool:
    """Whether a condition tells training from what runs without gradients: ``if fcn_test:``. The
    branch for ``self.training`` alone is the one that runs with them."""
    tests = (one.test for one in facts.conditions(node) if not _is_training(facts, one))
    return any(test is not None and _MODE.search(ast.unparse(test)) for test in tests)


def _is_training(facts: FileFacts, condition: Condition) -> bool:
    return (
        condition.what == "if" and condition.test is not None
        and facts.self_attribute(condition.test) == "training"
    )


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
