"""Assignments to what a layer or parameter already is: ``layer.weight = ...``, ``p.data = ...``.

A new weight is judged when the function that sets it is done: code that grows or prunes a
layer sets weight, bias and ``out_features`` one after the other.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lint_params.shape.check import Refuted, Verdict
from lint_params.shape.evaluate.classes import definition, mro
from lint_params.shape.evaluate.objects import LAYER
from lint_params.shape.sizes.dim import NO, YES, Size
from lint_params.shape.value import ClassRef, Instance, Layer, Tensor, Unknown, Value

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter

#: Attributes by which code says that it means to change a layer's sizes.
_SIZES = frozenset(
    "in_features out_features in_channels out_channels num_embeddings embedding_dim num_features "
    "normalized_shape groups".split()
)
#: Layers whose bias must have as many elements as the weight has rows.
_ROWS = frozenset({"Linear", "Conv1d", "Conv2d", "Conv3d", "NonDynamicallyQuantizableLinear"})
#: Where a layer keeps what is to be said of its new weight once it gets what only the old one took.
OTHER_INPUT = "__other_input__"


@dataclass
class Override:
    """One parameter of a torch layer replaced by another tensor."""

    layer: Layer
    name: str
    old: Tensor
    new: Tensor
    tied: bool
    node: ast.AST
    path: str


def note_override(it: Interpreter, owner: Instance | Layer, name: str, value: Value) -> None:
    """Remember a replaced parameter until the function is done."""
    if isinstance(owner, Instance):
        base = owner.attrs.get(LAYER)
        if not isinstance(base, Layer) or _may_have_forward(it, owner):
            return  # which may take another shape
        owner = base
    if name in _SIZES:
        it.adapted.add(id(owner))
    old = owner.attrs.get(name)
    if isinstance(value, Tensor) and isinstance(old, Tensor) and old.param is not None:
        tied = value.param is not None and value.param != "parameter"
        it.overrides.append(Override(owner, name, old, value, tied, it.ctx.node, it.ctx.path))


def _may_have_forward(it: Interpreter, owner: Instance) -> bool:
    """Whether a class over torch's layer has, or may have, a forward of its own."""
    return any(
        isinstance(cls, Unknown)
        or (isinstance(cls, ClassRef) and (definition(cls, "forward") or definition(cls, "__call__")))
        for cls in mro(it, owner.cls)
    )


def judge_overrides(it: Interpreter, start: int) -> None:
    """Check the parameters replaced since ``start``; a refuted one is forgotten."""
    pending, it.overrides[start:] = _last_ones(it.overrides[start:]), []
    kept = (it.ctx.node, it.ctx.path, it.ctx.callee, it.ctx.built)
    for override in pending:
        layer, name = override.layer, override.name
        it.ctx.node, it.ctx.path = override.node, override.path
        it.ctx.callee, it.ctx.built = f"{layer.spec.short}.{name}", layer.origin
        try:
            if _fits_the_other(it, override):
                continue
            if id(layer) not in it.adapted and _takes_other_input(it, override):
                _wait_for_a_call(it, override)
            elif id(layer) not in it.adapted:
                _against_old(it, override)
            elif _changes_rank(it, override):
                _against_old(it, override)  # other sizes may be meant, other dimensions are not
            elif name == "weight":
                _against_bias(it, override)
        except Refuted:
            bias = layer.attrs.get("bias")
            if id(layer) not in it.adapted:
                it.ctx.refine(override.new.shape, (), True)  # one cause, one finding
            elif isinstance(bias, Tensor):
                it.ctx.refine(bias.shape, (), True)
    it.ctx.node, it.ctx.path, it.ctx.callee, it.ctx.built = kept


def _fits_the_other(it: Interpreter, o: Override) -> bool:
    """Whether a layer only has other rows now, in its weight and in its bias (or it has none): it runs."""
    weight, bias = o.layer.attrs.get("weight"), o.layer.attrs.get("bias")
    if o.layer.spec.short not in _ROWS or o.tied or not isinstance(weight, Tensor):
        return False
    rows = it.ctx.dims(weight)
    if isinstance(bias, Tensor):
        count = it.ctx.dims(bias)
        if not rows or not count or it.ctx.compare(rows[0], count[0]) is not YES:
            return False
    elif bias is not None:
        return False
    before, after = it.ctx.dims(o.old), it.ctx.dims(o.new)
    if o.name != "weight" or not before or not after or len(before) != len(after):
        return o.name == "bias"
    return all(it.ctx.compare(*pair) is YES for pair in zip(before[1:], after[1:]))


