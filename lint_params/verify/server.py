"""The process that imports torch once; a child of it imports a file, a fork of that runs a class.

Started by the client as ``python -m lint_params.verify.server``: a line of JSON each way.
Where fork does not exist, or a file starts CUDA when it is imported, every run gets a process
of its own instead (``--one``), with the same results.
"""

# The linted code may raise anything, anywhere:
# ruff: noqa: BLE001, S110
from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lint_params.evidence import REASONS
from lint_params.mismatch import contests
from lint_params.verify import contain

Json = dict[str, Any]
#: How long after its own alarm a child is killed.
GRACE = 1.5
#: No file may write more than this (bytes).
OUTPUT = 64 << 20
#: Which inconclusive reason to keep when several runs gave one: the most telling.
_TELLING = ("no-predicate", "line-not-executed", *(r for r in REASONS if r != "line-not-executed"))


@dataclass
class Job:
    """One subject of one file: its findings, the next scenario, the verdicts so far."""

    index: list[int]
    findings: list[Json]
    scenario: int = 0
    device: str = ""
    verdicts: list[Json | None] = field(default_factory=list)
    contested: bool = False
    started: float = field(default_factory=time.monotonic)

    def settled(self) -> bool:
        return all(v is not None and v["verdict"] == "confirmed" for v in self.verdicts)

    def take(self, verdicts: list[Json]) -> None:
        self.verdicts = self.verdicts or [None] * len(self.findings)
        for place, new in enumerate(verdicts):
            old = self.verdicts[place]
            if old is None or _weight(new) > _weight(old):
                self.verdicts[place] = new

    def final(self) -> list[Json | None]:
        """A shape finding is not refuted where another run raised a shape error."""
        for place, verdict in enumerate(self.verdicts):
            shape = self.findings[place]["code"].startswith("LP4")
            if self.contested and shape and verdict and verdict["verdict"] == "refuted":
                text = "another run of the class raised a shape error"
                self.verdicts[place] = inconclusive(
                    "forward-failed-elsewhere", text, verdict["device"], verdict["seconds"]
                )
        return self.verdicts


def _weight(verdict: Json) -> int:
    if verdict["verdict"] == "confirmed":
        return 1000
    if verdict["verdict"] == "refuted":
        return 900
    reason = verdict["evidence"].partition(":")[0].partition("\n")[0]
    return _TELLING.index(reason) if reason in _TELLING else 0


def inconclusive(reason: str, text: str, device: str, seconds: float = 0.0) -> Json:
    evidence = f"{reason}: {text}" if text else reason
    return {
        "verdict": "inconclusive",
        "evidence": evidence,
        "device": device,
        "seconds": round(seconds, 3),
    }


def jobs_of(request: Json) -> list[Job]:
    """The findings of a file by subject."""
    groups: dict[str, Job] = {}
    for index, finding in enumerate(request["findings"]):
        job = groups.setdefault(finding["subject"], Job([], []))
        job.index.append(index)
        job.findings.append(finding)
    return list(groups.values())


# -- one run, in the process that will be thrown away -----------------------------------
def one_run(target: Any, job: Job, seconds: float) -> Json:
    """Scenario ``job.scenario`` of the subject: verdicts, and whether there are more."""
    from lint_params.verify import child, plan

    first = job.findings[0]
    if target.failure is not None:
        run = child.import_failed(target, first["subject"])
        return {"verdicts": child.judge(run, job.findings), "more": False, "reason": ""}
    child.alarm(seconds)
    target.device = job.device or target.device
    if job.device == "stand-in":
        target.device = "cpu"
        _without_cuda()
    line = first["place"][0]
    found = plan.scenarios(first["subject"], line, target.view, target.config)
    if job.scenario >= len(found):
        note = inconclusive("line-not-executed", "nothing in the file runs it", target.device)
        return {"verdicts": [note] * len(job.findings), "more": False, "reason": ""}
    run = child.perform(target, found[job.scenario], job.findings)
    if job.device == "stand-in":
        run.device = "meta"  # where .cuda() put the tensors
    reason = next((f.reason for f in run.failures if f.reason), "")
    answer = {
        "verdicts": child.judge(run, job.findings),
        "more": job.scenario + 1 < len(found),
        "reason": reason,
        "contested": contests(run),
    }
    if os.environ.get("LINT_PARAMS_TRACE"):
        answer["run"] = run.to_data()
    return answer


