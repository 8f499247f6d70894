"""When a statement runs: while the model runs, while it is built, or in other code."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.conditions import Condition
    from lint_params.facts.file import FileFacts
    from lint_params.facts.scope import Scope

#: Conditions under which the body of a function may be passed over.
_MAYBE = ("if", "else", "ifexp", "except", "match", "while", "function")
#: Code that rewrites weights on purpose, once, on a model that is not being trained.
_SURGERY = re.compile(
    r"load|convert|merge|fuse|fusion|fold|deploy|export|import|quant|pack|prune|patch|adapt"
    r"|state_dict|checkpoint|ckpt|restore|backup|offload|swap|sync|copy|switch|surgery|port"
    r"|transfer|migrate|inflate|pretrain|reparam|shard|partition|gather|parallel|finalize",
    re.IGNORECASE,
)
#: Code that gives a model its first values.
_INITIALISING = re.compile(r"_*(re_?)?(init|initiali[sz]e)(_\w+)?|_*reset_(parameters|weights)|weights?_init")


def phase(facts: FileFacts, node: ast.AST) -> str:
    """"forward" (in forward or what it calls), "constructor" (only there), "method" (another
    method), "function", "module" (the file's own code)."""
    scope = facts.scope_of(node)
    if scope.parent is None:
        return "module"
    method, cls = scope.method, facts.class_around(node)
    if method is None or cls is None:
        return "function"
    name = method.name
    family = [cls, *cls.subclasses]
    if cls.is_module and any(name in one.reached_from_forward for one in family):
        return "forward"
    if any(name in one.reached_from_init for one in family):
        return "constructor"
    return "method"


def is_initialising(facts: FileFacts, node: ast.AST) -> bool:
    """Whether the function around gives the first values, by its name."""
    method = facts.scope_of(node).method
    return method is not None and _INITIALISING.fullmatch(method.name) is not None


def is_surgery(facts: FileFacts, node: ast.AST) -> bool:
    """Whether the function around is called after loading, converting, merging ... weights."""
    scope: Scope | None = facts.scope_of(node)
    while scope is not None:
        if scope.is_function and _SURGERY.search(scope.name):
            return True
        scope = scope.parent
    return False


def is_conditional(facts: FileFacts, node: ast.AST) -> bool:
    """Whether its function may end without having run it: a branch, or a return before it."""
    return _branches(facts, node, lambda condition: True)


def depends_on_state(facts: FileFacts, node: ast.AST) -> bool:
    """Whether a branch decides over it, other than on ``self.training``: here, by a return
    before it, or around the call on every way that leads here from forward."""
    if _branches(facts, node, _on_state):
        return True
    cls, method = facts.class_around(node), facts.scope_of(node).method
    if cls is None or method is None:
        return False
    family = (cls, *cls.subclasses)
    return any(method.name in one.reached_from_forward for one in family) and not any(
        method.name in always_called(one, "forward", _on_state) for one in family
    )


def _branches(facts: FileFacts, node: ast.AST, counts: Callable[[Condition], bool]) -> bool:
    if any(one.what in _MAYBE and counts(one) for one in facts.conditions(node)):
        return True
    line = getattr(node, "lineno", 0)
    return any(
        early.lineno < line
        and any(one.what in _MAYBE and counts(one) for one in facts.conditions(early))
        for early in facts.scope_of(node).nodes(ast.Return)
    )


def _on_state(condition: Condition) -> bool:
    test = condition.test
    return (
        condition.what != "if" or not isinstance(test, ast.Attribute) or test.attr != "training"
    )


def in_every_forward(facts: FileFacts, node: ast.AST) -> bool:
    """Whether every call of forward surely comes by: no branch, no early return on the way."""
    cls, method = facts.class_around(node), facts.scope_of(node).method
    if cls is None or method is None or not cls.is_module or is_conditional(facts, node):
        return False
    if any(one.trains_in_forward for one in (cls, *cls.subclasses)):
        return False
    return any(method.name in always_called(one, "forward") for one in (cls, *cls.subclasses))


def always_called(
    cls: ClassFacts, entry: str, counts: Callable[[Condition], bool] = lambda condition: True
) -> set[str]:
    """Names of the methods that run whenever ``entry`` runs, itself included; ``counts`` says
    which conditions may keep a call from being made."""
    seen: set[str] = set()
    todo = [entry]
    while todo:
        name = todo.pop()
        found = cls.method(name)
        if name in seen or found is None:
            continue
        seen.add(name)
        home, scope = found
        for call in scope.nodes(ast.Call):
            called = home.facts.self_attribute(call.func)
            if called is not None and not _branches(home.facts, call, counts):
                todo.append(called)
    return seen
