"""int, round, max, sum, math and their kin, on numbers and sizes."""

from __future__ import annotations

import ast
import math
from typing import TYPE_CHECKING, Any

from lint_params.shape.evaluate.arithmetic import binary
from lint_params.shape.evaluate.iterate import known_items
from lint_params.shape.evaluate.truth import truth
from lint_params.shape.sizes import dim
from lint_params.shape.sizes.dim import Poly
from lint_params.shape.value import (
    REAL,
    Choice,
    Config,
    Ratio,
    Real,
    Seq,
    Tensor,
    Unknown,
    Value,
    as_size,
    is_size,
)

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter
from lint_params.shape.python import external

# -- numbers --------------------------------------------------------------------------------


@external("builtins.int", "math.trunc", "numpy.int64", "torch.sym_int")
def _int(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    value = args[0] if args else 0
    if isinstance(value, Choice):
        return it.each(value, lambda v: _int(it, [v], {}))
    if isinstance(value, Ratio):
        return dim.floordiv(value.top, value.bottom)
    if isinstance(value, (int, float, str)):
        try:
            return int(value)
        except (ValueError, OverflowError):  # no number, or no finite one
            return Unknown("int(...) of no whole number")
    size = as_size(value)
    return it.ctx.fresh("int(...)", low=None) if size is None else size


@external("builtins.round", "numpy.round")
def _round(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    value = args[0]
    if isinstance(value, Real):
        return it.ctx.fresh("round(...)", low=None) if len(args) == 1 else REAL
    if isinstance(value, Ratio):
        return (
            value.top if value.bottom == 1 else dim.opaque("round", value.top, value.bottom, low=0)
        )
    if isinstance(value, (int, float)):
        return round(value, *[a for a in args[1:] if isinstance(a, int)])
    size = as_size(value)
    return REAL if size is None else size


@external("math.ceil", "numpy.ceil")
def _ceil(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    value = args[0]
    if isinstance(value, Ratio):
        return dim.neg(dim.floordiv(dim.neg(value.top), value.bottom))
    if isinstance(value, (int, float)):
        return math.ceil(value)
    size = as_size(value)
    return it.ctx.fresh("ceil(...)", low=None) if size is None else size


@external("math.floor", "numpy.floor")
def _floor(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    return _int(it, args, kwargs)


@external("builtins.float")
def _float(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    value = args[0] if args else 0.0
    if isinstance(value, (int, float, str)):
        return float(value)
    return value if isinstance(value, (Ratio, Poly)) else REAL


@external("builtins.abs")
def _abs(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    value = args[0]
    if isinstance(value, (int, float)):
        return abs(value)
    if isinstance(value, Tensor):
        return it.ctx.same_shape(value)
    if isinstance(value, Poly) and (dim.lower(value) or -1) >= 0:
        return value
    return REAL


@external("builtins.bool")
def _bool(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    known = truth(it, args[0]) if args else False
    return Unknown("condition") if known is None else known


@external("builtins.max")
def _max(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    return _extreme(it, args, kwargs, dim.maximum, max)


@external("builtins.min")
def _min(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    return _extreme(it, args, kwargs, dim.minimum, min)


def _extreme(
    it: Interpreter, args: list[Value], kwargs: dict[str, Value], symbolic: Any, plain: Any
) -> Value:
    items = args if len(args) > 1 else known_items(it, args[0])
    if not items or kwargs:
        return Unknown("max or min")
    items = [i.size if isinstance(i, Config) else i for i in items]
    if all(isinstance(i, (int, float)) for i in items):
        return plain(items)
    if not all(is_size(i) for i in items):
        return Unknown("max or min")
    out = it.ctx.resolve(items[0])
    for item in items[1:]:
        out = symbolic(out, it.ctx.resolve(item))
    return out


@external("builtins.sum")
def _sum(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    items = known_items(it, args[0])
    if items is None:
        return Unknown("sum")
    total: Value = args[1] if len(args) > 1 else kwargs.get("start", 0)
    for item in items:
        total = binary(it, ast.Add, total, item)
    return total


@external("math.prod", "numpy.prod")
def _prod(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    items = known_items(it, args[0])
    if items is None:
        return Unknown("product")
    total: Value = 1
    for item in items:
        total = binary(it, ast.Mult, total, item)
    return total


@external("builtins.divmod")
def _divmod(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    return Seq([binary(it, ast.FloorDiv, *args), binary(it, ast.Mod, *args)], "tuple")


@external("builtins.pow", "math.pow", "operator.pow")
def _pow(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    return binary(it, ast.Pow, args[0], args[1])


@external("operator.mul")
def _mul(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    return binary(it, ast.Mult, args[0], args[1])


@external("operator.add")
def _add(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    return binary(it, ast.Add, args[0], args[1])


def _math(name: str) -> None:
    how = getattr(math, name)

    @external(f"math.{name}", f"numpy.{name}")
    def call(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
        if all(isinstance(a, (int, float)) for a in args) and not kwargs:
            try:
                return how(*args)
            except (ValueError, OverflowError, TypeError):
                return Unknown("math")
        size = as_size(args[0]) if args else None
        if name in ("sqrt", "isqrt") and isinstance(size, Poly):
            return _root(it.ctx.resolve(size))
        return REAL


def _root(size: dim.Size) -> Value:
    """The square root of a perfect square of one symbol, else an opaque number."""
    if isinstance(size, Poly) and len(size.terms) == 1:
        ((monomial, factor),) = size.terms.items()
        if all(p % 2 == 0 for _, p in monomial) and math.isqrt(factor) ** 2 == factor:
            out: dim.Size = math.isqrt(factor)
            for atom, count in monomial:
                out = dim.mul(out, dim.power(dim.of_atom(atom), count // 2))
            return out
    if isinstance(size, int):
        return math.sqrt(size)
    return REAL


for _name in "sqrt log log2 log10 exp sin cos tanh isqrt gcd".split():
    _math(_name)
