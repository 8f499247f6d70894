"""A process for each run, where fork does not exist or CUDA has started: the same, slower."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from lint_params.verify.clock import PATIENCE
from lint_params.verify.forks import answer_in
from lint_params.verify.jobs import CARRIED, Job, Json, again, inconclusive


def run_spawned(
    request: Json, jobs: list[Job], settings: Json, emit: Callable[[Json], None]
) -> None:
    """The same without fork."""

    def work(job: Job) -> None:
        while True:
            started = time.monotonic()
            token = secrets.token_hex(8)
            given = {
                "request": request,
                "settings": settings,
                "token": token,
                "job": {name: getattr(job, name) for name in CARRIED},
            }
            late = PATIENCE * settings["timeout"] + 60  # importing torch is not the subject's time
            try:
                done = subprocess.run(
                    [sys.executable, "-m", "lint_params.verify", "--one"],
                    input=json.dumps(given).encode(),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    timeout=late,
                    check=False,
                )
                said, status = done.stdout, f"exit status {done.returncode} without a result"
            except subprocess.TimeoutExpired:
                said, status = b"", ""
            answer = answer_in(said, token.encode())
            if answer is None:
                reason = "crashed" if status else "timeout"
                seconds = time.monotonic() - started
                note = inconclusive(reason, status, settings["device"], seconds)
                verdicts = [note] * len(job.findings)
                answer = {"verdicts": verdicts, "more": True, "reason": reason, "spent": seconds}
            if not again(job, answer, settings):
                emit({"index": job.index, "verdicts": job.final()})
                return

    with ThreadPoolExecutor(settings["width"]) as pool:
        list(pool.map(work, jobs))
