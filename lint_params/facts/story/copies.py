"""Two names of one module, where the code pairs them as if one were a copy of the other."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lint_params.facts.story.moments import Moment
from lint_params.facts.story.things import OTHER, Thing, Value
from lint_params.facts.torch_names import MODULE_RETURNS_SELF
from lint_params.trees import paired_modules

if TYPE_CHECKING:
    from lint_params.facts.story.expr import Expressions


@dataclass(frozen=True, eq=False)
class Paired:
    """``alias`` gave the module of ``online`` another name, ``target``; ``when`` pairs the two."""

    alias: Moment
    target: str
    online: str
    when: Moment


@dataclass(frozen=True, eq=False)
class _Alias:
    when: Moment
    target: ast.expr
    online: ast.expr

    @property
    def names(self) -> set[str]:
        return {_last(self.target), _last(self.online)}


class Copies:
    """What a story knows of them: assignments of a module that already has a name, then pairs."""

    def __init__(self) -> None:
        self.found: list[Paired] = []
        self._aliases: dict[Thing, list[_Alias]] = {}

    def follow(self, earlier: Copies) -> None:
        """What an earlier part of the same run knew."""
        self._aliases = {thing: list(known) for thing, known in earlier._aliases.items()}

    def assigned(self, story: Expressions, node: ast.stmt, target: ast.expr, given: ast.expr, value: Value) -> None:
        """``self.target = self.online``, ``target = net.to(device)``: one module, two names; of a
        tuple that is written out, part by part."""
        if isinstance(target, (ast.Tuple, ast.List)) and isinstance(given, (ast.Tuple, ast.List)):
            if len(target.elts) == len(given.elts) and not any(
                isinstance(part, ast.Starred) for part in (*target.elts, *given.elts)
            ):
                for place, part in enumerate(target.elts):
                    self.assigned(story, node, part, given.elts[place], story.item(value, place))
            return
        online = _same(given)
        if len(value) != 1 or value[0] is OTHER or not _last(online) or not _last(target):
            return
        if value[0].what in ("module", "unknown", "object") and _last(online) != _last(target):
            self._aliases.setdefault(value[0], []).append(_Alias(story.moment(node), target, online))

    def called(self, story: Expressions, node: ast.Call) -> None:
        """``target.load_state_dict(online.state_dict())``, ``zip`` of the parameters of both."""
        pair = paired_modules(node)
        if pair is None or not all(_last(one) for one in pair):
            return
        one, other = (_modules(story.value(part)) for part in pair)
        if len(one) != 1 or len(other) != 1 or one[0] is not other[0]:
            return
        # Names that a helper gives its arguments stand for what it is called with.
        named = [({_last(part) for part in pair}, story.moment(node))]
        for place, (facts, site) in enumerate(story.sites):
            if isinstance(site, ast.Call):
                given = {_last(arg) for arg in (*site.args, *(k.value for k in site.keywords))}
                named.append((given, Moment(facts, site, story.sites[:place])))
        if len(named[0][0]) < 2:
            return
        for alias in self._aliases.get(one[0], ()):
            for names, when in named:
                if alias.names <= names:
                    target, online = ast.unparse(alias.target), ast.unparse(alias.online)
                    self.found.append(Paired(alias.when, target, online, when))
                    return


def _modules(value: Value) -> Value:
    """What it can be where it is no None."""
    return tuple(one for one in value if not (one.what == "constant" and one.constant is None))


def _same(expr: ast.expr) -> ast.expr:
    """``net`` of ``net.to(device).eval()``, which gives back the module itself."""
    while isinstance(expr, ast.Call) and isinstance(expr.func, ast.Attribute):
        if expr.func.attr not in MODULE_RETURNS_SELF:
            break
        expr = expr.func.value
    return expr


def _last(expr: ast.expr) -> str:
    """The last word of a name or a dotted name."""
    if isinstance(expr, ast.Name):
        return expr.id
    return expr.attr if isinstance(expr, ast.Attribute) and _last(expr.value) else ""
