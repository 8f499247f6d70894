"""Transposed convolutions: ConvTranspose1d to ConvTranspose3d and their functions."""

from __future__ import annotations

from typing import Any

from lint_params.shape.context import Context
from lint_params.shape.ops import function, layer
from lint_params.shape.ops.conv import (
    PRODUCT,
    RULE,
    TAKES,
    attrs,
    channels,
    check_bias,
    check_groups,
    kernel_dims,
    weight_of,
)
from lint_params.shape.ops.layerwise import axes, flag, paddings, quoted, ranked, reach, tensor_in
from lint_params.shape.sizes.dim import NO, YES, Size, add, at_least, floordiv, maximum, mul, sub
from lint_params.shape.value import Layer, Seq, Tensor, Value

SMALL = "kernel-exceeds-input"
SIGNATURE = (
    "in_channels, out_channels, kernel_size, stride=1, padding=0, output_padding=0, groups=1, bias=True,"
    " dilation=1, padding_mode='zeros', device=None, dtype=None"
)


def _construct(ctx: Context, a: dict[str, Value]) -> None:
    check_groups(ctx, a)
    mode = a["padding_mode"]
    if isinstance(mode, str) and mode != "zeros":
        text = f"a transposed convolution pads with zeros only, not {quoted(mode)}"
        ctx.refute("indivisible-channels", text)


def _params(n: int) -> Any:
    def params(ctx: Context, a: dict[str, Value]) -> dict[str, tuple[Size, ...] | None]:
        into, out = channels(ctx, a["in_channels"]), channels(ctx, a["out_channels"])
        by = channels(ctx, a["groups"])
        weight = (into, ctx.resolve(floordiv(out, by)), *kernel_dims(ctx, a["kernel_size"], n))
        return {"weight": weight, "bias": None if flag(ctx, a["bias"]) is False else (out,)}

    return params


def enlarged(
    ctx: Context, x: Tensor, size: Size, kernel: Size | None, stride: Size | None, padding: Size | None,
    dilation: Size | None,
) -> Size | None:  # fmt: skip
    """(in - 1) * stride - 2 * padding + the reach of the kernel."""
    span = reach(kernel, dilation)
    if span is None or stride is None or padding is None:
        return None
    return ctx.resolve(add(sub(mul(sub(size, 1), stride), mul(2, padding)), span))


def wanted_size(ctx: Context, value: Value, n: int) -> tuple[Size | None, ...] | None:
    """The last n of the sizes that ``output_size`` names."""
    if not isinstance(value, Seq):
        return None
    sizes = [ctx.size(v) for v in value.items[-n:]]
    return tuple(sizes) if len(sizes) == n else None


def convolve_transposed(
    ctx: Context, rule: str, n: int, x: Tensor, weight: tuple[Size, ...], how: dict[str, Value],
    output_size: Value = None,
) -> Value:  # fmt: skip
    ranked(ctx, rule, x, (n + 1, n + 2))
    sizes = ctx.last(x, n + 1)
    if sizes is None:
        return ctx.unknown("rank of the input")
    ctx.need(rule, weight[0], sizes[0], TAKES, tensor=x)
    groups = ctx.size(how["groups"])
    out = ctx.fresh("channels", low=1) if groups is None else ctx.resolve(mul(weight[1], groups))
    pads, more = (paddings(ctx, how[name], n) for name in ("padding", "output_padding"))
    strides, dilations = (axes(ctx, how[name], n) for name in ("stride", "dilation"))
    wanted = wanted_size(ctx, output_size, n)
    new: list[Size] = []
    for i in range(n):
        least = enlarged(ctx, x, sizes[i + 1], weight[i + 2], strides[i], pads[i], dilations[i])
        if output_size is not None:
            goal = wanted[i] if wanted is not None else None
            stride = strides[i]
            if goal is not None and least is not None and stride is not None:
                beyond = at_least(ctx.resolve(sub(goal, add(least, stride))), 0) is YES
                if beyond or at_least(ctx.resolve(sub(goal, least)), 0) is NO:
                    text = (
                        "{name} cannot give an output of {got}: the smallest is {expected}{built}"
                    )
                    ctx.refute(SMALL, text, least, goal, x)
            new.append(ctx.fresh("size", low=1) if goal is None else goal)
            continue
        extra, stride, dilation = more[i], strides[i], dilations[i]
        if extra is not None and stride is not None and dilation is not None:
            limit = maximum(stride, dilation)
            if at_least(ctx.resolve(sub(extra, limit)), 0) is YES:
                text = "{name} has an output padding of {got}, not below its stride or dilation of {expected}{built}"
                ctx.refute(SMALL, text, limit, extra)
        size = None if least is None or extra is None else add(least, extra)
        if size is not None and at_least(size, 0) is NO:
            ctx.refute(SMALL, "{name} would give an output of {got} elements{source}", 0, size, x)
        new.append(ctx.fresh("size", low=1) if size is None else size)
    return ctx.replace_last(x, n + 1, (out, *new))


