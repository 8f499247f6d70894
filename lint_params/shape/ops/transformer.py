"""Transformer layers: one encoder or decoder block."""

from __future__ import annotations

from lint_params.shape.context import Context
from lint_params.shape.ops import layer
from lint_params.shape.ops.attention import attend, check_heads, part
from lint_params.shape.ops.attention import params as attention_params
from lint_params.shape.ops.layerwise import flag, in_unit
from lint_params.shape.sizes.dim import Size
from lint_params.shape.value import Layer, Tensor, Value

Params = dict[str, "tuple[Size, ...] | None"]

SIGNATURE = (
    "d_model, nhead, dim_feedforward=2048, dropout=0.1, activation='relu', layer_norm_eps=1e-05,"
    " batch_first=False, norm_first=False, bias=True, device=None, dtype=None"
)
TAKES = "{name} takes {expected} features{built} but gets {got}{source}"


# -- one layer --------------------------------------------------------------------------


def _layer_params(ctx: Context, a: dict[str, Value], attentions: tuple[str, ...]) -> Params:
    width, inner = ctx.size(a["d_model"]), ctx.size(a["dim_feedforward"])
    if width is None or inner is None:
        return {}
    bias = flag(ctx, a["bias"]) is not False
    shapes: Params = {}
    for name in attentions:
        how = {"embed_dim": width, "kdim": None, "vdim": None, "bias": bias, "add_bias_kv": False}
        shapes.update(
            {f"{name}.{k}": v for k, v in attention_params(ctx, how).items() if v is not None}
        )
    shapes["linear1.weight"], shapes["linear2.weight"] = (inner, width), (width, inner)
    if bias:
        shapes["linear1.bias"], shapes["linear2.bias"] = (inner,), (width,)
    for index in range(1, len(attentions) + 2):
        shapes[f"norm{index}.weight"] = (width,)
        if bias:
            shapes[f"norm{index}.bias"] = (width,)
    return shapes


def check_block(ctx: Context, a: dict[str, Value]) -> None:
    check_heads(ctx, a, "d_model", "nhead")
    in_unit(ctx, a["dropout"], "a dropout probability must lie between 0 and 1")


def encoder_params(ctx: Context, a: dict[str, Value]) -> Params:
    return _layer_params(ctx, a, ("self_attn",))


def decoder_params(ctx: Context, a: dict[str, Value]) -> Params:
    return _layer_params(ctx, a, ("self_attn", "multihead_attn"))


def _attention(ctx: Context, a: dict[str, Value]) -> Value:
    more = {"dropout": a["dropout"], "batch_first": a["batch_first"], "bias": a["bias"]}
    return part(ctx, "MultiheadAttention", [a["d_model"], a["nhead"]], **more)


def block_norm(ctx: Context, a: dict[str, Value]) -> Value:
    return part(ctx, "LayerNorm", [a["d_model"], a["layer_norm_eps"]], bias=a["bias"])


ENCODER_PARTS = {
    "self_attn": _attention,
    "linear1": lambda ctx, a: part(
        ctx, "Linear", [a["d_model"], a["dim_feedforward"]], bias=a["bias"]
    ),
    "linear2": lambda ctx, a: part(
        ctx, "Linear", [a["dim_feedforward"], a["d_model"]], bias=a["bias"]
    ),
    "norm1": block_norm,
    "norm2": block_norm,
    "dropout": lambda ctx, a: part(ctx, "Dropout", [a["dropout"]]),
}


@layer(
    "torch.nn.TransformerEncoderLayer",
    SIGNATURE,
    params=encoder_params,
    construct=check_block,
    attrs=ENCODER_PARTS,
    accepts=[
        "nn.TransformerEncoderLayer(8, 2, 16)(zeros(5, 3, 8))",
        "nn.TransformerEncoderLayer(8, 2, 16)(zeros(5, 8))",
        "nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)(zeros(5, 3, 8), zeros(3, 3))",
        "nn.TransformerEncoderLayer(8, 2, 16)(zeros(5, 3, 8), src_key_padding_mask=zeros(3, 5))",
    ],
    rejects=[
        "nn.TransformerEncoderLayer(8, 3, 16)",
        "nn.TransformerEncoderLayer(8, 2, 16, dropout=1.5)",
        "nn.TransformerEncoderLayer(8, 2, 16)(zeros(5, 3, 7))",
        "nn.TransformerEncoderLayer(8, 2, 16)(zeros(5, 3, 2, 8))",
        "nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)(zeros(5, 3, 8), zeros(5, 5))",
        "nn.TransformerEncoderLayer(8, 2, 16)(zeros(5, 3, 8), src_key_padding_mask=zeros(5, 3))",
        "nn.TransformerEncoderLayer(8, 2, 16)((zeros(5, 3, 8), 1))",
    ],
)
def encoder_layer(
    ctx: Context, layer: Layer, src: Tensor, src_mask: Value = None, src_key_padding_mask: Value = None,
    is_causal: Value = False,
) -> Value:  # fmt: skip
    return _attended(ctx, layer, "self_attn", src, src, src_key_padding_mask, src_mask)


def _attended(
    ctx: Context, layer: Layer, name: str, x: Value, source: Value, padding: Value, mask: Value
) -> Value:
    """x after an attention block: a residual keeps its shape."""
    attention = layer.attrs.get(name)
    if not isinstance(attention, Layer) or attention.spec.short != "MultiheadAttention":
        return ctx.unknown("attention of another kind")
    out, _ = attend(ctx, attention, x, source, source, padding, mask)
    return ctx.same_shape(x) if isinstance(x, Tensor) else out


@layer(
    "torch.nn.TransformerDecoderLayer",
    SIGNATURE,
    params=decoder_params,
    construct=check_block,
    attrs={**ENCODER_PARTS, "multihead_attn": _attention, "norm3": block_norm},
    accepts=[
        "nn.TransformerDecoderLayer(8, 2, 16)(zeros(5, 3, 8), zeros(6, 3, 8))",
        "nn.TransformerDecoderLayer(8, 2, 16, batch_first=True)(zeros(3, 5, 8), zeros(3, 6, 8), zeros(5, 5))",
        "nn.TransformerDecoderLayer(8, 2, 16)(zeros(5, 8), zeros(6, 8))",
    ],
    rejects=[
        "nn.TransformerDecoderLayer(8, 3, 16)",
        "nn.TransformerDecoderLayer(8, 2, 16, 2.0)",
        "nn.TransformerDecoderLayer(8, 2, 16)(zeros(5, 3, 7), zeros(6, 3, 8))",
        "nn.TransformerDecoderLayer(8, 2, 16)(zeros(5, 3, 8), zeros(6, 3, 7))",
        "nn.TransformerDecoderLayer(8, 2, 16)(zeros(5, 3, 8), zeros(6, 4, 8))",
        "nn.TransformerDecoderLayer(8, 2, 16)(zeros(5, 3, 8), zeros(6, 3, 8), zeros(6, 6))",
    ],
)
def decoder_layer(
    ctx: Context, layer: Layer, tgt: Tensor, memory: Tensor, tgt_mask: Value = None, memory_mask: Value = None,
    tgt_key_padding_mask: Value = None, memory_key_padding_mask: Value = None, tgt_is_causal: Value = False,
    memory_is_causal: Value = False,
) -> Value:  # fmt: skip
    x = _attended(ctx, layer, "self_attn", tgt, tgt, tgt_key_padding_mask, tgt_mask)
    return _attended(ctx, layer, "multihead_attn", x, memory, memory_key_padding_mask, memory_mask)
