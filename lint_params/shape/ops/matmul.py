"""Matrix products: matmul and @, mm, bmm, mv, dot and those that add to a product."""

from __future__ import annotations

from lint_params.shape.context import Context
from lint_params.shape.ops import function
from lint_params.shape.ops.arguments import PRODUCT, dims_of, promote, tensors, whole
from lint_params.shape.ops.broadcast import broadcast, declared, joined, leading
from lint_params.shape.sizes.dim import MAYBE, NO, Poly, Size, mul, same
from lint_params.shape.value import Seq, Shape, Tensor, Value

TURNED = (
    "{name} multiplies two tensors of one shape [..., {got}, {expected}]{source}: one is to be transposed"
)
TEXT = "{name}: rows of {expected} against columns of {got}{source}"


def _kind(a: Tensor, b: Tensor) -> str | None:
    return promote(a.dtype, b.dtype)


@function("torch.matmul", "Tensor.matmul", "Tensor.__matmul__", "torch.linalg.matmul", "operator.matmul",
          accepts=["zeros(2, 3) @ zeros(3, 4)", "torch.matmul(zeros(3), zeros(3))", "zeros(5, 2, 3) @ zeros(3, 4)",
                   "zeros(5, 2, 3).matmul(zeros(5, 3, 4))", "zeros(2, 3) @ zeros(3)", "zeros(3) @ zeros(3, 4)",
                   "zeros(5, 1, 2, 3) @ zeros(6, 3, 4)", "zeros(3) @ zeros(5, 3, 4)", "zeros(5, 2, 3) @ zeros(3)"],
          rejects=["zeros(2, 3) @ zeros(2, 3)", "zeros(2, 3) @ zeros(4)", "zeros(5, 2, 3) @ zeros(6, 3, 4)", "zeros(3) @ zeros(4)",
                   "torch.matmul(zeros(5, 2, 3), zeros(5, 2, 3))", "zeros() @ zeros(3)"])  # fmt: skip
def matmul(ctx: Context, input: Value, other: Value, *, out: Value = None) -> Value:
    if not isinstance(input, Tensor) or not isinstance(other, Tensor):
        return _half_known(ctx, input, other)
    for x in (input, other):
        if ctx.rank(x) == 0:
            ctx.refute(PRODUCT, "{name} takes no scalar{source}", tensor=x)
    kind = _kind(input, other)
    right = dims_of(ctx, other)
    if other.shape.lead and len(right) < 2:
        # A vector or a matrix: the size that meets is not known.
        return ctx.unknown_tensor(kind)
    row = ctx.last(input, 1)
    assert row is not None
    if _of_one_shape(ctx, input, other):
        ctx.refute(PRODUCT, TURNED, right[-1], right[-2], other)
    ctx.need(PRODUCT, row[0], right[-2] if len(right) > 1 else right[0], TEXT, tensor=other)
    left = dims_of(ctx, input)
    right = dims_of(ctx, other)
    if len(right) == 1 and not other.shape.lead:
        return ctx.tensor(left[:-1], lead=input.shape, dtype=kind)
    if len(left) == 1:
        # A vector, or (of open rank) perhaps more: [..., n] holds of both.
        if input.shape.lead:
            return ctx.tensor(right[-1:], lead=True, dtype=kind)
        return ctx.tensor([*right[:-2], right[-1]], lead=other.shape.lead, dtype=kind)
    batch = joined(
        ctx,
        Shape(tuple(left[:-2]), input.shape.lead),
        Shape(tuple(right[:-2]), other.shape.lead),
        PRODUCT,
        input,
        other,
    )
    return ctx.tensor(
        [*batch, left[-2], right[-1]], lead=leading(input.shape, other.shape), dtype=kind
    )


