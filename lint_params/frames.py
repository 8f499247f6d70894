"""Room for the frames of nested calls, in one piece.

Since 3.11 Python keeps the frames of running functions in chunks of 16 kB and hands a chunk back to
the system as soon as the call that needed it returns. Where a loop stands at the edge of a chunk,
each of its rounds would ask the system for memory and return it. A frame that wants much room for
itself gets a chunk to match, and what is called from it finds room in there.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

#: In words: the chunk is the next power of two, 1 MB, and half of it is left for what is called.
ROOM = 70_000


def with_room(function: Callable[P, R]) -> Callable[P, R]:
    """The function, called from a frame that has room for all the calls inside."""

    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        return function(*args, **kwargs)

    call.__code__ = call.__code__.replace(co_stacksize=ROOM)
    return functools.wraps(function)(call)
