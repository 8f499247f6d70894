"""The groups of an optimizer, where two of them hold the same Parameters: torch refuses that."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lint_params.facts.held.owners import kind_owns
from lint_params.facts.story.things import OTHER, Hold, State, Thing, Value

if TYPE_CHECKING:
    from lint_params.facts.story.moments import Moment


@dataclass(frozen=True, eq=False)
class Overlap:
    """The optimizer made at ``when`` is given ``owner``'s parameters twice, by way of ``first``."""

    when: Moment
    node: ast.Call
    owner: Thing
    first: Thing


def overlap(state: State, when: Moment, node: ast.Call, given: Value) -> Overlap | None:
    """The first module whose parameters stand in two groups of a list that is written out."""
    if len(given) != 1 or given[0].what not in ("list", "tuple") or given[0].element:
        return None
    groups = [_holds(value) for value in given[0].items]
    for place, group in enumerate(groups):
        for other in groups[:place]:
            for one, two in ((a, b) for a in group for b in other):
                for inner, outer in ((one, two), (two, one)):
                    if _surely_in(state, inner, outer):
                        return Overlap(when, node, inner.owner, outer.owner)
    return None


def _holds(value: Value) -> list[Hold]:
    """All that one group holds whole; [] where it is no group, or one of several."""
    if len(value) != 1 or value[0].what != "group" or len(value[0].items) != 1:
        return []
    return [held for held in _inside(value[0].items[0]) if held.how == "one" or held.whole]


def _inside(value: Value) -> Iterator[Hold]:
    if len(value) != 1:
        return
    one = value[0]
    if one.what == "parameter":
        yield from [Hold(one, "one")] if one.attr != "*" else []
        return
    yield from one.holds
    for item in one.items:
        yield from _inside(item)


def _surely_in(state: State, inner: Hold, outer: Hold) -> bool:
    """Whether a Parameter of ``inner`` surely is one of ``outer``'s."""
    if inner.owner is OTHER or (outer.how == "one" and inner.owner is not outer.owner):
        return False
    if inner.how == "all" and not _has_parameters(inner.owner):
        return False
    current = inner.owner
    while current is not outer.owner:
        above = current.parent
        if above is None or current.attr == "*" or current.attr.startswith("[..."):
            return False
        stored = state.fields.get((above, current.attr))
        if stored is not None and stored != (current,):
            return False
        current = above
    return True


def _has_parameters(owner: Thing) -> bool:
    """What is asked for its parameters by name has some, unless it is known to have none."""
    owns = kind_owns(owner.kind, 0)
    return owns is True or (owns is None and owner.parent is not None and owner.what != "object")
