"""Starts the verifier's process, hands it the findings, collects the verdicts. No torch here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import tokenize
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from lint_params.evidence import Outcome, Verification
from lint_params.rule import Finding
from lint_params.verify import contain
from lint_params.verify.store import Store

#: Seconds that one run may take, and the bytes that it may add to what torch needs.
TIMEOUT = 20.0
MEMORY = 4 << 30

Progress = Callable[[int, int], None]


class TorchMissing(Exception):
    """torch cannot be imported by the interpreter that runs the verifier."""

    def __init__(self, why: str = "") -> None:
        said = f" ({why})" if why else ""
        super().__init__(
            f"--verify needs torch, which {sys.executable} cannot import{said}; install it with: "
            "python -m pip install 'lint-params[verify]'"
        )


class VerifierFailed(Exception):
    """The verifier's process ended before it had answered."""


def verify_findings(
    findings: Iterable[Finding],
    *,
    device: str = "auto",
    config: Mapping[str, Any] | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
    timeout: float = TIMEOUT,
    memory: int = MEMORY,
    start: str = "",
    rules: Mapping[str, str] | None = None,
    cache: Path | None = None,
    note: Callable[[str], None] | None = None,
    texts: Mapping[str, str] | None = None,
) -> list[Finding]:
    """The findings with ``verification`` filled in, in their order.

    ``config``: ``{"classes": {"Net": "Net(10, 20)"}, "inputs": {"Net": "torch.randn(2, 10)"}}``.
    ``rules``: code -> ``module:Class`` for rules that do not lie in the rules folder.
    ``cache``: a folder for verdicts. ``note`` is told once what ran them: torch's version, the
    device and how far the children were confined. ``texts``: path -> what to run in the place
    of what the file holds (a fix that is not written yet). ``start``: how each run starts, "fork",
    "import" or "spawn" (``server``); else as the device and the system need it.
    """
    given = list(findings)
    if not given:
        return []
    verdicts: list[Verification | None] = [None] * len(given)
    requests, places = _requests(given, config, rules or {}, verdicts, texts or {})
    store = Store(cache, device)
    asked = []
    for request in requests:
        kept = store.get(request)
        if kept is None:
            asked.append(request)
        else:
            for index, verdict in zip(places[request["id"]], kept, strict=True):
                verdicts[index] = _verification(verdict)
    done = sum(verdict is not None for verdict in verdicts)
    if not asked:
        if progress is not None:
            progress(done, len(given))
        return _filled(given, verdicts, device)
    scratch = tempfile.mkdtemp(prefix="lint-params-")
    try:
        settings = {
            "device": device,
            "jobs": jobs or os.cpu_count() or 1,
            "timeout": timeout,
            "memory": memory,
            "scratch": scratch,
            "start": start,
            "rules": sorted({f.name.replace("-", "_") for f in given}),
        }
        answers: dict[int, dict[int, dict[str, Any]]] = {}
        depends: dict[int, list[str]] = {}
        about = ""
        for message in _conversations(settings, asked):
            if "torch" in message:
                about = f"torch {message['torch']} on {message['device']}"
                if progress is not None:
                    progress(done, len(given))
            if "imported" in message:
                depends[message["imported"]] = message["files"]
                if note is not None and about:
                    note(f"{about}; {message['level']}")
                    about = ""
            for index, verdict in zip(message.get("index", ()), message.get("verdicts", ())):
                done += verdicts[places[message["id"]][index]] is None
                verdicts[places[message["id"]][index]] = _verification(verdict)
                answers.setdefault(message["id"], {})[index] = verdict
            if progress is not None and "index" in message:
                progress(done, len(given))
        for request in asked:
            mine = answers.get(request["id"], {})
            if len(mine) == len(request["findings"]):
                rows = [mine[index] for index in range(len(mine))]
                store.put(request, rows, depends.get(request["id"], []))
        store.prune()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return _filled(given, verdicts, device)


#: How often the verifier is started again where a file has ended it.
_RESTARTS = 6


def _verification(verdict: Mapping[str, Any]) -> Verification:
    return Verification(
        Outcome(verdict["verdict"]), verdict["evidence"], verdict["device"], verdict["seconds"]
    )


def _filled(
    findings: Sequence[Finding], verdicts: Sequence[Verification | None], device: str
) -> list[Finding]:
    lost = Verification(Outcome.INCONCLUSIVE, "crashed: the verifier gave no answer", device)
    return [f.with_verification(v or lost) for f, v in zip(findings, verdicts, strict=True)]


