"""The sizes of a tensor as the source spells them: creation, wrapping, simple transforms.

A size is an int, the text of an expression ("n_heads"), or None where it is not known. Two
different texts may be the same number; only ints contradict each other, and ranks do.
"""

from __future__ import annotations

import ast
from math import prod
from typing import TYPE_CHECKING

from lint_params.facts.members import argument
from lint_params.facts.torch_names import CREATORS, IN_PLACE_METHODS
from lint_params.facts.value.creation import Creation
from lint_params.facts.value.kinds import Kind
from lint_params.facts.value.numbers import is_whole
from lint_params.trees import is_none

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts

Size = int | str | None
Sizes = tuple[Size, ...]

_SAME = frozenset(
    """
        clone contiguous detach to cuda cpu float double half bfloat16 long int type type_as abs
        neg requires_grad_ clamp clamp_min clamp_max exp log sqrt sign sigmoid tanh relu round
        share_memory_ pin_memory data
    """.split()
)
#: Methods that take one axis away, and only that.
_REDUCES = frozenset("sum mean prod amax amin logsumexp".split())
_MAX_DEPTH = 10


def sizes_of(facts: FileFacts, expr: ast.expr, depth: int = 0) -> Sizes | None:
    """The sizes of a tensor expression; None where even its rank is not known."""
    if depth > _MAX_DEPTH:
        return None
    if isinstance(expr, ast.Name):
        values = facts.reach(expr)
        if values is None:
            kind = facts.kind_of(expr)
            return _of_kind(facts, kind, depth) if kind.is_parameter else None
        found = [sizes_of(facts, value, depth + 1) for value in values if value is not expr]
        first = found[0] if found else None
        return first if first is not None and all(one == first for one in found) else None
    if isinstance(expr, ast.NamedExpr):
        return sizes_of(facts, expr.value, depth + 1)
    if isinstance(expr, ast.Attribute):
        if expr.attr == "data":
            return sizes_of(facts, expr.value, depth + 1)
        if expr.attr in ("T", "mT"):
            below = sizes_of(facts, expr.value, depth + 1)
            return below[::-1] if below is not None and len(below) <= 2 else None
        local = facts.dotted_definitions(expr)
        if len(local) == 1 and local[0].how == "assign" and not local[0].path:
            value = local[0].value
            if value is not None and value is not expr:
                return sizes_of(facts, value, depth + 1)
        declared = _of_kind(facts, facts.kind_of(expr).with_data, depth)
        same = declared is None or _on_every_way(facts, expr, len(declared), depth)
        return declared if same else None
    if isinstance(expr, ast.Call):
        return _call(facts, expr, depth)
    if isinstance(expr, ast.UnaryOp):
        return sizes_of(facts, expr.operand, depth + 1)
    if isinstance(expr, ast.BinOp) and not isinstance(expr.op, ast.MatMult):
        left, right = facts.kind_of(expr.left), facts.kind_of(expr.right)
        if right.what == "number" or _is_number(expr.right):
            return sizes_of(facts, expr.left, depth + 1)
        if left.what == "number" or _is_number(expr.left):
            return sizes_of(facts, expr.right, depth + 1)
        one, other = sizes_of(facts, expr.left, depth + 1), sizes_of(facts, expr.right, depth + 1)
        return one if one is not None and one == other else None
    if isinstance(expr, ast.Subscript):
        return _item(facts, expr, depth)
    return None


def count(sizes: Sizes | None) -> int | None:
    """How many elements, if every size is a number."""
    if sizes is None or not all(isinstance(size, int) and size >= 0 for size in sizes):
        return None
    return prod(size for size in sizes if isinstance(size, int))


def differ(one: Sizes | None, other: Sizes | None) -> bool:
    """Whether two shapes surely differ: another rank, or two numbers in one place."""
    if one is None or other is None:
        return False
    if len(one) != len(other):
        return True
    return any(isinstance(a, int) and isinstance(b, int) and a != b for a, b in zip(one, other))


def shown(sizes: Sizes) -> str:
    """For messages: ``(out, 5)``."""
    inner = ", ".join("?" if size is None else str(size) for size in sizes)
    return f"({inner},)" if len(sizes) == 1 else f"({inner})"


def size(facts: FileFacts, expr: ast.expr) -> Size:
    """One size expression: a number where it is one, else its text."""
    value = _number(facts, expr, 0)
    return value if value is not None else ast.unparse(expr)


