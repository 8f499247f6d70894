"""Pooling to a wanted size: adaptive and fractional pooling, and unpooling."""

from __future__ import annotations

from typing import Any

from lint_params.shape.context import Context
from lint_params.shape.ops import function, layer
from lint_params.shape.ops.conv_transpose import enlarged, wanted_size
from lint_params.shape.ops.layerwise import (
    axes,
    flag,
    listed,
    must_equal,
    paddings,
    ranked,
    tensor_in,
)
from lint_params.shape.sizes.dim import NO, YES, Size, add, at_least, sub
from lint_params.shape.value import Config, Layer, Seq, Tensor, Unknown, Value

RULE = "kernel-exceeds-input"


def _with_indices(ctx: Context, out: Tensor, indices: Value) -> Value:
    both = flag(ctx, indices)
    if both is None:
        return ctx.unknown("return_indices")
    return Seq([out, ctx.same_shape(out, "int")], "tuple") if both else out


def adapt(ctx: Context, n: int, input: Value, size: Value, indices: Value = False) -> Value:
    """The last n sizes are those asked for; None keeps one."""
    x = tensor_in(ctx, RULE, input, unproved=False)
    if not isinstance(x, Tensor):
        return x
    ranked(ctx, RULE, x, (n + 1, n + 2))
    items = listed(size)
    if items is not None and len(items) != n:
        text = "{name} takes {expected} output sizes{built} but gets {got}"
        ctx.refute(RULE, text, n, len(items))
    old = ctx.last(x, n + 1)
    if old is None:
        return ctx.unknown("rank of the input")
    # An argument of unknown type is as likely to be a pair as a number.
    asked = items or [Unknown("size") if isinstance(size, (Config, Seq)) else size] * n
    new: list[Size] = []
    for value, before in zip(asked, old[1:]):
        goal = before if value is None else ctx.size(value)
        new.append(ctx.fresh("size", low=1) if goal is None else goal)
    return _with_indices(ctx, ctx.replace_last(x, n, new), indices)


def _adaptive(n: int) -> None:
    sizes = "9, 8, 7"[: 3 * n - 2]
    x, single, wrong = f"zeros(2, 3, {sizes})", f"zeros(3, {sizes})", "zeros(9)"
    some = {1: "4", 2: "(4, None)", 3: "(4, None, 2)"}[n]

    def average(ctx: Context, layer: Layer, input: Tensor) -> Value:
        return adapt(ctx, n, input, layer.attrs["output_size"])

    def largest(ctx: Context, layer: Layer, input: Tensor) -> Value:
        return adapt(ctx, n, input, layer.attrs["output_size"], layer.attrs["return_indices"])

    def average_of(ctx: Context, input: Tensor, output_size: Value) -> Value:
        return adapt(ctx, n, input, output_size)

    def largest_of(
        ctx: Context, input: Tensor, output_size: Value, return_indices: Value = False
    ) -> Value:
        return adapt(ctx, n, input, output_size, return_indices)

    for kind, forward, call, more in (
        ("Avg", average, average_of, ""),
        ("Max", largest, largest_of, ", return_indices=False"),
    ):
        name, low = f"nn.Adaptive{kind}Pool{n}d", f"F.adaptive_{kind.lower()}_pool{n}d"
        extra = [f"{name}(3, return_indices=True)({x})"] if more else []
        layer(
            f"torch.{name}",
            f"output_size{more}",
            accepts=[f"{name}(3)({x})", f"{name}({some})({single})", *extra],
            rejects=[f"{name}(3)({wrong})", f"{name}((3, 3, 3, 3))({x})", f"{name}(3)(({x}, 1))"],
        )(forward)
        function(
            f"torch.nn.functional.adaptive_{kind.lower()}_pool{n}d",
            accepts=[f"{low}({x}, 3)", f"{low}({single}, {some})"],
            rejects=[f"{low}({wrong}, 3)", f"{low}({x}, (3, 3, 3, 3))"],
        )(call)

    def both(
        ctx: Context, input: Tensor, output_size: Value, return_indices: Value = False
    ) -> Value:
        return adapt(ctx, n, input, output_size, True)

    low = f"F.adaptive_max_pool{n}d_with_indices"
    function(
        f"torch.nn.functional.adaptive_max_pool{n}d_with_indices",
        accepts=[f"{low}({x}, 3)"],
        rejects=[f"{low}({wrong}, 3)"],
    )(both)


# -- fractional -------------------------------------------------------------------------


