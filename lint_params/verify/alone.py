"""A process for a single run, which imports the file itself. Child only.

Where there is no fork; and for a GPU, which a process that has asked for it does not hand on to
its forks, and which is only reached by the process that was confined.
"""

from __future__ import annotations

import torch

from lint_params.verify import clock, contain, one_run
from lint_params.verify.forks import OUTPUT
from lint_params.verify.jobs import GPUS, Job, Json
from lint_params.verify.run import child
from lint_params.verify.run.load import project_files


def run_alone(request: Json, job: Job, settings: Json) -> Json:
    """Confines this process, imports the file, and answers as a run in a fork does."""
    level = confine(settings)
    clock.alarm(settings["timeout"])
    if job.device == "cpu" and settings["device"] in GPUS:
        hide_gpus()
    target = child.prepare({**request, "device": settings["device"]})
    answer = one_run.one_run(target, job, settings["timeout"])
    return {**answer, "level": level, "files": files_read(request, target)}


def hide_gpus() -> None:
    """A file that asks for a GPU, and takes the CPU where there is none, stays on the CPU."""
    torch.cuda.is_available = torch.backends.mps.is_available = lambda: False  # type: ignore[assignment]
    torch.cuda.device_count = lambda: 0


def files_read(request: Json, target: child.Target) -> list[str]:
    """The project's files on which the verdicts depend."""
    return sorted({*project_files(request), *target.read})


def confine(settings: Json) -> str:
    """The level reached."""
    gpu = settings["device"] in GPUS
    return contain.confine(settings["scratch"], settings["memory"], OUTPUT, gpu)
