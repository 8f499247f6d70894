"""The time that a process has had: it is not charged for waiting until a core is free.

Linux says how long each process stood ready without a core; elsewhere this is wall time.
"""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

#: However busy the machine is, a run ends after this many times its limit.
PATIENCE = 4


class Stopwatch:
    """Started with a process (0: this one), it runs only while that is running or asleep."""

    def __init__(self, pid: int = 0) -> None:
        self.pid = pid
        self.began = time.monotonic()
        self.waited = waited(pid)

    def seconds(self) -> float:
        return max(0.0, time.monotonic() - self.began - (waited(self.pid) - self.waited))

    def left(self, limit: float) -> float:
        """Until the limit is reached in either way; not positive: it is."""
        wall = time.monotonic() - self.began
        return min(limit - self.seconds(), PATIENCE * limit - wall)


def waited(pid: int = 0) -> float:
    """Seconds for which a process stood ready without a core, as far as the kernel says."""
    try:
        said = Path(f"/proc/{pid or 'self'}/schedstat").read_text().split()
        return int(said[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def alarm(limit: float) -> None:
    """Raise TimeoutError in this process when its time is over; 0 takes that back."""
    if not hasattr(signal, "SIGALRM"):
        return
    watch = Stopwatch()

    def ring(number: int, frame: Any) -> None:
        left = watch.left(limit)
        if left > 0.02:
            signal.setitimer(signal.ITIMER_REAL, left)
            return
        raise TimeoutError(f"no end after {limit:.0f} s")

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, limit)
