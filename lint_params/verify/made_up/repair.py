"""Changes an input to please a message of torch; a size that was changed is noted. Child only."""

from __future__ import annotations

import linecache
import re
import traceback
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch

from lint_params.torch_errors import contradiction
from lint_params.verify.made_up.inputs import Inputs, flat
from lint_params.verify.made_up.symbols import LENGTH

#: No input gets larger than this by repair (elements).
_LARGEST = 1 << 22
#: And no size of it this large.
_WIDEST = 8192


#: An argument, or an item of one that is a tuple or a list.
Where = tuple[int, ...]


def repaired(inputs: Inputs, error: BaseException, tried: set[str]) -> Inputs | None:
    """The input changed to please torch's message; None if nothing is left to try."""
    text = str(error)
    for change, args, noted in _changes(inputs, error, text):
        if change not in tried and sum(t.numel() for t in flat(args)) <= _LARGEST:
            tried.add(change)
            record = (*inputs.repaired, change) if noted else inputs.repaired
            old = {size for t in flat(inputs.args) for size in t.shape}
            new = {size for t in flat(args) for size in t.shape} if noted else set()
            resized = (*inputs.resized, *(new - old))
            return replace(inputs, args=args, repaired=record, resized=resized, said=())
    return None


def _changes(
    inputs: Inputs, error: BaseException, text: str
) -> Iterator[tuple[str, list[Any], bool]]:
    """(what, new arguments, whether a size was adapted)."""
    args = inputs.args
    yield from _given(args, error)
    yield from _several(inputs, error, text)
    yield from _all_ranks(args, text)
    if "ndarray" in text and isinstance(error, TypeError):
        arrays = [a.numpy() if isinstance(a, torch.Tensor) else a for a in args]
        yield "inputs as arrays", arrays, False
    tensors = _tensors(inputs, error)
    for where, arg in tensors:
        for change, made, noted in _typed(arg, text):
            yield f"input {_at(where)} {change}", _with(args, where, made), noted
        for rank in _ranks(arg, text, error):
            yield f"input {_at(where)} of rank {rank}", _with(args, where, _at_rank(arg, rank)), False
    yield from _resizes(args, sorted(tensors), text)


def _given(args: list[Any], error: BaseException) -> Iterator[tuple[str, list[Any], bool]]:
    """A tensor for what is None."""
    first = next((a for a in args if isinstance(a, torch.Tensor)), None)
    if first is not None and isinstance(error, (TypeError, AttributeError)):
        for index, arg in enumerate(args):
            if arg is None:
                yield f"input {index} given", _with(args, (index,), torch.randn(first.shape)), False


def _several(
    inputs: Inputs, error: BaseException, text: str
) -> Iterator[tuple[str, list[Any], bool]]:
    """``h, c = state``: an argument that is taken apart by name is a tuple."""
    count = re.search(r"values to unpack \(expected (\d)", text)
    code = failing_code(error)[-1:] if count else []
    for index, name in enumerate(inputs.names):
        arg = inputs.args[index] if index < len(inputs.args) else None
        apart = code and re.search(rf"=\s*{re.escape(name)}\s*$", code[0])
        if count and apart and isinstance(arg, torch.Tensor):
            made = tuple(arg.clone() for _ in range(int(count[1])))
            yield f"input {index} of {count[1]} parts", _with(inputs.args, (index,), made), False


def _all_ranks(args: list[Any], text: str) -> Iterator[tuple[str, list[Any], bool]]:
    """Several tensors that have one rank have another."""
    ranks = [arg.dim() for arg in args if isinstance(arg, torch.Tensor)]
    subscripts = _SUBSCRIPTS.search(text)
    wanted = [int(subscripts[1]) - int(subscripts[2])] if subscripts else []
    wanted += [1, -1] if "same number of dimensions" in text else []
    if "is invalid for input of size" in text and ranks and max(ranks) == 2:  # rows of tokens
        wanted = [1]
    elif len(ranks) < 2:
        return
    for more in wanted if len(set(ranks)) == 1 else ():
        if 0 < ranks[0] + more < 6:
            made = [_at_rank(a, a.dim() + more) if isinstance(a, torch.Tensor) else a for a in args]
            yield f"all inputs of rank {ranks[0] + more}", made, False


