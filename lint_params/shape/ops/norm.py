"""Normalisation by channel: batch, instance and group norms."""

from __future__ import annotations

from typing import Any

from lint_params.shape.context import Context
from lint_params.shape.ops import function, layer
from lint_params.shape.ops.arguments import front, size_or_fresh
from lint_params.shape.ops.layerwise import (
    flag,
    minimum_rank,
    must_equal,
    ranked,
    sure_int,
    tensor_in,
)
from lint_params.shape.sizes.dim import Size
from lint_params.shape.value import Layer, Shape, Tensor, Value

RULE = "norm-feature-mismatch"
CHANNELS = "{name} takes {expected} channels{built} but gets {got}{source}"


def channel_params(ctx: Context, a: dict[str, Value]) -> dict[str, tuple[Size, ...] | None]:
    count = size_or_fresh(ctx, a["num_features"], "channels")
    affine = flag(ctx, a["affine"]) is not False
    bias = affine and flag(ctx, a["bias"]) is not False
    return {"weight": (count,) if affine else None, "bias": (count,) if bias else None}


def _buffer(tracked: tuple[str, ...]) -> Any:
    """running_mean and its like: a tensor of the features where statistics are tracked."""

    def read(ctx: Context, a: dict[str, Value]) -> Value:
        if flag(ctx, a["track_running_stats"]) is False:
            return None
        size = ctx.size(a["num_features"])
        dims = () if tracked else (ctx.fresh("channels", low=1) if size is None else size,)
        return Tensor(Shape(dims), "int" if tracked else "float")

    return read


STATISTICS = {
    "running_mean": _buffer(()),
    "running_var": _buffer(()),
    "num_batches_tracked": _buffer(("count",)),
}


def vector(ctx: Context, value: Value) -> Size | None:
    """The size of a tensor of one dimension."""
    dims = ctx.dims(value) if isinstance(value, Tensor) else None
    return dims[0] if dims is not None and len(dims) == 1 else None


def by_channel(
    ctx: Context, x: Tensor, channel: Size, sides: list[Value], rule: str = RULE
) -> Value:
    """Each of the given vectors (running_mean, weight ...) has one number a channel."""
    sizes = [size for size in (vector(ctx, side) for side in sides) if size is not None]
    if sizes:
        ctx.need(rule, sizes[0], channel, CHANNELS, tensor=x)
        for size in sizes[1:]:
            must_equal(ctx, rule, size, channel, CHANNELS, x)
    return ctx.same_shape(x)


def kept(ctx: Context, layer: Layer) -> list[Value]:
    """The vectors that the layer surely has: those that hang on an unknown flag are left out."""
    out: list[Value] = []
    for switch, names in (
        ("track_running_stats", ("running_mean",)),
        ("affine", ("weight", "bias")),
    ):
        if switch in layer.args and flag(ctx, layer.args[switch]) is not None:
            out.extend(layer.attrs.get(name) for name in names)
    return out


def channel_of(ctx: Context, rule: str, x: Tensor, ranks: tuple[int, ...]) -> Size:
    """Size 1 of x, whatever its rank is."""
    if ranks:
        ranked(ctx, rule, x, ranks)
    else:
        minimum_rank(ctx, rule, x, 2)
    dims = ctx.dims(x)
    return front(ctx, x, 1) if dims is None else dims[1]


SIGNATURE = (
    "num_features, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True, device=None,"
    " dtype=None, *, bias=True"
)


def batch_norm(ranks: tuple[int, ...]) -> Any:
    def forward(ctx: Context, layer: Layer, input: Tensor) -> Value:
        x = tensor_in(ctx, RULE, input)
        if not isinstance(x, Tensor):
            return x
        channel = _free_channel(ctx, x, ranks)
        if channel is None:
            ctx.unproved(RULE, "rank of the input")
            return ctx.same_shape(x)
        return by_channel(ctx, x, channel, kept(ctx, layer))

    return forward


def _free_channel(ctx: Context, x: Tensor, ranks: tuple[int, ...]) -> Size | None:
    # (N, C) and (N, C, L) both are batched: that x is free tells nothing here.
    if len(ranks) > 1 and x.shape.lead and len(x.shape.dims) < ranks[-1]:
        return None
    return channel_of(ctx, RULE, x, ranks)


