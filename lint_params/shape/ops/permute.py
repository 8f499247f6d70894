"""Axes moved, taken away and put in: permute, transpose, squeeze, unsqueeze and their kind."""

from __future__ import annotations

from collections.abc import Callable

from lint_params.shape.context import Context
from lint_params.shape.ops import function
from lint_params.shape.ops.arguments import VIEW, axes, axis, dims_of, keep_front, whole
from lint_params.shape.sizes.dim import (
    NO,
    YES,
    Size,
    add,
    at_least,
    floordiv,
    minimum,
    same,
    sub,
)
from lint_params.shape.value import Seq, Tensor, Value


def _any(ctx: Context, input: Value) -> Tensor:
    """An open tensor with nothing known, for the result of an op that cannot be followed."""
    return ctx.unknown_tensor(input.dtype if isinstance(input, Tensor) else None)


@function("torch.permute", "Tensor.permute",
          accepts=["zeros(2, 3, 4).permute(2, 0, 1)", "zeros(2, 3, 4).permute((0, -1, 1))",
                   "torch.permute(zeros(2, 3), (1, 0))", "zeros(2, 3).permute(dims=(1, 0))"],
          rejects=["zeros(2, 3, 4).permute(0, 1)", "zeros(2, 3).permute(0, 2, 1)", "zeros(2, 3).permute(0, 0)",
                   "zeros(2, 3).permute(0, 2)"])  # fmt: skip
def permute(ctx: Context, input: Value, *dims: Value, **kwargs: Value) -> Value:
    items = list(dims or kwargs.values())
    if len(items) == 1 and isinstance(items[0], Seq):
        items = items[0].items
    elif len(items) == 1 and not isinstance(items[0], int):
        return _any(ctx, input)
    order = [whole(ctx, item) for item in items]
    if not isinstance(input, Tensor):
        return ctx.tensor([ctx.fresh() for _ in order])
    sizes = ctx.of_rank(input, len(order))
    if sizes is None:
        ctx.refute(
            VIEW, "{name} orders {got} dimensions but the tensor has {expected}{source}",
            len(input.shape.dims), len(order), input,
        )  # fmt: skip
        raise AssertionError
    if any(o is None for o in order):
        return ctx.tensor([ctx.fresh() for _ in order], like=input)
    places = [axis(ctx, input, o) for o in order]
    if len(set(places)) < len(places):
        ctx.refute(VIEW, "{name}: a dimension is named twice{source}", tensor=input)
    return ctx.tensor([sizes[p] for p in places if p is not None], like=input)


@function("torch.transpose", "Tensor.transpose", "torch.swapaxes", "torch.swapdims", "Tensor.swapaxes",
          "Tensor.swapdims", "Tensor.transpose_",
          accepts=["zeros(2, 3, 4).transpose(1, 2)", "torch.transpose(zeros(2, 3), 0, 1)", "zeros(2, 3, 4).transpose(-1, 0)",
                   "zeros(2, 3).swapaxes(0, 1)", "zeros(2, 3, 4).transpose(1, 1)"],
          rejects=["zeros(2, 3).transpose(1, 2)", "torch.transpose(zeros(2, 3), -3, 0)"])  # fmt: skip
def transpose(ctx: Context, input: Value, dim0: Value, dim1: Value) -> Value:
    if not isinstance(input, Tensor):
        return _any(ctx, input)
    one, two = axis(ctx, input, dim0), axis(ctx, input, dim1)
    if one is None or two is None:
        first, second = whole(ctx, dim0), whole(ctx, dim1)
        out = _any(ctx, input)
        rank = ctx.rank(input)
        if rank is not None:
            return ctx.tensor([ctx.fresh() for _ in range(rank)], like=input)
        if first is not None and second is not None and min(first, second) >= 0:
            keep_front(input, out, min(first, second))
        return out
    dims = dims_of(ctx, input)
    dims[one], dims[two] = dims[two], dims[one]
    return ctx.tensor(dims, lead=input.shape, like=input)


@function("torch.t", "Tensor.t", "Tensor.t_", accepts=["zeros(2, 3).t()", "torch.t(zeros(4))"],
          rejects=["zeros(2, 3, 4).t()"])  # fmt: skip
def t(ctx: Context, input: Value) -> Value:
    if not isinstance(input, Tensor) or input.shape.lead:
        return _any(ctx, input)
    dims = dims_of(ctx, input)
    if len(dims) > 2:
        ctx.refute(
            VIEW, "{name} takes at most 2 dimensions, not {got}{source}", 2, len(dims), input
        )
    return ctx.tensor(dims[::-1], like=input)


@function("torch.adjoint", "Tensor.adjoint", accepts=["zeros(2, 3, 4).adjoint()"])
def adjoint(ctx: Context, input: Value) -> Value:
    return transpose(ctx, input, -2, -1)


@function("torch.movedim", "Tensor.movedim", "torch.moveaxis", "Tensor.moveaxis",
          accepts=["zeros(2, 3, 4).movedim(0, -1)", "torch.movedim(zeros(2, 3, 4), (0, 1), (1, 2))",
                   "zeros(2, 3, 4, 5).movedim(-1, 1)"],
          rejects=["zeros(2, 3).movedim(0, 2)"])  # fmt: skip
