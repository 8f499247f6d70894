"""Losses over pairs and triplets of samples, and CTC."""

from __future__ import annotations

from itertools import pairwise

from lint_params.shape.context import Context
from lint_params.shape.ops import function, layer
from lint_params.shape.ops.broadcast import broadcast
from lint_params.shape.ops.layerwise import must_equal, ranked, tensor_in
from lint_params.shape.ops.losses import (
    OLD,
    RULE,
    attr_reduction,
    check_reduction,
    elementwise,
    legacy,
    reduced,
)
from lint_params.shape.value import Layer, Tensor, Unknown, Value

CONSTRUCT = "indivisible-channels"
RANK = "{name} takes tensors of as many dimensions, {expected}, but gets {got}{source}"


def _same_rank(ctx: Context, values: tuple[Value, ...]) -> None:
    ranks = [(ctx.rank(v), v) for v in values if isinstance(v, Tensor)]
    for (one, _), (two, x) in pairwise(ranks):
        if one is not None and two is not None and one != two:
            ctx.refute(RULE, RANK, one, two, x)


# -- pairs ------------------------------------------------------------------------------


def ranking(ctx: Context, one: Value, two: Value, target: Value, reduction: Value) -> Value:
    check_reduction(ctx, reduction)
    _same_rank(ctx, (one, two, target))
    return elementwise(ctx, [one, two, target], reduction)


@layer(
    "torch.nn.MarginRankingLoss",
    f"margin=0.0, {OLD}",
    attrs={"reduction": attr_reduction},
    accepts=["nn.MarginRankingLoss()(zeros(2), zeros(2), zeros(2))",
             "nn.MarginRankingLoss(reduction='none')(zeros(2, 1), zeros(2, 3), zeros(1, 1))"],
    rejects=["nn.MarginRankingLoss()(zeros(2), zeros(2), zeros(3))",
             "nn.MarginRankingLoss()(zeros(2), zeros(2, 1), zeros(2))"],
)  # fmt: skip
def ranking_layer(
    ctx: Context, layer: Layer, input1: Tensor, input2: Tensor, target: Tensor
) -> Value:
    return ranking(ctx, input1, input2, target, layer.attrs["reduction"])


@function(
    "torch.nn.functional.margin_ranking_loss",
    accepts=["F.margin_ranking_loss(zeros(2), zeros(2), zeros(2))"],
    rejects=["F.margin_ranking_loss(zeros(2), zeros(2), zeros(3))"],
)
def margin_ranking_loss(
    ctx: Context, input1: Tensor, input2: Tensor, target: Tensor, margin: Value = 0, size_average: Value = None,
    reduce: Value = None, reduction: Value = "mean",
) -> Value:  # fmt: skip
    return ranking(ctx, input1, input2, target, legacy(ctx, reduction, size_average, reduce))


def cosine_embedding(
    ctx: Context, one: Value, two: Value, target: Value, reduction: Value
) -> Value:
    """(N, D), (N, D) and a label a row, or one row with a scalar."""
    check_reduction(ctx, reduction)
    y = ctx.dims(target) if isinstance(target, Tensor) else None
    if y is None or not isinstance(target, Tensor):
        return reduced(ctx, ctx.unknown_tensor("float"), reduction)
    if len(y) > 1:
        ctx.refute(
            RULE,
            "{name} takes a target of at most 1 dimension but gets {got}{source}",
            1,
            len(y),
            target,
        )
    for x in (one, two):
        if isinstance(x, Tensor):
            ranked(ctx, RULE, x, (len(y) + 1,))
    both = (
        broadcast(ctx, one, two, RULE)
        if isinstance(one, Tensor) and isinstance(two, Tensor)
        else None
    )
    if not isinstance(both, Tensor):
        return reduced(ctx, ctx.unknown_tensor("float"), reduction)
    full = broadcast(ctx, ctx.replace_last(both, 1, ()), target, RULE)
    return reduced(ctx, full, reduction)


