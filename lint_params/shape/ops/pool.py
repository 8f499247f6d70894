"""Pooling with a sliding window: max, average and power-average pooling."""

from __future__ import annotations

from typing import Any

from lint_params.shape.context import Context
from lint_params.shape.ops import function, layer
from lint_params.shape.ops.layerwise import axes, flag, listed, paddings, ranked, reach, tensor_in
from lint_params.shape.sizes.dim import (
    NO,
    YES,
    Size,
    add,
    at_least,
    floordiv,
    minimum,
    mul,
    sub,
)
from lint_params.shape.value import Layer, Seq, Tensor, Value

RULE = "kernel-exceeds-input"


def pooled_size(
    ctx: Context, x: Tensor, size: Size, kernel: Size | None, stride: Size | None, padding: Size | None,
    dilation: Size | None, ceil: bool | None,
) -> Size:  # fmt: skip
    """The output size along one axis, with torch's correction for ``ceil_mode``."""
    span = reach(kernel, dilation)
    if stride == 0:
        ctx.refute(RULE, "{name} has a stride of 0{built}", 1, 0)
    known = kernel is not None and padding is not None
    if known and at_least(ctx.resolve(sub(kernel or 0, mul(2, padding or 0))), 0) is NO:
        text = "{name} pads {got}{built}, more than half of its kernel of {expected}"
        ctx.refute(RULE, text, kernel, padding)
    if span is None or padding is None or ceil is None:
        return ctx.fresh("size", low=1)
    padded = ctx.resolve(add(size, mul(2, padding)))
    room = sub(padded, span)
    extra: Size | None = sub(stride, 1) if ceil and stride is not None else 0
    if ceil and stride is None:
        return ctx.fresh("size", low=1)
    if extra is not None and at_least(add(room, extra), 0) is NO:
        text = (
            "{name} has a kernel of {expected}{built} but its padded input has only {got}{source}"
        )
        ctx.refute(RULE, text, span, padded, x)
    if stride is None:
        return ctx.fresh("size", low=1)
    steps = floordiv(add(room, extra or 0), stride)
    # The last window must start inside the input or its left padding.
    if ceil and at_least(ctx.resolve(sub(span, add(stride, padding))), 0) is not YES:
        steps = minimum(steps, floordiv(sub(add(size, padding), 1), stride))
    return add(steps, 1)


def pool(
    ctx: Context, n: int, input: Value, kernel: Value, stride: Value, padding: Value = 0,
    dilation: Value = 1, ceil_mode: Value = False, indices: Value = False,
) -> Value:  # fmt: skip
    """The output of a pooling window over the last n axes."""
    x = tensor_in(ctx, RULE, input, unproved=False)
    if not isinstance(x, Tensor):
        return x
    ranked(ctx, RULE, x, (n + 1, n + 2))
    sizes = ctx.last(x, n + 1)
    if sizes is None:
        return ctx.unknown("rank of the input")
    empty = stride is None or (isinstance(stride, Seq) and not stride.items)
    for what, value in (("kernel size", kernel), ("stride", None if empty else stride)):
        items = listed(value)
        if items is not None and len(items) not in (1, n):
            text = f"{{name}} takes a {what} of {{expected}} numbers{{built}} but gets {{got}}"
            ctx.refute(RULE, text, n, len(items))
    kernels = axes(ctx, kernel, n)
    strides = kernels if empty else axes(ctx, stride, n)
    ceil = flag(ctx, ceil_mode)
    pads, dilations = paddings(ctx, padding, n), axes(ctx, dilation, n)
    out = [
        pooled_size(ctx, x, size, k, s, p, d, ceil)
        for size, k, s, p, d in zip(sizes[1:], kernels, strides, pads, dilations)
    ]
    result = ctx.replace_last(x, n, out)
    both = flag(ctx, indices)
    if both is None:
        return ctx.unknown("return_indices")
    return Seq([result, ctx.same_shape(result, "int")], "tuple") if both else result


def _max_layer(n: int) -> Any:
    def forward(ctx: Context, layer: Layer, input: Tensor) -> Value:
        a = layer.attrs
        return pool(
            ctx, n, input, a["kernel_size"], a["stride"], a["padding"], a["dilation"], a["ceil_mode"],
            a["return_indices"],
        )  # fmt: skip

    return forward


def _avg_layer(n: int) -> Any:
    def forward(ctx: Context, layer: Layer, input: Tensor) -> Value:
        a = layer.attrs
        return pool(ctx, n, input, a["kernel_size"], a["stride"], a["padding"], 1, a["ceil_mode"])

    return forward


def _lp_layer(n: int) -> Any:
    def forward(ctx: Context, layer: Layer, input: Tensor) -> Value:
        a = layer.attrs
        return pool(ctx, n, input, a["kernel_size"], a["stride"], 0, 1, a["ceil_mode"])

    return forward


def _max_function(n: int, always: bool) -> Any:
    def call(
        ctx: Context, input: Tensor, kernel_size: Value, stride: Value = None, padding: Value = 0,
        dilation: Value = 1, ceil_mode: Value = False, return_indices: Value = False,
    ) -> Value:  # fmt: skip
        both = True if always else return_indices
        return pool(ctx, n, input, kernel_size, stride, padding, dilation, ceil_mode, both)

    return call


def _avg_function(n: int) -> Any:
    def call(
        ctx: Context, input: Tensor, kernel_size: Value, stride: Value = None, padding: Value = 0,
        ceil_mode: Value = False, count_include_pad: Value = True, divisor_override: Value = None,
    ) -> Value:  # fmt: skip
        return pool(ctx, n, input, kernel_size, stride, padding, 1, ceil_mode)

    return call


