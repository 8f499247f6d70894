"""Whether a module surely has parameters of one dimension: biases, normalisation weights."""

from __future__ import annotations

import ast

from lint_params.facts.members import argument
from lint_params.facts.value.kinds import Kind

_BIASED = {
    "Linear": 2, "Bilinear": 3, "Conv1d": 7, "Conv2d": 7, "Conv3d": 7,
    "LSTM": -1, "GRU": -1, "RNN": -1,
}  # fmt: skip
_NORMS = ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "LayerNorm", "GroupNorm")


def _may_be_shape(size: ast.expr) -> bool:
    """``(h, w)``: the weight has as many dimensions."""
    return isinstance(size, (ast.Tuple, ast.List, ast.Subscript)) or "shape" in ast.unparse(size)


def has_vectors(kind: Kind, depth: int = 0) -> bool:
    """Whether one of the parameters surely has one dimension."""
    if depth > 4 or not kind.is_module or kind.optional:
        return False
    if kind.cls is not None:
        return any(
            not member.conditions and member.method == "__init__" and has_vectors(member.kind, depth + 1)
            for one in kind.cls.mro
            for members in one.members.values()
            for member in members
            if member.how in ("assign", "add_module")
        )
    call = kind.node
    if not isinstance(call, ast.Call) or kind.facts is None:
        return False
    if any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords):
        return False
    if kind.layer == "Sequential":
        return any(has_vectors(kind.facts.kind_of(arg), depth + 1) for arg in call.args)
    size = argument(call, 0, "normalized_shape") if kind.layer == "LayerNorm" else None
    if size is not None and _may_be_shape(size):
        return False
    if kind.layer in _NORMS:
        return not any(k.arg in ("affine", "elementwise_affine") for k in call.keywords) and (
            len(call.args) < 3
        )
    if kind.layer in _BIASED:
        place = _BIASED[kind.layer]
        given = argument(call, place, "bias") if place >= 0 else None
        if place < 0:
            return not any(k.arg == "bias" for k in call.keywords) and len(call.args) < 4
        return given is None or (isinstance(given, ast.Constant) and given.value is True)
    return False
