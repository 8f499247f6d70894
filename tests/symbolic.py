"""Runs torch expressions on shapes: stand-ins for tensors that Python itself computes with.

The interpreter of the linter reads source; here the ops are called without it, so that a test
of an op fails for the op alone.
"""

from __future__ import annotations

from typing import Any
from unittest.mock import ANY

from lint_params.shape import ops
from lint_params.shape.call import build_layer, call_function, call_layer
from lint_params.shape.check import Verdict
from lint_params.shape.context import Context
from lint_params.shape.sizes.dim import (
    Poly,
    Symbol,
    add,
    floordiv,
    modulo,
    mul,
    of_atom,
    sub,
    substitute,
)
from lint_params.shape.value import (
    REAL,
    External,
    Layer,
    Ratio,
    Seq,
    Shape,
    ShapeOf,
    Tensor,
    Unknown,
    Value,
)


class Refused(Exception):
    """The op was refuted."""


class Undecided(Exception):
    """The value is not known."""


class Size:
    """A symbolic size that Python can compute with."""

    def __init__(self, poly: Any) -> None:
        self.poly = poly

    def __add__(self, other: Any) -> Any:
        return wrap_size(add(self.poly, bare(other)))

    def __sub__(self, other: Any) -> Any:
        return wrap_size(sub(self.poly, bare(other)))

    def __mul__(self, other: Any) -> Any:
        return wrap_size(mul(self.poly, bare(other)))

    def __floordiv__(self, other: Any) -> Any:
        return wrap_size(floordiv(self.poly, bare(other)))

    def __mod__(self, other: Any) -> Any:
        return wrap_size(modulo(self.poly, bare(other)))

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self) -> Any:
        return wrap_size(sub(0, self.poly))

    def __rsub__(self, other: Any) -> Any:
        return wrap_size(sub(bare(other), self.poly))


def wrap_size(size: Any) -> Any:
    return size if isinstance(size, int) else Size(size)


def bare(value: Any) -> Any:
    """The interpreter's value of a Python value."""
    if isinstance(value, T):
        return value.value
    if isinstance(value, Size):
        return value.poly
    if isinstance(value, Name):
        return External(value.name)
    if isinstance(value, (list, tuple)):
        kind = "list" if isinstance(value, list) else "tuple"
        return Seq([bare(v) for v in value], kind)
    if isinstance(value, slice):
        return slice(bare(value.start), bare(value.stop), bare(value.step))
    return value


class Runner:
    """One path: ``torch``, ``nn``, ``F``, ``einops``, ``zeros`` and ``ints`` for an expression."""

    def __init__(self) -> None:
        self.ctx = Context()
        self.symbols: dict[int, Symbol] = {}
        ops.load()

    def symbol(self, number: int) -> Any:
        """A symbol whose number is ``number``: one symbol for one number."""
        if number not in self.symbols:
            self.symbols[number] = Symbol(f"s{number}", "argument")
        return Size(of_atom(self.symbols[number]))

    def number(self, size: Any) -> Any:
        """The size with the symbols' numbers put in; a Poly where something is unknown."""
        numbers = {atom: number for number, atom in self.symbols.items()}
        return substitute(self.ctx.resolve(size), numbers.get)

    def names(self) -> dict[str, Any]:
        return {
            "torch": Name(self, "torch"),
            "nn": Name(self, "torch.nn"),
            "F": Name(self, "torch.nn.functional"),
            "einops": Name(self, "einops"),
            **{
                name: Name(self, f"einops.layers.torch.{name}")
                for name in ("Rearrange", "Reduce", "EinMix")
            },
            "zeros": lambda *sizes: self.tensor(sizes, "float"),
            "ints": lambda *sizes: self.tensor(sizes, "int"),
        }

    def tensor(self, sizes: Any, dtype: str = "float") -> T:
        return T(self, Tensor(Shape(tuple(bare(s) for s in sizes)), dtype))

    def wrap(self, value: Value) -> Any:
        """The Python value of one of the interpreter's, with tensors as stand-ins."""
        if any(o.verdict is Verdict.REFUTED for o in self.ctx.obligations):
            raise Refused(self.ctx.obligations[-1].text)
        if isinstance(value, (Tensor, ShapeOf)):
            return T(self, value)
        if isinstance(value, Unknown):
            raise Undecided(value.why)
        if isinstance(value, Seq):
            items = [self.wrap(v) for v in value.items]
            out: Any = items if value.kind == "list" else tuple(items)
            if value.names:
                out = Fields(items)
                for name, item in zip(value.names, items):
                    setattr(out, name, item)
            return out
        if isinstance(value, Poly):
            return Size(value)
        if isinstance(value, Layer):
            return L(self, value)
        if isinstance(value, Ratio):
            return value
        if callable(getattr(value, "call", None)):
            return lambda *a, **k: self.wrap(
                value.call(*map(bare, a), **{n: bare(v) for n, v in k.items()})
            )
        return value

    def call(self, name: str, args: Any, kwargs: Any) -> Any:
        self.ctx.callee = name
        given = [bare(a) for a in args]
        named = {k: bare(v) for k, v in kwargs.items()}
        layer = ops.layer_spec(name)
        if layer is not None:
            return self.wrap(build_layer(self.ctx, layer, given, named, None))
        spec = ops.function_spec(name)
        if spec is None:
            raise Undecided(f"no op {name}")
        return self.wrap(call_function(self.ctx, spec, given, named))


