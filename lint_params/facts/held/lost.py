"""Which items of a container are lost to the Module that keeps it: what has Parameters."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lint_params.facts.held.owners import FROZEN, kind_owns
from lint_params.facts.held.set_aside import freezes_itself, is_looked_after
from lint_params.facts.training.frozen import switches_off_in
from lint_params.facts.value.contents import Item, is_fresh
from lint_params.facts.value.kinds import Kind
from lint_params.trees import switched_off

if TYPE_CHECKING:
    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.file import FileFacts
    from lint_params.facts.scope import Scope

#: A class that defines one of these looks after its parameters itself.
OWN_BOOKS = ("parameters", "named_parameters", "_apply", "state_dict")
#: A helper that defines one of these may show them to others.
HELPER_BOOKS = (*OWN_BOOKS, "__getattr__")


def keeps_own_books(cls: ClassFacts) -> bool:
    """Whether a class, or a base of it, answers for itself what its parameters are."""
    return any(
        name in one.methods and not (name == "_apply" and _leaves_to_parent(one.methods[name]))
        for one in cls.mro for name in (*OWN_BOOKS, "__setattr__")
    )  # fmt: skip


def _leaves_to_parent(method: Scope) -> bool:
    """``self.cache = {}`` before ``return super()._apply(fn)``: nothing else is called, so nothing is
    moved or shown by hand."""
    calls = method.nodes(ast.Call)
    own = [call for call in calls if ast.unparse(call.func) not in ("super", "super()._apply")]
    return bool(calls) and not own and not method.children


def lost_as(item: Item) -> str | None:
    """What it is, "parameter" or "module"; None where it has nothing to lose."""
    if item.kind.is_parameter:
        return "parameter" if trains(item) else None
    if _is_frozen(item.kind.facts, item.expr) or any(map(freezes_itself, item.kind.every())):
        return None
    kinds = list(item.kind.every())
    if carries_layers(item.kind):
        return "module"
    # One of a table of classes: each has to have some. Else one of what is written out is enough.
    enough = all if isinstance(item.expr, ast.Call) else any
    if all(one.is_module for one in kinds) and enough(kind_owns(one, 0) is True for one in kinds):
        return "module"
    return None


def _is_frozen(facts: FileFacts | None, expr: ast.expr) -> bool:
    """``copy.deepcopy(net).requires_grad_(False)``, what a function gives that freezes it, or a name
    that is frozen, tied or trained where it is made."""
    if switched_off(expr) is not None:
        return True
    if facts is None or expr not in facts.index.parents:
        return False
    if isinstance(expr, ast.Name):
        scope = facts.scope_of(expr)
        named = (one for one in scope.nodes(ast.Name) if one.id == expr.id and one is not expr)
        return switches_off_in(facts, scope, []) or any(is_looked_after(facts, one) for one in named)
    found = facts.function_of(expr) if isinstance(expr, ast.Call) else None
    return found is not None and switches_off_in(found[0], found[1], [])


def carries_layers(kind: Kind) -> bool:
    """A record, dataclass or NamedTuple, that is given layers which are made for it; or an object of
    a plain class that keeps several as they are (of one: to hide it on purpose)."""
    cls, call, facts = kind.cls, kind.node, kind.facts
    if kind.what != "object" or cls is None or facts is None or not isinstance(call, ast.Call):
        return False
    names = [getattr(one, "func", one) for one in cls.node.decorator_list]
    record = any((cls.facts.qualify(name) or "") == "dataclasses.dataclass" for name in names)
    named = "typing.NamedTuple" in cls.outside_bases
    if any(name in one.methods for one in cls.mro for name in HELPER_BOOKS):
        return False
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    if not (record or named):
        given = _kept(cls, call)
    fresh = [arg for arg in given if kind_owns(facts.kind_of(arg), 0) and is_fresh(facts, arg, facts.kind_of(arg))]
    return len(fresh) > (0 if record or named else 1)


def _kept(cls: ClassFacts, call: ast.Call) -> list[ast.expr]:
    """The arguments that the constructor only stores, ``self.q = q``, where no method of the class
    freezes anything or shows what it has."""
    init = cls.init.node if cls.init is not None else None
    if not isinstance(init, ast.FunctionDef) or len(cls.mro) > 1 or not cls.bases_complete or cls.node.decorator_list:
        return []
    words = (*FROZEN, "named_modules", "modules", "__dict__")
    if any(node.attr in words for scope in cls.scope.within() for node in scope.nodes(ast.Attribute)):
        return []
    if any(name in cls.methods for name in ("named_modules", "modules")):
        return []
    stored = {
        member.value.id
        for members in cls.members.values()
        for member in members
        if member.scope is cls.init and not member.conditions and isinstance(member.value, ast.Name)
    }
    names = [arg.arg for arg in (*init.args.posonlyargs, *init.args.args)][1:]
    if any(isinstance(arg, ast.Starred) for arg in call.args):
        return []
    given = [*zip(names, call.args), *((word.arg, word.value) for word in call.keywords)]
    return [value for name, value in given if name in stored]


def looked_up(cls: ClassFacts, name: str) -> bool:
    """Whether a ``__getattr__`` of the class goes by this attribute: it is hidden on purpose."""
    lookups = [one.methods["__getattr__"] for one in cls.mro if "__getattr__" in one.methods]
    return any(
        name in (getattr(node, "attr", None), getattr(node, "value", None))
        for scope in lookups
        for node in [*scope.nodes(ast.Attribute), *scope.nodes(ast.Constant)]
    )


def trains(item: Item) -> bool:
    """Whether the gradients of a Parameter are left on."""
    call = item.kind.node
    if not isinstance(call, ast.Call):
        return True
    for keyword in call.keywords:
        if keyword.arg == "requires_grad":
            return not (isinstance(keyword.value, ast.Constant) and not keyword.value.value)
    return True
