"""What several families of ops need: arguments read as sizes and axes, dtypes promoted."""

from __future__ import annotations

from lint_params.shape.context import Context
from lint_params.shape.sizes.dim import Poly, Size
from lint_params.shape.value import (
    Choice,
    Config,
    DtypeOf,
    External,
    Flag,
    Origin,
    Ratio,
    Seq,
    ShapeOf,
    Splice,
    Tensor,
    Unknown,
    Value,
)

VIEW = "view-size-mismatch"
BROADCAST = "broadcast-mismatch"
JOIN = "join-mismatch"
PRODUCT = "parameter-product-mismatch"

_ORDER = {"bool": 0, "byte": 1, "int": 2, "float": 3, "complex": 4}
_KINDS = {
    "bool": "bool",
    "complex": "complex", "cfloat": "complex", "cdouble": "complex", "chalf": "complex",
    "uint8": "byte", "short": "int", "int": "int", "long": "int",
    "half": "float", "bfloat16": "float", "float": "float", "double": "float",
}  # fmt: skip


def dtype_of(value: Value) -> str | None:
    """The kind of number that a ``dtype=`` argument names, or None."""
    if isinstance(value, DtypeOf):
        return value.dtype
    if not isinstance(value, External):
        return None
    name = value.name.rpartition(".")[2]
    if name in _KINDS:
        return _KINDS[name]
    for start, kind in (
        ("complex", "complex"),
        ("float", "float"),
        ("uint", "int"),
        ("int", "int"),
    ):
        if name.startswith(start) and name[len(start) :].split("_")[0].isdigit():
            return kind
    return None


def number_kind(value: Value) -> str | None:
    """The dtype that a value has as an operand."""
    if isinstance(value, Tensor):
        return value.dtype
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, Poly)):
        return "int"
    if isinstance(value, (float, Ratio)):
        return "float"
    return "complex" if isinstance(value, complex) else None


def promote(a: str | None, b: str | None) -> str | None:
    """The dtype of an operation on two dtypes; a float and an unknown one make a float."""
    if a is None or b is None:
        known = a or b
        return known if known in ("float", "complex") else None
    return a if _ORDER[a] >= _ORDER[b] else b


def with_number(dtype: str | None, number: Value) -> str | None:
    """The dtype of an operation of a tensor and a number: bytes stay bytes beside a whole number."""
    kind = number_kind(number)
    return dtype if dtype == "byte" and kind in ("int", "bool") else promote(dtype, kind)


def is_scalar(value: Value) -> bool:
    """Whether the operand is a number: its shape does not count."""
    if isinstance(value, Choice):
        return all(is_scalar(option) for option in value.options)
    return isinstance(value, (bool, int, float, complex, Poly, Ratio, Config, Flag))


def whole(ctx: Context, value: Value) -> int | None:
    """The value as a known whole number, or None."""
    size = ctx.size(value) if isinstance(value, (int, Poly)) else None
    return size if isinstance(size, int) else None


def size_or_fresh(ctx: Context, value: Value, name: str) -> Size:
    """An argument that is a size of at least 1; one that is not known is a fresh size."""
    size = ctx.size(value)
    return ctx.fresh(name, low=1) if size is None else size


def size_list(ctx: Context, args: tuple[Value, ...] | list[Value]) -> list[Size | None] | None:
    """``f(2, 3)`` or ``f((2, 3))`` as sizes; None inside for an unknown one, None if all are."""
    items = list(args)
    if len(items) == 1:
        only = items[0]
        if isinstance(only, Seq):
            items = only.items
        elif isinstance(only, ShapeOf):
            dims = ctx.dims(only.tensor)
            return None if dims is None else list(dims[: len(dims) - only.drop])
        elif isinstance(only, Config):
            if only.seq is not None or _may_be_shape(only.name):
                return None
        elif not isinstance(only, (int, Poly)):
            return None
    if any(isinstance(item, (Seq, ShapeOf, Splice)) for item in items):
        return None
    return [ctx.size(item) for item in items]


def _may_be_shape(name: str) -> bool:
    """Whether an argument of unknown type is likely to hold several sizes."""
    last = name.rpartition(".")[2]
    return "shape" in last or last in ("size", "sizes", "dims", "resolution")


def known(ctx: Context, sizes: list[Size | None]) -> list[Size]:
    """The sizes with fresh symbols where one is unknown."""
    return [ctx.fresh() if s is None else s for s in sizes]


def dims_of(ctx: Context, x: Tensor) -> list[Size]:
    """The known sizes of x: all of them, or the last ones where the rank is open."""
    return [ctx.resolve(d) for d in x.shape.dims]


def axis(ctx: Context, x: Tensor, dim: Value, rule: str = VIEW, extra: int = 0) -> int | None:
    """The axis ``dim`` of x counted from the end (-1 is the last), or None where not known.

    ``extra`` is 1 where the result has one axis more (stack, unsqueeze). Learns that the
    axis exists, and raises Refuted where it cannot.
    """
    number = whole(ctx, dim)
    if number is None:
        return None
    if x.shape.lead:
        if number >= 0:
            return None
        ctx.last(x, -number - extra)
        return number
    rank = len(x.shape.dims) + extra
    if not -max(rank, 1) <= number < max(rank, 1):
        ctx.refute(
            rule, f"{{name}}: dimension {number} is out of range for {rank} dimensions{{source}}",
            rank, number, x,
        )  # fmt: skip
    if rank == 0:
        return None
    return number - rank if number >= 0 else number


def axes(ctx: Context, x: Tensor, dim: Value, rule: str = VIEW) -> list[int] | None:
    """One axis or several, as ``axis`` has it; None where one of them is not known."""
    out = [axis(ctx, x, item, rule) for item in (dim.items if isinstance(dim, Seq) else [dim])]
    return None if any(a is None for a in out) else [a for a in out if a is not None]


def front(ctx: Context, x: Tensor, index: int) -> Size:
    """The size of x at ``index`` from the front: one symbol for one question."""
    shape = x.shape
    if not shape.lead:
        return ctx.resolve(shape.dims[index])
    size = shape.front.get(index)
    if size is None and index == 0:
        size = next((one.front[0] for one in shape.family if 0 in one.front), None)
    if size is None:
        size = ctx.fresh(f"size{index}", "input" if x.free else "opaque", 1)
        ctx.write(shape.front, index, size)
    return ctx.resolve(size)


def keep_front(x: Tensor, out: Tensor, count: int) -> Tensor:
    """``out`` has the first ``count`` sizes of x: those asked for already are the same."""
    if x.shape.lead and out.shape.lead:
        for index, size in x.shape.front.items():
            if index < count:
                out.shape.front[index] = size
    return out


def tensors(value: Value) -> list[Tensor] | None:
    """A list or tuple of tensors, or None where one of them is not known to be one."""
    if not isinstance(value, Seq):
        return None
    out = [item for item in value.items if isinstance(item, Tensor)]
    return out if len(out) == len(value.items) else None


def came_from(tensor: Tensor) -> str:
    """ " of the output of fc1 (line 7)" for the second tensor of a message; how a line is named
    depends on the file that the message is for."""
    origin: Origin | None = tensor.origin
    if origin is None or not origin.line:
        return ""
    text = origin.text.replace("{", "{{").replace("}", "}}")
    path = "" if set(origin.path) & set("[]{}") else origin.path
    return f" of {text}{{at[{origin.line}:{path}]}}"


def not_a_tensor(ctx: Context, value: Value) -> Value:
    """The result of an op on a value that is no known tensor: for the reason of that value."""
    return value if isinstance(value, Unknown) else ctx.unknown("input is no known tensor")