@layer(
    "torch.nn.CosineEmbeddingLoss",
    f"margin=0.0, {OLD}",
    attrs={"reduction": attr_reduction},
    accepts=["nn.CosineEmbeddingLoss()(zeros(2, 3), zeros(2, 3), zeros(2))",
             "nn.CosineEmbeddingLoss(reduction='none')(zeros(2, 3), zeros(1, 3), zeros(2))",
             "nn.CosineEmbeddingLoss(reduction='none')(zeros(3), zeros(3), zeros())"],
    rejects=["nn.CosineEmbeddingLoss()(zeros(2, 3), zeros(2, 3), zeros(3))",
             "nn.CosineEmbeddingLoss()(zeros(2, 3), zeros(2, 4), zeros(2))",
             "nn.CosineEmbeddingLoss()(zeros(2, 3), zeros(2, 3), zeros(2, 1))"],
)  # fmt: skip
def cosine_layer(
    ctx: Context, layer: Layer, input1: Tensor, input2: Tensor, target: Tensor
) -> Value:
    return cosine_embedding(ctx, input1, input2, target, layer.attrs["reduction"])


@function(
    "torch.nn.functional.cosine_embedding_loss",
    accepts=["F.cosine_embedding_loss(zeros(2, 3), zeros(2, 3), zeros(2))"],
    rejects=["F.cosine_embedding_loss(zeros(2, 3), zeros(2, 4), zeros(2))"],
)
def cosine_embedding_loss(
    ctx: Context, input1: Tensor, input2: Tensor, target: Tensor, margin: Value = 0, size_average: Value = None,
    reduce: Value = None, reduction: Value = "mean",
) -> Value:  # fmt: skip
    return cosine_embedding(
        ctx, input1, input2, target, legacy(ctx, reduction, size_average, reduce)
    )


# -- triplets ---------------------------------------------------------------------------


def _check_margin(ctx: Context, a: dict[str, Value]) -> None:
    if isinstance(a["margin"], (int, float)) and a["margin"] <= 0:
        ctx.refute(CONSTRUCT, "margin must be greater than 0")


def triplet(
    ctx: Context,
    anchor: Value,
    positive: Value,
    negative: Value,
    reduction: Value,
    known: bool = True,
) -> Value:
    """A distance over the last size of each pair."""
    check_reduction(ctx, reduction)
    _same_rank(ctx, (anchor, positive, negative))
    full = elementwise(ctx, [anchor, positive, negative], "none") if known else Unknown("distance")
    if not isinstance(full, Tensor) or not ctx.rank(full):
        return reduced(ctx, ctx.unknown_tensor("float"), reduction)
    return reduced(ctx, ctx.replace_last(full, 1, ()), reduction)


TRIPLET = "zeros(2, 3), zeros(1, 3), zeros(2, 3)"


@layer(
    "torch.nn.TripletMarginLoss",
    f"margin=1.0, p=2.0, eps=1e-06, swap=False, {OLD}",
    construct=_check_margin,
    attrs={"reduction": attr_reduction},
    accepts=[f"nn.TripletMarginLoss()({TRIPLET})", f"nn.TripletMarginLoss(reduction='none')({TRIPLET})"],
    rejects=["nn.TripletMarginLoss()(zeros(2, 3), zeros(2, 3), zeros(3))", "nn.TripletMarginLoss(margin=-1)",
             "nn.TripletMarginLoss()(zeros(2, 3), zeros(2, 4), zeros(2, 3))"],
)  # fmt: skip
def triplet_layer(
    ctx: Context, layer: Layer, anchor: Tensor, positive: Tensor, negative: Tensor
) -> Value:
    return triplet(ctx, anchor, positive, negative, layer.attrs["reduction"])


@layer(
    "torch.nn.TripletMarginWithDistanceLoss",
    "*, distance_function=None, margin=1.0, swap=False, reduction='mean'",
    construct=_check_margin,
    accepts=[f"nn.TripletMarginWithDistanceLoss(reduction='none')({TRIPLET})"],
    rejects=["nn.TripletMarginWithDistanceLoss()(zeros(2, 3), zeros(2, 3), zeros(3))",
             "nn.TripletMarginWithDistanceLoss(margin=0)"],
)  # fmt: skip
def distance_layer(
    ctx: Context, layer: Layer, anchor: Tensor, positive: Tensor, negative: Tensor
) -> Value:
    known = layer.attrs["distance_function"] is None
    return triplet(ctx, anchor, positive, negative, layer.attrs["reduction"], known)


