"""Elements chosen by index tensors and masks: gather, scatter, index_select, masked_fill ..."""

from __future__ import annotations

from collections.abc import Callable

from lint_params.shape.context import Context
from lint_params.shape.ops import function
from lint_params.shape.ops.arguments import (
    BROADCAST,
    VIEW,
    axis,
    dims_of,
    known,
    not_a_tensor,
    whole,
)
from lint_params.shape.ops.broadcast import broadcast, joined, stays
from lint_params.shape.ops.index import index
from lint_params.shape.sizes.dim import NO, Size, at_least, same
from lint_params.shape.value import Seq, Shape, Tensor, Value


@function("torch.select", "Tensor.select", accepts=["zeros(2, 3).select(1, 0)", "torch.select(zeros(2, 3, 4), -1, 2)"],
          rejects=["zeros(2, 3).select(1, 3)", "zeros(2, 3).select(2, 0)"])  # fmt: skip
def select(ctx: Context, input: Value, dim: Value, index_: Value = None, **kwargs: Value) -> Value:
    number = kwargs.get("index", index_)
    if not isinstance(input, Tensor):
        return ctx.unknown_tensor()
    where = axis(ctx, input, dim)
    if where is None:
        rank = ctx.rank(input)
        return (
            ctx.unknown_tensor(input.dtype)
            if rank is None
            else ctx.tensor([ctx.fresh()] * max(rank - 1, 0), like=input)
        )
    items = [
        Ellipsis,
        number if whole(ctx, number) is not None else 0,
        *[slice(None)] * (-where - 1),
    ]
    if whole(ctx, number) is None:
        dims = dims_of(ctx, input)
        del dims[where]
        return ctx.tensor(dims, lead=input.shape, like=input)
    return index(ctx, input, items)


@function("torch.index_select", "Tensor.index_select",
          accepts=["torch.index_select(zeros(2, 5), 1, ints(3))", "zeros(4, 2).index_select(0, ints(6))"],
          rejects=["zeros(2, 5).index_select(2, ints(3))"])  # fmt: skip
def index_select(ctx: Context, input: Value, dim: Value, index: Value) -> Value:
    if not isinstance(input, Tensor):
        return ctx.unknown_tensor()
    count: Size = ctx.fresh("selected")
    if isinstance(index, Tensor):
        if ctx.rank(index) == 0:
            count = 1
        else:
            sizes = ctx.of_rank(index, 1)
            if sizes is None:
                ctx.refute(
                    VIEW,
                    "{name} takes a vector of indices, not {got} dimensions{source}",
                    1,
                    len(index.shape.dims),
                    index,
                )
                raise AssertionError
            count = sizes[0]
    where = axis(ctx, input, dim)
    if where is None:
        rank = ctx.rank(input)
        return (
            ctx.unknown_tensor(input.dtype)
            if rank is None
            else ctx.tensor([ctx.fresh()] * rank, like=input)
        )
    dims = dims_of(ctx, input)
    dims[where] = count
    return ctx.tensor(dims, lead=input.shape, like=input)


def _within(ctx: Context, index: Tensor, x: Tensor, where: int | None) -> None:
    """The index may not be larger than x except along the axis."""
    if index.shape.lead or x.shape.lead or where is None:
        return
    mine, theirs = dims_of(ctx, index), dims_of(ctx, x)
    if not mine or not theirs:
        return
    if len(mine) != len(theirs):
        ctx.refute(VIEW, "{name}: an index of {got} dimensions{source} for a tensor of {expected}",
                   len(theirs), len(mine), index)  # fmt: skip
    for place in range(-len(mine), 0):
        if place != where and at_least(theirs[place], mine[place]) is NO:
            ctx.refute(VIEW, f"{{name}}: the index has size {{got}}{{source}} in dimension {place} where the"
                       " tensor has {expected}", theirs[place], mine[place], index)  # fmt: skip


@function("torch.gather", "Tensor.gather",
          accepts=["torch.gather(zeros(2, 3), 1, ints(2, 5))", "zeros(4, 3).gather(0, ints(2, 3))", "zeros(2, 3).gather(1, index=ints(1, 1))"],
          rejects=["torch.gather(zeros(2, 3), 1, ints(3, 3))", "zeros(2, 3).gather(1, ints(2))", "zeros(2, 3).gather(2, ints(2, 3))"])  # fmt: skip
def gather(ctx: Context, input: Value, dim: Value, index: Value, **kwargs: Value) -> Value:
    kind = input.dtype if isinstance(input, Tensor) else None
    if not isinstance(index, Tensor):
        rank = ctx.rank(input) if isinstance(input, Tensor) else None
        return (
            ctx.unknown_tensor(kind)
            if rank is None
            else ctx.tensor([ctx.fresh() for _ in range(rank)], dtype=kind)
        )
    if isinstance(input, Tensor):
        _within(ctx, index, input, axis(ctx, input, dim))
    out = ctx.same_shape(index)
    out.dtype = kind
    return out


