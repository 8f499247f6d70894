"""numpy's random arrays, whose shape is what ``size`` says, and sums along a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lint_params.shape.sizes.dim import Poly
from lint_params.shape.value import (
    REAL,
    Native,
    NumpyArray,
    Ratio,
    Seq,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter
from lint_params.shape.python import EXTERNALS, How, external


class RandomSource:
    """numpy's RandomState or Generator: its draws have the shape that ``size`` says."""

    __slots__ = ()


@external("numpy.random.RandomState", "numpy.random.default_rng", "numpy.random.Generator")
def _random_source(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    return RandomSource()


#: How many distribution parameters stand before ``size``.
_DRAWS = {"normal": 2, "uniform": 2, "standard_normal": 0, "random": 0, "integers": 2, "random_sample": 0,
          "laplace": 2, "gamma": 2, "beta": 2, "exponential": 1, "poisson": 1}  # fmt: skip


def draw(it: Interpreter, name: str) -> Value:
    """The method of a random source that makes an array."""
    if name in ("rand", "randn"):
        return Native(name, lambda args, kwargs: _array(it, Seq(list(args), "tuple")))
    if name not in _DRAWS:
        return Unknown("attribute")
    before = _DRAWS[name]
    return Native(
        name,
        lambda args, kwargs: _array(
            it, kwargs.get("size", args[before] if len(args) > before else None)
        ),
    )


def _array(it: Interpreter, size: Value) -> Value:
    if size is None:
        return REAL
    sizes = it.ctx.sizes(size) if isinstance(size, Seq) else None
    one = it.ctx.size(size) if sizes is None else None
    if sizes is None and one is None:
        return it.ctx.unknown_tensor("float")
    made = it.ctx.tensor(
        sizes if sizes is not None else (one or 0,), dtype="float", text="a numpy array"
    )
    return NumpyArray(made.shape, made.dtype, made.origin)


def _drawn(name: str) -> How:
    def call(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
        return draw(it, name).call(args, kwargs)

    return call


for _name in (*_DRAWS, "rand", "randn"):
    EXTERNALS[f"numpy.random.{_name}"] = _drawn(_name)


@external("numpy.cumsum")
def _running_sum(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    """As many numbers as are in the list: where the columns of one table begin."""
    given = args[0] if len(args) == 1 else None
    if not isinstance(given, Seq) or not all(isinstance(i, (int, float, Poly, Ratio)) for i in given.items):
        return Unknown("sums of another kind")
    made = it.ctx.tensor((len(given.items),), dtype=None, text="a numpy array")
    return NumpyArray(made.shape, made.dtype, made.origin)
