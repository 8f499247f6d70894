"""Work in a child of this process that may take so many seconds of CPU, and no more.

Seconds of CPU, so that what is found does not hang on what else the machine does.
"""

# The work may raise anything:
# ruff: noqa: BLE001
from __future__ import annotations

import json
import os
import select
import signal
import time
import traceback
from collections.abc import Callable
from typing import Any

from lint_params.verify import contain

Json = dict[str, Any]
#: A child that waits, or shares its processor, is killed after so many times its seconds.
PATIENCE = 6


def limited(work: Callable[[], Json], seconds: float) -> Json | None:
    """What the work returned, ``internal`` with what it raised; None if it died or took too long."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            contain.die_with_parent()
            _say(writer, _done(work, seconds))
        finally:
            os._exit(0)
    os.close(writer)
    try:
        text = _heard(reader, time.monotonic() + PATIENCE * seconds)
    finally:
        os.close(reader)
        contain.kill(child)
    return dict(json.loads(text)) if text.endswith(b"\n") else None


def _done(work: Callable[[], Json], seconds: float) -> Json:
    def ring(*_: Any) -> None:
        raise TimeoutError(f"no end after {seconds:.0f} s of CPU")

    signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        return work()
    except BaseException as error:
        signal.setitimer(signal.ITIMER_PROF, 0)
        where = traceback.extract_tb(error.__traceback__)[-1]
        return {"internal": f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})"}


def _say(pipe: int, answer: Json) -> None:
    line = json.dumps(answer, default=str).encode() + b"\n"
    while line:
        line = line[os.write(pipe, line) :]


def _heard(pipe: int, deadline: float) -> bytes:
    """All that is written before the pipe is closed, or a line ends, or the time is over."""
    text = b""
    while not text.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            break
        chunk = os.read(pipe, 1 << 20)
        if not chunk:
            break
        text += chunk
    return text
