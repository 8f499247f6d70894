"""Flatten and Unflatten: the layers of Tensor.flatten and Tensor.unflatten."""

from __future__ import annotations

from lint_params.shape.context import Context
from lint_params.shape.ops import layer
from lint_params.shape.ops.layerwise import tensor_in
from lint_params.shape.ops.view import flatten, unflatten
from lint_params.shape.value import Layer, Tensor, Value

RULE = "view-size-mismatch"


@layer(
    "torch.nn.Flatten",
    "start_dim=1, end_dim=-1",
    accepts=[
        "nn.Flatten()(zeros(2, 3, 4))",
        "nn.Flatten()(zeros(2, 3))",
        "nn.Flatten(0)(zeros(2, 3))",
        "nn.Flatten(1, 2)(zeros(2, 3, 4, 5))",
        "nn.Flatten(-2)(zeros(2, 3, 4, 5))",
    ],
    rejects=[
        "nn.Flatten()(zeros(3))",
        "nn.Flatten(2, 1)(zeros(2, 3, 4))",
        "nn.Flatten()((zeros(2, 3), 1))",
    ],
)
def flatten_layer(ctx: Context, layer: Layer, input: Tensor) -> Value:
    x = tensor_in(ctx, RULE, input, unproved=False)
    if not isinstance(x, Tensor):
        return x
    return flatten(ctx, x, layer.attrs["start_dim"], layer.attrs["end_dim"])


@layer(
    "torch.nn.Unflatten",
    "dim, unflattened_size",
    accepts=[
        "nn.Unflatten(1, (2, 3))(zeros(4, 6))",
        "nn.Unflatten(-1, (2, -1))(zeros(4, 6))",
        "nn.Unflatten(1, (2, 3))(zeros(4, 6, 5))",
    ],
    rejects=[
        "nn.Unflatten(1, (2, 4))(zeros(4, 6))",
        "nn.Unflatten(1, (4, -1))(zeros(4, 6))",
        "nn.Unflatten(2, (2, 3))(zeros(4, 6))",
    ],
)
def unflatten_layer(ctx: Context, layer: Layer, input: Tensor) -> Value:
    x = tensor_in(ctx, RULE, input, unproved=False)
    if not isinstance(x, Tensor):
        return x
    return unflatten(ctx, x, layer.attrs["dim"], layer.attrs["unflattened_size"])
