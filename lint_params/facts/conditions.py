"""Under which conditions a node runs, and which context managers are around it."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts

_NO_GRAD = frozenset(
    f"torch.{name}"
    for name in (
        "no_grad",
        "inference_mode",
        "autograd.no_grad",
        "autograd.inference_mode",
        "autograd.grad_mode.no_grad",
        "autograd.grad_mode.inference_mode",
    )
)


@dataclass(frozen=True)
class Condition:
    """One thing around a node, innermost first.

    ``what``: "if", "else", "for", "while", "with", "try", "except", "finally", "match",
    "function" (a nested function or lambda) or "ifexp". ``test`` is the condition, the
    iterable or the context manager.
    """

    what: str
    node: ast.AST
    test: ast.expr | None = None


def conditions(facts: FileFacts, node: ast.AST) -> list[Condition]:
    """What stands between the node and the body of its function."""
    found: list[Condition] = []
    below = node
    for parent in facts.index.ancestors(node):
        if parent in facts.index.scopes:
            break
        if isinstance(parent, (ast.If, ast.IfExp)):
            what = "if" if isinstance(parent, ast.If) else "ifexp"
            if below is not parent.test:
                other = parent.orelse
                there = below in other if isinstance(other, list) else below is other
                if _decided(parent.test) is not (not there):
                    found.append(Condition("else" if there else what, parent, parent.test))
        elif isinstance(parent, (ast.For, ast.AsyncFor)):
            if below is not parent.iter and below not in parent.orelse:
                found.append(Condition("for", parent, parent.iter))
        elif isinstance(parent, ast.While):
            found.append(Condition("while", parent, parent.test))
        elif isinstance(parent, (ast.With, ast.AsyncWith)):
            for item in reversed(parent.items):
                if item is not below:
                    found.append(Condition("with", parent, item.context_expr))
        elif isinstance(parent, ast.Try):
            what = "try" if below in parent.body or below in parent.orelse else "finally"
            if parent.handlers and below not in parent.handlers:
                found.append(Condition(what, parent))
        elif isinstance(parent, ast.ExceptHandler):
            found.append(Condition("except", parent, parent.type))
        elif isinstance(parent, ast.match_case):
            found.append(Condition("match", parent, parent.guard))
        elif isinstance(parent, ast.Lambda):
            found.append(Condition("function", parent))
        elif isinstance(parent, ast.comprehension):
            pass
        below = parent
    return found


def _decided(test: ast.expr) -> bool | None:
    """``if True:`` is no condition for its body, ``if False:`` none for what stands under else."""
    return bool(test.value) if isinstance(test, ast.Constant) else None


def no_grad(facts: FileFacts, node: ast.AST) -> bool:
    """Whether gradients are surely off: a ``with`` or a decorator of that kind around it."""
    for parent in facts.index.ancestors(node):
        if isinstance(parent, (ast.With, ast.AsyncWith)):
            if any(_turns_off(facts, item.context_expr) for item in parent.items):
                return True
    scope = facts.index.scope_of(node)
    while scope.is_function:
        if any(_turns_off(facts, decorator) for decorator in scope.decorators):
            return True
        assert scope.parent is not None
        scope = scope.parent
    return False


def _turns_off(facts: FileFacts, manager: ast.expr) -> bool:
    target = manager.func if isinstance(manager, ast.Call) else manager
    name = facts.qualify(target)
    if name == "torch.set_grad_enabled":
        # False, or a flag that nobody here knows: gradients may be off.
        if not isinstance(manager, ast.Call) or not manager.args:
            return False
        flag = manager.args[0]
        return not (isinstance(flag, ast.Constant) and flag.value is True)
    if name in _NO_GRAD:
        return True
    # Helpers are named after what they do: torch_no_grad, inference_mode_if_possible ...
    last = getattr(target, "attr", getattr(target, "id", ""))
    return "no_grad" in last or "inference_mode" in last


def exclude_each_other(one: list[Condition], other: list[Condition]) -> bool:
    """Whether two nodes stand in the two arms of one ``if``."""
    arms = {condition.node: condition.what for condition in one if condition.what in ("if", "else")}
    return any(
        condition.what in ("if", "else") and arms.get(condition.node, condition.what) != condition.what
        for condition in other
    )


def comes_by(first: list[Condition], then: list[Condition]) -> bool:
    """Whether what stands under ``first`` has run wherever what stands under ``then``, further
    down in the same function, runs: it stands in no block of its own."""
    return all(any(one.node is other.node and one.what == other.what for other in then) for one in first)
