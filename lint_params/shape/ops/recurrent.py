"""Recurrent layers over sequences: RNN, LSTM and GRU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lint_params.shape.context import Context
from lint_params.shape.ops import layer
from lint_params.shape.ops.layerwise import flag, in_unit, must_equal, ranked, tensor_in, zeroable
from lint_params.shape.ops.packed import Packed
from lint_params.shape.sizes.dim import MAYBE, NO, YES, Size, at_least, mul, same, sub
from lint_params.shape.value import Layer, Seq, Tensor, Unknown, Value

RULE = "recurrent-mismatch"
CONSTRUCT = "indivisible-channels"
TAKES = "{name} takes {expected} features{built} but gets {got}{source}"
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def _construct(ctx: Context, a: dict[str, Value]) -> None:
    in_unit(ctx, a["dropout"], "dropout must be a number from 0 to 1")
    for name in ("hidden_size", "num_layers"):
        size = ctx.size(a[name])
        if size is not None and at_least(size, 1) is NO:
            ctx.refute(CONSTRUCT, f"{name} must be positive but is {{got}}", 1, size)
    if a.get("nonlinearity", "tanh") not in ("tanh", "relu") and isinstance(a["nonlinearity"], str):
        ctx.refute(CONSTRUCT, "nonlinearity must be 'tanh' or 'relu'")
    hidden, projected = ctx.size(a["hidden_size"]), zeroable(ctx, a.get("proj_size", 0))
    if hidden is not None and projected is not None:
        if at_least(projected, 0) is NO:
            ctx.refute(CONSTRUCT, "proj_size must be positive, or 0 for none", 0, projected)
        if at_least(sub(hidden, projected), 1) is NO:
            text = "proj_size ({got}) must be smaller than hidden_size ({expected})"
            ctx.refute(CONSTRUCT, text, hidden, projected)


def directions(ctx: Context, a: dict[str, Value]) -> int | None:
    both = flag(ctx, a["bidirectional"])
    return None if both is None else 1 + both


def features(ctx: Context, a: dict[str, Value]) -> Size | None:
    """The features of one direction's output: the projection's where there is one."""
    projected = ctx.size(a.get("proj_size", 0))
    if projected == 0:
        return ctx.size(a["hidden_size"])
    # A symbol may stand for 0, which means that there is no projection.
    return projected if isinstance(projected, int) else None


def _params(gates: int) -> Any:
    def params(ctx: Context, a: dict[str, Value]) -> dict[str, tuple[Size, ...] | None]:
        into, hidden, count = (
            ctx.size(a["input_size"]),
            ctx.size(a["hidden_size"]),
            directions(ctx, a),
        )
        out, layers = features(ctx, a), ctx.size(a["num_layers"])
        if into is None or hidden is None or count is None or out is None or layers is None:
            return {}
        biased, projected = flag(ctx, a["bias"]) is not False, out is not hidden and out != hidden
        shapes: dict[str, tuple[Size, ...] | None] = {}

        def add(suffix: str, from_size: Size, many: tuple[Size, ...]) -> None:
            wide = mul(gates, hidden)
            for end in ("", "_reverse")[:count]:
                shapes[f"weight_ih_l{suffix}{end}"] = (*many, wide, from_size)
                shapes[f"weight_hh_l{suffix}{end}"] = (*many, wide, out)
                if biased:
                    shapes[f"bias_ih_l{suffix}{end}"] = (*many, wide)
                    shapes[f"bias_hh_l{suffix}{end}"] = (*many, wide)
                if projected:
                    shapes[f"weight_hr_l{suffix}{end}"] = (*many, out, hidden)

        add("0", into, ())
        inner = mul(out, count)
        if isinstance(layers, int):
            for index in range(1, min(layers, 256)):
                add(str(index), inner, ())
        else:
            # As many as the symbol says: their number is the first size of all of them together.
            add("*", inner, (sub(layers, 1),))
        return shapes

    return params


def _hidden_checked(
    ctx: Context, hx: Value, expected: tuple[Size | None, ...], batched: bool | None
) -> None:
    """An initial state has the layers' number, the batch and the features of the layer."""
    if not isinstance(hx, Tensor):
        return
    what = (
        ("layers times directions", "samples", "features")
        if batched
        else ("layers times directions", "features")
    )

    def judge(size: Size | None, got: Size | None, name: str) -> None:
        if size is not None and got is not None:
            text = f"{{name}} takes an initial state for {{expected}} {name}{{built}} but gets {{got}}{{source}}"
            must_equal(ctx, RULE, size, got, text, hx)

    if batched is None:  # with a batch or without one, the layers come first
        judge(expected[0], hx.shape.front.get(0), what[0])
        return
    rank = len(expected)
    dims = ctx.of_rank(hx, rank)
    if dims is None:
        text = "{name} takes an initial state of {expected} dimensions but gets {got}{source}"
        ctx.refute(RULE, text, rank, len(hx.shape.dims), hx)
        return
    if _has_batch_first(expected, dims):
        text = (
            "{name} takes an initial state of {expected} layers times directions first, also where its "
            "input has the batch first, but gets the batch, {got}, first{source}"
        )
        ctx.refute(RULE, text, expected[0], dims[0], hx)
    for size, got, name in zip(expected, dims, what):
        judge(size, got, name)


