"""A process for each run, where fork does not exist or CUDA has started: the same, slower."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from lint_params.verify import contain
from lint_params.verify.answers import answer_in, without
from lint_params.verify.clock import PATIENCE
from lint_params.verify.jobs import CARRIED, Job, Json, again

#: Seconds for importing torch, which is not the subject's time.
START = 60


#: The processes that run now.
_alive: set[subprocess.Popen[bytes]] = set()


def end_with(pipe: int) -> None:
    """Ends everything when the other end of a pipe is closed: whoever wanted answers is gone."""

    def watch() -> None:
        while os.read(pipe, 1 << 10):
            pass
        for process in list(_alive):
            contain.kill_all(process)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def run_spawned(
    request: Json, jobs: list[Job], settings: Json, emit: Callable[[Json], None]
) -> None:
    """The same without fork."""

    def work(job: Job) -> None:
        while True:
            answer = _one(request, job, settings)
            if not again(job, answer, settings):
                emit({"index": job.index, "verdicts": job.final()})
                return

    with ThreadPoolExecutor(settings["width"]) as pool:
        list(pool.map(work, jobs))


def _one(request: Json, job: Job, settings: Json) -> Json:
    token = secrets.token_hex(8)
    given = {
        "request": request,
        "settings": settings,
        "token": token,
        "job": {name: getattr(job, name) for name in CARRIED},
    }
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "lint_params.verify", "--one"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    _alive.add(process)
    try:
        limit = PATIENCE * settings["timeout"] + START
        said, _ = process.communicate(json.dumps(given).encode(), timeout=limit)
        how = f"exit status {process.returncode} without a result"
        if process.returncode < 0:
            how = f"ended by signal {-process.returncode}"
    except subprocess.TimeoutExpired:
        said, how = b"", ""
    finally:
        contain.kill_all(process)
        _alive.discard(process)
    answer = answer_in(said, token.encode())
    if answer is None or "internal" in answer:
        return without(job, answer, how, time.monotonic() - started, settings)
    return answer
