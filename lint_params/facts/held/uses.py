"""Where an attribute of a class, or a local name, is read, and what is asked of it there."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.conditions import Condition
    from lint_params.facts.file import FileFacts

#: What people ask of a tensor that is only there to know where and what the model is.
_IDLE = frozenset(["device", "dtype", "is_cuda", "requires_grad", "grad"])


def member_uses(cls: ClassFacts, name: str) -> list[ast.Attribute]:
    """Every place of the class, its bases and its subclasses that reads ``self.<name>``."""
    found: list[ast.Attribute] = []
    seen: set[int] = set()
    for one in [*cls.mro, *cls.subclasses]:
        if id(one) in seen:
            continue
        seen.add(id(one))
        for scope in one.scope.within():
            instance = scope.instance_name if scope.is_function else None
            if instance is None:
                continue
            found += [
                node
                for node in scope.nodes(ast.Attribute)
                if node.attr == name
                and isinstance(node.ctx, ast.Load)
                and isinstance(node.value, ast.Name)
                and node.value.id == instance
            ]
    return found


def only_use(facts: FileFacts, value: ast.expr) -> ast.Name | None:
    """The one read of a local name that a value is given to and that is for nothing else:
    ``w = nn.Parameter(...)`` above ``self.w = w``."""
    given = facts.targets(facts.parent(value))
    if len(given) != 1 or not isinstance(given[0], ast.Name):
        return None
    name, scope = given[0].id, facts.scope_of(value)
    if not scope.is_function:
        return None
    reads = [
        node
        for inner in scope.within()
        for node in inner.nodes(ast.Name)
        if node.id == name and isinstance(node.ctx, ast.Load)
    ]
    return reads[0] if len(reads) == 1 and facts.reach(reads[0]) == [value] else None


def is_idle(facts: FileFacts, use: ast.expr) -> bool:
    """Whether a use asks nothing of the values: ``p.device``, ``p.dtype``, ``p is None``."""
    parent = facts.parent(use)
    if isinstance(parent, ast.Attribute) and parent.attr in _IDLE:
        return True
    return isinstance(parent, ast.Compare) and any(
        isinstance(op, (ast.Is, ast.IsNot)) for op in parent.ops
    )


def is_given_later(cls: ClassFacts, name: str, made: ast.AST) -> bool:
    """Whether other code than forward gives ``self.<name>`` its real value after ``made``."""
    for one in [*cls.mro, *cls.subclasses]:
        facts = one.facts
        for member in one.members.get(name, ()):
            value = member.value
            inside = value is not None and any(part is made for part in ast.walk(value))
            if (
                not inside and not member.is_declaration and member.kind.what != "none"
                and facts.phase(member.node) != "forward"
                and not _either(member.conditions, facts, made)
            ):
                return True
        for scope in one.scope.within():
            for write in facts.writes_in(scope) if scope.is_function else ():
                if write.target is made or not _is_member(write.target, name, scope.instance_name):
                    continue
                grows = write.method in ("resize_", "materialize", "set_", "resize_as_")
                if (
                    ((write.through == "data" and write.how == "bind") or grows)
                    and facts.phase(write.node) != "forward"
                ):
                    return True
            for call in scope.nodes(ast.Call) if scope.is_function else ():
                func = call.func
                if isinstance(func, ast.Attribute) and func.attr in ("resize_", "materialize", "set_"):
                    owner = func.value
                    if isinstance(owner, ast.Attribute) and owner.attr == "data":
                        owner = owner.value
                    if _is_member(owner, name, scope.instance_name):
                        return True
    return False


def _either(conditions: list[Condition], facts: FileFacts, made: ast.AST) -> bool:
    """Whether the other assignment is the other branch of the same if."""
    mine = {one.node for one in facts.conditions(made) if one.what in ("if", "else")}
    return any(one.node in mine for one in conditions)


def _is_member(expr: ast.expr, name: str, instance: str | None) -> bool:
    return (
        isinstance(expr, ast.Attribute)
        and expr.attr == name
        and isinstance(expr.value, ast.Name)
        and expr.value.id == instance
    )
