"""Parameters and layers that a Module keeps where torch does not look for them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lint_params.facts.held.closures import captured
from lint_params.facts.held.handed_on import is_passed_on, used_elsewhere
from lint_params.facts.held.lost import HELPER_BOOKS, carries_layers, keeps_own_books, looked_up, lost_as, trains
from lint_params.facts.held.owners import FROZEN, class_owns, kind_owns
from lint_params.facts.held.set_aside import is_set_aside
from lint_params.facts.value.contents import Item, stands_for
from lint_params.trees import walk

if TYPE_CHECKING:
    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.file import FileFacts
    from lint_params.facts.members import Member
    from lint_params.facts.scope import Scope

_CONTAINERS = ("list", "tuple", "dict", "set")
#: Kinds of values that hold no layers.
_HOLD_NOTHING = ("buffer", "tensor", "number", "string", "none")


@dataclass(frozen=True)
class Hidden:
    """``what``: "parameter" or "module"; ``holder``: list, tuple, dict, set, function (a
    closure) or object (then ``helper`` is its class). ``member`` is the assignment, ``place`` where
    to report it if not there; ``trace`` where the items are made.
    """

    what: str
    holder: str
    cls: ClassFacts
    member: Member
    helper: str = ""
    trace: tuple[tuple[int, str], ...] = ()
    place: ast.AST | None = None

    @property
    def pattern(self) -> str:
        """The attribute's name, with ``*`` for what is computed."""
        node = self.member.node
        if self.member.name or not isinstance(node, ast.Call) or not node.args:
            return self.member.name
        name = node.args[1 if len(node.args) > 1 else 0]
        parts = name.values if isinstance(name, ast.JoinedStr) else []
        known = [str(part.value) if isinstance(part, ast.Constant) else "*" for part in parts]
        return "".join(known) or "*"

    @property
    def shown(self) -> str:
        """The attribute as the source writes it."""
        node = self.member.node
        if not self.member.name and isinstance(node, ast.Call) and node.args:
            return f"getattr(self, {ast.unparse(node.args[1 if len(node.args) > 1 else 0])})"
        return f"self.{self.member.name}"


def read_hidden(facts: FileFacts) -> list[Hidden]:
    """All of a file's Module classes, in source order."""
    found = []
    for cls in facts.module_classes:
        if keeps_own_books(cls):
            continue
        found += _computed(facts, cls)
        if _registers_by_loop(cls) or _lists_parameters(cls):
            continue
        for name, members in cls.members.items():
            one = _hidden(facts, cls, name, members)
            if one is not None:
                found.append(one)
        found += _inherited(cls)
        found += [one for one in _mixed_in(facts, cls) if one.place not in [other.place for other in found]]
    return [
        one for one in found if not looked_up(one.cls, one.member.name) and not is_set_aside(one.cls, one.member.name)
    ]


def _mixed_in(facts: FileFacts, cls: ClassFacts) -> Iterator[Hidden]:
    """Layers in a container that a method of a mixin, itself no Module, fills while the class is
    made: told where that stands, or where the method is called."""
    if any(one.dynamic_members for one in cls.mro):
        return
    for base in cls.mro[1:]:
        for name, members in base.members.items() if not base.is_module else ():
            given = [m for m in members if not m.is_declaration]
            if any(m.how != "assign" or m.kind.what not in _CONTAINERS for m in given) or name in cls.members:
                continue
            lost = [what for item in base.items(name) if item.fresh and (what := lost_as(item))]
            if not given or not lost or given[0].method not in cls.reached_from_init or used_elsewhere(cls, name):
                continue
            if _is_taken_away(cls, name):
                continue
            place: ast.AST | None = given[0].node if base.facts is facts else _call_of(cls, given[0].method)
            if place is not None:
                yield Hidden(lost[0], given[0].kind.what, cls, given[0], place=place)


def _is_taken_away(cls: ClassFacts, name: str) -> bool:
    """``del self.layers``: they were for the constructor only."""
    return any(member.how == "delete" for member in cls.assignments(name))


def _call_of(cls: ClassFacts, method: str) -> ast.Call | None:
    calls = (call for scope in cls.scope.within() for call in scope.nodes(ast.Call))
    return next((call for call in calls if cls.facts.self_attribute(call.func) == method), None)


def _inherited(cls: ClassFacts) -> Iterator[Hidden]:
    """Layers that a class puts into a plain container of a base: ``self.stages.append(...)``."""
    for base in cls.mro[1:] if not any(one.dynamic_members for one in cls.mro) else ():
        for name, members in base.members.items():
            given = [m for m in members if not m.is_declaration]
            if name in cls.members or any(m.how != "assign" or m.kind.what not in _CONTAINERS for m in given):
                continue
            items = [item for item in cls.items(name) if item.fresh]
            lost = [(item, what) for item in items if (what := lost_as(item)) is not None]
            if given and lost and not used_elsewhere(cls, name) and not _is_taken_away(cls, name):
                yield Hidden(lost[0][1], given[0].kind.what, cls, given[0], place=lost[0][0].node)


