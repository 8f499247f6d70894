"""Comparisons: equal, less, in, is; True, False, or not decided."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lint_params.shape.ops.arguments import dtype_of
from lint_params.shape.sizes import dim
from lint_params.shape.sizes.dim import NO, YES, Poly, Symbol
from lint_params.shape.sizes.sized import may_hold_size
from lint_params.shape.value import (
    PERHAPS,
    SHAPES,
    Choice,
    ClassRef,
    Config,
    Dict,
    DtypeOf,
    External,
    Flag,
    Function,
    Instance,
    Layer,
    Seq,
    ShapeOf,
    Tensor,
    Unknown,
    Value,
    is_size,
)

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter
from lint_params.shape.evaluate.arithmetic import on_tensors


def compare(it: Interpreter, op: type, a: Value, b: Value) -> Value:
    """``a op b`` as True, False, a tensor, or Unknown where it is not decided."""
    if op in (ast.Is, ast.IsNot):
        same = _identical(a, b)
        return Unknown("condition") if same is None else same is (op is ast.Is)
    if op in (ast.In, ast.NotIn):
        found = _contains(it, a, b)
        return Unknown("condition") if found is None else found is (op is ast.In)
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        return on_tensors(it, op, a, b)
    if isinstance(a, Choice) or isinstance(b, Choice):
        left = a.options if isinstance(a, Choice) else [a]
        right = b.options if isinstance(b, Choice) else [b]
        results = [compare(it, op, x, y) for x in left for y in right]
        if all(r is results[0] for r in results) and isinstance(results[0], bool):
            return results[0]
        return Unknown("condition")
    if op in (ast.Eq, ast.NotEq):
        equal = equality(it, a, b)
        if equal is None:
            return Unknown(SHAPES if _is_shape(a) or _is_shape(b) else "condition")
        return equal is (op is ast.Eq)
    return _order(it, op, a, b)


def _identical(a: Value, b: Value) -> bool | None:
    if isinstance(a, Choice):
        results = {_identical(o, b) for o in a.options}
        return results.pop() if len(results) == 1 else None
    if isinstance(a, (Unknown, Config)) or isinstance(b, (Unknown, Config)):
        return False if b is None and _is_size(a) else None
    if a is None or b is None or isinstance(a, bool) or isinstance(b, bool):
        if isinstance(a, Flag) or isinstance(b, Flag):
            return None
        return a is b
    if isinstance(a, External) and isinstance(b, External):
        return a.name == b.name
    if isinstance(a, ClassRef) and isinstance(b, ClassRef):
        if a.node is b.node and a.identity != b.identity:
            return None  # made by two calls, or by one that was evaluated twice
        return a.node is b.node
    if isinstance(a, Function) and isinstance(b, Function):
        return a.node is b.node
    if isinstance(a, str) and isinstance(b, str):
        return a == b  # members of an Enum, which are modelled as their values
    named = (External, ClassRef, Function)
    if isinstance(a, named) and isinstance(b, named):
        return False  # torch's, a class of the project, a function of it
    return True if a is b else None


def _is_size(value: Value) -> bool:
    """Whether an argument that has no default is a size, by its name: nobody gives None for it."""
    return isinstance(value, Config) and "." not in value.name and may_hold_size(value.name)


def equality(it: Interpreter, a: Value, b: Value) -> bool | None:
    if isinstance(a, (Unknown, Flag)) or isinstance(b, (Unknown, Flag)):
        return True if a is b and isinstance(a, Flag) else None
    if a is None or b is None:
        return None if isinstance(a, Config) or isinstance(b, Config) else a is b
    if isinstance(a, str) or isinstance(b, str):
        if isinstance(a, Config) or isinstance(b, Config):
            return None
        return a == b if type(a) is type(b) else False
    if isinstance(a, DtypeOf) or isinstance(b, DtypeOf):
        kinds = (dtype_of(a), dtype_of(b))
        return False if None not in kinds and kinds[0] != kinds[1] else None
    if isinstance(a, Config):
        a = a.size
    if isinstance(b, Config):
        b = b.size
    if is_size(a) and is_size(b):
        answer = it.ctx.compare(a, b)
        return True if answer is YES else False if answer is NO else None
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return bool(a == b)
    if any(isinstance(item, ShapeOf) for side in (a, b) for item in (side.items if isinstance(side, Seq) else [side])):
        return _equal_shapes(it, a, b)
    if isinstance(a, Seq) and isinstance(b, Seq):
        if len(a.items) != len(b.items):
            return False
        parts = [equality(it, x, y) for x, y in zip(a.items, b.items)]
        return False if False in parts else None if None in parts else True
    if isinstance(a, (External, ClassRef, Function, Layer, Instance)):
        return _identical(a, b)
    return None


def _is_shape(value: Value) -> bool:
    """Whether it is a whole shape, or counts all elements of a tensor of unknown rank."""
    if isinstance(value, Poly):
        return any(isinstance(atom, Symbol) and atom.name == "numel" for atom in value.atoms)
    if isinstance(value, Seq):
        return value.kind == "size" or any(isinstance(item, ShapeOf) for item in value.items)
    return isinstance(value, ShapeOf)


def last_sizes(it: Interpreter, shape: Value) -> tuple[list[Value], bool] | None:
    """The sizes of a shape that are known, the last ones of it, and whether that is all of them."""
    if isinstance(shape, Seq) and len(shape.items) == 1 and isinstance(shape.items[0], ShapeOf):
        shape = shape.items[0]  # list(x.shape)
    if isinstance(shape, ShapeOf):
        dims = shape.tensor.shape.dims
        return list(dims[: len(dims) - shape.drop]), not shape.tensor.shape.lead
    if isinstance(shape, Seq) and all(is_size(item) for item in shape.items):
        return list(shape.items), True
    return None


def _equal_shapes(it: Interpreter, a: Value, b: Value) -> bool | None:
    """Two shapes of which one is not known to its front; compared from the end."""
    one, other = last_sizes(it, a), last_sizes(it, b)
    if one is None or other is None:
        return None
    for whole, part in ((one, other), (other, one)):
        if whole[1] and len(part[0]) > len(whole[0]):
            return False
    pairs = zip(reversed(one[0]), reversed(other[0]))
    return False if any(it.ctx.compare(x, y) is NO for x, y in pairs) else None


def _contains(it: Interpreter, item: Value, container: Value) -> bool | None:
    if isinstance(container, Seq):
        results = [equality(it, item, other) for other in container.items]
        return True if True in results else None if None in results else False
    if isinstance(container, Dict) and isinstance(item, (str, int)):
        if item in container.items:
            return None if container.items[item] is PERHAPS else True
        return None if container.open else False
    if isinstance(container, str) and isinstance(item, str):
        return item in container
    if isinstance(container, (Layer, Instance)) and container.items is not None:
        return item in container.items if isinstance(item, str) else None
    return None


def _order(it: Interpreter, op: type, a: Value, b: Value) -> Value:
    if isinstance(a, Config):
        a = a.size
    if isinstance(b, Config):
        b = b.size
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        tests: dict[type, Callable[[Any, Any], bool]] = {
            ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
        }  # fmt: skip
        return tests[op](a, b)
    if isinstance(a, Seq) and isinstance(b, Seq):
        return _lexical(op, a, b)
    if not (is_size(a) and is_size(b)):
        return Unknown("condition")
    a, b = it.ctx.resolve(a), it.ctx.resolve(b)
    if op in (ast.Lt, ast.LtE):
        a, b = b, a
    # now: a > b (Lt, Gt) or a >= b (LtE, GtE)
    answer = dim.at_least(a, dim.add(b, 1) if op in (ast.Lt, ast.Gt) else b)
    return True if answer is YES else False if answer is NO else Unknown("condition")


def _lexical(op: type, a: Seq, b: Seq) -> Value:
    """Tuples of plain numbers, as versions are."""
    if not all(type(part) is int for part in (*a.items, *b.items)):
        return Unknown("condition")
    less, more = tuple(a.items), tuple(b.items)
    if op in (ast.Gt, ast.GtE):
        less, more = more, less
    return less < more or (less == more and op in (ast.LtE, ast.GtE))
