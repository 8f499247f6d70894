"""Resizing: interpolate and the Upsample layers."""

from __future__ import annotations

from fractions import Fraction
from math import floor

from lint_params.shape.context import Context
from lint_params.shape.ops import function, layer
from lint_params.shape.ops.layerwise import listed, quoted, ranked, tensor_in
from lint_params.shape.sizes.dim import NO, Poly, Size, at_least, floordiv, mul
from lint_params.shape.value import Config, Layer, Seq, Tensor, Value

RULE = "view-size-mismatch"
RANKS = {
    "nearest": (3, 4, 5),
    "nearest-exact": (3, 4, 5),
    "area": (3, 4, 5),
    "linear": (3,),
    "bilinear": (4,),
    "bicubic": (4,),
    "lanczos": (4,),
    "trilinear": (5,),
}


def scaled(ctx: Context, size: Size, factor: Value, mode: Value) -> Size:
    """floor(size * factor), in floating point as torch computes it."""
    out: Size | None = None
    if isinstance(factor, (Poly, int)):
        out = mul(size, ctx.resolve(factor))
    elif isinstance(factor, float) and factor > 0:
        if isinstance(size, int):
            out = floor(float(size) * factor)
        else:
            exact = Fraction(factor)
            # A float of a short fraction (0.5, 1.75) multiplies without rounding.
            if exact.denominator <= 1024:
                out = floordiv(mul(size, exact.numerator), exact.denominator)
    if out is None:
        return ctx.fresh("size", low=1)
    if at_least(out, 1) is NO and mode != "area":
        ctx.refute(RULE, "{name} would give an output of {got} elements{built}", 1, out)
    return out


def resized(ctx: Context, input: Value, size: Value, factor: Value, mode: Value) -> Value:
    x = tensor_in(ctx, RULE, input, unproved=False)
    if not isinstance(x, Tensor):
        return x
    if isinstance(mode, str):
        if mode not in RANKS:
            ctx.refute(RULE, f"{{name}} has no mode {quoted(mode)}{{built}}")
        given = listed(size) or listed(factor)
        many = None if given is None else len(given)
        if many is not None and ctx.rank(x) in RANKS[mode]:
            text = "{name} takes {expected} sizes, one an axis of its input{source}, but gets {got}{built}"
            if len(x.shape.dims) - 2 != many:
                ctx.refute(RULE, text, len(x.shape.dims) - 2, many, x)
        fitting = [r for r in RANKS[mode] if many is None or r == many + 2]
        if x.shape.lead and x.free and len(fitting) > 1:
            # Every rank is batched here: that x is free tells nothing.
            return ctx.tensor((), lead=True, like=x)
        ranked(ctx, RULE, x, fitting or RANKS[mode])
    if size is None and factor is None:
        return ctx.unknown_tensor(x.dtype)  # both are defaults that a caller replaces
    if all(isinstance(v, (int, float, Seq)) for v in (size, factor)):
        ctx.refute(RULE, "{name} takes a size or a scale factor, not both{built}")
    dims = ctx.dims(x)
    if dims is None:
        return ctx.tensor((), lead=True, like=x)
    old = dims[2:]
    if size is not None:
        # An argument of unknown type is as likely to be a pair as a number.
        sizes = listed(size) or [None if isinstance(size, (Config, Seq)) else size] * len(old)
        new = [ctx.size(s) for s in sizes]
    else:
        factors = listed(factor) or [factor] * len(old)
        new = [scaled(ctx, s, f, mode) for s, f in zip(old, factors)]
    out = [ctx.fresh("size", low=1) if s is None else s for s in new]
    return ctx.tensor((*dims[:2], *out), like=x)


def _floats(ctx: Context, a: dict[str, Value]) -> Value:
    """torch keeps scale factors as floats."""
    value = a["scale_factor"]
    items = listed(value)
    if items is not None:
        return Seq([float(v) if isinstance(v, int) else v for v in items], "tuple")
    return float(value) if isinstance(value, int) else value