def failing_code(error: BaseException) -> list[str]:
    """The lines of source on which the frames of an error stand, outermost first."""
    found = []
    for frame, line in traceback.walk_tb(error.__traceback__):
        found.append(linecache.getline(frame.f_code.co_filename, line).strip())
    return found


def _tensors(inputs: Inputs, error: BaseException) -> list[tuple[Where, torch.Tensor]]:
    """The tensors of the input, those first that the failing lines name."""
    words = set(re.findall(r"[A-Za-z_]\w*", " ".join(failing_code(error))))
    names = dict(enumerate(inputs.names))
    found: list[tuple[Where, torch.Tensor]] = []
    for index, arg in enumerate(inputs.args):
        several = type(arg) in (tuple, list)
        for where, one in [((index, i), a) for i, a in enumerate(arg)] if several else [((index,), arg)]:
            if isinstance(one, torch.Tensor):
                found.append((where, one))
    return sorted(found, key=lambda one: names.get(one[0][0]) not in words)


def _resizes(
    args: list[Any], tensors: list[tuple[Where, torch.Tensor]], text: str
) -> Iterator[tuple[str, list[Any], bool]]:
    pairs = [(a, b) for got, want in contradiction(text) for a, b in ((got, want), (want, got))]
    real = [(where, arg) for where, arg in tensors if arg.dim() > 1 and arg.is_floating_point()]

    def resized(where: Where, arg: torch.Tensor, axis: int, size: int) -> tuple[str, list[Any], bool]:
        note = f"size {arg.shape[axis]} of input {_at(where)} changed to {size}"
        return note, _with(args, where, _resized(arg, axis, size)), True

    for got, want in contradiction(text):
        for where, arg in real:
            axis = 1 if arg.dim() > 3 else arg.dim() - 1
            parts = [other.shape[axis] for at, other in real if at != where and other.dim() == arg.dim()]
            if any(part + arg.shape[axis] == got for part in parts) and 0 < arg.shape[axis] + want - got:
                yield resized(where, arg, axis, arg.shape[axis] + want - got)
    for got, want in pairs:
        for where, arg in tensors:
            if got in arg.shape and 0 < want < _WIDEST:
                yield resized(where, arg, len(arg.shape) - 1 - list(arg.shape)[::-1].index(got), want)
    if contradiction(text) or re.search("is invalid for input of size|too small|can't be greater", text):
        for side in (28, 64, 224, 96, 16, 128):
            for where, arg in tensors:
                if arg.dim() == 4:
                    made = torch.randn(*arg.shape[:2], side, side, dtype=arg.dtype)
                    yield f"input {_at(where)} of {side}x{side}", _with(args, where, made), True
    for got, want in pairs:
        for where, arg in real:
            for axis, size in _proportional(arg, got, want):
                yield resized(where, arg, axis, size)
    for got, want in pairs:
        for where, arg in reversed(real):
            axis = 1 if arg.dim() > 3 else arg.dim() - 1
            size = arg.shape[axis] + want - got
            if 0 < size < _WIDEST and got != want:
                yield resized(where, arg, axis, size)


def _proportional(arg: torch.Tensor, got: int, want: int) -> Iterator[tuple[int, int]]:
    """(axis, size) where the code multiplies a size before it compares it."""
    for axis in sorted(range(1, arg.dim()), key=lambda axis: axis != 1):
        factor, rest = divmod(got, arg.shape[axis])
        if factor > 1 and not rest and want % factor == 0:
            yield axis, want // factor


def _at(where: Where) -> str:
    return str(where[0]) + "".join(f"[{index}]" for index in where[1:])


def _with(args: list[Any], where: Where, value: Any) -> list[Any]:
    index = where[0]
    if len(where) > 1:
        value = type(args[index])(_with(list(args[index]), where[1:], value))
    return [*args[:index], value, *args[index + 1 :]]


