"""Losses over classes, and over sets of samples."""

from __future__ import annotations

from lint_params.shape.context import Context
from lint_params.shape.ops import function, layer
from lint_params.shape.ops.layerwise import in_unit, must_equal, ranked, tensor_in
from lint_params.shape.ops.losses import (
    OLD,
    RULE,
    attr_reduction,
    buffers,
    check_reduction,
    elementwise,
    equal_shapes,
    legacy,
    reduced,
)
from lint_params.shape.value import Layer, Tensor, Value

LABELS = "{name} takes a target of {expected} but gets {got}{source}"


def by_class(
    ctx: Context, input: Value, target: Value, weight: Value, reduction: Value, *, soft: bool
) -> Value:
    """(N, C, d...) against labels (N, d...), or against probabilities of its own shape (``soft``)."""
    check_reduction(ctx, reduction)
    x, y = (tensor_in(ctx, RULE, v, unproved=False) for v in (input, target))
    dims = ctx.dims(x) if isinstance(x, Tensor) else None
    labels = ctx.dims(y) if isinstance(y, Tensor) else None
    if dims is None or not dims or not isinstance(x, Tensor):
        return reduced(ctx, ctx.unknown_tensor("float"), reduction)
    at = 0 if len(dims) == 1 else 1
    rest = (*dims[:at], *dims[at + 1 :])
    if labels is not None and isinstance(y, Tensor):
        same_rank = len(labels) == len(dims)
        as_labels = len(labels) == len(rest)
        # A vector of one label stands for a scalar beside a single sample.
        single = not soft and len(dims) == 1 and len(labels) == 1
        if as_labels:
            for a, b in zip(rest, labels):
                must_equal(ctx, RULE, a, b, LABELS, y)
        elif soft and same_rank and y.dtype != "int":
            equal_shapes(ctx, x, y)
        elif not single:
            text = "{name} takes a target of {expected} dimensions but gets {got}{source}"
            ctx.refute(RULE, text, len(rest), len(labels), y)
    known = ctx.dims(weight) if isinstance(weight, Tensor) else None
    if known is not None and isinstance(weight, Tensor) and len(known) == 1:
        text = "{name} takes a weight for each of {expected} classes but gets {got}{source}"
        must_equal(ctx, RULE, dims[at], known[0], text, weight)
    return reduced(ctx, ctx.tensor(rest, like=x), reduction)


def _cross_layer(ctx: Context, layer: Layer, input: Tensor, target: Tensor) -> Value:
    a = layer.attrs
    in_unit(ctx, a.get("label_smoothing"), "label_smoothing must lie between 0 and 1")
    soft = layer.spec.short == "CrossEntropyLoss"
    return by_class(ctx, input, target, a["weight"], a["reduction"], soft=soft)


COMMON = [
    ("()", "zeros(2, 3), ints(2)"),
    ("(reduction='none')", "zeros(2, 3, 4), ints(2, 4)"),
    ("(reduction='none')", "zeros(2, 3, 4, 5), ints(2, 4, 5)"),
    ("(zeros(3), reduction='sum')", "zeros(2, 3), ints(2)"),
    ("(reduction='none')", "zeros(3), ints()"),
]
WRONG = [
    ("()", "zeros(2, 3), ints(4)"),
    ("()", "zeros(2, 3), ints(2, 1)"),
    ("()", "zeros(2, 3, 4), ints(2, 5)"),
    ("()", "zeros(2, 3, 4), ints(2)"),
    ("(zeros(4))", "zeros(2, 3), ints(2)"),
    ("(reduction='all')", "zeros(2, 3), ints(2)"),
]
for _name, _more in (
    ("CrossEntropyLoss", ", label_smoothing=0.0"),
    ("NLLLoss", ""),
    ("NLLLoss2d", ""),
):
    _soft = _name == "CrossEntropyLoss"
    layer(
        f"torch.nn.{_name}",
        f"weight=None, size_average=None, ignore_index=-100, reduce=None, reduction='mean'{_more}",
        attrs=buffers("weight"),
        accepts=[
            *(f"nn.{_name}{how}({x})" for how, x in COMMON),
            *(
                ["nn.CrossEntropyLoss(reduction='none')(zeros(2, 3, 4), zeros(2, 3, 4))"]
                if _soft
                else []
            ),
            *(["nn.CrossEntropyLoss()(zeros(3), zeros(3))"] if _soft else []),
            *([] if _soft else [f"nn.{_name}(reduction='none')(zeros(3), ints(1))"]),
        ],
        rejects=[
            *(f"nn.{_name}{how}({x})" for how, x in WRONG),
            *(["nn.CrossEntropyLoss()(zeros(2, 3, 4), zeros(2, 3, 5))"] if _soft else []),
            *(["nn.CrossEntropyLoss(label_smoothing=2)(zeros(2, 3), ints(2))"] if _soft else []),
        ],
    )(_cross_layer)