@function(
    "torch.nn.functional.triplet_margin_loss",
    accepts=[f"F.triplet_margin_loss({TRIPLET}, reduction='none')"],
    rejects=["F.triplet_margin_loss(zeros(2, 3), zeros(2, 3), zeros(3))"],
)
def triplet_margin_loss(
    ctx: Context, anchor: Tensor, positive: Tensor, negative: Tensor, margin: Value = 1.0, p: Value = 2,
    eps: Value = 1e-06, swap: Value = False, size_average: Value = None, reduce: Value = None,
    reduction: Value = "mean",
) -> Value:  # fmt: skip
    return triplet(ctx, anchor, positive, negative, legacy(ctx, reduction, size_average, reduce))


@function(
    "torch.nn.functional.triplet_margin_with_distance_loss",
    accepts=[f"F.triplet_margin_with_distance_loss({TRIPLET}, reduction='none')"],
    rejects=["F.triplet_margin_with_distance_loss(zeros(2, 3), zeros(2, 3), zeros(3))"],
)
def triplet_margin_with_distance_loss(
    ctx: Context, anchor: Tensor, positive: Tensor, negative: Tensor, *, distance_function: Value = None,
    margin: Value = 1.0, swap: Value = False, reduction: Value = "mean",
) -> Value:  # fmt: skip
    return triplet(ctx, anchor, positive, negative, reduction, distance_function is None)


# -- sequences --------------------------------------------------------------------------


def ctc(ctx: Context, probs: Value, targets: Value, reduction: Value) -> Value:
    """(T, N, C) against (N, S) or all targets in one row; one number a sequence."""
    check_reduction(ctx, reduction)
    x = tensor_in(ctx, RULE, probs, unproved=False)
    if not isinstance(x, Tensor):
        return reduced(ctx, ctx.unknown_tensor("float"), reduction)
    ranked(ctx, RULE, x, (2, 3))
    dims = ctx.dims(x)
    labels = ctx.dims(targets) if isinstance(targets, Tensor) else None
    if dims is not None and len(dims) == 3 and labels is not None and len(labels) == 2:
        text = "{name} takes targets for {expected} sequences but gets {got}{source}"
        must_equal(ctx, RULE, dims[1], labels[0], text, targets)
    full: Value = ctx.unknown_tensor("float") if dims is None else ctx.tensor(dims[1:-1], like=x)
    return reduced(ctx, full, reduction)


@layer(
    "torch.nn.CTCLoss",
    "blank=0, reduction='mean', zero_infinity=False",
    accepts=["nn.CTCLoss()(zeros(5, 2, 4), ints(2, 3), (5, 5), (3, 3))",
             "nn.CTCLoss(reduction='none')(zeros(5, 2, 4), ints(2, 3), (5, 5), (3, 3))"],
    rejects=["nn.CTCLoss()(zeros(5, 2, 4), ints(3, 3), (5, 5), (3, 3))",
             "nn.CTCLoss()(zeros(5, 2, 2, 4), ints(2, 3), (5, 5), (3, 3))"],
)  # fmt: skip
def ctc_layer(
    ctx: Context,
    layer: Layer,
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Value,
    target_lengths: Value,
) -> Value:
    return ctc(ctx, log_probs, targets, layer.attrs["reduction"])


@function(
    "torch.nn.functional.ctc_loss",
    accepts=["F.ctc_loss(zeros(5, 2, 4), ints(2, 3), (5, 5), (3, 3), reduction='none')"],
    rejects=["F.ctc_loss(zeros(5, 2, 4), ints(3, 3), (5, 5), (3, 3))"],
)
def ctc_loss(
    ctx: Context, log_probs: Tensor, targets: Tensor, input_lengths: Value, target_lengths: Value,
    blank: Value = 0, reduction: Value = "mean", zero_infinity: Value = False,
) -> Value:  # fmt: skip
    return ctc(ctx, log_probs, targets, reduction)
