"""Tensors whose elements share memory: expand, broadcast_to, einops' repeat."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lint_params.facts.value.call_sites import default_of
from lint_params.facts.value.param_shapes import Size, Sizes, count, size, sizes_of
from lint_params.trees import is_none

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts

#: Methods after which the memory is shared still.
_VIEWS = frozenset("""
    detach data requires_grad_ t transpose permute unsqueeze squeeze view
""".split())


def aliases(facts: FileFacts, expr: ast.expr, depth: int = 0) -> ast.expr | None:
    """The expression that makes several elements share memory, if ``expr`` surely does."""
    if depth > 8:
        return None
    if isinstance(expr, ast.Name):
        values = facts.reach(expr)
        if values is None or len(values) != 1 or values[0] is expr:
            return None
        return aliases(facts, values[0], depth + 1)
    if isinstance(expr, ast.Attribute) and expr.attr in ("data", "T", "mT"):
        return aliases(facts, expr.value, depth + 1)
    if not isinstance(expr, ast.Call):
        return None
    name = facts.qualify(expr.func)
    if name is not None:
        if name == "torch.broadcast_to" and len(expr.args) == 2:
            sizes = _sizes(facts, [expr.args[1]])
            return expr if _shares(facts, expr.args[0], sizes) or _widens_new_axis(facts, expr.args[0], sizes) else None
        if name == "einops.repeat" and len(expr.args) == 2:
            return expr if _repeats(expr.args[1], expr) else None
        if name.startswith(("torch.", "einops.")):
            return None
    if not isinstance(expr.func, ast.Attribute):
        return None
    method, owner = expr.func.attr, expr.func.value
    if method in ("expand", "broadcast_to"):
        sizes = _sizes(facts, expr.args)
        if sizes is None and len(expr.args) == 1 and count(sizes_of(facts, owner)) == 1:
            return expr  # a number or a whole shape: either is more than one element
        return expr if _shares(facts, owner, sizes) or _widens_new_axis(facts, owner, sizes) else None
    if method == "expand_as" and len(expr.args) == 1:
        before, after = sizes_of(facts, owner), sizes_of(facts, expr.args[0])
        if count(before) == 1 and (after is None or any(one != 1 for one in after)):
            return expr if facts.kind_of(owner).known else None
        if before is not None and after is not None and _more(before, list(after)):
            return expr
        return None
    return aliases(facts, owner, depth + 1) if method in _VIEWS else None


def _sizes(facts: FileFacts, args: list[ast.expr]) -> list[Size] | None:
    parts = args
    if len(args) == 1:
        only = args[0]
        if isinstance(only, (ast.Tuple, ast.List)):
            parts = only.elts
        elif (
            facts.kind_of(only).what != "number" and not isinstance(only, ast.Constant)
            and not _is_size(facts, only)
        ):
            return None
    if not parts or any(isinstance(part, ast.Starred) for part in parts):
        return None
    return [None if _is_one_by_default(facts, part) else size(facts, part) for part in parts]


def _is_one_by_default(facts: FileFacts, part: ast.expr) -> bool:
    default = default_of(facts, part) if isinstance(part, ast.Name) else []
    return any(isinstance(one, ast.Constant) and one.value == 1 for one in default)


def _is_size(facts: FileFacts, expr: ast.expr) -> bool:
    """Whether one argument is a number and no torch.Size: ``x.shape[-1]``, ``x.size(0)``."""
    if isinstance(expr, ast.Subscript):
        inner = expr.value
        return isinstance(inner, ast.Attribute) and inner.attr == "shape"
    return isinstance(expr, ast.BinOp) or bool(input_number(facts, expr))


def input_number(facts: FileFacts, expr: ast.expr) -> bool:
    from lint_params.facts.value.inputs import input_size

    return input_size(facts, expr) is not None


def _shares(facts: FileFacts, owner: ast.expr, sizes: list[Size] | None) -> bool:
    before = sizes_of(facts, owner)
    return before is not None and sizes is not None and _more(before, sizes)


def _widens_new_axis(facts: FileFacts, owner: ast.expr, sizes: list[Size] | None) -> bool:
    """``row.unsqueeze(0).expand(n, -1)``, ``row[None].expand(n, -1)``, ``v[:, None].expand(-1, n)``:
    whatever the other axes are, the new one, of size 1, becomes n."""
    values = facts.reach(owner)
    if sizes is None or values is None or len(values) != 1:
        return False
    owner, axes = values[0], list[int]()
    if isinstance(owner, ast.Call) and isinstance(owner.func, ast.Attribute) and owner.func.attr == "unsqueeze":
        try:
            axis = ast.literal_eval(owner.args[0]) if owner.args else None
        except ValueError:
            return False
        axes = [axis] if axis in (0, -1, len(sizes) - 1) else []
    elif isinstance(owner, ast.Subscript):
        axes = _new_axes(owner.slice, len(sizes))
    return any(sizes[axis] not in (1, -1, 0, None) for axis in axes)


def _new_axes(index: ast.expr, rank: int) -> list[int]:
    """Where ``[:, None]`` adds axes to what then has at most so many: with an axis for each part it
    has just those."""
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    new = [is_none(part) for part in parts]
    if len(parts) == rank and all(one or isinstance(part, ast.Slice) for one, part in zip(new, parts)):
        return [place for place, one in enumerate(new) if one]
    if new[0]:
        return [0]
    return [-1] if new[-1] and isinstance(parts[0], ast.Constant) and parts[0].value is ... else []


def _more(before: Sizes, sizes: list[Size]) -> bool:
    """Whether a dimension of size 1, or a new leading one, becomes more than one."""
    if count(before) == 0:
        return False
    leading = len(sizes) - len(before)
    for place, wished in enumerate(sizes):
        if wished in (1, -1, 0, None):
            continue
        if place < leading or before[place - leading] == 1:
            return True
    return False


def _repeats(pattern: ast.expr, call: ast.Call) -> bool:
    """Whether a pattern of einops.repeat adds an axis of its own that stays one: an expand."""
    if not isinstance(pattern, ast.Constant) or not isinstance(pattern.value, str):
        return False
    left, arrow, right = pattern.value.partition("->")
    if not arrow or "(" in right or "..." in pattern.value:
        return False
    new = [axis for axis in right.split() if axis not in left.replace("(", " ").replace(")", " ").split()]
    lengths = {keyword.arg: keyword.value for keyword in call.keywords}
    for axis in new:
        length = lengths.get(axis)
        if axis.isdigit():
            if int(axis) > 1:
                return True
        elif length is not None and not (isinstance(length, ast.Constant) and length.value == 1):
            return True
    return False
