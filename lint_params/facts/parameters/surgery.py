"""Code that changes a model's shapes: does it keep the books, and does an optimizer know?"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts
    from lint_params.facts.parameters.data_writes import DataWrite
    from lint_params.facts.scope import Scope

_SIZES = frozenset(
    """
        in_features out_features in_channels out_channels num_embeddings embedding_dim
        num_features normalized_shape
    """.split()
)


def updates_layer_sizes(facts: FileFacts, write: DataWrite) -> bool:
    """Whether the same function also sets ``layer.out_features`` and the like."""
    scope = facts.scope_of(write.node)
    return any(
        isinstance(node.ctx, ast.Store) and node.attr in _SIZES
        for node in scope.nodes(ast.Attribute)
    )


def runs_after_optimizer(facts: FileFacts, node: ast.AST) -> int | None:
    """The line of an optimizer that is built before the node runs, with none built after."""
    scope = facts.scope_of(node)
    line = getattr(node, "lineno", 0)
    here = _built_before(facts, scope, line)
    if here is not None:
        return here
    if not scope.is_function:
        return None
    for call in _calls_of(facts, scope):
        found = _built_before(facts, facts.scope_of(call), call.lineno)
        if found is not None:
            return found
    return None


def _built_before(facts: FileFacts, scope: Scope, line: int) -> int | None:
    own = [one for one in facts.optimizers if one.scope is scope]
    before = [one for one in own if one.call.lineno < line]
    after = [one for one in own if one.call.lineno > line]
    return before[-1].call.lineno if before and not after else None


def _calls_of(facts: FileFacts, scope: Scope) -> list[ast.Call]:
    found = []
    for call in facts.nodes(ast.Call):
        last = getattr(call.func, "attr", getattr(call.func, "id", ""))
        if last == scope.name:
            target = facts.function_of(call)
            if target is not None and target[1] is scope:
                found.append(call)
    return found
