"""Layers and Parameters that a constructor makes as local names, where ``self.`` was meant."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lint_params.facts.conditions import exclude_each_other
from lint_params.trees import targets

if TYPE_CHECKING:
    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.file import FileFacts
    from lint_params.facts.members import Member

#: What gives an attribute to an object by its name.
_SETTERS = frozenset(
    "setattr add_module register_module register_parameter register_buffer __setattr__".split()
)


@dataclass(frozen=True, eq=False)
class Forgotten:
    """``made`` gives a layer to a local ``name`` that nothing uses; ``read`` is where a method of
    the class reads ``self.<name>``, None where only a base class does."""

    name: str
    made: ast.Assign | ast.AnnAssign
    read: ast.Attribute | None


def forgotten(facts: FileFacts, cls: ClassFacts) -> list[Forgotten]:
    """Those whose attribute nothing defines, unless with None or in another branch."""
    built = cls.methods.get("__init__")
    if built is None or not cls.bases_complete or any(base != "Module" for base in cls.torch_bases):
        return []
    made: dict[str, ast.Assign | ast.AnnAssign] = {}
    for node in built.assignments:
        target = targets(node)[0]
        if isinstance(target, ast.Name) and isinstance(node.value, ast.Call):
            kind = facts.kind_of(node.value)
            if kind.is_parameter or (kind.is_module and kind.node is not None):
                made[target.id] = node
    if not made or cls.computed_members or any("__getattr__" in one.methods for one in cls.mro):
        return []
    used = [name for scope in built.within() for name in scope.nodes(ast.Name)]
    found = []
    for name, node in made.items():
        if _is_used(facts, node, [one for one in used if one.id == name]):
            continue
        if _is_defined(cls, name, node) or _is_given(facts, cls, name):
            continue
        reads = [(one, read) for one in cls.mro for read in _reads(one, name)]
        reads += [(cls, read) for read in _read_of_an_argument(facts, cls, name)]
        if reads:
            own = [read for one, read in reads if one is cls]
            found.append(Forgotten(name, node, own[0] if own else None))
    return found


def _is_used(facts: FileFacts, made: ast.stmt, names: list[ast.Name]) -> bool:
    """Whether the local name is read, or given anything else, once the layer is made."""
    if any(one.what in ("for", "while") for one in facts.conditions(made)):
        return len(names) > 1
    end = made.end_lineno or made.lineno
    return any(one.lineno > end or facts.scope_of(one) is not facts.scope_of(made) for one in names)


def _is_defined(cls: ClassFacts, name: str, made: ast.Assign | ast.AnnAssign) -> bool:
    family = [*cls.mro, *cls.subclasses]
    if any(name in one.methods for one in family):
        return True
    return any(not _leaves_open(member, made) for one in family for member in one.members.get(name, ()))


def _leaves_open(member: Member, made: ast.Assign | ast.AnnAssign) -> bool:
    """``self.norm = None`` before, or another layer where this one is not made."""
    if member.how == "declared" or member.kind.what == "none":
        return True
    facts = member.cls.facts
    return made in facts.index.parents and exclude_each_other(member.conditions, facts.conditions(made))


def _is_given(facts: FileFacts, cls: ClassFacts, name: str) -> bool:
    """Whether something sets the attribute of an object that is not the ``self`` of another class."""
    for node in facts.nodes(ast.Attribute):
        if node.attr == name and not isinstance(node.ctx, ast.Load) and facts.self_attribute(node) is None:
            if not _replaces(facts, node):
                return True
    for call in facts.nodes(ast.Call):
        last = getattr(call.func, "attr", getattr(call.func, "id", ""))
        if last in _SETTERS and any(isinstance(arg, ast.Constant) and arg.value == name for arg in call.args):
            if not _sets_none(call) and not _is_of_a_stranger(facts, cls, call):
                return True
    return False


def _sets_none(call: ast.Call) -> bool:
    """``self.register_parameter("bias", None)``"""
    return isinstance(call.args[-1], ast.Constant) and call.args[-1].value is None


def _is_of_a_stranger(facts: FileFacts, cls: ClassFacts, call: ast.Call) -> bool:
    """``self.register_buffer("scale", ...)`` in a class that has nothing to do with this one."""
    other = facts.class_around(call) if facts.self_attribute(call.func) is not None else None
    return other is not None and not any(one is each for one in other.mro for each in cls.family)


def _read_of_an_argument(facts: FileFacts, cls: ClassFacts, name: str) -> Iterator[ast.Attribute]:
    """``attn.norm_k`` in a function whose ``attn`` is to be an object of the class."""
    for node in facts.nodes(ast.Attribute):
        if node.attr == name and isinstance(node.ctx, ast.Load) and isinstance(node.value, ast.Name):
            bound = facts.scope_of(node).bound.get(node.value.id, [])
            plain = len(bound) == 1 and isinstance(bound[0], ast.arg) and _is_annotated(bound[0].annotation, cls)
            if plain and not facts.conditions(node):
                yield node


def _is_annotated(annotation: ast.expr | None, cls: ClassFacts) -> bool:
    """``attn: Attention``, ``attn: "Attention"``"""
    text = annotation.value if isinstance(annotation, ast.Constant) else getattr(annotation, "id", None)
    return text == cls.name


def _replaces(facts: FileFacts, target: ast.Attribute) -> bool:
    """``layer.fc = prune(layer.fc)``: there must be one already."""
    given, text = getattr(facts.parent(target), "value", None), ast.unparse(target)
    return isinstance(given, ast.expr) and any(
        isinstance(part, ast.Attribute) and ast.unparse(part) == text for part in ast.walk(given)
    )


def _reads(cls: ClassFacts, name: str) -> list[ast.Attribute]:
    facts = cls.facts
    return [
        node
        for method in cls.scope.children
        for scope in (method.within() if method.is_function else ())
        for node in scope.nodes(ast.Attribute)
        if node.attr == name and isinstance(node.ctx, ast.Load) and facts.self_attribute(node) == name
        and not _is_asked_for(facts, node)
    ]


def _is_asked_for(facts: FileFacts, node: ast.AST) -> bool:
    """Behind ``hasattr`` and the like, or inside ``try``: that it is missing is expected."""
    return any(
        one.what in ("try", "except") or one.test is not None and "attr(" in ast.unparse(one.test)
        for one in facts.conditions(node)
    )
