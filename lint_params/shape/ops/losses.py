"""Losses that compare two tensors element by element, and what all losses share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lint_params.shape.context import Context
from lint_params.shape.ops import function, layer
from lint_params.shape.ops.broadcast import all_pairs, beside_column, broadcast
from lint_params.shape.ops.layerwise import flag, must_equal, quoted, tensor_in
from lint_params.shape.sizes.dim import NO
from lint_params.shape.value import Layer, Tensor, Unknown, Value

RULE = "broadcast-mismatch"
SAME = "{name} takes a target of the shape of its input, {expected}, but gets {got}{source}"
#: The last is an old name of the mean, with a warning.
_REDUCTIONS = ("none", "mean", "sum", "elementwise_mean")
OLD = "size_average=None, reduce=None, reduction='mean'"


def legacy(ctx: Context, reduction: Value, size_average: Value, reduce: Value) -> Value:
    """torch's reading of the two arguments that came before ``reduction``."""
    if size_average is None and reduce is None:
        return reduction
    if flag(ctx, reduce) is False and reduce is not None:
        return "none"
    return "mean"  # or the sum: a scalar either way


def check_reduction(ctx: Context, reduction: Value, more: Sequence[str] = ()) -> None:
    if isinstance(reduction, str) and reduction not in (*_REDUCTIONS, *more):
        ctx.refute("indivisible-channels", f"{{name}} knows no reduction {quoted(reduction)}")


def reduced(ctx: Context, full: Value, reduction: Value) -> Value:
    """A scalar, or every element's loss where there is no reduction."""
    if reduction == "none":
        return full
    if isinstance(reduction, str):
        return ctx.tensor((), dtype=full.dtype if isinstance(full, Tensor) else "float")
    return ctx.unknown_tensor("float")


def attr_reduction(ctx: Context, a: dict[str, Value]) -> Value:
    if a.get("size_average") is None and a.get("reduce") is None:
        return a["reduction"]
    if flag(ctx, a["reduce"]) is False and a["reduce"] is not None:
        return "none"
    return "mean" if a["size_average"] is None or flag(ctx, a["size_average"]) else "sum"


def buffers(*names: str) -> Any:
    """weight and its like are buffers: their attributes are the arguments."""
    return {"reduction": attr_reduction, **{n: (lambda ctx, a, n=n: a[n]) for n in names}}


def equal_shapes(ctx: Context, a: Tensor, b: Tensor, text: str = SAME) -> None:
    """Torch refuses two shapes that differ at all, even where they would broadcast."""
    one, two = ctx.dims(a), ctx.dims(b)
    if one is None or two is None:
        return
    if len(one) != len(two):
        ctx.refute(RULE, text.replace("{expected}", "{expected} dimensions"), len(one), len(two), b)
    for x, y in zip(one, two):
        must_equal(ctx, RULE, x, y, text, b)


def elementwise(
    ctx: Context, values: Sequence[Value], reduction: Value, *, strict: bool = False, weights: Sequence[Value] = ()
) -> Value:  # fmt: skip
    """The loss of tensors that broadcast together, or that must agree (``strict``)."""
    check_reduction(ctx, reduction)
    found = [tensor_in(ctx, RULE, v, unproved=False) for v in values]
    out: Value = found[0]
    for x in found[1:]:
        if isinstance(out, Tensor) and isinstance(x, Tensor):
            if strict:
                equal_shapes(ctx, out, x)
            else:
                out = broadcast(ctx, out, x, RULE)
        elif not strict:
            out = Unknown("input is no known tensor")
    for weight in weights:
        if isinstance(weight, Tensor) and isinstance(out, Tensor):
            out = broadcast(ctx, out, weight, RULE)
    if isinstance(out, Tensor):
        out = ctx.tensor(out.shape.dims, lead=out.shape.lead, like=out)
    return reduced(ctx, out, reduction)


# -- two tensors that broadcast ---------------------------------------------------------


