"""A fork for each run: how long it may take, what is left of it afterwards."""

# The linted code may raise anything, anywhere:
# ruff: noqa: BLE001
from __future__ import annotations

import contextlib
import os
import secrets
import select
import time
from collections.abc import Callable
from dataclasses import dataclass

from lint_params.verify import contain
from lint_params.verify.answers import answer_in, speak, without
from lint_params.verify.clock import Stopwatch
from lint_params.verify.jobs import Job, Json, again

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


def fork(work: Callable[[int, bytes], None], seconds: float) -> Child:
    """A contained child that is given a pipe to write to, and its token."""
    token = secrets.token_hex(8).encode()
    reader, writer = os.pipe()
    pid = contain.plain_fork()
    if pid == 0:
        try:
            contain.begin([writer])
            work(writer, token)
        except BaseException:
            pass  # the missing answer says it
        finally:
            os._exit(0)
    os.close(writer)
    contain.own_group(pid)
    return Child(pid, reader, seconds + GRACE, token, Stopwatch(pid))


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


def run_forked(
    work: Callable[[Job], Json],
    jobs: list[Job],
    settings: Json,
    emit: Callable[[Json], None],
    seconds: float,
) -> None:
    """The work of each job in a fork of this process, ``settings["width"]`` at a time."""
    todo, active = list(jobs), dict[int, tuple[Child, Job]]()

    def start(job: Job) -> Child:
        return fork(lambda pipe, token: speak(pipe, token, lambda: work(job)), seconds)

    while todo or active:
        while todo and len(active) < settings["width"]:
            job = todo.pop(0)
            started = start(job)
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
                how = "" if answer or pipe in late else ended(child.pid)
                answer = without(job, answer, how, child.watch.seconds(), settings)
            del active[pipe]
            os.close(pipe)
            contain.kill(child.pid)
            contain.sweep(spare=[other.pid for other, _ in active.values()])
            if again(job, answer, settings):
                todo.insert(0, job)
            else:
                emit({"index": job.index, "verdicts": job.final()})
