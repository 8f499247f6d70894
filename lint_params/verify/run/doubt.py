"""Which sizes in a message are no evidence, as they come with an input that was made up. Child only.

Each size of the input is changed, one after the other. What is said at the same place with
the same two sizes does not depend on it; what fails before that place was demanded there.
"""

# The linted code may raise anything, anywhere:
# ruff: noqa: BLE001
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import torch

from lint_params.evidence import Failure
from lint_params.torch_errors import contradiction
from lint_params.verify.made_up.inputs import Inputs
from lint_params.verify.made_up.symbols import BATCH, LENGTH

#: How many inputs are tried for one failure.
_MOST = 8
#: Larger ones are not.
_LARGEST = 1 << 22

Axes = list[tuple[int, int]]  # (argument, axis)
#: A failure, and how many modules had been called before it.
Ended = tuple[Failure, int]


def doubtful(
    given: Inputs, first: Ended, stated: set[Any], failing: Callable[[Inputs], Ended | None]
) -> tuple[set[int], set[int]]:
    """The sizes in the message of ``first`` that are, or come from, sizes which nobody asked for;
    the same where those count, too, that the constructor was given (``stated``) or that are
    asked for before the place of the failure.

    ``failing``: how the model ends on another input, None where it runs.
    """
    free: set[int] = set()
    every: set[int] = set()
    named = {size for pair in contradiction(first[0].text) for size in pair}
    if named and given.origin == "synthesised":
        for size, other in islice(_others(given), _MOST):
            again = failing(other)
            found = _changed(first, again, named)
            every |= found
            free |= found if size not in stated else set()
            if again is not None and not found and not _same_place(again[0], first[0]):
                every |= named & {size}
    return free, every


def _changed(first: Ended, again: Ended | None, named: set[int]) -> set[int]:
    """The sizes in a message that another input did away with."""
    if again is None:
        return named
    if not _same_place(again[0], first[0]):
        return set() if _before(again, first) else named
    pairs, theirs = contradiction(first[0].text), contradiction(again[0].text)
    same = len(theirs) == len(pairs) and all(
        a * d == b * c for (a, b), (c, d) in zip(pairs, theirs)
    )  # a view's two counts grow together
    return set() if same else named - {n for pair in theirs for n in pair}


def _others(given: Inputs) -> Iterator[tuple[int, Inputs]]:
    """(size, the input with all axes changed that have this size in one role)."""
    roles: dict[tuple[str, int], Axes] = {}
    for index, arg in enumerate(given.args):
        for axis, size in enumerate(arg.shape if isinstance(arg, torch.Tensor) else ()):
            roles.setdefault((_role(axis, arg.dim(), size), int(size)), []).append((index, axis))
    for (role, size), axes in roles.items():
        args = list(given.args)
        for index, axis in axes if size else ():
            args[index] = _longer(args[index], axis, 8 if role == "place" else 1)
        if all(args[index].numel() < _LARGEST for index, _ in axes):
            yield size, replace(given, args=args)


def _role(axis: int, rank: int, size: int) -> str:
    """Rows, steps, places of a picture, or what a layer may ask for."""
    if not axis or size in (BATCH, LENGTH):
        return "row"
    return "place" if rank > 3 and axis > 1 else f"axis {axis} of {rank}"


def _longer(value: torch.Tensor, axis: int, more: int) -> torch.Tensor:
    again = value.repeat_interleave(-(-more // value.shape[axis]), axis) if value.shape[axis] < more else value
    return torch.cat([value, again.narrow(axis, 0, more)], axis)


def _same_place(one: Failure, other: Failure) -> bool:
    spans = [failure.frames[-1].span if failure.frames else () for failure in (one, other)]
    return (one.line, one.layer) == (other.line, other.layer) and spans[0] == spans[1]


def _before(one: Ended, other: Ended) -> bool:
    """Whether the first came less far: fewer modules were called, or it stands on an earlier line,
    or further left or inside on the same."""
    if one[1] != other[1]:
        return one[1] < other[1]
    for here, there in zip(one[0].frames, other[0].frames):
        if here.function != there.function:
            return False
        if here.line != there.line:
            return here.line < there.line
        if here.span != there.span:
            inside = there.span[0] <= here.span[0] and here.span[1] <= there.span[1]
            outside = here.span[0] <= there.span[0] and there.span[1] <= here.span[1]
            return inside or not outside and here.span < there.span
    return False
