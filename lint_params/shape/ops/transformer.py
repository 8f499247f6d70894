"""Transformer layers, their stacks and the whole Transformer."""

from __future__ import annotations

from lint_params.shape.context import Context
from lint_params.shape.dim import Size
from lint_params.shape.ops import function, layer
from lint_params.shape.ops.attention import RULE, SIDES, attend, check_heads, part
from lint_params.shape.ops.attention import params as attention_params
from lint_params.shape.ops.layerwise import flag, in_unit, must_equal, ranked, tensor_in
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
        shapes.update({f"{name}.{k}": v for k, v in attention_params(ctx, how).items() if v is not None})
    shapes["linear1.weight"], shapes["linear2.weight"] = (inner, width), (width, inner)
    if bias:
        shapes["linear1.bias"], shapes["linear2.bias"] = (inner,), (width,)
    for index in range(1, len(attentions) + 2):
        shapes[f"norm{index}.weight"] = (width,)
        if bias:
            shapes[f"norm{index}.bias"] = (width,)
    return shapes


def _construct(ctx: Context, a: dict[str, Value]) -> None:
    check_heads(ctx, a, "d_model", "nhead")
    in_unit(ctx, a["dropout"], "a dropout probability must lie between 0 and 1")


def _encoder_params(ctx: Context, a: dict[str, Value]) -> Params:
    return _layer_params(ctx, a, ("self_attn",))


def _decoder_params(ctx: Context, a: dict[str, Value]) -> Params:
    return _layer_params(ctx, a, ("self_attn", "multihead_attn"))


def _attention(ctx: Context, a: dict[str, Value]) -> Value:
    more = {"dropout": a["dropout"], "batch_first": a["batch_first"], "bias": a["bias"]}
    return part(ctx, "MultiheadAttention", [a["d_model"], a["nhead"]], **more)


def _norm(ctx: Context, a: dict[str, Value]) -> Value:
    return part(ctx, "LayerNorm", [a["d_model"], a["layer_norm_eps"]], bias=a["bias"])


ENCODER_PARTS = {
    "self_attn": _attention,
    "linear1": lambda ctx, a: part(ctx, "Linear", [a["d_model"], a["dim_feedforward"]], bias=a["bias"]),
    "linear2": lambda ctx, a: part(ctx, "Linear", [a["dim_feedforward"], a["d_model"]], bias=a["bias"]),
    "norm1": _norm,
    "norm2": _norm,
    "dropout": lambda ctx, a: part(ctx, "Dropout", [a["dropout"]]),
}


