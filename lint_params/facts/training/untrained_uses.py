"""What is done with a module beside training it: whether anybody else learns of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.names import dotted

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts
    from lint_params.facts.scope import Scope

#: What may be done to a module without anybody else learning of it.
_HARMLESS = ("to", "cuda", "cpu", "train", "zero_grad", "float", "half", "double", "state_dict")
_LOOKS = ("detach", "shape", "grad", "clone", "norm", "mean", "std", "abs", "sum")
_BOUNDS = ("clamp_", "clip_", "clamp", "clip")
LOADED = ("load", "load_state_dict", "from_pretrained", "load_from_checkpoint", "hub")


def only_computes(facts: FileFacts, use: ast.expr) -> bool:
    """A Parameter in arithmetic, functions of torch and its own methods: nobody else gets it."""
    below: ast.AST = use
    for parent in facts.index.ancestors(use):
        if isinstance(parent, ast.Attribute):
            return parent.attr not in ("data", "grad", "requires_grad", "requires_grad_", "backward")
        if isinstance(parent, (ast.BinOp, ast.UnaryOp, ast.Compare, ast.Subscript)):
            return True
        if isinstance(parent, ast.Call) and below is not parent.func:
            return (facts.qualify(parent.func) or "").startswith(("torch.", "builtins.print", "builtins.float"))
        return False
    return False


def uses(scope: Scope, name: str) -> Iterator[ast.expr]:
    whole = name.startswith("self.")
    for node in scope.nodes(ast.Attribute) if whole else scope.nodes(ast.Name):
        if isinstance(node.ctx, ast.Load) and dotted(node) == name:
            yield node


def is_harmless(facts: FileFacts, use: ast.expr) -> bool:
    """Called, moved, returned, or its ``parameters()`` given to an optimizer or a clipper."""
    parent = facts.parent(use)
    if isinstance(parent, (ast.Tuple, ast.List)):
        parent = facts.parent(parent)
    if isinstance(parent, ast.Return):
        return True
    if isinstance(parent, ast.For) and isinstance(parent.target, ast.Name):  # for net in (a, b): net(x)
        turns = [n for n in ast.walk(parent) if isinstance(n, ast.Name) and n.id == parent.target.id]
        return all(is_harmless(facts, turn) for turn in turns if isinstance(turn.ctx, ast.Load))
    if isinstance(parent, ast.Call) and parent.func is use:
        return True
    if isinstance(parent, ast.Attribute) and parent.attr in _HARMLESS:
        call = facts.parent(parent)
        return isinstance(call, ast.Call) and call.func is parent
    if _is_looked_at(facts, use):
        return True
    if isinstance(parent, ast.Attribute) and parent.attr == "apply":
        return _initialises(facts, facts.parent(parent))
    if isinstance(parent, ast.Attribute) and parent.attr == "parameters":
        for above in facts.index.ancestors(parent):
            if isinstance(above, ast.Call) and "clip_grad" in (dotted(above.func) or ""):
                return True
            if isinstance(above, ast.For) and isinstance(above.target, ast.Name):
                return _only_bounds(above)
    return False


def _initialises(facts: FileFacts, call: ast.AST | None) -> bool:
    """``net.apply(weights_init)`` of a function in sight that freezes and loads nothing."""
    given = call.args[0] if isinstance(call, ast.Call) and len(call.args) == 1 else None
    found = facts.function_named(given) if isinstance(given, ast.Name) else None
    return found is not None and not any(
        node.attr in LOADED or node.attr.startswith("requires_grad") for node in found.nodes(ast.Attribute)
    )


def _only_bounds(loop: ast.For) -> bool:
    """``for p in net.parameters(): p.data.clamp_(-c, c)``: bounds are no training by hand."""
    name = loop.target.id if isinstance(loop.target, ast.Name) else ""
    for one in loop.body:
        call = one.value if isinstance(one, ast.Expr) else None
        func = call.func if isinstance(call, ast.Call) else None
        if not isinstance(func, ast.Attribute) or func.attr not in _BOUNDS:
            return False
        if dotted(func.value) not in (name, f"{name}.data"):
            return False
    return True


def _is_looked_at(facts: FileFacts, use: ast.expr) -> bool:
    """``net.fc.weight.detach()``, ``net[0].weight - before``: a look for a report."""
    parent = facts.parent(use)
    while isinstance(parent, (ast.Attribute, ast.Subscript)) and parent.value is use:
        if isinstance(parent, ast.Attribute) and parent.attr in _LOOKS:
            return True
        use, parent = parent, facts.parent(parent)
    return isinstance(parent, ast.BinOp) and getattr(use, "attr", "") in ("weight", "bias")
