"""What happens too early in a story: lazy parameters are used before they have a shape."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lint_params.facts.story.base import Early, StoryBase
from lint_params.facts.story.moments import conditional_since, possible
from lint_params.facts.story.things import Thing, Value

if TYPE_CHECKING:
    from lint_params.facts.value.kinds import Kind


class LazyHappenings(StoryBase):
    """What a parameter without a shape refuses, and what its model does."""

    def operated(self, value: Value, node: ast.AST, how: str) -> None:
        """Something that only a parameter with a shape can do."""
        if not value or not all(self._untouched(one) for one in value):
            return
        when = self.moment(node)
        one = value[0]
        if one.lazy_of is not None:
            begun = one.made or one.lazy_of.first_made
            if begun is None or conditional_since(when, begun):
                return
            self._early(Early(one, one.lazy_of, self.lazy(one.lazy_of), when, how))
        elif one.fresh:
            self._early(Early(one, one, [], when, how))
        elif one.parent is not None:
            self._early(Early(one, one.parent, self.lazy(one.parent), when, how))

    def refused(self, value: Value, node: ast.AST, how: str) -> None:
        """Something that torch does with no module whose lazy layers have not run."""
        one = value[0] if len(value) == 1 else None
        if one is not None and self.lazy(one) and _made_here(one):
            self._early(Early(one, one, self.lazy(one), self.moment(node), how))

    def _early(self, early: Early) -> None:
        made = early.module.first_made
        if made is None or any(arm == "try" for _, arm, _ in early.when.branches):
            return
        if possible(made, early.when):
            self.early.append(early)

    def _untouched(self, one: Thing) -> bool:
        if one.lazy_of is not None:
            return _made_here(one.lazy_of) and bool(self.lazy(one.lazy_of))
        if one.what != "parameter" or not one.kind.is_uninitialised:
            return False
        if one.fresh:
            return not self.has_run(one)
        owner = one.parent
        if owner is None or not owner.kind.is_lazy or not _made_here(owner):
            return False
        return _has(owner.kind, one.attr) and not self.has_run(owner)


def _made_here(thing: Thing) -> bool:
    """Whether the module, or the one that it is part of, was made in this story."""
    current: Thing | None = thing
    while current is not None:
        if current.fresh:
            return True
        current = current.parent
    return False


def _has(kind: Kind, name: str) -> bool:
    """Whether the layer surely has its bias (or, affine, its weight)."""
    call = kind.node
    if not isinstance(call, ast.Call):
        return False
    if name == "weight" and "Norm" not in kind.layer:
        return True  # no argument of a linear layer or a convolution takes it away
    flags = {keyword.arg for keyword in call.keywords}
    if None in flags or flags & {"affine", "elementwise_affine"}:
        return False
    if name == "bias":
        return "bias" not in flags and len(call.args) < 2
    return "InstanceNorm" not in kind.layer
