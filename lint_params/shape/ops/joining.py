"""Tensors put together: cat, stack and their kind, meshgrid, block_diag."""

from __future__ import annotations

from collections.abc import Callable

from lint_params.shape.context import Context
from lint_params.shape.ops import function
from lint_params.shape.ops.arguments import JOIN, axis, dims_of, promote, whole
from lint_params.shape.ops.permute import unsqueeze
from lint_params.shape.sizes.dim import NO, YES, Size, add, product, same
from lint_params.shape.sizes.unlikely import one_for_many
from lint_params.shape.value import AnySeq, Choice, Seq, Tensor, Value


def _parts(value: Value) -> list[Value] | None:
    """The items of a known list of tensors, which may hold values that are not known."""
    if not isinstance(value, Seq) or not value.items or value.kind == "set":
        return None
    return value.items


def _kind(items: list[Value]) -> str | None:
    kinds = [item.dtype if isinstance(item, Tensor) else None for item in items]
    out = kinds[0]
    for kind in kinds[1:]:
        out = promote(out, kind)
    return out


def _open(ctx: Context, tensors: Value) -> Value:
    """The result of an unknown number of tensors: what one of them tells, if anything."""
    first = tensors.element(0) if isinstance(tensors, AnySeq) else None
    kind = first.dtype if isinstance(first, Tensor) else None
    return ctx.unknown_tensor(kind)


@function("torch.cat", "torch.concat", "torch.concatenate",
          accepts=["torch.cat([zeros(2, 3), zeros(2, 4)], 1)", "torch.cat((zeros(2, 3), zeros(5, 3)))",
                   "torch.cat([zeros(2, 3), zeros(2, 4), zeros(2, 1)], dim=-1)", "torch.cat([zeros(0), zeros(2, 3)], 1)",
                   "torch.cat([zeros(2, 3)])"],
          rejects=["torch.cat([zeros(2, 3), zeros(3, 4)], 1)", "torch.cat([zeros(2, 3), zeros(2, 3, 1)])",
                   "torch.cat([zeros(2, 3), zeros(2, 4)])", "torch.cat([zeros(2, 3), zeros(2, 3)], dim=2)"])  # fmt: skip
def cat(ctx: Context, tensors: Value, dim: Value = 0, *, out: Value = None) -> Value:
    items = _parts(tensors)
    if items is None:
        return _open(ctx, tensors)
    # torch skips what is empty and has one dimension: cat([zeros(0), x]).
    items = [i for i in items if not (isinstance(i, Tensor) and ctx.dims(i) == (0,))] or items
    listed = [i for i in items if isinstance(i, Tensor)]
    number = whole(ctx, dim)
    if not listed or number is None:
        return ctx.unknown_tensor(_kind(items))
    _one_rank(ctx, listed)
    if number >= 0 and _last_differ(ctx, listed):
        _end_at(ctx, listed, number)
    if ctx.rank(listed[0]) == 0:
        ctx.refute(JOIN, "{name} cannot join scalars{source}", tensor=listed[0])
    if listed[0].shape.lead and (number >= 0 or len(listed) < len(items)):
        return _cat_open(ctx, items, listed, number)
    where = axis(ctx, listed[0], number, JOIN)
    assert where is not None
    for x in listed[1:]:
        axis(ctx, x, number, JOIN)
    dims = _agreed(ctx, items, listed, where)
    return ctx.tensor(dims, lead=listed[0].shape, dtype=_kind(items))


def _one_rank(ctx: Context, listed: list[Tensor]) -> None:
    """All tensors have as many dimensions as the one that shows it."""
    rank = next((r for r in (ctx.rank(x) for x in listed) if r is not None), None)
    if rank is None:
        return
    for x in listed:
        if ctx.of_rank(x, rank) is None:
            ctx.refute(
                JOIN, "{name} cannot join tensors of {expected} and of {got} dimensions{source}",
                rank, len(x.shape.dims), x,
            )  # fmt: skip


def _last_differ(ctx: Context, listed: list[Tensor]) -> bool:
    """Whether tensors of open rank have last sizes that are surely not one number."""
    if not listed[0].shape.lead or not all(x.shape.dims for x in listed):
        return False
    first, *others = (ctx.resolve(x.shape.dims[-1]) for x in listed)
    return any(same(first, other) is NO for other in others)


