"""Patterns of ``match``: whether a value fits one, and what follows on the path where it does."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Literal

from lint_params.shape.evaluate.comparison import compare, equality
from lint_params.shape.evaluate.objects import get_attr
from lint_params.shape.evaluate.scope import Scope
from lint_params.shape.evaluate.subscript import subscript
from lint_params.shape.evaluate.truth import assume, narrow, truth
from lint_params.shape.value import (
    PERHAPS,
    AnySeq,
    Choice,
    Config,
    Dict,
    External,
    Flag,
    Instance,
    Layer,
    Seq,
    ShapeOf,
    Splice,
    Unknown,
    Value,
    is_size,
)

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter

#: Classes whose one positional pattern is the value itself.
_WHOLE = frozenset(
    f"builtins.{name}" for name in "bool bytearray bytes dict float frozenset int list set str tuple".split()
)


def fits(it: Interpreter, pattern: ast.pattern, value: Value, scope: Scope) -> bool | None:
    """Whether the value matches; None where that is not decided."""
    if isinstance(value, Choice):
        found = {fits(it, pattern, option, scope) for option in value.options}
        return found.pop() if len(found) == 1 else None
    if isinstance(pattern, ast.MatchAs):
        return True if pattern.pattern is None else fits(it, pattern.pattern, value, scope)
    if isinstance(pattern, ast.MatchOr):
        answers = [fits(it, part, value, scope) for part in pattern.patterns]
        return True if True in answers else None if None in answers else False
    if isinstance(pattern, ast.MatchSingleton):
        if isinstance(value, Flag):
            known = truth(it, value)
            return None if known is None else known is pattern.value
        same = compare(it, ast.Is, value, pattern.value)
        return same if isinstance(same, bool) else None
    if isinstance(pattern, ast.MatchValue):
        return equality(it, value, it.eval(pattern.value, scope))
    if isinstance(pattern, ast.MatchClass):
        return _fits_class(it, pattern, value, scope)
    parts = _parts(it, pattern, value, scope)
    if parts is None or parts is False:
        return parts
    answers = [fits(it, inner, part, scope) for inner, part in parts]
    if False in answers:
        return False
    return None if None in answers or isinstance(value, ShapeOf) else True


def bind(it: Interpreter, pattern: ast.pattern, value: Value, scope: Scope, subject: ast.expr | None = None) -> None:
    """Bind the names of a pattern that matches, and learn what the value must be."""
    if isinstance(value, Choice):
        options = [one for one in value.options if fits(it, pattern, one, scope) is not False]
        if subject is not None:
            narrow(it, subject, scope, lambda one: any(one is option for option in options))
        value = options[0] if len(options) == 1 else Choice(options) if options else value
    if isinstance(pattern, ast.MatchAs):
        if pattern.pattern is not None:
            bind(it, pattern.pattern, value, scope)
        if pattern.name is not None:
            it.ctx.write(scope.vars, pattern.name, value)
    elif isinstance(pattern, ast.MatchSingleton):
        if isinstance(value, Flag):
            it.ctx.write(it.ctx.flags, value, pattern.value)
    elif isinstance(pattern, ast.MatchValue):
        if subject is not None:  # more than the value shows it: `x.dim()`
            assume(it, ast.Compare(subject, [ast.Eq()], [pattern.value]), True, scope)
            return
        wanted = it.eval(pattern.value, scope)
        if is_size(value) and is_size(wanted):
            it.ctx.learn_equal(value, wanted)
    elif isinstance(pattern, ast.MatchOr):
        open_ones = [part for part in pattern.patterns if fits(it, part, value, scope) is not False]
        if len(open_ones) == 1:
            bind(it, open_ones[0], value, scope)
        else:
            _unknown(it, pattern, scope)
    else:
        _bind_parts(it, pattern, value, scope)


def _bind_parts(it: Interpreter, pattern: ast.pattern, value: Value, scope: Scope) -> None:
    _unknown(it, pattern, scope)
    if isinstance(pattern, ast.MatchClass):
        kind = it.eval(pattern.cls, scope)
        if isinstance(kind, External) and kind.name in _WHOLE and len(pattern.patterns) == 1:
            bind(it, pattern.patterns[0], value, scope)
        for inner, part in _attributes(it, pattern, value):
            bind(it, inner, part, scope)
        return
    if isinstance(pattern, ast.MatchSequence) and isinstance(value, ShapeOf) and _star(pattern) is None:
        it.ctx.of_rank(value.tensor, len(pattern.patterns) + value.drop)
    for inner, part in _parts(it, pattern, value, scope) or ():
        bind(it, inner, part, scope)


def _unknown(it: Interpreter, pattern: ast.pattern, scope: Scope) -> None:
    for part in ast.walk(pattern):
        name = getattr(part, "rest" if isinstance(part, ast.MatchMapping) else "name", None)
        if isinstance(name, str):
            it.ctx.write(scope.vars, name, Unknown("match"))


def _star(pattern: ast.MatchSequence) -> int | None:
    """Where ``*rest`` stands in it."""
    return next((i for i, part in enumerate(pattern.patterns) if isinstance(part, ast.MatchStar)), None)


Parts = list[tuple[ast.pattern, Value]]


def _parts(it: Interpreter, pattern: ast.pattern, value: Value, scope: Scope) -> Parts | Literal[False] | None:
    """The patterns inside one with what each of them stands for; False where that cannot be, None
    where it is not known."""
    if isinstance(value, (Unknown, Config, AnySeq, Flag)):
        return None
    if isinstance(pattern, ast.MatchSequence):
        return _items(it, pattern, value)
    if isinstance(pattern, ast.MatchMapping):
        return _entries(it, pattern, value, scope)
    return None


def _items(it: Interpreter, pattern: ast.MatchSequence, value: Value) -> Parts | Literal[False] | None:
    inner = pattern.patterns
    at = _star(pattern)
    needed = len(inner) - (at is not None)
    if isinstance(value, ShapeOf):
        known = len(value.tensor.shape.dims) - value.drop
        if known > needed and at is None:
            return False
        before = inner if at is None else inner[:at]
        behind = [] if at is None else inner[at + 1 :]
        if at is None:  # from the end, where sizes are known
            before, behind = [], inner
        parts = [(part, subscript(it, value, i)) for i, part in enumerate(before)]
        return parts + [(part, subscript(it, value, i - len(behind))) for i, part in enumerate(behind)]
    if not isinstance(value, Seq) or value.kind == "set":
        return False if isinstance(value, (str, int, float, Dict, type(None))) else None
    items = value.items
    if any(isinstance(item, (Splice, ShapeOf)) for item in items):
        return None
    if len(items) < needed or (at is None and len(items) > needed):
        return False
    if at is None:
        return list(zip(inner, items))
    rest = len(inner) - at - 1
    taken = Seq(list(items[at : len(items) - rest]), "list")
    star = ast.MatchAs(name=inner[at].name)  # type: ignore[attr-defined]
    return [*zip(inner[:at], items), (star, taken), *zip(inner[at + 1 :], items[len(items) - rest :])]


def _entries(it: Interpreter, pattern: ast.MatchMapping, value: Value, scope: Scope) -> Parts | Literal[False] | None:
    if not isinstance(value, Dict):
        return False if isinstance(value, (str, int, float, Seq, type(None))) else None
    parts: Parts = []
    for key, inner in zip(pattern.keys, pattern.patterns):
        name = it.eval(key, scope)
        if not isinstance(name, (str, int)):
            return None
        part = value.items.get(name, PERHAPS if value.open else None)
        if name not in value.items and not value.open:
            return False
        if part is PERHAPS:
            return None
        parts.append((inner, part))
    return parts


def _fits_class(it: Interpreter, pattern: ast.MatchClass, value: Value, scope: Scope) -> bool | None:
    from lint_params.shape.python.objects import is_instance

    kind = it.eval(pattern.cls, scope)
    answer = is_instance(it, value, kind)
    if answer is not True:
        return answer
    whole = isinstance(kind, External) and kind.name in _WHOLE and len(pattern.patterns) == 1
    positional = [fits(it, part, value, scope) if whole else None for part in pattern.patterns]
    answers = positional + [fits(it, part, inside, scope) for part, inside in _attributes(it, pattern, value)]
    return False if False in answers else None if None in answers else True


def _attributes(it: Interpreter, pattern: ast.MatchClass, value: Value) -> Parts:
    known = isinstance(value, (Instance, Layer))
    return [
        (part, get_attr(it, value, name) if known else Unknown("match"))
        for name, part in zip(pattern.kwd_attrs, pattern.kwd_patterns)
    ]
