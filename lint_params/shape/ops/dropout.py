"""Dropout layers and functions: they keep the shape."""

from __future__ import annotations

from lint_params.shape.context import Context
from lint_params.shape.ops import function, layer
from lint_params.shape.ops.layerwise import in_unit, ranked, tensor_in
from lint_params.shape.value import Layer, Tensor, Value

RULE = "view-size-mismatch"
TEXT = "a dropout probability must lie between 0 and 1"


def _construct(ctx: Context, a: dict[str, Value]) -> None:
    in_unit(ctx, a["p"], TEXT)


def dropped(ctx: Context, input: Value, one: bool = False) -> Value:
    x = tensor_in(ctx, RULE, input, unproved=False)
    if not isinstance(x, Tensor):
        return x
    if one:
        ranked(ctx, RULE, x, (2, 3))
    return ctx.same_shape(x)


def _forward(ctx: Context, layer: Layer, input: Tensor) -> Value:
    return dropped(ctx, input, layer.spec.short == "Dropout1d")


for _name in (
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "AlphaDropout",
    "FeatureAlphaDropout",
):
    _sizes = "2, 3, 4" if _name == "Dropout1d" else "2, 3, 4, 5"
    layer(
        f"torch.nn.{_name}",
        "p=0.5, inplace=False",
        construct=_construct,
        accepts=[f"nn.{_name}(0.1)(zeros({_sizes}))", f"nn.{_name}()(zeros(3, 4))"],
        rejects=[
            f"nn.{_name}(1.5)",
            f"nn.{_name}(p=-0.5)",
            f"nn.{_name}()((zeros({_sizes}), 1))",
            *([f"nn.{_name}()(zeros(2, 3, 4, 5))"] if _name == "Dropout1d" else []),
        ],
    )(_forward)


def _function(name: str, trained: bool) -> None:
    def call(
        ctx: Context,
        input: Tensor,
        p: Value = 0.5,
        training: Value = trained,
        inplace: Value = False,
    ) -> Value:
        in_unit(ctx, p, TEXT)
        return dropped(ctx, input, name == "dropout1d")

    sizes = "2, 3, 4" if name == "dropout1d" else "2, 3, 4, 5"
    function(
        f"torch.nn.functional.{name}",
        accepts=[f"F.{name}(zeros({sizes}), 0.1)", f"F.{name}(zeros(3, 4), p=0.1, training=False)"],
        rejects=[
            f"F.{name}(zeros({sizes}), 1.5)",
            *([f"F.{name}(zeros(2, 3, 4, 5))"] if name == "dropout1d" else []),
        ],
    )(call)


for _name in (
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "alpha_dropout",
    "feature_alpha_dropout",
):
    _function(_name, _name not in ("alpha_dropout", "feature_alpha_dropout"))
