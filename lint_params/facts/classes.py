"""A class of the project: its bases, methods and members."""

from __future__ import annotations

import ast
import re
from functools import cached_property
from typing import TYPE_CHECKING

from lint_params.facts import set_up
from lint_params.facts.flow import is_parent_init
from lint_params.facts.members import Member, read_members
from lint_params.facts.scope import Scope
from lint_params.facts.torch_names import (
    LAYERS,
    MODULE_ATTRIBUTES,
    MODULE_BASES,
    NEUTRAL_BASES,
)
from lint_params.facts.value.contents import Item, attribute_items
from lint_params.facts.value.decorators import gives_back, may_give_another
from lint_params.facts.value.functions import super_call
from lint_params.facts.value.kinds import MODULE_CONTAINERS, UNKNOWN, Kind, join
from lint_params.facts.value.words import written_names
from lint_params.names import PLAIN_METACLASSES
from lint_params.trees import last_name

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts

#: What decorators are called that leave a class as it is.
_LEAVES_ALONE = re.compile(r"docstring|^register|^allow_in_graph$|^maybe_allow_in_graph$|^deprecated|^experimental")
LAZY_MIXIN = ("torch.nn.LazyModuleMixin", "torch.nn.modules.lazy.LazyModuleMixin")


class ClassFacts:
    """``facts.classes`` gives them; own things first, ``mro`` for inherited ones."""

    def __init__(self, facts: FileFacts, scope: Scope) -> None:
        self.facts = facts
        self.scope = scope
        assert isinstance(scope.node, ast.ClassDef)
        self.node: ast.ClassDef = scope.node
        self.name = scope.name
        #: Dotted inside the file: what a Finding calls its ``subject``.
        self.qualname = scope.qualname

    def __repr__(self) -> str:
        return f"<ClassFacts {self.qualname}>"

    # -- bases -------------------------------------------------------------------------
    @cached_property
    def bases(self) -> list[ClassFacts | str | None]:
        """Per base: a class of the project, a qualified outside name, or None (not known)."""
        found: list[ClassFacts | str | None] = []
        for base in self.node.bases:
            if isinstance(base, ast.Subscript):
                base = base.value
            resolved = self.facts.class_of(base)
            if resolved is None or resolved is self:
                found.append(self.facts.qualify(base) if resolved is None else None)
            else:
                found.append(resolved)
        return found

    @cached_property
    def mro(self) -> list[ClassFacts]:
        """This class, then its bases within the project, nearest first."""
        order: list[ClassFacts] = []
        self._collect(order, 0)
        # A base that comes up twice stands after all that inherit from it.
        last = {id(one): place for place, one in enumerate(order)}
        return [one for place, one in enumerate(order) if last[id(one)] == place]

    def _collect(self, order: list[ClassFacts], depth: int) -> None:
        order.append(self)
        if depth < 20:
            for base in self.bases:
                if isinstance(base, ClassFacts) and base is not self:
                    base._collect(order, depth + 1)

    @cached_property
    def outside_bases(self) -> set[str]:
        """Qualified names of all bases (also indirect) outside the project."""
        return {base for one in self.mro for base in one.bases if isinstance(base, str)}

    @cached_property
    def bases_complete(self) -> bool:
        """Whether every base is read or is one that is known by name (torch, object ...)."""
        if any(base is None for one in self.mro for base in one.bases):
            return False
        if any(keyword.arg is None for one in self.mro for keyword in one.node.keywords):
            return False
        return all(_layer(name) or name in NEUTRAL_BASES for name in self.outside_bases)

    @cached_property
    def torch_bases(self) -> list[str]:
        """Layer names among the bases: ``["Module"]``, ``["Linear"]``, ``["Sequential"]``."""
        found = (_layer(base) for one in self.mro for base in one.bases if isinstance(base, str))
        return [name for name in found if name]

    @cached_property
    def is_module(self) -> bool:
        """Surely an nn.Module."""
        return bool(self.torch_bases) or any(name in MODULE_BASES for name in self.outside_bases)

    @cached_property
    def is_lazy(self) -> bool:
        """Whether LazyModuleMixin is among the bases, a torch lazy layer counted."""
        if any(name in LAZY_MIXIN for name in self.outside_bases):
            return True
        return any(name.startswith("Lazy") for name in self.torch_bases)

    @cached_property
    def subclasses(self) -> list[ClassFacts]:
        """Classes of the same file that inherit from this one, also indirectly."""
        return [
            one for one in self.facts.classes if one is not self and any(c is self for c in one.mro)
        ]

    @property
    def family(self) -> list[ClassFacts]:
        """The class, what it inherits from, and the same of its subclasses in the file."""
        return [*self.mro, *(one for heir in self.subclasses for one in heir.mro)]

    # -- methods -----------------------------------------------------------------------
    @cached_property
    def methods(self) -> dict[str, Scope]:
        """Own methods; of several with one name the last (property setters left out)."""
        found: dict[str, Scope] = {}
        for child in self.scope.children:
            if child.is_function and not child.has_decorator("setter", "deleter", "overload"):
                found[child.name] = child
        return found

    def method(self, name: str) -> tuple[ClassFacts, Scope] | None:
        """The method that an instance runs, own or inherited from the project."""
        for one in self.mro:
            if name in one.methods:
                return one, one.methods[name]
        return None

    @cached_property
    def init(self) -> Scope | None:
        """Its own ``__init__``."""
        return self.methods.get("__init__")

    @cached_property
    def parent_init_calls(self) -> list[ast.Call]:
        """Calls of the parent's ``__init__`` in its own ``__init__``."""
        if self.init is None:
            return []
        return [call for call in self.init.nodes(ast.Call) if is_parent_init(call, self.init.self_name)]

    @cached_property
    def _called(self) -> dict[tuple[str, ...], list[tuple[ClassFacts, Scope]]]:
        return {}

    @cached_property
    def _properties(self) -> dict[str, tuple[ClassFacts, Scope]]:
        return {
            name: (one, scope)
            for one in reversed(self.mro)
            for name, scope in one.methods.items()
            if scope.has_decorator("property")
        }

    def is_property(self, name: str) -> bool:
        found = self.method(name)
        return found is not None and found[1].has_decorator("property", "cached_property", "getter")

    def reached_from(self, *entries: str) -> set[str]:
        """Names of the methods that run when one of ``entries`` runs, through ``self.x()``.

        A method that is only mentioned (``self.apply(self._init)``, a property) counts too.
        """
        seen: set[str] = set()
        todo, waiting = list(entries), list[tuple[ClassFacts, Scope]]()
        run = set[Scope]()
        while todo or waiting:
            if not waiting:
                name = todo.pop()
                found = self.method(name) if name not in seen else None
                if found is None:
                    continue
                seen.add(name)
                waiting.append(found)
            cls, scope = waiting.pop()
            if scope in run:
                continue
            run.add(scope)
            for inner in scope.within():
                todo += [read for read in cls.facts.self_reads(inner) if read not in seen]
                for call in inner.nodes(ast.Call):
                    parent = cls.facts.super_call(call)
                    inherited = self._after(cls, parent) if parent is not None else None
                    if inherited is not None:
                        waiting.append(inherited)  # super().f(): the inherited body runs as well
        return seen

    def _after(self, below: ClassFacts, name: str) -> tuple[ClassFacts, Scope] | None:
        """The method that ``super()`` in a class above comes to."""
        after = self.mro[self.mro.index(below) + 1 :] if below in self.mro else []
        return next(((one, one.methods[name]) for one in after if name in one.methods), None)

    @cached_property
    def reached_from_forward(self) -> set[str]:
        return self.reached_from("forward")

    @cached_property
    def reached_from_init(self) -> set[str]:
        return self.reached_from("__init__")

    @cached_property
    def surely_built_by(self) -> set[str]:
        """Names of the methods that every run of the constructor comes by, ``__init__`` first."""
        from lint_params.facts.parameters.phases import always_called

        return {"__init__"} | always_called(self, "__init__")

    def called_from(self, *entries: str) -> list[tuple[ClassFacts, Scope]]:
        """The functions that run when ``entries`` run, by calls that are surely followed:
        ``self.x()``, ``super().x()``, properties and functions of the same file."""
        if entries in self._called:
            return self._called[entries]
        found: list[tuple[ClassFacts, Scope]] = []
        todo = [one for one in map(self.method, entries) if one is not None]
        while todo:
            cls, scope = todo.pop()
            if any(scope is other for _, other in found):
                continue
            found.append((cls, scope))
            for inner in scope.within():
                for call in inner.nodes(ast.Call):
                    func = call.func
                    if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name):
                        called = self.method(func.attr)
                        if called is not None and func.value.id == inner.instance_name:
                            todo.append(called)
                    elif isinstance(call.func, ast.Name) or super_call(call):
                        other = cls.facts.function_of(call)
                        if other is not None and other[0] is cls.facts:
                            todo.append((cls, other[1]))
                for read in cls.facts.self_reads(inner) if self._properties else ():
                    if read in self._properties:
                        todo.append(self._properties[read])
        self._called[entries] = found
        return found

    @cached_property
    def trains_in_forward(self) -> bool:
        """Whether forward builds an optimizer, or goes down gradients by hand: then it is a fit of its own,
        from new weights."""
        run = self.called_from("forward")
        if any(made.scope is scope for owner, scope in run for made in owner.facts.optimizers):
            return True
        return any(
            owner.facts.qualify(call.func) == "torch.autograd.grad"
            or last_name(call.func) == "backward" and not call.args
            for owner, scope in run
            for call in scope.nodes(ast.Call)
        )

    # -- members -----------------------------------------------------------------------
    @cached_property
    def _read(self) -> tuple[dict[str, list[Member]], list[Member]]:
        return read_members(self)

    @property
    def members(self) -> dict[str, list[Member]]:
        """Every own attribute that some line gives a value: name to its assignments."""
        return self._read[0]

    @property
    def dynamic_members(self) -> list[Member]:
        """Own registrations and setattr whose name is computed (``f"layer{i}"``)."""
        return self._read[1]

    @property
    def computed_members(self) -> list[Member]:
        """Those of the class, and those of a base in methods that construction or the file runs."""
        return [
            member
            for one in self.mro
            for member in one.dynamic_members
            if one is self or member.method in self.reached_from_init or f".{member.method}(" in self.facts.text
        ]

    @property
    def may_be_wrapped(self) -> bool:
        """Whether a decorator may make another class of it: those that document or register it do not."""
        return not all(
            _LEAVES_ALONE.search(last_name(one.func if isinstance(one, ast.Call) else one))
            or gives_back(self.facts, one)
            for one in self.node.decorator_list
        )

    @property
    def is_wrapped(self) -> bool:
        """Whether a decorator of the project makes, or may make, another class of it."""
        return any(
            may_give_another(self.facts, one)
            for one in self.node.decorator_list
            if "docstring" not in last_name(one.func if isinstance(one, ast.Call) else one)
        )

    @property
    def metaclass(self) -> ast.expr | None:
        """What its ``class`` statement names as the metaclass."""
        return next((keyword.value for keyword in self.node.keywords if keyword.arg == "metaclass"), None)

    @property
    def has_plain_metaclass(self) -> bool:
        """Whether its own metaclass, if it names one, makes what the class says."""
        return self.metaclass is None or self.facts.qualify(self.metaclass) in PLAIN_METACLASSES

    @property
    def sets_up_heirs(self) -> bool:
        """Whether its ``__init_subclass__`` has to do with how the classes below are made."""
        return set_up.sets_up_heirs(self)

    @cached_property
    def may_be_set_up(self) -> bool:
        """Whether somebody other than its constructor may run ``Module.__init__`` on its objects."""
        return set_up.may_be_set_up(self)

    def assignments(self, name: str) -> list[Member]:
        """All assignments of an attribute, own and inherited from the project."""
        return [member for one in self.mro for member in one.members.get(name, ())]

    @cached_property
    def _kinds(self) -> dict[str, Kind]:
        return {}

    def kind(self, name: str) -> Kind:
        """What ``self.<name>`` is, over all its assignments; unknown if there are none."""
        if name not in self._kinds:
            self._kinds[name] = UNKNOWN  # while it is being worked out
            self._kinds[name] = self._kind(name)
        return self._kinds[name]

    def _kind(self, name: str) -> Kind:
        if self.method(name) is not None:
            return UNKNOWN
        found = self.assignments(name)
        if not found:
            return self._inherited_kind(name)
        given = [member for member in found if not member.is_declaration]
        if all(member.how == "augmented" for member in given):
            above = self._inherited_kind(name)  # `self.weight *= mask` over a torch layer
            if above.known:
                return above
        if len(given) > 1:
            # `self.w = f(self.w)` says nothing new about what self.w was, but a Module made of it does.
            if any(not _mentions(one, name) for one in given):
                given = [one for one in given if not _mentions(one, name) or _makes_module(one)]
        return join(member.kind for member in given)

    def _inherited_kind(self, name: str) -> Kind:
        from lint_params.facts.value.infer import torch_member

        for base in self.torch_bases:
            kind = torch_member(Kind("module", torch=f"torch.nn.{base}"), name)
            if kind.known:
                return kind
        return UNKNOWN

    def _of_kind(self, *what: str) -> dict[str, list[Member]]:
        found: dict[str, list[Member]] = {}
        for one in reversed(self.mro):
            for name, members in one.members.items():
                fitting = [member for member in members if member.kind.may_be(*what)]
                if fitting:
                    found.setdefault(name, []).extend(fitting)
        return found

    @cached_property
    def parameters(self) -> dict[str, list[Member]]:
        """Attributes that are given a Parameter (own and inherited) to those assignments."""
        return self._of_kind("parameter")

    @cached_property
    def buffers(self) -> dict[str, list[Member]]:
        return self._of_kind("buffer")

    @cached_property
    def submodules(self) -> dict[str, list[Member]]:
        return self._of_kind("module")

    def items(self, name: str) -> list[Item]:
        """What the container ``self.<name>`` is given anywhere in this class."""
        return attribute_items(self, name)

    def may_define(self, name: str) -> bool:
        """Whether an instance may have this attribute: False only when surely not."""
        if name in MODULE_ATTRIBUTES:
            return True
        if any(name in one.members or name in one.scope.bound for one in self.mro):
            return True
        if not self.bases_complete:
            return True
        computed = [m for one in self.mro for m in one.dynamic_members if m.method == "__init__" or not m.is_handed]
        if any(name in (written_names(member) or [name]) for member in (*computed, *self.computed_members)):
            return True
        if any(base != "Module" for base in self.torch_bases):
            return True
        return any("__getattr__" in one.methods for one in self.mro)


def _layer(qualified: str) -> str:
    home, _, name = qualified.rpartition(".")
    return name if home == "torch.nn" and name in LAYERS else ""


def _makes_module(member: Member) -> bool:
    """``nn.Sequential(*self.layers)``: told by its class alone, since the kind of what it is given is
    what is asked for."""
    made = member.cls.facts.qualify(member.value.func) if isinstance(member.value, ast.Call) else None
    return made is not None and made in MODULE_CONTAINERS and "Parameter" not in made


def _mentions(member: Member, name: str) -> bool:
    """Whether the member's value is made of an attribute of that name, which `nn.Linear` is not
    for a `self.Linear`."""
    return member.value is not None and any(
        isinstance(node, ast.Attribute) and node.attr == name and member.cls.facts.qualify(node) is None
        for node in ast.walk(member.value)
    )