def movedim(ctx: Context, input: Value, source: Value, destination: Value) -> Value:
    if not isinstance(input, Tensor):
        return _any(ctx, input)
    from_, to = axes(ctx, input, source), axes(ctx, input, destination)
    if input.shape.lead or from_ is None or to is None or len(from_) != len(to):
        return _any(ctx, input)
    dims = dims_of(ctx, input)
    order: list[int | None] = [None] * len(dims)
    for a, b in zip(from_, to):
        order[b] = a + len(dims)
    rest = iter(i for i in range(len(dims)) if i - len(dims) not in from_)
    return ctx.tensor([dims[next(rest) if o is None else o] for o in order], like=input)


@function("torch.squeeze", "Tensor.squeeze", "Tensor.squeeze_",
          accepts=["zeros(2, 1, 3, 1).squeeze()", "zeros(2, 1, 3, 1).squeeze(1)", "zeros(2, 1).squeeze(0)",
                   "zeros(2, 1, 3, 1).squeeze((1, 3))", "torch.squeeze(zeros(1, 2, 1), -1)", "zeros(1).squeeze(0)"],
          rejects=["zeros(2, 1).squeeze(2)"])  # fmt: skip
def squeeze(ctx: Context, input: Value, dim: Value = None) -> Value:
    if not isinstance(input, Tensor):
        return _any(ctx, input)
    where = list(range(-len(input.shape.dims), 0)) if dim is None else axes(ctx, input, dim)
    dims = dims_of(ctx, input)
    if where is None:
        return ctx.tensor([], like=input) if ctx.rank(input) == 0 else _any(ctx, input)
    if dim is None and input.shape.lead:
        return _any(ctx, input)
    out: list[Size] = []
    for place in range(-1, -len(dims) - 1, -1):
        size = dims[place]
        answer = same(size, 1) if place in where else NO
        if answer is NO:
            out.insert(0, size)
        elif answer is not YES:
            # It goes or it stays: what comes behind is known all the same.
            result = ctx.tensor(out, lead=True, like=input)
            if not input.shape.lead and len(where) == 1:
                result.shape.front = dict(enumerate(dims[: place + len(dims)]))
            return result
    return ctx.tensor(out, lead=input.shape, like=input)


@function("torch.unsqueeze", "Tensor.unsqueeze", "Tensor.unsqueeze_",
          accepts=["zeros(2, 3).unsqueeze(0)", "zeros(2, 3).unsqueeze(-1)", "torch.unsqueeze(zeros(2, 3), 1)",
                   "zeros().unsqueeze(0)", "zeros(2, 3).unsqueeze(-3)"],
          rejects=["zeros(2, 3).unsqueeze(3)", "zeros(2, 3).unsqueeze(-4)"])  # fmt: skip
def unsqueeze(ctx: Context, input: Value, dim: Value) -> Value:
    if not isinstance(input, Tensor):
        return _any(ctx, input)
    number = whole(ctx, dim)
    dims = dims_of(ctx, input)
    if number is None:
        return _any(ctx, input)
    if input.shape.lead and number >= 0:
        # However many sizes there are, those known from ``number`` on stay behind it.
        out = ctx.tensor(dims[number:], lead=True, like=input)
        if number:
            keep_front(input, out, number)
        out.shape.front[number] = 1
        return out
    place = axis(ctx, input, number, extra=1)
    assert place is not None
    dims = dims_of(ctx, input)
    at = len(dims) + 1 + place
    return ctx.tensor([*dims[:at], 1, *dims[at:]], lead=input.shape, like=input)


@function("torch.flip", "Tensor.flip", "torch.roll", "Tensor.roll", "torch.fliplr", "torch.flipud",
          accepts=["zeros(2, 3).flip(0)", "torch.flip(zeros(2, 3), [0, 1])", "torch.roll(zeros(2, 3), 1, 0)",
                   "zeros(2, 3).roll(shifts=(1, 1), dims=(0, 1))"])  # fmt: skip
def flip(ctx: Context, input: Value, *args: Value, **kwargs: Value) -> Value:
    return ctx.same_shape(input) if isinstance(input, Tensor) else _any(ctx, input)


@function(
    "torch.rot90",
    "Tensor.rot90",
    accepts=["torch.rot90(zeros(2, 3), 1, [0, 1])", "zeros(2, 3).rot90(2)"],
)
def rot90(ctx: Context, input: Value, k: Value = 1, dims: Value = None) -> Value:
    turns = whole(ctx, k)
    pair = dims.items if isinstance(dims, Seq) else [0, 1]
    if turns is None or len(pair) != 2:
        return _any(ctx, input)
    return transpose(ctx, input, pair[0], pair[1]) if turns % 2 else flip(ctx, input)


