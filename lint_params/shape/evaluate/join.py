"""What is known of a value after two paths meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lint_params.shape.sizes.dim import YES, Poly, lower, symbol
from lint_params.shape.value import (
    PERHAPS,
    REAL,
    Choice,
    Config,
    Dict,
    External,
    Flag,
    More,
    Ratio,
    Real,
    Seq,
    Shape,
    Splice,
    Tensor,
    Unknown,
    Value,
    is_size,
)

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter

MAX_OPTIONS = 4
_REALS = (float, Ratio, Real)


def join_all(it: Interpreter, values: list[Value]) -> Value:
    out = values[0]
    for value in values[1:]:
        out = join(it, out, value)
    return out


def join(it: Interpreter, a: Value, b: Value) -> Value:
    """A value that stands for either."""
    if a is b:
        return a
    if isinstance(a, Unknown):
        return a
    if isinstance(b, Unknown):
        return b
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return _tensors(it, a, b)
    if is_size(a) and is_size(b):
        return _sizes(it, a, b)
    if isinstance(a, _REALS) and isinstance(b, _REALS):
        return a if type(a) is type(b) is float and a == b else REAL
    if isinstance(a, bool) and isinstance(b, bool):
        return a if a == b else Flag("joined")
    if type(a) is type(b) and isinstance(a, (str, float, bytes, External)) and a == b:
        return a
    if isinstance(a, Seq) and isinstance(b, Seq) and a.kind == b.kind:
        return _seqs(it, a, b)
    if isinstance(a, Dict) and isinstance(b, Dict):
        keys = [*a.items, *(k for k in b.items if k not in a.items)]
        items = {
            k: join(it, a.items[k], b.items[k])
            if k in a.items and k in b.items
            else PERHAPS
            for k in keys
        }
        return Dict(items, a.open or b.open)
    if isinstance(a, Config) or isinstance(b, Config):
        known = b if isinstance(a, Config) else a
        if isinstance(known, Seq) and _repeats(known, a if isinstance(a, Config) else b):
            return known  # a number, or one for each axis: it is taken to be the number
        if isinstance(known, Config) or (is_size(known) and (lower(it.ctx.resolve(known)) or 0) > 0):
            return Config("either")  # one number, wherever it is used from here on
    return _choice(a, b)


def _repeats(seq: Seq, argument: Config) -> bool:
    """Whether a sequence is nothing but the argument again and again: ``(size, size)``."""
    sizes = (argument, argument.size)
    return bool(seq.items) and all(any(item is size for size in sizes) for item in seq.items)


def _choice(a: Value, b: Value) -> Value:
    options: list[Value] = []
    for value in (a, b):
        for option in value.options if isinstance(value, Choice) else [value]:
            if not any(option is o or _plain_equal(option, o) for o in options):
                options.append(option)
    if len(options) > MAX_OPTIONS:
        return Unknown("too many alternatives")
    return options[0] if len(options) == 1 else Choice(options)


def _plain_equal(a: Any, b: Any) -> bool:
    plain = (int, float, str, bool, External, Poly)
    return isinstance(a, plain) and type(a) is type(b) and bool(a == b)


def _sizes(it: Interpreter, a: Value, b: Value) -> Value:
    if it.ctx.compare(a, b) is YES:
        return a
    lows = [lower(it.ctx.resolve(v)) for v in (a, b)]
    low = None if None in lows else min(v for v in lows if v is not None)
    return symbol("either", "opaque", low)


def _tensors(it: Interpreter, a: Tensor, b: Tensor) -> Tensor:
    dtype = a.dtype if a.dtype == b.dtype else None
    param = a.param if a.param == b.param else None
    free = a.free and b.free
    joined = _joined(it, a, b, dtype, param, free)
    joined.of = (a, b)
    return joined


def _joined(
    it: Interpreter, a: Tensor, b: Tensor, dtype: str | None, param: str | None, free: bool
) -> Tensor:
    if a.shape is b.shape:
        return Tensor(a.shape, dtype, a.origin, param, free)
    one, two = a.shape.dims, b.shape.dims
    if not a.shape.lead and not b.shape.lead and len(one) == len(two):
        dims = tuple(_sizes(it, x, y) for x, y in zip(one, two))
        return Tensor(Shape(dims), dtype, a.origin, param, free)
    common = []
    for x, y in zip(reversed(one), reversed(two)):
        common.append(_sizes(it, x, y))
    return Tensor(Shape(tuple(reversed(common)), True), dtype, a.origin, param, free)


def _seqs(it: Interpreter, a: Seq, b: Seq) -> Value:
    if any(isinstance(item, More) for item in (*a.items, *b.items)):
        return Seq([More()], a.kind)
    if len(a.items) == len(b.items):
        return Seq([join(it, x, y) for x, y in zip(a.items, b.items)], a.kind)
    if a.kind != "list":
        return Choice([a, b])
    return Seq(spliced([a.items, b.items]), "list")


def spliced(options: list[list[Value]]) -> list[Value]:
    """What several sequences begin with, and a choice of how each goes on: ``names += ("b",)``."""
    first, start = options[0], 0
    while all(start < len(one) and one[start] is first[start] for one in options):
        start += 1
    return [*first[:start], Splice([one[start:] for one in options])]
