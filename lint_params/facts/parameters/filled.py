"""Who writes values into a Parameter that was made over unwritten memory?"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lint_params.facts.beside import users
from lint_params.facts.held.uses import member_uses
from lint_params.facts.parameters.fill_all import reaches_all
from lint_params.facts.parameters.filled_by import is_filled_by
from lint_params.facts.parameters.fillers import (
    FOR_THE_CONSTRUCTOR,
    called_elsewhere,
    is_filled_around,
    is_left_out,
)
from lint_params.facts.parameters.reads import is_read
from lint_params.facts.parameters.renewed import comes_from_itself, renewed_parts
from lint_params.facts.value.decorators import gives_back

if TYPE_CHECKING:
    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.file import FileFacts
    from lint_params.facts.members import Member
    from lint_params.facts.scope import Scope

_KNOWN_BASES = ("lightning.",)


def is_filled(cls: ClassFacts, name: str, made: ast.AST) -> bool:
    """Whether something fills ``self.<name>``, or may: False only when surely nothing does."""
    family = _family(cls)
    if any(_is_open(one) for one in family) or _is_filled_within(cls, family, name, made):
        return True
    if is_filled_around(cls, family, name):
        return True
    return not is_left_out(cls, name) and _is_filled_in_package(cls, family, name)


def _is_filled_within(cls: ClassFacts, family: list[ClassFacts], name: str, made: ast.AST) -> bool:
    """Whether the class, a base of it or one that derives from it fills the attribute."""
    running = set()
    for one in family:
        running |= one.reached_from_init
        if any(base != "Module" for base in one.torch_bases):
            running |= {"reset_parameters", "_reset_parameters", "flatten_parameters"}
    called = called_elsewhere(cls.facts)
    for one in family:
        for scope in _methods(one):
            ran = (scope.method or scope).name in running
            if ran and reaches_all(one.facts, scope, cls, name, made):
                return True
    renewed = renewed_parts(cls, name)
    for use in member_uses(cls, name):
        facts = _home(family, use)
        if facts is None or is_read(facts, use) or use in renewed:
            continue
        method = facts.scope_of(use).method
        if method is None:
            return True
        if facts.phase(use) == "forward":
            if _is_written(facts, use):
                return True
        elif method.name in running or method.name in called or facts.is_surgery(use):
            return True
        elif _is_written(facts, use) and not FOR_THE_CONSTRUCTOR.search(method.name):
            return True
    return _is_given(cls, name, made)


def _is_filled_in_package(cls: ClassFacts, family: list[ClassFacts], name: str) -> bool:
    """Whether another file of the package fills it, or leaves all that the class has to somebody."""
    used = False
    for user in users(cls.facts, cls.name):
        if user is None or is_filled_by(user, name, cls):
            return True
        used = True
    return used and (bool(idle_filler(cls, name)) or not _sets_others(cls, family, name))


def _sets_others(cls: ClassFacts, family: list[ClassFacts], name: str) -> bool:
    """Whether other Parameters have their values: those of the class or of its layers, or those
    that other classes of the file make themselves."""
    layers = [member for members in cls.submodules.values() for member in members]
    if any(m.value is not None and m.cls.facts.owns_parameters(m.value) for m in layers):
        return True
    others = [member for other, members in cls.parameters.items() if other != name for member in members]
    beside = [
        member
        for other in cls.facts.module_classes if other not in family
        for members in other.parameters.values() for member in members
    ]
    return any(map(_is_written_at_birth, beside)) or any(
        _is_written_at_birth(one) or _is_filled_within(cls, family, one.name, one.value or one.node)
        for one in others
    )


def _is_written_at_birth(member: Member) -> bool:
    facts, value = member.cls.facts, member.value
    chosen = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [member.kind.node]
    return any(_is_written_there(facts, one) for one in chosen)


def _is_written_there(facts: FileFacts, call: ast.AST | None) -> bool:
    data = facts.argument(call, 0, "data") if isinstance(call, ast.Call) and call in facts.index.parents else None
    made = facts.creation(data) if data is not None else None
    return made is not None and not made.unwritten


def idle_filler(cls: ClassFacts, name: str) -> str:
    """A method that would fill it, but that nothing calls."""
    renewed = renewed_parts(cls, name)
    for use in member_uses(cls, name):
        method = cls.facts.scope_of(use).method
        if use not in renewed and (
            method is not None and method.owner is cls.scope and cls.facts.phase(use) == "method"
            and (_is_written(cls.facts, use) or _is_handed_on(cls.facts, use))
        ):
            return method.name
    return ""


def _is_given(cls: ClassFacts, name: str, made: ast.AST) -> bool:
    """Whether a method puts another Parameter in its place: who uses the class is to call it."""
    return any(
        member.how == "assign"
        and made not in (member.value, member.node)
        and member.method not in (None, "", "__init__")
        and not FOR_THE_CONSTRUCTOR.search(member.method or "")
        and not (member.kind.what == "none" and member.method not in cls.reached_from_init)
        and not comes_from_itself(member)
        for member in cls.assignments(name)
    )


def _is_handed_on(facts: FileFacts, use: ast.expr) -> bool:
    """To a function that may write it, which those of torch that only compute and einops do not, or to a caller."""
    parent = facts.parent(use)
    called = (facts.qualify(parent.func) or "") if isinstance(parent, ast.Call) and use in parent.args else None
    if called is None or not (called.startswith("einops.") or facts.is_pure_function(called)):
        return called is not None
    whole = (ast.Call, ast.Attribute, ast.Subscript, ast.Tuple, ast.List, ast.Dict, ast.IfExp)
    above = next((one for one in facts.ancestors(use) if not isinstance(one, whole)), None)
    return isinstance(above, ast.Return)  # a view, which whoever gets it may fill


def _family(cls: ClassFacts) -> list[ClassFacts]:
    found = list(cls.mro)
    return found + [one for one in cls.subclasses if one not in found]


def _home(family: list[ClassFacts], use: ast.AST) -> FileFacts | None:
    for one in family:
        if use in one.facts.index.parents:
            return one.facts
    return None


def _is_open(cls: ClassFacts) -> bool:
    """Whether there are bases that nobody here can read, that load weights, or the class is abstract."""
    if any(base.startswith("huggingface_hub.") for base in cls.outside_bases):
        return True
    if not cls.bases_complete:
        known = [base for base in cls.outside_bases if base.startswith(_KNOWN_BASES)]
        if len(known) != len(cls.outside_bases) or any(b is None for b in cls.bases):
            return True
    if not all(gives_back(cls.facts, one) for one in cls.node.decorator_list) or _is_made_otherwise(cls):
        return True
    return any(scope.has_decorator("abstractmethod") for scope in cls.methods.values())


def _is_made_otherwise(cls: ClassFacts) -> bool:
    """Whether a base runs more than the constructor, or a metaclass that answers the call or that
    nobody here can read."""
    if cls.sets_up_heirs or cls.has_plain_metaclass:
        return cls.sets_up_heirs
    read = None if cls.metaclass is None else cls.facts.class_of(cls.metaclass)
    return read is None or read.method("__call__") is not None


def _methods(cls: ClassFacts) -> list[Scope]:
    return [scope for scope in cls.scope.within() if scope.is_function]


def _is_written(facts: FileFacts, use: ast.expr) -> bool:
    scope = facts.scope_of(use)
    return any(
        part is use
        for write in facts.writes_in(scope)
        for part in ast.walk(write.target)
        if write.how not in ("grow", "delete")
    )
