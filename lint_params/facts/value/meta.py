"""Layers that are made without memory, on torch's meta device: they only say what they look like."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lint_params.trees import last_name

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts

#: Context managers of accelerate and transformers under which layers get no memory.
_EMPTY = ("init_empty_weights", "init_on_device")


def made_on_meta(facts: FileFacts, call: ast.Call) -> bool:
    """``nn.Linear(3, 2, device="meta")``, ``nn.Linear(3, 2).to("meta")``, or under
    ``with torch.device("meta")``."""
    given = [keyword.value for part in ast.walk(call) if isinstance(part, ast.Call) for keyword in part.keywords]
    moved = facts.parent(facts.parent(call) or call)
    if isinstance(moved, ast.Call) and last_name(moved.func) == "to":
        given += [*moved.args, *(keyword.value for keyword in moved.keywords)]
    if any(_is_meta(facts, one) for one in given):
        return True
    around = [one.test for one in facts.conditions(call) if one.what == "with" and one.test is not None]
    return any(
        _is_meta(facts, one) or isinstance(one, ast.Call) and last_name(one.func) in _EMPTY for one in around
    )


def _is_meta(facts: FileFacts, expr: ast.expr) -> bool:
    values = facts.reach(expr) or [expr]
    for one in values:
        if isinstance(one, ast.Call) and facts.qualify(one.func) == "torch.device" and one.args:
            one = one.args[0]
        if isinstance(one, ast.Constant) and one.value == "meta":
            return True
    return False
