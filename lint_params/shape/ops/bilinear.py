"""Bilinear, distances and similarities of two inputs."""

from __future__ import annotations

from lint_params.shape.context import Context
from lint_params.shape.ops import function, layer
from lint_params.shape.ops.arguments import axis
from lint_params.shape.ops.broadcast import broadcast
from lint_params.shape.ops.layerwise import flag, must_equal, ranked, tensor_in
from lint_params.shape.sizes.dim import NO, Size, at_least, floordiv, mul, sub
from lint_params.shape.value import Layer, Tensor, Value

RULE = "linear-input-mismatch"
SIDES = "broadcast-mismatch"
TAKES = "{name} takes {expected} features{built} but gets {got}{source}"


def _construct(ctx: Context, a: dict[str, Value]) -> None:
    size = ctx.size(a["in1_features"])
    if size is not None and at_least(size, 1) is NO:
        ctx.refute("indivisible-channels", "in1_features must be positive but is {got}", 1, size)


def _params(ctx: Context, a: dict[str, Value]) -> dict[str, tuple[Size, ...] | None]:
    names = ("out_features", "in1_features", "in2_features")
    sizes = [ctx.size(a[name]) for name in names]
    dims = tuple(ctx.fresh("features", low=1) if s is None else s for s in sizes)
    return {"weight": dims, "bias": (dims[0],) if flag(ctx, a["bias"]) is not False else None}


def multiplied(ctx: Context, rule: str, one: Value, two: Value, weight: Value) -> Value:
    a, b = (tensor_in(ctx, rule, x) for x in (one, two))
    dims = ctx.dims(weight) if isinstance(weight, Tensor) else None
    if not isinstance(a, Tensor) or not isinstance(b, Tensor):
        return ctx.unknown("input is no known tensor")
    if dims is None or len(dims) != 3:
        ctx.unproved(rule, "size of the layer")
        return ctx.unknown("size of the layer")
    for x, expected in ((a, dims[1]), (b, dims[2])):
        got = ctx.last(x, 1)
        if got is None:
            ctx.refute(rule, "{name} takes no scalar{source}", 1, 0, x)
        else:
            ctx.need(rule, expected, got[0], TAKES, tensor=x)
    first, second = ctx.dims(a), ctx.dims(b)
    if first is not None and second is not None:
        text = "{name} takes two inputs of as many dimensions, {expected}, but gets {got}{source}"
        must_equal(ctx, SIDES, len(first), len(second), text, b)
        for left, right in zip(first[:-1], second[:-1]):
            text = "{name} takes inputs that agree before their features, {expected}, but gets {got}{source}"
            must_equal(ctx, SIDES, left, right, text, b)
    return ctx.replace_last(a, 1, (dims[0],))


@layer(
    "torch.nn.Bilinear",
    "in1_features, in2_features, out_features, bias=True, device=None, dtype=None",
    params=_params,
    construct=_construct,
    accepts=["nn.Bilinear(3, 4, 5)(zeros(2, 3), zeros(2, 4))", "nn.Bilinear(3, 4, 5)(zeros(3), zeros(4))"],
    rejects=["nn.Bilinear(3, 4, 5)(zeros(2, 4), zeros(2, 4))", "nn.Bilinear(3, 4, 5)(zeros(2, 3), zeros(2, 3))",
             "nn.Bilinear(3, 4, 5)(zeros(2, 3), zeros(3, 4))", "nn.Bilinear(0, 4, 5)",
             "nn.Bilinear(3, 4, 5)(zeros(1, 2, 3), zeros(2, 4))"],
)  # fmt: skip
def bilinear_layer(ctx: Context, layer: Layer, input1: Tensor, input2: Tensor) -> Value:
    return multiplied(ctx, RULE, input1, input2, layer.attrs.get("weight"))


@function(
    "torch.nn.functional.bilinear",
    accepts=["F.bilinear(zeros(2, 3), zeros(2, 4), zeros(5, 3, 4))"],
    rejects=["F.bilinear(zeros(2, 3), zeros(2, 4), zeros(5, 4, 3))"],
)
def bilinear(
    ctx: Context, input1: Tensor, input2: Tensor, weight: Tensor, bias: Value = None
) -> Value:
    return multiplied(ctx, "parameter-product-mismatch", input1, input2, weight)


