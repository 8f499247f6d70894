"""Normalisation over the last sizes (layer and RMS norms) and without parameters (response norms)."""

from __future__ import annotations

from collections.abc import Sequence

from lint_params.shape.context import Context
from lint_params.shape.ops import function, layer
from lint_params.shape.ops.layerwise import (
    flag,
    minimum_rank,
    must_equal,
    ranked,
    tensor_in,
)
from lint_params.shape.sizes.dim import YES, Poly, Size, Symbol, same
from lint_params.shape.value import Config, Layer, Seq, Tensor, Value

RULE = "norm-feature-mismatch"
TAKES = "{name} takes {expected} features{built} but gets {got}{source}"


def normalized(ctx: Context, value: Value) -> tuple[Size, ...] | None:
    """normalized_shape as sizes: a number or a sequence of them."""
    if isinstance(value, Config) and "shape" in value.name:
        return None  # as likely several sizes as one
    size = ctx.size(value)
    return (size,) if size is not None else ctx.sizes(value)


def _last_params(ctx: Context, a: dict[str, Value]) -> dict[str, tuple[Size, ...] | None]:
    dims = normalized(ctx, a["normalized_shape"])
    affine = flag(ctx, a["elementwise_affine"]) is not False
    if affine and dims is None:
        return {}
    out = {"weight": dims if affine else None}
    if "bias" in a:
        out["bias"] = dims if affine and flag(ctx, a["bias"]) is not False else None
    return out


def _shape_attr(ctx: Context, a: dict[str, Value]) -> Value:
    value = a["normalized_shape"]
    if isinstance(value, Seq):
        return Seq(list(value.items), "tuple")
    return Seq([value], "tuple") if ctx.size(value) is not None else value


def over_last(ctx: Context, input: Value, shape: Value, sides: Sequence[Value] = ()) -> Value:
    """The last sizes of the input are ``normalized_shape``."""
    x = tensor_in(ctx, RULE, input)
    if not isinstance(x, Tensor):
        return x
    dims = normalized(ctx, shape)
    if dims is None:
        ctx.unproved(RULE, "size of the layer")
        return ctx.same_shape(x)
    if not dims:
        ctx.refute(RULE, "{name} takes at least one size to normalise over")
    minimum_rank(ctx, RULE, x, len(dims))
    got = ctx.last(x, len(dims))
    if len(dims) == 1 and got:
        _channels_last(ctx, x, dims[0], got[0])
    for i in range(1, len(dims) + 1):
        ctx.need(RULE, dims[-i], got[-i] if got else 0, TAKES, tensor=x)
    for side in sides:
        known = ctx.dims(side) if isinstance(side, Tensor) else None
        if known is not None and isinstance(side, Tensor):
            text = "{name} normalises over {expected} features but its weight has {got}{source}"
            if len(known) != len(dims):
                rank = "{name} takes a weight of {expected} dimensions but gets {got}"
                ctx.refute(RULE, rank, len(dims), len(known), side)
            for expected, size in zip(dims, known):
                must_equal(ctx, RULE, expected, size, text, side)
    return ctx.same_shape(x)


def _channels_last(ctx: Context, x: Tensor, features: Size, last: Size) -> None:
    """``LayerNorm(dim)`` on a tensor whose channels stand elsewhere: right only for an image
    that happens to be as wide as it is deep."""
    features = ctx.resolve(features)
    free = isinstance(last, Poly) and all(
        isinstance(a, Symbol) and a.kind == "input" for a in last.atoms
    )
    if not free:
        return
    for place in (-2, -3, -4):
        if len(x.shape.dims) >= -place and same(ctx.resolve(x.shape.dims[place]), features) is YES:
            text = (
                "{name} normalises the last dimension{built}, but the {expected} channels it is for "
                f"stand in dimension {place}{{source}}"
            )
            ctx.refute(RULE, text, features, last, x)


def _last_layer(ctx: Context, layer: Layer, input: Tensor) -> Value:
    return over_last(ctx, input, layer.attrs.get("normalized_shape"))


