"""Tensors made from nothing: of given sizes, like another tensor, or from Python numbers."""

from __future__ import annotations

import math
from collections.abc import Callable

from lint_params.shape.context import Context
from lint_params.shape.ops import function
from lint_params.shape.ops.arguments import (
    dtype_of,
    known,
    number_kind,
    promote,
    size_list,
)
from lint_params.shape.ops.broadcast import broadcast
from lint_params.shape.sizes.dim import Poly, Size, add, floordiv, sub
from lint_params.shape.sizes.sized import may_hold_size
from lint_params.shape.value import Config, Ratio, Seq, ShapeOf, Tensor, Unknown, Value


def made(ctx: Context, sizes: tuple[Value, ...], dtype: str | None) -> Tensor:
    """A new tensor of ``f(2, 3)`` or ``f((2, 3))``."""
    listed = size_list(ctx, sizes)
    if listed is not None:
        if any(isinstance(size, int) and size < 0 for size in listed):  # of a default that stands for none
            return ctx.unknown_tensor(dtype)
        return ctx.tensor(known(ctx, listed), dtype=dtype)
    only = sizes[0] if len(sizes) == 1 else None
    if isinstance(only, ShapeOf):  # as long as that tensor, whatever its rank
        keep = only.tensor.shape
        if only.drop == 0:
            return Tensor(keep, dtype, ctx.tensor(()).origin)
        return ctx.tensor(keep.dims[: -only.drop], lead=keep, dtype=dtype)
    items = only.items if isinstance(only, Seq) else list(sizes)
    if items and isinstance(items[0], ShapeOf):  # (*x.shape[:-1], n)
        base, rest = items[0], size_list(ctx, (Seq(items[1:]),))
        if rest is not None:
            dims = base.tensor.shape.dims
            return ctx.tensor(
                [*dims[: len(dims) - base.drop], *known(ctx, rest)],
                lead=base.tensor.shape,
                dtype=dtype,
            )
    return ctx.unknown_tensor(dtype)


def _dtype(given: Value, default: str | None) -> str | None:
    return default if given is None else dtype_of(given)


def _filled(kind: str | None) -> Callable[..., Value]:
    def call(ctx: Context, *size: Value, dtype: Value = None, **kwargs: Value) -> Value:
        return made(ctx, size or (kwargs.get("size", Seq([])),), _dtype(dtype, kind))

    return call


for _name in ("zeros", "ones", "empty", "rand", "randn"):
    function(
        f"torch.{_name}",
        accepts=[
            f"torch.{_name}(2, 3)", f"torch.{_name}((2, 3))", f"torch.{_name}([])", f"torch.{_name}(4)",
            f"torch.{_name}(size=(2, 3))", f"torch.{_name}(zeros(2, 3).size())",
        ],
    )(_filled("float"))  # fmt: skip


def _like(ctx: Context, input: Value, *args: Value, dtype: Value = None, **kwargs: Value) -> Value:
    if not isinstance(input, Tensor):
        return ctx.unknown_tensor(_dtype(dtype, None))
    # Not the same object: a new tensor, though what is learned of one holds of the other.
    out = ctx.tensor((), dtype=_dtype(dtype, input.dtype))
    out.shape = input.shape
    return out


for _name in ("zeros", "ones", "empty", "rand", "randn"):
    function(f"torch.{_name}_like", accepts=[f"torch.{_name}_like(zeros(2, 3))"])(_like)
function("torch.full_like", accepts=["torch.full_like(zeros(2, 3), 1.0)"])(_like)
function("torch.randint_like", accepts=["torch.randint_like(zeros(2, 3), 5)"])(_like)
function("torch.bernoulli", "Tensor.bernoulli",
         accepts=["torch.bernoulli(zeros(2, 3))", "zeros(3).bernoulli(0.5)"])(_like)  # fmt: skip
function("torch.tril", "torch.triu", "Tensor.tril", "Tensor.triu", "Tensor.tril_", "Tensor.triu_",
         accepts=["torch.tril(zeros(3, 4))", "zeros(3, 3).triu(1)"])(_like)  # fmt: skip


def _new(ctx: Context, input: Value, *size: Value, dtype: Value = None, **kwargs: Value) -> Value:
    kind = input.dtype if isinstance(input, Tensor) else None
    return made(ctx, size or (kwargs.get("size", Seq([])),), _dtype(dtype, kind))


for _name in ("zeros", "ones", "empty"):
    function(
        f"Tensor.new_{_name}",
        accepts=[f"zeros(2).new_{_name}(3, 4)", f"zeros(2).new_{_name}((3, 4))"],
    )(_new)


@function("Tensor.new", accepts=["zeros(2).new(3, 4)"])
def new(ctx: Context, input: Value, *args: Value, **kwargs: Value) -> Value:
    # `out = x.new()` is for others to give a size, code that is not read among them.
    return tensor_class(ctx, *args) if args else ctx.unknown_tensor()