def _fractional_construct(ctx: Context, a: dict[str, Value]) -> None:
    size, ratio = a["output_size"], a["output_ratio"]
    if (size is None) == (ratio is None) and not isinstance(size, Unknown):
        ctx.refute(
            "indivisible-channels",
            "a fractional pooling takes an output size or a ratio, one of them",
        )
    ratios = ratio.items if isinstance(ratio, Seq) else [ratio]
    if any(isinstance(r, (int, float)) and not 0 < r < 1 for r in ratios):
        ctx.refute("indivisible-channels", "output_ratio must lie between 0 and 1")


def fractional(
    ctx: Context, n: int, input: Value, kernel: Value, size: Value, ratio: Value, indices: Value
) -> Value:
    x = tensor_in(ctx, RULE, input, unproved=False)
    if not isinstance(x, Tensor):
        return x
    ranked(ctx, RULE, x, (n + 1, n + 2))
    old = ctx.last(x, n)
    if old is None:
        return ctx.unknown("rank of the input")
    if size is not None:
        new = list(axes(ctx, size, n))
    else:
        ratios = ratio.items if isinstance(ratio, Seq) else [ratio] * n
        new = [
            int(before * r) if isinstance(before, int) and isinstance(r, float) else None
            for before, r in zip(old, ratios)
        ]
    for before, goal, k in zip(old, new, axes(ctx, kernel, n)):
        if goal is not None and k is not None:
            needed = ctx.resolve(sub(add(goal, k), 1))
            if at_least(ctx.resolve(sub(before, needed)), 0) is NO:
                text = "{name} needs an input of {expected} elements{built} but gets {got}{source}"
                ctx.refute(RULE, text, needed, before, x)
    sizes = [ctx.fresh("size", low=1) if s is None else s for s in new]
    return _with_indices(ctx, ctx.replace_last(x, n, sizes), indices)


def _fractional(n: int) -> None:
    def forward(ctx: Context, layer: Layer, input: Tensor) -> Value:
        a = layer.attrs
        return fractional(
            ctx,
            n,
            input,
            a["kernel_size"],
            a["output_size"],
            a["output_ratio"],
            a["return_indices"],
        )

    def call(
        ctx: Context, input: Tensor, kernel_size: Value, output_size: Value = None, output_ratio: Value = None,
        return_indices: Value = False, _random_samples: Value = None,
    ) -> Value:  # fmt: skip
        return fractional(ctx, n, input, kernel_size, output_size, output_ratio, return_indices)

    x = {2: "zeros(2, 3, 9, 8)", 3: "zeros(2, 3, 9, 8, 7)"}[n]
    name, low = f"nn.FractionalMaxPool{n}d", f"F.fractional_max_pool{n}d"
    layer(
        f"torch.{name}",
        "kernel_size, output_size=None, output_ratio=None, return_indices=False, _random_samples=None",
        construct=_fractional_construct,
        attrs={
            key: (lambda ctx, a, key=key: _repeated(a[key], n))
            for key in ("kernel_size", "output_size", "output_ratio")
        },
        accepts=[
            f"{name}(2, output_size=4)({x})",
            f"{name}(3, output_ratio=0.5, return_indices=True)({x})",
        ],
        rejects=[
            f"{name}(2)",
            f"{name}(2, output_size=3, output_ratio=0.5)",
            f"{name}(2, output_ratio=1.5)",
            f"{name}(3, output_size=6)({x.replace('9', '7')})",
            f"{name}(2, output_size=4)(zeros(9, 9))",
        ],
    )(forward)
    function(
        f"torch.nn.functional.fractional_max_pool{n}d",
        accepts=[
            f"{low}({x}, 2, output_size=4)",
            f"{low}({x}, 2, output_ratio={(0.5, 0.6, 0.7)[:n]})",
        ],
        rejects=[f"{low}({x}, 3, output_size=9)", f"{low}(zeros(9, 9), 2, output_size=4)"],
    )(call)

    def both(
        ctx: Context, input: Tensor, kernel_size: Value, output_size: Value = None, output_ratio: Value = None,
        return_indices: Value = False, _random_samples: Value = None,
    ) -> Value:  # fmt: skip
        return fractional(ctx, n, input, kernel_size, output_size, output_ratio, True)

    function(
        f"torch.nn.functional.fractional_max_pool{n}d_with_indices",
        accepts=[f"{low}_with_indices({x}, 2, output_size=4)"],
        rejects=[f"{low}_with_indices({x}, 3, output_size=9)"],
    )(both)


