"""The fused norms of NVIDIA's apex, which run on CUDA only: ``fused_layer_norm_affine(x, w, b, (dim,))`` where
torch has ``F.layer_norm(x, (dim,), w, b)``. Libraries choose between the two when they are imported."""

from __future__ import annotations

from collections.abc import Callable

from lint_params.shape.context import Context
from lint_params.shape.ops import function
from lint_params.shape.ops.norm_last import over_last
from lint_params.shape.value import Tensor, Value


def _norm(name: str) -> Callable[[Callable[..., Value]], Callable[..., Value]]:
    return function(f"apex.normalization.fused_layer_norm.{name}", f"apex.normalization.{name}")


@_norm("fused_layer_norm_affine")
def layer_norm_affine(
    ctx: Context, input: Tensor, weight: Value, bias: Value, normalized_shape: Value, eps: Value = 1e-06,
    memory_efficient: Value = False,
) -> Value:  # fmt: skip
    return over_last(ctx, input, normalized_shape, [weight, bias])


@_norm("fused_rms_norm_affine")
def rms_norm_affine(
    ctx: Context, input: Tensor, weight: Value, normalized_shape: Value, eps: Value = 1e-06,
    memory_efficient: Value = False,
) -> Value:  # fmt: skip
    return over_last(ctx, input, normalized_shape, [weight])


for _name in ("fused_layer_norm", "fused_rms_norm"):

    @_norm(_name)
    def norm(
        ctx: Context, input: Tensor, normalized_shape: Value, eps: Value = 1e-06, memory_efficient: Value = False
    ) -> Value:
        return over_last(ctx, input, normalized_shape)
