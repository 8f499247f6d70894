"""Attention: MultiheadAttention and scaled_dot_product_attention."""

from __future__ import annotations

from lint_params.shape.call import build_layer
from lint_params.shape.context import Context
from lint_params.shape.ops import LAYERS, function, layer
from lint_params.shape.ops.arguments import size_or_fresh
from lint_params.shape.ops.broadcast import joined
from lint_params.shape.ops.layerwise import (
    flag,
    minimum_rank,
    must_equal,
    ranked,
    tensor_in,
)
from lint_params.shape.sizes.dim import NO, YES, Size, add, at_least, floordiv, mul
from lint_params.shape.value import Layer, Seq, Shape, Tensor, Unknown, Value

RULE = "linear-input-mismatch"
CONSTRUCT = "indivisible-channels"
SIDES = "broadcast-mismatch"
TAKES = "{name} takes a {what} of {{expected}} features{{built}} but gets {{got}}{{source}}"


def part(ctx: Context, name: str, args: list[Value], **kwargs: Value) -> Value:
    """A layer that another layer is made of, whose own conditions that layer has checked."""
    before = len(ctx.obligations)
    value = build_layer(ctx, LAYERS[f"torch.nn.{name}"], args, kwargs, None)
    del ctx.obligations[before:]
    return value


def check_heads(
    ctx: Context, a: dict[str, Value], of: str = "embed_dim", by: str = "num_heads"
) -> None:
    width, heads = ctx.size(a[of]), ctx.size(a[by])
    for name, size in ((of, width), (by, heads)):
        if size is not None and at_least(size, 1) is NO:
            ctx.refute(CONSTRUCT, f"{name} must be positive but is {{got}}", 1, size)
    if width is not None and heads is not None:
        ctx.divisible(
            CONSTRUCT, width, heads, f"{of} ({{got}}) must be divisible by {by} ({{expected}})"
        )


def _width(ctx: Context, a: dict[str, Value], name: str) -> Size:
    return size_or_fresh(ctx, a["embed_dim"] if a[name] is None else a[name], "features")


def params(ctx: Context, a: dict[str, Value]) -> dict[str, tuple[Size, ...] | None]:
    width = ctx.size(a["embed_dim"])
    if width is None:
        return {}
    of_key, of_value = _width(ctx, a, "kdim"), _width(ctx, a, "vdim")
    # Three weights apart have as many elements as the packed one, so a size that only may
    # differ is counted as one that does.
    packed = ctx.compare(of_key, width) is YES and ctx.compare(of_value, width) is YES
    biased, extra = flag(ctx, a["bias"]) is not False, flag(ctx, a["add_bias_kv"]) is True
    return {
        "in_proj_weight": (mul(3, width), width) if packed else None,
        "q_proj_weight": None if packed else (width, width),
        "k_proj_weight": None if packed else (width, of_key),
        "v_proj_weight": None if packed else (width, of_value),
        "in_proj_bias": (mul(3, width),) if biased else None,
        "out_proj.weight": (width, width),
        "out_proj.bias": (width,) if biased else None,
        "bias_k": (1, 1, width) if extra else None,
        "bias_v": (1, 1, width) if extra else None,
    }


def _head_dim(ctx: Context, a: dict[str, Value]) -> Value:
    width, heads = ctx.size(a["embed_dim"]), ctx.size(a["num_heads"])
    return (
        Unknown("head_dim")
        if width is None or heads is None
        else ctx.resolve(floordiv(width, heads))
    )