def one_by_one(ctx: Context, input: Value, target: Value, reduction: Value) -> None:
    """A column against a vector of as many samples: each prediction would meet every target.

    Of these losses torch only warns. Unreduced, the table of all pairs may be what is asked for.
    """
    if reduction not in ("mean", "sum") or not isinstance(input, Tensor) or not isinstance(target, Tensor):
        return
    vector = beside_column(ctx, input, target)
    if vector is not None:
        all_pairs(ctx, "{name} gets", vector)


def _pair(ctx: Context, layer: Layer, input: Tensor, target: Tensor) -> Value:
    return elementwise(ctx, [input, target], layer.attrs["reduction"])


def _sized_pair(ctx: Context, layer: Layer, input: Tensor, target: Tensor) -> Value:
    one_by_one(ctx, input, target, layer.attrs["reduction"])
    return _pair(ctx, layer, input, target)


def _pair_function(
    ctx: Context, input: Tensor, target: Tensor, size_average: Value = None, reduce: Value = None,
    reduction: Value = "mean",
) -> Value:  # fmt: skip
    return elementwise(ctx, [input, target], legacy(ctx, reduction, size_average, reduce))


def _sized_pair_function(
    ctx: Context, input: Tensor, target: Tensor, size_average: Value = None, reduce: Value = None,
    reduction: Value = "mean", weight: Value = None,
) -> Value:  # fmt: skip
    one_by_one(ctx, input, target, legacy(ctx, reduction, size_average, reduce))
    out = _pair_function(ctx, input, target, size_average, reduce, reduction)
    if isinstance(weight, Tensor) and isinstance(input, Tensor):
        equal_shapes(
            ctx, input, weight, "{name} takes a weight of {expected} but gets {got}{source}"
        )
    return out


def _register(name: str, low: str, signature: str, call: Any, pairs: Any = _pair) -> None:
    pair, wrong = "zeros(2, 3), zeros(3)", "zeros(2, 3), zeros(2, 4)"
    layer(
        f"torch.nn.{name}",
        signature,
        attrs={"reduction": attr_reduction},
        accepts=[
            f"nn.{name}()({pair})",
            f"nn.{name}(reduction='none')({pair})",
            f"nn.{name}(reduction='sum')({pair})",
            *([f"nn.{name}(reduce=False)({pair})"] if "reduce=" in signature else []),
        ],
        rejects=[f"nn.{name}()({wrong})", f"nn.{name}(reduction='all')({pair})"],
    )(pairs)
    function(
        f"torch.nn.functional.{low}",
        accepts=[f"F.{low}({pair})", f"F.{low}({pair}, reduction='none')"],
        rejects=[f"F.{low}({wrong})"],
    )(call)


def _smooth(
    ctx: Context, input: Tensor, target: Tensor, size_average: Value = None, reduce: Value = None,
    reduction: Value = "mean", beta: Value = 1.0,
) -> Value:  # fmt: skip
    return _sized_pair_function(ctx, input, target, size_average, reduce, reduction)


def _huber(
    ctx: Context, input: Tensor, target: Tensor, reduction: Value = "mean", delta: Value = 1.0,
    weight: Value = None,
) -> Value:  # fmt: skip
    return _sized_pair_function(ctx, input, target, None, None, reduction, weight)


def _poisson(
    ctx: Context, input: Tensor, target: Tensor, log_input: Value = True, full: Value = False,
    size_average: Value = None, eps: Value = 1e-08, reduce: Value = None, reduction: Value = "mean",
) -> Value:  # fmt: skip
    return _pair_function(ctx, input, target, size_average, reduce, reduction)


def _hinge(
    ctx: Context, input: Tensor, target: Tensor, margin: Value = 1.0, size_average: Value = None,
    reduce: Value = None, reduction: Value = "mean",
) -> Value:  # fmt: skip
    return _pair_function(ctx, input, target, size_average, reduce, reduction)


