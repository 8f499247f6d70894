"""expand, repeat and their kind: sizes of 1 made larger, or everything several times."""

from __future__ import annotations

from lint_params.shape.context import Context
from lint_params.shape.ops import function
from lint_params.shape.ops.arguments import (
    BROADCAST,
    VIEW,
    axis,
    dims_of,
    known,
    size_list,
    tensors,
)
from lint_params.shape.ops.broadcast import joined
from lint_params.shape.sizes.dim import NO, Size, mul, product, same
from lint_params.shape.value import Seq, Shape, ShapeOf, Tensor, Unknown, Value, only_symbol


@function("Tensor.expand",
          accepts=["zeros(2, 1).expand(2, 5)", "zeros(3).expand(2, 3)", "zeros(2, 1).expand(-1, 4)", "zeros(1, 3).expand((4, -1))",
                   "zeros(1, 3).expand(zeros(5, 3).shape)", "zeros().expand(2)"],
          rejects=["zeros(2, 3).expand(2, 4)", "zeros(2, 3).expand(3)", "zeros(3).expand(-1, 3)"])  # fmt: skip
def expand(ctx: Context, input: Value, *size: Value, **kwargs: Value) -> Value:
    return expanded(ctx, input, size or tuple(kwargs.values()))


@function("torch.broadcast_to", "Tensor.broadcast_to",
          accepts=["torch.broadcast_to(zeros(3), (2, 3))"], rejects=["torch.broadcast_to(zeros(3), (2, 4))"])  # fmt: skip
def broadcast_to(ctx: Context, input: Value, size: Value) -> Value:
    return expanded(ctx, input, (size,))


@function(
    "Tensor.expand_as",
    accepts=["zeros(3).expand_as(zeros(2, 3))"],
    rejects=["zeros(2).expand_as(zeros(2, 3))"],
)
def expand_as(ctx: Context, input: Value, other: Value) -> Value:
    if not isinstance(other, Tensor):
        return ctx.unknown_tensor()
    if ctx.dims(other) is None:
        return ctx.same_shape(other)
    return expanded(ctx, input, other.shape.dims)


def expanded(ctx: Context, input: Value, size: tuple[Value, ...]) -> Value:
    kind = input.dtype if isinstance(input, Tensor) else None
    sizes = size_list(ctx, size)
    if sizes is None:
        only = size[0] if len(size) == 1 else None
        if isinstance(only, ShapeOf) and only.drop == 0:
            return Tensor(only.tensor.shape, kind, ctx.tensor(()).origin)
        return ctx.unknown_tensor(kind)
    have = dims_of(ctx, input) if isinstance(input, Tensor) else []
    sure = isinstance(input, Tensor) and not input.shape.lead
    if isinstance(input, Tensor) and len(have) > len(sizes):
        ctx.refute(
            VIEW,
            "{name} to {got} dimensions: the tensor has {expected}{source}",
            len(have),
            len(sizes),
            input,
        )
    out: list[Size] = []
    for index in range(-1, -len(sizes) - 1, -1):
        wanted = sizes[index]
        old = have[index] if index >= -len(have) else None
        if wanted == -1:
            if old is None and sure:
                ctx.refute(VIEW, "{name}: -1 for a dimension that the tensor does not have{source}",
                           tensor=input)  # fmt: skip
            out.append(ctx.fresh() if old is None else old)
        elif wanted is None:
            out.append(ctx.fresh() if old is None or old == 1 else old)
        else:
            if old is not None and same(old, 1) is NO:
                if same(old, wanted) is NO or (index == -len(have) < -2 and _of_batch(input, old, wanted)):
                    ctx.refute(VIEW, "{name} to size {got} in a dimension of size {expected}{source}",
                               old, wanted, input)  # fmt: skip
                ctx.learn_equal(old, wanted)
            out.append(wanted)
    return ctx.tensor(out[::-1], dtype=kind)


