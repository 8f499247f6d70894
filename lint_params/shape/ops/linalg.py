"""Linear algebra: norms, inverses, decompositions, distances, cross products."""

from __future__ import annotations

from lint_params.shape.context import Context
from lint_params.shape.ops import function
from lint_params.shape.ops.arguments import BROADCAST, PRODUCT, VIEW, axis, dims_of
from lint_params.shape.ops.broadcast import broadcast, joined
from lint_params.shape.ops.reduce import reduced
from lint_params.shape.sizes.dim import Size, minimum
from lint_params.shape.value import Seq, Shape, Tensor, Value


def _matrix(ctx: Context, x: Value, square: bool = False) -> tuple[Size, Size]:
    """The last two sizes of x; raises Refuted where it has not got them."""
    if not isinstance(x, Tensor):
        return ctx.fresh(), ctx.fresh()
    last = ctx.last(x, 2)
    if last is None:
        ctx.refute(
            VIEW, "{name} takes a matrix, not {got} dimensions{source}", 2, len(x.shape.dims), x
        )
        raise AssertionError
    if square:
        ctx.need(
            VIEW,
            last[0],
            last[1],
            "{name} takes square matrices, not {expected} by {got}{source}",
            tensor=x,
        )
    return last[0], last[1]


def _with_last(
    ctx: Context, x: Value, count: int, new: list[Size], dtype: str | None = None
) -> Value:
    if not isinstance(x, Tensor):
        return ctx.unknown_tensor(dtype)
    out = ctx.replace_last(x, count, new)
    out.dtype = dtype or x.dtype
    return out


@function("torch.linalg.norm", "torch.linalg.vector_norm", "torch.linalg.matrix_norm",
          accepts=["torch.linalg.norm(zeros(2, 3))", "torch.linalg.norm(zeros(2, 3), dim=1)", "torch.linalg.vector_norm(zeros(2, 3), dim=-1, keepdim=True)",
                   "torch.linalg.norm(zeros(2, 3), 2, -1, True)", "torch.linalg.matrix_norm(zeros(5, 2, 3))"],
          rejects=["torch.linalg.norm(zeros(2, 3), dim=2)"])  # fmt: skip
def norm(
    ctx: Context,
    A: Value,
    ord: Value = None,
    dim: Value = None,
    keepdim: Value = False,
    **kwargs: Value,
) -> Value:
    x = kwargs.get("x", A)
    if ctx.callee.endswith("matrix_norm"):
        dim = Seq([-2, -1]) if dim is None else dim
    return reduced(ctx, x, dim, keepdim, "float")


@function("torch.inverse", "Tensor.inverse", "torch.linalg.inv", "torch.linalg.cholesky", "torch.cholesky", "Tensor.cholesky",
          "torch.linalg.matrix_exp", "torch.matrix_exp", "torch.cholesky_inverse",
          accepts=["torch.inverse(zeros(3, 3))", "torch.linalg.inv(zeros(5, 3, 3))", "torch.linalg.cholesky(zeros(3, 3))"],
          rejects=["torch.linalg.inv(zeros(2, 3))", "torch.linalg.cholesky(zeros(3))"])  # fmt: skip
def inverse(ctx: Context, A: Value, *args: Value, **kwargs: Value) -> Value:
    _matrix(ctx, A, square=True)
    return ctx.same_shape(A) if isinstance(A, Tensor) else ctx.unknown_tensor()


@function("torch.linalg.matrix_power", "torch.matrix_power", accepts=["torch.matrix_power(zeros(3, 3), 2)"],
          rejects=["torch.matrix_power(zeros(3, 2), 2)"])  # fmt: skip
def matrix_power(ctx: Context, A: Value, n: Value) -> Value:
    return inverse(ctx, A)


@function(
    "torch.pinverse",
    "torch.linalg.pinv",
    "Tensor.pinverse",
    accepts=["torch.linalg.pinv(zeros(2, 3))"],
)
def pinverse(ctx: Context, A: Value, *args: Value, **kwargs: Value) -> Value:
    rows, columns = _matrix(ctx, A)
    return _with_last(ctx, A, 2, [columns, rows])


@function("torch.det", "Tensor.det", "torch.linalg.det", "torch.logdet", "Tensor.logdet",
          accepts=["torch.det(zeros(3, 3))", "torch.linalg.det(zeros(5, 3, 3))"], rejects=["torch.det(zeros(2, 3))"])  # fmt: skip
def det(ctx: Context, A: Value) -> Value:
    _matrix(ctx, A, square=True)
    return _with_last(ctx, A, 2, [])


@function(
    "torch.slogdet",
    "torch.linalg.slogdet",
    accepts=["torch.slogdet(zeros(3, 3))"],
    rejects=["torch.slogdet(zeros(2, 3))"],
)
def slogdet(ctx: Context, A: Value) -> Value:
    return Seq([det(ctx, A), det(ctx, A)], "tuple", ("sign", "logabsdet"))


