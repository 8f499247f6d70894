"""The process that imports torch once; a child of it imports a file, a fork of that runs a class.

Started by the client as ``python -m lint_params.verify``: a line of JSON each way.
Where that does not do, every run imports the file in a process of its own (``alone``), with the
same results: a fork of the server for CUDA, a new process (``--one``) where fork does not exist
or the device does not outlive it.
"""

# The linted code may raise anything, anywhere:
# ruff: noqa: BLE001, S110
from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from lint_params.verify import clock, contain
from lint_params.verify.answers import speak
from lint_params.verify.forks import GRACE, OUTPUT, Child, ended, fork, run_forked
from lint_params.verify.jobs import Job, Json, imported, inconclusive, jobs_of
from lint_params.verify.spawned import end_with, run_spawned

#: How many runs at once have a GPU: each takes some hundred megabytes of its memory.
ON_GPU = 8


def file_process(request: Json, settings: Json, write: Callable[[Json], None]) -> None:
    """Import the file, then fork a run for each subject. Runs in a fork of the server."""
    from lint_params.verify import alone, one_run
    from lint_params.verify.run import child

    contain.silence()
    contain.adopt_orphans()
    jobs = jobs_of(request)

    def emit(message: Json) -> None:
        write({"id": request["id"], **message})

    if settings["start"] == "import":
        limit = 2 * settings["timeout"]  # of the import and of the run
        run_forked(lambda job: alone.run_alone(request, job, settings), jobs, settings, emit, limit)
        write(imported(request, jobs))
        contain.sweep()
        return
    level = alone.confine(settings)
    clock.alarm(settings["timeout"])
    target = child.prepare({**request, "device": settings["device"]})
    clock.alarm(0)
    files = alone.files_read(request, target)
    write({"imported": request["id"], "level": level, "files": files})

    import torch

    cuda: Any = torch.cuda
    if cuda.is_initialized() or cuda._is_in_bad_fork():  # a fork of this could not use it
        run_spawned(request, jobs, settings, emit)
    else:
        gc.freeze()
        seconds = settings["timeout"]
        run_forked(lambda job: one_run.one_run(target, job, seconds), jobs, settings, emit, seconds)
    contain.sweep()


def one() -> None:
    """``--one``: a single run; the request on stdin, the answer on the old stdout."""
    given = json.loads(sys.stdin.buffer.read())
    out = os.dup(1)
    contain.silence()
    contain.begin([out])
    _import_torch()
    contain.adopt_orphans()

    from lint_params.verify import alone

    job = Job(**given["job"])
    work = partial(alone.run_alone, given["request"], job, given["settings"])
    speak(out, given["token"].encode(), work)
    contain.sweep()
    os._exit(0)


def _import_torch() -> str:
    """torch, and what it only imports when it is first used."""
    import warnings

    warnings.simplefilter("ignore")
    import torch

    torch.set_num_threads(1)
    with contextlib.suppress(Exception):
        torch.set_num_interop_threads(1)
    param = torch.nn.Parameter(torch.ones(2))
    param.grad = torch.ones(2)
    torch.optim.Adam([param], lr=0.1)  # no step: that asks the GPU, after which no fork can
    torch.optim.SGD([param], lr=0.1).step()

    importlib.import_module("lint_params.verify.run.child")
    _read_source()
    return str(torch.__version__)


def _read_source() -> None:
    """The static part, with all that it only imports when it meets a class: forks have it then."""
    import ast

    from lint_params.shape.runs.taken import Classes

    code = "from torch import nn\nclass Net(nn.Module):\n    def forward(self, x):\n        return x + 1\n"
    Classes("", ast.parse(code)).taken("Net")


def _device(wanted: str) -> str:
    import torch

    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "cuda"
    return "cpu"


def _start(device: str) -> str:
    """How a run starts: as a "fork" of the process that imported the file, as a fork that has
    the "import" to itself, or by "spawn"."""
    if device == "mps" or not hasattr(os, "fork"):
        return "spawn"
    return "import" if device == "cuda" else "fork"


def _present(device: str) -> bool:
    import torch

    if device == "cuda":
        return torch.cuda.is_available()
    if device == "mps":
        return torch.backends.mps.is_available()
    return True


