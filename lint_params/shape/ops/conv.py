"""Convolutions: Conv1d to Conv3d and their functions."""

from __future__ import annotations

from typing import Any

from lint_params.shape.context import Context
from lint_params.shape.ops import function, layer
from lint_params.shape.ops.arguments import size_or_fresh
from lint_params.shape.ops.layerwise import (
    axes,
    flag,
    must_equal,
    paddings,
    quoted,
    ranked,
    sure_int,
    tensor_in,
    tuple_attr,
    window,
)
from lint_params.shape.ops.padding import check_padding
from lint_params.shape.sizes.dim import NO, Size, at_least, floordiv, mul
from lint_params.shape.value import Layer, Seq, Tensor, Value, as_size

RULE = "conv-channel-mismatch"
CONSTRUCT = "indivisible-channels"
PRODUCT = "parameter-product-mismatch"

SIGNATURE = (
    "in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True,"
    " padding_mode='zeros', device=None, dtype=None"
)
TAKES = "{name} takes {expected} channels{built} but gets {got}{source}"


def check_groups(ctx: Context, a: dict[str, Value]) -> None:
    """What torch's constructors demand of the channels, for every kind of convolution."""
    groups = ctx.size(a["groups"])
    if groups is None:
        return
    if at_least(groups, 1) is NO:
        ctx.refute(CONSTRUCT, "groups must be positive but is {got}", 1, groups)
    for name in ("in_channels", "out_channels"):
        size = ctx.size(a[name])
        if size is not None and groups != 1:
            ctx.divisible(
                CONSTRUCT,
                size,
                groups,
                f"{name} ({{got}}) must be divisible by groups ({{expected}})",
            )


def _construct(ctx: Context, a: dict[str, Value]) -> None:
    check_groups(ctx, a)
    padding, mode = a["padding"], a["padding_mode"]
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            ctx.refute(
                CONSTRUCT, f"padding must be a number, 'same' or 'valid' but is {quoted(padding)}"
            )
        strides = axes(ctx, a["stride"], 1) if as_size(a["stride"]) is not None else ()
        if padding == "same" and any(isinstance(s, int) and s != 1 for s in strides):
            ctx.refute(
                CONSTRUCT, "padding='same' needs a stride of 1 but gets {got}", 1, strides[0]
            )
    if isinstance(mode, str) and mode not in ("zeros", "reflect", "replicate", "circular"):
        ctx.refute(CONSTRUCT, f"padding_mode {quoted(mode)} is none of torch's")


def channels(ctx: Context, value: Value) -> Size:
    """A number of channels; one that is not known is a fresh size."""
    return size_or_fresh(ctx, value, "channels")


def kernel_dims(ctx: Context, value: Value, n: int) -> tuple[Size, ...]:
    return tuple(ctx.fresh("kernel", low=1) if k is None else k for k in axes(ctx, value, n))


def _params(n: int) -> Any:
    def params(ctx: Context, a: dict[str, Value]) -> dict[str, tuple[Size, ...] | None]:
        into, out = channels(ctx, a["in_channels"]), channels(ctx, a["out_channels"])
        by = channels(ctx, a["groups"])
        weight = (out, ctx.resolve(floordiv(into, by)), *kernel_dims(ctx, a["kernel_size"], n))
        return {"weight": weight, "bias": None if flag(ctx, a["bias"]) is False else (out,)}

    return params


def attrs(n: int, *more: str) -> dict[str, Any]:
    """The attributes that torch keeps as tuples."""
    return {
        name: tuple_attr(name, n)
        for name in ("kernel_size", "stride", "padding", "dilation", *more)
    }


def weight_of(ctx: Context, layer: Layer, n: int) -> tuple[Size, ...] | None:
    weight = layer.attrs.get("weight")
    dims = ctx.dims(weight) if isinstance(weight, Tensor) else None
    return dims if dims is not None and len(dims) == n + 2 else None


def convolve(
    ctx: Context, rule: str, n: int, x: Tensor, weight: tuple[Size, ...], how: dict[str, Value]
) -> Value:
    """The output of a convolution whose weight is (out, in / groups, *kernel)."""
    ranked(ctx, rule, x, (n + 1, n + 2))
    sizes = ctx.last(x, n + 1)
    groups = ctx.size(how["groups"])
    if sizes is None:
        return ctx.unknown("rank of the input")
    if groups is None:
        ctx.unproved(rule, "number of groups")
    else:
        ctx.need(rule, ctx.resolve(mul(weight[1], groups)), sizes[0], TAKES, tensor=x)
    padding = how["padding"]
    strides, dilations = axes(ctx, how["stride"], n), axes(ctx, how["dilation"], n)
    mode = how.get("padding_mode", "zeros")
    if padding == "same":
        return ctx.replace_last(x, n + 1, (weight[0], *sizes[1:]))
    pads = (0,) * n if padding == "valid" else paddings(ctx, padding, n)
    if mode in ("reflect", "circular") and None not in pads:
        check_padding(ctx, x, sizes[1:], [(p, p) for p in pads if p is not None], mode)
    out = [
        window(ctx, size, k, s, p, d, x)
        for size, k, s, p, d in zip(sizes[1:], weight[2:], strides, pads, dilations)
    ]
    return ctx.replace_last(x, n + 1, (weight[0], *out))


