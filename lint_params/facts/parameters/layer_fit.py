"""Whether a torch layer can still be called after the data of its weight were replaced."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.facts.parameters.data_writes import own_steps
from lint_params.facts.value.param_shapes import Size

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts
    from lint_params.facts.parameters.data_writes import DataWrite

_WITH_ROWS = ("Linear", "Conv1d", "Conv2d", "Conv3d")


def breaks_layer(facts: FileFacts, write: DataWrite) -> bool:
    """Whether a convolution's weight gets another number of axes for good: no convolution takes it,
    and the layer itself is called, where its weight is for nothing else."""
    owner, before, after = write.parameter.owner, write.before, write.after
    if owner is None or not owner.layer.startswith("Conv") or write.parameter.member != "weight":
        return False
    if before is None or after is None or len(before) == len(after) or not _is_written_once(facts, write):
        return False
    scope, line = facts.scope_of(write.node), write.node.end_lineno or write.node.lineno
    uses = list(_uses_of_layer(facts, owner.member)) if owner.member else []
    elsewhere = (one for one in uses if facts.scope_of(one) is not scope or one.lineno > line)
    return any(_is_called(facts, one) for one in uses) and not any(_weight_is_read(facts, one) for one in elsewhere)


def outgrows_bias(facts: FileFacts, write: DataWrite, *, grown: bool) -> str:
    """``self.out.bias`` where the weight gets another number of rows, and the bias surely keeps its
    own: their sum fails; else ""."""
    owner, before, after = write.parameter.owner, write.before, write.after
    target = write.write.target
    if owner is None or owner.layer not in _WITH_ROWS or not isinstance(target, ast.Attribute):
        return ""
    if write.parameter.member != "weight" or not isinstance(owner.node, ast.Call):
        return ""
    rows = _rows(before), _rows(after)
    other = isinstance(rows[0], int) and isinstance(rows[1], int) and 1 != rows[0] != rows[1]
    if not (other or grown and _grows_rows(facts, write.value)):
        return ""
    asked = facts.argument(owner.node, 2 if owner.layer == "Linear" else 7, "bias")
    if asked is not None or any(one.arg is None for one in owner.node.keywords) or not _is_written_once(facts, write):
        return ""
    return f"{ast.unparse(target.value)}.bias" if _keeps_bias(facts, owner.member, target) else ""


def _rows(sizes: tuple[Size, ...] | None) -> Size:
    return sizes[0] if sizes else None


def _grows_rows(facts: FileFacts, value: ast.expr) -> bool:
    """``torch.cat([p.data, more])`` along the first axis."""
    values = facts.reach(value) or []
    call = values[0] if len(values) == 1 else None
    joins = ("torch.cat", "torch.concat", "torch.vstack")
    if not isinstance(call, ast.Call) or facts.qualify(call.func) not in joins:
        return False
    dim = facts.argument(call, 1, "dim", "axis")
    return dim is None or isinstance(dim, ast.Constant) and dim.value == 0


def _is_written_once(facts: FileFacts, write: DataWrite) -> bool:
    """Whether nothing else in the function writes the Parameter, or puts another layer in its place."""
    target = ast.unparse(write.write.target)
    return not any(
        one.how == "bind" and isinstance(one.target, ast.Attribute) and target.startswith(ast.unparse(one.target))
        for one in facts.writes_in(facts.scope_of(write.node))
        if one.node is not write.node
    )


def _keeps_bias(facts: FileFacts, layer: str, target: ast.Attribute) -> bool:
    """Whether all that the file gives the bias of the layer is the bias's own data, and nobody is
    handed the layer."""
    for write in facts.writes:
        one = write.target
        if not isinstance(one, ast.Attribute) or one.attr != "bias" or write.through == "grad":
            continue
        if layer and isinstance(one.value, ast.Attribute) and one.value.attr != layer:
            continue  # that of another layer
        if write.how == "bind" and write.through == "data" and write.value is not None:
            if own_steps(facts, write.value, one) == []:
                continue
        if write.how != "init" and write.how != "method":
            return False
    names = (layer, getattr(target.value, "id", ""))
    for use in _uses_of_layer(facts, *(name for name in names if name)):
        parent = facts.parent(use)
        if isinstance(parent, (ast.Call, ast.keyword)) and getattr(parent, "func", None) is not use:
            return False
        if isinstance(parent, (ast.List, ast.Tuple, ast.Return)):
            return False
    return True


def _uses_of_layer(facts: FileFacts, *names: str) -> Iterator[ast.Attribute | ast.Name]:
    yield from (node for node in facts.nodes(ast.Attribute) if node.attr in names and isinstance(node.ctx, ast.Load))
    yield from (node for node in facts.nodes(ast.Name) if node.id in names and isinstance(node.ctx, ast.Load))


def _is_called(facts: FileFacts, use: ast.expr) -> bool:
    parent = facts.parent(use)
    return isinstance(parent, ast.Call) and parent.func is use


def _weight_is_read(facts: FileFacts, use: ast.expr) -> bool:
    parent = facts.parent(use)
    return isinstance(parent, ast.Attribute) and parent.attr == "weight"
