"""Moving sizes between channels and pixels: PixelShuffle, PixelUnshuffle, ChannelShuffle."""

from __future__ import annotations

from lint_params.shape.context import Context
from lint_params.shape.ops import function, layer
from lint_params.shape.ops.arguments import front
from lint_params.shape.ops.layerwise import minimum_rank, tensor_in
from lint_params.shape.sizes.dim import Size, floordiv, mul
from lint_params.shape.value import Layer, Tensor, Value

RULE = "indivisible-channels"


def _last_three(ctx: Context, x: Tensor) -> tuple[Size, ...]:
    minimum_rank(ctx, RULE, x, 3)
    return ctx.last(x, 3) or (1, 1, 1)


def shuffled(ctx: Context, input: Value, factor: Value) -> Value:
    """(C * r * r, H, W) becomes (C, H * r, W * r)."""
    x = tensor_in(ctx, RULE, input, unproved=False)
    if not isinstance(x, Tensor):
        return x
    channel, high, wide = _last_three(ctx, x)
    by = ctx.size(factor)
    if by is None:
        return ctx.replace_last(x, 3, [ctx.fresh("size", low=1) for _ in range(3)])
    text = "{name} takes channels in multiples of {expected} (its factor squared) but gets {got}"
    ctx.divisible(RULE, channel, mul(by, by), text)
    out = ctx.resolve(floordiv(ctx.resolve(channel), mul(by, by)))
    return ctx.replace_last(x, 3, (out, mul(high, by), mul(wide, by)))


def unshuffled(ctx: Context, input: Value, factor: Value) -> Value:
    """(C, H * r, W * r) becomes (C * r * r, H, W)."""
    x = tensor_in(ctx, RULE, input, unproved=False)
    if not isinstance(x, Tensor):
        return x
    channel, *sides = _last_three(ctx, x)
    by = ctx.size(factor)
    if by is None:
        return ctx.replace_last(x, 3, [ctx.fresh("size", low=1) for _ in range(3)])
    out: list[Size] = []
    for side in sides:
        ctx.divisible(
            RULE, side, by, "{name} takes sides in multiples of {expected} but gets {got}"
        )
        out.append(ctx.resolve(floordiv(ctx.resolve(side), by)))
    return ctx.replace_last(x, 3, (mul(channel, mul(by, by)), *out))


def channels_shuffled(ctx: Context, input: Value, groups: Value) -> Value:
    x = tensor_in(ctx, RULE, input, unproved=False)
    if not isinstance(x, Tensor):
        return x
    minimum_rank(ctx, RULE, x, 3)
    count = ctx.size(groups)
    if count is not None:
        text = "{name} takes channels in multiples of its {expected} groups but gets {got}"
        ctx.divisible(RULE, front(ctx, x, 1), count, text)
    return ctx.same_shape(x)


@layer(
    "torch.nn.PixelShuffle",
    "upscale_factor",
    accepts=["nn.PixelShuffle(2)(zeros(2, 8, 3, 4))", "nn.PixelShuffle(3)(zeros(9, 3, 4))"],
    rejects=["nn.PixelShuffle(2)(zeros(2, 6, 3, 4))", "nn.PixelShuffle(2)(zeros(3, 4))"],
)
def pixel_shuffle_layer(ctx: Context, layer: Layer, input: Tensor) -> Value:
    return shuffled(ctx, input, layer.attrs["upscale_factor"])


@layer(
    "torch.nn.PixelUnshuffle",
    "downscale_factor",
    accepts=["nn.PixelUnshuffle(2)(zeros(2, 3, 4, 6))", "nn.PixelUnshuffle(3)(zeros(2, 3, 6))"],
    rejects=["nn.PixelUnshuffle(2)(zeros(2, 3, 4, 5))", "nn.PixelUnshuffle(2)(zeros(4, 4))"],
)
def pixel_unshuffle_layer(ctx: Context, layer: Layer, input: Tensor) -> Value:
    return unshuffled(ctx, input, layer.attrs["downscale_factor"])


@layer(
    "torch.nn.ChannelShuffle",
    "groups",
    accepts=["nn.ChannelShuffle(2)(zeros(2, 4, 3))", "nn.ChannelShuffle(2)(zeros(2, 4, 3, 3))"],
    rejects=["nn.ChannelShuffle(2)(zeros(2, 3, 4))", "nn.ChannelShuffle(2)(zeros(2, 4))"],
)
def channel_shuffle_layer(ctx: Context, layer: Layer, input: Tensor) -> Value:
    return channels_shuffled(ctx, input, layer.attrs["groups"])


@function(
    "torch.nn.functional.pixel_shuffle",
    "torch.pixel_shuffle",
    accepts=["F.pixel_shuffle(zeros(2, 8, 3, 4), 2)"],
    rejects=["F.pixel_shuffle(zeros(2, 6, 3, 4), 2)"],
)
def pixel_shuffle(ctx: Context, input: Tensor, upscale_factor: Value) -> Value:
    return shuffled(ctx, input, upscale_factor)


@function(
    "torch.nn.functional.pixel_unshuffle",
    "torch.pixel_unshuffle",
    accepts=["F.pixel_unshuffle(zeros(2, 3, 4, 6), 2)"],
    rejects=["F.pixel_unshuffle(zeros(2, 3, 4, 5), 2)"],
)
def pixel_unshuffle(ctx: Context, input: Tensor, downscale_factor: Value) -> Value:
    return unshuffled(ctx, input, downscale_factor)


@function(
    "torch.nn.functional.channel_shuffle",
    "torch.nn.functional.native_channel_shuffle",
    accepts=["F.channel_shuffle(zeros(2, 4, 3, 3), 2)"],
    rejects=["F.channel_shuffle(zeros(2, 3, 4, 4), 2)"],
)
def channel_shuffle(ctx: Context, input: Tensor, groups: Value) -> Value:
    return channels_shuffled(ctx, input, groups)