class Fields(tuple[Any, ...]):
    """A named tuple."""


class Name:
    def __init__(self, runner: Runner, name: str) -> None:
        self.runner = runner
        self.name = name

    def __getattr__(self, attr: str) -> Name:
        return Name(self.runner, f"{self.name}.{attr}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.runner.call(self.name, args, kwargs)


class L:
    def __init__(self, runner: Runner, layer: Layer) -> None:
        self.runner = runner
        self.layer = layer

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        named = {k: bare(v) for k, v in kwargs.items()}
        ctx = self.runner.ctx
        return self.runner.wrap(call_layer(ctx, self.layer, [bare(a) for a in args], named))


class T:
    """Stands for a tensor in an expression."""

    def __init__(self, runner: Runner, value: Any) -> None:
        self.runner = runner
        self.value = value

    def __getattr__(self, attr: str) -> Any:
        from lint_params.shape.ops.attributes import ATTRIBUTES

        if attr in ATTRIBUTES:
            return self.runner.wrap(ATTRIBUTES[attr](self.runner.ctx, self.value))
        return lambda *a, **k: self.runner.call(f"Tensor.{attr}", (self, *a), k)

    def __getitem__(self, items: Any) -> Any:
        from lint_params.shape.check import Refuted
        from lint_params.shape.ops.attributes import shape_item
        from lint_params.shape.ops.index import index

        if isinstance(self.value, ShapeOf):
            return self.runner.wrap(shape_item(self.runner.ctx, self.value, bare(items)))
        given = [bare(i) for i in items] if isinstance(items, tuple) else [bare(items)]
        try:
            return self.runner.wrap(index(self.runner.ctx, self.value, given))
        except Refuted:
            raise Refused from None

    def __iter__(self) -> Any:
        if not isinstance(self.value, ShapeOf):
            raise Undecided("the rows of a tensor")
        yield self  # stands for all of its sizes

    def _with(self, other: Any, dtype: str | None = None) -> Any:
        from lint_params.shape.check import Refuted
        from lint_params.shape.ops.broadcast import broadcast

        try:
            return self.runner.wrap(
                broadcast(self.runner.ctx, self.value, bare(other), dtype=dtype)
            )
        except Refuted:
            raise Refused from None

    def __matmul__(self, other: Any) -> Any:
        return self.runner.call("torch.matmul", (self, other), {})

    __add__ = __sub__ = __mul__ = __pow__ = __radd__ = __rmul__ = __rsub__ = _with
    __and__ = __or__ = __xor__ = __mod__ = __floordiv__ = _with

    def __truediv__(self, other: Any) -> Any:
        return self._with(other)

    __rtruediv__ = __truediv__

    def _truth(self, other: Any) -> Any:
        return self._with(other, "bool")

    __lt__ = __le__ = __gt__ = __ge__ = _truth

    def __eq__(self, other: object) -> Any:
        return self._with(other, "bool")

    __hash__ = None  # type: ignore[assignment]

    def __invert__(self) -> Any:
        return self.runner.call("torch.bitwise_not", (self,), {})

    def __neg__(self) -> Any:
        return self.runner.call("torch.neg", (self,), {})


def shape(value: Any) -> Any:
    """The shapes in a result: of a tensor, or of all in a list; numbers as they are, and ANY where a
    number is not known."""
    if isinstance(value, T):
        v = value.value
        if isinstance(v, ShapeOf):
            return "?"
        dims = tuple(value.runner.number(d) for d in v.shape.dims)
        return ("?", *dims) if v.shape.lead else dims
    if isinstance(value, (list, tuple)):
        return [shape(v) for v in value]
    if isinstance(value, dict):
        return [shape(v) for v in value.values()]
    return ANY if value is REAL else value