def _repeated(value: Value, n: int) -> Value:
    if value is None or isinstance(value, Unknown):
        return value
    return Seq(list(value.items), "tuple") if isinstance(value, Seq) else Seq([value] * n, "tuple")


# -- unpooling --------------------------------------------------------------------------


def unpool(
    ctx: Context, n: int, input: Value, indices: Value, kernel: Value, stride: Value, padding: Value,
    output_size: Value,
) -> Value:  # fmt: skip
    x = tensor_in(ctx, RULE, input, unproved=False)
    if not isinstance(x, Tensor):
        return x
    ranked(ctx, RULE, x, (n + 1, n + 2))
    old = ctx.last(x, n)
    if old is None:
        return ctx.unknown("rank of the input")
    if isinstance(indices, Tensor):
        one, two = ctx.dims(x), ctx.dims(indices)
        if one is not None and two is not None:
            text = (
                "{name} takes an index for each of the {expected} elements but gets {got}{source}"
            )
            must_equal(ctx, "broadcast-mismatch", len(one), len(two), text, indices)
            for a, b in zip(one, two):
                must_equal(ctx, "broadcast-mismatch", a, b, text, indices)
    kernels, pads = axes(ctx, kernel, n), paddings(ctx, padding, n)
    strides = kernels if stride is None else axes(ctx, stride, n)
    wanted = wanted_size(ctx, output_size, n)
    new: list[Size] = []
    for i, size in enumerate(old):
        usual = enlarged(ctx, x, size, kernels[i], strides[i], pads[i], 1)
        goal = usual if output_size is None else wanted[i] if wanted is not None else None
        stride_here = strides[i]
        if (
            output_size is not None
            and goal is not None
            and usual is not None
            and stride_here is not None
        ):
            gap = ctx.resolve(sub(goal, usual))
            if at_least(gap, stride_here) is YES or at_least(add(gap, stride_here), 1) is NO:
                text = "{name} cannot give an output of {got}: about {expected} is possible{built}"
                ctx.refute(RULE, text, usual, goal, x)
        new.append(ctx.fresh("size", low=1) if goal is None else goal)
    return ctx.replace_last(x, n, new)


def _unpool(n: int) -> None:
    def forward(
        ctx: Context, layer: Layer, input: Tensor, indices: Value, output_size: Value = None
    ) -> Value:
        a = layer.attrs
        return unpool(
            ctx, n, input, indices, a["kernel_size"], a["stride"], a["padding"], output_size
        )

    def call(
        ctx: Context, input: Tensor, indices: Value, kernel_size: Value, stride: Value = None,
        padding: Value = 0, output_size: Value = None,
    ) -> Value:  # fmt: skip
        return unpool(ctx, n, input, indices, kernel_size, stride, padding, output_size)

    def tuple_of(name: str) -> Any:
        return lambda ctx, a: _repeated(a["kernel_size"] if a[name] is None else a[name], n)

    sizes, bad = "4, 4, 4"[: 3 * n - 2], "5, 4, 4"[: 3 * n - 2]
    args, wrong = (
        f"zeros(2, 3, {sizes}), ints(2, 3, {sizes})",
        f"zeros(2, 3, {sizes}), ints(2, 3, {bad})",
    )
    goal, far = ("9, 9, 9"[: 3 * n - 2], "10, 10, 10"[: 4 * n - 2])
    name, low = f"nn.MaxUnpool{n}d", f"F.max_unpool{n}d"
    layer(
        f"torch.{name}",
        "kernel_size, stride=None, padding=0",
        attrs={key: tuple_of(key) for key in ("kernel_size", "stride", "padding")},
        accepts=[
            f"{name}(2)({args})",
            f"{name}(3, 2, 1)({args})",
            f"{name}(2)({args}, output_size=[{goal}])",
        ],
        rejects=[
            f"{name}(2)({wrong})",
            f"{name}(2)({args}, output_size=[{far}])",
            f"{name}(2)(zeros(4), ints(4))",
        ],
    )(forward)
    function(
        f"torch.nn.functional.max_unpool{n}d",
        accepts=[f"{low}({args}, 2)", f"{low}({args}, 3, 2, 1)"],
        rejects=[f"{low}({wrong}, 2)", f"{low}({args}, 2, output_size=[{far}])"],
    )(call)


for _n in (1, 2, 3):
    _adaptive(_n)
    _unpool(_n)
for _n in (2, 3):
    _fractional(_n)