def _computed(facts: FileFacts, cls: ClassFacts) -> list[Hidden]:
    """``setattr(self, name, [layers])``, where the class registers nothing else by computed name."""
    members = [m for m in cls.dynamic_members if m.how == "setattr" and m.kind.what in _CONTAINERS]
    if len(members) != len(cls.dynamic_members):
        return []
    found = []
    for member in members:
        if not isinstance(member.value, (ast.List, ast.Tuple, ast.Dict, ast.ListComp, ast.DictComp)):
            continue
        lost = [what for item in facts.items_of(member.value) if item.fresh and (what := lost_as(item))]
        if lost and not _read_back(cls):
            found.append(Hidden(lost[0], member.kind.what, cls, member))
    return found


def _read_back(cls: ClassFacts) -> bool:
    """Whether a ``getattr(self, name)`` is handed to something that may register it."""
    facts = cls.facts
    return any(
        is_passed_on(facts, call)
        for scope in cls.scope.within()
        for call in scope.nodes(ast.Call)
        if isinstance(call.func, ast.Name) and call.func.id == "getattr"
    )


def _hidden(
    facts: FileFacts, cls: ClassFacts, name: str, members: list[Member]
) -> Hidden | None:
    if _is_taken_away(cls, name):
        return None
    given = [m for m in members if m.how in ("assign", "class", "setattr") and m.value is not None]
    for member in given:
        if member.kind.what == "object" and _is_made(member):
            if carries_layers(member.kind):
                handed = used_elsewhere(cls, name)
                return None if handed else Hidden("module", "object", cls, member, member.kind.describe())
            return _in_object(facts, cls, member)
        closed = captured(facts, member)
        if closed:
            trace = tuple(
                (one.lineno, f"the {facts.kind_of(one).describe()} is made here") for one in closed
            )
            return Hidden("module", "function", cls, member, trace=trace[:4])
    containers = [member for member in given if member.kind.what in _CONTAINERS]
    handed_in, written = _handed_in(facts, given)
    if handed_in:
        containers = given
    others = [m for m in given if m not in containers and m.kind.what not in ("none", "number")]
    if not containers or not all(_on_another_way(facts, one, other) for one in containers for other in others):
        return None
    items = [item for item in handed_in or cls.items(name) if item.fresh and not _goes_to_first(facts, item)]
    if others:  # what is written out on this way, not on another, or on both
        own = [part for one in containers for part in walk(one.node)]
        items = [item for item in items if item.expr in own]
    if len(items) == 1 and containers[0].kind.what != "dict" and _is_hidden_on_purpose(items[0]):
        return None
    lost = [(item, what) for item in items if (what := lost_as(item)) is not None]
    if not lost or _is_registered(facts, cls, name, containers):
        return None
    steps: list[tuple[int, str]] = []
    for item, what in lost[:4]:
        line = getattr(item.node, "lineno", 0)
        owning = next((one for one in item.kind.every() if kind_owns(one, 0)), item.kind)
        text = f"a {'Parameter' if what == 'parameter' else owning.describe()} goes into it here"
        if (line, text) not in steps and line != containers[0].node.lineno:
            steps.append((line, text))
    holder, helper = written or containers[0].kind.what, ""
    if carries_layers(lost[0][0].kind):
        holder, helper = "object", lost[0][0].kind.describe()
    return Hidden(lost[0][1], holder, cls, containers[0], helper, trace=tuple(steps))


def _is_hidden_on_purpose(item: Item) -> bool:
    """A list of one is the usual way to hide a network; nobody hides a Parameter that learns."""
    return not item.repeated and not (item.kind.is_parameter and trains(item))


#: How a container is written where it is handed over.
_WRITTEN = {ast.List: "list", ast.ListComp: "list", ast.Tuple: "tuple", ast.Dict: "dict", ast.DictComp: "dict"}


def _handed_in(facts: FileFacts, given: list[Member]) -> tuple[list[Item], str]:
    """What ``self.blocks = blocks`` holds where each call of the class writes out what it gives, layers
    made on the spot: ``Parallel([nn.Linear(3, 3), nn.Linear(3, 3)])``; and in what."""
    value = given[0].value if len(given) == 1 and given[0].method == "__init__" else None
    values = facts.argument_values(value) if isinstance(value, ast.Name) else []
    if not all(type(one) in _WRITTEN for one in values) or not any(_is_for_use(facts, one) for one in values):
        return [], ""
    held = [[item for item in facts.items_of(one) if isinstance(item.expr, ast.Call)] for one in values]
    fresh = [[item for item in items if item.fresh] for items in held]
    if not all(any(map(lost_as, items)) for items in fresh):
        return [], ""
    return [item for items in fresh for item in items], _WRITTEN[type(values[0])]


def _is_for_use(facts: FileFacts, given: ast.expr) -> bool:
    """Whether it stands in what may train: no test, and not under ``no_grad``."""
    return not facts.scope_of(given).name.startswith("test") and not facts.no_grad(given)


