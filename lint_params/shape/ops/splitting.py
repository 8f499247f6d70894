"""Tensors taken apart: split, chunk, unbind and their kind."""

from __future__ import annotations

from itertools import pairwise

from lint_params.shape.context import Context
from lint_params.shape.ops import function
from lint_params.shape.ops.arguments import JOIN, axis, dims_of, front, size_list, whole
from lint_params.shape.ops.index import sliced
from lint_params.shape.sizes.dim import (
    NO,
    YES,
    Size,
    add,
    at_least,
    floordiv,
    modulo,
    mul,
    same,
    sub,
)
from lint_params.shape.value import AnySeq, Seq, Tensor, Value

LIMIT = 512  # pieces that are listed one by one


def _pieces(ctx: Context, x: Tensor, where: int | None, sizes: list[Size]) -> Value:
    """A tuple of tensors with these sizes along an axis."""
    out: list[Value] = []
    for size in sizes:
        if where is None:
            rank = ctx.rank(x)
            out.append(
                ctx.unknown_tensor(x.dtype)
                if rank is None
                else ctx.tensor([ctx.fresh()] * rank, like=x)
            )
            continue
        dims = dims_of(ctx, x)
        dims[where] = size
        out.append(ctx.tensor(dims, lead=x.shape, like=x))
    return Seq(out, "tuple")


def _any_number(ctx: Context, x: Value, where: int | None, size: Size | None = None) -> Value:
    """A tuple of tensors of unknown length."""

    def element(i: int) -> Value:
        if not isinstance(x, Tensor):
            return ctx.unknown_tensor()
        dims = dims_of(ctx, x)
        if where is None or -where > len(dims):  # by then the path may know less of x
            return ctx.unknown_tensor(x.dtype)
        dims[where] = ctx.fresh() if size is None else size
        return ctx.tensor(dims, lead=x.shape, like=x)

    return AnySeq("pieces", element, ctx.fresh("pieces", "pieces", 1))


def _extent(ctx: Context, x: Tensor, dim: Value) -> tuple[int | None, Size | None]:
    """The axis, and the size of x along it."""
    where = axis(ctx, x, dim, JOIN)
    if where is not None:
        return where, dims_of(ctx, x)[where]
    number = whole(ctx, dim)
    if x.shape.lead and number is not None and number >= 0:
        return None, front(ctx, x, number)
    return None, None


@function("torch.split", "Tensor.split", "torch.split_with_sizes", "Tensor.split_with_sizes",
          accepts=["torch.split(zeros(6, 3), 2)", "zeros(7, 3).split(3)", "zeros(2, 10).split([3, 7], dim=1)",
                   "torch.split(zeros(2, 9), (2, 3, 4), -1)", "zeros(2, 3).split(5, 1)"],
          rejects=["zeros(2, 10).split([3, 6], dim=1)", "torch.split(zeros(2, 10), [5, 5, 1], 1)", "zeros(2, 3).split(1, 2)"])  # fmt: skip
def split(
    ctx: Context,
    tensor: Value,
    split_size_or_sections: Value = None,
    dim: Value = 0,
    **kwargs: Value,
) -> Value:
    wanted = kwargs.get("split_size", kwargs.get("split_sizes", split_size_or_sections))
    sections = size_list(ctx, (wanted,)) if isinstance(wanted, Seq) else None
    if not isinstance(tensor, Tensor):
        if sections is None:
            return _any_number(ctx, tensor, None)
        return Seq([ctx.unknown_tensor() for _ in sections], "tuple")
    where, whole_size = _extent(ctx, tensor, dim)
    if sections is not None:
        known_sizes = [ctx.fresh() if s is None else s for s in sections]
        if whole_size is not None and all(s is not None for s in sections):
            total: Size = 0
            for section in known_sizes:
                total = add(total, section)
            ctx.need(JOIN, total, whole_size,
                     "{name}: the sections sum to {expected} but the dimension has {got}{source}",
                     tensor=tensor)  # fmt: skip
        return _pieces(ctx, tensor, where, known_sizes)
    size = ctx.size(wanted)
    if size is None or whole_size is None or size == 0:
        return _any_number(ctx, tensor, where, None)
    return _blocks(ctx, tensor, where, whole_size, size)


def _blocks(ctx: Context, x: Tensor, where: int | None, whole_size: Size, size: Size) -> Value:
    """Pieces of one size, and a last one of the rest."""
    count = floordiv(add(whole_size, sub(size, 1)), size)
    if not isinstance(count, int):
        exact = floordiv(whole_size, size)
        # x.split(dim, -1) of [.., k*dim] gives k pieces
        if isinstance(exact, int) and same(modulo(whole_size, size), 0) is YES:
            count = exact
    if not isinstance(count, int) or not 0 < count <= LIMIT:
        return _any_number(
            ctx, x, where, size if same(modulo(whole_size, size), 0) is YES else None
        )
    rest = sub(whole_size, mul(size, count - 1))
    return _pieces(ctx, x, where, [*[size] * (count - 1), rest])