def _has_batch_first(expected: tuple[Size | None, ...], dims: Sequence[Size]) -> bool:
    """Whether the first two sizes changed places, which only a batch of as many lets pass."""
    one, two = expected[:2]
    if len(expected) != 3 or one is None or two is None or same(one, two) is not MAYBE:
        return False
    return same(two, dims[0]) is YES and same(one, dims[1]) is YES


def _batched(ctx: Context, *values: Value) -> bool | None:
    """Whether there is a batch, by the first known rank: input and states have three with it, two without."""
    ranks = [ctx.rank(value) for value in values if isinstance(value, Tensor)]
    return next((rank == 3 for rank in ranks if rank is not None), None)


def recurrent(ctx: Context, layer: Layer, input: Tensor, hx: Value = None) -> Value:
    a, lstm = layer.attrs, layer.spec.short == "LSTM"
    into, hidden, out = ctx.size(a["input_size"]), ctx.size(a["hidden_size"]), features(ctx, a)
    count, layers, first = (
        directions(ctx, a),
        ctx.size(a["num_layers"]),
        flag(ctx, a["batch_first"]),
    )
    packed = isinstance(input, Packed)
    x = input.items[0] if isinstance(input, Packed) else tensor_in(ctx, RULE, input)
    if not lstm and isinstance(hx, Seq):
        ctx.refute(RULE, f"{{name}} takes one initial state but gets a {hx.kind}")
    batch: Size | None = input.batch if isinstance(input, Packed) else None
    given: list[Value] = list(hx.items[:2]) if lstm and isinstance(hx, Seq) else [hx]
    if isinstance(x, Tensor):
        if not packed:  # where nobody has said it of the input, the state does
            without = _batched(ctx, x, *given) is False
            ranked(ctx, RULE, x, (2,) if without else (2, 3))
        got = ctx.last(x, 1 if packed else 2)
        if into is None or got is None:
            ctx.unproved(RULE, "size of the layer")
        else:
            ctx.need(RULE, into, got[-1], TAKES, tensor=x)
        dims = ctx.dims(x)
        if dims is not None and len(dims) == 3 and not packed and first is not None:
            batch = dims[0 if first else 1]
    width = ctx.fresh("features", low=1) if out is None or count is None else mul(out, count)
    depth = None if layers is None or count is None else mul(layers, count)

    def size(value: Size | None) -> Size:
        return ctx.fresh("size", low=1) if value is None else ctx.resolve(value)

    if lstm and isinstance(hx, Seq):
        if len(hx.items) < 2:
            ctx.refute(
                RULE,
                "{name} takes an initial state of two tensors but gets {got}",
                2,
                len(hx.items),
            )
        states: list[Value] = hx.items[:2]
    else:
        states = [] if lstm else [hx]
    batched = True if packed else _batched(ctx, x, *states)
    for start, last in zip(states, (out, hidden)):
        expected = (depth, batch, last) if batched else (depth, last)
        _hidden_checked(ctx, start, expected, batched)

    def state(last: Size | None) -> Tensor:
        text = f"the last state of {ctx.callee}"
        if batched is None:
            open_state = ctx.tensor((ctx.fresh(), size(last)), lead=True, dtype="float", text=text)
            open_state.shape.front[0] = size(depth)
            return open_state
        dims = (size(depth), size(batch), size(last)) if batched else (size(depth), size(last))
        return ctx.tensor(dims, dtype="float", text=text)

    final: Value = Seq([state(out), state(hidden)], "tuple") if lstm else state(out)
    output: Value = Unknown("input is no known tensor")
    if isinstance(x, Tensor):
        output = ctx.replace_last(x, 1, (width,))
        if isinstance(input, Packed):
            output = Packed([output, *input.items[1:]], input.batch)
    return Seq([output, final], "tuple")


