"""Activations: layers and functions that keep the shape, and those that look at an axis."""

from __future__ import annotations

from lint_params.shape.context import Context
from lint_params.shape.ops import function, layer
from lint_params.shape.ops.arguments import axis, size_or_fresh
from lint_params.shape.ops.layerwise import ranked, tensor_in
from lint_params.shape.sizes.dim import NO, YES, Size, floordiv
from lint_params.shape.value import Layer, Tensor, Value

RULE = "view-size-mismatch"
CHANNELS = "norm-feature-mismatch"

LAYERS = {
    "ReLU ReLU6 SELU SiLU Mish Hardsigmoid Hardswish": "inplace=False",
    "Sigmoid Tanh LogSigmoid Softsign Tanhshrink": "",
    "ELU CELU": "alpha=1.0, inplace=False",
    "GELU": "approximate='none'",
    "Hardshrink Softshrink": "lambd=0.5",
    "Hardtanh": "min_val=-1.0, max_val=1.0, inplace=False, min_value=None, max_value=None",
    "LeakyReLU": "negative_slope=0.01, inplace=False",
    "RReLU": "lower=0.125, upper=0.3333333333333333, inplace=False",
    "Softplus": "beta=1.0, threshold=20.0",
    "Threshold": "threshold, value, inplace=False",
}
FUNCTIONS = [
    "relu",
    "relu6",
    "selu",
    "silu",
    "mish",
    "hardsigmoid",
    "hardswish",
    "sigmoid",
    "tanh",
    "logsigmoid",
    "softsign",
    "tanhshrink",
    "elu",
    "celu",
    "gelu",
    "hardshrink",
    "softshrink",
    "hardtanh",
    "leaky_relu",
    "rrelu",
    "softplus",
    "threshold",
]
IN_PLACE = ["relu_", "elu_", "celu_", "selu_", "hardtanh_", "leaky_relu_", "rrelu_", "threshold_"]


def kept(ctx: Context, input: Value) -> Value:
    x = tensor_in(ctx, RULE, input, unproved=False)
    return ctx.same_shape(x) if isinstance(x, Tensor) else x


def _layer(ctx: Context, layer: Layer, input: Tensor) -> Value:
    return kept(ctx, input)


def _function(ctx: Context, input: Tensor, *args: Value, **kwargs: Value) -> Value:
    return kept(ctx, input)


def _in_place(ctx: Context, input: Tensor, *args: Value, **kwargs: Value) -> Value:
    return input if isinstance(input, Tensor) else kept(ctx, input)


def _check_range(ctx: Context, a: dict[str, Value]) -> None:
    low = a["min_val"] if a["min_value"] is None else a["min_value"]
    high = a["max_val"] if a["max_value"] is None else a["max_value"]
    if isinstance(low, (int, float)) and isinstance(high, (int, float)) and high <= low:
        ctx.refute("indivisible-channels", "max_val must be greater than min_val")


for _names, _signature in LAYERS.items():
    for _name in _names.split():
        _args = "1.0, 2.0" if _name == "Threshold" else ""
        layer(
            f"torch.nn.{_name}",
            _signature,
            construct=_check_range if _name == "Hardtanh" else None,
            accepts=[f"nn.{_name}({_args})(zeros(2, 3))"],
            rejects=[
                f"nn.{_name}({_args})((zeros(2, 3), 1))",
                *(["nn.Hardtanh(1, 0)"] if _name == "Hardtanh" else []),
            ],
        )(_layer)
for _name in FUNCTIONS:
    _args = ", 1.0, 2.0" if _name == "threshold" else ""
    function(
        f"torch.nn.functional.{_name}",
        accepts=[f"F.{_name}(zeros(2, 3){_args})"],
        rejects=[f"F.{_name}((zeros(2, 3), 1){_args})"],
    )(_function)
for _name in IN_PLACE:
    _args = ", 1.0, 2.0" if _name == "threshold_" else ""
    function(f"torch.nn.functional.{_name}", accepts=[f"F.{_name}(zeros(2, 3){_args})"])(_in_place)


# -- along an axis ----------------------------------------------------------------------


def along(ctx: Context, input: Value, dim: Value) -> Value:
    x = tensor_in(ctx, RULE, input, unproved=False)
    if not isinstance(x, Tensor):
        return x
    if dim is not None:
        axis(ctx, x, dim)
    return ctx.same_shape(x)


def _softmax_layer(ctx: Context, layer: Layer, input: Tensor) -> Value:
    return along(ctx, input, layer.attrs["dim"])


for _name in ("Softmax", "LogSoftmax", "Softmin"):
    layer(
        f"torch.nn.{_name}",
        "dim=None",
        accepts=[
            f"nn.{_name}(1)(zeros(2, 3))",
            f"nn.{_name}(dim=-1)(zeros(2, 3, 4))",
            f"nn.{_name}()(zeros(2))",
        ],
        rejects=[f"nn.{_name}(2)(zeros(2, 3))", f"nn.{_name}(-3)(zeros(2, 3))"],
    )(_softmax_layer)


def _softmax(
    ctx: Context, input: Tensor, dim: Value = None, _stacklevel: Value = 3, dtype: Value = None
) -> Value:
    return along(ctx, input, dim)


for _name in ("softmax", "log_softmax", "softmin"):
    function(
        f"torch.nn.functional.{_name}",
        accepts=[f"F.{_name}(zeros(2, 3), 1)", f"F.{_name}(zeros(2, 3), dim=-1)"],
        rejects=[f"F.{_name}(zeros(2, 3), 2)", f"F.{_name}(zeros(2, 3), dim=-3)"],
    )(_softmax)


