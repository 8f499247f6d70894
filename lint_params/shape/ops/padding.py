"""Padding: the ReflectionPad, ReplicationPad, ZeroPad, ConstantPad and CircularPad layers, F.pad."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lint_params.shape.context import Context
from lint_params.shape.ops import function, layer
from lint_params.shape.ops.layerwise import listed, minimum_rank, ranked, tensor_in, zeroable
from lint_params.shape.sizes.dim import NO, Size, add, at_least, sub
from lint_params.shape.value import Layer, Seq, Tensor, Unknown, Value

RULE = "kernel-exceeds-input"
MODES = ("constant", "reflect", "replicate", "circular")


def check_padding(
    ctx: Context,
    x: Tensor,
    sizes: Sequence[Size],
    pads: Sequence[tuple[Size, Size]],
    mode: Value,
) -> None:
    """Reflection stays below the size of the input, wrapping within it; what is left is positive."""
    for size, pair in zip(sizes, pads):
        for pad in pair:
            if mode == "reflect" and at_least(ctx.resolve(sub(pad, size)), 0).name == "YES":
                text = "{name} reflects {expected} elements{built} but its input has only {got}{source}"
                ctx.refute(RULE, text, pad, size, x)
            if mode == "circular" and at_least(ctx.resolve(sub(pad, size)), 1).name == "YES":
                text = (
                    "{name} wraps {expected} elements{built} but its input has only {got}{source}"
                )
                ctx.refute(RULE, text, pad, size, x)
        out = ctx.resolve(add(size, add(*pair)))
        if at_least(out, 0 if mode == "constant" else 1) is NO:
            ctx.refute(
                RULE, "{name} crops more than the {got} elements of its input{source}", out, size, x
            )


def pairs(
    ctx: Context, padding: Value, n: int | None
) -> list[tuple[Size | None, Size | None]] | None:
    """Pairs of pads, first axis first; torch lists the last axis first. None where unknown."""
    items = listed(padding)
    if items is None and n is not None and not isinstance(padding, Seq):
        return [(zeroable(ctx, padding, None),) * 2] * n
    if items is None or len(items) % 2:
        return None
    # Weaken each symbol first: one may stand for several pads.
    sizes = [zeroable(ctx, v, None) for v in items]
    if n is not None and len(sizes) != 2 * n:
        return None
    return [(sizes[i], sizes[i + 1]) for i in range(len(sizes) - 2, -1, -2)]


def padded(ctx: Context, x: Tensor, padding: Value, n: int | None, mode: Value) -> Value:
    """x with its last axes padded; n of them where the layer tells."""
    items = listed(padding)
    if items is not None and len(items) % 2 and n is None:
        ctx.refute(RULE, "{name} takes an even number of pads but gets {got}", None, len(items), x)
    pads = pairs(ctx, padding, n)
    count = n if pads is None else len(pads)
    if count is None or (not isinstance(mode, str)):
        return ctx.tensor(tuple(ctx.fresh("size") for _ in x.shape.dims), lead=x.shape.lead, like=x)
    if mode == "constant":
        minimum_rank(ctx, RULE, x, count)
    elif x.free and x.shape.lead:
        minimum_rank(ctx, RULE, x, count + 1)  # with channels, or with a batch, too
    else:
        ranked(ctx, RULE, x, (count + 1, count + 2))
    sizes = ctx.last(x, count)
    if sizes is None:
        return ctx.unknown("rank of the input")
    if pads is None:
        return ctx.replace_last(x, count, [ctx.fresh("size") for _ in sizes])
    known = [(s, (a, b)) for s, (a, b) in zip(sizes, pads) if a is not None and b is not None]
    check_padding(ctx, x, [s for s, _ in known], [p for _, p in known], mode)
    out: list[Size] = []
    for size, (before, after) in zip(sizes, pads):
        unknown = before is None or after is None
        out.append(ctx.fresh("size") if unknown else add(size, add(before or 0, after or 0)))
    return ctx.replace_last(x, count, out)


def _attr(n: int) -> Any:
    def read(ctx: Context, a: dict[str, Value]) -> Value:
        value = a["padding"]
        if isinstance(value, Seq):
            return Seq(list(value.items), "tuple")
        return value if isinstance(value, Unknown) else Seq([value] * (2 * n), "tuple")

    return read


def _register(n: int, kind: str, mode: str, signature: str, more: str) -> None:
    def forward(ctx: Context, layer: Layer, input: Tensor) -> Value:
        x = tensor_in(ctx, RULE, input, unproved=False)
        return padded(ctx, x, layer.attrs["padding"], n, mode) if isinstance(x, Tensor) else x

    name = f"nn.{kind}Pad{n}d"
    sizes = "9, 8, 7"[: 3 * n - 2]
    rejects = {
        "constant": ([f"{name}(-5{more})(zeros(2, 3, {sizes}))"]),
        "reflect": [
            f"{name}(9)(zeros(2, 3, {sizes}))",
            f"{name}(7)(zeros(3, {'7, 7, 7'[: 3 * n - 2]}))",
        ],
        "replicate": [f"{name}(-5)(zeros(2, 3, {sizes}))"],
        "circular": [f"{name}(10)(zeros(2, 3, {sizes}))"],
    }[mode]
    if mode != "constant":
        rejects.append(f"{name}(1)(zeros(3, 3, 3, 3, 3, 3, 3))")
        rejects.append(f"{name}(1)(zeros(3))")
    elif n > 1:
        rejects.append(f"{name}(1{more})(zeros({'3, 3'[: 3 * n - 5]}))")
    layer(
        f"torch.{name}",
        signature,
        attrs={"padding": _attr(n), **({"value": lambda ctx, a: 0.0} if kind == "Zero" else {})},
        accepts=[
            f"{name}(2{more})(zeros(2, 3, {sizes}))",
            f"{name}({(1, 2, 0, 3, 2, 1)[: 2 * n]}{more})(zeros(3, {sizes}))",
            f"{name}({(-1, 2, 0, -3, 2, 1)[: 2 * n]}{more})(zeros(3, {sizes}))",
        ],
        rejects=rejects,
    )(forward)


for _n in (1, 2, 3):
    _register(_n, "Reflection", "reflect", "padding", "")
    _register(_n, "Replication", "replicate", "padding", "")
    _register(_n, "Circular", "circular", "padding", "")
    _register(_n, "Zero", "constant", "padding", "")
    _register(_n, "Constant", "constant", "padding, value", ", 0.5")


@function(
    "torch.nn.functional.pad",
    accepts=[
        "F.pad(zeros(2, 3), (1, 2))",
        "F.pad(zeros(2, 3, 4), [1, 2, 0, 3], value=1.0)",
        "F.pad(zeros(2, 3, 4, 5), (0, 0, 1, -1), 'constant', 0)",
        "F.pad(zeros(2, 3, 4, 5), (0, 0, 0, 0, 0, 0, 0, 2))",
        "F.pad(zeros(2, 3, 4, 5), (1, 2, 3, 0), mode='reflect')",
        "F.pad(zeros(3, 4, 5), (1, 2, 3, 0), mode='replicate')",
        "F.pad(zeros(2, 3, 4), (1, 4), 'circular')",
    ],
    rejects=[
        "F.pad(zeros(2, 3), (1, 2, 3))",
        "F.pad(zeros(2, 3), (1, 2, 1, 2, 1, 2))",
        "F.pad(zeros(2, 3), (-2, -2))",
        "F.pad(zeros(2, 3, 4, 5), (1, 5, 0, 0), mode='reflect')",
        "F.pad(zeros(2, 3, 4), (5, 0), 'circular')",
        "F.pad(zeros(2, 3, 4, 5), (1, 1), mode='reflect')",
    ],
)
def pad(
    ctx: Context, input: Tensor, pad: Value, mode: Value = "constant", value: Value = None
) -> Value:
    x = tensor_in(ctx, RULE, input, unproved=False)
    return padded(ctx, x, pad, None, mode) if isinstance(x, Tensor) else x
