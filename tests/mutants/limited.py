"""Work in a child of this process that may take so long and so much, and no more."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable

from lint_params.verify import contain, forks
from lint_params.verify.clock import alarm
from lint_params.verify.jobs import Json


def limited(work: Callable[[], Json], seconds: float) -> Json | None:
    """What the work returned; None if it died or took too long."""

    def rung() -> Json:
        alarm(seconds)
        return work()

    child = forks.fork(rung, seconds)
    try:
        while child.answer() is None:
            left = child.deadline - time.monotonic()
            if left <= 0 or not select.select([child.pipe], [], [], left)[0]:
                break
            chunk = os.read(child.pipe, 1 << 20)
            if not chunk:
                break
            child.data += chunk
        answer = child.answer()
        if answer is not None and "internal" in answer:  # a mistake of ours, not of the library
            print(answer["internal"], file=sys.stderr)
        return None if answer is None or "internal" in answer else answer
    finally:
        os.close(child.pipe)
        contain.kill(child.pid)
