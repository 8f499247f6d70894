"""What the story of a script tells of: modules, streams of parameters, lists, optimizers.

A ``Thing`` is one object of the run. What a name can hold is a tuple of Things (one for
each path); ``OTHER`` stands for whatever the story does not follow.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lint_params.facts.value.kinds import UNKNOWN, Kind

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts
    from lint_params.facts.scope import Scope
    from lint_params.facts.story.moments import Moment

MISSING = object()


#: How many modules within each other are followed.
NESTED = 11


@dataclass(eq=False)
class Thing:
    """``what``: module, parameter, stream (an iterator), list, dict, tuple, group (a dict
    with "params"), optimizer, constant, function, class, object or unknown."""

    what: str
    kind: Kind = UNKNOWN
    made: Moment | None = None
    #: For an attribute or item of another thing: whose, and which.
    parent: Thing | None = None
    attr: str = ""
    children: dict[str, Thing] = field(default_factory=dict)
    #: Modules that it was put into.
    inside: list[Thing] = field(default_factory=list)
    #: Whose parameters a stream, list or optimizer holds.
    holds: list[Hold] = field(default_factory=list)
    #: Whether ``holds`` is all that it holds.
    complete: bool = True
    #: What a literal list, tuple, dict or Sequential holds.
    items: list[Value] = field(default_factory=list)
    #: What iterating gives, where the items are not told apart.
    element: Value = ()
    #: Streams that a stream takes its items from (each one of several that a name can hold), and
    #: the name it was bound to.
    sources: tuple[Value, ...] = ()
    name: str = ""
    constant: Any = MISSING
    function: tuple[FileFacts, Scope | ast.Lambda] | None = None
    bound: Value = ()
    env: dict[str, Value] | None = None
    #: Made by a constructor call in this story (not an argument or a found attribute).
    fresh: bool = False
    frozen: bool = False
    #: For an optimizer: what was frozen, and so left out, when it was built, and whether its groups
    #: are changed by hand.
    left_out: tuple[Thing, ...] = ()
    mended: bool = False
    #: What it is a deep copy of.
    copied: Thing | None = None
    #: Some parameter of a module that has lazy layers, as iterating over it gives them.
    lazy_of: Thing | None = None
    #: Layer classes that isinstance admits ("Linear"); None: not narrowed.
    narrowed: frozenset[str] | None = None

    def lies_in(self, other: Thing) -> bool:
        """Whether it is ``other`` or a part of it, as far as the story saw."""
        one: Thing = self
        for _ in range(NESTED):  # most stand in one place
            if one is other:
                return True
            if one.inside or one.parent is None:
                break
            one = one.parent
        if not one.inside:
            return False
        seen, around = {one}, {one}
        for _ in range(NESTED):
            if other in around:
                return True
            above = {one.parent for one in around if one.parent is not None}
            around = above.union(*(one.inside for one in around)) - seen
            seen |= around
        return False

    def listed(self) -> Thing:
        """The list of what a stream would give; anything else stays."""
        if self.what != "stream":
            return self
        made = Thing("list", made=self.made, element=self.element, name=self.name)
        made.holds, made.complete = list(self.holds), self.complete
        return made

    def keys_in_groups(self) -> tuple[Thing, list[str]] | None:
        """For (a part of) ``optimizer.param_groups``: that list, and the keys that lead from it to here."""
        current: Thing | None = self
        keys: list[str] = []
        while current is not None and current.attr != "param_groups":
            keys.insert(0, current.attr)
            current = current.parent if len(keys) < 6 else None
        return (current, keys) if current is not None else None

    @property
    def path(self) -> str:
        """``fc.weight``, from the outermost thing that the story knows."""
        if self.parent is None:
            return self.name
        above = self.parent.path
        if self.attr.startswith("["):
            return above + self.attr
        return f"{above}.{self.attr}" if above else self.attr

    @property
    def first_made(self) -> Moment | None:
        """When it was made, or else the nearest thing that it is a part of."""
        current: Thing | None = self
        while current is not None and current.made is None:
            current = current.parent
        return current.made if current is not None else None

    def __repr__(self) -> str:
        return f"<{self.what} {self.path or self.kind.describe()}>"


Value = tuple[Thing, ...]
OTHER = Thing("unknown")
NOTHING: Value = (OTHER,)
#: What may be any of more things than this is not followed.
MOST = 60


@dataclass(frozen=True, eq=False)
class Hold:
    """Parameters of ``owner``: "all" (but those without gradient), "part" or, where the
    owner is a parameter itself, "one"."""

    owner: Thing
    how: str
    trained: bool = False  # without those that needed no gradient at that moment
    whole: bool = False  # straight from ``owner.parameters()``: no loop may have left some out


@dataclass(eq=False)
class Change:
    """A parameter or layer put into what a holder (optimizer or list) got its items from.

    ``into.attr`` is what was replaced or added; ``new`` what stands there now (where
    ``rebound``: what the name ``attr`` means now). ``unfrozen``: nothing was put in, but what
    was left out because it was frozen is trained from now on.
    """

    when: Moment
    into: Thing
    attr: str
    new: Thing
    rebound: bool = False
    unfrozen: bool = False
    healed: bool = False

    @property
    def path(self) -> str:
        if self.unfrozen:
            return self.new.path
        above = "" if self.rebound else self.into.path
        if self.attr.startswith("["):
            return above + self.attr
        return f"{above}.{self.attr}" if above else self.attr


@dataclass(frozen=True, eq=False)
class Use:
    """Items taken from a stream: when, by what, and whether it is exhausted afterwards."""

    when: Moment
    by: str
    whole: bool = True


class State:
    """What can be true at one point of the story; joined where paths meet."""

    __slots__ = ("called", "env", "fields", "frozen", "holders", "ran", "spent", "stale")

    def __init__(self) -> None:
        self.env: dict[str, Value] = {}
        self.fields: dict[tuple[Thing, str], Value] = {}
        self.spent: dict[Thing, tuple[Use, ...]] = {}
        self.ran: frozenset[Thing] = frozenset()
        self.stale: dict[Thing, tuple[Change, ...]] = {}
        self.holders: tuple[Thing, ...] = ()
        self.called: frozenset[Thing] = frozenset()
        self.frozen: frozenset[Thing] = frozenset()

    def copy(self) -> State:
        other = State.__new__(State)
        other.env, other.fields = dict(self.env), dict(self.fields)
        other.spent, other.stale = dict(self.spent), dict(self.stale)
        other.ran, other.holders, other.called = self.ran, self.holders, self.called
        other.frozen = self.frozen
        return other


def join_states(one: State | None, other: State | None) -> State | None:
    if one is None or other is None or one is other:
        return other if one is None else one
    joined = one.copy()
    _join(joined.env, other.env, one.env, NOTHING)
    _join(joined.fields, other.fields, one.fields, ())
    _join(joined.spent, other.spent, one.spent, ())
    _join(joined.stale, other.stale, one.stale, ())
    joined.ran, joined.called = one.ran | other.ran, one.called | other.called
    joined.frozen = one.frozen & other.frozen
    joined.holders = union(one.holders, other.holders)
    return joined


def _join(into: dict[Any, Any], other: dict[Any, Any], one: dict[Any, Any], missing: Any) -> None:
    if one == other:  # most branches change one of the four at most
        return
    for key, value in other.items():
        mine = one.get(key, missing)
        if mine is not value:
            into[key] = union(mine, value)
    if missing:
        for key in one.keys() - other.keys():
            into[key] = union(one[key], missing)


def union(one: tuple[Any, ...], other: tuple[Any, ...]) -> tuple[Any, ...]:
    if one is other or not other:
        return one
    if not one:
        return other
    mine = set(map(id, one))
    more = tuple([item for item in other if id(item) not in mine])
    if len(one) + len(more) > MOST and isinstance(one[0], Thing):
        return NOTHING
    return one + more if more else one
