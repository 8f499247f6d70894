"""Reductions over one axis, several or all, and what runs along an axis: softmax, cumsum, sort."""

from __future__ import annotations

from collections.abc import Callable

from lint_params.shape.context import Context
from lint_params.shape.ops import function
from lint_params.shape.ops.arguments import (
    VIEW,
    axes,
    axis,
    dims_of,
    dtype_of,
    keep_front,
    promote,
    whole,
)
from lint_params.shape.ops.broadcast import all_pairs, broadcast
from lint_params.shape.sizes.dim import NO, Size, at_least
from lint_params.shape.value import AllPairs, Seq, Tensor, Value

Dtype = Callable[[str | None], str | None]


def reduced(
    ctx: Context,
    input: Value,
    dim: Value,
    keepdim: Value,
    dtype: str | None = None,
    empty_is_all: bool = True,
) -> Value:
    """The tensor without the axes ``dim`` (all of them for None), or with size 1 there."""
    if not isinstance(input, Tensor):
        return ctx.unknown_tensor(dtype)
    kind = dtype or input.dtype
    if keepdim not in (True, False, 0, 1, None):
        return ctx.unknown_tensor(kind)
    keep = bool(keepdim)
    if dim is None or (isinstance(dim, Seq) and not dim.items and empty_is_all):
        rank = ctx.rank(input)
        if not keep:
            return ctx.tensor((), dtype=kind)
        return ctx.unknown_tensor(kind) if rank is None else ctx.tensor([1] * rank, dtype=kind)
    where = axes(ctx, input, dim)
    rank = ctx.rank(input)
    if where is None:
        if rank == 0:
            if isinstance(dim, Seq) and len(dim.items) > 1:
                ctx.refute(VIEW, "{name}: a dimension is named twice{source}", tensor=input)
            return ctx.tensor((), dtype=kind)
        return _unknown_axis(ctx, input, dim, keep, kind)
    if len(set(where)) < len(where):
        ctx.refute(VIEW, "{name}: a dimension is named twice{source}", tensor=input)
    dims = dims_of(ctx, input)
    out: list[Size] = []
    for place in range(-len(dims), 0):
        if place not in where:
            out.append(dims[place])
        elif keep:
            out.append(1)
    return ctx.tensor(out, lead=input.shape, dtype=kind)


def _unknown_axis(ctx: Context, x: Tensor, dim: Value, keep: bool, kind: str | None) -> Value:
    """One of the sizes goes (or becomes 1), and nobody knows which."""
    rank = ctx.rank(x)
    if rank is None:
        out = ctx.unknown_tensor(kind)
        items = dim.items if isinstance(dim, Seq) else [dim]
        numbers = [whole(ctx, item) for item in items]
        firsts = [n for n in numbers if n is not None and n >= 0]
        if len(firsts) == len(items):
            keep_front(x, out, min(firsts))
        return out
    items = dim.items if isinstance(dim, Seq) else [dim]
    if any(whole(ctx, i) is None and not ctx.size(i) for i in items) and not keep:
        return ctx.unknown_tensor(kind)
    return ctx.tensor(
        [ctx.fresh() for _ in range(rank if keep else max(rank - len(items), 0))], dtype=kind
    )


def _plain(dtype: Dtype) -> Callable[..., Value]:
    def call(
        ctx: Context, input: Value, dim: Value = None, keepdim: Value = False, *args: Value,
        **kwargs: Value,
    ) -> Value:  # fmt: skip
        given = dtype_of(kwargs.get("dtype"))
        kind = given or dtype(input.dtype if isinstance(input, Tensor) else None)
        pairs = input.shape if dim is None and isinstance(input, Tensor) else None
        if isinstance(pairs, AllPairs) and pairs.plain is not input:
            all_pairs(ctx, "{name} is over the differences of", pairs.vector)
        return reduced(ctx, input, dim, keepdim, kind)

    return call


def _same(kind: str | None) -> str | None:
    return kind