@function("torch.take_along_dim", "Tensor.take_along_dim",
          accepts=["torch.take_along_dim(zeros(2, 3), ints(2, 5), dim=1)", "zeros(2, 3).take_along_dim(ints(1, 3), 0)"],
          rejects=["torch.take_along_dim(zeros(2, 3), ints(3, 5), dim=1)", "torch.take_along_dim(zeros(2, 3), ints(2), dim=1)"])  # fmt: skip
def take_along_dim(ctx: Context, input: Value, indices: Value, dim: Value = None) -> Value:
    if not isinstance(input, Tensor) or not isinstance(indices, Tensor) or dim is None:
        return ctx.unknown_tensor()
    where = axis(ctx, input, dim)
    if where is None or input.shape.lead or indices.shape.lead:
        return ctx.unknown_tensor(input.dtype)
    mine, theirs = dims_of(ctx, input), dims_of(ctx, indices)
    if len(mine) != len(theirs):
        ctx.refute(VIEW, "{name}: an index of {got} dimensions{source} for a tensor of {expected}",
                   len(mine), len(theirs), indices)  # fmt: skip
    size = theirs[where]
    mine[where] = theirs[where] = 1
    out = joined(ctx, Shape(tuple(mine)), Shape(tuple(theirs)), BROADCAST, input, indices)
    out[where] = size
    return ctx.tensor(out, like=input)


def _scatter(
    ctx: Context,
    input: Value,
    dim: Value,
    index: Value = None,
    src: Value = None,
    *args: Value,
    **kwargs: Value,
) -> Value:
    if not isinstance(input, Tensor):
        return not_a_tensor(ctx, input)
    where = axis(ctx, input, dim)
    source = kwargs.get("value", src)
    if isinstance(index, Tensor):
        _within(ctx, index, input, where)
        if isinstance(source, Tensor):
            _within(ctx, index, source, 1)  # no axis is exempt
    return input if ctx.callee.endswith("_") else ctx.same_shape(input)


function("torch.scatter", "torch.scatter_add", "Tensor.scatter", "Tensor.scatter_", "Tensor.scatter_add", "Tensor.scatter_add_",
         accepts=["torch.scatter(zeros(2, 5), 1, ints(2, 3), zeros(2, 3))", "zeros(2, 5).scatter_(1, ints(2, 1), 1.0)",
                  "zeros(2, 5).scatter_add(1, ints(2, 3), zeros(2, 4))", "zeros(2, 5).scatter_(dim=1, index=ints(2, 1), value=1.0)"],
         rejects=["zeros(2, 5).scatter_(1, ints(3, 3), 1.0)", "zeros(2, 5).scatter_add_(1, ints(2, 3), zeros(2, 2))",
                  "zeros(2, 5).scatter_(1, ints(2), 1.0)"])(_scatter)  # fmt: skip
function("torch.scatter_reduce", "Tensor.scatter_reduce", "Tensor.scatter_reduce_",
         accepts=["zeros(2, 5).scatter_reduce(1, ints(2, 3), zeros(2, 3), 'sum')"])(_scatter)  # fmt: skip


@function("torch.index_add", "torch.index_copy", "Tensor.index_add", "Tensor.index_copy", "Tensor.index_add_", "Tensor.index_copy_",
          accepts=["zeros(5, 2).index_add_(0, ints(3), zeros(3, 2))", "torch.index_copy(zeros(5, 2), 0, ints(3), zeros(3, 2))"])  # fmt: skip
def index_add(
    ctx: Context, input: Value, dim: Value, index: Value, *args: Value, **kwargs: Value
) -> Value:
    return input


@function("Tensor.index_fill", "Tensor.index_fill_", "torch.index_fill", "Tensor.masked_scatter", "Tensor.masked_scatter_",
          "torch.masked_scatter", "Tensor.index_put", "Tensor.index_put_", "torch.index_put",
          accepts=["zeros(5, 2).index_fill_(0, ints(3), 1.0)"])  # fmt: skip
def put(ctx: Context, input: Value, *args: Value, **kwargs: Value) -> Value:
    return input


@function("torch.masked_fill", "Tensor.masked_fill",
          accepts=["zeros(2, 3).masked_fill(zeros(3) > 0, 1.0)", "torch.masked_fill(zeros(2, 3), zeros(2, 1) > 0, 0)",
                   "zeros(3).masked_fill(zeros(2, 3) > 0, 1.0)"],
          rejects=["zeros(2, 3).masked_fill(zeros(2) > 0, 1.0)"])  # fmt: skip
def masked_fill(ctx: Context, input: Value, mask: Value, value: Value) -> Value:
    out = broadcast(ctx, input, mask)
    if isinstance(out, Tensor):
        out.dtype = input.dtype if isinstance(input, Tensor) else None
    return out