def _end_at(ctx: Context, listed: list[Tensor], number: int) -> None:
    """Last sizes differ only along the axis that is joined: dimension ``number`` is the last."""
    for x in listed:
        if ctx.of_rank(x, number + 1) is None:
            ctx.need(JOIN, listed[0].shape.dims[-1], x.shape.dims[-1],
                     "{name} cannot join: last size {expected} against {got}{source}", tensor=x)  # fmt: skip


def _agreed(
    ctx: Context, items: list[Value], listed: list[Tensor], where: int | None
) -> list[Size]:
    """The sizes of the result: the sum along ``where``, one size in all other places."""
    columns = [dims_of(ctx, x) for x in listed]
    depth = min(len(c) for c in columns)
    out: list[Size] = []
    for place in range(-depth, 0):
        sizes = [c[place] for c in columns]
        if place == where:
            total: Size = 0
            for size in sizes:
                total = add(total, size)
            out.append(total if len(listed) == len(items) else ctx.fresh("joined"))
            continue
        for size, x in zip(sizes[1:], listed[1:]):
            one, other = ctx.resolve(sizes[0]), ctx.resolve(size)
            if same(one, other) is not YES:
                at = place + depth if not listed[0].shape.lead else place
                text = f"{{name}} cannot join: size {{expected}} in dimension {at} against {{got}}{{source}}"
                if one_for_many(one, other) or one_for_many(other, one):
                    ctx.refute(JOIN, text, one, other, x)
                ctx.need(JOIN, sizes[0], size, text, tensor=x)
        best = [s for s in (ctx.resolve(s) for s in sizes) if isinstance(s, int)]
        out.append(best[0] if best else ctx.resolve(sizes[0]))
    return out


def _cat_open(ctx: Context, items: list[Value], listed: list[Tensor], number: int) -> Value:
    """Tensors whose rank nobody knows, or some that are no known tensors."""
    columns = [dims_of(ctx, x) for x in listed]
    if number < 0:  # a last size that all share stays
        keep = min([-number - 1, *(len(c) for c in columns)])
        dims = columns[0][len(columns[0]) - keep :]
        return ctx.tensor(dims, lead=True, dtype=_kind(items))
    out = ctx.unknown_tensor(_kind(items))
    for index, size in listed[0].shape.front.items():
        if index != number:
            out.shape.front[index] = size
    return out


@function("torch.stack",
          accepts=["torch.stack([zeros(2, 3), zeros(2, 3)])", "torch.stack((zeros(2), zeros(2), zeros(2)), dim=-1)",
                   "torch.stack([zeros(2, 3), zeros(2, 3)], 1)", "torch.stack([zeros()])"],
          rejects=["torch.stack([zeros(2, 3), zeros(2, 4)])", "torch.stack([zeros(2, 3), zeros(3)])",
                   "torch.stack([zeros(2), zeros(2)], 2)"])  # fmt: skip
def stack(ctx: Context, tensors: Value, dim: Value = 0, *, out: Value = None) -> Value:
    items = _parts(tensors)
    listed = [i for i in items if isinstance(i, Tensor)] if items is not None else []
    if items is None or not listed:
        return _open(ctx, tensors)
    _one_rank(ctx, listed)
    if listed[0].shape.lead:
        shared = [x for x in listed if x.shape is not listed[0].shape]
        if shared:
            dims = _agreed(ctx, items, listed, None)
            base = ctx.tensor(dims, lead=True, dtype=_kind(items))
        else:
            base = listed[0]
    else:
        base = ctx.tensor(_agreed(ctx, items, listed, None), dtype=_kind(items))
    new = unsqueeze(ctx, base, dim)
    if not isinstance(new, Tensor):
        return new
    number = whole(ctx, dim)
    if number is None:
        return new
    count: Size = len(items)
    if new.shape.lead and number >= 0:
        new.shape.front[number] = count
        return new
    sizes = dims_of(ctx, new)
    sizes[number] = count
    return ctx.tensor(sizes, lead=new.shape, dtype=_kind(items))


def _stacked(
    pad: Callable[[Context, Tensor], Value], dim: Callable[[Tensor], int]
) -> Callable[..., Value]:
    def call(ctx: Context, tensors: Value, **kwargs: Value) -> Value:
        items = _parts(tensors)
        if items is None or not all(isinstance(i, Tensor) and not i.shape.lead for i in items):
            return ctx.unknown_tensor()
        padded = [pad(ctx, item) for item in items]
        return cat(ctx, Seq(padded), dim(padded[0]))

    return call


