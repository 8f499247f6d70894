"""What one parameter has to be for a condition to hold, and values that may be tried for it."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

from lint_params.shape.runs.chosen import GIVEN, Key

#: Of a parameter without a default.
NONE_YET: Any = type("NoneYet", (), {})()


class Atom(NamedTuple):
    """What one parameter has to be: ``fits`` a value or not, and values that may."""

    key: Key
    fits: Callable[[Any], bool]
    values: tuple[Any, ...]


def true(key: Key, default: Any, annotation: str, want: bool) -> Atom:
    """``if flag``"""

    def fits(value: Any) -> bool:
        return value is not NONE_YET and (value is GIVEN or bool(value)) is want

    if isinstance(default, bool) or annotation == "bool":
        return Atom(key, fits, (want,))
    if want:
        return Atom(key, fits, (GIVEN,))
    empty = False if default is NONE_YET else None if default in (None, GIVEN) else type(default)()
    return Atom(key, fits, (empty,))


def within(key: Key, text: str, want: bool) -> Atom:
    """``if "deep" in stem``"""
    return Atom(key, lambda v: (isinstance(v, str) and text in v) is want, (text if want else "",))


_ORDERS: dict[type, tuple[Callable[[Any, Any], bool], int, int]] = {
    ast.Gt: (operator.gt, 1, 0),
    ast.GtE: (operator.ge, 0, -1),
    ast.Lt: (operator.lt, -1, 0),
    ast.LtE: (operator.le, 0, 1),
}


def compared(key: Key, op: ast.cmpop, other: Any, want: bool) -> Atom:
    """``if mode == "conv"``, ``if width is None``, ``if depth > 2``"""
    if isinstance(op, (ast.Eq, ast.Is)):
        if other is None:
            return Atom(key, lambda v: (v is None) is want and v is not NONE_YET, (None,) if want else (GIVEN,))
        others = (other + 2, other + 1) if type(other) is int else ()
        return Atom(key, lambda v: v is not NONE_YET and (v == other) is want, (other,) if want else others)
    if isinstance(op, ast.In) and isinstance(other, (tuple, list, set, dict)):
        return Atom(key, lambda v: v is not NONE_YET and (v in [*other]) is want, tuple(other) if want else ())
    order = _ORDERS.get(type(op))
    if order is None or not isinstance(other, (int, float)):
        return Atom(key, lambda v: True, ())
    holds, above, below = order

    def fits(value: Any) -> bool:
        return isinstance(value, (int, float)) and holds(value, other) is want

    return Atom(key, fits, (other + (above if want else below),))