def _register(name: str, signature: str) -> None:
    new = f"nn.{name}"
    pair = "(zeros({0}), zeros({0}))" if name == "LSTM" else "zeros({0})"
    rejects = [
        f"{new}(4, 6)(zeros(5, 2, 3))",
        f"{new}(4, 6)(zeros(5, 3))",
        f"{new}(4, 6)(zeros(4))",
        f"{new}(4, 6)(zeros(5, 2, 2, 4))",
        f"{new}(4, 6)((zeros(5, 2, 4), 1))",
        f"{new}(4, 6, 2)(zeros(5, 2, 4), {pair.format('1, 2, 6')})",
        f"{new}(4, 6)(zeros(5, 2, 4), {pair.format('1, 5, 6')})",
        f"{new}(4, 6, batch_first=True)(zeros(5, 2, 4), {pair.format('1, 2, 6')})",
        f"{new}(4, 6)(zeros(5, 2, 4), {pair.format('1, 2, 4')})",
        f"{new}(4, 6, bidirectional=True)(zeros(5, 2, 4), {pair.format('1, 2, 6')})",
        f"{new}(4, 6)(zeros(5, 2, 4), {pair.format('1, 6')})",
        f"{new}(4, 6, dropout=1.5)",
        f"{new}(4, 0)",
        f"{new}(4, 6, 0)",
    ]
    accepts = [
        f"{new}(4, 6)(zeros(5, 2, 4))",
        f"{new}(4, 6)(zeros(5, 4))",
        f"{new}(4, 6, 3, batch_first=True, bidirectional=True)(zeros(5, 2, 4))",
        f"{new}(4, 6, 2)(zeros(5, 2, 4), {pair.format('2, 2, 6')})",
        f"{new}(4, 6, 2, batch_first=True)(zeros(5, 2, 4), {pair.format('2, 5, 6')})",
        f"{new}(4, 6, 2, bidirectional=True)(zeros(5, 4), {pair.format('4, 6')})",
        f"{new}(input_size=4, hidden_size=6, num_layers=2, bias=False, dropout=0.5)(zeros(5, 2, 4))",
    ]
    if name == "LSTM":
        accepts += [
            "nn.LSTM(4, 6, 2, proj_size=3, bidirectional=True)(zeros(5, 2, 4))",
            "nn.LSTM(4, 6, proj_size=3)(zeros(5, 2, 4), (zeros(1, 2, 3), zeros(1, 2, 6)))",
        ]
        rejects += [
            "nn.LSTM(4, 6, proj_size=6)",
            "nn.LSTM(4, 6, proj_size=-1)",
            "nn.LSTM(4, 6, proj_size=3)(zeros(5, 2, 4), (zeros(1, 2, 6), zeros(1, 2, 6)))",
            "nn.LSTM(4, 6)(zeros(5, 2, 4), (zeros(1, 2, 6), zeros(1, 2, 3)))",
            "nn.LSTM(4, 6)(zeros(5, 2, 4), (zeros(1, 2, 6),))",
        ]
    else:
        rejects.append(f"{new}(4, 6)(zeros(5, 2, 4), (zeros(1, 2, 6), zeros(1, 2, 6)))")
    if name == "RNN":
        accepts.append("nn.RNN(4, 6, 2, 'relu')(zeros(5, 2, 4))")
        rejects.append("nn.RNN(4, 6, nonlinearity='gelu')")
    layer(
        f"torch.nn.{name}",
        signature,
        params=_params(GATES[name]),
        construct=_construct,
        attrs={"dropout": lambda ctx, a: float(a["dropout"]) if isinstance(a["dropout"], int) else a["dropout"],
               "proj_size": lambda ctx, a: a.get("proj_size", 0)},
        accepts=accepts,
        rejects=rejects,
    )(recurrent)  # fmt: skip


_COMMON = "bias=True, batch_first=False, dropout=0.0, bidirectional=False"
_register(
    "RNN",
    f"input_size, hidden_size, num_layers=1, nonlinearity='tanh', {_COMMON}, device=None, dtype=None",
)
_register("GRU", f"input_size, hidden_size, num_layers=1, {_COMMON}, device=None, dtype=None")
_register(
    "LSTM",
    f"input_size, hidden_size, num_layers=1, {_COMMON}, proj_size=0, device=None, dtype=None",
)
