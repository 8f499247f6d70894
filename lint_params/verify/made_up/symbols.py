"""What the source demands of made-up values: the static part's symbols, in the sizes of an object.

It says which sizes are tied, to what, and which are free to choose. Child only.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from lint_params.shape.runs.taken import Input, Taken
from lint_params.shape.sizes.dim import Atom, Operation, Poly, Size, Symbol, substitute
from lint_params.shape.value import only_symbol

#: Free sizes of inputs: distinct, so that no two agree by accident.
BATCH, LENGTH, SIDE = 5, 7, 32
#: The last size of an input about which nothing is known.
UNKNOWN = 24
#: No made-up size is larger.
_LARGEST = 8192
_PART = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")


def named(name: str, arguments: Mapping[str, Any]) -> int | None:
    """The whole number that ``config.dim`` or ``dims[1]`` is, of the arguments of a call."""
    length = re.fullmatch(r"len\((.*)\)", name)
    value: Any = arguments
    for word, index in _PART.findall(length[1] if length else name):
        try:
            if index:
                value = value[int(index)]
            else:
                value = value[word] if isinstance(value, Mapping) else getattr(value, word)
        except (KeyError, IndexError, AttributeError, TypeError):
            return None
    try:
        value = len(value) if length else value
    except TypeError:
        return None
    return value if type(value) is int else None


class Sizes:
    """Numbers for symbols: those of a call's arguments, and those that are chosen."""

    def __init__(self, taken: Taken, arguments: Mapping[str, Any]) -> None:
        self.demands = taken.demands
        self.met = taken.met
        self.arguments = arguments
        self.chosen: dict[Atom, int] = {}

    def of(self, size: Size) -> int | None:
        """The number, None where a symbol in it is free."""
        size = substitute(size, self._known)
        return size if isinstance(size, int) else None

    def _known(self, atom: Atom) -> int | None:
        if isinstance(atom, Symbol) and atom.kind == "argument":
            return named(atom.name, self.arguments)
        return self.chosen.get(atom)

    def choose(self, size: Size, wish: int) -> int | None:
        """The same after a free symbol in it was given about the number that is wished for."""
        left = substitute(size, self._known)
        if isinstance(left, Poly):
            free = [a for a in left.deep if isinstance(a, Symbol) and a.kind != "argument"]
            for atom in sorted(free, key=lambda atom: atom.order):
                usual = wish if only_symbol(left) is atom else BATCH
                self.chosen[atom] = self._met(atom) or self._multiple(atom, usual)
        return self.of(size)

    def _met(self, atom: Symbol) -> int | None:
        """The size that it stands over in an operation of two tensors."""
        for pair in self.met:
            for one, other in (pair, pair[::-1]):
                known = self.of(other) if only_symbol(one) is atom else None
                if known is not None and known > 1:
                    return known
        return None

    def _multiple(self, atom: Symbol, wish: int) -> int:
        """The next number that all divide which must divide it."""
        step = 1
        for whole, by in parts(self.demands):
            if only_symbol(whole) is atom:
                step = math.lcm(step, max(self.of(by) or 1, 1))
        return -(-wish // step) * step


def parts(demands: Mapping[Atom, Size]) -> list[tuple[Size, Size]]:
    """(whole, by): the second must divide the first."""
    return [
        (atom.args[0], atom.args[1])
        for atom, size in demands.items()
        if isinstance(atom, Operation) and atom.name == "%" and size == 0
    ]


def agreed(taken: Taken, made: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, int]:
    """The made-up numbers that must be others, as the class demands it of its own arguments."""
    found: dict[str, int] = {}
    for _ in range(3):
        sizes = Sizes(taken, {**arguments, **found})
        before = dict(found)
        for symbol, size in taken.ties():
            value = sizes.of(size)
            if type(made.get(symbol.name)) is int and value is not None and 0 < value < _LARGEST:
                if named(symbol.name, sizes.arguments) != value:
                    found[symbol.name] = value
        for whole, by in parts(taken.demands):
            name, step = str(whole), sizes.of(by)
            value = named(name, sizes.arguments)
            if type(made.get(name)) is int and value and step and value % step:
                found[name] = math.lcm(value, step) if step < 8 else -(-value // step) * step
        if found == before:
            break
    return found


def fitted(
    args: Sequence[Any], names: Sequence[str], taken: Taken, arguments: Mapping[str, Any]
) -> tuple[list[Any], list[str]]:
    """The arguments of forward as the source wants them, and what it says of those."""
    sizes = Sizes(taken, arguments)
    out, said = list(args), []
    for place, (name, value) in enumerate(zip(names, args)):
        known = taken.inputs.get(name)
        if known is None or not isinstance(value, torch.Tensor):
            continue
        if known.open and not known.dims and not known.looks_up:
            continue
        shape = _shape(list(value.shape), known, sizes)
        rows = sizes.of(known.rows) if known.rows is not None else None
        if shape is None or math.prod(shape) > 1 << 22:
            continue
        said.append(f"{name} is {known}")
        if known.looks_up and (value.is_floating_point() or list(value.shape) != shape):
            out[place] = torch.randint(0, max(1, min(rows or 2, 1 << 20)), shape)
        elif list(value.shape) != shape:
            plain = value.is_floating_point()
            out[place] = torch.randn(shape) if plain else torch.randint(0, 2, shape).to(value.dtype)
    return out, said


def _shape(guess: list[int], known: Input, sizes: Sizes) -> list[int] | None:
    """The sizes that the source gives, those of the guess or usual ones where it is free."""
    count = len(known.dims)
    rank = max(count, len(guess)) if known.open else count
    front: list[Size | None] = [None] * (rank - count)
    dims = [*front, *known.dims]
    second = rank > 1 and dims[1] is not None and sizes.of(dims[1]) is not None
    shape: list[int] = []
    for axis, size in enumerate(dims):
        wish = guess[axis] if rank == len(guess) else _usual(axis, rank, second)
        value = wish if size is None else sizes.of(size)
        if value is None and size is not None:
            value = sizes.choose(size, wish)
        if value is None or not 0 < value < _LARGEST:
            return None
        shape.append(value)
    return shape


def _usual(axis: int, rank: int, channels: bool) -> int:
    """``channels``: the second size is fixed, so that places come after it."""
    if axis == 0:
        return BATCH
    if channels and axis > 1:
        return SIDE if rank > 3 else 2 * SIDE
    if axis == rank - 1:
        return UNKNOWN
    return 3 if rank == 4 and axis == 1 else LENGTH
