"""view, reshape and their kind: the count of elements stays."""

from __future__ import annotations

from itertools import combinations
from math import prod

from lint_params.shape.context import Context
from lint_params.shape.ops import function
from lint_params.shape.ops.arguments import (
    VIEW,
    axis,
    dims_of,
    dtype_of,
    front,
    size_list,
    whole,
)
from lint_params.shape.sizes.dim import MAYBE, NO, YES, Size, cancel, floordiv, modulo, mul, product, same
from lint_params.shape.sizes.shown import short
from lint_params.shape.sizes.unlikely import one_for_many
from lint_params.shape.value import (
    DtypeOf,
    External,
    Seq,
    ShapeOf,
    Tensor,
    Value,
    only_symbol,
)


@function("Tensor.view", "Tensor.reshape",
          accepts=["zeros(2, 3, 4).view(6, 4)", "zeros(2, 3, 4).view(2, -1)", "zeros(2, 3, 4).reshape((4, 6))",
                   "zeros(2, 3).view(-1)", "zeros(2, 3).view(6, 1, -1)", "zeros(1).view([])", "zeros(2, 3).view(torch.int32)",
                   "zeros(2, 3, 4).view(-1, zeros(4).size(0))", "zeros(2, 3).view(zeros(3, 2).shape)"],
          rejects=["zeros(2, 3, 4).view(5, 5)", "zeros(2, 3, 4).view(5, -1)", "zeros(2, 10, 10).view(-1, 256)",
                   "zeros(2, 3).reshape(7)", "zeros(2, 3).view(-1, -1)"])  # fmt: skip
def view(ctx: Context, input: Value, *shape: Value, **kwargs: Value) -> Value:
    shape = shape or tuple(kwargs.values())
    if len(shape) == 1 and (isinstance(shape[0], DtypeOf) or dtype_of(shape[0]) is not None):
        out = ctx.unknown_tensor()  # elements of another width are another number in the last dimension
        plain = getattr(shape[0], "name", "") in ("torch.float32", "torch.float", "torch.int32", "torch.int")
        if isinstance(input, Tensor) and input.dtype == "float" and plain:
            out = ctx.same_shape(input)
        elif isinstance(input, Tensor) and input.shape.dims:
            out = ctx.tensor((*input.shape.dims[:-1], ctx.fresh("elements")), lead=input.shape)
        out.dtype = dtype_of(shape[0])
        return out
    if not isinstance(input, Tensor):
        input = ctx.unknown_tensor()
    return reshaped(ctx, input, shape)


@function("torch.reshape", accepts=["torch.reshape(zeros(2, 3), (3, 2))", "torch.reshape(zeros(2, 3), shape=(-1,))"],
          rejects=["torch.reshape(zeros(2, 3), (4, -1))"])  # fmt: skip
def reshape(ctx: Context, input: Value, shape: Value) -> Value:
    return reshaped(ctx, input if isinstance(input, Tensor) else ctx.unknown_tensor(), (shape,))


def reshaped(ctx: Context, x: Tensor, shape: tuple[Value, ...]) -> Value:
    """x in the sizes given, one of which may be -1."""
    items = shape[0].items if len(shape) == 1 and isinstance(shape[0], Seq) else list(shape)
    if items and isinstance(items[0], ShapeOf) and ctx.dims(items[0].tensor) is None:
        return _behind_open(ctx, x, items[0], items[1:])
    if any(isinstance(item, ShapeOf) for item in items):
        items = [s for item in items for s in _spread(ctx, item)]
    sizes = size_list(ctx, (Seq(items),) if len(items) != 1 else tuple(items))
    if sizes is None or any(isinstance(item, External) for item in items):
        return ctx.unknown_tensor(x.dtype)
    return _fitted(ctx, x, sizes, ctx.dims(x))


def _spread(ctx: Context, item: Value) -> list[Value]:
    if not isinstance(item, ShapeOf):
        return [item]
    dims = ctx.dims(item.tensor)
    return [item] if dims is None else list(dims[: len(dims) - item.drop])


def _behind_open(ctx: Context, x: Tensor, open_: ShapeOf, rest: list[Value]) -> Value:
    """``x.view(*x.shape[:-1], a, b)`` where nobody knows how many sizes come in front."""
    sizes = size_list(ctx, (Seq(rest),))
    base = open_.tensor
    if sizes is None:
        return ctx.unknown_tensor(x.dtype)
    ctx.last(base, open_.drop)
    kept = base.shape.dims[: len(base.shape.dims) - open_.drop]
    mine = x.shape.dims
    related = base.shape is x.shape or (
        x.shape.lead and x.shape.family and x.shape.family is base.shape.family
    )
    if related and [ctx.resolve(d) for d in mine[: len(kept)]] == [ctx.resolve(d) for d in kept]:
        out = _fitted(ctx, x, sizes, tuple(ctx.resolve(d) for d in mine[len(kept) :]))
    else:
        out = ctx.tensor([ctx.fresh() if s is None or s == -1 else s for s in sizes], like=x)
    return ctx.tensor((*kept, *out.shape.dims), lead=base.shape, like=x)


