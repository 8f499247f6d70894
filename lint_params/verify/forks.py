"""A fork for each run: what it says, how long it may take, what is left of it afterwards."""

# The linted code may raise anything, anywhere:
# ruff: noqa: BLE001
from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lint_params.verify import contain
from lint_params.verify.clock import Stopwatch
from lint_params.verify.jobs import Job, Json, again, inconclusive

#: How long after its own alarm a child is killed.
GRACE = 1.5
#: No file may write more than this (bytes).
OUTPUT = 64 << 20


@dataclass
class Child:
    pid: int
    pipe: int
    limit: float
    token: bytes
    watch: Stopwatch
    data: bytes = b""

    def left(self) -> float:
        """How long it may still run."""
        return self.watch.left(self.limit)


def answer_in(data: bytes, token: bytes) -> Json | None:
    """The complete line that carries our token, if it is there yet."""
    for line in data.split(b"\n")[:-1]:
        if line.startswith(token):
            with contextlib.suppress(ValueError):
                return dict(json.loads(line[len(token) :]))
    return None


def fork(work: Callable[[], Json], seconds: float) -> Child:
    token = secrets.token_hex(8).encode()
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            contain.die_with_parent()
            contain.close_all(keep=[writer])
            _say(writer, token, work())
        except BaseException as error:  # a mistake of the verifier's own, or out of memory
            with contextlib.suppress(BaseException):
                where = traceback.extract_tb(error.__traceback__)[-1]
                text = (
                    f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
                )
                _say(writer, token, {"internal": text})
        finally:
            os._exit(0)
    os.close(writer)
    return Child(pid, reader, seconds + GRACE, token, Stopwatch(pid))


def _say(pipe: int, token: bytes, answer: Json) -> None:
    line = token + json.dumps(answer, default=str).encode() + b"\n"
    while line:
        line = line[os.write(pipe, line) :]


def ended(pid: int) -> str:
    """How a child that gave no answer ended."""
    with contextlib.suppress(ChildProcessError):
        for _ in range(40):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                if os.WIFSIGNALED(status):
                    return f"ended by signal {os.WTERMSIG(status)}"
                return f"exit status {os.WEXITSTATUS(status)} without a result"
            time.sleep(0.01)
    return "no result"


def run_forked(target: Any, jobs: list[Job], settings: Json, emit: Callable[[Json], None]) -> None:
    """All jobs of an imported file, ``settings["width"]`` at a time."""
    from lint_params.verify import one_run

    todo, active = list(jobs), dict[int, tuple[Child, Job]]()
    seconds = settings["timeout"]
    while todo or active:
        while todo and len(active) < settings["width"]:
            job = todo.pop(0)
            started = fork(lambda job=job: one_run.one_run(target, job, seconds), seconds)  # type: ignore[misc]
            active[started.pipe] = (started, job)
        wait = min(child.left() for child, _ in active.values())
        ready, _, _ = select.select(list(active), [], [], max(0.0, wait))
        late = {pipe for pipe, (child, _) in active.items() if child.left() <= 0}
        for pipe in {*ready} | late:
            child, job = active[pipe]
            chunk = os.read(pipe, 1 << 20) if pipe in ready else b""
            child.data += chunk
            answer = answer_in(child.data, child.token)
            if answer is None and chunk and pipe not in late and len(child.data) < OUTPUT:
                continue
            if answer is None or "internal" in answer:
                answer = _no_answer(
                    child, job, pipe in late, settings, (answer or {}).get("internal", "")
                )
            del active[pipe]
            os.close(pipe)
            contain.kill(child.pid)
            contain.sweep(spare=[other.pid for other, _ in active.values()])
            if again(job, answer, settings):
                todo.insert(0, job)
            else:
                emit({"index": job.index, "verdicts": job.final()})


def _no_answer(child: Child, job: Job, late: bool, settings: Json, internal: str) -> Json:
    seconds = child.watch.seconds()
    if internal:
        reason, text = "crashed", internal
        if internal.startswith("MemoryError"):
            reason = "out-of-memory"
        elif internal.startswith("TimeoutError"):
            reason = "timeout"
    elif late:
        reason, text = "timeout", f"no end after {settings['timeout']:.0f} s"
    else:
        reason, text = "crashed", ended(child.pid)
    note = inconclusive(reason, text, job.device or settings["device"], seconds)
    verdicts = [note] * len(job.findings)
    return {"verdicts": verdicts, "more": True, "reason": reason, "spent": seconds}