# -- distances --------------------------------------------------------------------------


def similar(ctx: Context, one: Value, two: Value, dim: Value, keep: Value = False) -> Value:
    """The two broadcast together, less one axis."""
    a, b = (tensor_in(ctx, SIDES, x, unproved=False) for x in (one, two))
    if not isinstance(a, Tensor) or not isinstance(b, Tensor):
        return ctx.unknown("input is no known tensor")
    both = broadcast(ctx, a, b, SIDES)
    if not isinstance(both, Tensor):
        return both
    at = axis(ctx, both, dim)
    kept = flag(ctx, keep)
    if at is None or kept is None:
        return ctx.unknown_tensor(both.dtype)
    sizes = ctx.last(both, -at) or ()
    return ctx.replace_last(both, -at, (*([1] if kept else []), *sizes[1:]))


@layer(
    "torch.nn.CosineSimilarity",
    "dim=1, eps=1e-08",
    accepts=["nn.CosineSimilarity()(zeros(2, 3), zeros(2, 3))",
             "nn.CosineSimilarity(dim=-1)(zeros(2, 1, 3), zeros(4, 3))"],
    rejects=["nn.CosineSimilarity()(zeros(3), zeros(3))", "nn.CosineSimilarity()(zeros(2, 3), zeros(2, 4))"],
)  # fmt: skip
def cosine_layer(ctx: Context, layer: Layer, x1: Tensor, x2: Tensor) -> Value:
    return similar(ctx, x1, x2, layer.attrs["dim"])


@function(
    "torch.nn.functional.cosine_similarity",
    "torch.cosine_similarity",
    accepts=[
        "F.cosine_similarity(zeros(2, 3), zeros(2, 3))",
        "F.cosine_similarity(zeros(3), zeros(3), dim=0)",
    ],
    rejects=["F.cosine_similarity(zeros(2, 3), zeros(2, 4))"],
)
def cosine_similarity(
    ctx: Context, x1: Tensor, x2: Tensor, dim: Value = 1, eps: Value = 1e-08
) -> Value:
    return similar(ctx, x1, x2, dim)


@layer(
    "torch.nn.PairwiseDistance",
    "p=2.0, eps=1e-06, keepdim=False",
    attrs={"norm": lambda ctx, a: a["p"]},
    accepts=["nn.PairwiseDistance()(zeros(2, 3), zeros(2, 3))",
             "nn.PairwiseDistance(keepdim=True)(zeros(2, 3), zeros(3))"],
    rejects=["nn.PairwiseDistance()(zeros(2, 3), zeros(2, 4))"],
)  # fmt: skip
def distance_layer(ctx: Context, layer: Layer, x1: Tensor, x2: Tensor) -> Value:
    return similar(ctx, x1, x2, -1, layer.attrs["keepdim"])


@function(
    "torch.nn.functional.pairwise_distance",
    "torch.pairwise_distance",
    accepts=["F.pairwise_distance(zeros(2, 3), zeros(2, 3))",
             "F.pairwise_distance(zeros(2, 3), zeros(3), keepdim=True)"],
    rejects=["F.pairwise_distance(zeros(2, 3), zeros(2, 4))"],
)  # fmt: skip
def pairwise_distance(
    ctx: Context, x1: Tensor, x2: Tensor, p: Value = 2.0, eps: Value = 1e-06, keepdim: Value = False
) -> Value:
    return similar(ctx, x1, x2, -1, keepdim)


@function(
    "torch.nn.functional.pdist",
    "torch.pdist",
    accepts=["F.pdist(zeros(4, 3))"],
    rejects=["F.pdist(zeros(4, 3, 2))"],
)
def pdist(ctx: Context, input: Tensor, p: Value = 2.0) -> Value:
    x = tensor_in(ctx, SIDES, input, unproved=False)
    if not isinstance(x, Tensor):
        return x
    ranked(ctx, SIDES, x, (2,))
    dims = ctx.of_rank(x, 2)
    if dims is None:
        return ctx.unknown("rank of the input")
    return ctx.tensor((floordiv(mul(dims[0], sub(dims[0], 1)), 2),), like=x)