def _fitted(
    ctx: Context, x: Tensor, sizes: list[Size | None], have: tuple[Size, ...] | None
) -> Tensor:
    """The tensor of ``sizes``, which must have as many elements as the sizes ``have``."""
    holes = [i for i, s in enumerate(sizes) if s == -1]
    if len(holes) > 1:
        ctx.refute(VIEW, "{name}: only one size can be -1{source}", tensor=x)
    if any(isinstance(s, int) and s < -1 for s in sizes):
        return ctx.tensor([ctx.fresh() if s is None or s == -1 else s for s in sizes], like=x)
    if have is None or any(s is None for s in sizes):
        return ctx.tensor([ctx.fresh() if s is None or s == -1 else s for s in sizes], like=x)
    listed = [s for s in sizes if s is not None]
    # Sizes on both sides need no comparing: [B, N + 1, dim] to (B, N + 1, heads, -1).
    mine = [ctx.resolve(s) for s in listed if s != -1]
    theirs = []
    for size in have:
        if size in mine and size != 0:
            mine.remove(size)
        else:
            theirs.append(size)
    total, rest = cancel(product(theirs), product(mine))
    if holes:
        whole_number = _quotient(ctx, x, sizes, have, total, rest)
        _mixes_samples(ctx, x, sizes, have)
        return ctx.tensor([whole_number if s == -1 else s for s in listed], like=x)
    answer = same(total, rest)
    if answer is MAYBE:  # what is cut into parts and put together again stays out of it
        _without_pairs(theirs, mine)
        _without_pairs(mine, theirs)
        total, rest = cancel(product(theirs), product(mine))
        answer = same(total, rest)
    computed = x.param is None  # a Parameter may be of one value or of several
    if answer is NO or computed and one_for_many(ctx.resolve(total), ctx.resolve(rest)):
        ctx.refute(VIEW, _text(sizes, "{got}"), product(listed), product(have), x)
    ctx.need(VIEW, rest, total, lambda: _text(sizes, short(product(have))), tensor=x)
    return ctx.tensor(listed, like=x)


def _without_pairs(parts: list[Size], wholes: list[Size]) -> None:
    """Take away two parts and the whole that they make: ``h // 7 * 7`` of ``h // 7`` and 7."""
    for made in list(wholes):
        pairs = combinations(parts, 2)
        pair = next((p for p in pairs if mul(*p) == made), None)
        if pair is not None:
            for part in pair:
                parts.remove(part)
            wholes.remove(made)


def _text(sizes: list[Size | None], count: str) -> str:
    wanted = ", ".join(map(short, sizes))
    return f"{{name}}: shape [{wanted}] does not fit {count} elements{{source}}"


def _quotient(
    ctx: Context,
    x: Tensor,
    sizes: list[Size | None],
    have: tuple[Size, ...],
    total: Size,
    rest: Size,
) -> Size:
    """The size that -1 stands for."""
    if rest == 0 or rest == 1:
        return total if rest == 1 else ctx.fresh()
    left = modulo(total, rest)
    answer = same(left, 0)
    if answer is NO:
        ctx.refute(VIEW, _text(sizes, "{expected}"), product(have), rest, x)
    if answer is not YES:
        ctx.learn_equal(left, 0)
        total, rest = ctx.resolve(total), ctx.resolve(rest)
    return floordiv(total, rest)


def _mixes_samples(
    ctx: Context, x: Tensor, sizes: list[Size | None], have: tuple[Size, ...]
) -> None:
    """``view(-1, k)`` of [batch, n] where neither of n and k divides the other: it fails for
    almost every batch, and where it does not the rows mix the samples."""
    if not have or len(have) < 2 or sizes[0] != -1:
        return
    batch = only_symbol(have[0])
    # A batch of a given size: a module's feature maps only; rows of a table go in groups.
    maps = ctx.instances and isinstance(have[0], int) and len(have) >= 4 and len(sizes) == 2
    if not maps and (batch is None or batch.kind != "input"):
        return
    sample = [s for s in have[1:] if isinstance(s, int)]
    row = [s for s in sizes[1:] if isinstance(s, int)]
    if len(sample) + 1 < len(have) or len(row) + 1 < len(sizes):
        return  # asked first: a product of long sizes takes its time
    values, rest = prod(sample), prod(row)
    if values and rest and values % rest and rest % values:
        ctx.refute(
            VIEW,
            "{name}: {got} values a sample{source} cannot be viewed in rows of {expected}: "
            "this fails or mixes the samples of a batch",
            rest, values, x,
        )  # fmt: skip


