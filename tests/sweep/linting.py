"""Lints a folder in a process of its own: with the linter as it stands, or as a revision had it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass
class Run:
    """What a linter said about a folder."""

    findings: dict[tuple[str, int, str], str] = field(default_factory=dict)
    crashes: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    files: int = 0
    lines: int = 0
    cpu: float = 0.0


class OutOfTime(BaseException):
    """No Exception: what the linter catches must not swallow it."""


def lint_folder(folder: Path, limit: float) -> Iterator[dict[str, object]]:
    """A row for each file; runs in the process that has the asked linter on its path."""
    from lint_params.config import Config
    from lint_params.runner import Linter

    def stop(*_: object) -> None:
        raise OutOfTime

    signal.signal(signal.SIGVTALRM, stop)
    linter = Linter(Config(), noqa=False)
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder).as_posix()
        row: dict[str, object] = {"file": name, "lines": path.read_bytes().count(b"\n")}
        began = time.process_time()
        signal.setitimer(signal.ITIMER_VIRTUAL, limit)
        try:
            result = linter.lint_file(str(path))
        except OutOfTime:
            row["late"] = True
        else:
            row["crashes"] = result.crashes
            row["findings"] = [[f.place.line, f.code, f.message] for f in result.findings]
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        row["cpu"] = time.process_time() - began
        yield row


def ask(linter: Path, folder: Path, limit: float) -> Run:
    """The run of the linter that stands in a folder."""
    command = [sys.executable, str(Path(__file__)), str(folder), str(limit)]
    environment = {**os.environ, "PYTHONPATH": str(linter)}
    done = subprocess.run(command, env=environment, check=False, stdout=subprocess.PIPE, text=True)
    run = gather(done.stdout.splitlines())
    if done.returncode:
        run.crashes.append(f"the process ended with status {done.returncode}")
    return run


def gather(lines: list[str]) -> Run:
    run = Run()
    for line in lines:
        row = json.loads(line)
        run.files += 1
        run.lines += row["lines"]
        run.cpu += row["cpu"]
        run.crashes += row.get("crashes", [])
        if row.get("late"):
            run.late.append(row["file"])
        for number, code, message in row.get("findings", []):
            run.findings[row["file"], number, code] = message
    return run


def linter_of(revision: str, scratch: Path) -> Path:
    """The package as a revision has it, laid out as it is installed."""
    archive = scratch / "linter.tar"
    command = ["git", "archive", "-o", str(archive), revision, "lint_params", "rules"]
    subprocess.run(command, cwd=ROOT, check=True)
    target = scratch / "linter"
    target.mkdir()
    subprocess.run(["tar", "-xf", str(archive), "-C", str(target)], check=True)
    (target / "rules").rename(target / "lint_params" / "rules")
    return target


def working_tree(scratch: Path) -> Path:
    """The package as it stands now, laid out as it is installed.

    A copy, so that a sweep which takes an hour is of one state.
    """
    import shutil

    target = scratch / "now"
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "lint_params", target / "lint_params", ignore=ignore)
    shutil.copytree(ROOT / "rules", target / "lint_params" / "rules", ignore=ignore)
    return target


if __name__ == "__main__":
    for found in lint_folder(Path(sys.argv[1]), float(sys.argv[2])):
        print(json.dumps(found), flush=True)
