"""Fourier transforms: which sizes stay, which become n // 2 + 1."""

from __future__ import annotations

from collections.abc import Callable

from lint_params.shape.context import Context
from lint_params.shape.ops import function
from lint_params.shape.ops.arguments import axes, dims_of
from lint_params.shape.sizes.dim import Size, add, floordiv, mul, sub
from lint_params.shape.value import Seq, Tensor, Value


def _transform(
    ctx: Context, input: Value, sizes: Value, dims: list[Value] | None, half: str
) -> Value:
    """A transform over ``dims`` (all for None); ``half``: "" keeps, "real" halves, "back" doubles."""
    kind = "float" if half == "back" else "complex"
    if not isinstance(input, Tensor):
        return ctx.unknown_tensor(kind)
    if dims is None:
        rank = ctx.rank(input)
        if rank is None or sizes is not None:
            return ctx.unknown_tensor(kind)
        dims = list(range(rank))
    where = axes(ctx, input, Seq(list(dims)))
    if where is None:
        rank = ctx.rank(input)
        return (
            ctx.unknown_tensor(kind)
            if rank is None
            else ctx.tensor([ctx.fresh()] * rank, dtype=kind)
        )
    wanted: list[Size | None] = [None] * len(where)
    if sizes is not None:
        listed = sizes.items if isinstance(sizes, Seq) else [sizes]
        if len(listed) != len(where):
            return ctx.unknown_tensor(kind)
        given = [ctx.size(s) for s in listed]
        wanted = [ctx.fresh() if g is None else None if g == -1 else g for g in given]
    out = dims_of(ctx, input)
    for place, size in zip(where, wanted):
        out[place] = out[place] if size is None else size
    last, given_last = where[-1], wanted[-1]
    if half == "real":
        out[last] = add(floordiv(out[last], 2), 1)
    elif half == "back" and given_last is None:
        out[last] = mul(sub(out[last], 1), 2)
    return ctx.tensor(out, lead=input.shape, dtype=kind)


def _one(half: str) -> Callable[..., Value]:
    def call(
        ctx: Context, input: Value, n: Value = None, dim: Value = -1, norm: Value = None
    ) -> Value:
        return _transform(ctx, input, n, [dim], half)

    return call


def _many(half: str, default: list[Value] | None) -> Callable[..., Value]:
    def call(
        ctx: Context, input: Value, s: Value = None, dim: Value = default, norm: Value = None
    ) -> Value:
        if isinstance(dim, Seq):
            return _transform(ctx, input, s, dim.items, half)
        if dim is None and isinstance(s, Seq):  # the last len(s) axes
            return _transform(ctx, input, s, list(range(-len(s.items), 0)), half)
        if dim is None or dim is default:
            return _transform(ctx, input, s, default if dim is not None else None, half)
        return ctx.unknown_tensor()

    return call


for _name, _half in (
    ("fft", ""),
    ("ifft", ""),
    ("rfft", "real"),
    ("irfft", "back"),
    ("hfft", "back"),
    ("ihfft", "real"),
):
    make = "torch.complex(zeros(2, 5), zeros(2, 5))" if _half == "back" else "zeros(2, 6)"
    function(
        f"torch.fft.{_name}",
        accepts=[
            f"torch.fft.{_name}({make})",
            f"torch.fft.{_name}({make}, n=4)",
            f"torch.fft.{_name}({make}, dim=0)",
        ],
        rejects=[f"torch.fft.{_name}({make}, dim=2)"],
    )(_one(_half))
for _name, _half in (("fft", ""), ("ifft", ""), ("rfft", "real"), ("irfft", "back")):
    make = "torch.complex(zeros(2, 3, 5), zeros(2, 3, 5))" if _half == "back" else "zeros(2, 3, 6)"
    function(
        f"torch.fft.{_name}2",
        accepts=[
            f"torch.fft.{_name}2({make})",
            f"torch.fft.{_name}2({make}, s=(4, 4))",
            f"torch.fft.{_name}2({make}, dim=(0, 1), norm='ortho')",
        ],
    )(_many(_half, [-2, -1]))
    function(
        f"torch.fft.{_name}n",
        accepts=[
            f"torch.fft.{_name}n({make})",
            f"torch.fft.{_name}n({make}, dim=(1,))",
            f"torch.fft.{_name}n({make}, s=(4, 4))",
        ],
    )(_many(_half, None))


@function(
    "torch.fft.fftshift",
    "torch.fft.ifftshift",
    accepts=["torch.fft.fftshift(zeros(2, 3))", "torch.fft.ifftshift(zeros(2, 3), dim=1)"],
)
def fftshift(ctx: Context, input: Value, dim: Value = None) -> Value:
    return ctx.same_shape(input) if isinstance(input, Tensor) else ctx.unknown_tensor()


@function("torch.fft.fftfreq", accepts=["torch.fft.fftfreq(6)"])
def fftfreq(ctx: Context, n: Value, d: Value = 1.0, **kwargs: Value) -> Value:
    size = ctx.size(n)
    return ctx.tensor([ctx.fresh() if size is None else size], dtype="float")


@function("torch.fft.rfftfreq", accepts=["torch.fft.rfftfreq(6)", "torch.fft.rfftfreq(7)"])
def rfftfreq(ctx: Context, n: Value, d: Value = 1.0, **kwargs: Value) -> Value:
    size = ctx.size(n)
    return ctx.tensor([ctx.fresh() if size is None else add(floordiv(size, 2), 1)], dtype="float")


@function("torch.stft", "torch.istft", "Tensor.stft", "Tensor.istft")
def stft(ctx: Context, input: Value, *args: Value, **kwargs: Value) -> Value:
    return ctx.unknown_tensor()