@function("Tensor.masked_fill_", accepts=["zeros(2, 3).masked_fill_(zeros(3) > 0, 1.0)"],
          rejects=["zeros(2, 3).masked_fill_(zeros(2) > 0, 1.0)"])  # fmt: skip
def masked_fill_(ctx: Context, input: Value, mask: Value, value: Value) -> Value:
    if not isinstance(input, Tensor):
        return not_a_tensor(ctx, input)
    stays(ctx, input, mask)
    return input


@function(
    "torch.masked_select",
    "Tensor.masked_select",
    rejects=["zeros(2, 3).masked_select(zeros(2) > 0)"],
)
def masked_select(ctx: Context, input: Value, mask: Value) -> Value:
    broadcast(ctx, input, mask)
    return ctx.tensor(
        [ctx.fresh("selected")], dtype=input.dtype if isinstance(input, Tensor) else None
    )


@function("torch.take", "Tensor.take", accepts=["torch.take(zeros(2, 3), ints(4, 5))"])
def take(ctx: Context, input: Value, index: Value) -> Value:
    out = ctx.same_shape(index) if isinstance(index, Tensor) else ctx.unknown_tensor()
    out.dtype = input.dtype if isinstance(input, Tensor) else None
    return out


@function("torch.nonzero", "Tensor.nonzero", "torch.argwhere", "Tensor.argwhere")
def nonzero(ctx: Context, input: Value, *, as_tuple: Value = False, out: Value = None) -> Value:
    rank = ctx.rank(input) if isinstance(input, Tensor) else None
    count = ctx.fresh("nonzero")
    if as_tuple is True:
        if rank is None:
            return ctx.unknown("nonzero of a tensor of unknown rank")
        return Seq([ctx.tensor([count], dtype="int") for _ in range(max(rank, 1))], "tuple")
    return ctx.tensor([count, ctx.fresh("rank") if rank is None else rank], dtype="int")


@function("torch.unique", "torch.unique_consecutive", "Tensor.unique", "Tensor.unique_consecutive")
def unique(ctx: Context, input: Value, *args: Value, **kwargs: Value) -> Value:
    flags = [kwargs.get("return_inverse", False), kwargs.get("return_counts", False)]
    if args or any(f not in (True, False) for f in flags) or not isinstance(input, Tensor):
        return ctx.unknown("torch.unique")
    count = ctx.fresh("unique")
    if kwargs.get("dim") is None:
        values: Value = ctx.tensor([count], like=input)
    else:
        where = axis(ctx, input, kwargs["dim"])
        if where is None:
            return ctx.unknown("torch.unique")
        dims = dims_of(ctx, input)
        dims[where] = count
        values = ctx.tensor(dims, lead=input.shape, like=input)
    if not any(flags):
        return values
    out = [values]
    if flags[0]:
        inverse = (
            ctx.unknown_tensor("int")
            if kwargs.get("dim") is not None
            else ctx.same_shape(input, "int")
        )
        out.append(inverse)
    if flags[1]:
        out.append(ctx.tensor([count], dtype="int"))
    return Seq(out, "tuple")


@function("torch.searchsorted", accepts=["torch.searchsorted(zeros(5), zeros(2, 3))", "torch.searchsorted(zeros(2, 5), zeros(2, 3))"],
          rejects=["torch.searchsorted(zeros(2, 5), zeros(3, 3))"])  # fmt: skip
def searchsorted(
    ctx: Context, sorted_sequence: Value, input: Value, *args: Value, **kwargs: Value
) -> Value:
    if not isinstance(input, Tensor):
        return (
            ctx.tensor((), dtype="int")
            if isinstance(input, (int, float))
            else ctx.unknown_tensor("int")
        )
    base = ctx.dims(sorted_sequence) if isinstance(sorted_sequence, Tensor) else None
    dims = ctx.dims(input)
    if base is not None and dims is not None and len(base) > 1:
        for a, b in zip(base[:-1], dims[:-1]):
            if len(base) != len(dims) or same(a, b) is NO:
                ctx.refute(VIEW, "{name}: the leading sizes differ{source}", a, b, input)
    return ctx.same_shape(input, "int")


@function("torch.bucketize", accepts=["torch.bucketize(zeros(2, 3), zeros(5))"])
def bucketize(ctx: Context, input: Value, boundaries: Value, **kwargs: Value) -> Value:
    return ctx.same_shape(input, "int") if isinstance(input, Tensor) else ctx.unknown_tensor("int")


def _counts(size: Callable[[Context, Value], Size | None]) -> Callable[..., Value]:
    def call(ctx: Context, input: Value, *args: Value, **kwargs: Value) -> Value:
        return ctx.tensor(
            known(ctx, [size(ctx, args[0] if args else kwargs.get("bins", 100))]), dtype=None
        )

    return call


function("torch.histc", "Tensor.histc")(_counts(lambda ctx, bins: ctx.size(bins)))
function("torch.bincount", "Tensor.bincount")(_counts(lambda ctx, bins: None))
