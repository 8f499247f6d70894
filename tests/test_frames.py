"""Nested calls find room for their frames: no memory is asked for and returned in each round of a loop."""

from __future__ import annotations

import sys

import pytest

from lint_params.frames import with_room

resource = pytest.importorskip("resource")
ROUNDS, DEPTH = 200, 300


def _leaf(a: int = 0, b: int = 0, c: int = 0, d: int = 0, e: int = 0, f: int = 0, g: int = 0, h: int = 0) -> int:
    return a + b + c + d + e + f + g + h


def _loop_at(depth: int) -> None:
    if depth:
        _loop_at(depth - 1)
        return
    for _ in range(ROUNDS):
        _leaf()


def _everywhere() -> None:
    """A loop at each depth, so that some stand at the edge of a chunk of frames."""
    for depth in range(DEPTH):
        _loop_at(depth)


def _faults(run: object) -> int:
    before: int = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    assert callable(run)
    run()
    after: int = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    return after - before


@pytest.mark.skipif(sys.version_info < (3, 11), reason="frames are objects of their own there")
def test_no_loop_asks_for_memory_in_each_round() -> None:
    _everywhere()
    assert _faults(with_room(_everywhere)) < ROUNDS


def test_the_function_is_the_same() -> None:
    @with_room
    def named(a: int, *, b: int) -> int:
        """Says what it is."""
        return a - b

    assert named(5, b=2) == 3
    assert (named.__name__, named.__doc__) == ("named", "Says what it is.")