def serve() -> None:
    out = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def write(message: Json) -> None:
        line = json.dumps(message).encode() + b"\n"
        while line:
            line = line[os.write(out, line) :]

    settings: Json = json.loads(sys.stdin.buffer.readline())
    try:
        version = _import_torch()
    except ImportError as error:
        write({"missing": str(error)})
        return
    for stem in settings["rules"]:
        with contextlib.suppress(Exception):
            from lint_params import registry

            registry.load(stem)
    settings["device"] = _device(settings["device"])
    present = _present(settings["device"])
    write({"torch": version, "device": settings["device"], "present": present})
    contain.adopt_orphans()
    gc.collect()
    gc.freeze()  # what a fork's collector does not look at stays one copy in memory
    requests = [json.loads(line) for line in iter(sys.stdin.buffer.readline, b"END\n")]
    if not present:
        for request in requests:
            note = inconclusive("needs-device", f"no {settings['device']} here", settings["device"])
            every = list(range(len(request["findings"])))
            write({"id": request["id"], "index": every, "verdicts": [note] * len(every)})
        return
    settings["start"] = settings["start"] or _start(settings["device"])
    if settings["device"] == "cuda":
        settings["jobs"] = min(settings["jobs"], ON_GPU)
    settings["width"] = max(1, settings["jobs"] // max(1, len(requests)))
    if settings["start"] == "spawn":
        settings["width"] = settings["jobs"]
        end_with(0)
        for request in requests:
            jobs = jobs_of(request)
            write({"began": request["id"]})
            run_spawned(request, jobs, settings, lambda m, r=request: write({"id": r["id"], **m}))  # type: ignore[misc]
            write(imported(request, jobs))
        contain.sweep()
        return
    _serve_forked(requests, settings, write)


def _serve_forked(requests: list[Json], settings: Json, write: Callable[[Json], None]) -> None:
    """A fork for each file, ``settings["jobs"]`` at a time; their lines are passed on."""
    todo = list(requests)
    active: dict[int, tuple[Child, Json, set[int]]] = {}
    while todo or active:
        while todo and len(active) < settings["jobs"]:
            request = todo.pop(0)
            write({"began": request["id"]})
            started = _fork_file(request, settings)
            active[started.pipe] = (started, request, set())
        wait = min(child.left() for child, _, _ in active.values())
        ready, _, _ = select.select([*active, 0], [], [], max(0.0, wait))
        if 0 in ready and not os.read(0, 1):  # the client is gone
            contain.sweep()
            os._exit(1)
        for pipe in list(active):
            child, request, seen = active[pipe]
            chunk = b""
            if pipe in ready:
                chunk = os.read(pipe, 1 << 20)
                child.data += chunk
                _pass_on(child, request, seen, settings, write)
            if (pipe in ready and not chunk) or child.left() <= 0:
                del active[pipe]
                _close(
                    child, request, seen, settings, write, [c.pid for c, _, _ in active.values()]
                )
    contain.sweep()


def _fork_file(request: Json, settings: Json) -> Child:
    def work(pipe: int, token: bytes) -> None:
        me = os.getpid()

        def write(message: Json) -> None:
            line = token + json.dumps(message).encode() + b"\n"
            while line and os.getpid() == me:
                line = line[os.write(pipe, line) :]

        file_process(request, settings, write)

    # What forks before it imports says nothing before its first run has ended.
    return fork(work, settings["timeout"] * (4 if settings["start"] == "import" else 1))


def _pass_on(
    child: Child, request: Json, seen: set[int], settings: Json, write: Callable[[Json], None]
) -> None:
    *lines, child.data = child.data.split(b"\n")
    if len(child.data) > OUTPUT:
        child.data = b""
    for line in lines:
        if not line.startswith(child.token):
            continue
        try:
            message = json.loads(line[len(child.token) :])
        except ValueError:
            continue
        # Each run has its own limit inside; this one only guards against a lost process.
        child.limit = child.watch.seconds() + 20 * (settings["timeout"] + 2 * GRACE)
        if "index" in message:
            seen.update(message["index"])
        write(message)


def _close(
    child: Child,
    request: Json,
    seen: set[int],
    settings: Json,
    write: Callable[[Json], None],
    spare: list[int],
) -> None:
    """A file's process is over: what it never answered is named."""
    late = child.left() <= 0
    how = "" if late else ended(child.pid)
    contain.kill(child.pid)
    os.close(child.pipe)
    contain.sweep(spare=spare)
    left = [i for i in range(len(request["findings"])) if i not in seen]
    if left:
        reason = "timeout" if late else "crashed"
        text = f"no end after {settings['timeout']:.0f} s" if late else f"on import: {how}"
        seconds = child.watch.seconds()
        note = inconclusive(reason, text, settings["device"], seconds)
        write({"id": request["id"], "index": left, "verdicts": [note] * len(left)})
