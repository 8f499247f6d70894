"""Where a file sets ``requires_grad``, or what looks like it, and on what."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lint_params.facts.value.call_sites import value_given
from lint_params.facts.value.kinds import Kind
from lint_params.names import dotted

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts

_TENSORS = ("parameter", "buffer", "tensor")
#: Methods by which everybody tells a Module; ``requires_grad_`` a tensor has, too.
_MODULE_METHODS = frozenset(
    """
        parameters named_parameters modules named_modules children named_children eval train
        state_dict load_state_dict register_forward_hook
    """.split()
)
_OWN_TENSORS = ("weight", "bias")
#: Real names that look like the wanted one.
_FINE = frozenset(["requires_grad", "retains_grad", "retain_grad", "requires_grads_"])


@dataclass(frozen=True, eq=False)
class Flag:
    """``owner.name = ...`` or ``setattr(owner, "name", ...)``; ``node`` is the statement (the
    call, for setattr)."""

    owner: ast.expr
    name: str
    node: ast.stmt | ast.Call
    of_module: bool
    of_tensor: bool


def flags_set(facts: FileFacts, name: str) -> list[Flag]:
    """Every place that sets this attribute on something."""
    return [flag for flag in _all(facts) if flag.name == name]


def flags_misspelt(facts: FileFacts, name: str) -> list[Flag]:
    """Every place that sets an attribute that nearly has this name and that nobody reads."""
    found = []
    for flag in _all(facts):
        if flag.name in _FINE or not near(flag.name, name):
            continue
        # The method requires_grad_ is read as a matter of course.
        if flag.name == f"{name}_" or not _read(facts, flag.name):
            found.append(flag)
    return found


def _all(facts: FileFacts) -> list[Flag]:
    found = []
    for node in facts.nodes(ast.Attribute):
        if isinstance(node.ctx, ast.Store) and node.attr[:2] == "re":
            statement = facts.statement(node)
            if isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
                found.append(_flag(facts, node.value, node.attr, statement))
    for call in facts.nodes(ast.Call):
        plain = isinstance(call.func, ast.Name) and call.func.id == "setattr"
        if plain and len(call.args) == 3 and isinstance(call.args[1], ast.Constant):
            found.append(_flag(facts, call.args[0], str(call.args[1].value), call))
    return found


def _flag(facts: FileFacts, owner: ast.expr, name: str, node: ast.stmt | ast.Call) -> Flag:
    kind = facts.kind_of(owner)
    module = all(_plain_module(one, name) for one in kind.every()) or (
        not kind.known and kind.what != "choice"
        and (_used_as_module(facts, owner) or _called_by_class(facts, owner) or _given_a_module(facts, owner, name))
    )
    tensor = all(one.what in _TENSORS for one in kind.every()) or (
        kind.what == "unknown" and isinstance(owner, ast.Attribute) and owner.attr in _OWN_TENSORS
    )
    return Flag(owner, name, node, module and not tensor, tensor)


def _plain_module(kind: Kind, name: str) -> bool:
    """Surely a Module, of a class that makes nothing of the name."""
    if not kind.is_module:
        return False
    cls = kind.cls
    if cls is None:
        return True
    if any(name in one.members or name in one.scope.bound for one in cls.mro):
        return False
    return not any("__setattr__" in one.methods for one in cls.mro)


def _used_as_module(facts: FileFacts, owner: ast.expr) -> bool:
    """Whether the same dotted name is called or asked for its parameters nearby: tensors are
    not callable, and only Modules have ``parameters()`` and ``eval()``."""
    path = dotted(owner)
    if path is None:
        return False
    scope = facts.scope_of(owner)
    method = scope.method
    whole = path.startswith("self.") and method is not None and method.owner is not None
    around = method.owner if whole and method is not None else scope
    if path in ("self", "cls") or around is None:
        return False
    if isinstance(owner, ast.Name) and facts.definitions(owner) is None:
        return False
    asked = called = False
    for inner in around.within():
        for call in inner.nodes(ast.Call):
            func = call.func
            called = called or dotted(func) == path
            if isinstance(func, ast.Attribute) and func.attr in _MODULE_METHODS:
                asked = asked or dotted(func.value) == path
    return asked or (called and whole)


def _called_by_class(facts: FileFacts, owner: ast.expr) -> bool:
    """Whether ``model.backbone`` is called by a method of the model's class: no tensor is."""
    cls = facts.kind_of(owner.value).cls if isinstance(owner, ast.Attribute) else None
    if cls is None or not cls.is_module or not isinstance(owner, ast.Attribute):
        return False
    return any(
        isinstance(call.func, ast.Attribute) and call.func.attr == owner.attr
        and isinstance(call.func.value, ast.Name) and call.func.value.id == scope.instance_name
        for one in cls.mro
        if one.method(owner.attr) is None
        for scope in one.scope.within()
        if scope.is_function
        for call in scope.nodes(ast.Call)
    )


def _given_a_module(facts: FileFacts, owner: ast.expr, name: str) -> bool:
    """Whether ``net`` of ``def set_requires_grad(self, net, flag)`` surely is a Module in one of the
    calls in the file, and the function asks nothing about it: that one call is the mistake."""
    found = facts.definitions(owner) if isinstance(owner, ast.Name) else None
    scope = facts.scope_of(owner)
    if not isinstance(owner, ast.Name) or not found or any(one.how != "argument" for one in found):
        return False
    if any(
        isinstance(part, ast.Name) and part.id == owner.id
        for call in scope.nodes(ast.Call)
        if isinstance(call.func, ast.Name) and call.func.id in ("isinstance", "hasattr", "type", "callable")
        for part in ast.walk(call)
    ):
        return False
    for call in facts.nodes(ast.Call):
        called = getattr(call.func, "attr", getattr(call.func, "id", ""))
        target = facts.function_of(call) if called == scope.name else None
        value = value_given(call, scope, owner.id) if target is not None and target[1] is scope else None
        if value is not None and all(_plain_module(one, name) for one in facts.kind_of(value).every()):
            return True
    return False


def _read(facts: FileFacts, name: str) -> bool:
    """Whether the file reads an attribute, argument or key of that name."""
    if any(n.attr == name and isinstance(n.ctx, ast.Load) for n in facts.nodes(ast.Attribute)):
        return True
    return any(
        isinstance(call.func, ast.Name)
        and call.func.id in ("getattr", "hasattr")
        and len(call.args) > 1
        and isinstance(call.args[1], ast.Constant)
        and call.args[1].value == name
        for call in facts.nodes(ast.Call)
    )


def near(name: str, wanted: str) -> bool:
    """Whether a name is a slip of the wanted one: up to two letters, or other word forms."""
    if name == wanted or "." in name:
        return False
    plain = name.replace("_", "").lower()
    if plain in ("requiregrad", "requiresgradient", "requiregradient", "requiredgrad"):
        return True
    return _distance(name, wanted) <= 2 and name[:1] == "r"


def _distance(one: str, other: str) -> int:
    """Letters to add, drop, change or swap with their neighbour."""
    if abs(len(one) - len(other)) > 2:
        return 9
    rows = [list(range(len(other) + 1))]
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            cost = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]