def _of_batch(x: Value, have: Size, wanted: Size) -> bool:
    """Whether a Parameter's number of rows is to be an input's: it is that of one batch only."""
    symbol = only_symbol(wanted)
    parameter = isinstance(x, Tensor) and x.param is not None
    return parameter and isinstance(have, int) and symbol is not None and symbol.kind == "input"


@function("Tensor.repeat",
          accepts=["zeros(2, 3).repeat(2, 1)", "zeros(3).repeat(4, 2)", "zeros(2, 3).repeat((1, 1, 2))", "zeros(3).repeat(2)", "zeros(3).repeat(repeats=(4, 2))"],
          rejects=["zeros(2, 3).repeat(2)"])  # fmt: skip
def repeat(ctx: Context, input: Value, *numbers: Value, **kwargs: Value) -> Value:
    if kwargs.keys() - {"repeats"}:
        return Unknown("arguments do not fit")  # NumPy's has an axis
    sizes = size_list(ctx, numbers or tuple(kwargs.values()))
    kind = input.dtype if isinstance(input, Tensor) else None
    if sizes is None:
        return ctx.unknown_tensor(kind)
    have = dims_of(ctx, input) if isinstance(input, Tensor) else []
    if len(have) > len(sizes):
        ctx.refute(VIEW, "{name} of {got} numbers: the tensor has {expected} dimensions{source}",
                   len(have), len(sizes), input if isinstance(input, Tensor) else None)  # fmt: skip
    sure = isinstance(input, Tensor) and not input.shape.lead
    return ctx.tensor(_times(ctx, have, sizes, sure), dtype=kind)


def _times(ctx: Context, have: list[Size], times: list[Size | None], sure: bool) -> list[Size]:
    """Sizes aligned at the end and multiplied; a missing size is 1 where the rank is sure."""
    out: list[Size] = []
    for index in range(-1, -max(len(have), len(times)) - 1, -1):
        factor = times[index] if index >= -len(times) else 1
        size: Size | None = have[index] if index >= -len(have) else (1 if sure else None)
        out.append(ctx.fresh() if factor is None or size is None else mul(size, factor))
    return out[::-1]


@function("torch.tile", "Tensor.tile",
          accepts=["torch.tile(zeros(2, 3), (2,))", "zeros(3).tile((4, 2))", "zeros(2, 3).tile(1, 2)"])  # fmt: skip
def tile(ctx: Context, input: Value, *dims: Value) -> Value:
    sizes = size_list(ctx, dims)
    if not isinstance(input, Tensor) or sizes is None:
        return ctx.unknown_tensor(input.dtype if isinstance(input, Tensor) else None)
    have = dims_of(ctx, input)
    if input.shape.lead:
        count = min(len(have), len(sizes))
        out = _times(ctx, have[len(have) - count :], sizes[len(sizes) - count :], True)
        return ctx.tensor(out, lead=True, like=input)
    return ctx.tensor(_times(ctx, have, sizes, True), like=input)


@function("torch.repeat_interleave", "Tensor.repeat_interleave",
          accepts=["zeros(2, 3).repeat_interleave(2, dim=1)", "torch.repeat_interleave(zeros(2, 3), 2)",
                   "zeros(2, 3).repeat_interleave(3, 0)"],
          rejects=["zeros(2, 3).repeat_interleave(2, dim=2)"])  # fmt: skip
def repeat_interleave(
    ctx: Context,
    input: Value,
    repeats: Value = None,
    dim: Value = None,
    *,
    output_size: Value = None,
) -> Value:
    if not isinstance(input, Tensor):
        return ctx.unknown_tensor()
    count, total = ctx.size(repeats), ctx.size(output_size)
    if dim is None:
        dims = ctx.dims(input)
        if total is not None:
            return ctx.tensor([total], like=input)
        known_size = dims is not None and count is not None
        return ctx.tensor(
            [mul(product(dims or ()), count or 0) if known_size else ctx.fresh()], like=input
        )
    if ctx.rank(input) == 0:
        ctx.refute(VIEW, "{name}: a scalar has no dimension{source}", tensor=input)
    where = axis(ctx, input, dim)
    if where is None:
        rank = ctx.rank(input)
        new = None if rank is None else [ctx.fresh() for _ in range(rank)]
        return ctx.unknown_tensor(input.dtype) if new is None else ctx.tensor(new, like=input)
    sizes = dims_of(ctx, input)
    sizes[where] = (
        total if total is not None else ctx.fresh() if count is None else mul(sizes[where], count)
    )
    return ctx.tensor(sizes, lead=input.shape, like=input)