@layer(
    "torch.nn.MultiheadAttention",
    "embed_dim, num_heads, dropout=0.0, bias=True, add_bias_kv=False, add_zero_attn=False, kdim=None, vdim=None, batch_first=False, device=None, dtype=None",
    params=params,
    construct=check_heads,
    attrs={
        "kdim": lambda ctx, a: a["embed_dim"] if a["kdim"] is None else a["kdim"],
        "vdim": lambda ctx, a: a["embed_dim"] if a["vdim"] is None else a["vdim"],
        "head_dim": _head_dim,
        "out_proj": lambda ctx, a: part(
            ctx, "NonDynamicallyQuantizableLinear", [a["embed_dim"], a["embed_dim"]], bias=a["bias"]
        ),
    },
    accepts=[
        "nn.MultiheadAttention(8, 2)(zeros(5, 2, 8), zeros(6, 2, 8), zeros(6, 2, 8))",
        "nn.MultiheadAttention(8, 2, batch_first=True)(zeros(2, 5, 8), zeros(2, 6, 8), zeros(2, 6, 8))",
        "nn.MultiheadAttention(8, 2)(zeros(5, 8), zeros(6, 8), zeros(6, 8))",
        "nn.MultiheadAttention(8, 2)(zeros(5, 8), zeros(6, 8), zeros(6, 8), average_attn_weights=False)",
        "nn.MultiheadAttention(8, 2)(zeros(5, 2, 8), zeros(6, 2, 8), zeros(6, 2, 8), need_weights=False)",
        "nn.MultiheadAttention(8, 2, kdim=3, vdim=4)(zeros(5, 2, 8), zeros(6, 2, 3), zeros(6, 2, 4))",
        "nn.MultiheadAttention(8, 2, add_bias_kv=True, add_zero_attn=True, bias=False)(zeros(5, 2, 8), zeros(6, 2, 8), zeros(6, 2, 8), average_attn_weights=False)",
        "nn.MultiheadAttention(8, 2)(zeros(5, 2, 8), zeros(6, 2, 8), zeros(6, 2, 8), attn_mask=zeros(4, 5, 6))",
        "nn.MultiheadAttention(8, 2)(zeros(5, 2, 8), zeros(6, 2, 8), zeros(6, 2, 8), zeros(2, 6), True, zeros(5, 6))",
    ],
    rejects=[
        "nn.MultiheadAttention(8, 3)",
        "nn.MultiheadAttention(8, 0)",
        "nn.MultiheadAttention(0, 2)",
        "nn.MultiheadAttention(8, 2)(zeros(5, 2, 6), zeros(5, 2, 6), zeros(5, 2, 6))",
        "nn.MultiheadAttention(8, 2)(zeros(5, 2, 8), zeros(6, 2, 7), zeros(6, 2, 7))",
        "nn.MultiheadAttention(8, 2, kdim=3, vdim=4)(zeros(5, 2, 8), zeros(6, 2, 3), zeros(6, 2, 3))",
        "nn.MultiheadAttention(8, 2)(zeros(5, 2, 8), zeros(6, 2, 8), zeros(7, 2, 8))",
        "nn.MultiheadAttention(8, 2)(zeros(5, 2, 8), zeros(6, 3, 8), zeros(6, 3, 8))",
        "nn.MultiheadAttention(8, 2)(zeros(5, 2, 8), zeros(6, 8), zeros(6, 8))",
        "nn.MultiheadAttention(8, 2)(zeros(1, 5, 2, 8), zeros(1, 5, 2, 8), zeros(1, 5, 2, 8))",
        "nn.MultiheadAttention(8, 2)(zeros(5, 2, 8), zeros(6, 2, 8), zeros(6, 2, 8), attn_mask=zeros(5, 5))",
        "nn.MultiheadAttention(8, 2)(zeros(5, 2, 8), zeros(6, 2, 8), zeros(6, 2, 8), attn_mask=zeros(2, 5, 6))",
        "nn.MultiheadAttention(8, 2)(zeros(5, 2, 8), zeros(6, 2, 8), zeros(6, 2, 8), zeros(6, 2))",
    ],
)
def multihead_attention(
    ctx: Context, layer: Layer, query: Tensor, key: Tensor, value: Tensor, key_padding_mask: Value = None,
    need_weights: Value = True, attn_mask: Value = None, average_attn_weights: Value = True,
    is_causal: Value = False,
) -> Value:  # fmt: skip
    out, weights = attend(ctx, layer, query, key, value, key_padding_mask, attn_mask)
    wanted, averaged = flag(ctx, need_weights), flag(ctx, average_attn_weights)
    if wanted is False:
        return Seq([out, None], "tuple")
    if wanted is None or averaged is None or weights is None:
        return Seq([out, Unknown("attention weights")], "tuple")
    heads = ctx.size(layer.attrs["num_heads"])
    many: tuple[Size, ...] = () if averaged else (ctx.fresh("heads") if heads is None else heads,)
    sizes = (*weights[:-2], *many, *weights[-2:])
    return Seq([out, ctx.tensor(sizes, like=query, text=f"the weights of {ctx.callee}")], "tuple")