_register("L1Loss", "l1_loss", OLD, _sized_pair_function, _sized_pair)
_register("MSELoss", "mse_loss", OLD, _sized_pair_function, _sized_pair)
_register("SmoothL1Loss", "smooth_l1_loss", f"{OLD}, beta=1.0", _smooth, _sized_pair)
_register("HuberLoss", "huber_loss", "reduction='mean', delta=1.0", _huber, _sized_pair)
_register("SoftMarginLoss", "soft_margin_loss", OLD, _pair_function)
_register(
    "PoissonNLLLoss", "poisson_nll_loss",
    "log_input=True, full=False, size_average=None, eps=1e-08, reduce=None, reduction='mean'", _poisson,
)  # fmt: skip
_register("HingeEmbeddingLoss", "hinge_embedding_loss", f"margin=1.0, {OLD}", _hinge)


# -- divergence: it knows one reduction more --------------------------------------------


def _divergence(ctx: Context, input: Value, target: Value, reduction: Value) -> Value:
    return elementwise(ctx, [input, target], "mean" if reduction == "batchmean" else reduction)


@layer(
    "torch.nn.KLDivLoss",
    f"{OLD}, log_target=False",
    attrs={"reduction": attr_reduction},
    accepts=["nn.KLDivLoss(reduction='batchmean')(zeros(2, 3), zeros(2, 3))",
             "nn.KLDivLoss(reduction='none', log_target=True)(zeros(2, 3), zeros(3))"],
    rejects=["nn.KLDivLoss()(zeros(2, 3), zeros(2, 4))"],
)  # fmt: skip
def divergence_layer(ctx: Context, layer: Layer, input: Tensor, target: Tensor) -> Value:
    return _divergence(ctx, input, target, layer.attrs["reduction"])


@function(
    "torch.nn.functional.kl_div",
    accepts=[
        "F.kl_div(zeros(2, 3), zeros(2, 3), reduction='batchmean')",
        "F.kl_div(zeros(2, 3), zeros(2, 3))",
    ],
    rejects=["F.kl_div(zeros(2, 3), zeros(2, 4))"],
)
def kl_div(
    ctx: Context, input: Tensor, target: Tensor, size_average: Value = None, reduce: Value = None,
    reduction: Value = "mean", log_target: Value = False,
) -> Value:  # fmt: skip
    return _divergence(ctx, input, target, legacy(ctx, reduction, size_average, reduce))


# -- cross entropy of two classes: the shapes must agree --------------------------------


@layer(
    "torch.nn.BCELoss",
    f"weight=None, {OLD}",
    attrs=buffers("weight"),
    accepts=["nn.BCELoss()(zeros(2, 3), zeros(2, 3))",
             "nn.BCELoss(zeros(3), reduction='none')(zeros(2, 3), zeros(2, 3))"],
    rejects=["nn.BCELoss()(zeros(2, 3), zeros(3))", "nn.BCELoss()(zeros(2, 3), zeros(2, 1))",
             "nn.BCELoss(zeros(4))(zeros(2, 3), zeros(2, 3))"],
)  # fmt: skip
def bce_layer(ctx: Context, layer: Layer, input: Tensor, target: Tensor) -> Value:
    a = layer.attrs
    return elementwise(ctx, [input, target], a["reduction"], strict=True, weights=[a["weight"]])


@layer(
    "torch.nn.BCEWithLogitsLoss",
    f"weight=None, {OLD}, pos_weight=None",
    attrs=buffers("weight", "pos_weight"),
    accepts=["nn.BCEWithLogitsLoss()(zeros(2, 3), zeros(2, 3))",
             "nn.BCEWithLogitsLoss(reduction='none', pos_weight=zeros(3))(zeros(2, 3), zeros(2, 3))"],
    rejects=["nn.BCEWithLogitsLoss()(zeros(2, 3), zeros(2))",
             "nn.BCEWithLogitsLoss()(zeros(2, 1), zeros(2))",
             "nn.BCEWithLogitsLoss(pos_weight=zeros(4))(zeros(2, 3), zeros(2, 3))"],
)  # fmt: skip
def logits_layer(ctx: Context, layer: Layer, input: Tensor, target: Tensor) -> Value:
    a = layer.attrs
    weights = [a["weight"], a["pos_weight"]]
    return elementwise(ctx, [input, target], a["reduction"], strict=True, weights=weights)