@function(
    "torch.nn.functional.cross_entropy",
    accepts=["F.cross_entropy(zeros(2, 3), ints(2))", "F.cross_entropy(zeros(2, 3, 4), ints(2, 4), reduction='none')",
             "F.cross_entropy(zeros(2, 3), zeros(2, 3))", "F.cross_entropy(zeros(2, 3), ints(2), reduction='elementwise_mean')"],
    rejects=["F.cross_entropy(zeros(2, 3), ints(3))", "F.cross_entropy(zeros(2, 3), zeros(2, 4))"],
)  # fmt: skip
def cross_entropy(
    ctx: Context, input: Tensor, target: Tensor, weight: Value = None, size_average: Value = None,
    ignore_index: Value = -100, reduce: Value = None, reduction: Value = "mean", label_smoothing: Value = 0.0,
) -> Value:  # fmt: skip
    in_unit(ctx, label_smoothing, "label_smoothing must lie between 0 and 1")
    return by_class(
        ctx, input, target, weight, legacy(ctx, reduction, size_average, reduce), soft=True
    )


@function(
    "torch.nn.functional.nll_loss",
    accepts=[
        "F.nll_loss(zeros(2, 3), ints(2))",
        "F.nll_loss(zeros(2, 3, 4, 4), ints(2, 4, 4), reduction='none')",
    ],
    rejects=["F.nll_loss(zeros(2, 3), ints(3))", "F.nll_loss(zeros(2, 3, 4, 4), ints(2, 4, 5))"],
)
def nll_loss(
    ctx: Context, input: Tensor, target: Tensor, weight: Value = None, size_average: Value = None,
    ignore_index: Value = -100, reduce: Value = None, reduction: Value = "mean",
) -> Value:  # fmt: skip
    return by_class(
        ctx, input, target, weight, legacy(ctx, reduction, size_average, reduce), soft=False
    )


# -- several labels ---------------------------------------------------------------------


def _rows(ctx: Context, full: Value, reduction: Value) -> Value:
    """One number a row."""
    if isinstance(full, Tensor) and (ctx.rank(full) or 0) > 0:
        return reduced(ctx, ctx.replace_last(full, 1, ()), reduction)
    return reduced(ctx, ctx.unknown_tensor("float"), reduction)


def multi_label(
    ctx: Context, input: Value, target: Value, weight: Value, reduction: Value, strict: bool
) -> Value:
    check_reduction(ctx, reduction)
    return _rows(
        ctx, elementwise(ctx, [input, target], "none", strict=strict, weights=[weight]), reduction
    )


@layer(
    "torch.nn.MultiLabelMarginLoss",
    OLD,
    attrs={"reduction": attr_reduction},
    accepts=["nn.MultiLabelMarginLoss()(zeros(2, 3), ints(2, 3))",
             "nn.MultiLabelMarginLoss(reduction='none')(zeros(2, 3), ints(2, 3))"],
    rejects=["nn.MultiLabelMarginLoss()(zeros(2, 3), ints(2, 4))", "nn.MultiLabelMarginLoss()(zeros(2, 3), ints(3))"],
)  # fmt: skip
def multi_label_margin(ctx: Context, layer: Layer, input: Tensor, target: Tensor) -> Value:
    return multi_label(ctx, input, target, None, layer.attrs["reduction"], True)


@layer(
    "torch.nn.MultiLabelSoftMarginLoss",
    f"weight=None, {OLD}",
    attrs=buffers("weight"),
    accepts=["nn.MultiLabelSoftMarginLoss()(zeros(2, 3), zeros(2, 3))",
             "nn.MultiLabelSoftMarginLoss(zeros(3), reduction='none')(zeros(2, 3), zeros(3))"],
    rejects=["nn.MultiLabelSoftMarginLoss()(zeros(2, 3), zeros(2, 4))",
             "nn.MultiLabelSoftMarginLoss(zeros(4))(zeros(2, 3), zeros(2, 3))"],
)  # fmt: skip
def multi_label_soft(ctx: Context, layer: Layer, input: Tensor, target: Tensor) -> Value:
    return multi_label(ctx, input, target, layer.attrs["weight"], layer.attrs["reduction"], False)


