"""Losses that own a layer: LinearCrossEntropyLoss and AdaptiveLogSoftmaxWithLoss."""

from __future__ import annotations

from itertools import pairwise

from lint_params.shape.context import Context
from lint_params.shape.ops import layer
from lint_params.shape.ops.attention import part
from lint_params.shape.ops.layerwise import flag, in_unit, must_equal, ranked, sure_int, tensor_in
from lint_params.shape.ops.losses import RULE, reduced
from lint_params.shape.ops.losses_class import by_class
from lint_params.shape.sizes.dim import Size, floordiv, product, sub
from lint_params.shape.value import Layer, Seq, Tensor, Unknown, Value

CONSTRUCT = "indivisible-channels"


def _linear_params(ctx: Context, a: dict[str, Value]) -> dict[str, tuple[Size, ...] | None]:
    into, classes, more = (
        ctx.size(a["in_features"]),
        ctx.size(a["num_classes"]),
        ctx.sizes(a["out_features"]),
    )
    if into is None or classes is None or more is None:
        return {}
    out = product([classes, *more])
    return {"linear.weight": (out, into), "linear.bias": (out,) if flag(ctx, a["bias"]) else None}


def _linear_part(ctx: Context, a: dict[str, Value]) -> Value:
    classes, more = ctx.size(a["num_classes"]), ctx.sizes(a["out_features"])
    if classes is None or more is None:
        return Unknown("size of the layer")
    return part(ctx, "Linear", [a["in_features"], product([classes, *more])], bias=a["bias"])


def _check_linear(ctx: Context, a: dict[str, Value]) -> None:
    if not isinstance(a["out_features"], Seq):
        a["out_features"] = Seq([], "tuple") if a["out_features"] == () else a["out_features"]
    in_unit(ctx, a["label_smoothing"], "label_smoothing must lie between 0 and 1")


@layer(
    "torch.nn.LinearCrossEntropyLoss",
    "in_features, num_classes, *, out_features=(), bias=False, device=None, dtype=None, reduction='mean',"
    " weight=None, ignore_index=None, label_smoothing=0.0, options=None",
    params=_linear_params,
    construct=_check_linear,
    attrs={"linear": _linear_part, "weight": lambda ctx, a: a["weight"]},
    accepts=["nn.LinearCrossEntropyLoss(4, 3)(zeros(2, 4), ints(2))",
             "nn.LinearCrossEntropyLoss(4, 3, out_features=(5,), reduction='none')(zeros(2, 4), ints(2, 5))",
             "nn.LinearCrossEntropyLoss(4, 3, bias=True, reduction='none')(zeros(2, 4), zeros(2, 3))"],
    rejects=["nn.LinearCrossEntropyLoss(4, 3)(zeros(2, 5), ints(2))",
             "nn.LinearCrossEntropyLoss(4, 3)(zeros(2, 4), ints(3))",
             "nn.LinearCrossEntropyLoss(4, 3, label_smoothing=2.0)"],
)  # fmt: skip
def linear_cross_entropy(ctx: Context, layer: Layer, input: Tensor, target: Tensor) -> Value:
    a = layer.attrs
    x = tensor_in(ctx, "linear-input-mismatch", input)
    into, classes, more = (
        ctx.size(a["in_features"]),
        ctx.size(a["num_classes"]),
        ctx.sizes(a["out_features"]),
    )
    if not isinstance(x, Tensor) or into is None or classes is None or more is None:
        return reduced(ctx, ctx.unknown_tensor("float"), a["reduction"])
    ranked(ctx, "linear-input-mismatch", x, (1, 2))
    text = "{name} takes {expected} features{built} but gets {got}{source}"
    got = ctx.last(x, 1)
    if got is not None:
        ctx.need("linear-input-mismatch", into, got[0], text, tensor=x)
    logits = ctx.replace_last(x, 1, (classes, *more))
    return by_class(ctx, logits, target, a["weight"], a["reduction"], soft=True)