for _name, _signature in (
    (
        "LayerNorm",
        "normalized_shape, eps=1e-05, elementwise_affine=True, bias=True, device=None, dtype=None",
    ),
    ("RMSNorm", "normalized_shape, eps=None, elementwise_affine=True, device=None, dtype=None"),
):
    layer(
        f"torch.nn.{_name}",
        _signature,
        params=_last_params,
        attrs={"normalized_shape": _shape_attr},
        accepts=[
            f"nn.{_name}(4)(zeros(2, 3, 4))",
            f"nn.{_name}(4)(zeros(4))",
            f"nn.{_name}([3, 4], elementwise_affine=False)(zeros(2, 3, 4))",
            f"nn.{_name}((3, 4))(zeros(3, 4))",
        ],
        rejects=[
            f"nn.{_name}(4)(zeros(2, 4, 3))",
            f"nn.{_name}(4, elementwise_affine=False)(zeros(2, 4, 3))",
            f"nn.{_name}((2, 4))(zeros(2, 3, 4))",
            f"nn.{_name}((3, 4))(zeros(4))",
            f"nn.{_name}(4)((zeros(2, 4), 1))",
        ],
    )(_last_layer)


@function(
    "torch.nn.functional.layer_norm",
    "torch.layer_norm",
    accepts=[
        "F.layer_norm(zeros(2, 3, 4), (4,))",
        "F.layer_norm(zeros(2, 3, 4), [3, 4], zeros(3, 4), None)",
    ],
    rejects=["F.layer_norm(zeros(2, 3, 4), (3,))", "F.layer_norm(zeros(2, 3, 4), (4,), zeros(3))"],
)
def functional_layer_norm(
    ctx: Context, input: Tensor, normalized_shape: Value, weight: Value = None, bias: Value = None,
    eps: Value = 1e-05,
) -> Value:  # fmt: skip
    return over_last(ctx, input, normalized_shape, [weight, bias])


@function(
    "torch.nn.functional.rms_norm",
    "torch.rms_norm",
    accepts=["F.rms_norm(zeros(2, 3, 4), (4,))", "F.rms_norm(zeros(2, 3, 4), [3, 4], zeros(3, 4))"],
    rejects=["F.rms_norm(zeros(2, 3, 4), (3,))", "F.rms_norm(zeros(2, 3, 4), (4,), zeros(3))"],
)
def functional_rms_norm(
    ctx: Context, input: Tensor, normalized_shape: Value, weight: Value = None, eps: Value = None
) -> Value:
    return over_last(ctx, input, normalized_shape, [weight])


def response_norm(ctx: Context, input: Value) -> Value:
    x = tensor_in(ctx, RULE, input, unproved=False)
    if isinstance(x, Tensor):
        minimum_rank(ctx, RULE, x, 3)
        return ctx.same_shape(x)
    return x


@layer(
    "torch.nn.LocalResponseNorm",
    "size, alpha=0.0001, beta=0.75, k=1.0",
    accepts=[
        "nn.LocalResponseNorm(2)(zeros(2, 3, 4))",
        "nn.LocalResponseNorm(2)(zeros(2, 3, 4, 5))",
    ],
    rejects=["nn.LocalResponseNorm(2)(zeros(2, 3))"],
)
def local_response_norm(ctx: Context, layer: Layer, input: Tensor) -> Value:
    return response_norm(ctx, input)


@layer(
    "torch.nn.CrossMapLRN2d",
    "size, alpha=0.0001, beta=0.75, k=1",
    accepts=["nn.CrossMapLRN2d(2)(zeros(2, 3, 4, 4))"],
    rejects=["nn.CrossMapLRN2d(2)(zeros(3, 4, 4))"],
)
def cross_map_norm(ctx: Context, layer: Layer, input: Tensor) -> Value:
    x = tensor_in(ctx, RULE, input, unproved=False)
    if isinstance(x, Tensor):
        ranked(ctx, RULE, x, (4,))
        return ctx.same_shape(x)
    return x


@function(
    "torch.nn.functional.local_response_norm",
    accepts=["F.local_response_norm(zeros(2, 3, 4), 2)"],
    rejects=["F.local_response_norm(zeros(2, 3), 2)"],
)
def functional_response_norm(
    ctx: Context,
    input: Tensor,
    size: Value,
    alpha: Value = 0.0001,
    beta: Value = 0.75,
    k: Value = 1.0,
) -> Value:
    return response_norm(ctx, input)
