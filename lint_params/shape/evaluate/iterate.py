"""What a ``for`` runs over: the known items of a value, with counts made concrete.

A symbolic count (``range(depth)``) is fixed for the rest of the run, to its default where
that is small and else to a guess: one possible instance of the class is checked. What a run
with a guess refutes is reported only if other guesses refute it as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lint_params.shape.ops.arguments import front
from lint_params.shape.sizes.dim import Poly, Size, Symbol, substitute, symbol
from lint_params.shape.value import (
    AnySeq,
    Choice,
    Config,
    Dict,
    Instance,
    Layer,
    Seq,
    Shape,
    ShapeOf,
    Splice,
    Tensor,
    Value,
    as_size,
)

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter

MAX_ITEMS = 256
LARGEST_DEFAULT = 12


def known_items(it: Interpreter, value: Value) -> list[Value] | None:
    """The items in order; None where the sequence or its length cannot be known."""
    if isinstance(value, Seq):
        return _without_splices(value.items)
    if isinstance(value, (Layer, Instance)):
        if value.items is not None:
            return _without_splices(list(value.items.values()))
        return None
    if isinstance(value, Dict):
        return None if value.open else list(value.items)
    if isinstance(value, AnySeq):
        return sequence_of(it, value).items
    if isinstance(value, Config):
        return sequence_of(it, any_sequence(value)).items
    if isinstance(value, str):
        return list(value) if len(value) < MAX_ITEMS else None
    if isinstance(value, Tensor):
        return _rows(it, value)
    if isinstance(value, Choice):
        lists = [known_items(it, option) for option in value.options if option is not None]
        return lists[0] if len(lists) == 1 else None
    return None


def _without_splices(items: list[Value]) -> list[Value] | None:
    """Items of which it is not known whether they are there make the sequence unknown."""
    return None if any(isinstance(i, (Splice, ShapeOf)) for i in items) else list(items)


def place(items: list[Value], index: int) -> int | None:
    """Where the item of that index stands, if all that is counted over is surely there."""
    at = index if index >= 0 else len(items) + index
    if not 0 <= at < len(items):
        return None
    passed = items[: at + 1] if index >= 0 else items[at:]
    return None if any(isinstance(i, (Splice, ShapeOf)) for i in passed) else at


def any_sequence(value: Config) -> AnySeq:
    """An argument of unknown type, used as a sequence."""
    if value.seq is None:
        value.seq = AnySeq(value.name, value.attr, symbol(f"len({value.name})", "count"))
    return value.seq


def sequence_of(it: Interpreter, value: AnySeq) -> Seq:
    """The sequence with a concrete length, the same one whenever this path asks."""
    length = it.ctx.resolve(value.length)
    if not isinstance(length, int):
        _guess(it, length)
        it.ctx.learn_equal(length, it.count)
        length = it.count
    return Seq([value.element(i) for i in range(min(length, MAX_ITEMS))], "list")


def _guess(it: Interpreter, length: Poly) -> None:
    """Note that a length is guessed, and whether it may be that of a list of sizes."""
    it.guessed = True
    steps = all(isinstance(a, Symbol) and a.kind in ("input", "pieces") for a in length.atoms)
    it.guessed_list = it.guessed_list or not steps


def _rows(it: Interpreter, x: Tensor) -> list[Value] | None:
    """Iteration over a tensor: its first dimension, where that is short or not known."""
    ctx = it.ctx
    if ctx.rank(x) == 0:
        return None
    count = front(ctx, x, 0)
    if not isinstance(count, int):
        _guess(it, count)
        ctx.learn_equal(count, it.count)
        count = it.count
    if count > 32:
        return None
    if x.free and x.shape.lead:  # it may as well be a list of tensors of their own sizes
        it.numbered = True
        return [Tensor(Shape((), lead=True), x.dtype, None, None, True) for _ in range(count)]
    dims = x.shape.dims[1:]
    return [ctx.tensor(dims, lead=x.shape.lead, like=x, text="a row") for _ in range(count)]


def concrete_count(it: Interpreter, size: Value) -> int | None:
    """A number of repetitions as a plain int, fixing symbols where that takes it."""
    value = as_size(size)
    if value is None:
        return None
    value = it.ctx.resolve(value)
    if isinstance(value, int):
        return value
    fixed = _at_defaults(it, value)
    if fixed is not None:
        return fixed
    _guess(it, value)
    it.ctx.learn_equal(value, it.count)
    learned = it.ctx.resolve(value)
    return learned if isinstance(learned, int) else None


def _at_defaults(it: Interpreter, size: Poly) -> int | None:
    """The count with every argument at its default, if that is small; the defaults then hold."""
    defaults = {a: a.default for a in size.atoms if isinstance(a, Symbol) and a.default is not None}
    if not defaults:
        return None
    value: Size = substitute(size, lambda atom: atom.default if isinstance(atom, Symbol) else None)
    if not isinstance(value, int) or value > LARGEST_DEFAULT:
        return None
    for atom, default in defaults.items():
        it.ctx.bind(atom, default)
    return value