def _lp_function(n: int) -> Any:
    def call(
        ctx: Context, input: Tensor, norm_type: Value, kernel_size: Value, stride: Value = None,
        ceil_mode: Value = False,
    ) -> Value:  # fmt: skip
        return pool(ctx, n, input, kernel_size, stride, 0, 1, ceil_mode)

    return call


def _stride(ctx: Context, a: dict[str, Value]) -> Value:
    """torch's ``stride or kernel_size``."""
    empty = a["stride"] is None or a["stride"] == 0
    return a["kernel_size"] if empty else a["stride"]


def _stride_if_given(ctx: Context, a: dict[str, Value]) -> Value:
    return a["kernel_size"] if a["stride"] is None else a["stride"]


def _single(name: str, default: str | None = None) -> Any:
    """AvgPool1d keeps its arguments as tuples of one."""

    def read(ctx: Context, a: dict[str, Value]) -> Value:
        value = a[name] if a[name] is not None or default is None else a[default]
        return Seq(list(value.items), "tuple") if isinstance(value, Seq) else Seq([value], "tuple")

    return read


def _register(n: int) -> None:
    sizes = "9, 8, 10"[: 3 * n - 2 if n < 3 else None]
    x, single, wrong = f"zeros(2, 3, {sizes})", f"zeros(3, {sizes})", "zeros(9)"
    deep = "zeros(1, 1, 1, 1, 1, 9)"
    kernels = (3, 2, 4)[:n] if n > 1 else 3

    def examples(name: str, first: str = "") -> list[str]:
        return [
            f"{name}({first}3)({x})",
            f"{name}({first}3, 2)({single})",
            f"{name}({first}{kernels}, 2)({x})",
            f"{name}({first}2, stride={kernels}, ceil_mode=True)({x})",
            f"{name}({first}4, ceil_mode=True, stride=5)({x})",
        ]

    def refused(name: str, first: str = "") -> list[str]:
        return [
            f"{name}({first}11)({x})",
            f"{name}({first}2)({wrong})",
            f"{name}({first}2)({deep})",
            f"{name}({first}2)(({x}, 1))",
        ]

    def as_function(texts: list[str], name: str, function: str) -> list[str]:
        """The examples of a layer as calls of its function: f(x, *args)."""
        out = []
        for text in texts:
            args, x = text[len(name) + 1 :].split(")(", 1)
            out.append(f"{function}({x[:-1]}, {args})")
        return out

    name = f"nn.MaxPool{n}d"
    accepts = [
        *examples(name),
        f"{name}(3, 2, 1)({x})",
        f"{name}(2, 3, 1, 2)({x})",
        f"{name}(4, 3, padding=2, ceil_mode=True)({x})",
        f"{name}(2, stride=1, dilation=3, return_indices=True)({x})",
    ]
    rejects = [*refused(name), f"{name}(3, padding=2)({x})", f"{name}(2, dilation=9)({x})"]
    layer(
        f"torch.{name}",
        "kernel_size, stride=None, padding=0, dilation=1, return_indices=False, ceil_mode=False",
        attrs={"stride": _stride_if_given},
        accepts=accepts,
        rejects=rejects,
    )(_max_layer(n))
    function(
        f"torch.nn.functional.max_pool{n}d",
        accepts=as_function(
            [e for e in accepts if "return_indices" not in e], name, f"F.max_pool{n}d"
        ),
        rejects=as_function(rejects, name, f"F.max_pool{n}d"),
    )(_max_function(n, False))
    function(
        f"torch.nn.functional.max_pool{n}d_with_indices",
        accepts=[f"F.max_pool{n}d_with_indices({x}, 3, 2)"],
        rejects=[f"F.max_pool{n}d_with_indices({x}, 12)"],
    )(_max_function(n, True))

    name = f"nn.AvgPool{n}d"
    accepts = [
        *examples(name),
        f"{name}(3, 2, 1)({x})",
        f"{name}(4, 3, padding=2, ceil_mode=True, count_include_pad=False)({x})",
    ]
    rejects = [*refused(name), f"{name}(3, padding=2)({x})"]
    more = "" if n == 1 else ", divisor_override=None"
    layer(
        f"torch.{name}",
        f"kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True{more}",
        attrs={
            "kernel_size": _single("kernel_size"),
            "stride": _single("stride", "kernel_size"),
            "padding": _single("padding"),
        }
        if n == 1
        else {"stride": _stride if n == 3 else _stride_if_given},
        accepts=accepts,
        rejects=rejects,
    )(_avg_layer(n))
    function(
        f"torch.nn.functional.avg_pool{n}d",
        accepts=as_function(accepts, name, f"F.avg_pool{n}d"),
        rejects=as_function(rejects, name, f"F.avg_pool{n}d"),
    )(_avg_function(n))

    name = f"nn.LPPool{n}d"
    accepts = [e for e in examples(name, "2, ")]
    rejects = refused(name, "2, ")
    layer(
        f"torch.{name}",
        "norm_type, kernel_size, stride=None, ceil_mode=False",
        accepts=accepts,
        rejects=rejects,
    )(_lp_layer(n))
    function(
        f"torch.nn.functional.lp_pool{n}d",
        accepts=as_function(accepts, name, f"F.lp_pool{n}d"),
        rejects=as_function(rejects, name, f"F.lp_pool{n}d"),
    )(_lp_function(n))


for _n in (1, 2, 3):
    _register(_n)