@function("torch.full", accepts=["torch.full((2, 3), 1.0)", "torch.full([4], 7)"])
def full(
    ctx: Context, size: Value, fill_value: Value, *, dtype: Value = None, **kwargs: Value
) -> Value:
    return made(ctx, (size,), _dtype(dtype, number_kind(fill_value)))


@function("Tensor.new_full", accepts=["zeros(2).new_full((2, 3), 1.0)"])
def new_full(
    ctx: Context,
    input: Value,
    size: Value,
    fill_value: Value,
    *,
    dtype: Value = None,
    **kwargs: Value,
) -> Value:
    return _new(ctx, input, size, dtype=dtype)


@function("torch.arange", accepts=["torch.arange(5)", "torch.arange(2, 9)", "torch.arange(2, 9, 3)", "torch.arange(0, 1, 0.3)",
                   "torch.arange(10, 0, -3)", "torch.arange(start=1, end=4)", "torch.arange(5.5)"])  # fmt: skip
def arange(
    ctx: Context,
    start: Value = 0,
    end: Value = None,
    step: Value = 1,
    *,
    dtype: Value = None,
    **kwargs: Value,
) -> Value:
    if end is None:
        start, end = 0, start
    kind: str | None = "int"
    for value in (start, end, step):
        kind = promote(kind, number_kind(value))
    return ctx.tensor([_steps(ctx, start, end, step)], dtype=_dtype(dtype, kind))


def _steps(ctx: Context, start: Value, end: Value, step: Value) -> Size:
    numbers = (start, end, step)
    if all(isinstance(v, (int, float)) for v in numbers) and step:
        return max(0, int(math.ceil((end - start) / step)))
    sizes = [ctx.size(v) for v in numbers]
    first, last, by = sizes
    if first is None or last is None or not isinstance(by, int) or by == 0:
        return ctx.fresh("steps")
    if by < 0:
        first, last, by = last, first, -by
    return floordiv(add(sub(last, first), by - 1), by)


@function("torch.linspace", "torch.logspace",
          accepts=["torch.linspace(0, 1, 5)", "torch.linspace(0, 1, steps=7)"])  # fmt: skip
def linspace(
    ctx: Context,
    start: Value,
    end: Value,
    steps: Value,
    *args: Value,
    dtype: Value = None,
    **kwargs: Value,
) -> Value:
    size = ctx.size(steps)
    return ctx.tensor([ctx.fresh("steps") if size is None else size], dtype=_dtype(dtype, "float"))


@function("torch.eye", accepts=["torch.eye(3)", "torch.eye(3, 4)"])
def eye(ctx: Context, n: Value, m: Value = None, *, dtype: Value = None, **kwargs: Value) -> Value:
    sizes = known(ctx, [ctx.size(n), ctx.size(n if m is None else m)])
    if m is None:
        sizes[1] = sizes[0]
    return ctx.tensor(sizes, dtype=_dtype(dtype, "float"))


@function("torch.randint", accepts=["torch.randint(5, (2, 3))", "torch.randint(0, 5, (2, 3))", "torch.randint(0, 5, size=(4,))",
                   "torch.randint(high=5, size=[4])"])  # fmt: skip
def randint(
    ctx: Context,
    *args: Value,
    low: Value = 0,
    high: Value = None,
    size: Value = None,
    dtype: Value = None,
    **kwargs: Value,
) -> Value:
    if size is None and len(args) > 1:
        size = args[-1]
    return made(ctx, (size,), _dtype(dtype, "int"))


@function("torch.randperm", accepts=["torch.randperm(5)"])
def randperm(ctx: Context, n: Value, *, dtype: Value = None, **kwargs: Value) -> Value:
    return ctx.tensor(known(ctx, [ctx.size(n)]), dtype=_dtype(dtype, "int"))


@function("torch.normal", accepts=["torch.normal(0.0, 1.0, (2, 3))", "torch.normal(zeros(2, 3), 1.0)",
                   "torch.normal(0.0, 1.0, size=(4,))", "torch.normal(zeros(2, 3), zeros(3))"],
          rejects=["torch.normal(zeros(2, 3), zeros(2, 4))"])  # fmt: skip
def normal(
    ctx: Context, mean: Value = 0.0, std: Value = 1.0, size: Value = None, **kwargs: Value
) -> Value:
    if size is not None:
        return made(ctx, (size,), "float")
    out = broadcast(ctx, mean, std)
    return out if isinstance(out, Tensor) else ctx.unknown_tensor("float")


@function("torch.multinomial", "Tensor.multinomial",
          accepts=["torch.multinomial(zeros(2, 5), 3)", "torch.multinomial(zeros(5), 3)"],
          rejects=["torch.multinomial(zeros(2, 5, 1), 3)"])  # fmt: skip
def multinomial(
    ctx: Context, input: Value, num_samples: Value, *args: Value, **kwargs: Value
) -> Value:
    if not isinstance(input, Tensor):
        return ctx.unknown_tensor("int")
    rank = ctx.rank(input)
    if rank is not None and rank not in (1, 2):
        ctx.refute(
            "view-size-mismatch",
            f"{{name}} takes 1 or 2 dimensions, not {rank}{{source}}",
            tensor=input,
        )
    out = ctx.replace_last(input, 1, known(ctx, [ctx.size(num_samples)]))
    out.dtype = "int"
    return out


