"""numpy's arrays: of sizes, of data, and drawn at random; sums along a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lint_params.shape.ops.arguments import dtype_of
from lint_params.shape.ops.create import from_data, made
from lint_params.shape.python import EXTERNALS, How, external
from lint_params.shape.sizes.dim import Poly
from lint_params.shape.value import (
    REAL,
    Native,
    NumpyArray,
    Ratio,
    Seq,
    Shape,
    Tensor,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter


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
    return _as_array(it.ctx.tensor(sizes if sizes is not None else (one or 0,), text="a numpy array"), "float")


def _drawn(name: str) -> How:
    def call(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
        return draw(it, name).call(args, kwargs)

    return call


for _name in (*_DRAWS, "rand", "randn"):
    EXTERNALS[f"numpy.random.{_name}"] = _drawn(_name)


# -- arrays of given sizes, or of data ------------------------------------------------------


def array_type(given: Value, default: str | None) -> str | None:
    """The kind of number of a ``dtype=`` of numpy's: ``np.float32``, ``"float32"``, ``float``."""
    if isinstance(given, str):
        return next((kind for kind in ("float", "int", "bool") if given.lstrip("u").startswith(kind)), None)
    return default if given is None else dtype_of(given)


def _as_array(tensor: Value, dtype: str | None) -> Value:
    if not isinstance(tensor, Tensor):
        return tensor
    return NumpyArray(Shape(tensor.shape.dims, tensor.shape.lead), dtype, tensor.origin)


def _sized(kind: str | None, before: int = 0) -> How:
    """``f(shape, dtype)``, with ``before`` many arguments between the two."""

    def call(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
        size = args[0] if args else kwargs.get("shape")
        given = args[1 + before] if len(args) > 1 + before else kwargs.get("dtype")
        return _as_array(made(it.ctx, (size,), None), array_type(given, kind))

    return call


for _name in ("zeros", "ones", "empty"):
    EXTERNALS[f"numpy.{_name}"] = _sized("float")
EXTERNALS["numpy.full"] = _sized(None, 1)


@external("numpy.array", "numpy.asarray", "numpy.ascontiguousarray")
def _of_data(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    data = from_data(it.ctx, args[0])
    return _as_array(data, array_type(args[1] if len(args) > 1 else kwargs.get("dtype"), data.dtype))


@external("numpy.zeros_like", "numpy.ones_like", "numpy.empty_like", "numpy.copy")
def _like(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    return _as_array(args[0], array_type(kwargs.get("dtype"), getattr(args[0], "dtype", None)))


@external("numpy.eye", "numpy.identity")
def _eye(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    rows = args[0] if args else kwargs.get("N", kwargs.get("n"))
    columns = args[1] if len(args) > 1 else kwargs.get("M")
    sizes = Seq([rows, rows if columns is None else columns], "tuple")
    return _as_array(made(it.ctx, (sizes,), None), array_type(kwargs.get("dtype"), "float"))


@external("numpy.arange")
def _counted(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    """``np.arange(n)``; of other steps the length is left open."""
    size = it.ctx.size(args[0]) if len(args) == 1 else None
    counted = it.ctx.tensor((it.ctx.fresh("length") if size is None else size,))
    return _as_array(counted, array_type(kwargs.get("dtype"), "int" if size is not None else None))


@external("numpy.cumsum")
def _running_sum(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    """As many numbers as are in the list: where the columns of one table begin."""
    given = args[0] if len(args) == 1 else None
    if not isinstance(given, Seq) or not all(isinstance(i, (int, float, Poly, Ratio)) for i in given.items):
        return Unknown("sums of another kind")
    return _as_array(it.ctx.tensor((len(given.items),), text="a numpy array"), None)


@external("numpy.random.randint")
def _integers(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    """Below ``low``, or from ``low`` on below ``high``, which may be left out."""
    size = kwargs.get("size", args[2] if len(args) > 2 else None)
    return REAL if size is None else _as_array(_array(it, size), "int")


def array_method(owner: NumpyArray, name: str) -> Value:
    """What numpy's arrays have and tensors do not: ``astype`` and ``copy``."""

    def call(args: list[Value], kwargs: dict[str, Value]) -> Value:
        given = [*args, *kwargs.values()][0] if name == "astype" else None
        return _as_array(owner, array_type(given, owner.dtype))

    return Native(f"ndarray.{name}", call) if name in ("astype", "copy") else Unknown("tensor attribute")