def _rank_two(ctx: Context, x: Tensor) -> Value:
    dims = dims_of(ctx, x)
    return ctx.tensor([*[1] * (2 - len(dims)), *dims], like=x)


def _rank_three(ctx: Context, x: Tensor) -> Value:
    dims = dims_of(ctx, x)
    if len(dims) < 2:
        return ctx.tensor([1, *(dims or [1]), 1], like=x)
    return ctx.tensor([*dims, 1] if len(dims) == 2 else dims, like=x)


def _rank_one(ctx: Context, x: Tensor) -> Value:
    return x if x.shape.dims else ctx.tensor([1], like=x)


def _column(ctx: Context, x: Tensor) -> Value:
    dims = dims_of(ctx, x)
    return ctx.tensor([*(dims or [1]), 1] if len(dims) < 2 else dims, like=x)


function("torch.hstack", accepts=["torch.hstack([zeros(2), zeros(3)])", "torch.hstack((zeros(2, 3), zeros(2, 1)))"],
         rejects=["torch.hstack((zeros(2, 3), zeros(3, 3)))"])(
    _stacked(_rank_one, lambda x: 0 if len(x.shape.dims) == 1 else 1))  # fmt: skip
function("torch.vstack", "torch.row_stack", accepts=["torch.vstack([zeros(3), zeros(3)])", "torch.vstack((zeros(2, 3), zeros(3)))"],
         rejects=["torch.vstack([zeros(3), zeros(4)])"])(_stacked(_rank_two, lambda x: 0))  # fmt: skip
function("torch.dstack", accepts=["torch.dstack([zeros(3), zeros(3)])", "torch.dstack((zeros(2, 3, 4), zeros(2, 3)))"],
         rejects=["torch.dstack([zeros(3), zeros(4)])"])(_stacked(_rank_three, lambda x: 2))  # fmt: skip
function("torch.column_stack", accepts=["torch.column_stack([zeros(3), zeros(3, 2)])"],
         rejects=["torch.column_stack([zeros(3), zeros(4)])"])(_stacked(_column, lambda x: 1))  # fmt: skip


@function("torch.meshgrid",
          accepts=["torch.meshgrid(zeros(2), zeros(3), indexing='ij')", "torch.meshgrid([zeros(2), zeros(3)], indexing='xy')",
                   "torch.meshgrid(zeros(2), zeros(3), zeros(4))"])  # fmt: skip
def meshgrid(ctx: Context, *tensors: Value, indexing: Value = "ij") -> Value:
    items = (
        _parts(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], Seq) else list(tensors)
    )
    if (
        items is None
        or (len(items) == 1 and not isinstance(items[0], Tensor))
        or isinstance(items[0], Choice)
    ):
        return ctx.unknown("meshgrid of an unknown list")
    sizes: list[Size] = []
    for item in items:
        dims = ctx.of_rank(item, 1) if isinstance(item, Tensor) else None
        sizes.append(
            dims[0]
            if dims is not None
            else 1
            if isinstance(item, Tensor) and ctx.rank(item) == 0
            else ctx.fresh()
        )
    if indexing == "xy" and len(sizes) > 1:
        sizes[0], sizes[1] = sizes[1], sizes[0]
    elif indexing not in ("ij", "xy"):
        sizes = [ctx.fresh() for _ in sizes]
    return Seq(
        [ctx.tensor(sizes, dtype=i.dtype if isinstance(i, Tensor) else None) for i in items],
        "tuple",
    )


@function("torch.cartesian_prod", accepts=["torch.cartesian_prod(zeros(2), zeros(3))"])
def cartesian_prod(ctx: Context, *tensors: Value) -> Value:
    dims = [ctx.of_rank(t, 1) if isinstance(t, Tensor) else None for t in tensors]
    total = product([d[0] for d in dims if d]) if all(dims) else ctx.fresh()
    return ctx.tensor([total] if len(tensors) == 1 else [total, len(tensors)])


@function("torch.block_diag", accepts=["torch.block_diag(zeros(2, 3), zeros(4, 1))"])
def block_diag(ctx: Context, *tensors: Value) -> Value:
    rows: Size = 0
    columns: Size = 0
    for item in tensors:
        dims = ctx.dims(item) if isinstance(item, Tensor) else None
        if dims is None or len(dims) != 2:
            return ctx.tensor([ctx.fresh(), ctx.fresh()])
        rows, columns = add(rows, dims[0]), add(columns, dims[1])
    return ctx.tensor([rows, columns])
