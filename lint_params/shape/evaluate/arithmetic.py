"""Operators: on numbers, sizes, sequences, text and tensors."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lint_params.shape.call import call_function
from lint_params.shape.evaluate.text import percent
from lint_params.shape.ops import function_spec
from lint_params.shape.ops.broadcast import beside_column
from lint_params.shape.sizes import dim
from lint_params.shape.sizes.dim import Poly
from lint_params.shape.value import (
    REAL,
    AllPairs,
    AnySeq,
    Choice,
    Config,
    Dict,
    Flag,
    NumpyArray,
    Ratio,
    Real,
    Seq,
    ShapeOf,
    Tensor,
    Unknown,
    Value,
    is_refuted,
    is_size,
)
from lint_params.trees import last_name

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter


_PYTHON: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}
_TORCH: dict[type, str] = {
    ast.Add: "torch.add",
    ast.Sub: "torch.sub",
    ast.Mult: "torch.mul",
    ast.Div: "torch.div",
    ast.FloorDiv: "torch.floor_divide",
    ast.Mod: "torch.remainder",
    ast.Pow: "torch.pow",
    ast.MatMult: "torch.matmul",
    ast.BitAnd: "torch.logical_and",
    ast.BitOr: "torch.logical_or",
    ast.BitXor: "torch.logical_xor",
    ast.Eq: "torch.eq",
    ast.NotEq: "torch.ne",
    ast.Lt: "torch.lt",
    ast.LtE: "torch.le",
    ast.Gt: "torch.gt",
    ast.GtE: "torch.ge",
}
_BROADCAST = frozenset({ast.Add, ast.Sub, ast.Mult, ast.Div})
_PLAIN = (int, float, complex)
_SIZES = frozenset({int, Poly})
_NUMBERS = (int, float, Poly, Ratio, Real, Flag)


def binary(it: Interpreter, op: type, a: Value, b: Value) -> Value:
    """``a op b``."""
    if isinstance(a, _PLAIN) and isinstance(b, _PLAIN) and op in _PYTHON:
        return _plain(op, a, b)
    if a.__class__ in _SIZES and b.__class__ in _SIZES:
        return _numbers(op, _resolved(it, a), _resolved(it, b))
    if isinstance(a, Choice):
        return it.each(a, lambda x: binary(it, op, x, b))
    if isinstance(b, Choice):
        return it.each(b, lambda y: binary(it, op, a, y))
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        return NumpyArray.like(on_tensors(it, op, a, b), a, b)
    if isinstance(a, Config) and not isinstance(b, (Seq, str, Dict)):
        a = a.size
    if isinstance(b, Config) and not isinstance(a, (Seq, str, Dict)):
        b = b.size
    a, b = _resolved(it, a), _resolved(it, b)
    if (
        isinstance(a, (Real, Flag))
        and isinstance(b, _NUMBERS)
        or isinstance(b, (Real, Flag))
        and isinstance(a, _NUMBERS)
    ):
        return REAL
    if isinstance(a, (Poly, int, float, Ratio)) and isinstance(b, (Poly, int, float, Ratio)):
        return _numbers(op, a, b)
    if isinstance(a, Unknown) or isinstance(b, Unknown):
        return a if isinstance(a, Unknown) else b
    if (
        op is ast.Add
        and isinstance(a, (Seq, ShapeOf))
        and isinstance(b, (Seq, ShapeOf))
        and not (isinstance(a, Seq) and isinstance(b, Seq))
    ):
        one = a.items if isinstance(a, Seq) else [a]
        return Seq([*one, *(b.items if isinstance(b, Seq) else [b])], "tuple")
    if op is ast.Add and isinstance(a, Seq) and isinstance(b, Seq):
        return Seq([*a.items, *b.items], a.kind if a.kind != "size" else "tuple")
    if op is ast.Mult and isinstance(b, Seq):
        a, b = b, a
    if op is ast.Mult and isinstance(a, Seq):
        return _repeat(it, a, b)
    if isinstance(a, str) and op is ast.Mod:
        return percent(a, b)
    if isinstance(a, str) and op in (ast.Add, ast.Mult):
        return a + b if op is ast.Add and isinstance(b, str) else Unknown("text")
    if op is ast.BitOr and isinstance(a, Dict) and isinstance(b, Dict):
        return Dict({**a.items, **b.items}, a.open or b.open)
    if op is ast.Add and isinstance(a, AnySeq | Seq) and isinstance(b, AnySeq | Seq | Config):
        return _joined_sequences(it, a, b)
    return Unknown("operator")


#: What is laid over scores, whoever makes it: it has no more dimensions than those of a batch and its heads.
_LAID_OVER = re.compile(r"(^|_)(mask|bias)(_|$)")
_SCORES = 4


def beneath(value: Value, other: Value, node: ast.expr) -> Value:
    """A mask of which nothing is known, as that of ``scores + attention_mask``, for what it does to
    the shape of ``other``: nothing, where none of its sizes is 1."""
    if value.__class__ is Unknown and isinstance(other, Tensor) and not other.shape.lead and other.param is None:
        name = last_name(node.value if isinstance(node, ast.Subscript) else node)
        if len(other.shape.dims) >= _SCORES and _LAID_OVER.search(name) and 1 not in other.shape.dims:
            return REAL
    return value


def _joined_sequences(it: Interpreter, a: Value, b: Value) -> Value:
    from lint_params.shape.evaluate.iterate import known_items

    left, right = known_items(it, a), known_items(it, b)
    if left is None or right is None:
        return Unknown("sequence of unknown length")
    return Seq([*left, *right])


def _resolved(it: Interpreter, value: Value) -> Value:
    return it.ctx.resolve(value) if isinstance(value, Poly) else value


def _plain(op: type, a: Any, b: Any) -> Value:
    if op is ast.Pow and isinstance(b, _PLAIN) and (abs(b) > 64 or abs(a) > 1e6):
        return Unknown("large power")
    if op is ast.LShift and (not isinstance(b, int) or b > 64):
        return Unknown("large shift")
    try:
        return _PYTHON[op](a, b)
    except (ArithmeticError, TypeError, ValueError):
        return Unknown("arithmetic error")


def _numbers(op: type, a: Value, b: Value) -> Value:
    """Arithmetic where at least one side is symbolic: whole numbers and exact ratios."""
    if isinstance(a, float) or isinstance(b, float):
        return _with_float(op, a, b)
    if isinstance(a, Ratio) or isinstance(b, Ratio):
        return _ratios(op, a, b)
    if op is ast.Add:
        return dim.add(a, b)
    if op is ast.Sub:
        return dim.sub(a, b)
    if op is ast.Mult:
        return dim.mul(a, b)
    if op is ast.FloorDiv:
        return dim.floordiv(a, b) if b != 0 else Unknown("division by zero")
    if op is ast.Mod:
        return dim.modulo(a, b) if b != 0 else Unknown("division by zero")
    if op is ast.Div:
        return Ratio(a, b) if b != 0 else Unknown("division by zero")
    if op is ast.Pow:
        if isinstance(b, int) and 0 <= b <= 8:
            return dim.power(a, b)
        if isinstance(a, int) and a > 0:
            return dim.opaque("**", a, b, low=1)
        return Unknown("power")
    if op is ast.LShift and isinstance(b, int) and 0 <= b < 32:
        return dim.mul(a, 1 << b)
    if op is ast.RShift and isinstance(b, int) and 0 <= b < 32:
        return dim.floordiv(a, 1 << b)
    return Unknown("operator")


def _with_float(op: type, a: Value, b: Value) -> Value:
    """A float that is an exact small fraction stays exact: ``dim * 0.5``, ``dim * 4.0``."""
    one, two = _fraction(a), _fraction(b)
    if one is None or two is None:
        return REAL
    return _ratios(op, one, two)


def _fraction(value: Value) -> Ratio | None:
    if isinstance(value, Ratio):
        return value
    if isinstance(value, float):
        if value != value or abs(value) > 1e9:
            return None
        top, bottom = value.as_integer_ratio()
        return Ratio(top, bottom) if bottom <= 1024 else None
    return Ratio(value, 1)


def _ratios(op: type, a: Value, b: Value) -> Value:
    one, two = _fraction(a), _fraction(b)
    if one is None or two is None:
        return REAL
    if op is ast.Mult:
        return _reduced(dim.mul(one.top, two.top), dim.mul(one.bottom, two.bottom))
    if op is ast.Div:
        if two.top == 0:
            return Unknown("division by zero")
        return _reduced(dim.mul(one.top, two.bottom), dim.mul(one.bottom, two.top))
    if op in (ast.Add, ast.Sub):
        left, right = dim.mul(one.top, two.bottom), dim.mul(two.top, one.bottom)
        top = dim.add(left, right) if op is ast.Add else dim.sub(left, right)
        return _reduced(top, dim.mul(one.bottom, two.bottom))
    if op is ast.FloorDiv and two.top != 0:
        return dim.floordiv(dim.mul(one.top, two.bottom), dim.mul(one.bottom, two.top))
    return REAL


def _reduced(top: Value, bottom: Value) -> Ratio:
    if isinstance(bottom, int) and bottom != 1:
        exact = dim.floordiv(top, bottom)
        if dim.mul(exact, bottom) == top:
            return Ratio(exact, 1)
    return Ratio(top, bottom)


def _repeat(it: Interpreter, a: Seq, b: Value) -> Value:
    from lint_params.shape.evaluate.iterate import concrete_count

    if not is_size(b):
        return Unknown("repeated sequence")
    count = concrete_count(it, b)
    if count is None or count * len(a.items) > 512:
        return Unknown("repeated sequence")
    return Seq(a.items * max(count, 0), a.kind)


def on_tensors(it: Interpreter, op: type, a: Value, b: Value) -> Value:
    for side in (a, b):
        if is_refuted(side):
            return side
    name = _TORCH.get(op)
    spec = function_spec(name) if name is not None else None
    if spec is None:
        return it.ctx.unknown_tensor()
    it.ctx.callee = f"'{_SIGN.get(op, '?')}'"
    if op is ast.MatMult and any(isinstance(side, (Config, Ratio, Real, Flag)) for side in (a, b)):
        return it.ctx.unknown_tensor()  # an argument that is a tensor, or half of one: 0.5 * x
    numeric = (float, int, Poly)
    if not it.instances:  # what a function is given may as well be a tensor
        a, b = (Unknown("an argument of unknown type") if isinstance(x, Config) else x for x in (a, b))
    first = it.ctx.tensor(()) if isinstance(a, (Config, Ratio, Real, Flag)) else a
    second = it.ctx.tensor(()) if isinstance(b, (Config, Ratio, Real, Flag)) else b
    if isinstance(first, Unknown) or isinstance(second, Unknown):
        if op not in _BROADCAST:
            return it.ctx.unknown_tensor()
        # Whatever it is that comes in, the other's last sizes that are no 1 stay.
        first = it.ctx.unknown_tensor() if isinstance(first, Unknown) else first
        second = it.ctx.unknown_tensor() if isinstance(second, Unknown) else second
    if not isinstance(first, (Tensor, *numeric)) or not isinstance(second, (Tensor, *numeric)):
        return it.ctx.unknown_tensor()
    result = call_function(it.ctx, spec, [first, second], {})
    if op is ast.Sub and isinstance(first, Tensor) and isinstance(second, Tensor):
        vector = beside_column(it.ctx, first, second)
        column = first if vector is second else second
        if vector is not None and _of_layer(column) and isinstance(result, Tensor):
            result.shape = AllPairs(vector, result)
    return result


def _of_layer(x: Tensor) -> bool:
    """Whether a layer has given it its shape, and nobody a last dimension by hand."""
    return x.origin is not None and x.origin.built is not None


_SIGN: dict[type, str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.MatMult: "@",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}


def unary(it: Interpreter, op: type, value: Value) -> Value:
    if isinstance(value, Choice):
        return it.each(value, lambda v: unary(it, op, v))
    if isinstance(value, Tensor):
        return NumpyArray.like(it.ctx.same_shape(value), value)
    if isinstance(value, Config):
        value = value.size
    if isinstance(value, (int, float)):
        return -value if op is ast.USub else +value if op is ast.UAdd else ~int(value)
    if isinstance(value, Poly):
        return dim.neg(value) if op is ast.USub else value
    if isinstance(value, Real):
        return value
    if isinstance(value, Ratio) and op is ast.USub:
        return Ratio(dim.neg(value.top), value.bottom)
    return Unknown("operator")