def _batch(
    name: str, ranks: tuple[int, ...], signature: str, shapes: list[str], wrong: list[str]
) -> None:
    layer(
        f"torch.nn.{name}",
        signature,
        params=channel_params,
        attrs=STATISTICS,
        accepts=[
            *(f"nn.{name}(4)({x})" for x in shapes),
            *(f"nn.{name}(4, affine=False)({x})" for x in shapes),
            *(f"nn.{name}(3, affine=False, track_running_stats=False)({x})" for x in shapes),
        ],
        rejects=[
            *(f"nn.{name}(3)({x})" for x in shapes),
            *(f"nn.{name}(3, affine=False)({x})" for x in shapes),
            *(f"nn.{name}(3, track_running_stats=False)({x})" for x in shapes),
            *(f"nn.{name}(4)({x})" for x in wrong),
            f"nn.{name}(4)(({shapes[0]}, 1))",
        ],
    )(batch_norm(ranks))


_batch(
    "BatchNorm1d",
    (2, 3),
    SIGNATURE,
    ["zeros(2, 4)", "zeros(2, 4, 5)"],
    ["zeros(4)", "zeros(2, 4, 5, 6)"],
)
_batch("BatchNorm2d", (4,), SIGNATURE, ["zeros(2, 4, 5, 6)"], ["zeros(4, 5, 6)", "zeros(2, 4)"])
_batch("BatchNorm3d", (5,), SIGNATURE, ["zeros(2, 4, 5, 6, 7)"], ["zeros(2, 4, 5, 6)"])
layer(
    "torch.nn.SyncBatchNorm",
    SIGNATURE.replace("device", "process_group=None, device"),
    params=channel_params,
    attrs=STATISTICS,
    # Only a CUDA device runs it in training mode.
    accepts=[
        "nn.SyncBatchNorm(4).eval()(zeros(2, 4))",
        "nn.SyncBatchNorm(4).eval()(zeros(2, 4, 5, 6))",
    ],
    rejects=["nn.SyncBatchNorm(3).eval()(zeros(2, 4))", "nn.SyncBatchNorm(4).eval()(zeros(4))"],
)(batch_norm(()))


def instance_norm(n: int) -> Any:
    def forward(ctx: Context, layer: Layer, input: Tensor) -> Value:
        x = tensor_in(ctx, RULE, input)
        if not isinstance(x, Tensor):
            return x
        ranked(ctx, RULE, x, (n + 1, n + 2))
        sizes = ctx.last(x, n + 1)
        if sizes is None:
            return ctx.unknown("rank of the input")
        return by_channel(ctx, x, sizes[0], kept(ctx, layer))

    return forward


def _instance(n: int) -> None:
    sizes = "5, 6, 7"[: 3 * n - 2]
    name, x, single = f"nn.InstanceNorm{n}d", f"zeros(2, 4, {sizes})", f"zeros(4, {sizes})"
    layer(
        f"torch.{name}",
        SIGNATURE.replace(
            "affine=True, track_running_stats=True", "affine=False, track_running_stats=False"
        ),
        params=channel_params,
        attrs=STATISTICS,
        accepts=[
            f"{name}(4)({x})",
            f"{name}(3)({x})",
            f"{name}(4, affine=True)({single})",
            f"{name}(4, affine=True, track_running_stats=True)({x})",
        ],
        rejects=[
            f"{name}(3, affine=True)({x})",
            f"{name}(3, affine=True)({single})",
            f"{name}(3, track_running_stats=True)({x})",
            f"{name}(4)(zeros(4))",
            f"{name}(4)(zeros(2, 2, 2, 2, 2, 4))",
        ],
    )(instance_norm(n))


for _n in (1, 2, 3):
    _instance(_n)


@function(
    "torch.nn.functional.batch_norm",
    accepts=["F.batch_norm(zeros(2, 4, 5), zeros(4), zeros(4), zeros(4), zeros(4))",
             "F.batch_norm(zeros(2, 4), None, None, training=True)"],
    rejects=["F.batch_norm(zeros(2, 4, 5), zeros(5), zeros(5))",
             "F.batch_norm(zeros(2, 4), None, None, zeros(3), training=True)"],
)  # fmt: skip
def functional_batch_norm(
    ctx: Context, input: Tensor, running_mean: Value, running_var: Value, weight: Value = None,
    bias: Value = None, training: Value = False, momentum: Value = 0.1, eps: Value = 1e-05,
) -> Value:  # fmt: skip
    return _functional(ctx, input, [running_mean, running_var, weight, bias])