def attend(
    ctx: Context, layer: Layer, query: Value, key: Value, value: Value, padding: Value, mask: Value
) -> tuple[Value, tuple[Size, ...] | None]:
    """The output of an attention layer and the sizes (batch, targets, sources) of its weights."""
    a = layer.attrs
    widths = [ctx.size(a[name]) for name in ("embed_dim", "kdim", "vdim")]
    inputs = [tensor_in(ctx, RULE, x) for x in (query, key, value)]
    rank: int | None = None
    for x, width, what in zip(inputs, widths, ("query", "key", "value")):
        if not isinstance(x, Tensor):
            continue
        ranked(ctx, RULE, x, (2, 3) if rank is None else (rank,))
        rank = ctx.rank(x) if rank is None else rank
        got = ctx.last(x, 1)
        if width is None or got is None:
            ctx.unproved(RULE, "size of the layer")
        else:
            ctx.need(RULE, width, got[0], TAKES.format(name="{name}", what=what), tensor=x)
    first = flag(ctx, a["batch_first"])
    shapes = [ctx.dims(x) if isinstance(x, Tensor) else None for x in inputs]
    sizes: tuple[Size, ...] | None = None
    if rank == 2:
        sizes = _lengths(ctx, shapes, inputs, 0, None, mask, padding, a)
    elif rank == 3 and first is not None:
        sizes = _lengths(ctx, shapes, inputs, int(first), 1 - int(first), mask, padding, a)
    q = inputs[0]
    if not isinstance(q, Tensor):
        return q, sizes
    width = widths[0]
    last = ctx.fresh("features", low=1) if width is None else width
    return ctx.replace_last(q, 1, (last,)), sizes


def _lengths(
    ctx: Context, shapes: list[tuple[Size, ...] | None], inputs: list[Tensor | Unknown], at: int,
    batch_at: int | None, mask: Value, padding: Value, a: dict[str, Value],
) -> tuple[Size, ...] | None:  # fmt: skip
    """Lengths and batches agree; the sizes of the attention weights."""
    q, k, v = shapes
    what = "{name} takes a %s of {expected} %s but gets {got}{source}"
    if k is not None and v is not None and isinstance(inputs[2], Tensor):
        must_equal(ctx, SIDES, k[at], v[at], what % ("value", "positions"), inputs[2])
    if batch_at is not None and q is not None:
        for side, x, name in ((k, inputs[1], "key"), (v, inputs[2], "value")):
            if side is not None and isinstance(x, Tensor):
                must_equal(ctx, SIDES, q[batch_at], side[batch_at], what % (name, "samples"), x)
    source = k if k is not None else v
    if q is None or source is None:
        return None
    batch: tuple[Size, ...] = () if batch_at is None else (q[batch_at],)
    heads = ctx.size(a["num_heads"])
    expected: tuple[Size | None, ...] = (q[at], source[at])
    given = ctx.dims(mask) if isinstance(mask, Tensor) else None
    if given is not None and len(given) == 3:
        many = None if heads is None else mul(heads, batch[0] if batch else 1)
        expected = (many, *expected)
    _mask_checked(ctx, mask, given, expected, "attention mask")
    blanks = ctx.dims(padding) if isinstance(padding, Tensor) else None
    _mask_checked(ctx, padding, blanks, (*batch, source[at]), "padding mask")
    more = [flag(ctx, a["add_bias_kv"]), flag(ctx, a["add_zero_attn"])]
    if None in more:
        return (*batch, q[at], ctx.fresh("length", low=1))
    return (*batch, q[at], add(source[at], sum(1 for m in more if m)))


def _mask_checked(
    ctx: Context,
    mask: Value,
    given: tuple[Size, ...] | None,
    expected: tuple[Size | None, ...],
    what: str,
) -> None:
    if given is None or not isinstance(mask, Tensor):
        return
    if len(given) != len(expected):
        text = f"{{name}} takes an {what} of {{expected}} dimensions but gets {{got}}{{source}}"
        ctx.refute(SIDES, text, len(expected), len(given), mask)
    for i, (size, got) in enumerate(zip(expected, given)):
        if size is not None:
            text = f"{{name}} takes an {what} of {{expected}} in dimension {i} but gets {{got}}{{source}}"
            must_equal(ctx, SIDES, size, got, text, mask)


