"""Which functions surely run with gradients: those that run a backward pass, which would fail
without, and those that they call."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.facts.torch_names import (
    IN_PLACE_METHODS,
    MODULE_ATTRIBUTES,
    MODULE_RETURNS_SELF,
    NEW_TENSOR_METHODS,
)
from lint_params.facts.value.call_sites import value_given

if TYPE_CHECKING:
    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.file import FileFacts
    from lint_params.facts.scope import Scope

_SWITCHES = ("detach_", "set_grad_enabled", "_set_grad_enabled")
_HARMLESS = ("staticmethod", "classmethod", "property", "override", "wraps", "setter", "final")
#: Method names that say nothing of whose method it is.
_OF_OTHERS = frozenset(dir(dict)) | frozenset(dir(list)) | frozenset(dir(set)) | frozenset(dir(str))
_OF_TORCH = MODULE_ATTRIBUTES | NEW_TENSOR_METHODS | IN_PLACE_METHODS | {"add_param_group", "reset_parameters"}


def learns(facts: FileFacts, scope: Scope, node: ast.AST, target: ast.expr) -> bool:
    """Whether the function runs a backward pass of its own, and what it writes is trained there:
    its ``.grad`` is read, or the function has just built it."""
    if not (_is_graded(scope, node) or _is_built(facts, _root(facts, target))):
        return False
    return _runs_backward(facts, scope)


def called_while_learning(facts: FileFacts, scope: Scope, node: ast.AST, target: ast.expr) -> bool:
    """Whether a function of the file that trains calls this one, gradients as they are there."""
    cls = facts.class_at(scope.owner.node) if scope.owner is not None else None
    if cls is not None and _called_by_own(facts, cls, scope):
        return True
    if any(switched(facts, one) for one in facts.functions):
        return False  # what is written may be what is frozen elsewhere
    if cls is not None and (not cls.bases_complete or len(cls.mro) > 1 or cls.subclasses or scope.name in _OF_TORCH):
        return False
    root = _root(facts, target)
    own = _is_graded(scope, node) or _is_made_by(facts, cls, root)
    for call in _calls_of(facts, cls, scope):
        if _is_plain(facts, call) and _trains(facts, facts.scope_of(call)):
            given = value_given(call, scope, root.id) if isinstance(root, ast.Name) else None
            if own or given is not None and _is_built(facts, _root(facts, given)):
                return True
    return False


def _called_by_own(facts: FileFacts, cls: ClassFacts, scope: Scope) -> bool:
    """Whether a method of the same class that trains calls this one."""
    if cls.is_module or len(cls.mro) > 1 or cls.subclasses:
        return False
    calls = [call for other in cls.scope.children if other.is_function for call in other.nodes(ast.Call)]
    return any(
        facts.self_attribute(call.func) == scope.name
        and _is_plain(facts, call)
        and _trains(facts, facts.scope_of(call))
        for call in calls
    )


def _calls_of(facts: FileFacts, cls: ClassFacts | None, scope: Scope) -> Iterator[ast.Call]:
    """The calls in this file that run the function: by its name, or on what surely is, or by the
    look of it can only be, an instance of its class."""
    if cls is None:
        calls = facts.named_calls.get(scope.name, [])
        yield from (call for call in calls if _runs(facts, call, scope))
        return
    alone = sum(scope.name in one.methods for one in facts.classes) == 1
    for call in facts.nodes(ast.Call):
        if isinstance(call.func, ast.Attribute) and call.func.attr == scope.name:
            if _runs(facts, call, scope) or alone and _is_telling(scope.name) and _is_given(facts, call.func.value):
                yield call


def _runs(facts: FileFacts, call: ast.Call, scope: Scope) -> bool:
    found = facts.function_of(call)
    return found is not None and found[1] is scope


def _is_telling(name: str) -> bool:
    """``normalise_decoder``, and not ``update``, which any class may have."""
    return "_" in name.strip("_") and name not in _OF_OTHERS and not name.startswith(("reset_", "init_"))


def _is_given(facts: FileFacts, owner: ast.expr) -> bool:
    """Whether nothing is known of a receiver but that it is an argument, or kept from one."""
    if facts.kind_of(owner).what != "unknown":
        return False
    if isinstance(owner, ast.Name):
        found = facts.definitions(owner) or ()
        return bool(found) and all(one.how == "argument" and one.annotation is None for one in found)
    name, cls = facts.self_attribute(owner), facts.class_around(owner)
    members = cls.assignments(name) if cls is not None and name is not None else []
    return bool(members) and all(
        member.how == "assign" and isinstance(member.value, ast.Name) and _is_given(member.cls.facts, member.value)
        for member in members
    )


# -- what is written --------------------------------------------------------------------
def _is_graded(scope: Scope, node: ast.AST) -> bool:
    """Whether the function reads the ``.grad`` of what is written."""
    graded = {ast.unparse(one.value) for one in scope.nodes(ast.Attribute) if one.attr == "grad"}
    parts = (part for part in ast.walk(node) if isinstance(part, (ast.Name, ast.Attribute)))
    return bool(graded) and any(ast.unparse(part) in graded for part in parts)


def _root(facts: FileFacts, expr: ast.expr, depth: int = 0) -> ast.expr:
    """``self.net`` or a name of ``self.net.fc.weight`` and of a loop over ``self.net.parameters()``."""
    while not isinstance(expr, ast.Name):
        if facts.self_attribute(expr) is not None:
            return expr
        inner = expr.func if isinstance(expr, ast.Call) else getattr(expr, "value", None)
        if not isinstance(inner, ast.expr):
            return expr
        expr = inner
    found = facts.definitions(expr) or ()
    if len(found) == 1 and found[0].how == "for" and found[0].value is not None and depth < 8:
        return _root(facts, _iterated(facts, found[0].value, found[0].path), depth + 1)
    return expr


def _iterated(facts: FileFacts, value: ast.expr, path: tuple[int, ...]) -> ast.expr:
    """What a name of a loop is taken from: one of the arguments of ``zip``, that of ``enumerate``."""
    if isinstance(value, ast.Call) and path:
        name = facts.qualify(value.func)
        if name == "builtins.zip" and path[0] < len(value.args):
            return _iterated(facts, value.args[path[0]], path[1:])
        if name == "builtins.enumerate" and path[0] == 1 and value.args:
            return _iterated(facts, value.args[0], path[1:])
    return value


def _is_built(facts: FileFacts, root: ast.expr) -> bool:
    """Whether a name surely is what its function has just built: ``net = Net().to(device)``."""
    found = (facts.definitions(root) or ()) if isinstance(root, ast.Name) else ()
    return bool(found) and all(
        one.how == "assign" and not one.path and one.value is not None and _is_construction(facts, one.value)
        for one in found
    )


def _is_construction(facts: FileFacts, value: ast.expr) -> bool:
    if not isinstance(value, ast.Call):
        return False
    if facts.kind_of(value.func).what == "class":
        return True
    if facts.qualify(value.func) == "copy.deepcopy":
        return bool(value.args) and _is_built(facts, _root(facts, value.args[0]))
    func = value.func
    if not isinstance(func, ast.Attribute) or func.attr == "requires_grad_":
        return False
    return func.attr in MODULE_RETURNS_SELF and _is_construction(facts, func.value)


def _is_made_by(facts: FileFacts, cls: ClassFacts | None, root: ast.expr) -> bool:
    """Whether it is an attribute that the class itself makes, and was not given; all of a tuple."""
    if isinstance(root, (ast.Tuple, ast.List)) and root.elts:
        return all(_is_made_by(facts, cls, _root(facts, one)) for one in root.elts)
    name = facts.self_attribute(root)
    members = cls.assignments(name) if cls is not None and name is not None else []
    return bool(members) and all(isinstance(member.value, ast.Call) for member in members)


# -- who calls --------------------------------------------------------------------------
def _trains(facts: FileFacts, scope: Scope) -> bool:
    return _runs_backward(facts, scope) and not decorated(scope) and not switched(facts, scope)


def _runs_backward(facts: FileFacts, scope: Scope) -> bool:
    """Whether the function surely runs a backward pass, with gradients as they are at its beginning."""
    return any(
        isinstance(call.func, ast.Attribute)
        and call.func.attr == "backward"
        and not call.args
        and _is_loss(facts, call.func.value)
        and _is_plain(facts, call)
        for call in scope.nodes(ast.Call)
    )


def _is_loss(facts: FileFacts, value: ast.expr) -> bool:
    if facts.kind_of(value).is_tensor or "loss" in ast.unparse(value).lower():
        return True
    return isinstance(value, ast.Call) and getattr(value.func, "attr", "") in ("sum", "mean")


def _is_plain(facts: FileFacts, node: ast.AST) -> bool:
    blocks = ("with", "try", "if", "else", "function")
    return not any(one.what in blocks for one in facts.conditions(node))


def decorated(scope: Scope) -> bool:
    """Whether a decorator stands over it that nobody here knows."""
    for decorator in scope.decorators:
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        if getattr(target, "attr", getattr(target, "id", "")) not in _HARMLESS:
            return True
    return False


def switched(facts: FileFacts, scope: Scope) -> bool:
    """``requires_grad_(False)``, ``p.requires_grad = False``, ``p.detach_()``,
    ``torch.set_grad_enabled(...)``, ``set_requires_grad(net, False)``, ``freeze_layers()``."""
    for call in scope.nodes(ast.Call):
        last = getattr(call.func, "attr", getattr(call.func, "id", ""))
        if last in _SWITCHES or "requires_grad" in last or "freeze" in last:
            return True
    return any(
        node.attr == "requires_grad" and isinstance(node.ctx, ast.Store)
        for node in scope.nodes(ast.Attribute)
    )