@function("Tensor.view_as", "Tensor.reshape_as", accepts=["zeros(2, 3).view_as(zeros(3, 2))"],
          rejects=["zeros(2, 3).view_as(zeros(4, 2))"])  # fmt: skip
def view_as(ctx: Context, input: Value, other: Value) -> Value:
    if not isinstance(other, Tensor):
        return ctx.unknown_tensor()
    if isinstance(input, Tensor) and ctx.dims(other) is not None:
        return reshaped(ctx, input, other.shape.dims)
    out = ctx.same_shape(other)
    out.dtype = input.dtype if isinstance(input, Tensor) else None
    return out


@function("torch.flatten", "Tensor.flatten",
          accepts=["torch.flatten(zeros(2, 3, 4))", "torch.flatten(zeros(2, 3, 4), 1)", "zeros(2, 3, 4).flatten(0, 1)",
                   "zeros(2, 3, 4).flatten(-2)", "zeros(2, 3, 4, 5).flatten(start_dim=1, end_dim=-2)", "zeros().flatten()"],
          rejects=["zeros(2, 3).flatten(2)", "zeros(2, 3, 4).flatten(2, 1)"])  # fmt: skip
def flatten(ctx: Context, input: Value, start_dim: Value = 0, end_dim: Value = -1) -> Value:
    if not isinstance(input, Tensor):
        return ctx.unknown_tensor()
    first, last = whole(ctx, start_dim), whole(ctx, end_dim)
    if first is None or last is None:
        return ctx.unknown_tensor(input.dtype)
    if ctx.rank(input) == 0:
        return ctx.tensor([1], like=input)
    if input.shape.lead:
        return _flattened_open(ctx, input, first, last)
    start, end = axis(ctx, input, first), axis(ctx, input, last)
    assert start is not None and end is not None
    if start > end:
        ctx.refute(VIEW, "{name}: start_dim comes after end_dim{source}", tensor=input)
    dims = dims_of(ctx, input)
    stop = len(dims) + end + 1
    start += len(dims)
    return ctx.tensor([*dims[:start], product(dims[start:stop]), *dims[stop:]], like=input)


def _flattened_open(ctx: Context, x: Tensor, first: int, last: int) -> Value:
    if first >= 0 and last == -1:  # the sizes in front stay, the rest is one size
        return ctx.tensor(
            [*(front(ctx, x, i) for i in range(first)), ctx.fresh("features", low=1)], like=x
        )
    if first < 0 and last < 0 and first <= last:
        sizes = ctx.last(x, -first)
        assert sizes is not None
        stop = len(sizes) + last + 1
        return ctx.replace_last(x, -first, (product(sizes[:stop]), *sizes[stop:]))
    if first >= 0 and last < 0:
        sizes = ctx.last(x, -last - 1)
        assert sizes is not None
        return ctx.tensor(
            [*(front(ctx, x, i) for i in range(first)), ctx.fresh(low=1), *sizes], like=x
        )
    return ctx.unknown_tensor(x.dtype)


@function("torch.ravel", "Tensor.ravel", accepts=["zeros(2, 3).ravel()", "torch.ravel(zeros())"])
def ravel(ctx: Context, input: Value) -> Value:
    return flatten(ctx, input)


@function("torch.unflatten", "Tensor.unflatten",
          accepts=["zeros(2, 12).unflatten(1, (3, 4))", "zeros(2, 12).unflatten(-1, (3, -1))",
                   "torch.unflatten(zeros(12, 2), 0, (4, 3))"],
          rejects=["zeros(2, 12).unflatten(1, (5, 4))", "zeros(2, 12).unflatten(1, (5, -1))"])  # fmt: skip
def unflatten(ctx: Context, input: Value, dim: Value, sizes: Value) -> Value:
    if not isinstance(input, Tensor):
        return ctx.unknown_tensor()
    listed = size_list(ctx, (sizes,)) if isinstance(sizes, Seq) else None
    where = axis(ctx, input, dim)
    if listed is None or where is None:
        return ctx.unknown_tensor(input.dtype)
    dims = dims_of(ctx, input)
    where += len(dims)
    new = _fitted(ctx, input, listed, (dims[where],))
    out = [*dims[:where], *new.shape.dims, *dims[where + 1 :]]
    return ctx.tensor(out, lead=input.shape, like=input)


@function("Tensor.as_strided", "torch.as_strided", accepts=["zeros(9).as_strided((2, 3), (1, 2))"])
def as_strided(
    ctx: Context, input: Value, size: Value, stride: Value, *args: Value, **kwargs: Value
) -> Value:
    listed = size_list(ctx, (size,))
    kind = input.dtype if isinstance(input, Tensor) else None
    if listed is None:
        return ctx.unknown_tensor(kind)
    return ctx.tensor([ctx.fresh() if s is None else s for s in listed], dtype=kind)