def _sum(kind: str | None) -> str | None:
    return "int" if kind in ("bool", "byte") else kind


def _float(kind: str | None) -> str | None:
    return promote(kind, "float")


def _int(kind: str | None) -> str | None:
    return "int"


def _bool(kind: str | None) -> str | None:
    return "bool"


_EXAMPLES = [
    "torch.{0}(zeros(2, 3, 4), 1)", "zeros(2, 3, 4).{0}(dim=-1)", "zeros(2, 3).{0}(1, keepdim=True)",
]  # fmt: skip
_SEVERAL = ["zeros(2, 3, 4).{0}((0, 2))", "zeros(2, 3, 4).{0}(dim=[1, 2], keepdim=True)"]
_ALL = ["torch.{0}(zeros(2, 3))"]
_REFUSED = ["zeros(2, 3).{0}(2)", "torch.{0}(zeros(2, 3), dim=-3)"]


def _register(names: str, dtype: Dtype, several: bool, everything: bool = True) -> None:
    for name in names.split():
        texts = _EXAMPLES + _SEVERAL * several + _ALL * everything
        function(
            f"torch.{name}",
            f"Tensor.{name}",
            accepts=[t.format(name) for t in texts],
            rejects=[t.format(name) for t in _REFUSED],
        )(_plain(dtype))


_register("sum nansum", _sum, True)
_register("mean nanmean", _float, True)
_register("amax amin", _same, True)
_register("any all", _bool, False)
_register("argmax argmin", _int, False)
_register("prod", _sum, False)


@function("torch.count_nonzero", "Tensor.count_nonzero",
          accepts=["torch.count_nonzero(zeros(2, 3), 1)", "zeros(2, 3).count_nonzero()"])  # fmt: skip
def count_nonzero(ctx: Context, input: Value, dim: Value = None) -> Value:
    return reduced(ctx, input, dim, False, "int")


@function("torch.std", "torch.var", "Tensor.std", "Tensor.var",
          accepts=["zeros(2, 3).std()", "torch.var(zeros(2, 3), 1)", "zeros(2, 3).std(dim=1, keepdim=True)", "zeros(2, 3).var(False)",
                   "zeros(2, 3).var(1, unbiased=False)", "zeros(2, 3, 4).std((1, 2), True)", "torch.std(zeros(2, 3), dim=0, correction=0)"],
          rejects=["zeros(2, 3).std(2)"])  # fmt: skip
def std(
    ctx: Context,
    input: Value,
    dim: Value = None,
    unbiased: Value = True,
    keepdim: Value = False,
    **kwargs: Value,
) -> Value:
    return reduced(ctx, input, None if isinstance(dim, bool) else dim, keepdim)


@function(
    "torch.var_mean", "torch.std_mean", accepts=["torch.var_mean(zeros(2, 3), dim=1, keepdim=True)"]
)
def var_mean(
    ctx: Context,
    input: Value,
    dim: Value = None,
    unbiased: Value = True,
    keepdim: Value = False,
    **kwargs: Value,
) -> Value:
    one = std(ctx, input, dim, unbiased, keepdim)
    return Seq([one, one], "tuple")


@function("torch.logsumexp", "Tensor.logsumexp",
          accepts=["torch.logsumexp(zeros(2, 3), 1)", "zeros(2, 3).logsumexp(dim=(0, 1), keepdim=True)"],
          rejects=["torch.logsumexp(zeros(2, 3), 2)"])  # fmt: skip
def logsumexp(
    ctx: Context, input: Value, dim: Value, keepdim: Value = False, **kwargs: Value
) -> Value:
    return reduced(ctx, input, dim, keepdim)


@function("torch.norm", "Tensor.norm",
          accepts=["torch.norm(zeros(2, 3))", "zeros(2, 3).norm(dim=1)", "zeros(2, 3).norm(2, -1, True)",
                   "torch.norm(zeros(2, 3), p=2, dim=(0, 1), keepdim=True)", "zeros(2, 3).norm(p='fro', dim=-1)"],
          rejects=["zeros(2, 3).norm(dim=2)"])  # fmt: skip