def _number(facts: FileFacts, expr: ast.expr, depth: int) -> int | None:
    if depth > 6:
        return None
    if isinstance(expr, ast.Constant):
        return expr.value if type(expr.value) is int else None
    if isinstance(expr, ast.UnaryOp) and isinstance(expr.op, ast.USub):
        inner = _number(facts, expr.operand, depth + 1)
        return None if inner is None else -inner
    if isinstance(expr, ast.Name):
        values = facts.reach(expr)
        if values is not None and len(values) == 1 and values[0] is not expr:
            return _number(facts, values[0], depth + 1)
        return None
    if isinstance(expr, ast.BinOp):
        left, right = _number(facts, expr.left, depth + 1), _number(facts, expr.right, depth + 1)
        if left is None or right is None:
            return None
        if isinstance(expr.op, ast.Mult):
            return left * right
        if isinstance(expr.op, ast.Add):
            return left + right
        if isinstance(expr.op, ast.Sub):
            return left - right
        if isinstance(expr.op, ast.FloorDiv) and right:
            return left // right
    return None


def _is_number(expr: ast.expr) -> bool:
    return isinstance(expr, ast.Constant) and isinstance(expr.value, (int, float))


def _of_kind(facts: FileFacts, kind: Kind, depth: int) -> Sizes | None:
    if kind.what not in ("parameter", "buffer"):
        return None
    home = kind.facts or facts
    if isinstance(kind.node, ast.Call) and kind.torch == "torch.nn.Parameter":
        data = argument(kind.node, 0, "data")
        return sizes_of(home, data, depth + 1) if data is not None else (0,)
    if kind.owner is not None and kind.owner.layer and kind.member != "*":
        owner = kind.owner
        call = owner.node if isinstance(owner.node, ast.Call) else None
        return _layer(owner.facts or facts, owner.layer, kind.member, call)
    if isinstance(kind.node, ast.expr) and kind.what == "buffer":
        return sizes_of(home, kind.node, depth + 1)
    return None


def _on_every_way(facts: FileFacts, expr: ast.Attribute, rank: int, depth: int) -> bool:
    """Whether no other branch of the class gives ``self.w`` a Parameter with more or fewer dimensions."""
    name, cls = facts.self_attribute(expr), facts.class_around(expr)
    made = cls.assignments(name) if name is not None and cls is not None else []
    kinds = [one.kind for one in made if one.kind.is_parameter and isinstance(one.kind.node, ast.Call)]
    shapes = [_of_kind(facts, kind, depth + 1) for kind in kinds] if len(kinds) > 1 else []
    return all(sizes is None or len(sizes) == rank for sizes in shapes)


def _layer(facts: FileFacts, layer: str, member: str, call: ast.Call | None) -> Sizes | None:
    def given(place: int, name: str) -> Size:
        value = argument(call, place, name) if call is not None else None
        return size(facts, value) if value is not None else None

    if layer == "Linear":
        return (given(1, "out_features"), given(0, "in_features"))[: 1 + (member == "weight")]
    if layer == "Embedding" and member == "weight":
        return (given(0, "num_embeddings"), given(1, "embedding_dim"))
    if layer in ("Conv1d", "Conv2d", "Conv3d"):
        if member == "bias":
            return (given(1, "out_channels"),)
        groups = argument(call, 6, "groups") if call is not None else None
        inputs = given(0, "in_channels") if groups is None else None
        return (given(1, "out_channels"), inputs, *_kernel(facts, call, int(layer[4])))
    if layer.startswith("ConvTranspose"):
        return (None,) if member == "bias" else (None, None, *[None] * int(layer[13]))
    if layer.startswith(("BatchNorm", "InstanceNorm", "SyncBatchNorm")):
        return (given(0, "num_features"),)
    if layer == "GroupNorm":
        return (given(1, "num_channels"),)
    if layer in ("LayerNorm", "RMSNorm"):
        shape = argument(call, 0, "normalized_shape") if call is not None else None
        if shape is not None and is_whole(facts, shape):
            return (size(facts, shape),)
        if isinstance(shape, (ast.Tuple, ast.List)):
            return tuple(size(facts, part) for part in shape.elts)
        return None
    if layer == "PReLU":
        return (given(0, "num_parameters") if call is not None and call.args else None,)
    if layer in ("LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell"):
        return (None, None) if member.startswith("weight") else (None,)
    if layer == "Bilinear":
        return (None,) if member == "bias" else (None, None, None)
    return None