@function(
    "torch.nn.functional.scaled_dot_product_attention",
    accepts=["F.scaled_dot_product_attention(zeros(2, 4, 5, 8), zeros(2, 4, 6, 8), zeros(2, 4, 6, 3))",
             "F.scaled_dot_product_attention(zeros(2, 5, 8), zeros(2, 6, 8), zeros(2, 6, 8))",
             "F.scaled_dot_product_attention(zeros(5, 8), zeros(6, 8), zeros(6, 8))",
             "F.scaled_dot_product_attention(zeros(2, 4, 5, 8), zeros(1, 4, 6, 8), zeros(1, 4, 6, 8))",
             "F.scaled_dot_product_attention(zeros(2, 4, 5, 8), zeros(2, 4, 6, 8), zeros(2, 4, 6, 8), attn_mask=zeros(2, 1, 5, 6))",
             "F.scaled_dot_product_attention(zeros(2, 4, 5, 8), zeros(2, 2, 6, 8), zeros(2, 2, 6, 8), enable_gqa=True)"],
    rejects=["F.scaled_dot_product_attention(zeros(2, 4, 5, 8), zeros(2, 4, 6, 7), zeros(2, 4, 6, 7))",
             "F.scaled_dot_product_attention(zeros(2, 4, 5, 8), zeros(2, 4, 6, 8), zeros(2, 4, 7, 8))",
             "F.scaled_dot_product_attention(zeros(2, 4, 5, 8), zeros(2, 3, 6, 8), zeros(2, 3, 6, 8))",
             "F.scaled_dot_product_attention(zeros(2, 4, 5, 8), zeros(2, 4, 6, 8), zeros(2, 4, 6, 8), attn_mask=zeros(2, 1, 5, 5))",
             "F.scaled_dot_product_attention(zeros(8), zeros(6, 8), zeros(6, 8))",
             "F.scaled_dot_product_attention(zeros(2, 4, 5, 8), zeros(2, 3, 6, 8), zeros(2, 3, 6, 8), enable_gqa=True)"],
)  # fmt: skip
def scaled_dot_product_attention(
    ctx: Context, query: Tensor, key: Tensor, value: Tensor, attn_mask: Value = None, dropout_p: Value = 0.0,
    is_causal: Value = False, scale: Value = None, enable_gqa: Value = False,
) -> Value:  # fmt: skip
    rule = "parameter-product-mismatch"
    inputs = [tensor_in(ctx, rule, x, unproved=False) for x in (query, key, value)]
    lasts: list[tuple[Size, ...] | None] = []
    for x in inputs:
        if isinstance(x, Tensor):
            minimum_rank(ctx, rule, x, 2)
        lasts.append(ctx.last(x, 2) if isinstance(x, Tensor) else None)
    q, k, v = inputs
    (of_q, of_k, of_v) = lasts
    if of_q and of_k and isinstance(k, Tensor):
        text = "{name} takes a key of {expected} features, as the query has, but gets {got}{source}"
        must_equal(ctx, rule, of_q[1], of_k[1], text, k)
    if of_k and of_v and isinstance(v, Tensor):
        text = (
            "{name} takes a value of {expected} positions, as the key has, but gets {got}{source}"
        )
        must_equal(ctx, rule, of_k[0], of_v[0], text, v)
    grouped = flag(ctx, enable_gqa)
    fronts = [Shape(x.shape.dims[:-2], x.shape.lead) for x in inputs if isinstance(x, Tensor)]
    if grouped is not False:
        _grouped(ctx, rule, fronts, grouped)
    elif len(fronts) == 3:
        joined(ctx, fronts[0], fronts[1], SIDES)
        joined(ctx, fronts[1], fronts[2], SIDES)
    if not isinstance(q, Tensor) or of_q is None:
        return ctx.unknown("query is no known tensor")
    width = of_v[1] if of_v is not None else ctx.fresh("features", low=1)
    front = fronts[0].dims
    open_rank = q.shape.lead
    if len(fronts) == 3 and grouped is False:
        dims = joined(ctx, fronts[0], fronts[1], SIDES)
        front, open_rank = tuple(dims), fronts[0].lead or fronts[1].lead
    if isinstance(attn_mask, Tensor) and of_k is not None:
        for i, size in ((-1, of_k[0]), (-2, of_q[0])):
            got = ctx.resolve(attn_mask.shape.dims[i]) if len(attn_mask.shape.dims) >= -i else 1
            if ctx.compare(got, size) is NO and ctx.compare(got, 1) is NO:
                text = f"{{name}} takes a mask of {{expected}} in dimension {i} but gets {{got}}{{source}}"
                ctx.refute(SIDES, text, size, got, attn_mask)
    return ctx.tensor((*front, of_q[0], width), lead=open_rank, like=q)


def _grouped(ctx: Context, rule: str, fronts: list[Shape], sure: bool | None) -> None:
    """Each head of the key serves a whole number of heads of the query."""
    if sure and len(fronts) == 3 and fronts[0].dims and fronts[1].dims:
        heads, shared = ctx.resolve(fronts[0].dims[-1]), ctx.resolve(fronts[1].dims[-1])
        text = "{name} takes heads of the query ({got}) in multiples of the key's {expected}"
        if isinstance(heads, int) and isinstance(shared, int):
            ctx.divisible(rule, heads, shared, text)