def _of_one_shape(ctx: Context, a: Tensor, b: Tensor) -> bool:
    """Whether two stacks of heads of one shape meet, as many as a caller likes in rows as wide as
    the constructor says: ``q @ k`` fits only where a caller happens to bring as many as wide."""
    left, right = ctx.dims(a), ctx.dims(b)
    if left is None or left != right or len(left) < 4 or a.param is not None or b.param is not None:
        return False
    count, width = left[-2:]
    free = isinstance(count, Poly) and all(getattr(atom, "kind", "") == "input" for atom in count.deep)
    return free and same(count, width) is MAYBE and declared(width)


def _half_known(ctx: Context, input: Value, other: Value) -> Value:
    if isinstance(input, Tensor) and ctx.rank(input) != 1 and not isinstance(other, Tensor):
        return ctx.unknown_tensor(input.dtype)
    return ctx.unknown_tensor()


def _ranked(ctx: Context, x: Value, rank: int) -> tuple[Size, ...]:
    """The sizes of a matrix (or a batch of them, or a vector)."""
    if not isinstance(x, Tensor):
        return tuple(ctx.fresh() for _ in range(rank))
    dims = ctx.of_rank(x, rank)
    if dims is None:
        ctx.refute(
            PRODUCT,
            "{name} takes {expected} dimensions but gets {got}{source}",
            rank,
            len(x.shape.dims),
            x,
        )
        raise AssertionError
    return dims


def _meet(ctx: Context, a: Size, b: Size, x: Value, text: str = TEXT) -> None:
    if isinstance(x, Tensor):
        ctx.need(PRODUCT, a, b, text, tensor=x)


def _like(*values: Value) -> str | None:
    known = [v for v in values if isinstance(v, Tensor)]
    return known[0].dtype if known else None


@function("torch.mm", "Tensor.mm", "torch.spmm",
          accepts=["torch.mm(zeros(2, 3), zeros(3, 4))", "torch.spmm(zeros(2, 3), zeros(3, 4))"],
          rejects=["torch.spmm(zeros(2, 3), zeros(4, 4))", "zeros(2, 3).mm(zeros(2, 3))", "zeros(5, 2, 3).mm(zeros(3, 4))", "torch.mm(zeros(2, 3), zeros(3))"])  # fmt: skip
def mm(ctx: Context, input: Value, mat2: Value, *, out: Value = None) -> Value:
    a, b = _ranked(ctx, input, 2), _ranked(ctx, mat2, 2)
    _meet(ctx, a[1], b[0], mat2)
    return ctx.tensor([a[0], b[1]], dtype=_like(input, mat2))


@function("torch.bmm", "Tensor.bmm", accepts=["torch.bmm(zeros(5, 2, 3), zeros(5, 3, 4))"],
          rejects=["torch.bmm(zeros(5, 2, 3), zeros(6, 3, 4))", "torch.bmm(zeros(5, 2, 3), zeros(5, 2, 4))",
                   "zeros(5, 2, 3).bmm(zeros(3, 4))", "torch.bmm(zeros(1, 2, 3), zeros(5, 3, 4))"])  # fmt: skip
def bmm(ctx: Context, input: Value, mat2: Value, *, out: Value = None) -> Value:
    a, b = _ranked(ctx, input, 3), _ranked(ctx, mat2, 3)
    _meet(ctx, a[0], b[0], mat2, "{name}: batches of {expected} and {got}{source}")
    _meet(ctx, a[2], b[1], mat2)
    return ctx.tensor([a[0], a[1], b[2]], dtype=_like(input, mat2))


@function(
    "torch.mv",
    "Tensor.mv",
    accepts=["torch.mv(zeros(2, 3), zeros(3))"],
    rejects=["zeros(2, 3).mv(zeros(2))"],
)
def mv(ctx: Context, input: Value, vec: Value, *, out: Value = None) -> Value:
    a, b = _ranked(ctx, input, 2), _ranked(ctx, vec, 1)
    _meet(ctx, a[1], b[0], vec)
    return ctx.tensor([a[0]], dtype=_like(input, vec))