def norm(
    ctx: Context,
    input: Value,
    p: Value = "fro",
    dim: Value = None,
    keepdim: Value = False,
    **kwargs: Value,
) -> Value:
    return reduced(ctx, input, dim, keepdim, "float")


def _pair(ctx: Context, input: Value, dim: Value, keepdim: Value) -> Value:
    one = reduced(ctx, input, dim, keepdim)
    other = reduced(ctx, input, dim, keepdim, "int")
    return Seq([one, other], "tuple", ("values", "indices"))


def _extreme(
    ctx: Context, input: Value, dim: Value = None, keepdim: Value = False, **kwargs: Value
) -> Value:
    other = kwargs.get("other", dim)
    if isinstance(other, Tensor):
        return broadcast(ctx, input, other)
    return reduced(ctx, input, None, False) if dim is None else _pair(ctx, input, dim, keepdim)


for _name in ("max", "min", "median", "nanmedian"):
    function(
        f"torch.{_name}",
        f"Tensor.{_name}",
        accepts=[
            f"zeros(2, 3).{_name}()", f"torch.{_name}(zeros(2, 3), 1)", f"zeros(2, 3).{_name}(dim=0).values",
            f"zeros(2, 3).{_name}(-1, keepdim=True)[1]",
            *(f"torch.{_name}(zeros(2, 3), zeros(3))" for _ in "1" if _name in ("max", "min")),
        ],
        rejects=[f"zeros(2, 3).{_name}(2)"],
    )(_extreme)  # fmt: skip


@function(
    "torch.mode", "Tensor.mode", "torch.cummax", "torch.cummin", accepts=["torch.mode(zeros(2, 3))"]
)
def mode(ctx: Context, input: Value, dim: Value = -1, keepdim: Value = False) -> Value:
    if ctx.callee.rpartition(".")[2].startswith("cum"):
        return Seq([_along(ctx, input, dim)] * 2, "tuple", ("values", "indices"))
    return _pair(ctx, input, dim, keepdim)


@function(
    "torch.kthvalue",
    "Tensor.kthvalue",
    accepts=["torch.kthvalue(zeros(2, 3), 1)", "zeros(2, 3).kthvalue(1, 0, True)"],
)
def kthvalue(
    ctx: Context, input: Value, k: Value, dim: Value = -1, keepdim: Value = False
) -> Value:
    return _pair(ctx, input, dim, keepdim)


@function("torch.quantile", "torch.nanquantile", "Tensor.quantile", "Tensor.nanquantile",
          accepts=["torch.quantile(zeros(2, 3), 0.5)", "zeros(2, 3).quantile(zeros(4), dim=1)", "zeros(2, 3).quantile(0.1, 1, True)"])  # fmt: skip
def quantile(
    ctx: Context, input: Value, q: Value, dim: Value = None, keepdim: Value = False, **kwargs: Value
) -> Value:
    one = reduced(ctx, input, dim, keepdim)
    if isinstance(q, float) or not isinstance(one, Tensor):
        return one
    if isinstance(q, Tensor) and not q.shape.lead and not one.shape.lead:
        return ctx.tensor((*q.shape.dims, *one.shape.dims), like=one)
    return ctx.unknown_tensor(one.dtype)


def _along(ctx: Context, input: Value, dim: Value, dtype: str | None = None) -> Value:
    """An op along an axis that keeps the shape."""
    if not isinstance(input, Tensor):
        return ctx.unknown_tensor(dtype)
    if isinstance(dim, int):
        axis(ctx, input, dim)
    return ctx.same_shape(input, dtype)


def _runs(dtype: Dtype) -> Callable[..., Value]:
    def call(ctx: Context, input: Value, dim: Value = None, *args: Value, **kwargs: Value) -> Value:
        kind = dtype_of(kwargs.get("dtype", args[0] if args else None))
        return _along(
            ctx, input, dim, kind or dtype(input.dtype if isinstance(input, Tensor) else None)
        )

    return call