@function("torch.tensor", "torch.asarray", "torch.as_tensor", "torch.from_numpy",
          accepts=["torch.tensor([1, 2, 3])", "torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])",
                   "torch.tensor(3)", "torch.tensor([[]])", "torch.as_tensor([1, 2])"])  # fmt: skip
def tensor(ctx: Context, data: Value, dtype: Value = None, *args: Value, **kwargs: Value) -> Value:
    return from_data(ctx, data, dtype)


@function("torch.scalar_tensor", accepts=["torch.scalar_tensor(3.0)"])
def scalar_tensor(ctx: Context, s: Value, *, dtype: Value = None, **kwargs: Value) -> Value:
    return ctx.tensor((), dtype=_dtype(dtype, "float"))


@function("Tensor.new_tensor", accepts=["zeros(2).new_tensor([1, 2, 3])"])
def new_tensor(
    ctx: Context, input: Value, data: Value, dtype: Value = None, **kwargs: Value
) -> Value:
    out = from_data(ctx, data, dtype)
    if dtype is None:
        out.dtype = input.dtype if isinstance(input, Tensor) else None
    return out


def from_data(ctx: Context, data: Value, dtype: Value = None) -> Tensor:
    """A tensor of the sizes of nested lists of numbers."""
    if isinstance(data, Tensor):
        out = _like(ctx, data, dtype=dtype)
        assert isinstance(out, Tensor)
        return out
    dims: list[Size] = []
    kinds: list[str | None] = []
    if not _measure(ctx, data, dims, 0, kinds):
        return ctx.unknown_tensor(_dtype(dtype, None))
    kind: str | None = "bool" if kinds else "float"
    for one in kinds:
        kind = promote(kind, one)
    return ctx.tensor(dims, dtype=_dtype(dtype, kind))


def _measure(
    ctx: Context, data: Value, dims: list[Size], depth: int, kinds: list[str | None]
) -> bool:
    """Fill in the sizes of nested lists from ``depth`` on; False where they are not known."""
    if isinstance(data, Seq) and data.kind != "set":
        if len(dims) == depth:
            dims.append(len(data.items))
        elif dims[depth] != len(data.items):
            return False
        return all(_measure(ctx, item, dims, depth + 1, kinds) for item in data.items[:64])
    if isinstance(data, Tensor):
        kinds.append(data.dtype)
        return ctx.rank(data) == 0 and len(dims) == depth
    kinds.append(number_kind(data))
    return len(dims) == depth and isinstance(data, (int, float, complex, Poly, Ratio))


def tensor_class(ctx: Context, *args: Value, dtype: str = "float") -> Value:
    """``torch.Tensor(...)``: sizes, or data where a list or tuple is given."""
    if not args:
        return ctx.tensor([0], dtype=dtype)
    if len(args) == 1:
        only = args[0]
        if isinstance(only, Seq) and only.kind != "size":
            out = from_data(ctx, only)
            out.dtype = dtype
            return out
        if isinstance(only, Tensor):
            return _like(ctx, only)
        if isinstance(only, Unknown) or isinstance(only, Config) and not may_hold_size(only.name):
            return ctx.unknown_tensor(dtype)  # of numbers that somebody gives, or a size
        if isinstance(only, float):
            return ctx.unknown("torch.Tensor of a float")
    return made(ctx, args, dtype)


def _class(kind: str) -> Callable[..., Value]:
    def call(ctx: Context, *args: Value, size: Value = None, data: Value = None, **kwargs: Value) -> Value:
        if size is not None:
            return made(ctx, (size,), kind)
        return tensor_class(ctx, *args, *([] if data is None else [data]), dtype=kind)

    return call


for _kind, _names in {
    "float": ["Tensor", "FloatTensor", "DoubleTensor", "HalfTensor", "BFloat16Tensor"],
    "int": ["LongTensor", "IntTensor", "ShortTensor"],
    "byte": ["ByteTensor"],
    "bool": ["BoolTensor"],
}.items():
    for _name in _names:
        # The examples need a CPU: these constructors know no meta device.
        function(f"torch.{_name}")(_class(_kind))
        if _name != "Tensor":
            function(f"torch.cuda.{_name}")(_class(_kind))


@function("torch.hann_window", "torch.hamming_window", "torch.blackman_window", "torch.bartlett_window",
          "torch.kaiser_window", accepts=["torch.hann_window(5)"])  # fmt: skip
def window(ctx: Context, window_length: Value, *args: Value, **kwargs: Value) -> Value:
    return ctx.tensor(known(ctx, [ctx.size(window_length)]), dtype="float")


@function("torch.tril_indices", "torch.triu_indices")
def tril_indices(ctx: Context, row: Value, col: Value, offset: Value = 0, **kwargs: Value) -> Value:
    return ctx.tensor([2, ctx.fresh("pairs")], dtype="int")
