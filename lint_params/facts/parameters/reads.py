"""Uses of a Parameter that leave its values alone."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts

_READS = frozenset("""
    size shape dim ndim device dtype numel requires_grad element_size clone sum mean norm abs
""".split())
#: What gives a view: a write into it is one into the Parameter.
_SAME_MEMORY = ("data", "detach", "T", "t", "view", "transpose", "unsqueeze", "squeeze", "flatten")
_VIEWS = tuple(f"torch.{name}" for name in _SAME_MEMORY)


def is_read(facts: FileFacts, use: ast.expr) -> bool:
    """Whether the values are only computed with, or a property is asked for."""
    parent = facts.parent(use)
    while True:
        if isinstance(parent, ast.Attribute) and parent.attr in _SAME_MEMORY:
            call = facts.parent(parent)
            use = call if isinstance(call, ast.Call) and call.func is parent else parent
        elif isinstance(parent, ast.Call) and parent.args[:1] == [use] and facts.qualify(parent.func) in _VIEWS:
            use = parent
        else:
            break
        parent = facts.parent(use)
    if isinstance(parent, ast.Attribute):
        return parent.attr in _READS
    if isinstance(parent, ast.Call) and use in parent.args:
        home, _, last = (facts.qualify(parent.func) or "").rpartition(".")
        if home == "torch" and (last.endswith("_like") or last in _READS):
            return True
        return home == "torch.nn.init" and last.startswith("_calculate")
    return isinstance(parent, (ast.BinOp, ast.UnaryOp, ast.Compare))