def _takes_other_input(it: Interpreter, o: Override) -> bool:
    """Whether a layer may run with its new weight, on an input of another width than it was made
    for (of an embedding it is the output): its rows are, for all that is known, those that it had,
    and that its bias has."""
    bias, groups = o.layer.attrs.get("bias"), o.layer.attrs.get("groups", 1)
    if o.name != "weight" or o.layer.spec.short not in (*_ROWS, "Embedding") or groups != 1:
        return False
    before, after = it.ctx.dims(o.old), it.ctx.dims(o.new)
    if not before or not after or len(before) != len(after):
        return False
    own = (it.ctx.dims(bias) or ()) if isinstance(bias, Tensor) else ()
    if own and it.ctx.compare(own[0], after[0]) is YES:
        return not _is_turned(it, before, after)  # cut in both, and its bias with it
    rows = [before[0], *own]
    return not _is_turned(it, before, after) and all(it.ctx.compare(one, after[0]) is not NO for one in rows)


def _wait_for_a_call(it: Interpreter, o: Override) -> None:
    """Judge a new weight, and keep what is against it until the layer gets an input of the old width."""
    start = len(it.ctx.obligations)
    against = []
    try:
        _against_old(it, o)
    except Refuted:
        against = it.ctx.obligations[start:]
        del it.ctx.obligations[start:]
    it.ctx.write(o.layer.attrs, OTHER_INPUT, against)


def blame_override(it: Interpreter, layer: Layer, start: int) -> None:
    """What refutes a call of a layer since ``start`` is the fault of the weight that it was given."""
    against = layer.attrs.get(OTHER_INPUT)
    if against and any(o.verdict is Verdict.REFUTED for o in it.ctx.obligations[start:]):
        it.ctx.obligations[start:] = against


def _last_ones(overrides: list[Override]) -> list[Override]:
    """What is replaced twice counts once: the last new one against the first old one."""
    last: dict[tuple[int, str], Override] = {}
    for one in overrides:
        before = last.pop((id(one.layer), one.name), None)
        last[id(one.layer), one.name] = one if before is None else replace(one, old=before.old)
    return list(last.values())


def _shown(dims: tuple[Size, ...]) -> str:
    return f"[{', '.join(map(str, dims))}]"


def _changes_rank(it: Interpreter, o: Override) -> bool:
    before, after = it.ctx.rank(o.old), it.ctx.rank(o.new)
    return before is not None and after is not None and before != after


def _against_old(it: Interpreter, o: Override) -> None:
    before, after = it.ctx.dims(o.old), it.ctx.dims(o.new)
    if before is None or after is None:
        return
    rule = "tied-weight-shape" if o.tied else "weight-override-shape"
    text = f"{{name}} has shape {_shown(before)}{{built}} but gets {_shown(after)}"
    if len(before) != len(after):
        it.ctx.refute(rule, text, tensor=o.new)
    answers = [it.ctx.compare(a, b) for a, b in zip(before, after)]
    if NO in answers:
        i = answers.index(NO)
        turned = _is_turned(it, before, after)
        it.ctx.refute(
            rule, f"{text}: it is transposed" if turned else text, before[i], after[i], o.new
        )
    if YES not in answers and _is_turned(it, before, after):
        # Two sizes of their own, exchanged: right only where both happen to be equal.
        it.ctx.refute(rule, f"{text}: it is transposed", before[0], after[0], o.new)
    if before and all(a is YES for a in answers):
        it.ctx.need(rule, before[0], after[0], text, tensor=o.new)


def _is_turned(it: Interpreter, before: tuple[Size, ...], after: tuple[Size, ...]) -> bool:
    """Whether the two sizes of a weight are exchanged."""
    if len(before) != 2 or len(after) != 2 or it.ctx.compare(*before) is YES:
        return False
    return all(it.ctx.compare(*pair) is YES for pair in zip(before, after[::-1]))


def _against_bias(it: Interpreter, o: Override) -> None:
    """A layer given other sizes on purpose: its weight and bias must still agree."""
    bias = o.layer.attrs.get("bias")
    if o.layer.spec.short not in _ROWS or not isinstance(bias, Tensor):
        return
    rows, count = it.ctx.dims(o.new), it.ctx.dims(bias)
    if rows and count and it.ctx.compare(rows[0], count[0]) is NO:
        text = "{name} has {expected} rows now but the layer's bias{built} still has {got} elements"
        it.ctx.refute("weight-override-shape", text, rows[0], count[0], o.new)


def set_data(it: Interpreter, owner: Tensor, value: Value) -> None:
    """``p.data = tensor``: accepted silently by torch, whatever the shape."""
    if not isinstance(value, Tensor):
        it.ctx.refine(owner.shape, (), True)
        return
    before, after = it.ctx.dims(owner), it.ctx.dims(value)
    if owner.param is not None and before is not None and after is not None:
        it.ctx.callee, it.ctx.built = owner.param, owner.origin
        text = f"{{name}} has shape {_shown(before)}{{built}} but its .data gets {_shown(after)}"
        try:
            if len(before) != len(after):
                it.ctx.refute("data-new-shape", text, tensor=value)
            for a, b in zip(before, after):
                if it.ctx.compare(a, b) is NO:
                    it.ctx.refute("data-new-shape", text, a, b, value)
        except Refuted:
            it.ctx.refine(owner.shape, (), True)  # one cause, one finding
            return
    it.ctx.refine(owner.shape, value.shape.dims, value.shape.lead)
