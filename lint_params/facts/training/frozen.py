"""Whether a Parameter is, or may be, kept out of training."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lint_params.facts.beside import freezes_beside
from lint_params.facts.members import argument
from lint_params.facts.value.kinds import Kind
from lint_params.trees import switched_off

if TYPE_CHECKING:
    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.file import FileFacts
    from lint_params.facts.scope import Scope


def is_frozen(kind: Kind) -> bool:
    """``requires_grad`` is given as anything but True, or switched off somewhere in the class."""
    if kind.what == "choice":
        return any(is_frozen(one) for one in kind.choices)
    if isinstance(kind.node, ast.Call) and kind.torch == "torch.nn.Parameter":
        given = argument(kind.node, 1, "requires_grad")
        if given is not None and not _true(given) or _switched_at_once(kind, kind.node):
            return True
    owner: Kind | None = kind
    names: list[str] = []
    while owner is not None:
        if owner.member:
            names.append(owner.member)
        if owner.cls is not None and any(switches_off(one, names) for one in owner.cls.mro):
            return True
        if owner.cls is not None and names and is_frozen_outside(owner.cls, names[0]):
            return True
        owner = owner.owner
    return False


def is_frozen_outside(cls: ClassFacts, name: str) -> bool:
    """Whether other code of the file, or a file of the project that knows the class, switches off the
    gradient of an instance or of what it has by that name: ``self.bank.keys.requires_grad_(False)``."""
    facts = cls.facts
    own = {scope for one in (*cls.mro, *cls.subclasses) for scope in one.scope.within()}
    for scope in facts.scopes:
        for node in scope.nodes(ast.Assign, ast.Call) if scope not in own else ():
            off = switched_off(node)
            if off is None:
                continue
            of_member = isinstance(off, ast.Attribute) and off.attr == name
            owner = facts.kind_of(off.value if isinstance(off, ast.Attribute) and of_member else off)
            if owner.cls in (cls, *cls.subclasses) or of_member and not owner.known:
                return True
    return freezes_beside(facts, cls.name)


def _switched_at_once(kind: Kind, made: ast.Call) -> bool:
    """``nn.Parameter(...).requires_grad_(False)``."""
    method = kind.facts.parent(made) if kind.facts is not None else None
    if not isinstance(method, ast.Attribute) or method.attr != "requires_grad_" or kind.facts is None:
        return False
    call = kind.facts.parent(method)
    given = argument(call, 0, "requires_grad") if isinstance(call, ast.Call) else None
    return given is not None and not _true(given)


def switches_off(cls: ClassFacts, names: list[str]) -> bool:
    """Whether a method sets ``requires_grad`` of these members (or of all) to anything else
    than True."""
    functions = (scope for scope in cls.scope.within() if scope.is_function)
    return any(switches_off_in(cls.facts, scope, names) for scope in functions)


def switches_off_in(facts: FileFacts, scope: Scope, names: list[str]) -> bool:
    """The same of one function, or of the module's own code."""
    for target in scope.nodes(ast.Attribute):
        if target.attr == "requires_grad" and isinstance(target.ctx, ast.Store):
            parent = facts.parent(target)
            value = parent.value if isinstance(parent, ast.Assign) else None
            if not _true(value) and _concerns(target.value, names):
                return True
    for call in scope.nodes(ast.Call):
        func = call.func
        if isinstance(func, ast.Attribute) and func.attr in ("requires_grad_", "freeze"):
            given = argument(call, 0, "requires_grad")
            if func.attr == "requires_grad_" and (given is None or _true(given)):
                continue
            if _concerns(func.value, names):
                return True
    return False


def _true(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Constant) and value.value is True


def _concerns(owner: ast.expr, names: list[str]) -> bool:
    """``self.w`` where w is asked for, or a loop variable, which may be any parameter."""
    if isinstance(owner, ast.Name):
        return True
    return any(
        isinstance(part, ast.Attribute) and part.attr in names for part in ast.walk(owner)
    )
