"""How far linted code is held, that the report says so, and that nothing outlives its caller."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from test_verify_hostile import HOSTILE, _processes_of

from lint_params.rule import Finding, Level, Place
from lint_params.verify import verify_findings
from lint_params.verify.contain import LINUX

linux = pytest.mark.skipif(not LINUX, reason="the sandbox is of Linux")


def in_a_process(code: str, **environment: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True, text=True, check=True, env={**os.environ, **environment},
    ).stdout  # fmt: skip


@linux
@pytest.mark.parametrize(
    ("missing", "lost"),
    [
        ("", ""),
        ("_no_network", "no network"),
        ("_landlock", "writes only to scratch"),
        ("_limits", "file size limit, memory limit"),
    ],
)
def test_the_level_names_what_holds_and_nothing_else(tmp_path: Path, missing: str, lost: str) -> None:
    """Each part of the level is tried; one that the kernel did not grant is not named."""
    code = f"""
        import os, socket, sys, tempfile
        from lint_params.verify import contain
        if {missing!r}:
            setattr(contain, {missing!r}, lambda *args: [] if {missing!r} == "_limits" else False)
        level = contain.confine({str(tmp_path / "scratch")!r}, 1 << 30, 1 << 20, False)
        held = []
        try:
            with open({str(tmp_path / "big")!r}, "wb") as file:
                file.write(bytes(2 << 20))
        except PermissionError:
            held.append("writes only to scratch")
        except OSError:
            held.append("file size limit")
        try:
            with open({str(tmp_path / "scratch" / "big")!r}, "wb") as file:
                file.write(bytes(2 << 20))
        except OSError:
            held.append("file size limit")
        try:
            bytearray(3 << 30)
        except MemoryError:
            held.append("memory limit")
        try:
            socket.create_connection(("192.0.2.1", 9), timeout=0.2)
        except TimeoutError:
            pass
        except OSError as error:
            if "Network is unreachable" in str(error):
                held.append("no network")
        print(level)
        print(", ".join(dict.fromkeys(held)))
    """
    (tmp_path / "scratch").mkdir()
    level, held = in_a_process(code).splitlines()
    said = set(level.split(", ")) - {"time limit only"}
    found = set(filter(None, held.split(", ")))
    if missing == "_no_network":  # the machine itself may have none
        found -= {"no network"}
    assert said == found
    assert not said & set(lost.split(", "))


def test_the_report_names_the_level(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text("from torch import nn\n\n\nclass Net(nn.Module):\n    pass\n")
    finding = Finding("LP900", "n", Level.ERROR, str(path), Place(4, 1, 4, 2), "m", subject="Net")
    notes: list[str] = []
    verify_findings([finding], device="cpu", note=notes.append)
    code = "from lint_params.verify import contain; print(contain.confine('.', 1 << 30, 1, False))"
    level = in_a_process(code).strip()
    assert len(notes) == 1
    assert notes[0].endswith(f" on cpu; {level}")


SLEEPS = """
import time

from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        open("started", "w").close()
        time.sleep(600)
"""


@linux
@pytest.mark.parametrize("start", ["fork", "import", "spawn"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_nothing_outlives_its_caller(tmp_path: Path, how: signal.Signals, start: str) -> None:
    path = tmp_path / "net.py"
    path.write_text(SLEEPS)
    code = f"""
        import signal
        from lint_params.rule import Finding, Level, Place
        from lint_params.verify import verify_findings
        signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored behind a shell's &
        f = Finding("LP900", "n", Level.ERROR, {str(path)!r}, Place(7, 1, 7, 2), "m", subject="Net")
        verify_findings([f], device="cpu", timeout=300.0, start={start!r})
    """
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    caller = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "TMPDIR": str(scratch)}, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until(lambda: list(scratch.glob("*/started")), 60)
        assert len(_processes_of(str(scratch))) > 1, "the search finds nobody"
        caller.send_signal(how)
        caller.wait(20)
        until(lambda: not _processes_of(str(scratch)), 20)
    finally:
        caller.kill()


def until(true: object, seconds: float) -> None:
    assert callable(true)
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.1)


@linux
def test_hostile_files_are_many_and_of_every_kind() -> None:
    kinds = {path.stem.partition("_")[0] for path in HOSTILE.glob("*.py")}
    assert kinds == {"import", "construct", "forward"}
    assert len(list(HOSTILE.glob("*.py"))) >= 50


@linux
def test_forks_are_counted_over_all_generations() -> None:
    code = """
        import os
        from lint_params.verify import contain
        contain.few_forks()
        reader, writer = os.pipe()
        try:
            for _ in range(20):  # without a limit: a million
                os.fork()
        except PermissionError:
            pass
        os.write(writer, b".")
        os.close(writer)
        total = 0
        if os.getpid() == os.getpgid(0):
            while chunk := os.read(reader, 4096):
                total += len(chunk)
            print(total)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True, text=True, check=True, start_new_session=True, timeout=60,
    )  # fmt: skip
    assert int(done.stdout) == 65  # the first one, and as many as may start
