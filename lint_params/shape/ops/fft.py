"""Fourier transforms: which sizes stay, which become n // 2 + 1."""

from __future__ import annotations

from collections.abc import Callable

from lint_params.shape.context import Context
from lint_params.shape.ops import function
from lint_params.shape.ops.arguments import axes, dims_of
from lint_params.shape.sizes.dim import Size, add, floordiv, mul, sub
from lint_params.shape.value import Seq, Tensor, Unknown, Value


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


@function(
    "torch.stft",
    "Tensor.stft",
    accepts=[
        "torch.stft(zeros(2, 64), 16, return_complex=True)",
        "torch.stft(zeros(64), 15, 5, return_complex=True)",
        "torch.stft(zeros(2, 64), n_fft=16, hop_length=3, center=False, return_complex=True)",
        "torch.stft(zeros(2, 64), 16, onesided=False, return_complex=True)",
        "torch.stft(zeros(2, 64), 16, 4, 16, zeros(16), return_complex=False)",
        "zeros(2, 64).stft(16, return_complex=True)",
        "torch.stft(torch.complex(zeros(2, 64), zeros(2, 64)), 16, return_complex=True)",
    ],
)
def stft(
    ctx: Context, input: Value, n_fft: Value = None, hop_length: Value = None, win_length: Value = None,
    window: Value = None, center: Value = True, pad_mode: Value = "reflect", normalized: Value = False,
    onesided: Value = None, return_complex: Value = None, align_to_window: Value = None,
) -> Value:  # fmt: skip
    """[..., length] to [..., bins, frames], and a last two for the parts of a complex number."""
    bins = ctx.size(n_fft)
    if not isinstance(input, Tensor) or bins is None or not isinstance(return_complex, bool):
        return ctx.unknown_tensor()
    if ctx.rank(input) is None and not input.shape.dims:
        return ctx.unknown_tensor()
    *before, length = dims_of(ctx, input)
    hop = floordiv(bins, 4) if hop_length is None else ctx.size(hop_length)
    known = hop is not None and hop != 0 and isinstance(center, bool)
    kinds = {input.dtype, getattr(window, "dtype", "float")}
    if onesided is None:
        onesided = False if "complex" in kinds else True if None not in kinds else Unknown("onesided")
    frames: Size = ctx.fresh()
    if known and hop is not None:
        frames = add(floordiv(length if center else sub(length, bins), hop), 1)
    one = bins if onesided is False else add(floordiv(bins, 2), 1)
    rows = one if isinstance(onesided, bool) else ctx.fresh()
    parts: list[Size] = [] if return_complex else [2]
    kind = "complex" if return_complex else "float"
    return ctx.tensor([*before, rows, frames, *parts], lead=input.shape, dtype=kind)


@function("torch.istft", "Tensor.istft")
def istft(ctx: Context, input: Value, *args: Value, **kwargs: Value) -> Value:
    return ctx.unknown_tensor()