@function(
    "torch.nn.functional.multilabel_margin_loss",
    accepts=["F.multilabel_margin_loss(zeros(2, 3), ints(2, 3))"],
    rejects=["F.multilabel_margin_loss(zeros(2, 3), ints(2, 4))"],
)
def multilabel_margin_loss(
    ctx: Context, input: Tensor, target: Tensor, size_average: Value = None, reduce: Value = None,
    reduction: Value = "mean",
) -> Value:  # fmt: skip
    return multi_label(ctx, input, target, None, legacy(ctx, reduction, size_average, reduce), True)


@function(
    "torch.nn.functional.multilabel_soft_margin_loss",
    accepts=["F.multilabel_soft_margin_loss(zeros(2, 3), zeros(2, 3), reduction='none')"],
    rejects=["F.multilabel_soft_margin_loss(zeros(2, 3), zeros(2, 4))"],
)
def multilabel_soft_margin_loss(
    ctx: Context, input: Tensor, target: Tensor, weight: Value = None, size_average: Value = None,
    reduce: Value = None, reduction: Value = "mean",
) -> Value:  # fmt: skip
    return multi_label(
        ctx, input, target, weight, legacy(ctx, reduction, size_average, reduce), False
    )


def multi_margin(
    ctx: Context, input: Value, target: Value, weight: Value, reduction: Value
) -> Value:
    """(N, C) against (N): one label a row."""
    check_reduction(ctx, reduction)
    x, y = (tensor_in(ctx, RULE, v, unproved=False) for v in (input, target))
    if not isinstance(x, Tensor):
        return reduced(ctx, ctx.unknown_tensor("float"), reduction)
    ranked(ctx, RULE, x, (1, 2))
    dims, labels = ctx.dims(x), ctx.dims(y) if isinstance(y, Tensor) else None
    if dims is None or labels is None or not isinstance(y, Tensor):
        return reduced(ctx, ctx.unknown_tensor("float"), reduction)
    if len(dims) == 2:
        if len(labels) != 1:
            text = "{name} takes a target of {expected} dimensions but gets {got}{source}"
            ctx.refute(RULE, text, 1, len(labels), y)
        must_equal(ctx, RULE, dims[0], labels[0], LABELS, y)
    known = ctx.dims(weight) if isinstance(weight, Tensor) else None
    if known is not None and len(known) == 1 and isinstance(weight, Tensor):
        text = "{name} takes a weight for each of {expected} classes but gets {got}{source}"
        must_equal(ctx, RULE, dims[-1], known[0], text, weight)
    return reduced(ctx, ctx.tensor(labels, like=x), reduction)


@layer(
    "torch.nn.MultiMarginLoss",
    f"p=1, margin=1.0, weight=None, {OLD}",
    attrs=buffers("weight"),
    accepts=["nn.MultiMarginLoss()(zeros(2, 3), ints(2))", "nn.MultiMarginLoss(reduction='none')(zeros(2, 3), ints(2))",
             "nn.MultiMarginLoss(reduction='none')(zeros(3), ints(1))"],
    rejects=["nn.MultiMarginLoss()(zeros(2, 3), ints(3))", "nn.MultiMarginLoss(weight=zeros(4))(zeros(2, 3), ints(2))"],
)  # fmt: skip
def multi_margin_layer(ctx: Context, layer: Layer, input: Tensor, target: Tensor) -> Value:
    return multi_margin(ctx, input, target, layer.attrs["weight"], layer.attrs["reduction"])


@function(
    "torch.nn.functional.multi_margin_loss",
    accepts=["F.multi_margin_loss(zeros(2, 3), ints(2))"],
    rejects=["F.multi_margin_loss(zeros(2, 3), ints(3))"],
)
def multi_margin_loss(
    ctx: Context, input: Tensor, target: Tensor, p: Value = 1, margin: Value = 1.0, weight: Value = None,
    size_average: Value = None, reduce: Value = None, reduction: Value = "mean",
) -> Value:  # fmt: skip
    return multi_margin(ctx, input, target, weight, legacy(ctx, reduction, size_average, reduce))
