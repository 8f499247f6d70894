"""Assignments to what a layer or parameter already is: ``layer.weight = ...``, ``p.data = ...``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lint_params.shape.check import Refuted
from lint_params.shape.dim import NO, YES, Size
from lint_params.shape.value import Instance, Layer, Shape, Tensor, Value

if TYPE_CHECKING:
    from lint_params.shape.interpreter import Interpreter


def check_override(it: Interpreter, owner: Instance | Layer, name: str, value: Value) -> bool:
    """Check a new weight against the layer's own; False where it is refuted (the old one stays)."""
    if not isinstance(owner, Layer) or not isinstance(value, Tensor):
        return True
    old = owner.attrs.get(name)
    if not isinstance(old, Tensor) or old.param is None:
        return True
    before, after = it.ctx.dims(old), it.ctx.dims(value)
    if before is None or after is None:
        return True
    it.ctx.callee, it.ctx.built = f"{owner.spec.short}.{name}", owner.origin
    tied = value.param is not None and value.param != "parameter"
    rule = "tied-weight-shape" if tied else "weight-override-shape"
    try:
        return _same_sizes(it, rule, before, after, value)
    except Refuted:
        return False


def _same_sizes(
    it: Interpreter, rule: str, before: tuple[Size, ...], after: tuple[Size, ...], value: Tensor
) -> bool:
    shown = f"[{', '.join(map(str, before))}]", f"[{', '.join(map(str, after))}]"
    text = f"{{name}} has shape {shown[0]}{{built}} but gets {shown[1]}"
    if len(before) != len(after):
        it.ctx.refute(rule, text, tensor=value)
    answers = [it.ctx.compare(a, b) for a, b in zip(before, after)]
    if NO in answers:
        i = answers.index(NO)
        it.ctx.refute(rule, text, before[i], after[i], value)
    if len(before) == 2 and YES not in answers and it.ctx.compare(before[0], before[1]) is not YES:
        crossed = it.ctx.compare(before[0], after[1]), it.ctx.compare(before[1], after[0])
        if crossed == (YES, YES):
            it.ctx.refute(rule, f"{text}: it is transposed", before[0], after[0], value)
    if all(a is YES for a in answers):
        it.ctx.need(rule, before[0] if before else 1, after[0] if after else 1, text, tensor=value)
    return True


def set_data(it: Interpreter, owner: Tensor, value: Value) -> None:
    """``p.data = tensor``: accepted silently by torch, whatever the shape."""
    if not isinstance(value, Tensor):
        it.ctx.refine(owner.shape, (), True)
        return
    before, after = it.ctx.dims(owner), it.ctx.dims(value)
    if owner.param is not None and before is not None and after is not None:
        shown = f"[{', '.join(map(str, before))}]", f"[{', '.join(map(str, after))}]"
        it.ctx.callee, it.ctx.built = owner.param, owner.origin
        text = f"{{name}} has shape {shown[0]}{{built}} but its .data gets {shown[1]}"
        try:
            if len(before) != len(after):
                it.ctx.refute("data-new-shape", text, tensor=value)
            for a, b in zip(before, after):
                if it.ctx.compare(a, b) is NO:
                    it.ctx.refute("data-new-shape", text, a, b, value)
        except Refuted:
            return
    it.ctx.refine(owner.shape, value.shape.dims, value.shape.lead)


__all__ = ["Shape", "check_override", "set_data"]