@function(
    "torch.nn.functional.gumbel_softmax",
    accepts=["F.gumbel_softmax(zeros(2, 3))", "F.gumbel_softmax(zeros(2, 3), 0.5, True, dim=0)"],
    rejects=["F.gumbel_softmax(zeros(2, 3), dim=2)"],
)
def gumbel_softmax(
    ctx: Context,
    logits: Tensor,
    tau: Value = 1,
    hard: Value = False,
    eps: Value = 1e-10,
    dim: Value = -1,
) -> Value:
    return along(ctx, logits, dim)


@function(
    "torch.nn.functional.normalize",
    accepts=[
        "F.normalize(zeros(2, 3))",
        "F.normalize(zeros(3), dim=0)",
        "F.normalize(zeros(2, 3), 1.0, -1)",
    ],
    rejects=["F.normalize(zeros(3))", "F.normalize(zeros(2, 3), dim=2)"],
)
def normalize(
    ctx: Context,
    input: Tensor,
    p: Value = 2.0,
    dim: Value = 1,
    eps: Value = 1e-12,
    out: Value = None,
) -> Value:
    return along(ctx, input, None if not isinstance(dim, int) else dim)


@layer(
    "torch.nn.Softmax2d",
    "",
    accepts=["nn.Softmax2d()(zeros(2, 3, 4))", "nn.Softmax2d()(zeros(2, 3, 4, 5))"],
    rejects=["nn.Softmax2d()(zeros(2, 3))"],
)
def softmax2d(ctx: Context, layer: Layer, input: Tensor) -> Value:
    x = tensor_in(ctx, RULE, input, unproved=False)
    if isinstance(x, Tensor):
        ranked(ctx, RULE, x, (3, 4))
        return ctx.same_shape(x)
    return x


def halved(ctx: Context, input: Value, dim: Value) -> Value:
    """One half gates the other, so the size must be even."""
    x = tensor_in(ctx, "indivisible-channels", input, unproved=False)
    if not isinstance(x, Tensor):
        return x
    at = axis(ctx, x, dim)
    if at is None:
        return ctx.tensor(tuple(ctx.fresh("size") for _ in x.shape.dims), lead=x.shape.lead, like=x)
    sizes = ctx.last(x, -at)
    if not sizes:
        return ctx.unknown("rank of the input")
    text = "{name} halves an even number of features but gets {got}"
    ctx.divisible("indivisible-channels", sizes[0], 2, text)
    return ctx.replace_last(x, -at, (ctx.resolve(floordiv(ctx.resolve(sizes[0]), 2)), *sizes[1:]))


@layer(
    "torch.nn.GLU",
    "dim=-1",
    accepts=["nn.GLU()(zeros(2, 6))", "nn.GLU(1)(zeros(2, 4, 5))"],
    rejects=["nn.GLU()(zeros(2, 5))", "nn.GLU(2)(zeros(2, 4))"],
)
def glu_layer(ctx: Context, layer: Layer, input: Tensor) -> Value:
    return halved(ctx, input, layer.attrs["dim"])


@function(
    "torch.nn.functional.glu",
    accepts=["F.glu(zeros(2, 6))", "F.glu(zeros(2, 4, 5), dim=-2)"],
    rejects=["F.glu(zeros(2, 5))", "F.glu(zeros(2, 4), 2)"],
)
def glu(ctx: Context, input: Tensor, dim: Value = -1) -> Value:
    return halved(ctx, input, dim)


# -- a slope for each channel -----------------------------------------------------------


def sloped(ctx: Context, input: Value, weight: Value) -> Value:
    x = tensor_in(ctx, CHANNELS, input)
    if not isinstance(x, Tensor):
        return x
    dims = ctx.dims(weight) if isinstance(weight, Tensor) else None
    if dims is None or len(dims) != 1 or ctx.compare(dims[0], 1) is not NO:
        if dims is None or (len(dims) == 1 and ctx.compare(dims[0], 1) is not YES):
            ctx.unproved(CHANNELS, "number of slopes")
        return ctx.same_shape(x)
    sizes = ctx.dims(x)
    channel: Size | None = None if sizes is None else sizes[1] if len(sizes) > 1 else 1
    if channel is None:
        ctx.unproved(CHANNELS, "rank of the input")
    else:
        text = "{name} has {expected} slopes{built} for an input of {got} channels{source}"
        ctx.need(CHANNELS, dims[0], channel, text, tensor=x)
    return ctx.same_shape(x)


def _prelu_params(ctx: Context, a: dict[str, Value]) -> dict[str, tuple[Size, ...] | None]:
    return {"weight": (size_or_fresh(ctx, a["num_parameters"], "count"),)}


@layer(
    "torch.nn.PReLU",
    "num_parameters=1, init=0.25, device=None, dtype=None",
    params=_prelu_params,
    accepts=["nn.PReLU()(zeros(2, 3))", "nn.PReLU()(zeros(2))", "nn.PReLU(3)(zeros(2, 3, 4))"],
    rejects=["nn.PReLU(3)(zeros(2, 4))", "nn.PReLU(3)(zeros(3))"],
)
def prelu_layer(ctx: Context, layer: Layer, input: Tensor) -> Value:
    return sloped(ctx, input, layer.attrs.get("weight"))


@function(
    "torch.nn.functional.prelu",
    "torch.prelu",
    accepts=["F.prelu(zeros(2, 3), zeros(3))", "F.prelu(zeros(2, 3), zeros(1))"],
    rejects=["F.prelu(zeros(2, 3), zeros(2))"],
)
def prelu(ctx: Context, input: Tensor, weight: Tensor) -> Value:
    return sloped(ctx, input, weight)
