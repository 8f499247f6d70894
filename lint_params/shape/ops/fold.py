"""Fold and Unfold: between an image and the columns of its patches."""

from __future__ import annotations

from lint_params.shape.context import Context
from lint_params.shape.ops import function, layer
from lint_params.shape.ops.layerwise import axes, must_equal, ranked, tensor_in, window
from lint_params.shape.sizes.dim import Size, floordiv, product
from lint_params.shape.value import Layer, Tensor, Value

RULE = "view-size-mismatch"
NAMES = ("kernel_size", "stride", "padding", "dilation")


def _places(
    ctx: Context, x: Tensor | None, sizes: tuple[Size, ...], how: dict[str, Value]
) -> list[Size]:
    """How many places the window has along each axis."""
    kernels, strides, pads, dilations = (axes(ctx, how[name], 2) for name in NAMES)
    return [window(ctx, *parts, x) for parts in zip(sizes, kernels, strides, pads, dilations)]


def _patch(ctx: Context, kernel: Value) -> Size:
    sizes = axes(ctx, kernel, 2)
    known = [s for s in sizes if s is not None]
    return product(known) if len(known) == 2 else ctx.fresh("patch", low=1)


def unfolded(ctx: Context, input: Value, how: dict[str, Value]) -> Value:
    x = tensor_in(ctx, RULE, input, unproved=False)
    if not isinstance(x, Tensor):
        return x
    ranked(ctx, RULE, x, (3, 4))
    sizes = ctx.last(x, 3)
    if sizes is None:
        return ctx.unknown("rank of the input")
    places = _places(ctx, x, sizes[1:], how)
    column = product([sizes[0], _patch(ctx, how["kernel_size"])])
    return ctx.replace_last(x, 3, (column, product(places)))


def folded(ctx: Context, input: Value, output_size: Value, how: dict[str, Value]) -> Value:
    x = tensor_in(ctx, RULE, input, unproved=False)
    if not isinstance(x, Tensor):
        return x
    ranked(ctx, RULE, x, (2, 3))
    sizes, wanted = ctx.last(x, 2), axes(ctx, output_size, 2)
    if sizes is None:
        return ctx.unknown("rank of the input")
    patch = _patch(ctx, how["kernel_size"])
    text = (
        "{name} takes columns that are a multiple of its {expected} kernel elements but gets {got}"
    )
    ctx.divisible("indivisible-channels", sizes[0], patch, text)
    goal = tuple(ctx.fresh("size", low=1) if s is None else s for s in wanted)
    places = product(_places(ctx, None, goal, how))
    text = "{name} takes {expected} columns, one a place of its kernel, but gets {got}{source}"
    must_equal(ctx, RULE, places, sizes[1], text, x)
    return ctx.replace_last(x, 2, (ctx.resolve(floordiv(ctx.resolve(sizes[0]), patch)), *goal))


@layer(
    "torch.nn.Unfold",
    "kernel_size, dilation=1, padding=0, stride=1",
    accepts=[
        "nn.Unfold(3)(zeros(2, 4, 8, 7))",
        "nn.Unfold((3, 2), dilation=2, padding=1, stride=2)(zeros(4, 8, 7))",
    ],
    rejects=["nn.Unfold(9)(zeros(2, 4, 8, 7))", "nn.Unfold(3)(zeros(8, 7))"],
)
def unfold_layer(ctx: Context, layer: Layer, input: Tensor) -> Value:
    return unfolded(ctx, input, layer.attrs)


@layer(
    "torch.nn.Fold",
    "output_size, kernel_size, dilation=1, padding=0, stride=1",
    accepts=[
        "nn.Fold((8, 7), 3)(zeros(2, 27, 30))",
        "nn.Fold(8, (3, 2), stride=2, padding=1)(zeros(24, 20))",
    ],
    rejects=[
        "nn.Fold((8, 7), 3)(zeros(2, 26, 30))",
        "nn.Fold((8, 7), 3)(zeros(2, 27, 31))",
        "nn.Fold((8, 7), 3)(zeros(27))",
        "nn.Fold((8, 7), 9)(zeros(2, 81, 1))",
    ],
)
def fold_layer(ctx: Context, layer: Layer, input: Tensor) -> Value:
    return folded(ctx, input, layer.attrs["output_size"], layer.attrs)


@function(
    "torch.nn.functional.unfold",
    accepts=[
        "F.unfold(zeros(2, 4, 8, 7), 3)",
        "F.unfold(zeros(2, 4, 8, 7), (3, 2), padding=1, stride=2)",
    ],
    rejects=["F.unfold(zeros(2, 4, 8, 7), 9)"],
)
def unfold(
    ctx: Context,
    input: Tensor,
    kernel_size: Value,
    dilation: Value = 1,
    padding: Value = 0,
    stride: Value = 1,
) -> Value:
    how = {"kernel_size": kernel_size, "dilation": dilation, "padding": padding, "stride": stride}
    return unfolded(ctx, input, how)


@function(
    "torch.nn.functional.fold",
    accepts=["F.fold(zeros(2, 27, 30), (8, 7), 3)"],
    rejects=["F.fold(zeros(2, 27, 31), (8, 7), 3)", "F.fold(zeros(2, 28, 30), (8, 7), 3)"],
)
def fold(
    ctx: Context, input: Tensor, output_size: Value, kernel_size: Value, dilation: Value = 1,
    padding: Value = 0, stride: Value = 1,
) -> Value:  # fmt: skip
    how = {"kernel_size": kernel_size, "dilation": dilation, "padding": padding, "stride": stride}
    return folded(ctx, input, output_size, how)