@function(
    "torch.nn.functional.instance_norm",
    accepts=["F.instance_norm(zeros(2, 4, 5))", "F.instance_norm(zeros(2, 4, 5), weight=zeros(4))"],
    rejects=["F.instance_norm(zeros(2, 4, 5), weight=zeros(5))",
             "F.instance_norm(zeros(2, 4, 5), zeros(5), zeros(5))"],
)  # fmt: skip
def functional_instance_norm(
    ctx: Context, input: Tensor, running_mean: Value = None, running_var: Value = None,
    weight: Value = None, bias: Value = None, use_input_stats: Value = True, momentum: Value = 0.1,
    eps: Value = 1e-05,
) -> Value:  # fmt: skip
    return _functional(ctx, input, [running_mean, running_var, weight, bias])


def _functional(ctx: Context, input: Value, sides: list[Value]) -> Value:
    x = tensor_in(ctx, RULE, input)
    if not isinstance(x, Tensor):
        return x
    return by_channel(ctx, x, channel_of(ctx, RULE, x, ()), sides)


# -- by group ---------------------------------------------------------------------------


def _group_construct(ctx: Context, a: dict[str, Value]) -> None:
    channels, groups = ctx.size(a["num_channels"]), ctx.size(a["num_groups"])
    if channels is not None and groups is not None:
        text = "num_channels ({got}) must be divisible by num_groups ({expected})"
        ctx.divisible("indivisible-channels", channels, groups, text)


def _group_params(ctx: Context, a: dict[str, Value]) -> dict[str, tuple[Size, ...] | None]:
    return channel_params(ctx, {**a, "num_features": a["num_channels"]})


def by_group(ctx: Context, input: Value, groups: Value, sides: list[Value]) -> Value:
    x = tensor_in(ctx, RULE, input)
    if not isinstance(x, Tensor):
        return x
    channel = channel_of(ctx, RULE, x, ())
    by_channel(ctx, x, channel, sides)
    count = sure_int(groups)
    if count is not None and count > 0 and not any(isinstance(s, Tensor) for s in sides):
        text = "{name} gets {got} channels, not divisible by its {expected} groups"
        ctx.divisible("indivisible-channels", channel, count, text)
    return ctx.same_shape(x)


@layer(
    "torch.nn.GroupNorm",
    "num_groups, num_channels, eps=1e-05, affine=True, device=None, dtype=None, *, bias=True",
    params=_group_params,
    construct=_group_construct,
    accepts=["nn.GroupNorm(2, 4)(zeros(2, 4))", "nn.GroupNorm(4, 8)(zeros(2, 8, 5, 6))",
             "nn.GroupNorm(2, 4, affine=False)(zeros(2, 6, 5))"],
    rejects=["nn.GroupNorm(3, 4)", "nn.GroupNorm(2, 4)(zeros(2, 6, 5))", "nn.GroupNorm(2, 4)(zeros(4))",
             "nn.GroupNorm(2, 4, affine=False)(zeros(2, 5))"],
)  # fmt: skip
def group_norm(ctx: Context, layer: Layer, input: Tensor) -> Value:
    a = layer.attrs
    sure = flag(ctx, a.get("affine")) is not None
    return by_group(ctx, input, a.get("num_groups") if sure else None, kept(ctx, layer))


@function(
    "torch.nn.functional.group_norm",
    "torch.group_norm",
    accepts=["F.group_norm(zeros(2, 4, 5), 2)", "F.group_norm(zeros(2, 4), 4, zeros(4), zeros(4))"],
    rejects=["F.group_norm(zeros(2, 5), 2)", "F.group_norm(zeros(2, 4), 2, zeros(8))"],
)
def functional_group_norm(
    ctx: Context, input: Tensor, num_groups: Value, weight: Value = None, bias: Value = None,
    eps: Value = 1e-05,
) -> Value:  # fmt: skip
    return by_group(ctx, input, num_groups, [weight, bias])