@function(
    "torch.nn.functional.binary_cross_entropy",
    accepts=["F.binary_cross_entropy(zeros(2, 3), zeros(2, 3))"],
    rejects=["F.binary_cross_entropy(zeros(2, 3), zeros(2))",
             "F.binary_cross_entropy(zeros(2, 3), zeros(2, 3), zeros(4))"],
)  # fmt: skip
def binary_cross_entropy(
    ctx: Context, input: Tensor, target: Tensor, weight: Value = None, size_average: Value = None,
    reduce: Value = None, reduction: Value = "mean",
) -> Value:  # fmt: skip
    how = legacy(ctx, reduction, size_average, reduce)
    return elementwise(ctx, [input, target], how, strict=True, weights=[weight])


@function(
    "torch.nn.functional.binary_cross_entropy_with_logits",
    accepts=["F.binary_cross_entropy_with_logits(zeros(2, 3), zeros(2, 3), reduction='none')"],
    rejects=["F.binary_cross_entropy_with_logits(zeros(2, 1), zeros(2))"],
)
def binary_cross_entropy_with_logits(
    ctx: Context, input: Tensor, target: Tensor, weight: Value = None, size_average: Value = None,
    reduce: Value = None, reduction: Value = "mean", pos_weight: Value = None,
) -> Value:  # fmt: skip
    how = legacy(ctx, reduction, size_average, reduce)
    return elementwise(ctx, [input, target], how, strict=True, weights=[weight, pos_weight])


# -- a variance beside the mean ---------------------------------------------------------


def gaussian(ctx: Context, input: Value, target: Value, var: Value, reduction: Value) -> Value:
    check_reduction(ctx, reduction)
    full = elementwise(ctx, [input, target], "none")
    x = ctx.dims(input) if isinstance(input, Tensor) else None
    v = ctx.dims(var) if isinstance(var, Tensor) else None
    if x is not None and v is not None and isinstance(var, Tensor):
        # (..., n), (..., 1) or (...)
        text = "{name} takes a variance of {expected} but gets {got}{source}"
        if len(v) not in (len(x), len(x) - 1):
            ctx.refute(RULE, text.replace("{got}", "{got} dimensions"), len(x), len(v), var)
        for a, b in zip(x[:-1], v):
            must_equal(ctx, RULE, a, b, text, var)
        if len(v) == len(x) and x and ctx.compare(v[-1], 1) is NO:
            must_equal(ctx, RULE, x[-1], v[-1], text, var)
    return reduced(ctx, full, reduction)


@layer(
    "torch.nn.GaussianNLLLoss",
    "*, full=False, eps=1e-06, reduction='mean'",
    accepts=["nn.GaussianNLLLoss()(zeros(2, 3), zeros(2, 3), zeros(2, 1))",
             "nn.GaussianNLLLoss(reduction='none')(zeros(2, 3), zeros(2, 3), zeros(2))"],
    rejects=["nn.GaussianNLLLoss()(zeros(2, 3), zeros(2, 4), zeros(2, 3))",
             "nn.GaussianNLLLoss()(zeros(2, 3), zeros(2, 3), zeros(3))"],
)  # fmt: skip
def gaussian_layer(ctx: Context, layer: Layer, input: Tensor, target: Tensor, var: Value) -> Value:
    return gaussian(ctx, input, target, var, layer.attrs["reduction"])


@function(
    "torch.nn.functional.gaussian_nll_loss",
    accepts=["F.gaussian_nll_loss(zeros(2, 3), zeros(2, 3), zeros(2, 3))"],
    rejects=["F.gaussian_nll_loss(zeros(2, 3), zeros(2, 3), zeros(3))"],
)
def gaussian_nll_loss(
    ctx: Context, input: Tensor, target: Tensor, var: Value, full: Value = False, eps: Value = 1e-06,
    reduction: Value = "mean",
) -> Value:  # fmt: skip
    return gaussian(ctx, input, target, var, reduction)
