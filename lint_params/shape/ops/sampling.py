"""Sampling an image at given places: grid_sample and affine_grid."""

from __future__ import annotations

from lint_params.shape.context import Context
from lint_params.shape.ops import function
from lint_params.shape.ops.layerwise import listed, must_equal, ranked, tensor_in
from lint_params.shape.value import Tensor, Value

RULE = "broadcast-mismatch"


@function(
    "torch.nn.functional.grid_sample",
    accepts=["F.grid_sample(zeros(2, 3, 4, 4), zeros(2, 5, 6, 2))",
             "F.grid_sample(zeros(2, 3, 4, 4, 4), zeros(2, 5, 6, 7, 3), align_corners=False)"],
    rejects=["F.grid_sample(zeros(2, 3, 4, 4), zeros(3, 5, 6, 2))",
             "F.grid_sample(zeros(2, 3, 4, 4), zeros(2, 5, 6, 3))",
             "F.grid_sample(zeros(2, 3, 4, 4), zeros(2, 5, 6, 7, 2))",
             "F.grid_sample(zeros(2, 4, 4), zeros(2, 5, 2))"],
)  # fmt: skip
def grid_sample(
    ctx: Context, input: Tensor, grid: Tensor, mode: Value = "bilinear", padding_mode: Value = "zeros",
    align_corners: Value = None,
) -> Value:  # fmt: skip
    x, places = (tensor_in(ctx, RULE, v, unproved=False) for v in (input, grid))
    if not isinstance(x, Tensor) or not isinstance(places, Tensor):
        return ctx.unknown("input or grid is no known tensor")
    rank = ctx.rank(places) if ctx.rank(places) in (4, 5) and x.shape.lead else ctx.rank(x)
    if rank is None:
        return ctx.unknown_tensor(x.dtype)
    ranked(ctx, RULE, x, (4, 5) if rank not in (4, 5) else (rank,))
    ranked(ctx, RULE, places, (rank,))
    of_x, of_grid = ctx.dims(x), ctx.dims(places)
    if of_x is None or of_grid is None:
        return ctx.unknown_tensor(x.dtype)
    text = "{name} takes a grid for {expected} samples but gets {got}{source}"
    must_equal(ctx, RULE, of_x[0], of_grid[0], text, places)
    text = "{name} takes a grid of {expected} coordinates but gets {got}{source}"
    must_equal(ctx, RULE, rank - 2, of_grid[-1], text, places)
    return ctx.tensor((*of_x[:2], *of_grid[1:-1]), like=x)


@function(
    "torch.nn.functional.affine_grid",
    accepts=["F.affine_grid(zeros(2, 2, 3), (2, 3, 4, 5))", "F.affine_grid(zeros(2, 3, 4), [2, 3, 4, 5, 6])"],
    rejects=["F.affine_grid(zeros(2, 3, 4), (2, 3, 4, 5))", "F.affine_grid(zeros(2, 2, 2), (2, 3, 4, 5))",
             "F.affine_grid(zeros(3, 2, 3), (2, 3, 4, 5))"],
)  # fmt: skip
def affine_grid(ctx: Context, theta: Tensor, size: Value, align_corners: Value = None) -> Value:
    x = tensor_in(ctx, RULE, theta, unproved=False)
    items = listed(size)
    if not isinstance(x, Tensor) or items is None or len(items) not in (4, 5):
        return ctx.unknown_tensor("float")
    n = len(items) - 2
    sizes = [ctx.size(s) for s in items]
    ranked(ctx, RULE, x, (3,))
    dims = ctx.dims(x)
    if dims is not None:
        text = "{name} takes matrices of {expected} in dimension %d but gets {got}{source}"
        for i, expected in enumerate((sizes[0], n, n + 1)):
            if expected is not None:
                must_equal(ctx, RULE, expected, dims[i], text % i, x)
    out = [ctx.fresh("size", low=1) if s is None else s for s in (sizes[0], *sizes[2:])]
    return ctx.tensor((*out, n), like=x)
