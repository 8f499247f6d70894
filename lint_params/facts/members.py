"""The attributes that a class gives its instances, and how each of them is given."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lint_params.facts.flow import SUPER
from lint_params.facts.value.kinds import UNKNOWN, Kind

if TYPE_CHECKING:
    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.conditions import Condition
    from lint_params.facts.scope import Scope

_REGISTRATIONS = ("register_parameter", "register_buffer", "add_module", "register_module")


@dataclass(eq=False)
class Member:
    """One line that gives ``self.<name>`` a value.

    ``how``: "assign", "augmented", "unpack" (part of a tuple that is not written out),
    "for", "with", "register_parameter", "register_buffer", "add_module", "setattr" (of a computed
    name), "class" (in the class body), "declared" (annotation only), "delete".
    ``name`` is "" where it is computed. ``node`` is the statement or the call, ``target``
    the written attribute (or the call).
    """

    name: str
    how: str
    value: ast.expr | None
    node: ast.stmt | ast.expr
    target: ast.AST
    scope: Scope
    cls: ClassFacts

    @property
    def is_declaration(self) -> bool:
        return self.how in ("declared", "delete")

    @property
    def method(self) -> str:
        """The name of the method that it stands in; "" for the class body."""
        return "" if self.scope is self.cls.scope else (self.scope.method or self.scope).name

    @property
    def is_handed(self) -> bool:
        """``setattr(self, name, value)`` of a value that the caller of the method gives."""
        found = self.cls.facts.definitions(self.value) if isinstance(self.value, ast.Name) else None
        return bool(found) and all(one.how == "argument" for one in found or ())

    @cached_property
    def kind(self) -> Kind:
        """What is assigned, with a registered buffer or parameter told as such."""
        from lint_params.facts.value.infer import member_kind

        if self.how in ("unpack", "for", "with", "declared", "delete"):
            return UNKNOWN
        return member_kind(self)

    @cached_property
    def conditions(self) -> list[Condition]:
        return self.cls.facts.conditions(self.node)

    @property
    def before_super(self) -> bool:
        """Surely before the parent's ``__init__`` has run, in this ``__init__``."""
        if self.scope is not self.cls.init:
            return False
        env = self.cls.facts.flow(self.scope).at(self.cls.facts.statement(self.node))
        return env is not None and all(one.how == "start" for one in env.get(SUPER, ()))


def read_members(cls: ClassFacts) -> tuple[dict[str, list[Member]], list[Member]]:
    named: dict[str, list[Member]] = {}
    dynamic: list[Member] = []

    def add(member: Member) -> None:
        if member.name:
            named.setdefault(member.name, []).append(member)
        else:
            dynamic.append(member)

    for statement in cls.node.body:
        _class_level(cls, statement, add)
    for method in cls.scope.children:
        if not method.is_function:
            continue
        for scope in method.within():
            instance = scope.instance_name
            if instance is not None and not (scope is not method and instance in scope.bound):
                _in_method(cls, scope, instance, add)
    return named, dynamic


def _class_level(cls, statement, add) -> None:  # type: ignore[no-untyped-def]
    if isinstance(statement, ast.Assign):
        for target in statement.targets:
            if isinstance(target, ast.Name):
                add(Member(target.id, "class", statement.value, statement, target, cls.scope, cls))
    elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        how = "declared" if statement.value is None else "class"
        target = statement.target
        add(Member(target.id, how, statement.value, statement, target, cls.scope, cls))
    elif isinstance(statement, (ast.If, ast.Try)):
        for inner in [*statement.body, *statement.orelse]:
            _class_level(cls, inner, add)