@function(
    "torch.trace",
    "Tensor.trace",
    accepts=["torch.trace(zeros(3, 3))"],
    rejects=["torch.trace(zeros(3))"],
)
def trace(ctx: Context, input: Value) -> Value:
    if isinstance(input, Tensor) and ctx.of_rank(input, 2) is None:
        ctx.refute(
            VIEW,
            "{name} takes a matrix, not {got} dimensions{source}",
            2,
            len(input.shape.dims),
            input,
        )
    return ctx.tensor((), dtype=input.dtype if isinstance(input, Tensor) else None)


@function("torch.linalg.matrix_rank", accepts=["torch.linalg.matrix_rank(zeros(2, 3))"])
def matrix_rank(ctx: Context, A: Value, *args: Value, **kwargs: Value) -> Value:
    _matrix(ctx, A)
    return _with_last(ctx, A, 2, [], "int")


@function("torch.linalg.solve", accepts=["torch.linalg.solve(zeros(3, 3), zeros(3, 2))", "torch.linalg.solve(zeros(5, 3, 3), zeros(5, 3, 2))"],
          rejects=["torch.linalg.solve(zeros(3, 3), zeros(4, 2))", "torch.linalg.solve(zeros(3, 2), zeros(3, 2))"])  # fmt: skip
def solve(ctx: Context, A: Value, B: Value, **kwargs: Value) -> Value:
    rows, _ = _matrix(ctx, A, square=True)
    if not isinstance(B, Tensor) or not isinstance(A, Tensor) or A.shape.lead or B.shape.lead:
        return ctx.unknown_tensor()
    batch, right = dims_of(ctx, A)[:-2], dims_of(ctx, B)
    if len(right) < 2 or len(right) != len(batch) + 2 or kwargs:
        return ctx.unknown_tensor(B.dtype)  # a batch of vectors perhaps
    ctx.need(
        PRODUCT,
        rows,
        right[-2],
        "{name}: {expected} equations and {got} right sides{source}",
        tensor=B,
    )
    lead = joined(ctx, Shape(tuple(batch)), Shape(tuple(right[:-2])), BROADCAST, A, B)
    return ctx.tensor([*lead, *right[-2:]], like=B)


@function("torch.svd", "Tensor.svd", accepts=["torch.svd(zeros(2, 3))", "zeros(5, 4, 3).svd()"])
def svd(ctx: Context, input: Value, some: Value = True, compute_uv: Value = True) -> Value:
    rows, columns = _matrix(ctx, input)
    least = minimum(rows, columns)
    if some is not True:
        return Seq([ctx.unknown_tensor("float") for _ in range(3)], "tuple", ("U", "S", "V"))
    parts = [
        _with_last(ctx, input, 2, [rows, least]),
        _with_last(ctx, input, 2, [least]),
        _with_last(ctx, input, 2, [columns, least]),
    ]
    return Seq(parts, "tuple", ("U", "S", "V"))


@function(
    "torch.linalg.svd",
    accepts=["torch.linalg.svd(zeros(2, 3), full_matrices=False)", "torch.linalg.svd(zeros(2, 3))"],
)
def linalg_svd(ctx: Context, A: Value, full_matrices: Value = True, **kwargs: Value) -> Value:
    rows, columns = _matrix(ctx, A)
    least = minimum(rows, columns)
    if full_matrices not in (True, False):
        return Seq([ctx.unknown_tensor("float") for _ in range(3)], "tuple", ("U", "S", "Vh"))
    parts = [
        _with_last(ctx, A, 2, [rows, rows if full_matrices else least]),
        _with_last(ctx, A, 2, [least]),
        _with_last(ctx, A, 2, [columns if full_matrices else least, columns]),
    ]
    return Seq(parts, "tuple", ("U", "S", "Vh"))


@function("torch.linalg.svdvals", accepts=["torch.linalg.svdvals(zeros(2, 3))"])
def svdvals(ctx: Context, A: Value, **kwargs: Value) -> Value:
    return _with_last(ctx, A, 2, [minimum(*_matrix(ctx, A))])


@function(
    "torch.qr",
    "torch.linalg.qr",
    "Tensor.qr",
    accepts=["torch.linalg.qr(zeros(4, 3))", "torch.linalg.qr(zeros(2, 3))"],
)
def qr(ctx: Context, A: Value, mode: Value = "reduced") -> Value:
    rows, columns = _matrix(ctx, A)
    if mode not in ("reduced", True):
        return Seq([ctx.unknown_tensor("float") for _ in range(2)], "tuple", ("Q", "R"))
    least = minimum(rows, columns)
    return Seq(
        [_with_last(ctx, A, 2, [rows, least]), _with_last(ctx, A, 2, [least, columns])],
        "tuple",
        ("Q", "R"),
    )