def _kernel(facts: FileFacts, call: ast.Call | None, rank: int) -> Sizes:
    """The sizes of a convolution's kernel, written as one number or as one for each axis."""
    value = argument(call, 2, "kernel_size") if call is not None else None
    number = _number(facts, value, 0) if value is not None else None
    if number is not None:
        return (number,) * rank
    if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == rank:
        return tuple(_number(facts, part, 0) for part in value.elts)
    return (None,) * rank


def _call(facts: FileFacts, call: ast.Call, depth: int) -> Sizes | None:
    made = facts.creation(call)
    if made is not None and made.node is call:
        parts = created_parts(facts, made)
        if parts is not None:
            return tuple(size(facts, part) for part in parts)
        return sizes_of(facts, made.like, depth + 1) if made.like is not None else None
    name = facts.qualify(call.func)
    if name == "torch.nn.Parameter":
        data = argument(call, 0, "data")
        return sizes_of(facts, data, depth + 1) if data is not None else (0,)
    if name is not None:
        home, _, method = name.rpartition(".")
        if home == "torch" and call.args:
            return transformed_sizes(facts, method, call.args[0], call.args[1:], call, depth)
        return None
    if isinstance(call.func, ast.Attribute):
        method = call.func.attr
        return transformed_sizes(facts, method, call.func.value, call.args, call, depth)
    return None


def created_parts(facts: FileFacts, made: Creation) -> tuple[ast.expr, ...] | None:
    """The size expressions of a creation; one argument counts where it surely is a number."""
    if made.shape is not None or made.data is not None or made.like is not None:
        return made.shape
    only = made.node.args[0] if len(made.node.args) == 1 else None
    if only is not None and CREATORS.get(made.function) == "size" and is_whole(facts, only):
        return (only,)
    return None


def transformed_sizes(
    facts: FileFacts,
    method: str,
    owner: ast.expr,
    args: list[ast.expr],
    call: ast.Call,
    depth: int,
) -> Sizes | None:
    """The sizes after a tensor method (or the torch function of that name)."""
    if method in ("cat", "concat", "stack"):
        return _joined(facts, method, owner, args, call, depth)
    before = sizes_of(facts, owner, depth + 1)
    if method in _SAME or method in IN_PLACE_METHODS:
        return before
    if method == "t" and not args:
        return before[::-1] if before is not None and len(before) <= 2 else None
    if method in ("view", "reshape", "expand", "broadcast_to"):
        return _given(facts, args, call, before)
    if before is None:
        return (None,) if method in ("flatten", "ravel") and not args and not call.keywords else None
    numbers = [_number(facts, arg, 0) for arg in args]
    if method in ("flatten", "ravel") and not args and not call.keywords:
        total = count(before)
        return (total,)
    if method == "unsqueeze" and len(numbers) == 1 and numbers[0] is not None:
        place = numbers[0] + (len(before) + 1 if numbers[0] < 0 else 0)
        return (*before[:place], 1, *before[place:])
    if method == "squeeze":
        if not args and all(isinstance(one, int) for one in before):
            return tuple(one for one in before if one != 1)
        if len(numbers) == 1 and numbers[0] is not None and -len(before) <= numbers[0] < len(before):
            place = numbers[0] % len(before)
            if before[place] == 1:
                return (*before[:place], *before[place + 1 :])
            return before if isinstance(before[place], int) else None
        return None
    if method in ("transpose", "swapaxes", "swapdims") and len(numbers) == 2:
        first, second = numbers
        if first is None or second is None or max(abs(first), abs(second)) > len(before):
            return None
        swapped = list(before)
        swapped[first], swapped[second] = swapped[second], swapped[first]
        return tuple(swapped)
    if method in _REDUCES:
        return _reduced(facts, before, args, call)
    if method == "repeat" and len(numbers) >= len(before) and not call.keywords:
        padded = (*[1] * (len(numbers) - len(before)), *before)
        pairs = zip(padded, numbers)
        return tuple(one * times if isinstance(one, int) and times is not None else None for one, times in pairs)
    if method == "permute":
        order = numbers
        if len(args) == 1 and isinstance(args[0], (ast.Tuple, ast.List)):
            order = [_number(facts, arg, 0) for arg in args[0].elts]
        if len(order) != len(before) or any(one is None for one in order):
            return None
        return tuple(before[place] for place in order if place is not None)
    return None