def convolution(n: int) -> Any:
    """The forward of ConvNd."""

    def forward(ctx: Context, layer: Layer, input: Tensor) -> Value:
        x = tensor_in(ctx, RULE, input)
        if not isinstance(x, Tensor):
            return x
        weight = weight_of(ctx, layer, n)
        if weight is None:
            ctx.unproved(RULE, "size of the layer")
            return ctx.unknown("size of the layer")
        return convolve(ctx, RULE, n, x, weight, layer.attrs)

    return forward


def _register(n: int) -> None:
    axis_sizes = "9, 8, 7"[: 3 * n - 2]
    batched, single = f"zeros(2, 4, {axis_sizes})", f"zeros(4, {axis_sizes})"
    name = f"nn.Conv{n}d"
    layer(
        f"torch.nn.Conv{n}d",
        SIGNATURE,
        params=_params(n),
        construct=_construct,
        attrs={**attrs(n), "output_padding": lambda ctx, a: Seq([0] * n, "tuple")},
        accepts=[
            f"{name}(4, 6, 3)({batched})",
            f"{name}(4, 6, 3)({single})",
            f"{name}(4, 6, 3, 2, 1)({batched})",
            f"{name}(4, 6, kernel_size=3, stride=2, padding=2, dilation=2)({batched})",
            f"{name}(4, 8, 3, groups=4, bias=False)({batched})",
            f"{name}(4, 8, 3, padding='same')({batched})",
            f"{name}(4, 8, 4, padding='same', dilation=1)({batched})",
            f"{name}(4, 8, 3, padding='valid', stride=2)({batched})",
            f"{name}(4, 8, 3, padding=1, padding_mode='circular')({batched})",
            f"{name}(4, 8, 3, padding=2, padding_mode='reflect')({batched})",
            f"{name}(4, 8, {(3, 2, 1)[:n]}, {(1, 2, 3)[:n]}, {(0, 1, 2)[:n]})({batched})",
        ],
        rejects=[
            f"{name}(3, 6, 3)({batched})",
            f"{name}(3, 6, 3)({single})",
            f"{name}(4, 6, 10)({batched})",
            f"{name}(4, 6, 5, dilation=3)({batched})",
            f"{name}(4, 6, 3)(zeros(4))",
            f"{name}(4, 6, 3)(zeros(1, 1, 1, 4, 9, 9, 9))",
            f"{name}(4, 6, 3, groups=3)",
            f"{name}(6, 4, 3, groups=3)",
            f"{name}(4, 6, 3, groups=0)",
            f"{name}(4, 6, 3, padding='big')",
            f"{name}(4, 6, 3, stride=2, padding='same')",
            f"{name}(4, 6, 3, padding_mode='mirror')",
            f"{name}(4, 6, 3, padding=9, padding_mode='reflect')({batched})",
            f"{name}(4, 6, 3)(({batched}, 1))",
        ],
    )(convolution(n))

    def functional(
        ctx: Context, input: Tensor, weight: Tensor, bias: Value = None, stride: Value = 1,
        padding: Value = 0, dilation: Value = 1, groups: Value = 1,
    ) -> Value:  # fmt: skip
        x = tensor_in(ctx, PRODUCT, input)
        if not isinstance(x, Tensor):
            return x
        dims = ctx.of_rank(weight, n + 2) if isinstance(weight, Tensor) else None
        if dims is None:
            if isinstance(weight, Tensor) and not weight.shape.lead:
                text = f"{{name}} takes a weight of {n + 2} dimensions but gets {{got}}"
                ctx.refute(PRODUCT, text, n + 2, ctx.rank(weight), weight)
            ctx.unproved(PRODUCT, "weight is no known tensor")
            return ctx.unknown("weight is no known tensor")
        check_bias(ctx, bias, dims[0])
        how = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        count = sure_int(groups)
        if count is not None and count > 1:
            text = (
                "{name} takes a weight for a multiple of {expected} groups but gets {got} channels"
            )
            ctx.divisible(PRODUCT, dims[0], count, text)
        return convolve(ctx, PRODUCT, n, x, dims, how)

    kernel = "3, 3, 3"[: 3 * n - 2]
    function(
        f"torch.nn.functional.conv{n}d",
        f"torch.conv{n}d",
        accepts=[
            f"F.conv{n}d({batched}, zeros(6, 4, {kernel}))",
            f"F.conv{n}d({single}, zeros(6, 4, {kernel}), zeros(6), 2, 1)",
            f"F.conv{n}d({batched}, zeros(6, 2, {kernel}), stride=2, padding=1, dilation=2, groups=2)",
            f"torch.conv{n}d({batched}, zeros(6, 4, {kernel}), padding='same')",
        ],
        rejects=[
            f"F.conv{n}d({batched}, zeros(6, 3, {kernel}))",
            f"F.conv{n}d({batched}, zeros(6, 4, {kernel}), zeros(5))",
            f"F.conv{n}d({batched}, zeros(6, 4, 3, 3, 3, 3))",
            f"F.conv{n}d({batched}, zeros(5, 2, {kernel}), groups=2)",
        ],
    )(functional)


def check_bias(ctx: Context, bias: Value, out: Size) -> None:
    dims = ctx.dims(bias) if isinstance(bias, Tensor) else None
    if dims is None or not isinstance(bias, Tensor):
        return
    if len(dims) != 1:
        ctx.refute(PRODUCT, "{name} takes a bias of 1 dimension but gets {got}", 1, len(dims), bias)
    must_equal(ctx, PRODUCT, out, dims[0], "{name} takes a bias of {expected} but gets {got}", bias)


for _n in (1, 2, 3):
    _register(_n)
