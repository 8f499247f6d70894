"""``x[...]``: numbers, slices, None, Ellipsis, masks, index tensors and all together."""

from __future__ import annotations

from dataclasses import dataclass, field

from lint_params.shape.context import Context
from lint_params.shape.ops.arguments import BROADCAST, VIEW, front
from lint_params.shape.ops.broadcast import joined, stays
from lint_params.shape.ops.create import from_data
from lint_params.shape.sizes.dim import (
    NO,
    YES,
    Poly,
    Size,
    add,
    at_least,
    floordiv,
    maximum,
    minimum,
    neg,
    same,
    sub,
)
from lint_params.shape.value import Seq, Shape, Tensor, Value

#: What a tensor holds that selects where it is true, or not 0.
MASKS = ("bool", "byte")


@dataclass
class _Result:
    """The sizes of the result so far, and where the index tensors' sizes go among them."""

    dims: list[Size] = field(default_factory=list)
    tensors: list[Tensor] = field(default_factory=list)
    places: list[int] = field(default_factory=list)  # of each index tensor, in ``dims``
    runs: int = 0  # how many separate runs of index tensors
    open: bool = False


def index(ctx: Context, tensor: Tensor, items: list[Value]) -> Value:
    """The value of ``tensor[items]``; raises Refuted where torch raises."""
    if len(items) == 1 and isinstance(items[0], Seq) and any(isinstance(one, Seq) for one in items[0].items):
        return ctx.unknown_tensor(tensor.dtype)  # ``x[[[0, 1], [2, 3]]]`` is ``x[[0, 1], [2, 3]]``, as of torch 2.9
    items = [_index_tensor(ctx, item) for item in items]
    if not all(_understood(item) for item in items):
        return _with_unknown(ctx, tensor, items)
    spans = [_span(item) for item in items]
    if any(s is None for s in spans):
        return ctx.unknown_tensor(tensor.dtype)
    used = sum(s for s in spans if s is not None)
    dots = next((i for i, item in enumerate(items) if item is Ellipsis), None)
    rank = ctx.rank(tensor)
    if rank is not None and used > rank:
        indices = "1 index" if used == 1 else "{got} indices"
        ctx.refute(VIEW, f"{{name}}: {indices} for {{expected}} dimensions{{source}}", rank, used, tensor)
    if rank is None and dots is None:
        return _open_front(ctx, tensor, items, used)
    before = items if dots is None else items[:dots]
    after = [] if dots is None else items[dots + 1 :]
    taken = sum(_span(i) or 0 for i in after)
    if rank is None:
        return _open_ellipsis(ctx, tensor, before, after, taken)
    sizes = [ctx.resolve(d) for d in tensor.shape.dims]
    result = _Result()
    head = sum(_span(i) or 0 for i in before)
    _take(ctx, tensor, sizes[:head], before, result)
    middle = sizes[head : len(sizes) - taken]
    result.dims += middle
    _take(ctx, tensor, sizes[len(sizes) - taken :], after, result, joins=not middle)
    return _finish(ctx, tensor, result)


def _index_tensor(ctx: Context, item: Value) -> Value:
    """A list of numbers or truth values is an index tensor."""
    if isinstance(item, Seq):
        return from_data(ctx, item)
    return ctx.size(item) if isinstance(item, Poly) else item


def _understood(item: Value) -> bool:
    return item is None or item is Ellipsis or isinstance(item, (bool, int, Poly, slice, Tensor))


def _with_unknown(ctx: Context, tensor: Tensor, items: list[Value]) -> Value:
    """An index that may be a number, a slice or a tensor: only what Ellipsis keeps is known."""
    if items and items[0] is Ellipsis or not items:
        return ctx.unknown_tensor(tensor.dtype)
    dots = next((i for i, item in enumerate(items) if item is Ellipsis), None)
    if dots is None and not tensor.shape.lead and len(items) < len(tensor.shape.dims):
        keep = tensor.shape.dims[len(items) :]
        if all(_span(i) == 1 for i in items if _understood(i)):
            return ctx.tensor(keep, lead=True, like=tensor)
    return ctx.unknown_tensor(tensor.dtype)


def _span(item: Value) -> int | None:
    """How many dimensions an index takes; None where that is not known."""
    if item is None or item is Ellipsis or isinstance(item, bool):
        return 0
    if isinstance(item, Tensor):
        if item.dtype in MASKS:
            return None if item.shape.lead else len(item.shape.dims)
        return 1 if item.dtype is not None else None
    return 1


def _open_front(ctx: Context, tensor: Tensor, items: list[Value], used: int) -> Value:
    """``x[:, 0]`` of a tensor of unknown rank: the sizes in front are asked for by place."""
    whole_slices = all(isinstance(i, slice) and _full(i) for i in items)
    if whole_slices:
        return ctx.same_shape(tensor)
    # Whatever the rank is, the indices do not reach what comes after so many known sizes.
    out = ctx.tensor(tensor.shape.dims[used:], lead=True, like=tensor)
    if any(isinstance(i, (Tensor, bool)) for i in items):
        return out
    place = 0
    at = 0
    for item in items:  # what stays in front of the rest
        if item is None:
            out.shape.front[place] = 1
            place += 1
            continue
        if isinstance(item, slice):
            size = front(ctx, tensor, at)
            out.shape.front[place] = size if _full(item) else sliced(ctx, size, item)
            place += 1
        at += 1
    return out


