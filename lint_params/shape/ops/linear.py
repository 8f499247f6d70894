"""Linear, Bilinear and Identity."""

from __future__ import annotations

from lint_params.shape.context import Context
from lint_params.shape.ops import function, layer
from lint_params.shape.ops.arguments import size_or_fresh
from lint_params.shape.sizes.dim import YES, Size, same
from lint_params.shape.value import Layer, Tensor, Value

RULE = "linear-input-mismatch"


def _linear_params(ctx: Context, a: dict[str, Value]) -> dict[str, tuple[Size, ...] | None]:
    into, out = (size_or_fresh(ctx, a[name], "features") for name in ("in_features", "out_features"))
    return {"weight": (out, into), "bias": (out,) if a["bias"] is not False else None}


@layer(
    ["torch.nn.Linear", "torch.nn.NonDynamicallyQuantizableLinear"],
    "in_features, out_features, bias=True, device=None, dtype=None",
    params=_linear_params,
    accepts=[
        "nn.Linear(3, 4)(zeros(2, 3))",
        "nn.Linear(3, 4)(zeros(3))",
        "nn.Linear(3, 4)(zeros(5, 2, 3))",
    ],
    rejects=["nn.Linear(3, 4)(zeros(2, 5))", "nn.Linear(3, 4)(zeros(2, 3, 1))"],
)
def linear(ctx: Context, layer: Layer, input: Tensor) -> Value:
    if not isinstance(input, Tensor):
        return ctx.unknown("input is no known tensor")
    weight = layer.attrs.get("weight")
    shape = ctx.dims(weight) if isinstance(weight, Tensor) else None
    if shape is None or len(shape) != 2:
        ctx.unproved(RULE, "size of the layer")
        return ctx.unknown("size of the layer")
    out, into = shape
    got = ctx.last(input, 1)
    if got is None:
        return ctx.unknown("a scalar input")
    ctx.need(
        RULE,
        into,
        got[0],
        "{name} takes {expected} features{built} but gets {got}{source}",
        tensor=input,
    )
    return ctx.replace_last(input, 1, (out,))


@layer("torch.nn.Identity", "*args, **kwargs", accepts=["nn.Identity()(zeros(2, 3))"])
def identity(ctx: Context, layer: Layer, input: Value) -> Value:
    return input


@function("torch.nn.functional.linear", accepts=["F.linear(zeros(2, 3), zeros(4, 3), zeros(4))"],
          rejects=["F.linear(zeros(2, 3), zeros(3, 4))", "F.linear(zeros(2, 3), zeros(4, 3), zeros(3))"])  # fmt: skip
def functional_linear(ctx: Context, input: Tensor, weight: Tensor, bias: Value = None) -> Value:
    rule = "parameter-product-mismatch"
    if not isinstance(input, Tensor) or not isinstance(weight, Tensor):
        return ctx.unknown("input is no known tensor")
    shape = ctx.dims(weight)
    got = ctx.last(input, 1)
    if shape is None or got is None or len(shape) not in (1, 2):
        ctx.unproved(rule, "rank of the weight")
        return ctx.unknown("rank of the weight")
    ctx.need(
        rule,
        shape[-1],
        got[0],
        "F.linear takes {expected} features (its weight is (out, in)) but gets {got}{source}",
        tensor=input,
    )
    if len(shape) == 1:
        return ctx.replace_last(input, 1, ())
    shape = ctx.dims(weight) or shape  # with what the input has told
    count = ctx.dims(bias) if isinstance(bias, Tensor) else None
    if count is not None and len(count) == 1 and same(count[0], 1) is not YES:
        turned = same(count[0], shape[1]) is YES and same(shape[0], shape[1]) is not YES
        text = "F.linear gets a bias of {got} elements for a weight of {expected} rows"
        if turned:
            ctx.refute(rule, f"{text}: its weight is (out, in)", shape[0], count[0], weight)
        ctx.need(rule, shape[0], count[0], text, tensor=weight)
    return ctx.replace_last(input, 1, (shape[0],))
