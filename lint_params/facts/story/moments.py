"""When something happens in a run of the code: the place, the calls that led there, the
branches taken on the way; and whether several such moments can lie on one path."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts

#: Something that decides whether code runs: its node, the arm ("if", "else", "try",
#: "except", "case 0" or, for a loop, which pass), and the calls that led there.
Branch = tuple[ast.AST, str, tuple[ast.AST, ...]]


@dataclass(frozen=True, eq=False)
class Moment:
    """``sites`` are the calls from the entry to here, outermost first; ``node`` the place."""

    facts: FileFacts
    node: ast.AST
    sites: tuple[tuple[FileFacts, ast.AST], ...] = ()
    branches: tuple[Branch, ...] = ()

    @property
    def line(self) -> int:
        return getattr(self.node, "lineno", 0)

    def seen_from(self, other: Moment, facts: FileFacts) -> ast.AST:
        """The place of this moment in the innermost function that both moments share, as a
        node of ``facts``: the call there that leads to it, or the place itself."""
        mine = [*self.sites, (self.facts, self.node)]
        depth = 0
        for (_, one), (_, two) in zip(self.sites, other.sites):
            if one is not two:
                break
            depth += 1
        for at in range(depth, -1, -1):
            if mine[at][0] is facts:
                return mine[at][1]
        return mine[0][1]

    def innermost(self, facts: FileFacts) -> ast.AST:
        """The deepest place of this moment that stands in ``facts``."""
        for home, node in reversed([*self.sites, (self.facts, self.node)]):
            if home is facts:
                return node
        return self.node


def possible(*moments: Moment) -> bool:
    """Whether one path surely goes through all of these moments.

    Code under two conditions of which neither contains the other may never run together
    (the second may be the opposite of the first in other words): that does not count.
    """
    return all(
        _fit(one.branches, other.branches)
        for place, one in enumerate(moments)
        for other in moments[place + 1 :]
    )


def _fit(one: tuple[Branch, ...], other: tuple[Branch, ...]) -> bool:
    at = 0
    for mine, theirs in zip(one, other):
        if mine != theirs:
            same = mine[0] is theirs[0] and mine[2] == theirs[2]
            if same and not is_loop(mine):
                return False
            break
        at += 1
    return not (_decides(one[at:]) and _decides(other[at:]))


def _decides(rest: tuple[Branch, ...]) -> bool:
    return any(not is_loop(branch) for branch in rest)


def is_loop(branch: Branch) -> bool:
    return branch[1].startswith("pass")


def conditional_since(moment: Moment, earlier: Moment) -> bool:
    """Whether a condition (no loop) was met between two moments."""
    known: set[Any] = set(earlier.branches)
    return any(branch not in known for branch in moment.branches if not is_loop(branch))