def _with_axis(
    ctx: Context, input: Value, dim: Value, change: Callable[[Tensor, Size], Size]
) -> Value:
    """The tensor with the size of one axis changed."""
    if not isinstance(input, Tensor):
        return _any(ctx, input)
    where = axis(ctx, input, dim)
    if where is None:
        rank = ctx.rank(input)
        return (
            _any(ctx, input)
            if rank is None
            else ctx.tensor([ctx.fresh() for _ in range(rank)], like=input)
        )
    dims = dims_of(ctx, input)
    dims[where] = change(input, dims[where])
    return ctx.tensor(dims, lead=input.shape, like=input)


@function("torch.narrow", "Tensor.narrow", accepts=["zeros(2, 5).narrow(1, 1, 3)", "torch.narrow(zeros(5), 0, -2, 2)"],
          rejects=["zeros(2, 5).narrow(1, 3, 3)", "zeros(2, 5).narrow(2, 0, 1)"])  # fmt: skip
def narrow(ctx: Context, input: Value, dim: Value, start: Value, length: Value) -> Value:
    count, first = ctx.size(length), ctx.size(start)

    def change(x: Tensor, size: Size) -> Size:
        if count is None:
            return ctx.fresh()
        if (
            first is not None
            and at_least(first, 0) is YES
            and at_least(size, add(first, count)) is NO
        ):
            ctx.refute(
                VIEW,
                "{name} takes {expected} of {got} elements{source}",
                add(first, count),
                size,
                x,
            )
        return count

    return _with_axis(ctx, input, dim, change)


@function("Tensor.unfold", accepts=["zeros(2, 7).unfold(1, 3, 2)", "zeros(7).unfold(0, 2, 1)", "zeros(2, 7, 4).unfold(1, 3, 1)"],
          rejects=["zeros(2, 7).unfold(1, 8, 1)", "zeros(2, 7).unfold(2, 1, 1)"])  # fmt: skip
def unfold(ctx: Context, input: Value, dimension: Value, size: Value, step: Value) -> Value:
    width, by = ctx.size(size), ctx.size(step)

    def change(x: Tensor, whole_size: Size) -> Size:
        if width is None or by is None:
            return ctx.fresh()
        if at_least(whole_size, width) is NO:
            ctx.refute(
                VIEW,
                "{name} takes windows of {expected} from {got} elements{source}",
                width,
                whole_size,
                x,
            )
        return add(floordiv(sub(whole_size, width), by), 1)

    out = _with_axis(ctx, input, dimension, change)
    if not isinstance(out, Tensor) or (out.shape.lead and not out.shape.dims):
        return _any(ctx, input)
    last = ctx.fresh() if width is None else width
    return ctx.tensor([*out.shape.dims, last], lead=out.shape, like=out)


@function("torch.diagonal", "Tensor.diagonal",
          accepts=["torch.diagonal(zeros(3, 4))", "zeros(2, 3, 4).diagonal(dim1=1, dim2=2)", "zeros(5, 5).diagonal(1)"],
          rejects=["zeros(3).diagonal()"])  # fmt: skip
def diagonal(
    ctx: Context, input: Value, offset: Value = 0, dim1: Value = 0, dim2: Value = 1
) -> Value:
    if not isinstance(input, Tensor):
        return _any(ctx, input)
    one, two = axis(ctx, input, dim1), axis(ctx, input, dim2)
    if one is None or two is None:
        return _any(ctx, input)
    if one == two:
        ctx.refute(VIEW, "{name}: a dimension is named twice{source}", tensor=input)
    dims = dims_of(ctx, input)
    by = whole(ctx, offset)
    height, width = dims[one], dims[two]
    size: Size = ctx.fresh()
    if by is not None:
        size = minimum(height if by >= 0 else add(height, by), sub(width, by) if by >= 0 else width)
    rest = [d for i, d in enumerate(dims) if i - len(dims) not in (one, two)]
    return ctx.tensor([*rest, size], lead=input.shape, like=input)


@function("torch.diag", "Tensor.diag", accepts=["torch.diag(zeros(3))", "torch.diag(zeros(3, 4))"],
          rejects=["torch.diag(zeros(2, 3, 4))"])  # fmt: skip
def diag(ctx: Context, input: Value, diagonal_: Value = 0, **kwargs: Value) -> Value:
    if not isinstance(input, Tensor) or input.shape.lead or kwargs or diagonal_ != 0:
        return _any(ctx, input)
    dims = dims_of(ctx, input)
    if len(dims) not in (1, 2):
        ctx.refute(
            VIEW, f"{{name}} takes 1 or 2 dimensions, not {len(dims)}{{source}}", tensor=input
        )
    return ctx.tensor(dims * 2 if len(dims) == 1 else [minimum(*dims)], like=input)


@function("torch.diag_embed", "Tensor.diag_embed", accepts=["torch.diag_embed(zeros(2, 3))"])
def diag_embed(
    ctx: Context, input: Value, offset: Value = 0, dim1: Value = -2, dim2: Value = -1
) -> Value:
    if not isinstance(input, Tensor) or (offset, dim1, dim2) != (0, -2, -1):
        return _any(ctx, input)
    last = ctx.last(input, 1)
    return _any(ctx, input) if last is None else ctx.replace_last(input, 1, (last[0], last[0]))