def _without_cuda() -> None:
    """No GPU here: ``.cuda()`` moves to meta, another device all the same."""
    import torch

    def cuda(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self.to("meta")

    for owner in (torch.Tensor, torch.nn.Module):
        setattr(owner, "cuda", cuda)


# -- forks ---------------------------------------------------------------------------------
@dataclass
class Child:
    pid: int
    pipe: int
    deadline: float
    token: bytes
    started: float
    data: bytes = b""

    def answer(self) -> Json | None:
        """The complete line that carries our token, if it is there yet."""
        for line in self.data.split(b"\n")[:-1]:
            if line.startswith(self.token):
                with contextlib.suppress(ValueError):
                    return dict(json.loads(line[len(self.token) :]))
        return None


def fork(work: Callable[[], Json], seconds: float) -> Child:
    token = secrets.token_hex(8).encode()
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            contain.die_with_parent()
            contain.close_all(keep=[writer])
            line = token + json.dumps(work(), default=str).encode() + b"\n"
            while line:
                line = line[os.write(writer, line) :]
        except BaseException:
            pass
        finally:
            os._exit(0)
    os.close(writer)
    now = time.monotonic()
    return Child(pid, reader, now + seconds + GRACE, token, now)


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
    todo, active = list(jobs), dict[int, tuple[Child, Job]]()
    seconds = settings["timeout"]
    while todo or active:
        while todo and len(active) < settings["width"]:
            job = todo.pop(0)
            job.started = job.started if job.scenario or job.device else time.monotonic()
            started = fork(lambda job=job: one_run(target, job, seconds), seconds)  # type: ignore[misc]
            active[started.pipe] = (started, job)
        wait = min(child.deadline for child, _ in active.values()) - time.monotonic()
        ready, _, _ = select.select(list(active), [], [], max(0.0, wait))
        now = time.monotonic()
        late = [pipe for pipe, (child, _) in active.items() if child.deadline <= now]
        for pipe in {*ready, *late}:
            child, job = active[pipe]
            chunk = os.read(pipe, 1 << 20) if pipe in ready else b""
            child.data += chunk
            answer = child.answer()
            if answer is None and chunk and child.deadline > now and len(child.data) < OUTPUT:
                continue
            answer = answer or _no_answer(child, job, now, settings)
            del active[pipe]
            os.close(pipe)
            contain.kill(child.pid)
            contain.sweep(spare=[other.pid for other, _ in active.values()])
            if _again(job, answer, settings):
                todo.insert(0, job)
            else:
                emit({"index": job.index, "verdicts": job.final()})


def _no_answer(child: Child, job: Job, now: float, settings: Json) -> Json:
    seconds = now - child.started
    if child.deadline <= now:
        reason, text = "timeout", f"no end after {settings['timeout']:.0f} s"
    else:
        reason, text = "crashed", ended(child.pid)
    note = inconclusive(reason, text, job.device or settings["device"], seconds)
    return {"verdicts": [note] * len(job.findings), "more": True, "reason": reason}


def _again(job: Job, answer: Json, settings: Json) -> bool:
    """Take the verdicts in; whether another run of this job is worth it."""
    job.take(answer["verdicts"])
    job.contested |= answer.get("contested", False)
    if job.settled():
        return False
    reason = answer["reason"]
    shapes = any(finding["code"].startswith("LP4") for finding in job.findings)
    if not job.device and settings["device"] == "cpu":
        if reason == "needs-device":
            job.device = "stand-in"
            return True
        if reason in ("out-of-memory", "timeout") and shapes:
            job.device = "meta"
            return True
    job.device = ""
    job.scenario += 1
    return bool(answer["more"]) and time.monotonic() - job.started < settings["timeout"]


def file_process(request: Json, settings: Json, write: Callable[[Json], None]) -> None:
    """Import the file, then fork a run for each subject. Runs in a fork of the server."""
    from lint_params.verify import child

    contain.silence()
    contain.adopt_orphans()
    level = contain.confine(
        settings["scratch"],
        0 if settings["device"] == "cuda" else settings["memory"],
        OUTPUT,
        settings["device"] == "cuda",
    )
    child.alarm(settings["timeout"])
    target = child.prepare({**request, "device": settings["device"]})
    child.alarm(0)
    write({"imported": request["id"], "level": level, "files": _project_files(request)})
    jobs = jobs_of(request)

    def emit(message: Json) -> None:
        write({"id": request["id"], **message})

    import torch

    started: Any = torch.cuda.is_initialized
    if started():
        run_spawned(request, jobs, settings, emit)
    else:
        run_forked(target, jobs, settings, emit)
    contain.sweep()


def _project_files(request: Json) -> list[str]:
    """The files of the project itself that are imported by now."""
    from lint_params.verify.load import module_name

    tops = {*request.get("roots", ()), str(module_name(Path(request["path"]))[0])}
    found = set()
    for module in list(sys.modules.values()):
        name = getattr(module, "__file__", None)
        if isinstance(name, str) and "site-packages" not in name and name != request["path"]:
            if any(name.startswith(top + os.sep) for top in tops):
                found.add(name)
    return sorted(found)


# -- a process a run -----------------------------------------------------------------------
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
                "job": [job.index, job.findings, job.scenario, job.device],
            }
            late = settings["timeout"] + 60  # importing torch is not the subject's time
            try:
                done = subprocess.run(
                    [sys.executable, "-m", "lint_params.verify.server", "--one"],
                    input=json.dumps(given).encode(),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    timeout=late,
                    check=False,
                )
                said, status = done.stdout, f"exit status {done.returncode} without a result"
            except subprocess.TimeoutExpired:
                said, status = b"", ""
            child = Child(0, 0, 0, token.encode(), started, said)
            answer = child.answer()
            if answer is None:
                reason = "crashed" if status else "timeout"
                note = inconclusive(reason, status, settings["device"], time.monotonic() - started)
                answer = {"verdicts": [note] * len(job.findings), "more": True, "reason": reason}
            if not _again(job, answer, settings):
                emit({"index": job.index, "verdicts": job.final()})
                return

    with ThreadPoolExecutor(settings["width"]) as pool:
        list(pool.map(work, jobs))


