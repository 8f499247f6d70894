"""Whether a module surely has parameters of one dimension: biases, normalisation weights."""

from __future__ import annotations

import ast
from collections.abc import Iterator

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


def has_vectors(kind: Kind) -> bool:
    """Whether one of the parameters surely has one dimension."""
    return next(vector_names(kind), None) is not None


def vector_names(kind: Kind, depth: int = 0) -> Iterator[str]:
    """The names, as ``named_parameters`` gives them, of those that surely have one dimension."""
    if depth > 4 or not kind.is_module or kind.optional:
        return
    if kind.cls is not None:
        for one in kind.cls.mro:
            for members in one.members.values():
                for member in members:
                    if member.how in ("assign", "add_module") and not member.conditions and member.method == "__init__":
                        yield from (f"{member.name}.{name}" for name in vector_names(member.kind, depth + 1))
        return
    call = kind.node
    if not isinstance(call, ast.Call) or kind.facts is None:
        return
    if any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords):
        return
    if kind.layer == "Sequential":
        for place, arg in enumerate(call.args):
            yield from (f"{place}.{name}" for name in vector_names(kind.facts.kind_of(arg), depth + 1))
    else:
        yield from _of_layer(kind.layer, call)


def _of_layer(layer: str, call: ast.Call) -> tuple[str, ...]:
    size = argument(call, 0, "normalized_shape") if layer == "LayerNorm" else None
    if size is not None and _may_be_shape(size):
        return ()
    if layer in _NORMS:
        plain = not any(k.arg in ("affine", "elementwise_affine", "bias") for k in call.keywords) and len(call.args) < 3
        return ("weight", "bias") if plain else ()
    if layer not in _BIASED:
        return ()
    place = _BIASED[layer]
    if place < 0:
        biased = not any(k.arg == "bias" for k in call.keywords) and len(call.args) < 4
        return ("bias_ih_l0", "bias_hh_l0") if biased else ()
    given = argument(call, place, "bias")
    return ("bias",) if given is None or isinstance(given, ast.Constant) and given.value is True else ()