def transposed(n: int) -> Any:
    """The forward of ConvTransposeNd."""

    def forward(ctx: Context, layer: Layer, input: Tensor, output_size: Value = None) -> Value:
        x = tensor_in(ctx, RULE, input)
        if not isinstance(x, Tensor):
            return x
        weight = weight_of(ctx, layer, n)
        if weight is None:
            ctx.unproved(RULE, "size of the layer")
            return ctx.unknown("size of the layer")
        return convolve_transposed(ctx, RULE, n, x, weight, layer.attrs, output_size)

    return forward


def _register(n: int) -> None:
    sizes = "5, 4, 3"[: 3 * n - 2]
    batched, single = f"zeros(2, 4, {sizes})", f"zeros(4, {sizes})"
    name = f"nn.ConvTranspose{n}d"
    goal = {1: "[10]", 2: "[10, 8]", 3: "[10, 8, 6]"}[n]
    layer(
        f"torch.{name}",
        SIGNATURE,
        params=_params(n),
        construct=_construct,
        attrs=attrs(n, "output_padding"),
        accepts=[
            f"{name}(4, 6, 3)({batched})",
            f"{name}(4, 6, 3, 2, 1)({single})",
            f"{name}(4, 6, 3, stride=2, padding=1, output_padding=1)({batched})",
            f"{name}(4, 6, 3, 2, 1, 1, 2, False, 2)({batched})",
            f"{name}(4, 6, 2, 2)({batched}, output_size={goal})",
            f"{name}(4, 6, {(3, 2, 1)[:n]}, {(1, 2, 3)[:n]})({batched})",
        ],
        rejects=[
            f"{name}(3, 6, 3)({batched})",
            f"{name}(3, 6, 3)({single})",
            f"{name}(4, 6, 3)(zeros(4))",
            f"{name}(4, 6, 3, groups=3)",
            f"{name}(4, 6, 3, padding_mode='reflect')",
            f"{name}(4, 6, 3, output_padding=1)({batched})",
            f"{name}(4, 6, 2, padding=9)({batched})",
            f"{name}(4, 6, 2, 2)({batched}, output_size={goal.replace('10', '13')})",
            f"{name}(4, 6, 3)(({batched}, 1))",
        ],
    )(transposed(n))

    def functional(
        ctx: Context, input: Tensor, weight: Tensor, bias: Value = None, stride: Value = 1,
        padding: Value = 0, output_padding: Value = 0, groups: Value = 1, dilation: Value = 1,
    ) -> Value:  # fmt: skip
        x = tensor_in(ctx, PRODUCT, input)
        dims = ctx.of_rank(weight, n + 2) if isinstance(weight, Tensor) else None
        if not isinstance(x, Tensor) or dims is None:
            return ctx.unknown("input or weight is no known tensor")
        count = ctx.size(groups)
        if count is not None:
            check_bias(ctx, bias, ctx.resolve(mul(dims[1], count)))
        how = {
            "stride": stride,
            "padding": padding,
            "output_padding": output_padding,
            "groups": groups,
        }
        return convolve_transposed(ctx, PRODUCT, n, x, dims, {**how, "dilation": dilation})

    kernel = "3, 3, 3"[: 3 * n - 2]
    function(
        f"torch.nn.functional.conv_transpose{n}d",
        f"torch.conv_transpose{n}d",
        accepts=[
            f"F.conv_transpose{n}d({batched}, zeros(4, 6, {kernel}))",
            f"F.conv_transpose{n}d({single}, zeros(4, 3, {kernel}), zeros(6), 2, 1, 1, 2)",
        ],
        rejects=[
            f"F.conv_transpose{n}d({batched}, zeros(6, 4, {kernel}))",
            f"F.conv_transpose{n}d({batched}, zeros(4, 6, {kernel}), zeros(4))",
        ],
    )(functional)


for _n in (1, 2, 3):
    _register(_n)