def _typed(arg: torch.Tensor, text: str) -> Iterator[tuple[str, torch.Tensor, bool]]:
    """(what, the tensor as the message wants its values to be, whether that is an adaptation)."""
    if arg.is_floating_point() and re.search(
        r"(type|types?:?|expected|be|indices).{0,40}(Long|Int|long|int64|integer)|one_hot", text
    ):
        yield "of integers", torch.randint(0, 2, arg.shape[:2] if arg.dim() > 2 else arg.shape), False
    if "only integer tensors of a single element" in text:
        yield "of one integer", torch.tensor(1), False
    if not arg.is_floating_point() and re.search(r"(Float|float|dtype|Double|floating)", text):
        yield "of floats", torch.randn(arg.shape), False
    if not arg.is_floating_point() and re.search("index out of range|not in the valid range|index_size", text):
        yield "of zeros", torch.zeros_like(arg), True
    if arg.is_floating_point() and "one-dimensional" in text:
        yield "flat", torch.randn(arg.shape[0]), False
    lengths = re.search(r"len\(lengths\)` to be equal to batch_size, but got (\d+) \(batch_size=(\d+)", text)
    if lengths and list(arg.shape) == [int(lengths[1])]:
        yield "for each row", arg[:1].repeat(int(lengths[2])), False


_RANKS = re.compile(
    r"[Ee]xpected (\d)D|must have (\d) dimensions|must be (\d)D|(\d)-D|[Ee]xpected (\d) dims"
)
_SUBSCRIPTS = re.compile(
    r"(?:subscripts in the equation|number of sizes provided) \((\d)\) "
    r"(?:does not match the|must be greater or equal to the) number of dimensions(?: in the tensor)? \((\d)\)"
)


def _ranks(arg: torch.Tensor, text: str, error: BaseException) -> list[int]:
    found = [int(next(filter(None, m.groups()))) for m in _RANKS.finditer(text)]
    batched = re.search(r"or (\d)D \(batched\)", text)
    if batched:
        found.insert(0, int(batched[1]))
    unpacked = re.search(r"values to unpack \(expected (\d)(?:, got (\d))?", text)
    if unpacked:
        found.append(arg.dim() + (int(unpacked[1]) - int(unpacked[2]) if unpacked[2] else -1))
        found.append(int(unpacked[1]))
    subscripts = _SUBSCRIPTS.search(text)
    if subscripts:
        found += [int(subscripts[1]), arg.dim() + int(subscripts[1]) - int(subscripts[2])]
    if "offsets has to be" in text:  # bags of one dimension
        found.append(arg.dim() + 1)
    if "dimension" in text and not contradiction(text):
        found += [arg.dim() + 1, arg.dim() - 1] if arg.is_floating_point() else [arg.dim() - 1, arg.dim() + 1]
    if (isinstance(error, IndexError) and "index out of range" not in text) or (
        isinstance(error, KeyError) and error.args and isinstance(error.args[0], int)
    ):
        found += [arg.dim() + 1, arg.dim() + 2]
    return [rank for rank in dict.fromkeys(found) if 0 < rank < 6 and rank != arg.dim()]


def _at_rank(arg: torch.Tensor, rank: int) -> torch.Tensor:
    shape = list(arg.shape)
    if rank > len(shape):
        if rank >= 4 and len(shape) <= 3:
            shape = [shape[0], shape[-1], *([16] * (rank - 2))]
        else:
            shape = [shape[0], *([LENGTH] * (rank - len(shape))), *shape[1:]]
    else:
        shape = [*shape[: rank - 1], shape[-1]] if rank > 1 else shape[:1]
    return _like(arg, shape)


def _resized(arg: torch.Tensor, axis: int, size: int) -> torch.Tensor:
    shape = list(arg.shape)
    shape[axis] = size
    return _like(arg, shape)


def _like(arg: torch.Tensor, shape: list[int]) -> torch.Tensor:
    if arg.is_floating_point():
        return torch.randn(shape, dtype=arg.dtype)
    if arg.dtype == torch.bool:
        return torch.ones(shape, dtype=torch.bool)
    return torch.randint(0, 2, shape)
