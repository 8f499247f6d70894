"""Embedding, EmbeddingBag, their functions and one_hot."""

from __future__ import annotations

from lint_params.shape.call import build_layer
from lint_params.shape.context import Context
from lint_params.shape.ops import LAYERS, function, layer
from lint_params.shape.ops.layerwise import (
    flag,
    must_equal,
    ranked,
    sure_int,
    tensor_in,
    zeroable,
)
from lint_params.shape.sizes.dim import NO, YES, Size, add, at_least, sub
from lint_params.shape.value import Layer, Tensor, Value

RULE = "linear-input-mismatch"
CONSTRUCT = "indivisible-channels"
PRODUCT = "parameter-product-mismatch"


def _construct(ctx: Context, a: dict[str, Value]) -> None:
    check_padding_index(ctx, a["padding_idx"], ctx.size(a["num_embeddings"]))
    weight = a["_weight"]
    dims = ctx.dims(weight) if isinstance(weight, Tensor) else None
    expected = (ctx.size(a["num_embeddings"]), ctx.size(a["embedding_dim"]))
    if dims is not None and len(dims) == 2:
        for size, got in zip(expected, dims):
            if size is not None:
                must_equal(
                    ctx,
                    CONSTRUCT,
                    size,
                    got,
                    "_weight has {got} where {expected} are declared",
                    weight,
                )


def check_padding_index(ctx: Context, index: Value, count: Size | None) -> None:
    """The padding row is one of the rows, counted from either end."""
    row = zeroable(ctx, index)
    if row is None or count is None:
        return
    count = ctx.resolve(count)
    beyond = at_least(ctx.resolve(sub(row, count)), 0) is YES
    if beyond or at_least(ctx.resolve(add(row, count)), 0) is NO:
        ctx.refute(
            CONSTRUCT, "padding_idx ({got}) must be within the {expected} embeddings", count, row
        )


def _params(ctx: Context, a: dict[str, Value]) -> dict[str, tuple[Size, ...] | None]:
    count, size = ctx.size(a["num_embeddings"]), ctx.size(a["embedding_dim"])
    return {
        "weight": (
            ctx.fresh("count", low=0) if count is None else count,
            ctx.fresh("features", low=1) if size is None else size,
        )
    }


def _row(ctx: Context, a: dict[str, Value]) -> Value:
    """A padding index counted from the end is kept counted from the front."""
    row, count = ctx.size(a["padding_idx"]), ctx.size(a["num_embeddings"])
    if row is not None and count is not None and at_least(row, 0) is NO:
        return ctx.resolve(add(row, count))
    return a["padding_idx"]


def _note(ctx: Context, x: Value, count: Size | None) -> None:
    """Tell who asks what numbers a table."""
    if ctx.looked_up is not None and isinstance(x, Tensor):
        ctx.looked_up.append((x, count))


def rows(ctx: Context, layer: Layer) -> Size:
    """The size of one embedding, as the weight has it now."""
    weight = layer.attrs.get("weight")
    dims = ctx.dims(weight) if isinstance(weight, Tensor) else None
    return dims[1] if dims is not None and len(dims) == 2 else ctx.fresh("features", low=1)


@layer(
    "torch.nn.Embedding",
    "num_embeddings, embedding_dim, padding_idx=None, max_norm=None, norm_type=2.0,"
    " scale_grad_by_freq=False, sparse=False, _weight=None, _freeze=False, device=None, dtype=None",
    params=_params,
    construct=_construct,
    attrs={"padding_idx": _row},
    accepts=["nn.Embedding(5, 3)(ints(2, 4))", "nn.Embedding(5, 3, padding_idx=-1)(ints(2))",
             "nn.Embedding(5, 3, 4)(ints(2, 3, 4))", "nn.Embedding(5, 3, _weight=zeros(5, 3))(ints(2))"],
    rejects=["nn.Embedding(5, 3, 5)", "nn.Embedding(5, 3, padding_idx=-6)",
             "nn.Embedding(5, 3, _weight=zeros(5, 4))", "nn.Embedding(5, 3)((ints(2), 1))"],
)  # fmt: skip
def embedding(ctx: Context, layer: Layer, input: Tensor) -> Value:
    x = tensor_in(ctx, RULE, input, unproved=False)
    _note(ctx, x, ctx.size(layer.args["num_embeddings"]))
    size = rows(ctx, layer)
    if not isinstance(x, Tensor):
        return ctx.tensor((size,), lead=True, dtype="float")
    return ctx.tensor((*x.shape.dims, size), lead=x.shape.lead, dtype="float")


