"""What a run's process says, a line that carries its token, and what is said in its place."""

# The linted code may raise anything, anywhere:
# ruff: noqa: BLE001
from __future__ import annotations

import contextlib
import json
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lint_params.verify.jobs import Job, Json, inconclusive


def speak(pipe: int, token: bytes, work: Callable[[], Json]) -> None:
    """Works, and writes the answer: as this very process, as the linted code may fork."""
    me = os.getpid()
    try:
        answer = work()
    except BaseException as error:  # a mistake of the verifier's own, or out of time or memory
        answer = {"internal": _told(error)}
    if os.getpid() != me:
        return
    line = token + json.dumps(answer, default=str).encode() + b"\n"
    while line:
        line = line[os.write(pipe, line) :]


def _told(error: BaseException) -> str:
    with contextlib.suppress(BaseException):
        where = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
    return type(error).__name__


def answer_in(data: bytes, token: bytes) -> Json | None:
    """The complete line that carries our token, if it is there yet."""
    for line in data.split(b"\n")[:-1]:
        if line.startswith(token):
            with contextlib.suppress(ValueError):
                return dict(json.loads(line[len(token) :]))
    return None


def without(job: Job, answer: Json | None, ended: str, seconds: float, settings: Json) -> Json:
    """The answer of a run that gave none; ``ended``: how its process did, "" if it was late."""
    text = str((answer or {}).get("internal", ""))
    reason = "crashed"
    if text.startswith("MemoryError"):
        reason = "out-of-memory"
    elif text.startswith("TimeoutError"):
        reason = "timeout"
    elif not text:
        reason = "crashed" if ended else "timeout"
        text = ended or f"no end after {settings['timeout']:.0f} s"
    note = inconclusive(reason, text, job.device or settings["device"], seconds)
    verdicts: list[Any] = [note] * len(job.findings)
    return {"verdicts": verdicts, "more": True, "reason": reason, "spent": seconds}
