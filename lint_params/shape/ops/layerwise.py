"""What several families of ops share: reading arguments, ranks, windows and broadcasting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

from lint_params.shape.context import Context
from lint_params.shape.ops.broadcast import broadcast
from lint_params.shape.sizes.dim import (
    NO,
    Size,
    Symbol,
    add,
    at_least,
    floordiv,
    mul,
    of_atom,
    sub,
)
from lint_params.shape.value import (
    Config,
    Flag,
    Seq,
    ShapeOf,
    Splice,
    Tensor,
    Unknown,
    Value,
    as_size,
    only_symbol,
)

Attr = Callable[[Context, dict[str, Value]], Value]


def flag(ctx: Context, value: Value) -> bool | None:
    """The truth of an argument where it is known."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return bool(value)
    known = ctx.flags.get(value) if isinstance(value, Flag) else None
    return known if isinstance(known, bool) else None


def listed(value: Value) -> list[Value] | None:
    """The items of a list or tuple that is known to the last item."""
    if not isinstance(value, Seq) or any(isinstance(v, (ShapeOf, Splice)) for v in value.items):
        return None
    return value.items


def sure_int(value: Value) -> int | None:
    """A known whole number, or None."""
    size = as_size(value)
    return size if isinstance(size, int) else None


def axes(ctx: Context, value: Value, n: int) -> tuple[Size | None, ...]:
    """A number or a tuple of numbers as one size an axis; None for each that is unknown."""
    items = listed(value)
    if items is None:
        return (None,) * n if isinstance(value, Seq) else (ctx.size(value),) * n
    if len(items) == 1:
        items = items * n
    return tuple(ctx.size(v) for v in items) if len(items) == n else (None,) * n


def zeroable(ctx: Context, value: Value, low: int | None = 0) -> Size | None:
    """A number that may be 0 (a padding), where a symbol otherwise stands for a positive one.

    From here on the symbol is one without that promise; an argument of unknown type may just
    as well be a text or a tuple, so it is no number at all.
    """
    size = None if isinstance(value, Config) else ctx.size(value)
    symbol = None if size is None else only_symbol(size)
    if symbol is not None and symbol.kind == "argument" and (symbol.low or 0) > 0:
        size = of_atom(Symbol(symbol.name, symbol.kind, low))
        ctx.bind(symbol, size)
    return size


def paddings(ctx: Context, value: Value, n: int) -> tuple[Size | None, ...]:
    """One padding an axis, as ``axes`` reads numbers."""
    for item in value.items if isinstance(value, Seq) else [value]:
        if isinstance(item, Config):
            return (None,) * n
        zeroable(ctx, item)
    return axes(ctx, value, n)


def tuple_attr(name: str, n: int) -> Attr:
    """The attribute of a layer that turns a number into a tuple of n (Conv2d's kernel_size)."""

    def read(ctx: Context, a: dict[str, Value]) -> Value:
        value = a[name]
        if isinstance(value, Seq):
            return Seq(list(value.items), "tuple")
        return value if isinstance(value, (str, Unknown)) else Seq([value] * n, "tuple")

    return read


def quoted(text: str) -> str:
    """A text of the source inside a message, which is a format."""
    return repr(text).replace("{", "{{").replace("}", "}}")


def one_of(counts: Sequence[int]) -> str:
    return " or ".join(str(c) for c in counts)


def tensor_in(ctx: Context, rule: str, value: Value, unproved: bool = True) -> Tensor | Unknown:
    """The value if it is a tensor; a tuple or list in its place is refused, as torch does."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, Seq):
        ctx.refute("recurrent-mismatch", f"{{name}} takes a tensor but gets a {value.kind}")
    if unproved:
        ctx.unproved(rule, "input is no known tensor")
    return Unknown("input is no known tensor")


def ranked(ctx: Context, rule: str, x: Tensor, ranks: Sequence[int]) -> None:
    """x has one of ``ranks`` many sizes, largest last; refuses a rank that is surely another.

    A free input of which less is known than a single sample has is taken to be batched (the
    largest rank): a forward that is written for single samples alone does not occur in practice.
    """
    known = len(x.shape.dims)
    if x.shape.lead:
        fitting = [rank for rank in ranks if rank >= known]
        if fitting and (len(fitting) == 1 or (x.free and known < ranks[0])):
            ctx.of_rank(x, fitting[-1])
        wrong = not fitting
    else:
        wrong = known not in ranks
    if wrong:
        text = f"{{name}} takes an input of {one_of(ranks)} dimensions but gets {{got}}{{source}}"
        ctx.refute(rule, text, ranks[-1], known, x)


def minimum_rank(ctx: Context, rule: str, x: Tensor, rank: int) -> None:
    """x has at least ``rank`` sizes."""
    if ctx.last(x, rank) is None:
        text = f"{{name}} takes an input of at least {rank} dimensions but gets {{got}}{{source}}"
        ctx.refute(rule, text, rank, ctx.rank(x), x)


def must_equal(
    ctx: Context, rule: str, expected: Size, got: Size, text: str, tensor: Tensor | None = None
) -> None:
    """A side condition of a call: recorded only where it is refuted, learned otherwise."""
    if ctx.compare(expected, got) is NO:
        ctx.refute(rule, text, ctx.resolve(expected), ctx.resolve(got), tensor)
    ctx.learn_equal(expected, got)


def in_unit(ctx: Context, value: Value, text: str) -> None:
    """A probability must lie in [0, 1]: torch's constructors refuse any other."""
    if isinstance(value, (int, float)) and not 0 <= value <= 1:
        ctx.refute("indivisible-channels", text)


def axis(dim: Value, rank: int) -> int | None:
    """A dimension counted from the front, or None where it is out of range or unknown."""
    index = sure_int(dim)
    if index is None or not -rank <= index < rank:
        return None
    return index % rank


# -- windows ----------------------------------------------------------------------------


def reach(kernel: Size | None, dilation: Size | None) -> Size | None:
    """How many elements a kernel spans: d * (k - 1) + 1."""
    if kernel == 1:
        return 1
    if kernel is None or dilation is None:
        return None
    return add(mul(dilation, sub(kernel, 1)), 1)


def window(
    ctx: Context,
    size: Size,
    kernel: Size | None,
    stride: Size | None,
    padding: Size | None,
    dilation: Size | None,
    x: Tensor | None = None,
    what: str = "kernel",
) -> Size:
    """The size of the output of a sliding window; refuses a window larger than its input."""
    span = reach(kernel, dilation)
    if span is None or padding is None:
        return ctx.fresh("size", low=1)
    padded = add(size, mul(2, padding))
    room = ctx.resolve(sub(padded, span))
    if at_least(room, 0) is NO:
        text = f"{{name}} has a {what} of {{expected}}{{built}} but its padded input has only {{got}}{{source}}"
        ctx.refute("kernel-exceeds-input", text, span, ctx.resolve(padded), x)
    if stride is None:
        return ctx.fresh("size", low=1)
    return add(floordiv(room, stride), 1)


# -- broadcasting -----------------------------------------------------------------------


def broadcast_all(ctx: Context, rule: str, tensors: Sequence[Value]) -> Value:
    """The broadcast of several tensors."""
    for value in tensors:
        if not isinstance(value, Tensor):
            return Unknown("input is no known tensor")
    return reduce(lambda a, b: broadcast(ctx, a, b, rule), tensors)