@function("torch.broadcast_tensors",
          accepts=["torch.broadcast_tensors(zeros(2, 1), zeros(3))"], rejects=["torch.broadcast_tensors(zeros(2, 2), zeros(3))"])  # fmt: skip
def broadcast_tensors(ctx: Context, *arrays: Value) -> Value:
    given = arrays[0] if len(arrays) == 1 and isinstance(arrays[0], Seq) else Seq(list(arrays))
    listed = tensors(given)
    if listed is None:
        return Seq([ctx.unknown_tensor() for _ in given.items], "tuple")
    shape = Shape(())
    for x in listed:
        shape = Shape(
            tuple(joined(ctx, shape, x.shape, BROADCAST, None, x)), shape.lead or x.shape.lead
        )
    return Seq([ctx.tensor(shape.dims, lead=shape.lead, like=x) for x in listed], "tuple")


@function("torch.broadcast_shapes", accepts=["torch.broadcast_shapes((2, 1), (3,))"],
          rejects=["torch.broadcast_shapes((2, 2), (3,))"])  # fmt: skip
def broadcast_shapes(ctx: Context, *shapes: Value) -> Value:
    shape = Shape(())
    for given in shapes:
        sizes = size_list(ctx, (given,))
        if sizes is None:
            return ctx.unknown("broadcast of an unknown shape")
        shape = Shape(tuple(joined(ctx, shape, Shape(tuple(known(ctx, sizes))))))
    return Seq(list(shape.dims), "size")


def _at_least(ctx: Context, input: Value, rank: int) -> Value:
    """The tensor with at least so many axes, as numpy adds them."""
    if not isinstance(input, Tensor) or input.shape.lead:
        return ctx.unknown_tensor()
    dims = dims_of(ctx, input)
    missing = rank - len(dims)
    if missing <= 0:
        return ctx.same_shape(input)
    if rank < 3 or len(dims) == 0:
        return ctx.tensor([*[1] * missing, *dims], like=input)
    return ctx.tensor([1, *dims, 1] if len(dims) == 1 else [*dims, 1], like=input)


for _rank in (1, 2, 3):

    def _call(ctx: Context, *arrays: Value, rank: int = _rank) -> Value:
        if len(arrays) == 1 and not isinstance(arrays[0], Seq):
            return _at_least(ctx, arrays[0], rank)
        items = arrays[0].items if len(arrays) == 1 else arrays
        return Seq([_at_least(ctx, x, rank) for x in items], "tuple")

    function(
        f"torch.atleast_{_rank}d",
        accepts=[
            f"torch.atleast_{_rank}d(zeros())",
            f"torch.atleast_{_rank}d(zeros(2))",
            f"torch.atleast_{_rank}d(zeros(2, 3))",
        ],
    )(_call)


@function("torch.outer", "Tensor.outer", "torch.ger", accepts=["torch.outer(zeros(2), zeros(3))"],
          rejects=["torch.outer(zeros(2, 1), zeros(3))"])  # fmt: skip
def outer(ctx: Context, input: Value, vec2: Value) -> Value:
    sizes: list[Size] = []
    for x in (input, vec2):
        if not isinstance(x, Tensor):
            sizes.append(ctx.fresh())
            continue
        dims = ctx.of_rank(x, 1)
        if dims is None:
            ctx.refute(
                VIEW, "{name} takes vectors, not {got} dimensions{source}", 1, len(x.shape.dims), x
            )
            raise AssertionError
        sizes.append(dims[0])
    return ctx.tensor(sizes, like=input if isinstance(input, Tensor) else None)
