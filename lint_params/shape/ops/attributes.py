"""What a tensor tells of itself: its shape, dtype and device, and methods that only convert."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from lint_params.shape.context import Context
from lint_params.shape.ops import function
from lint_params.shape.ops.arguments import VIEW, dtype_of, front, not_a_tensor, whole
from lint_params.shape.sizes.dim import NO, YES, Size, product
from lint_params.shape.value import REAL, SHAPES, DtypeOf, Seq, ShapeOf, Tensor, Unknown, Value


def shape_of(ctx: Context, x: Tensor) -> Value:
    """``x.shape``: its sizes, or a ShapeOf where the rank is open."""
    dims = ctx.dims(x)
    return ShapeOf(x) if dims is None else Seq(list(dims), "size")


def shape_item(ctx: Context, shape: ShapeOf | Tensor, index: Value) -> Value:
    """``x.shape[index]`` for a number or a slice."""
    x, drop = (shape.tensor, shape.drop) if isinstance(shape, ShapeOf) else (shape, 0)
    dims = ctx.dims(x)
    if dims is not None:  # the rank was learned meanwhile
        kept = list(dims[: len(dims) - drop])
        try:
            return Seq(kept[index], "size") if isinstance(index, slice) else kept[index]
        except (IndexError, TypeError, ValueError):
            return ctx.unknown("index of a shape")
    if isinstance(index, int):
        if index >= 0:
            return front(ctx, x, index)
        last = ctx.last(x, drop - index)
        return ctx.unknown("index of a shape") if last is None else last[0]
    if isinstance(index, slice) and index.step in (None, 1):
        start, stop = index.start or 0, index.stop
        if not isinstance(start, int) or not (stop is None or isinstance(stop, int)):
            return ctx.unknown("slice of a shape")
        if start == 0 and (stop is None or stop < 0):
            ctx.last(x, drop - (stop or 0))
            return ShapeOf(x, drop - (stop or 0))
        if start < 0 and (stop is None or start < stop < 0):
            # A shorter shape gives fewer sizes: what follows will ask for all of them.
            sizes = ctx.last(x, drop - start)
            assert sizes is not None
            return Seq(list(sizes[: (stop or 0) - start]), "size")
        if start >= 0 and stop is not None and stop > start:
            return Seq([front(ctx, x, i) for i in range(start, stop)], "size")
    return ctx.unknown("slice of a shape")


def unpack_shape(ctx: Context, shape: ShapeOf, count: int) -> list[Size] | None:
    """The sizes of ``a, b, c = x.shape``: learns that x has that many; None where it has not."""
    dims = ctx.of_rank(shape.tensor, count + shape.drop)
    return None if dims is None else list(dims[:count])


def length(ctx: Context, x: Tensor) -> Value:
    """``len(x)``."""
    return ctx.unknown("length of a scalar") if ctx.rank(x) == 0 else front(ctx, x, 0)


def _rank(ctx: Context, x: Tensor) -> Value:
    rank = ctx.rank(x)
    return ctx.unknown("rank of the input") if rank is None else rank


def _reversed(ctx: Context, x: Tensor) -> Value:
    dims = ctx.dims(x)
    return ctx.unknown_tensor(x.dtype) if dims is None else ctx.tensor(dims[::-1], like=x)


def _matrix_transposed(ctx: Context, x: Tensor) -> Value:
    last = ctx.last(x, 2)
    if last is None:
        ctx.refute(VIEW, "{name} needs two dimensions{source}", tensor=x)
        raise AssertionError
    return ctx.replace_last(x, 2, (last[1], last[0]))


def _same(ctx: Context, x: Tensor) -> Value:
    return ctx.same_shape(x)


def _real(ctx: Context, x: Tensor) -> Value:
    return ctx.same_shape(x, "float")


def _unknown(why: str) -> Callable[[Context, Tensor], Value]:
    return lambda ctx, x: Unknown(why)


#: Attributes of a tensor by name; the interpreter looks here before it looks for a method.
ATTRIBUTES: dict[str, Callable[[Context, Tensor], Value]] = {
    "shape": shape_of,
    "ndim": _rank,
    "dtype": lambda ctx, x: DtypeOf(x.dtype),
    "T": _reversed,
    "H": _reversed,
    "mT": _matrix_transposed,
    "mH": _matrix_transposed,
    "data": _same,
    "grad": _same,
    "real": _real,
    "imag": _real,
    "device": _unknown("device"),
    "layout": _unknown("layout"),
    "grad_fn": _unknown("grad_fn"),
    "names": _unknown("names"),
    "itemsize": _unknown("size in bytes"),
    "nbytes": _unknown("size in bytes"),
    "requires_grad": _unknown("requires_grad"),
    "is_leaf": _unknown("is_leaf"),
    **{
        name: _unknown("device")
        for name in (
            "is_cuda",
            "is_mps",
            "is_cpu",
            "is_xpu",
            "is_meta",
            "is_sparse",
            "is_quantized",
        )
    },
}


@function("Tensor.size", accepts=["zeros(2, 3).size()", "zeros(2, 3).size(1)", "zeros(2, 3).size(-2)"],
          rejects=["zeros(2, 3).size(2)"])  # fmt: skip
def size(ctx: Context, input: Value, dim: Value = None) -> Value:
    if not isinstance(input, Tensor):
        return not_a_tensor(ctx, input)
    if dim is None:
        return shape_of(ctx, input)
    number = whole(ctx, dim)
    if number is None:
        return ctx.unknown("which size")
    dims = ctx.dims(input)
    if dims is None:
        return shape_item(ctx, ShapeOf(input), number)
    if not -len(dims) <= number < len(dims):
        ctx.refute(VIEW, f"{{name}}: dimension {number} is out of range for {len(dims)} dimensions"
                   "{source}", tensor=input)  # fmt: skip
    return dims[number]


@function("Tensor.dim", "Tensor.ndimension", accepts=["zeros(2, 3).dim()"])
def dim(ctx: Context, input: Value) -> Value:
    return _rank(ctx, input) if isinstance(input, Tensor) else not_a_tensor(ctx, input)


@function("Tensor.is_same_size",
          accepts=["zeros(2, 3).is_same_size(zeros(2, 3))", "zeros(2, 3).is_same_size(zeros(3, 2))"])  # fmt: skip
def is_same_size(ctx: Context, input: Value, other: Value) -> Value:
    one, two = (ctx.dims(x) if isinstance(x, Tensor) else None for x in (input, other))
    if one is None or two is None:
        return Unknown(SHAPES)
    answers = [ctx.compare(*pair) for pair in zip(one, two)]
    if len(one) != len(two) or NO in answers:
        return False
    return True if all(answer is YES for answer in answers) else Unknown(SHAPES)


@function("Tensor.numel", "Tensor.nelement", "torch.numel",
          accepts=["zeros(2, 3).numel()", "torch.numel(zeros(5))", "zeros().numel()"])  # fmt: skip
def numel(ctx: Context, input: Value) -> Value:
    if not isinstance(input, Tensor):
        return not_a_tensor(ctx, input)
    dims = ctx.dims(input)
    return ctx.fresh("numel") if dims is None else product(dims)


@function(
    "Tensor.contiguous", "Tensor.clone", "Tensor.detach", "Tensor.cuda", "Tensor.cpu", "Tensor.xpu",
    "Tensor.pin_memory", "Tensor.to_dense", "Tensor.coalesce", "Tensor.as_subclass",
    "torch.clone", "torch.detach",
    accepts=["zeros(2, 3).contiguous().clone().detach()", "torch.clone(zeros(2))"],
)  # fmt: skip
def unchanged(ctx: Context, input: Value, *args: Value, **kwargs: Value) -> Value:
    return ctx.same_shape(input) if isinstance(input, Tensor) else not_a_tensor(ctx, input)


@function("Tensor.to", "Tensor.type",
          accepts="""
              zeros(2).to(torch.float16) zeros(2).to(zeros(3)) zeros(3).type(torch.int64)
          """.split())  # fmt: skip
def to(ctx: Context, input: Value, *args: Value, **kwargs: Value) -> Value:
    if not isinstance(input, Tensor):
        return not_a_tensor(ctx, input)
    if not args and not kwargs:
        return ctx.unknown("name of a dtype")
    kind = input.dtype
    for value in (*args, *kwargs.values()):
        if isinstance(value, Tensor):
            kind = value.dtype
        elif dtype_of(value) is not None:
            kind = dtype_of(value)
        elif isinstance(value, (DtypeOf, Unknown)):
            kind = None  # a dtype perhaps, and nobody knows which
    out = ctx.same_shape(input)
    out.dtype = kind
    return out


def _cast(kind: str) -> Callable[..., Value]:
    def call(ctx: Context, input: Value, memory_format: Value = None) -> Value:
        return (
            ctx.same_shape(input, kind) if isinstance(input, Tensor) else not_a_tensor(ctx, input)
        )

    return call


for _kind, _names in {
    "float": ["float", "double", "half", "bfloat16"],
    "int": ["long", "int", "short", "char"],
    "byte": ["byte"],
    "bool": ["bool"],
    "complex": ["cfloat", "cdouble"],
}.items():
    for _name in _names:
        function(f"Tensor.{_name}", accepts=[f"zeros(2, 3).{_name}()"])(_cast(_kind))


@function(
    "Tensor.item", "Tensor.numpy", "Tensor.stride", "Tensor.data_ptr", "Tensor.storage",
    "Tensor.is_contiguous", "Tensor.get_device", "Tensor.element_size", "Tensor.storage_offset",
    "Tensor.register_hook", "Tensor.untyped_storage", "torch.equal", "torch.allclose",
    "Tensor.equal", "Tensor.allclose", "Tensor.is_set_to", "Tensor.is_inference", "Tensor.__len__",
)  # fmt: skip
def values(ctx: Context, input: Value, *args: Value, **kwargs: Value) -> Value:
    return ctx.unknown("the values of a tensor")


#: Longer lists are not written out.
MOST_LISTED = 256


@function(
    "Tensor.tolist", accepts=["zeros(3).tolist()", "zeros(2, 3).tolist()", "zeros().tolist()", "zeros(0).tolist()"]
)
def tolist(ctx: Context, input: Value) -> Value:
    """A list for each dimension, as long as that is; its numbers are not known."""
    dims = ctx.dims(input) if isinstance(input, Tensor) else None
    number = REAL if isinstance(input, Tensor) and input.dtype == "float" else ctx.unknown("the values of a tensor")
    known = [d for d in dims or () if isinstance(d, int)]
    if dims is None or len(known) < len(dims) or prod(known) > MOST_LISTED:
        return ctx.unknown("the values of a tensor")

    def listed(sizes: list[int]) -> Value:
        return Seq([listed(sizes[1:]) for _ in range(sizes[0])]) if sizes else number

    return listed(known)


@function("Tensor.backward")
def backward(ctx: Context, input: Value, *args: Value, **kwargs: Value) -> Value:
    return None


@function(
    "Tensor.is_floating_point", "torch.is_floating_point", accepts=["zeros(2).is_floating_point()"]
)
def is_floating_point(ctx: Context, input: Value) -> Value:
    if isinstance(input, Tensor) and input.dtype is not None:
        return input.dtype == "float"
    return ctx.unknown("dtype")


@function("Tensor.is_complex", "torch.is_complex", accepts=["torch.is_complex(zeros(2))"])
def is_complex(ctx: Context, input: Value) -> Value:
    if isinstance(input, Tensor) and input.dtype is not None:
        return input.dtype == "complex"
    return ctx.unknown("dtype")


@function("torch.is_tensor", accepts=["torch.is_tensor(zeros(2))"])
def is_tensor(ctx: Context, obj: Value) -> Value:
    if isinstance(obj, Tensor):
        return True
    return False if obj is None or isinstance(obj, (int, float, str, Seq)) else ctx.unknown("type")