@layer(
    "torch.nn.Upsample",
    "size=None, scale_factor=None, mode='nearest', align_corners=None, recompute_scale_factor=None",
    attrs={"scale_factor": _floats},
    accepts=[
        "nn.Upsample(7)(zeros(2, 3, 4))",
        "nn.Upsample((7, 8), mode='bilinear')(zeros(2, 3, 4, 5))",
        "nn.Upsample(scale_factor=2)(zeros(2, 3, 4, 5))",
        "nn.Upsample(scale_factor=2.5, mode='bicubic', align_corners=True)(zeros(2, 3, 4, 5))",
        "nn.Upsample(scale_factor=(1, 2, 0.5))(zeros(2, 3, 4, 5, 6))",
        "nn.Upsample(scale_factor=0.3)(zeros(2, 3, 10))",
    ],
    rejects=[
        "nn.Upsample(7, 2)(zeros(2, 3, 4))",
        "nn.Upsample((7, 8))(zeros(2, 3, 4))",
        "nn.Upsample(scale_factor=(2, 2))(zeros(2, 3, 4))",
        "nn.Upsample(7)(zeros(4, 4))",
        "nn.Upsample(7, mode='bilinear')(zeros(2, 3, 4))",
        "nn.Upsample(7, mode='cubic')(zeros(2, 3, 4))",
        "nn.Upsample(scale_factor=0.1)(zeros(2, 3, 4))",
        "nn.Upsample(7)((zeros(2, 3, 4), 1))",
    ],
)
def upsample_layer(ctx: Context, layer: Layer, input: Tensor) -> Value:
    a = layer.attrs
    return resized(ctx, input, a["size"], a["scale_factor"], a["mode"])


def _fixed(name: str, mode: str) -> None:
    def forward(ctx: Context, layer: Layer, input: Tensor) -> Value:
        return resized(ctx, input, layer.attrs["size"], layer.attrs["scale_factor"], mode)

    layer(
        f"torch.nn.{name}",
        "size=None, scale_factor=None",
        attrs={
            "mode": lambda ctx, a: mode,
            "scale_factor": _floats,
            "align_corners": lambda ctx, a: True if mode == "bilinear" else None,
            "recompute_scale_factor": lambda ctx, a: None,
        },
        accepts=[
            f"nn.{name}(7)(zeros(2, 3, 4, 5))",
            f"nn.{name}(scale_factor=2)(zeros(2, 3, 4, 5))",
        ],
        rejects=[f"nn.{name}((7, 8, 9))(zeros(2, 3, 4, 5))", f"nn.{name}(2)(zeros(4, 5))"],
    )(forward)


_fixed("UpsamplingNearest2d", "nearest")
_fixed("UpsamplingBilinear2d", "bilinear")


@function(
    "torch.nn.functional.interpolate",
    accepts=[
        "F.interpolate(zeros(2, 3, 4, 5), (7, 8), mode='bilinear', align_corners=False)",
        "F.interpolate(zeros(2, 3, 4, 5), scale_factor=0.5, mode='area')",
        "F.interpolate(zeros(2, 3, 4), size=9, mode='linear')",
        "F.interpolate(zeros(2, 3, 4, 5), scale_factor=[2, 3.5], recompute_scale_factor=True)",
    ],
    rejects=[
        "F.interpolate(zeros(2, 3, 4, 5), (7,))",
        "F.interpolate(zeros(3, 4, 5), size=(7, 8), mode='bilinear')",
    ],
)
def interpolate(
    ctx: Context, input: Tensor, size: Value = None, scale_factor: Value = None, mode: Value = "nearest",
    align_corners: Value = None, recompute_scale_factor: Value = None, antialias: Value = False,
) -> Value:  # fmt: skip
    return resized(ctx, input, size, scale_factor, mode)


@function(
    "torch.nn.functional.upsample",
    accepts=["F.upsample(zeros(2, 3, 4), 7)", "F.upsample(zeros(2, 3, 4), scale_factor=2)"],
    rejects=["F.upsample(zeros(2, 3, 4), (7, 7))"],
)
def upsample(
    ctx: Context, input: Tensor, size: Value = None, scale_factor: Value = None, mode: Value = "nearest",
    align_corners: Value = None,
) -> Value:  # fmt: skip
    return resized(ctx, input, size, scale_factor, mode)


@function(
    "torch.nn.functional.upsample_nearest",
    accepts=["F.upsample_nearest(zeros(2, 3, 4), 7)"],
    rejects=["F.upsample_nearest(zeros(2, 3, 4), (7, 7))"],
)
def upsample_nearest(
    ctx: Context, input: Tensor, size: Value = None, scale_factor: Value = None
) -> Value:
    return resized(ctx, input, size, scale_factor, "nearest")


@function(
    "torch.nn.functional.upsample_bilinear",
    accepts=["F.upsample_bilinear(zeros(2, 3, 4, 4), 7)"],
    rejects=["F.upsample_bilinear(zeros(2, 3, 4), 7)"],
)
def upsample_bilinear(
    ctx: Context, input: Tensor, size: Value = None, scale_factor: Value = None
) -> Value:
    return resized(ctx, input, size, scale_factor, "bilinear")