for _names, _dtype in (
    ("softmax log_softmax logcumsumexp", _float),
    ("cumsum cumprod", _sum),
):
    for _name in _names.split():
        function(
            f"torch.{_name}", f"Tensor.{_name}",
            accepts=[f"torch.{_name}(zeros(2, 3), 1)", f"zeros(2, 3).{_name}(dim=-1)"],
            # softmax on the meta device takes any dim
            rejects=[f"zeros(2, 3).{_name}(2)"] if _name != "softmax" else [],
        )(_runs(_dtype))  # fmt: skip
function("torch.renorm", "Tensor.renorm", accepts=["torch.renorm(zeros(2, 3), 2, 0, 1.0)"])(
    lambda ctx, input, p, dim, maxnorm: _along(ctx, input, dim)
)


@function("torch.sort", "Tensor.sort", accepts=["torch.sort(zeros(2, 3))", "zeros(2, 3).sort(0, descending=True).indices"])  # fmt: skip
def sort(ctx: Context, input: Value, dim: Value = -1, *args: Value, **kwargs: Value) -> Value:
    return Seq(
        [_along(ctx, input, dim), _along(ctx, input, dim, "int")], "tuple", ("values", "indices")
    )


@function(
    "torch.argsort",
    "Tensor.argsort",
    accepts=["zeros(2, 3).argsort(dim=1)", "torch.argsort(zeros(3))"],
)
def argsort(ctx: Context, input: Value, dim: Value = -1, *args: Value, **kwargs: Value) -> Value:
    return _along(ctx, input, dim, "int")


@function("torch.topk", "Tensor.topk", accepts=["torch.topk(zeros(2, 5), 3)", "zeros(2, 5).topk(2, dim=0)[1]", "zeros(5).topk(k=2).values"],
          rejects=["zeros(2, 3).topk(4)", "zeros(2, 3).topk(1, dim=2)"])  # fmt: skip
def topk(
    ctx: Context, input: Value, k: Value, dim: Value = -1, *args: Value, **kwargs: Value
) -> Value:
    count = ctx.size(k)
    if not isinstance(input, Tensor):
        return Seq(
            [ctx.unknown_tensor(), ctx.unknown_tensor("int")], "tuple", ("values", "indices")
        )
    where = axis(ctx, input, dim)
    dims = dims_of(ctx, input)
    if where is None:
        if ctx.rank(input) == 0:
            return Seq(
                [ctx.tensor((), dtype=t) for t in (input.dtype, "int")],
                "tuple",
                ("values", "indices"),
            )
        return Seq(
            [ctx.unknown_tensor(input.dtype), ctx.unknown_tensor("int")],
            "tuple",
            ("values", "indices"),
        )
    if count is not None and at_least(dims[where], count) is NO:
        ctx.refute(
            VIEW, "{name} takes {expected} of {got} elements{source}", count, dims[where], input
        )
    dims[where] = ctx.fresh() if count is None else count
    out = [ctx.tensor(dims, lead=input.shape, dtype=kind) for kind in (input.dtype, "int")]
    return Seq([*out], "tuple", ("values", "indices"))


@function(
    "torch.diff", "Tensor.diff", accepts=["torch.diff(zeros(2, 5))", "zeros(4, 2).diff(dim=0)"]
)
def diff(
    ctx: Context,
    input: Value,
    n: Value = 1,
    dim: Value = -1,
    prepend: Value = None,
    append: Value = None,
) -> Value:
    from lint_params.shape.ops.index import sliced

    where = axis(ctx, input, dim) if isinstance(input, Tensor) else None
    if (
        not isinstance(input, Tensor)
        or where is None
        or n != 1
        or prepend is not None
        or append is not None
    ):
        return ctx.unknown_tensor()
    dims = dims_of(ctx, input)
    dims[where] = sliced(ctx, dims[where], slice(1, None, None))
    return ctx.tensor(dims, lead=input.shape, like=input)