def _in_method(cls, scope, instance, add) -> None:  # type: ignore[no-untyped-def]
    for node in scope.nodes(ast.Attribute):
        if isinstance(node.ctx, ast.Load):
            continue
        if isinstance(node.value, ast.Name) and node.value.id == instance:
            how, value, statement = _written(scope.index.parents, node)
            add(Member(node.attr, how, value, statement, node, scope, cls))
    for call in scope.nodes(ast.Call):
        func = call.func
        if isinstance(func, ast.Attribute) and func.attr in _REGISTRATIONS:
            if isinstance(func.value, ast.Name) and func.value.id == instance:
                name = argument(call, 0, "name")
                value = argument(call, 1, *_VALUE_KEYWORDS[func.attr])
                add(Member(_text(name), func.attr, value, call, call, scope, cls))
        elif isinstance(func, ast.Name) and func.id == "setattr" and len(call.args) == 3:
            owner = call.args[0]
            if isinstance(owner, ast.Name) and owner.id == instance:
                written, value = _text(call.args[1]), call.args[2]
                # With a name that is written out it is an assignment in other words.
                how = "assign" if written else "setattr"
                add(Member(written, how, value, call, call, scope, cls))
        elif _updates_dict(call, instance):
            add(Member("", "setattr", None, call, call, scope, cls))
    for call in scope.nodes(ast.Subscript):
        # self._modules[name] = layer, self.__dict__[name] = value
        owner = call.value
        if isinstance(call.ctx, ast.Store) and isinstance(owner, ast.Attribute):
            if owner.attr in ("_modules", "_parameters", "_buffers", "__dict__"):
                if isinstance(owner.value, ast.Name) and owner.value.id == instance:
                    how, value, statement = _written(scope.index.parents, call)
                    kind = {"_modules": "add_module", "_parameters": "register_parameter"}
                    how = kind.get(owner.attr, "setattr") if how == "assign" else "setattr"
                    add(Member(_text(call.slice), how, value, statement, call, scope, cls))


_VALUE_KEYWORDS = {
    "register_parameter": ("param",),
    "register_buffer": ("tensor",),
    "add_module": ("module",),
    "register_module": ("module",),
}


def _updates_dict(call: ast.Call, instance: str) -> bool:
    """``self.__dict__.update(...)`` and the like: names that the source does not show."""
    func = call.func
    if not (isinstance(func, ast.Attribute) and func.attr == "update"):
        return False
    owner = func.value
    if isinstance(owner, ast.Call) and isinstance(owner.func, ast.Name):
        return owner.func.id == "vars"
    return (
        isinstance(owner, ast.Attribute)
        and owner.attr in ("__dict__", "_modules", "_parameters", "_buffers")
        and isinstance(owner.value, ast.Name)
        and owner.value.id == instance
    )


def _written(
    parents: dict[ast.AST, ast.AST], target: ast.expr
) -> tuple[str, ast.expr | None, ast.stmt | ast.expr]:
    """How a stored target gets its value: (how, value, statement)."""
    current, parent = target, parents[target]
    path: list[tuple[ast.AST, ast.AST]] = []
    while isinstance(parent, (ast.Tuple, ast.List, ast.Starred)):
        path.append((parent, current))
        current, parent = parent, parents[parent]
    if isinstance(parent, ast.Assign):
        value: ast.expr | None = parent.value
        for outer, inner in reversed(path):
            value = _part(value, outer, inner)
        return ("assign" if value is not None else "unpack"), value, parent
    if isinstance(parent, ast.AnnAssign):
        return ("declared" if parent.value is None else "assign"), parent.value, parent
    if isinstance(parent, ast.AugAssign):
        return "augmented", parent.value, parent
    if isinstance(parent, ast.Delete):
        return "delete", None, parent
    if isinstance(parent, (ast.For, ast.AsyncFor)):
        return "for", parent.iter, parent
    statement = parent
    while not isinstance(statement, ast.stmt):
        statement = parents[statement]
    return "with", None, statement


def _part(value: ast.expr | None, outer: ast.AST, inner: ast.AST) -> ast.expr | None:
    if not isinstance(value, (ast.Tuple, ast.List)) or not isinstance(outer, (ast.Tuple, ast.List)):
        return None
    if len(value.elts) != len(outer.elts):
        return None
    if any(isinstance(part, ast.Starred) for part in [*value.elts, *outer.elts]):
        return None
    for place, part in enumerate(outer.elts):
        if part is inner:
            return value.elts[place]
    return None


def argument(call: ast.Call, position: int, *keywords: str) -> ast.expr | None:
    """A call's argument by position or by one of its keyword names."""
    before = call.args[: position + 1]
    if len(before) > position and not any(isinstance(one, ast.Starred) for one in before):
        return before[position]
    for keyword in call.keywords:
        if keyword.arg in keywords:
            return keyword.value
    return None


def _text(node: ast.expr | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
