"""Work in a child of this process that may take so many seconds of CPU, and no more.

Seconds of CPU, so that what is found does not hang on what else the machine does.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable
from typing import Any

from lint_params.verify import contain, forks
from lint_params.verify.jobs import Json

#: A child that waits, or shares its processor, is killed after so many times its seconds.
PATIENCE = 6


def limited(work: Callable[[], Json], seconds: float) -> Json | None:
    """What the work returned, ``internal`` with what it raised; None if it died or took too long."""

    def ring(*_: Any) -> None:
        raise TimeoutError(f"no end after {seconds:.0f} s of CPU")

    def rung() -> Json:
        signal.signal(signal.SIGPROF, ring)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        return work()

    child = forks.fork(rung, PATIENCE * seconds)
    try:
        while child.answer() is None:
            left = child.deadline - time.monotonic()
            if left <= 0 or not select.select([child.pipe], [], [], left)[0]:
                break
            chunk = os.read(child.pipe, 1 << 20)
            if not chunk:
                break
            child.data += chunk
        return child.answer()
    finally:
        os.close(child.pipe)
        contain.kill(child.pid)
