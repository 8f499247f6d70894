"""Lazy layers: the size that they leave open is that of their first input.

Their constructors take one argument more than torch's, which nobody passes: the open size as
a symbol. The first call binds it on this path; from then on the layer is an ordinary one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lint_params.shape.context import Context
from lint_params.shape.ops import LAYERS, conv, conv_transpose, layer, linear, norm  # noqa: F401 - it registers
from lint_params.shape.ops.layerwise import ranked, tensor_in
from lint_params.shape.sizes.dim import Size
from lint_params.shape.value import Layer, Tensor, Value, only_symbol

NAME = "lazy"


def _construct(field: str, then: Callable[[Context, dict[str, Value]], None] | None) -> Any:
    def construct(ctx: Context, a: dict[str, Value]) -> None:
        if then is not None:
            # What depends on the channels torch asks at the first call only.
            then(ctx, {**a, field: None, "out_channels": None})
        a[field] = ctx.fresh(NAME, low=1)

    return construct


def settle(ctx: Context, layer: Layer, field: str, size: Size) -> None:
    """The first input fixes the open size."""
    open_size = ctx.size(layer.attrs.get(field))
    symbol = None if open_size is None else only_symbol(open_size)
    if symbol is not None and symbol.name == NAME:
        ctx.bind(symbol, size)
        by = ctx.size(layer.attrs.get("groups"))
        for name in ("in_channels", "out_channels") if by is not None and by != 1 else ():
            whole = ctx.size(layer.attrs.get(name))
            if whole is not None:
                text = f"{name} ({{got}}) must be divisible by groups ({{expected}})"
                ctx.divisible("indivisible-channels", whole, by or 1, text)


def _register(
    name: str, like: str, field: str, drop: str, channel: Callable[[Context, Tensor], Size | None],
    accepts: list[str], rejects: list[str],
) -> None:  # fmt: skip
    """``name`` is the layer ``like`` without its argument ``field``."""
    spec = LAYERS[f"torch.nn.{like}"]
    bias = spec.signature.parameters["bias"]
    parts = [
        str(p)
        for n, p in spec.signature.parameters.items()
        if n != field and p.kind is not p.KEYWORD_ONLY
    ]
    last = [str(bias)] if bias.kind is bias.KEYWORD_ONLY else []
    signature = ", ".join([*parts, "*", *last, f"{field}=None"])
    # A lazy instance norm has parameters and statistics unless told otherwise, unlike its like.
    signature = signature.replace("affine=False", "affine=True")
    signature = signature.replace("track_running_stats=False", "track_running_stats=True")

    def forward(ctx: Context, layer: Layer, input: Tensor, *args: Value, **kwargs: Value) -> Value:
        x = tensor_in(ctx, drop, input)
        if not isinstance(x, Tensor):
            return x
        size = channel(ctx, x)
        if size is not None:
            settle(ctx, layer, field, size)
        return spec.forward(ctx, layer, x, *args, **kwargs)

    layer(
        f"torch.nn.{name}",
        signature,
        params=spec.params,
        construct=_construct(field, spec.construct),
        attrs=dict(spec.attrs),
        accepts=accepts,
        rejects=rejects,
    )(forward)


def _features(ctx: Context, x: Tensor) -> Size | None:
    got = ctx.last(x, 1)
    return got[0] if got else None


def _channels(n: int) -> Callable[[Context, Tensor], Size | None]:
    def read(ctx: Context, x: Tensor) -> Size | None:
        ranked(ctx, conv.RULE, x, (n + 1, n + 2))
        got = ctx.last(x, n + 1)
        return got[0] if got else None

    return read


def _second(ranks: tuple[int, ...]) -> Callable[[Context, Tensor], Size | None]:
    def read(ctx: Context, x: Tensor) -> Size | None:
        if len(ranks) > 1 and x.shape.lead and len(x.shape.dims) < ranks[-1]:
            return None
        return norm.channel_of(ctx, norm.RULE, x, ranks)

    return read


_register(
    "LazyLinear", "Linear", "in_features", linear.RULE, _features,
    ["nn.LazyLinear(4)(zeros(2, 3))", "nn.LazyLinear(4, bias=False)(zeros(2, 3, 5))"],
    ["nn.LazyLinear(4)((zeros(2, 3), 1))"],
)  # fmt: skip
for _n in (1, 2, 3):
    _sizes = "7, 6, 5"[: 3 * _n - 2]
    _x = f"zeros(2, 4, {_sizes})"
    _register(
        f"LazyConv{_n}d", f"Conv{_n}d", "in_channels", conv.RULE, _channels(_n),
        [f"nn.LazyConv{_n}d(6, 3)({_x})", f"nn.LazyConv{_n}d(6, 3, groups=2, bias=False)({_x})"],
        [f"nn.LazyConv{_n}d(6, 9)({_x})", f"nn.LazyConv{_n}d(6, 3)(zeros(3))", f"nn.LazyConv{_n}d(6, 3, groups=0)",
         f"nn.LazyConv{_n}d(6, 3, groups=4)({_x})", f"nn.LazyConv{_n}d(6, 3, groups=3)({_x})"],
    )  # fmt: skip
    _register(
        f"LazyConvTranspose{_n}d", f"ConvTranspose{_n}d", "in_channels", conv.RULE, _channels(_n),
        [f"nn.LazyConvTranspose{_n}d(6, 3, 2)({_x})"],
        [f"nn.LazyConvTranspose{_n}d(6, 3)(zeros(3))", f"nn.LazyConvTranspose{_n}d(6, 3, groups=3)({_x})"],
    )  # fmt: skip
    _ranks = (2, 3) if _n == 1 else (_n + 2,)
    _register(
        f"LazyBatchNorm{_n}d", f"BatchNorm{_n}d", "num_features", norm.RULE, _second(_ranks),
        [f"nn.LazyBatchNorm{_n}d()({_x})"],
        [f"nn.LazyBatchNorm{_n}d()(zeros(2))"],
    )  # fmt: skip
    _register(
        f"LazyInstanceNorm{_n}d", f"InstanceNorm{_n}d", "num_features", norm.RULE, _second((_n + 1, _n + 2)),
        [f"nn.LazyInstanceNorm{_n}d()({_x})", f"nn.LazyInstanceNorm{_n}d(affine=False)({_x})"],
        [f"nn.LazyInstanceNorm{_n}d()(zeros(2))", f"nn.LazyInstanceNorm{_n}d()(zeros(4, {_sizes}))"],
    )  # fmt: skip
del _n
