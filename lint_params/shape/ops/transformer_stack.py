"""Stacks of transformer blocks and the whole Transformer."""

from __future__ import annotations

from typing import Any

from lint_params.shape.context import Context
from lint_params.shape.ops import function, layer
from lint_params.shape.ops.attention import RULE, SIDES, part
from lint_params.shape.ops.layerwise import flag, must_equal, ranked, tensor_in
from lint_params.shape.ops.transformer import (
    TAKES,
    Params,
    block_norm,
    check_block,
    decoder_params,
    encoder_params,
)
from lint_params.shape.sizes.dim import Size
from lint_params.shape.value import Layer, Tensor, Value


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


def _stack_params(which: str) -> Any:
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
    params=_stack_params("encoder_layer"),
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
    params=_stack_params("decoder_layer"),
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
    for side, of_layer in (("encoder", encoder_params), ("decoder", decoder_params)):
        if a[f"custom_{side}"] is not None:
            shapes.update(
                {f"{side}.{k}": v for k, v in _own_params(ctx, a[f"custom_{side}"]).items()}
            )
            continue
        shapes.update(
            _stacked(f"{side}.layers", of_layer(ctx, a), ctx.size(a[f"num_{side}_layers"]))
        )
        if width is not None:
            shapes[f"{side}.norm.weight"] = (width,)
            if bias:
                shapes[f"{side}.norm.bias"] = (width,)
    return shapes


def _stack(which: str) -> Any:
    def read(ctx: Context, a: dict[str, Value]) -> Value:
        if a[f"custom_{which.lower()}"] is not None:
            return a[f"custom_{which.lower()}"]
        names = (
            "dim_feedforward",
            "dropout",
            "activation",
            "layer_norm_eps",
            "batch_first",
            "norm_first",
            "bias",
        )
        one = part(
            ctx, f"Transformer{which}Layer", [a["d_model"], a["nhead"]], **{k: a[k] for k in names}
        )
        count = a[f"num_{which.lower()}_layers"]
        return part(ctx, f"Transformer{which}", [one, count], norm=block_norm(ctx, a))

    return read


@layer(
    "torch.nn.Transformer",
    "d_model=512, nhead=8, num_encoder_layers=6, num_decoder_layers=6, dim_feedforward=2048, dropout=0.1,"
    " activation='relu', custom_encoder=None, custom_decoder=None, layer_norm_eps=1e-05, batch_first=False,"
    " norm_first=False, bias=True, device=None, dtype=None",
    params=_whole_params,
    construct=check_block,
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
    return (
        ctx.unknown("size of the mask") if size is None else ctx.tensor((size, size), dtype="float")
    )