def _open_ellipsis(
    ctx: Context, tensor: Tensor, before: list[Value], after: list[Value], taken: int
) -> Value:
    """``x[..., a:b]`` of a tensor of unknown rank."""
    sizes = ctx.last(tensor, taken)
    assert sizes is not None
    result = _Result()
    _take(ctx, tensor, list(sizes), after, result)
    keep: list[Size] = [ctx.resolve(d) for d in tensor.shape.dims[: len(tensor.shape.dims) - taken]]
    if any(i is not None for i in before):
        if any(isinstance(i, Tensor) for i in before) or result.tensors:
            return ctx.unknown_tensor(tensor.dtype)
        # Some of the known sizes may be among those that ``before`` takes.
        keep = []
    if result.tensors:
        return ctx.unknown_tensor(tensor.dtype)
    return ctx.tensor([*keep, *result.dims], lead=True, like=tensor)


def _take(
    ctx: Context,
    tensor: Tensor,
    sizes: list[Size],
    items: list[Value],
    result: _Result,
    joins: bool = False,
) -> None:
    """Put the sizes of ``items`` over ``sizes`` into the result."""
    at = 0
    # Whether the last index was a tensor:
    run = joins and bool(result.places) and result.places[-1] == len(result.dims)
    for item in items:
        if item is None:
            result.dims.append(1)
            run = False
        elif isinstance(item, bool):
            result.tensors.append(ctx.tensor([int(item)], dtype="int"))
            result.places.append(len(result.dims))
            result.runs += not run
            run = True
        elif isinstance(item, slice):
            result.dims.append(sliced(ctx, sizes[at], item))
            at += 1
            run = False
        elif _is_number(item):
            at += 1
        elif isinstance(item, Tensor):
            result.runs += not run
            run = True
            result.places.append(len(result.dims))
            at = _advanced(ctx, tensor, sizes, at, item, result)
        else:
            _in_range(ctx, tensor, item, sizes[at])  # a number does not end a run
            at += 1
    result.dims += sizes[at:]


def _is_number(item: Value) -> bool:
    """A tensor of no dimensions selects as a number does."""
    return (
        isinstance(item, Tensor)
        and item.dtype == "int"
        and not item.shape.lead
        and not item.shape.dims
    )


def _advanced(
    ctx: Context, x: Tensor, sizes: list[Size], at: int, item: Tensor, result: _Result
) -> int:
    if item.dtype not in MASKS:
        result.tensors.append(item)
        return at + 1
    mask = ctx.dims(item) or ()
    for own, size in zip(mask, sizes[at:]):
        if same(own, size) is NO:
            ctx.refute(
                BROADCAST, "{name}: a mask of size {got} over a dimension of size {expected}{source}",
                size, own, x,
            )  # fmt: skip
    result.tensors.append(ctx.tensor([ctx.fresh("selected")], dtype="int"))
    return at + len(mask)


def _finish(ctx: Context, tensor: Tensor, result: _Result) -> Value:
    dims = result.dims
    if result.tensors:
        shape = Shape(())
        for item in result.tensors:
            shape = Shape(tuple(joined(ctx, shape, item.shape, BROADCAST, tensor, item)),
                          shape.lead or item.shape.lead)  # fmt: skip
        # One run of index tensors stays in its place, several go to the front.
        at = result.places[0] if result.runs == 1 else 0
        if shape.lead:
            return ctx.tensor(dims[at:], lead=True, like=tensor)
        dims = [*dims[:at], *shape.dims, *dims[at:]]
    return ctx.tensor(dims, like=tensor)


def _in_range(ctx: Context, tensor: Tensor, item: Value, size: Size) -> None:
    number = ctx.size(item)
    if number is None:
        return
    low = at_least(number, neg(size))
    if at_least(number, size) is YES or low is NO:
        ctx.refute(
            VIEW,
            "{name}: index {got} is out of range for size {expected}{source}",
            size,
            number,
            tensor,
        )


def _full(item: slice) -> bool:
    return item.start in (None, 0) and item.stop is None and item.step in (None, 1)


def sliced(ctx: Context, size: Size, item: slice) -> Size:
    """The length of a slice of an axis of ``size``; what is not known is a fresh size."""
    if _full(item):
        return size
    step = 1 if item.step is None else ctx.size(item.step)
    start: Size | None = 0 if item.start is None else ctx.size(item.start)
    stop: Size | None = size if item.stop is None else ctx.size(item.stop)
    if step is None or start is None or stop is None or at_least(step, 1) is not YES:
        return ctx.fresh("slice")
    if item.stop is None and step == 1 and at_least(start, 0) is NO:
        return minimum(neg(start), size)  # x[-k:]
    first = 0 if item.start is None else _place(start, size)
    last = size if item.stop is None else _place(stop, size)
    if first is None or last is None:
        return ctx.fresh("slice")
    length = maximum(sub(last, first), 0)
    return length if step == 1 else floordiv(add(length, sub(step, 1)), step)


def _place(bound: Size, size: Size) -> Size | None:
    """Where a slice's bound lies in 0..size, or None where its sign is not known."""
    if at_least(bound, 0) is YES:
        return minimum(bound, size)
    if at_least(bound, 0) is NO:
        return maximum(add(size, bound), 0)
    return None


def set_item(ctx: Context, tensor: Tensor, items: list[Value], value: Value) -> None:
    """``tensor[items] = value``: the value must broadcast to the place it is written to."""
    place = index(ctx, tensor, items)
    if (
        not isinstance(place, Tensor)
        or not isinstance(value, Tensor)
        or place.shape.lead
        or value.shape.lead
    ):
        return
    dims = [ctx.resolve(d) for d in value.shape.dims]
    while len(dims) > len(place.shape.dims) and dims[0] == 1:
        dims.pop(0)  # torch drops leading sizes of 1 here
    if any(same(d, 1) is not NO for d in dims[: max(len(dims) - len(place.shape.dims), 0)]):
        return
    stays(ctx, place, Tensor(Shape(tuple(dims)), value.dtype, value.origin))