def _reduced(facts: FileFacts, before: Sizes, args: list[ast.expr], call: ast.Call) -> Sizes | None:
    """The sizes after ``sum(1)``, ``mean(dim=0, keepdim=True)``."""
    dim = args[0] if args else argument(call, 9, "dim", "axis")
    kept = args[1] if len(args) > 1 else argument(call, 9, "keepdim", "keepdims")
    place = _number(facts, dim, 0) if dim is not None else None
    if place is None or not -len(before) <= place < len(before) or any(one.arg is None for one in call.keywords):
        return None
    if kept is not None and not isinstance(kept, ast.Constant):
        return None
    place %= len(before)
    stays: Sizes = (1,) if kept is not None and kept.value else ()
    return (*before[:place], *stays, *before[place + 1 :])


def _given(
    facts: FileFacts, args: list[ast.expr], call: ast.Call, before: Sizes | None
) -> Sizes | None:
    """The sizes written as arguments of view, reshape or expand; -1 where it can be told."""
    parts = args
    if len(args) == 1 and isinstance(args[0], (ast.Tuple, ast.List)):
        parts = args[0].elts
    elif (
        len(args) == 1 and not isinstance(args[0], ast.Constant)
        and facts.kind_of(args[0]).what != "number" and _number(facts, args[0], 0) is None
    ):
        return None  # a torch.Size or a dtype
    if not parts or call.keywords or any(isinstance(part, ast.Starred) for part in parts):
        return None
    sizes = [size(facts, part) for part in parts]
    total = count(before)
    for place, one in enumerate(sizes):
        if one == -1:
            rest = count(tuple(sizes[:place] + sizes[place + 1 :]))
            sizes[place] = total // rest if total and rest and total % rest == 0 else None
    return tuple(sizes)


def _joined(
    facts: FileFacts,
    method: str,
    owner: ast.expr,
    args: list[ast.expr],
    call: ast.Call,
    depth: int,
) -> Sizes | None:
    """cat and stack: the rank, and the sizes that stay."""
    if not isinstance(owner, (ast.List, ast.Tuple)) or not owner.elts:
        return None
    first = sizes_of(facts, owner.elts[0], depth + 1)
    if first is None:
        return None
    place_given = args[0] if args else argument(call, 1, "dim", "axis")
    place = _number(facts, place_given, 0) if place_given is not None else 0
    if place is None:
        return tuple([None] * (len(first) + (method == "stack")))
    if method == "stack":
        place = place if place >= 0 else place + len(first) + 1
        return (*first[:place], len(owner.elts), *first[place:])
    if not -len(first) <= place < len(first):
        return None
    place %= len(first)
    others = [sizes_of(facts, part, depth + 1) for part in owner.elts]
    lengths = [one[place] if one is not None and len(one) == len(first) else None for one in others]
    total = sum(one for one in lengths if isinstance(one, int))
    known = all(isinstance(one, int) for one in lengths)
    return (*first[:place], total if known else None, *first[place + 1 :])


def _item(facts: FileFacts, expr: ast.Subscript, depth: int) -> Sizes | None:
    before = sizes_of(facts, expr.value, depth + 1)
    if before is None:
        return None
    parts = expr.slice.elts if isinstance(expr.slice, ast.Tuple) else [expr.slice]
    result: list[Size] = []
    place = 0
    for part in parts:
        if is_none(part):
            result.append(1)
        elif place >= len(before):
            return None
        elif isinstance(part, ast.Slice):
            whole = part.lower is None and part.upper is None and part.step is None
            result.append(before[place] if whole else _cut(facts, part, before[place]))
            place += 1
        elif isinstance(part, ast.Constant) and isinstance(part.value, int):
            place += 1
        else:
            return None
    return (*result, *before[place:])


def _cut(facts: FileFacts, part: ast.Slice, size: Size) -> int | None:
    """How many of ``size`` places are left by ``[:3]``, if numbers say it."""
    ends = (part.lower, part.upper, part.step)
    numbers = [_number(facts, end, 0) if end is not None else None for end in ends]
    if not isinstance(size, int) or any(end is not None and n is None for end, n in zip(ends, numbers)):
        return None
    return len(range(size)[slice(*numbers)]) if numbers[2] is None or numbers[2] > 0 else None
