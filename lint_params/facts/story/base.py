"""What all parts of a Story share: the state, where the story is, and what it knows."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lint_params.facts.parameters.lazy import LazyPart, lazy_parts
from lint_params.facts.story.copies import Copies
from lint_params.facts.story.groups import Overlap
from lint_params.facts.story.moments import Branch, Moment
from lint_params.facts.story.things import NESTED, Change, State, Thing, Use, Value

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts
    from lint_params.facts.scope import Scope


@dataclass(frozen=True, eq=False)
class Spent:
    """A stream that is used again after it gave its last item."""

    stream: Thing
    first: Use
    second: Use

    @property
    def of_module(self) -> bool:
        """Whether it gives a module's own parameters or submodules."""
        element = [*self.stream.element]
        element += [part for one in element for item in one.items for part in item]
        return bool(self.stream.holds) or any(one.attr == "*" for one in element)


@dataclass(frozen=True, eq=False)
class Stale:
    """An optimizer that is used after something that it does not hold was put in."""

    optimizer: Thing
    change: Change
    used: Moment


@dataclass(frozen=True, eq=False)
class Early:
    """Something that a lazy parameter refuses until its layer has run.

    ``thing`` is the parameter (with ``lazy_of``: any of that module's) or the module.
    """

    thing: Thing
    module: Thing
    parts: list[LazyPart]
    when: Moment
    how: str

    @property
    def of_model(self) -> bool:
        """Whether a whole model is meant, not one parameter by its name."""
        return bool(self.parts) and (self.thing is self.module or self.thing.lazy_of is not None)


class StoryBase:
    """State and places; the other parts of a Story stand on it."""

    facts: FileFacts
    home: FileFacts
    s: State

    def __init__(self, facts: FileFacts) -> None:
        self.facts = facts
        self.home = facts
        self.s = State()
        self.sites: tuple[tuple[FileFacts, ast.AST], ...] = ()
        self.branches: tuple[Branch, ...] = ()
        self.globals: dict[tuple[str, str], Thing] = {}
        self.module_env: dict[str, Value] | None = None
        self.outer: list[dict[str, Value]] = []
        self.active: list[object] = []
        self.spent: list[Spent] = []
        self.stale: list[Stale] = []
        self.early: list[Early] = []
        self.copies = Copies()
        self.overlaps: list[Overlap] = []
        self._parts: dict[Thing, list[LazyPart]] = {}

    def moment(self, node: ast.AST) -> Moment:
        return Moment(self.facts, node, self.sites, self.branches)

    def branch(self, node: ast.AST, arm: str) -> Branch:
        return (node, arm, tuple(site for _, site in self.sites))

    # -- the parts that other files fill in ----------------------------------------------
    def value(self, node: ast.expr) -> Value:
        raise NotImplementedError

    def child(self, owner: Thing, name: str) -> Thing:
        raise NotImplementedError

    def call(self, node: ast.Call) -> Value:
        raise NotImplementedError

    def store(self, target: ast.expr, value: Value, node: ast.AST) -> None:
        raise NotImplementedError

    def enter(
        self,
        facts: FileFacts,
        scope: Scope,
        env: dict[str, Value],
        call: ast.AST | None,
        outer: dict[str, Value] | None = None,
    ) -> Value:
        raise NotImplementedError

    def bind_arguments(
        self,
        facts: FileFacts,
        function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
        given: list[Value],
        named: dict[str, Value],
    ) -> dict[str, Value]:
        raise NotImplementedError

    # -- lazy modules --------------------------------------------------------------------
    def lazy(self, thing: Thing) -> list[LazyPart]:
        """The lazy layers of a module that was made in this story and has not run yet."""
        if thing.what != "module":
            return []
        if thing not in self._parts:
            parts = lazy_parts(thing.kind)
            for place, value in enumerate(thing.items):
                if not parts and len(value) == 1:
                    parts = [part.below(str(place)) for part in lazy_parts(value[0].kind)]
            self._parts[thing] = parts
        if not self._parts[thing] or self.has_run(thing):
            return []
        return self._parts[thing]

    def not_lazy(self, thing: Thing) -> None:
        """A part of a module is replaced or taken away: it may have been the lazy one."""
        one: Thing | None = thing
        for _ in range(NESTED):
            if one is None:
                break
            if one.what == "module":
                self._parts[one] = []
            one = one.parent

    def has_run(self, thing: Thing) -> bool:
        """Whether it, what it is part of, or a part of it may have run."""
        ran = self.s.ran
        return any(thing.lies_in(one) or one.lies_in(thing) for one in ran)