@layer(
    "torch.nn.TransformerEncoderLayer",
    SIGNATURE,
    params=_encoder_params,
    construct=_construct,
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
    params=_decoder_params,
    construct=_construct,
    attrs={**ENCODER_PARTS, "multihead_attn": _attention, "norm3": _norm},
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


# -- stacks -----------------------------------------------------------------------------


def _stacked(prefix: str, shapes: Params, count: Size | None) -> Params:
    """The parameters of so many layers; where the number is a symbol it is their first size."""
    if count is None:
        return {}
    out: Params = {}
    for name, dims in shapes.items():
        if isinstance(count, int):
            for index in range(min(count, 256)):
                out[f"{prefix}.{index}.{name}"] = dims
        elif dims is not None:
            out[f"{prefix}.*.{name}"] = (count, *dims)
    return out


def _own_params(ctx: Context, value: Value) -> Params:
    if isinstance(value, Layer) and value.spec.params is not None:
        return {k: v for k, v in value.spec.params(ctx, value.args).items() if v is not None}
    return {}


def _stack_params(which: str) -> object:
    def params(ctx: Context, a: dict[str, Value]) -> Params:
        shapes = _stacked("layers", _own_params(ctx, a[which]), ctx.size(a["num_layers"]))
        shapes.update({f"norm.{k}": v for k, v in _own_params(ctx, a["norm"]).items()})
        return shapes

    return params


def _through(ctx: Context, layer: Layer, which: str, x: Value, *args: Value) -> Value:
    """Every layer of the stack is a copy of one: it is asked once, with what it gives back."""
    model = layer.args[which]
    if not isinstance(model, Layer):
        return ctx.unknown("layer of another kind")
    out = model.spec.forward(ctx, model, x, *args)
    norm = layer.attrs["norm"]
    if isinstance(norm, Layer):
        return norm.spec.forward(ctx, norm, out)
    return out if norm is None else ctx.unknown("norm of another kind")


ENCODER = "nn.TransformerEncoderLayer(8, 2, 16)"
DECODER = "nn.TransformerDecoderLayer(8, 2, 16)"


@layer(
    "torch.nn.TransformerEncoder",
    "encoder_layer, num_layers, norm=None, enable_nested_tensor=True, mask_check=True",
    params=_stack_params("encoder_layer"),  # type: ignore[arg-type]
    accepts=[
        f"nn.TransformerEncoder({ENCODER}, 2)(zeros(5, 3, 8))",
        f"nn.TransformerEncoder({ENCODER}, num_layers=2, norm=nn.LayerNorm(8))(zeros(5, 8), zeros(5, 5))",
    ],
    rejects=[
        f"nn.TransformerEncoder({ENCODER}, 2)(zeros(5, 3, 7))",
        f"nn.TransformerEncoder({ENCODER}, 2, nn.LayerNorm(7))(zeros(5, 3, 8))",
        f"nn.TransformerEncoder({ENCODER}, 2)(zeros(5, 3, 8), zeros(3, 3))",
    ],
)
def encoder(
    ctx: Context, layer: Layer, src: Tensor, mask: Value = None, src_key_padding_mask: Value = None,
    is_causal: Value = None,
) -> Value:  # fmt: skip
    return _through(ctx, layer, "encoder_layer", src, mask, src_key_padding_mask)


@layer(
    "torch.nn.TransformerDecoder",
    "decoder_layer, num_layers, norm=None",
    params=_stack_params("decoder_layer"),  # type: ignore[arg-type]
    accepts=[
        f"nn.TransformerDecoder({DECODER}, 2)(zeros(5, 3, 8), zeros(6, 3, 8))",
        f"nn.TransformerDecoder({DECODER}, 2, nn.LayerNorm(8))(zeros(5, 8), zeros(6, 8))",
    ],
    rejects=[
        f"nn.TransformerDecoder({DECODER}, 2)(zeros(5, 3, 8), zeros(6, 3, 7))",
        f"nn.TransformerDecoder({DECODER}, 2)(zeros(5, 3, 8), zeros(6, 4, 8))",
        f"nn.TransformerDecoder({DECODER}, 2, nn.LayerNorm(7))(zeros(5, 3, 8), zeros(6, 3, 8))",
    ],
)
def decoder(
    ctx: Context, layer: Layer, tgt: Tensor, memory: Tensor, tgt_mask: Value = None, memory_mask: Value = None,
    tgt_key_padding_mask: Value = None, memory_key_padding_mask: Value = None, tgt_is_causal: Value = None,
    memory_is_causal: Value = False,
) -> Value:  # fmt: skip
    masks = (tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask)
    return _through(ctx, layer, "decoder_layer", tgt, memory, *masks)


# -- the whole --------------------------------------------------------------------------


def _whole_params(ctx: Context, a: dict[str, Value]) -> Params:
    shapes: Params = {}
    width, bias = ctx.size(a["d_model"]), flag(ctx, a["bias"]) is not False
    for side, of_layer in (("encoder", _encoder_params), ("decoder", _decoder_params)):
        if a[f"custom_{side}"] is not None:
            shapes.update({f"{side}.{k}": v for k, v in _own_params(ctx, a[f"custom_{side}"]).items()})
            continue
        shapes.update(_stacked(f"{side}.layers", of_layer(ctx, a), ctx.size(a[f"num_{side}_layers"])))
        if width is not None:
            shapes[f"{side}.norm.weight"] = (width,)
            if bias:
                shapes[f"{side}.norm.bias"] = (width,)
    return shapes


def _stack(which: str) -> object:
    def read(ctx: Context, a: dict[str, Value]) -> Value:
        if a[f"custom_{which.lower()}"] is not None:
            return a[f"custom_{which.lower()}"]
        names = ("dim_feedforward", "dropout", "activation", "layer_norm_eps", "batch_first", "norm_first", "bias")
        one = part(ctx, f"Transformer{which}Layer", [a["d_model"], a["nhead"]], **{k: a[k] for k in names})
        count = a[f"num_{which.lower()}_layers"]
        return part(ctx, f"Transformer{which}", [one, count], norm=_norm(ctx, a))

    return read


@layer(
    "torch.nn.Transformer",
    "d_model=512, nhead=8, num_encoder_layers=6, num_decoder_layers=6, dim_feedforward=2048, dropout=0.1,"
    " activation='relu', custom_encoder=None, custom_decoder=None, layer_norm_eps=1e-05, batch_first=False,"
    " norm_first=False, bias=True, device=None, dtype=None",
    params=_whole_params,
    construct=_construct,
    attrs={"encoder": _stack("Encoder"), "decoder": _stack("Decoder")},
    accepts=[
        "nn.Transformer(8, 2, 1, 1, 16)(zeros(5, 3, 8), zeros(6, 3, 8))",
        "nn.Transformer(8, 2, 1, 1, 16, batch_first=True)(zeros(3, 5, 8), zeros(3, 6, 8))",
        "nn.Transformer(8, 2, 1, 1, 16)(zeros(5, 8), zeros(6, 8), zeros(5, 5), zeros(6, 6))",
    ],
    rejects=[
        "nn.Transformer(8, 3, 1, 1, 16)",
        "nn.Transformer(8, 2, 1, 1, 16, dropout=2)",
        "nn.Transformer(8, 2, 1, 1, 16)(zeros(5, 3, 7), zeros(6, 3, 8))",
        "nn.Transformer(8, 2, 1, 1, 16)(zeros(5, 3, 8), zeros(6, 3, 7))",
        "nn.Transformer(8, 2, 1, 1, 16)(zeros(5, 3, 8), zeros(6, 4, 8))",
        "nn.Transformer(8, 2, 1, 1, 16)(zeros(5, 3, 8), zeros(6, 8))",
        "nn.Transformer(8, 2, 1, 1, 16)(zeros(5, 3, 8), zeros(6, 3, 8), zeros(6, 6))",
    ],
)
def transformer(
    ctx: Context, layer: Layer, src: Tensor, tgt: Tensor, src_mask: Value = None, tgt_mask: Value = None,
    memory_mask: Value = None, src_key_padding_mask: Value = None, tgt_key_padding_mask: Value = None,
    memory_key_padding_mask: Value = None, src_is_causal: Value = None, tgt_is_causal: Value = None,
    memory_is_causal: Value = False,
) -> Value:  # fmt: skip
    width, first = ctx.size(layer.attrs["d_model"]), flag(ctx, layer.attrs["batch_first"])
    inputs = [tensor_in(ctx, RULE, x) for x in (src, tgt)]
    for x in inputs:
        if isinstance(x, Tensor):
            ranked(ctx, RULE, x, (2, 3))
            got = ctx.last(x, 1)
            if width is not None and got is not None:
                ctx.need(RULE, width, got[0], TAKES, tensor=x)
    one, two = inputs
    if isinstance(one, Tensor) and isinstance(two, Tensor):
        of_src, of_tgt = ctx.dims(one), ctx.dims(two)
        if of_src is not None and of_tgt is not None:
            must_equal(ctx, SIDES, len(of_src), len(of_tgt), "{name} takes a target of {expected} dimensions"
                       " but gets {got}{source}", two)  # fmt: skip
            if len(of_src) == 3 and first is not None:
                at = 0 if first else 1
                text = "{name} takes a target of {expected} samples but gets {got}{source}"
                must_equal(ctx, SIDES, of_src[at], of_tgt[at], text, two)
    parts = layer.attrs["encoder"], layer.attrs["decoder"]
    if not all(isinstance(p, Layer) and p.spec.short.startswith("Transformer") for p in parts):
        return ctx.unknown("encoder of another kind")
    memory = encoder(ctx, parts[0], one, src_mask, src_key_padding_mask)
    masks = (tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask)
    return decoder(ctx, parts[1], two, memory, *masks)


@function(
    "torch.nn.Transformer.generate_square_subsequent_mask",
    accepts=["nn.Transformer.generate_square_subsequent_mask(5)"],
)
def subsequent_mask(ctx: Context, sz: Value, device: Value = None, dtype: Value = None) -> Value:
    size = ctx.size(sz)
    return ctx.unknown("size of the mask") if size is None else ctx.tensor((size, size), dtype="float")