@function("torch.linalg.eigh", "torch.linalg.eig", accepts=["torch.linalg.eigh(zeros(3, 3))", "torch.linalg.eig(zeros(3, 3))"],
          rejects=["torch.linalg.eigh(zeros(2, 3))"])  # fmt: skip
def eigh(ctx: Context, A: Value, UPLO: Value = "L") -> Value:
    size, _ = _matrix(ctx, A, square=True)
    kind = "complex" if ctx.callee.endswith(".eig") else None
    parts = [_with_last(ctx, A, 2, [size], kind), _with_last(ctx, A, 0, [], kind)]
    return Seq(parts, "tuple", ("eigenvalues", "eigenvectors"))


@function(
    "torch.linalg.eigvalsh", "torch.linalg.eigvals", accepts=["torch.linalg.eigvalsh(zeros(3, 3))"]
)
def eigvalsh(ctx: Context, A: Value, UPLO: Value = "L") -> Value:
    size, _ = _matrix(ctx, A, square=True)
    return _with_last(ctx, A, 2, [size])


@function("torch.cross", "Tensor.cross", "torch.linalg.cross",
          accepts=["torch.cross(zeros(2, 3), zeros(2, 3), dim=1)", "torch.linalg.cross(zeros(2, 3), zeros(1, 3))"],
          rejects=["torch.linalg.cross(zeros(2, 3), zeros(4, 3))", "torch.linalg.cross(zeros(2, 4), zeros(2, 4))"])  # fmt: skip
def cross(ctx: Context, input: Value, other: Value, dim: Value = None) -> Value:
    out = broadcast(ctx, input, other)
    if ctx.callee.endswith("linalg.cross") and dim is None:
        dim = -1
    if isinstance(out, Tensor) and dim is not None:
        where = axis(ctx, out, dim)
        if where is not None:
            ctx.need(VIEW, 3, dims_of(ctx, out)[where], "{name} takes {expected} coordinates but gets {got}{source}",
                     tensor=input if isinstance(input, Tensor) else None)  # fmt: skip
    return out


@function("torch.cdist", accepts=["torch.cdist(zeros(2, 3), zeros(4, 3))", "torch.cdist(zeros(5, 2, 3), zeros(5, 4, 3), p=1)"],
          rejects=["torch.cdist(zeros(2, 3), zeros(4, 2))", "torch.cdist(zeros(5, 2, 3), zeros(6, 4, 3))"])  # fmt: skip
def cdist(ctx: Context, x1: Value, x2: Value, p: Value = 2.0, **kwargs: Value) -> Value:
    rows, width = _matrix(ctx, x1)
    columns, other = _matrix(ctx, x2)
    if not isinstance(x1, Tensor) or not isinstance(x2, Tensor):
        return ctx.unknown_tensor("float")
    ctx.need(
        PRODUCT,
        width,
        other,
        "{name}: points of {expected} and of {got} coordinates{source}",
        tensor=x2,
    )
    one, two = (Shape(tuple(dims_of(ctx, x)[:-2]), x.shape.lead) for x in (x1, x2))
    return ctx.tensor(
        [*joined(ctx, one, two, BROADCAST, x1, x2), rows, columns],
        lead=one.lead or two.lead,
        like=x1,
    )


@function(
    "torch.dist",
    "Tensor.dist",
    accepts=["torch.dist(zeros(2, 3), zeros(3))"],
    rejects=["torch.dist(zeros(2, 3), zeros(2))"],
)
def dist(ctx: Context, input: Value, other: Value, p: Value = 2) -> Value:
    broadcast(ctx, input, other)
    return ctx.tensor((), dtype="float")


@function(
    "torch.linalg.vecdot",
    accepts=["torch.linalg.vecdot(zeros(2, 3), zeros(3))"],
    rejects=["torch.linalg.vecdot(zeros(2, 3), zeros(2))"],
)
def vecdot(ctx: Context, x: Value, y: Value, dim: Value = -1, **kwargs: Value) -> Value:
    return reduced(ctx, broadcast(ctx, x, y, PRODUCT), dim, False)


@function(
    "torch.cov",
    "torch.corrcoef",
    "Tensor.cov",
    "Tensor.corrcoef",
    accepts=["torch.cov(zeros(2, 3))"],
)
def cov(ctx: Context, input: Value, **kwargs: Value) -> Value:
    dims = ctx.dims(input) if isinstance(input, Tensor) else None
    if dims is None or len(dims) < 2:
        return ctx.unknown_tensor("float")
    return ctx.tensor([dims[0], dims[0]], like=input if isinstance(input, Tensor) else None)