def _on_another_way(facts: FileFacts, one: Member, other: Member) -> bool:
    """Whether an ``if`` chooses between the two: only one of them is ever made."""
    if one.scope is not other.scope:
        return False
    arms = {(id(c.node), c.what) for c in facts.conditions(one.node) if c.what in ("if", "else")}
    return any((id(c.node), {"if": "else", "else": "if"}.get(c.what)) in arms for c in facts.conditions(other.node))


def _goes_to_first(facts: FileFacts, item: Item) -> bool:
    """``self.teacher[0] = ...``: the list is no longer for it."""
    parent = facts.parent(item.expr)
    target = parent.targets[0] if isinstance(parent, ast.Assign) else None
    return (
        isinstance(target, ast.Subscript)
        and isinstance(target.slice, ast.Constant)
        and target.slice.value == 0
    )


def _is_made(member: Member) -> bool:
    return isinstance(member.value, ast.Call) and not member.kind.annotated


def _in_object(facts: FileFacts, cls: ClassFacts, member: Member) -> Hidden | None:
    helper = member.kind.cls
    if helper is None or not helper.bases_complete:
        return None
    if class_owns(helper) is not True and not _is_filled(cls, member.name, helper):
        return None
    for one in helper.mro:
        if any(name in one.methods for name in (*HELPER_BOOKS, "named_modules", "modules")):
            return None
        if any(_mentions(scope, FROZEN) for scope in one.scope.within()):
            return None
    if used_elsewhere(cls, member.name):
        return None
    made = [m for ms in helper.members.values() for m in ms if kind_owns(m.kind, 0)]
    what = "parameter" if made and all(m.kind.is_parameter for m in made) else "module"
    trace: tuple[tuple[int, str], ...] = ()
    if helper.facts is facts:
        trace = tuple(
            (m.node.lineno, f"{helper.name} makes {m.kind.describe()} here") for m in made[:3]
        )
    return Hidden(what, "object", cls, member, helper.name, trace)


def _is_filled(cls: ClassFacts, name: str, helper: ClassFacts) -> bool:
    """Whether ``self.bank.add(task)`` surely puts new layers into a container of the helper."""
    calls = [call for scope in cls.scope.within() for call in scope.nodes(ast.Call)]
    called = {
        call.func.attr
        for call in calls
        if isinstance(call.func, ast.Attribute) and cls.facts.self_attribute(call.func.value) == name
        and not any(one.what in ("if", "else", "try", "except") for one in cls.facts.conditions(call))
    }
    return any(
        item.fresh and kind_owns(item.kind, 0) is True
        and helper.facts.scope_of(item.node).name in {*called, "__init__"}
        and not any(one.what in ("if", "else", "try") for one in helper.facts.conditions(item.node))
        for own, members in helper.members.items()
        if members[0].kind.what in _CONTAINERS
        for item in helper.items(own)
    )


def _mentions(scope: Scope, words: tuple[str, ...]) -> bool:
    return any(node.attr in words for node in scope.nodes(ast.Attribute))


def _registers_by_loop(cls: ClassFacts) -> bool:
    """Whether the class registers under computed names: it may register anything. A base class
    can do so only where it asks the object for its attributes, in a method that is called."""
    return any(
        member.value is None or member.kind.what not in _HOLD_NOTHING and kind_owns(member.kind, 0) is not False
        for member in cls.computed_members
        if member.cls is cls or _asks_for_attributes(member.cls.facts.scope_of(member.node)) and not member.is_handed
    )


def _lists_parameters(cls: ClassFacts) -> bool:
    """``nn.ParameterList(given)`` beside ``given += list(layer.parameters())``: the Parameters of
    layers that stand in no list of torch's stand in this one."""
    listed = any(
        member.kind.torch == "torch.nn.ParameterList" and isinstance(member.value, ast.Call) and member.value.args
        for members in cls.members.values()
        for member in members
    )
    return listed and any(
        isinstance(call.func, ast.Attribute) and call.func.attr in ("parameters", "named_parameters")
        for name in cls.reached_from_init
        if (found := cls.method(name)) is not None
        for call in found[1].nodes(ast.Call)
    )


def _asks_for_attributes(scope: Scope) -> bool:
    return _mentions(scope, ("__dict__", "getmembers")) or any(
        node.id in ("vars", "dir", "getattr") for node in scope.nodes(ast.Name)
    )


def _is_registered(
    facts: FileFacts, cls: ClassFacts, name: str, containers: list[Member]
) -> bool:
    """Whether the container, or the local list it came from, is handed to somebody else."""
    if used_elsewhere(cls, name):
        return True
    for member in containers:
        if isinstance(member.value, ast.Name):
            scope = facts.scope_of(member.value)
            for known in stands_for(facts, member.value):
                for other in scope.nodes(ast.Name):
                    if other.id == known.id and other is not known and is_passed_on(facts, other):
                        return True
    return False