def one() -> None:
    """``--one``: a single run; the request on stdin, the answer on the old stdout."""
    from lint_params.verify import child

    given = json.loads(sys.stdin.buffer.read())
    out = os.dup(1)
    contain.silence()
    settings, request = given["settings"], given["request"]
    _import_torch()
    contain.adopt_orphans()
    cuda = settings["device"] == "cuda"
    memory = 0 if cuda else settings["memory"]
    contain.confine(settings["scratch"], memory, OUTPUT, cuda)
    child.alarm(settings["timeout"])
    target = child.prepare({**request, "device": settings["device"]})
    index, findings, scenario, device = given["job"]
    job = Job(index, findings, scenario, device)
    answer = one_run(target, job, settings["timeout"])
    os.write(out, given["token"].encode() + json.dumps(answer, default=str).encode() + b"\n")
    contain.sweep()
    os._exit(0)


# -- the server ------------------------------------------------------------------------------
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
    for kind in (torch.optim.Adam, torch.optim.SGD):
        kind([param], lr=0.1).step()
    from lint_params.verify import child

    return str(torch.__version__)


def _device(wanted: str) -> str:
    import torch

    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "cuda"
    return "cpu"


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
    requests = [json.loads(line) for line in iter(sys.stdin.buffer.readline, b"END\n")]
    if not present:
        for request in requests:
            note = inconclusive("needs-device", f"no {settings['device']} here", settings["device"])
            every = list(range(len(request["findings"])))
            write({"id": request["id"], "index": every, "verdicts": [note] * len(every)})
        return
    settings["width"] = max(1, settings["jobs"] // max(1, len(requests)))
    if settings["spawn"] or not hasattr(os, "fork"):
        settings["width"] = settings["jobs"]
        for request in requests:
            jobs = jobs_of(request)
            run_spawned(request, jobs, settings, lambda m, r=request: write({"id": r["id"], **m}))  # type: ignore[misc]
        return
    _serve_forked(requests, settings, write)


def _serve_forked(requests: list[Json], settings: Json, write: Callable[[Json], None]) -> None:
    """A fork for each file, ``settings["jobs"]`` at a time; their lines are passed on."""
    todo = list(requests)
    active: dict[int, tuple[Child, Json, set[int]]] = {}
    while todo or active:
        while todo and len(active) < settings["jobs"]:
            request = todo.pop(0)
            started = _fork_file(request, settings)
            active[started.pipe] = (started, request, set())
        wait = min(child.deadline for child, _, _ in active.values()) - time.monotonic()
        ready, _, _ = select.select([*active, 0], [], [], max(0.0, wait))
        if 0 in ready and not os.read(0, 1):  # the client is gone
            contain.sweep()
            os._exit(1)
        now = time.monotonic()
        for pipe in list(active):
            child, request, seen = active[pipe]
            chunk = b""
            if pipe in ready:
                chunk = os.read(pipe, 1 << 20)
                child.data += chunk
                _pass_on(child, request, seen, settings, write)
            if (pipe in ready and not chunk) or child.deadline <= now:
                del active[pipe]
                _close(
                    child, request, seen, settings, write, [c.pid for c, _, _ in active.values()]
                )
    contain.sweep()


def _fork_file(request: Json, settings: Json) -> Child:
    token = secrets.token_hex(8).encode()
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:

        def write(message: Json) -> None:
            line = token + json.dumps(message).encode() + b"\n"
            while line:
                line = line[os.write(writer, line) :]

        try:
            contain.die_with_parent()
            contain.close_all(keep=[writer])
            file_process(request, settings, write)
        except BaseException:
            pass
        finally:
            os._exit(0)
    os.close(writer)
    now = time.monotonic()
    return Child(pid, reader, now + settings["timeout"] + GRACE, token, now)


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
        # Each run has its own deadline inside; this one only guards against a lost process.
        child.deadline = time.monotonic() + 20 * (settings["timeout"] + 2 * GRACE)
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
    late = child.deadline <= time.monotonic()
    how = "" if late else ended(child.pid)
    contain.kill(child.pid)
    os.close(child.pipe)
    contain.sweep(spare=spare)
    left = [i for i in range(len(request["findings"])) if i not in seen]
    if left:
        reason = "timeout" if late else "crashed"
        text = f"no end after {settings['timeout']:.0f} s" if late else f"on import: {how}"
        seconds = time.monotonic() - child.started
        note = inconclusive(reason, text, settings["device"], seconds)
        write({"id": request["id"], "index": left, "verdicts": [note] * len(left)})


if __name__ == "__main__":
    # As a module of its own package, so that forks pickle nothing and share one copy.
    from lint_params.verify import server

    if "--one" in sys.argv:
        server.one()
    else:
        server.serve()