@function("torch.dot", "Tensor.dot", "torch.vdot", "Tensor.vdot", accepts=["torch.dot(zeros(3), zeros(3))"],
          rejects=["torch.dot(zeros(3), zeros(4))", "zeros(2, 3).dot(zeros(3))"])  # fmt: skip
def dot(ctx: Context, input: Value, tensor: Value, *, out: Value = None) -> Value:
    a, b = _ranked(ctx, input, 1), _ranked(ctx, tensor, 1)
    _meet(ctx, a[0], b[0], tensor, "{name}: vectors of {expected} and {got}{source}")
    return ctx.tensor((), dtype=_like(input, tensor))


@function("torch.inner", "Tensor.inner", accepts=["torch.inner(zeros(2, 3), zeros(4, 3))", "torch.inner(zeros(3), zeros(3))"],
          rejects=["torch.inner(zeros(2, 3), zeros(3, 4))"])  # fmt: skip
def inner(ctx: Context, input: Value, other: Value, *, out: Value = None) -> Value:
    if (
        not isinstance(input, Tensor)
        or not isinstance(other, Tensor)
        or 0 in (ctx.rank(input), ctx.rank(other))
    ):
        return ctx.unknown_tensor()
    a, b = ctx.last(input, 1), ctx.last(other, 1)
    assert a is not None and b is not None
    _meet(ctx, a[0], b[0], other, "{name}: last sizes of {expected} and {got}{source}")
    if other.shape.lead:
        return ctx.tensor(other.shape.dims[:-1], lead=True, dtype=_kind(input, other))
    dims = [*input.shape.dims[:-1], *other.shape.dims[:-1]]
    return ctx.tensor(dims, lead=input.shape, dtype=_kind(input, other))


@function("torch.addmm", "Tensor.addmm", "Tensor.addmm_",
          accepts=["torch.addmm(zeros(4), zeros(2, 3), zeros(3, 4))", "zeros(2, 4).addmm(zeros(2, 3), zeros(3, 4), beta=0.5)"],
          rejects=["torch.addmm(zeros(4), zeros(2, 3), zeros(4, 3))", "torch.addmm(zeros(3), zeros(2, 3), zeros(3, 4))"])  # fmt: skip
def addmm(ctx: Context, input: Value, mat1: Value, mat2: Value, **kwargs: Value) -> Value:
    return _sum(ctx, input, mm(ctx, mat1, mat2))


def _sum(ctx: Context, input: Value, product: Value) -> Value:
    """The product, to which ``input`` must expand."""
    if isinstance(input, Tensor):
        broadcast(ctx, input, product, PRODUCT)
    return product


@function("torch.baddbmm", "Tensor.baddbmm", "Tensor.baddbmm_",
          accepts=["torch.baddbmm(zeros(5, 2, 4), zeros(5, 2, 3), zeros(5, 3, 4), beta=0, alpha=1.0)"],
          rejects=["torch.baddbmm(zeros(5, 2, 4), zeros(5, 2, 3), zeros(5, 4, 3))"])  # fmt: skip
def baddbmm(ctx: Context, input: Value, batch1: Value, batch2: Value, **kwargs: Value) -> Value:
    return _sum(ctx, input, bmm(ctx, batch1, batch2))


@function(
    "torch.addbmm",
    "Tensor.addbmm",
    accepts=["torch.addbmm(zeros(2, 4), zeros(5, 2, 3), zeros(5, 3, 4))"],
)
def addbmm(ctx: Context, input: Value, batch1: Value, batch2: Value, **kwargs: Value) -> Value:
    out = bmm(ctx, batch1, batch2)
    return ctx.tensor(out.shape.dims[1:], like=out) if isinstance(out, Tensor) else out


@function("torch.addmv", "Tensor.addmv", accepts=["torch.addmv(zeros(2), zeros(2, 3), zeros(3))"],
          rejects=["torch.addmv(zeros(2), zeros(2, 3), zeros(2))"])  # fmt: skip
