"""einops: parse_shape, pack and unpack, einsum, and the layers Rearrange, Reduce and EinMix."""

from __future__ import annotations

from lint_params.shape.context import Context
from lint_params.shape.ops import function, layer
from lint_params.shape.ops.arguments import VIEW, front, size_list
from lint_params.shape.ops.einops import rearranged
from lint_params.shape.ops.einsum import contracted
from lint_params.shape.ops.joining import cat
from lint_params.shape.sizes.dim import product
from lint_params.shape.value import Dict, Layer, Seq, Tensor, Value


@function("einops.parse_shape", rejects=["einops.parse_shape(zeros(2, 3), 'a b c')"])
def parse_shape(ctx: Context, x: Value, pattern: Value) -> Value:
    names = pattern.split() if isinstance(pattern, str) else None
    if names is None or not isinstance(x, Tensor) or "..." in names:
        return ctx.unknown("einops.parse_shape")
    dims = ctx.of_rank(x, len(names))
    if dims is None:
        ctx.refute(
            VIEW,
            "{name} wants {expected} dimensions but gets {got}{source}",
            len(names),
            len(x.shape.dims),
            x,
        )
        raise AssertionError
    return Dict({name: size for name, size in zip(names, dims) if name != "_"})


def _around_star(pattern: Value) -> tuple[int, int] | None:
    """How many axes stand in front of the star and behind it."""
    names = pattern.split() if isinstance(pattern, str) else []
    return (names.index("*"), len(names) - names.index("*") - 1) if names.count("*") == 1 else None


@function("einops.pack",
          accepts=["einops.pack([zeros(2, 3, 4), zeros(2, 5, 4)], 'b * d')[0]", "einops.pack([zeros(2, 3, 5, 4), zeros(2, 4)], 'b * d')[0]",
                   "einops.pack([zeros(2, 3, 5, 4)], '* d')"],
          rejects=["einops.pack([zeros(2, 3, 4), zeros(2, 5, 3)], 'b * d')"])  # fmt: skip
def pack(ctx: Context, tensors: Value, pattern: Value) -> Value:
    around = _around_star(pattern)
    items = tensors.items if isinstance(tensors, Seq) else []
    if around is None or not items:
        return ctx.unknown("einops.pack")
    head, tail = around
    packed: list[Value] = []
    shapes: list[Value] = []
    for x in items:
        dims = ctx.dims(x) if isinstance(x, Tensor) else None
        if not isinstance(x, Tensor) or dims is None or len(dims) < head + tail:
            last = ctx.last(x, tail) if isinstance(x, Tensor) else None
            ends = last or [ctx.fresh() for _ in range(tail)]
            starts = [
                front(ctx, x, i) if isinstance(x, Tensor) and last is not None else ctx.fresh()
                for i in range(head)
            ]
            packed.append(ctx.tensor([*starts, ctx.fresh("packed", low=1), *ends]))
            shapes.append(ctx.unknown("the packed shape"))
            continue
        middle = dims[head : len(dims) - tail]
        packed.append(
            ctx.tensor([*dims[:head], product(middle), *dims[len(dims) - tail :]], like=x)
        )
        shapes.append(Seq(list(middle), "size"))
    return Seq([cat(ctx, Seq(packed), head), Seq(shapes, "list")], "tuple")


@function("einops.unpack",
          accepts=["einops.unpack(zeros(2, 8, 4), [(3,), (5,)], 'b * d')", "einops.unpack(zeros(2, 8, 4), [(), (7,)], 'b * d')",
                   "einops.unpack(zeros(2, 6, 4), [(2, 3)], 'b * d')"])  # fmt: skip
def unpack(ctx: Context, tensor: Value, packed_shapes: Value, pattern: Value) -> Value:
    around = _around_star(pattern)
    if around is None or not isinstance(packed_shapes, Seq):
        return ctx.unknown("einops.unpack")
    head, tail = around
    dims = ctx.of_rank(tensor, head + 1 + tail) if isinstance(tensor, Tensor) else None
    out: list[Value] = []
    for shape in packed_shapes.items:
        sizes = size_list(ctx, (shape,)) if isinstance(shape, Seq) else None
        ends = list(dims[head + 1 :]) if dims is not None else [ctx.fresh() for _ in range(tail)]
        if dims is None or sizes is None:
            out.append(ctx.tensor(ends, lead=True))
            continue
        middle = [ctx.fresh(low=1) if s is None or s == -1 else s for s in sizes]
        out.append(
            ctx.tensor(
                [*dims[:head], *middle, *ends], like=tensor if isinstance(tensor, Tensor) else None
            )
        )
    return Seq(out, "list")


@function("einops.einsum",
          accepts=["einops.einsum(zeros(2, 3, 4), zeros(2, 5, 4), 'b i d, b j d -> b i j')", "einops.einsum(zeros(2, 3), 'row col -> col row')"],
          rejects=["einops.einsum(zeros(2, 3, 4), zeros(2, 5, 3), 'b i d, b j d -> b i j')"])  # fmt: skip
def einsum(ctx: Context, *args: Value) -> Value:
    pattern = args[-1] if args else None
    left, arrow, right = pattern.partition("->") if isinstance(pattern, str) else ("", "", "")
    if not arrow or "(" in left + right:
        return ctx.unknown_tensor()
    return contracted(
        ctx, [term.split() for term in left.split(",")], right.split(), list(args[:-1])
    )


@layer(
    "einops.layers.torch.Rearrange",
    "pattern, **axes_lengths",
    accepts=[
        "Rearrange('b (h d) -> b h d', h=3)(zeros(2, 12))",
        "Rearrange('b c h w -> b (h w) c')(zeros(2, 3, 4, 5))",
    ],
    rejects=[
        "Rearrange('b (h d) -> b h d', h=3)(zeros(2, 10))",
        "Rearrange('b c h w -> b (h w) c')(zeros(3, 4, 5))",
    ],
)
def rearrange_layer(ctx: Context, layer: Layer, input: Value) -> Value:
    return rearranged(
        ctx, input, layer.args["pattern"], layer.args.get("axes_lengths", {}), "rearrange"
    )


@layer(
    "einops.layers.torch.Reduce",
    "pattern, reduction, **axes_lengths",
    accepts=["Reduce('b c h w -> b c', 'mean')(zeros(2, 3, 4, 5))"],
    rejects=["Reduce('b c h w -> b c', 'mean')(zeros(2, 3, 4))"],
)
def reduce_layer(ctx: Context, layer: Layer, input: Value) -> Value:
    return rearranged(
        ctx, input, layer.args["pattern"], layer.args.get("axes_lengths", {}), "reduce"
    )


@layer(
    "einops.layers.torch.EinMix",
    "pattern, weight_shape, bias_shape=None, **axes_lengths",
    accepts=["EinMix('b n c -> b n d', weight_shape='c d', c=3, d=5)(zeros(2, 4, 3))"],
    rejects=["EinMix('b n c -> b n d', weight_shape='c d', c=3, d=5)(zeros(2, 4, 5))"],
)
def ein_mix(ctx: Context, layer: Layer, input: Value) -> Value:
    return rearranged(ctx, input, layer.args["pattern"], layer.args.get("axes_lengths", {}), "mix")