@function(
    "torch.nn.Embedding.from_pretrained",
    accepts=["nn.Embedding.from_pretrained(zeros(5, 3))(ints(2, 4))"],
    rejects=["nn.Embedding.from_pretrained(zeros(5))"],
)
def from_pretrained(
    ctx: Context, embeddings: Tensor, freeze: Value = True, padding_idx: Value = None, *args: Value,
    **kwargs: Value,
) -> Value:  # fmt: skip
    dims = _table(ctx, embeddings, "torch.nn.Embedding")
    if dims is None:
        return ctx.unknown("embeddings are no known tensor")
    # The weight is the given tensor, so it need not be made anew.
    return build_layer(ctx, LAYERS["torch.nn.Embedding"], [*dims, padding_idx], {}, None)


@function(
    "torch.nn.EmbeddingBag.from_pretrained",
    accepts=["nn.EmbeddingBag.from_pretrained(zeros(5, 3))(ints(2, 4))"],
    rejects=["nn.EmbeddingBag.from_pretrained(zeros(5))"],
)
def bag_from_pretrained(
    ctx: Context, embeddings: Tensor, freeze: Value = True, *args: Value, **kwargs: Value
) -> Value:
    dims = _table(ctx, embeddings, "torch.nn.EmbeddingBag")
    if dims is None:
        return ctx.unknown("embeddings are no known tensor")
    last = kwargs.get("include_last_offset", args[5] if len(args) > 5 else False)
    return build_layer(
        ctx, LAYERS["torch.nn.EmbeddingBag"], [*dims], {"include_last_offset": last}, None
    )


def _table(ctx: Context, weight: Value, name: str) -> tuple[Size, ...] | None:
    """A weight of rows and columns; any other is refused."""
    if not isinstance(weight, Tensor):
        return None
    dims = ctx.of_rank(weight, 2)
    if dims is None:
        text = "{name} takes a weight of {expected} dimensions but gets {got}{source}"
        ctx.refute(PRODUCT, text, 2, len(weight.shape.dims), weight)
    return dims


@function(
    "torch.nn.functional.embedding",
    accepts=[
        "F.embedding(ints(2, 4), zeros(5, 3))",
        "F.embedding(ints(2), zeros(5, 3), padding_idx=-1)",
    ],
    rejects=["F.embedding(ints(2), zeros(5))", "F.embedding(ints(2), zeros(5, 3), padding_idx=5)"],
)
def functional_embedding(
    ctx: Context, input: Tensor, weight: Tensor, padding_idx: Value = None, max_norm: Value = None,
    norm_type: Value = 2.0, scale_grad_by_freq: Value = False, sparse: Value = False,
) -> Value:  # fmt: skip
    dims = _table(ctx, weight, "F.embedding")
    check_padding_index(ctx, padding_idx, dims[0] if dims else None)
    x = tensor_in(ctx, RULE, input, unproved=False)
    _note(ctx, x, dims[0] if dims else None)
    size = dims[1] if dims else ctx.fresh("features", low=1)
    if not isinstance(x, Tensor):
        return ctx.tensor((size,), lead=True, dtype="float")
    return ctx.tensor((*x.shape.dims, size), lead=x.shape.lead, like=weight if dims else None)


# -- bags -------------------------------------------------------------------------------


