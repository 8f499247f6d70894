"""Changes an input to please a message of torch; a size that was changed is noted. Child only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch

from lint_params.mismatch import contradiction
from lint_params.verify.inputs import Inputs, flat
from lint_params.verify.symbols import LENGTH

#: No input gets larger than this by repair (elements).
_LARGEST = 1 << 22


def repaired(inputs: Inputs, error: BaseException, tried: set[str]) -> Inputs | None:
    """The input changed to please torch's message; None if nothing is left to try."""
    text = str(error)
    for change, args, noted in _changes(inputs, error, text):
        if change not in tried and sum(t.numel() for t in flat(args)) <= _LARGEST:
            tried.add(change)
            record = (*inputs.repaired, change) if noted else inputs.repaired
            return replace(inputs, args=args, repaired=record, said=())
    return None


def _changes(
    inputs: Inputs, error: BaseException, text: str
) -> Iterator[tuple[str, list[Any], bool]]:
    """(what, new arguments, whether a size was adapted)."""
    args = inputs.args
    for index, arg in enumerate(args):
        if not isinstance(arg, torch.Tensor):
            if arg is None and isinstance(error, (TypeError, AttributeError)):
                first = next((a for a in args if isinstance(a, torch.Tensor)), None)
                if first is not None:
                    yield (
                        f"input {index} given",
                        _with(args, index, torch.randn(first.shape)),
                        False,
                    )
            continue
        yield from _typed(args, index, arg, text)
        for rank in _ranks(arg, text, error):
            made = _at_rank(arg, rank)
            yield f"input {index} of rank {rank}", _with(args, index, made), False
    pairs = [(a, b) for got, want in contradiction(text) for a, b in ((got, want), (want, got))]
    for got, want in pairs:
        for index, arg in enumerate(args):
            if isinstance(arg, torch.Tensor) and got in arg.shape and 0 < want < 8192:
                axis = len(arg.shape) - 1 - list(arg.shape)[::-1].index(got)
                made = _resized(arg, axis, want)
                note = f"size {got} of input {index} changed to {want}"
                yield note, _with(args, index, made), True
    for got, want in pairs:
        for index, arg in enumerate(args):
            if isinstance(arg, torch.Tensor) and arg.dim() > 1 and arg.is_floating_point():
                for axis, size in _proportional(arg, got, want):
                    note = f"size {arg.shape[axis]} of input {index} changed to {size}"
                    yield note, _with(args, index, _resized(arg, axis, size)), True
    for got, want in pairs:
        for index in reversed(range(len(args))):
            arg = args[index]
            if isinstance(arg, torch.Tensor) and arg.dim() > 1 and arg.is_floating_point():
                size = arg.shape[-1] + want - got
                if 0 < size < 8192 and arg.dim() < 4 and got != want:
                    note = f"size {arg.shape[-1]} of input {index} changed to {size}"
                    yield note, _with(args, index, _resized(arg, arg.dim() - 1, size)), True
    if contradiction(text) or "is invalid for input of size" in text or "too small" in text:
        for side in (28, 64, 224, 96, 16, 128):
            for index, arg in enumerate(args):
                if isinstance(arg, torch.Tensor) and arg.dim() == 4:
                    made = torch.randn(*arg.shape[:2], side, side, dtype=arg.dtype)
                    yield f"input {index} of {side}x{side}", _with(args, index, made), True


def _proportional(arg: torch.Tensor, got: int, want: int) -> Iterator[tuple[int, int]]:
    """(axis, size) where the code multiplies a size before it compares it."""
    for axis in sorted(range(1, arg.dim()), key=lambda axis: axis != 1):
        factor, rest = divmod(got, arg.shape[axis])
        if factor > 1 and not rest and want % factor == 0:
            yield axis, want // factor


def _with(args: list[Any], index: int, value: Any) -> list[Any]:
    return [*args[:index], value, *args[index + 1 :]]


def _typed(
    args: list[Any], index: int, arg: torch.Tensor, text: str
) -> Iterator[tuple[str, list[Any], bool]]:
    if arg.is_floating_point() and re.search(
        r"(type|types?:?|expected|be|indices).{0,40}(Long|Int|long|int64|integer)|one_hot", text
    ):
        made = torch.randint(0, 2, arg.shape[:2] if arg.dim() > 2 else arg.shape)
        yield f"input {index} of integers", _with(args, index, made), False
    if not arg.is_floating_point() and re.search(r"(Float|float|dtype|Double|floating)", text):
        yield f"input {index} of floats", _with(args, index, torch.randn(arg.shape)), False
    if not arg.is_floating_point() and "index out of range" in text:
        yield f"input {index} of zeros", _with(args, index, torch.zeros_like(arg)), True
    if arg.is_floating_point() and "one-dimensional" in text:
        yield f"input {index} flat", _with(args, index, torch.randn(arg.shape[0])), False


_RANKS = re.compile(
    r"[Ee]xpected (\d)D|must have (\d) dimensions|must be (\d)D|(\d)-D|[Ee]xpected (\d) dims"
    r"|subscripts in the equation \((\d)\)"
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
    if "dimension" in text and not contradiction(text):
        found += [arg.dim() + 1, arg.dim() - 1]
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