def _requests(
    findings: Sequence[Finding],
    config: Mapping[str, Any] | None,
    rules: Mapping[str, str],
    verdicts: list[Verification | None],
    texts: Mapping[str, str],
) -> tuple[list[dict[str, Any]], list[list[int]]]:
    """One request a file; where each of its findings stands in the list."""
    by_path: dict[str, list[int]] = {}
    for index, finding in enumerate(findings):
        by_path.setdefault(finding.path, []).append(index)
    requests: list[dict[str, Any]] = []
    places: list[list[int]] = []
    for path, indexes in by_path.items():
        try:
            text = texts.get(path)
            if text is None:
                with tokenize.open(path) as file:
                    text = file.read()
        except (OSError, SyntaxError, UnicodeDecodeError) as error:
            for index in indexes:
                verdicts[index] = Verification(Outcome.INCONCLUSIVE, f"import-failed: {error}")
            continue
        requests.append(
            {
                "id": len(places),
                "path": str(Path(path).resolve()),
                "text": text,
                "roots": [os.getcwd()],
                "config": dict(config or {}),
                "findings": [_data(findings[i], rules.get(findings[i].code, "")) for i in indexes],
            }
        )
        places.append(indexes)
    return requests, places


def _data(finding: Finding, rule: str) -> dict[str, Any]:
    place = finding.place
    return {
        "code": finding.code,
        "name": finding.name,
        "level": finding.level.value,
        "path": finding.path,
        "place": [place.line, place.column, place.end_line, place.end_column],
        "message": finding.message,
        "trace": [[step.line, step.text] for step in finding.trace],
        "subject": finding.subject,
        "details": json.loads(json.dumps(dict(finding.details), default=str)),
        "rule": rule,
    }


def _conversations(
    settings: dict[str, Any], requests: list[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """What the verifier says; where a file has ended it, another goes on with the others.

    It is started again with one file at a time, so that it is known which one ends it.
    """
    left = {request["id"]: len(request["findings"]) for request in requests}
    for round_ in range(1 + _RESTARTS):
        begun: set[int] = set()
        for message in _conversation(settings, [one for one in requests if left[one["id"]]]):
            if "began" in message:
                begun.add(message["began"])
            elif not round_ or "torch" not in message:
                yield message
            if "index" in message:
                left[message["id"]] -= len(message["index"])
        begun = {key for key in begun if left[key]}
        if not begun:
            return
        if settings["jobs"] == 1:
            left.update(dict.fromkeys(begun, 0))
        left.update({one["id"]: len(one["findings"]) for one in requests if left[one["id"]]})
        settings = {**settings, "jobs": 1}


def _conversation(
    settings: dict[str, Any], requests: list[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    scratch = settings["scratch"]
    environment = contain.environment(scratch)
    if settings["device"] in ("cpu", "meta"):  # the optimizers' steps would start a GPU
        environment["CUDA_VISIBLE_DEVICES"] = ""
    if "LINT_PARAMS_TRACE" in os.environ:
        environment["LINT_PARAMS_TRACE"] = os.environ["LINT_PARAMS_TRACE"]
    home = str(Path(__file__).absolute().parents[2])
    paths = [home, *filter(None, [environment.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    errors = Path(scratch, "server.log")
    with errors.open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "lint_params.verify"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
            cwd=scratch,
        )
    assert server.stdin is not None and server.stdout is not None
    try:
        _send(server.stdin, settings)
        hello = _receive(server.stdout)
        if hello is not None and "missing" in hello:
            raise TorchMissing(hello["missing"])
        if hello is None:
            raise VerifierFailed(_tail(errors))
        yield hello
        for request in requests:
            _send(server.stdin, request)
        server.stdin.write(b"END\n")
        server.stdin.flush()
        while True:
            message = _receive(server.stdout)
            if message is None:
                break
            yield message
    finally:
        server.stdin.close()
        server.stdout.close()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _send(pipe: IO[bytes], message: dict[str, Any]) -> None:
    try:
        pipe.write(json.dumps(message).encode() + b"\n")
        pipe.flush()
    except BrokenPipeError:
        pass  # the missing answer says it


def _receive(pipe: IO[bytes]) -> dict[str, Any] | None:
    for line in iter(pipe.readline, b""):
        try:
            message = json.loads(line)
        except ValueError:
            continue  # something that a library printed
        if isinstance(message, dict):
            return message
    return None


def _tail(path: Path) -> str:
    try:
        return path.read_text(errors="replace")[-2000:] or "the verifier's process did not start"
    except OSError:
        return "the verifier's process did not start"