def _cutoffs(ctx: Context, a: dict[str, Value]) -> list[Size] | None:
    sizes, classes = ctx.sizes(a["cutoffs"]), ctx.size(a["n_classes"])
    return None if sizes is None or classes is None else [*sizes, classes]


def _check_cutoffs(ctx: Context, a: dict[str, Value]) -> None:
    cuts = _cutoffs(ctx, a)
    known = [sure_int(c) for c in cuts or []]
    if known and None not in known:
        whole = [k for k in known if k is not None]
        if any(x >= y for x, y in pairwise(whole)) or whole[0] < 1:
            ctx.refute(CONSTRUCT, "cutoffs must be positive, increasing and below n_classes")


def _adaptive_params(ctx: Context, a: dict[str, Value]) -> dict[str, tuple[Size, ...] | None]:
    into, cuts, by = ctx.size(a["in_features"]), _cutoffs(ctx, a), a["div_value"]
    if into is None or cuts is None or len(cuts) < 2 or not isinstance(by, (int, float)):
        return {}
    head = (sub(cuts[0], -(len(cuts) - 1)), into)
    shapes: dict[str, tuple[Size, ...] | None] = {"head.weight": head}
    if flag(ctx, a["head_bias"]):
        shapes["head.bias"] = head[:1]
    for i in range(len(cuts) - 1):
        narrow: Size = ctx.fresh("features", low=0)
        if isinstance(into, int):
            narrow = int(into // (by ** (i + 1)))
        elif float(by).is_integer():
            narrow = floordiv(into, int(by) ** (i + 1))
        shapes[f"tail.{i}.0.weight"] = (narrow, into)
        shapes[f"tail.{i}.1.weight"] = (sub(cuts[i + 1], cuts[i]), narrow)
    return shapes


@layer(
    "torch.nn.AdaptiveLogSoftmaxWithLoss",
    "in_features, n_classes, cutoffs, div_value=4.0, head_bias=False, device=None, dtype=None",
    params=_adaptive_params,
    construct=_check_cutoffs,
    accepts=["nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5, 10])(zeros(3, 8), ints(3))",
             "nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5, 10])(zeros(8), ints())"],
    rejects=["nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5, 10])(zeros(3, 7), ints(3))",
             "nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5, 10])(zeros(3, 8), ints(4))",
             "nn.AdaptiveLogSoftmaxWithLoss(8, 20, [10, 5])", "nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5, 20])",
             "nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5, 10])(zeros(3, 4, 8), ints(3, 4))"],
)  # fmt: skip
def adaptive_softmax(ctx: Context, layer: Layer, input_: Tensor, target_: Tensor) -> Value:
    rule = "linear-input-mismatch"
    x, y = tensor_in(ctx, rule, input_), tensor_in(ctx, RULE, target_, unproved=False)
    into = ctx.size(layer.attrs["in_features"])
    scalar = ctx.tensor((), dtype="float")
    if isinstance(y, Tensor):
        ranked(ctx, RULE, y, (0, 1))
    if not isinstance(x, Tensor):
        return Seq([ctx.unknown_tensor("float"), scalar], "tuple", ("output", "loss"))
    labels = ctx.dims(y) if isinstance(y, Tensor) else None
    ranked(ctx, rule, x, (1, 2) if labels is None else (len(labels) + 1,))
    got, dims = ctx.last(x, 1), ctx.dims(x)
    if into is not None and got is not None:
        ctx.need(
            rule,
            into,
            got[0],
            "{name} takes {expected} features{built} but gets {got}{source}",
            tensor=x,
        )
    if dims is not None and labels is not None and isinstance(y, Tensor):
        for a, b in zip(dims[:-1], labels):
            must_equal(
                ctx, RULE, a, b, "{name} takes a target of {expected} but gets {got}{source}", y
            )
    return Seq([ctx.replace_last(x, 1, ()), scalar], "tuple", ("output", "loss"))