@function("torch.chunk", "Tensor.chunk", "torch.unsafe_chunk",
          accepts=["torch.chunk(zeros(6, 3), 3)", "zeros(2, 7).chunk(3, dim=1)", "zeros(2, 4).chunk(2, -1)", "zeros(2, 3).chunk(5, 1)",
                   "zeros(5).chunk(4)"],
          rejects=["zeros(2, 3).chunk(2, 2)"])  # fmt: skip
def chunk(ctx: Context, input: Value, chunks: Value, dim: Value = 0) -> Value:
    count = whole(ctx, chunks)
    if not isinstance(input, Tensor):
        if count is None or not 0 < count <= LIMIT:
            return _any_number(ctx, input, None)
        return Seq([ctx.unknown_tensor() for _ in range(count)], "tuple")
    where, whole_size = _extent(ctx, input, dim)
    if count is None or not 0 < count <= LIMIT:
        return _any_number(ctx, input, where)
    if whole_size is None:
        return _pieces(ctx, input, None, [0] * count)
    size = floordiv(add(whole_size, count - 1), count)
    if isinstance(whole_size, int) and isinstance(size, int):
        return (
            _blocks(ctx, input, where, whole_size, size)
            if size
            else _pieces(ctx, input, where, [0] * count)
        )
    rest = modulo(whole_size, count)
    if same(rest, 0) is NO:
        last = sub(whole_size, mul(size, count - 1))  # if there are so many
        sizes = [size] * (count - 1)
        return _pieces(ctx, input, where, [*sizes, last if at_least(last, 1) is YES else ctx.fresh("chunk", low=1)])
    # Nobody chunks a size of no known number that leaves a rest: the parts are taken for equal.
    ctx.learn_equal(rest, 0)
    return _pieces(ctx, input, where, [floordiv(ctx.resolve(whole_size), count)] * count)


@function("torch.tensor_split", "Tensor.tensor_split", "torch.hsplit", "torch.vsplit",
          accepts=["torch.tensor_split(zeros(7), 3)", "zeros(2, 7).tensor_split(3, dim=1)", "zeros(7).tensor_split((2, 5))"],
          rejects=["zeros(2, 7).tensor_split(3, dim=2)"])  # fmt: skip
def tensor_split(
    ctx: Context, input: Value, indices_or_sections: Value, dim: Value = 0, **kwargs: Value
) -> Value:
    if not isinstance(input, Tensor) or ctx.callee.endswith(("hsplit", "vsplit")):
        return _any_number(ctx, input, None)
    where, whole_size = _extent(ctx, input, dim)
    count = whole(ctx, indices_or_sections)
    if whole_size is not None and count is not None and count > 0:
        base, extra = floordiv(whole_size, count), modulo(whole_size, count)
        if isinstance(extra, int):
            return _pieces(ctx, input, where, [add(base, int(i < extra)) for i in range(count)])
        return _pieces(ctx, input, where, [ctx.fresh() for _ in range(count)])
    cuts = size_list(ctx, (indices_or_sections,)) if isinstance(indices_or_sections, Seq) else None
    if cuts is None or whole_size is None:
        return _any_number(ctx, input, where)
    bounds = [0, *cuts, None]
    sizes = [sliced(ctx, whole_size, slice(a, b)) for a, b in pairwise(bounds)]
    return _pieces(ctx, input, where, sizes)


@function("torch.unbind", "Tensor.unbind",
          accepts=["torch.unbind(zeros(2, 3))", "zeros(2, 3, 4).unbind(1)", "zeros(2, 3).unbind(dim=-1)"],
          rejects=["zeros(2, 3).unbind(2)"])  # fmt: skip
def unbind(ctx: Context, input: Value, dim: Value = 0) -> Value:
    if not isinstance(input, Tensor):
        return _any_number(ctx, input, None)
    where, count = _extent(ctx, input, dim)

    def piece(i: int) -> Value:
        if where is None:
            return ctx.unknown_tensor(input.dtype)
        dims = dims_of(ctx, input)
        del dims[where]
        return ctx.tensor(dims, lead=input.shape, like=input)

    if isinstance(count, int) and 0 <= count <= LIMIT:
        return Seq([piece(i) for i in range(count)], "tuple")
    length = ctx.fresh("pieces", "pieces", 1)
    return AnySeq("pieces", piece, length if count is None or isinstance(count, int) else count)
