"""Which mistake a ``p.data = v`` is: one word for each, so that one rule reports it.

"integer" of a type that takes no gradients; "reshape" its own data under another shape;
"expand" with shared memory; "empty" a Parameter of shape (0,) is filled (the empty one is the
mistake); "placeholder" a one-element Parameter gets its real shape; "batch" the shape is the
input's batch or length; "resize" another shape; "tie" another Parameter's own data; "replace"
fresh values or the input's while the model runs; "" none of these, or not known.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lint_params.facts.training.frozen import is_frozen, switches_off_in
from lint_params.facts.value.aliasing import aliases
from lint_params.facts.value.inputs import InputSize, from_arguments, input_sizes
from lint_params.facts.value.kinds import Kind
from lint_params.facts.value.param_shapes import count, created_parts, differ
from lint_params.names import dotted

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts
    from lint_params.facts.parameters.data_writes import DataWrite


def judge(facts: FileFacts, write: DataWrite) -> str:
    """The word for one write."""
    if facts.tensor_type(write.value) == "int" and _trains_here(facts, write):
        return "integer"
    if write.reshapes:
        return "reshape"
    if aliases(facts, write.value) is not None:
        return "expand"
    if write.expands:
        return ""
    if write.before is not None and 0 in write.before:
        return "empty"
    given = sizes_from_input(facts, write.value) if write.phase == "forward" else []
    if (
        count(write.before) == 1 and not write.itself
        and (differ(write.before, write.after) or given)
    ):
        return "placeholder"
    if any(one.is_batch or one.is_sequence for one in given):
        return "batch"
    if differ(write.before, write.after) or masked(facts, write) or grown(facts, write) or given:
        return "resize"
    if tied(facts, write):
        return "tie"
    if write.phase == "forward" and not write.itself:
        made = facts.creation(write.value)
        if made is not None or from_arguments(facts, write.value):
            return "replace"
    return ""


def _trains_here(facts: FileFacts, write: DataWrite) -> bool:
    """Whether the Parameter's model is made in sight, and nothing in sight freezes it."""
    kind: Kind | None = write.parameter
    while kind is not None and kind.what == "parameter" and kind.owner is not None:
        kind = kind.owner
    if kind is None or (kind.node or kind.cls) is None or kind.annotated or is_frozen(write.parameter):
        return False
    names = [write.name.rpartition(".")[2]]
    return not any(switches_off_in(facts, scope, names) for scope in facts.scopes)


def sizes_from_input(facts: FileFacts, value: ast.expr) -> list[InputSize]:
    """Where the new tensor is created here: the sizes it takes from the method's arguments."""
    made = facts.creation(value)
    parts = created_parts(facts, made) if made is not None else None
    return [one for part in parts or () for one in input_sizes(facts, part)]


def masked(facts: FileFacts, write: DataWrite) -> bool:
    """``p.data = p.data[mask]`` with a comparison as mask: the result has one dimension."""
    value = write.value
    if not isinstance(value, ast.Subscript) or not write.itself:
        return False
    layer = write.parameter.owner.layer if write.parameter.owner is not None else ""
    rank = len(write.before) if write.before is not None else 0
    if rank < 2 and not (layer and write.parameter.member == "weight" and not _vector(layer)):
        return False
    return is_mask(facts, value.slice, 0)


def _vector(layer: str) -> bool:
    return "Norm" in layer or layer == "PReLU"


def is_mask(facts: FileFacts, expr: ast.expr, depth: int) -> bool:
    """Whether an index is a comparison of a whole tensor."""
    if depth > 6:
        return False
    if isinstance(expr, ast.Name):
        values = facts.reach(expr)
        return bool(values) and all(
            value is not expr and is_mask(facts, value, depth + 1) for value in values or ()
        )
    if isinstance(expr, ast.Compare):
        return _whole(facts, expr.left, depth)
    if isinstance(expr, ast.BinOp) and isinstance(expr.op, (ast.BitAnd, ast.BitOr)):
        return is_mask(facts, expr.left, depth + 1) and is_mask(facts, expr.right, depth + 1)
    if isinstance(expr, ast.UnaryOp) and isinstance(expr.op, ast.Invert):
        return is_mask(facts, expr.operand, depth + 1)
    if isinstance(expr, ast.Call) and isinstance(expr.func, ast.Attribute):
        method = expr.func.attr
        if method in ("gt", "lt", "ge", "le", "ne", "eq") and expr.args:
            return _whole(facts, expr.func.value, depth)
        if method == "bool" and not expr.args:
            return is_mask(facts, expr.func.value, depth + 1)
    return False


def _whole(facts: FileFacts, expr: ast.expr, depth: int) -> bool:
    """Whether a tensor has all dimensions of a Parameter: ``p.data.abs()``."""
    if depth > 8:
        return False
    if facts.kind_of(expr).is_parameter:
        return True
    if isinstance(expr, ast.Name):
        values = facts.reach(expr)
        return bool(values) and all(
            value is not expr and _whole(facts, value, depth + 1) for value in values or ()
        )
    if isinstance(expr, ast.Attribute) and expr.attr == "data":
        return _whole(facts, expr.value, depth + 1)
    if isinstance(expr, ast.Call):
        name = facts.qualify(expr.func)
        if name == "torch.abs" and len(expr.args) == 1:
            return _whole(facts, expr.args[0], depth + 1)
        if (
            isinstance(expr.func, ast.Attribute) and name is None
            and expr.func.attr in ("abs", "detach", "clone", "float", "cpu", "square", "pow")
        ):
            return _whole(facts, expr.func.value, depth + 1)
    return False


def grown(facts: FileFacts, write: DataWrite) -> bool:
    """``p.data = torch.cat([p.data, more])``."""
    for value in facts.reach(write.value) or [write.value]:
        name = facts.qualify(value.func) if isinstance(value, ast.Call) else None
        if name not in ("torch.cat", "torch.concat", "torch.vstack", "torch.hstack", "torch.stack"):
            return False
        assert isinstance(value, ast.Call)
        parts = facts.argument(value, 0, "tensors")
        if not isinstance(parts, (ast.List, ast.Tuple)) or len(parts.elts) < 2:
            return False
        from lint_params.facts.parameters.data_writes import own_steps

        if not any(own_steps(facts, part, write.write.target) == [] for part in parts.elts):
            return False
    return True


def tied(facts: FileFacts, write: DataWrite) -> bool:
    """``a.weight.data = b.weight.data``, or its ``.t()``: two Parameters over one tensor, spelled
    out."""
    value = tied_to(write.value)
    if not isinstance(value, ast.Attribute) or not isinstance(write.write.target, ast.Attribute):
        return False
    if dotted(value) is None or dotted(value) == write.name:
        return False
    return facts.kind_of(value).is_parameter


def tied_to(value: ast.expr) -> ast.expr:
    """``b.weight`` of ``b.weight.data``, ``b.weight.data.t()`` and the like: what shares its memory."""
    while True:
        if isinstance(value, ast.Attribute) and value.attr in ("data", "T", "mT"):
            value = value.value
        elif (
            isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute)
            and value.func.attr in ("t", "transpose", "permute", "detach")
        ):
            value = value.func.value
        else:
            return value