def bag(
    ctx: Context, input: Value, size: Size, offsets: Value, weights: Value, last_offset: Value
) -> Value:
    """One row a bag: (B, N) without offsets, or (N,) with the offsets where the bags begin."""
    x = tensor_in(ctx, RULE, input, unproved=False)
    if not isinstance(x, Tensor):
        return ctx.tensor((ctx.fresh("bags"), size), dtype="float")
    if x.shape.lead and (offsets is None or isinstance(offsets, Tensor)):
        ctx.of_rank(x, 1 if isinstance(offsets, Tensor) else 2)
    ranked(ctx, RULE, x, (1, 2))
    dims = ctx.dims(x)
    if isinstance(weights, Tensor) and dims is not None:
        got = ctx.dims(weights)
        text = "{name} takes a weight for each of the {expected} indices but gets {got}{source}"
        if got is not None and len(got) != len(dims):
            ctx.refute("broadcast-mismatch", text, len(dims), len(got), weights)
        for a, b in zip(dims, got or ()):
            must_equal(ctx, "broadcast-mismatch", a, b, text, weights)
    if dims is not None and len(dims) == 2:
        if isinstance(offsets, Tensor):
            ctx.refute(RULE, "{name} takes no offsets for an input of 2 dimensions", 1, 2, x)
        return ctx.tensor((dims[0], size), dtype="float")
    if dims is not None and offsets is None:
        ctx.refute(
            RULE,
            "{name} takes an input of 2 dimensions, or offsets, but gets {got}{source}",
            2,
            1,
            x,
        )
    count = ctx.of_rank(offsets, 1) if isinstance(offsets, Tensor) else None
    if count is None:
        return ctx.tensor((ctx.fresh("bags"), size), dtype="float")
    closed = flag(ctx, last_offset)
    bags = ctx.fresh("bags") if closed is None else sub(count[0], 1) if closed else count[0]
    return ctx.tensor((bags, size), dtype="float")


@layer(
    "torch.nn.EmbeddingBag",
    "num_embeddings, embedding_dim, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, mode='mean',"
    " sparse=False, _weight=None, include_last_offset=False, padding_idx=None, device=None, dtype=None",
    params=_params,
    construct=_construct,
    attrs={"padding_idx": _row},
    accepts=["nn.EmbeddingBag(5, 3)(ints(2, 4))", "nn.EmbeddingBag(5, 3, mode='sum')(ints(4), ints(2))",
             "nn.EmbeddingBag(5, 3, include_last_offset=True)(ints(4), ints(3))"],
    rejects=["nn.EmbeddingBag(5, 3)(ints(4))", "nn.EmbeddingBag(5, 3)(ints(2, 4), ints(2))",
             "nn.EmbeddingBag(5, 3)(ints(2, 4, 4))", "nn.EmbeddingBag(5, 3, padding_idx=5)",
             "nn.EmbeddingBag(5, 3, mode='sum')(ints(2, 4), per_sample_weights=zeros(2, 3))"],
)  # fmt: skip
def embedding_bag(
    ctx: Context,
    layer: Layer,
    input: Tensor,
    offsets: Value = None,
    per_sample_weights: Value = None,
) -> Value:
    size = rows(ctx, layer)
    return bag(ctx, input, size, offsets, per_sample_weights, layer.attrs["include_last_offset"])


@function(
    "torch.nn.functional.embedding_bag",
    accepts=[
        "F.embedding_bag(ints(2, 4), zeros(5, 3))",
        "F.embedding_bag(ints(4), zeros(5, 3), ints(2))",
    ],
    rejects=[
        "F.embedding_bag(ints(4), zeros(5, 3))",
        "F.embedding_bag(ints(2, 4), zeros(5, 3), ints(2))",
    ],
)
def functional_bag(
    ctx: Context, input: Tensor, weight: Tensor, offsets: Value = None, max_norm: Value = None,
    norm_type: Value = 2, scale_grad_by_freq: Value = False, mode: Value = "mean", sparse: Value = False,
    per_sample_weights: Value = None, include_last_offset: Value = False, padding_idx: Value = None,
) -> Value:  # fmt: skip
    dims = ctx.dims(weight) if isinstance(weight, Tensor) else None
    size = dims[1] if dims and len(dims) == 2 else ctx.fresh("features", low=1)
    return bag(ctx, input, size, offsets, per_sample_weights, include_last_offset)


@function(
    "torch.nn.functional.one_hot",
    accepts=[
        "F.one_hot(ints(2, 3), 5)",
        "F.one_hot(ints(2), num_classes=4)",
        "F.one_hot(ints(2, 3))",
    ],
)
def one_hot(ctx: Context, tensor: Tensor, num_classes: Value = -1) -> Value:
    x = tensor_in(ctx, RULE, tensor, unproved=False)
    if not isinstance(x, Tensor):
        return x
    count = ctx.size(num_classes)
    if count is None or sure_int(count) == -1:
        count = ctx.fresh("classes", low=0)
    return ctx.tensor((*x.shape.dims, count), lead=x.shape.lead, dtype="int")