def addmv(ctx: Context, input: Value, mat: Value, vec: Value, **kwargs: Value) -> Value:
    return _sum(ctx, input, mv(ctx, mat, vec))


@function("torch.chain_matmul", "torch.linalg.multi_dot",
          accepts=["torch.chain_matmul(zeros(2, 3), zeros(3, 4), zeros(4, 5))", "torch.linalg.multi_dot([zeros(2, 3), zeros(3, 4)])"],
          rejects=["torch.linalg.multi_dot([zeros(2, 3), zeros(4, 3)])"])  # fmt: skip
def chain_matmul(ctx: Context, *matrices: Value) -> Value:
    listed = tensors(matrices[0] if len(matrices) == 1 else Seq(list(matrices)))
    if not listed:
        return ctx.unknown_tensor()
    out: Value = listed[0]
    for x in listed[1:]:
        out = matmul(ctx, out, x)
    return out


@function(
    "torch.kron",
    "Tensor.kron",
    accepts=["torch.kron(zeros(2, 3), zeros(4, 5))", "torch.kron(zeros(2), zeros(4, 5))"],
)
def kron(ctx: Context, input: Value, other: Value) -> Value:
    a = ctx.dims(input) if isinstance(input, Tensor) else None
    b = ctx.dims(other) if isinstance(other, Tensor) else None
    if a is None or b is None:
        return ctx.unknown_tensor()
    count = max(len(a), len(b))
    a, b = (*[1] * (count - len(a)), *a), (*[1] * (count - len(b)), *b)
    return ctx.tensor([mul(x, y) for x, y in zip(a, b)], dtype=_like(input))


@function("torch.tensordot",
          accepts=["torch.tensordot(zeros(2, 3, 4), zeros(3, 4, 5))", "torch.tensordot(zeros(2, 3), zeros(3, 4), dims=1)",
                   "torch.tensordot(zeros(2, 3), zeros(4, 3), dims=([1], [1]))", "torch.tensordot(zeros(2, 3), zeros(4), dims=0)"],
          rejects=["torch.tensordot(zeros(2, 3), zeros(2, 4), dims=1)"])  # fmt: skip
def tensordot(ctx: Context, a: Value, b: Value, dims: Value = 2, *, out: Value = None) -> Value:
    left = ctx.dims(a) if isinstance(a, Tensor) else None
    right = ctx.dims(b) if isinstance(b, Tensor) else None
    if left is None or right is None:
        return ctx.unknown_tensor()
    count = whole(ctx, dims)
    if count is not None:
        one, two = list(range(len(left) - count, len(left))), list(range(count))
    else:
        if not isinstance(dims, Seq) or len(dims.items) != 2:
            return ctx.unknown_tensor()
        lists = [
            [whole(ctx, i) for i in (d.items if isinstance(d, Seq) else [d])] for d in dims.items
        ]
        if any(i is None for d in lists for i in d) or len(lists[0]) != len(lists[1]):
            return ctx.unknown_tensor()
        one, two = ([i for i in d if i is not None] for d in lists)
    if (
        max(one, default=0) >= len(left)
        or max(two, default=0) >= len(right)
        or min([*one, *two], default=0) < -1
    ):
        return ctx.unknown_tensor()
    one, two = [i % len(left) for i in one], [i % len(right) for i in two]
    for i, j in zip(one, two):
        if same(left[i], 1) is NO and same(right[j], 1) is NO:  # a size of 1 is summed over
            _meet(
                ctx,
                left[i],
                right[j],
                b,
                "{name}: sizes {expected} and {got}{source} do not contract",
            )
    kept = [d for i, d in enumerate(left) if i not in one] + [
        d for i, d in enumerate(right) if i not in two
    ]
    return ctx.tensor(kept, dtype=_like(a))
