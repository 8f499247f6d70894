"""One step of a recurrent layer: RNNCell, LSTMCell and GRUCell."""

from __future__ import annotations

from typing import Any

from lint_params.shape.context import Context
from lint_params.shape.ops import layer
from lint_params.shape.ops.layerwise import flag, must_equal, ranked, tensor_in
from lint_params.shape.sizes.dim import Size, mul
from lint_params.shape.value import Layer, Seq, Tensor, Value

RULE = "recurrent-mismatch"
TAKES = "{name} takes {expected} features{built} but gets {got}{source}"


def _params(gates: int) -> Any:
    def params(ctx: Context, a: dict[str, Value]) -> dict[str, tuple[Size, ...] | None]:
        into, hidden = ctx.size(a["input_size"]), ctx.size(a["hidden_size"])
        if into is None or hidden is None:
            return {}
        wide = mul(gates, hidden)
        bias: tuple[Size, ...] | None = (wide,) if flag(ctx, a["bias"]) is not False else None
        return {
            "weight_ih": (wide, into),
            "weight_hh": (wide, hidden),
            "bias_ih": bias,
            "bias_hh": bias,
        }

    return params


def _check_state(ctx: Context, state: Tensor, x: Tensor, hidden: Size) -> None:
    """A state has one dimension for a single sample and two for a batch, as the input has."""
    rank = ctx.rank(state)
    taken = ctx.rank(x) or rank
    if rank is not None and (rank not in (1, 2) or rank != taken):
        text = "{name} takes a state of {expected} dimensions but gets {got}{source}"
        ctx.refute(RULE, text, taken if taken in (1, 2) else 2, rank, state)
    if taken is not None:
        ctx.of_rank(x, taken)
        ctx.of_rank(state, taken)
    samples, given = ctx.last(x, taken or 1), ctx.last(state, taken or 1)
    if samples is None or given is None:
        return
    if taken == 2:
        text = "{name} takes a state for {expected} samples but gets {got}{source}"
        must_equal(ctx, RULE, samples[0], given[0], text, state)
    text = "{name} takes a state of {expected} features{built} but gets {got}{source}"
    must_equal(ctx, RULE, hidden, given[-1], text, state)


def cell(ctx: Context, layer: Layer, input: Tensor, hx: Value = None) -> Value:
    lstm = layer.spec.short == "LSTMCell"
    x = tensor_in(ctx, RULE, input)
    into, hidden = ctx.size(layer.attrs["input_size"]), ctx.size(layer.attrs["hidden_size"])
    if hidden is None:
        hidden = ctx.fresh("features", low=1)
    if not isinstance(x, Tensor):
        out = ctx.tensor((hidden,), lead=True, dtype="float")
        return Seq([out, ctx.same_shape(out)], "tuple") if lstm else out
    ranked(ctx, RULE, x, (1, 2))
    got = ctx.last(x, 1)
    if into is None or got is None:
        ctx.unproved(RULE, "size of the layer")
    else:
        ctx.need(RULE, into, got[0], TAKES, tensor=x)
    if not lstm and isinstance(hx, Seq):
        ctx.refute(RULE, f"{{name}} takes one state but gets a {hx.kind}")
    states = hx.items[:2] if isinstance(hx, Seq) else [] if lstm else [hx]
    for state in states:
        if isinstance(state, Tensor):
            _check_state(ctx, state, x, hidden)
    out = ctx.replace_last(x, 1, (hidden,))
    return Seq([out, ctx.same_shape(out)], "tuple") if lstm else out


for _name, _gates, _more in (("RNN", 1, "nonlinearity='tanh', "), ("LSTM", 4, ""), ("GRU", 3, "")):
    _new = f"nn.{_name}Cell"
    _state = "(zeros({0}), zeros({0}))" if _name == "LSTM" else "zeros({0})"
    layer(
        f"torch.nn.{_name}Cell",
        f"input_size, hidden_size, bias=True, {_more}device=None, dtype=None",
        params=_params(_gates),
        accepts=[
            f"{_new}(3, 4)(zeros(2, 3))",
            f"{_new}(3, 4)(zeros(3))",
            f"{_new}(3, 4, bias=False)(zeros(2, 3), {_state.format('2, 4')})",
            f"{_new}(3, 4)(zeros(3), {_state.format('4')})",
        ],
        rejects=[
            f"{_new}(3, 4)(zeros(2, 4))",
            f"{_new}(3, 4)(zeros(1, 2, 3))",
            f"{_new}(3, 4)(zeros(2, 3), {_state.format('3, 4')})",
            f"{_new}(3, 4)(zeros(2, 3), {_state.format('2, 5')})",
            f"{_new}(3, 4)(zeros(2, 3), {_state.format('4')})",
            f"{_new}(3, 4)(zeros(3), {_state.format('1, 4')})",
            f"{_new}(3, 4)(zeros(3), {_state.format('5')})",
            f"{_new}(3, 4)(zeros(2, 3), {_state.format('1, 2, 4')})",
            f"{_new}(3, 4)((zeros(2, 3), 1))",
            *(
                []
                if _name == "LSTM"
                else [f"{_new}(3, 4)(zeros(2, 3), (zeros(2, 4), zeros(2, 4)))"]
            ),
        ],
    )(cell)
