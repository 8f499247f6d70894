"""How long a run may take: its own time, not that of a busy machine; and all runs of a finding."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import time
import types

import pytest

from lint_params.verify import clock
from lint_params.verify.jobs import Job, again, inconclusive
from lint_params.verify.made_up.scopes import Scopes

posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="alarms are of POSIX")


def spin(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


@pytest.fixture
def share(monkeypatch: pytest.MonkeyPatch):
    """Lets this process believe that it stood without a core for a share of the time."""

    def set_to(part: float) -> None:
        began = time.monotonic()
        monkeypatch.setattr(clock, "waited", lambda pid=0: part * (time.monotonic() - began))

    yield set_to
    clock.alarm(0)


@posix
def test_a_busy_machine_does_not_end_a_run(share) -> None:
    share(0.5)
    clock.alarm(0.4)
    spin(0.6)  # 0.3 s of its own


@posix
def test_its_own_time_does(share) -> None:
    share(0.5)
    clock.alarm(0.2)
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        spin(5)
    assert 0.35 < time.monotonic() - began < 2


@posix
def test_no_run_goes_on_for_ever(share) -> None:
    share(1.0)
    clock.alarm(0.1)
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        spin(5)
    assert 0.1 * clock.PATIENCE - 0.05 < time.monotonic() - began < 2


@posix
def test_an_alarm_is_taken_back(share) -> None:
    share(0.0)
    clock.alarm(0.1)
    clock.alarm(0)
    spin(0.2)


@pytest.mark.skipif(not os.path.exists("/proc/self/schedstat"), reason="Linux says it")
def test_the_kernel_says_who_waits() -> None:
    cores = os.sched_getaffinity(0)
    code = "import time; e = time.monotonic() + 3\nwhile time.monotonic() < e: pass"
    try:
        os.sched_setaffinity(0, {min(cores)})
        with subprocess.Popen([sys.executable, "-c", code]) as other:
            before, watch = clock.waited(), clock.Stopwatch()
            spin(1.5)
            assert clock.waited() - before > 0.2
            assert watch.seconds() < 1.4
            other.kill()
    finally:
        os.sched_setaffinity(0, cores)


SETTINGS = {"timeout": 10.0, "device": "cpu"}


def test_a_finding_has_a_budget_and_says_when_it_is_spent() -> None:
    job = Job([0], [{"code": "LP205"}])
    note = inconclusive("line-not-executed", "line 9 did not run", "cpu")
    answer = {"verdicts": [note], "more": True, "reason": "", "spent": 4.0}
    assert again(job, answer, SETTINGS) and again(job, answer, SETTINGS)
    assert not again(job, answer, SETTINGS)
    (verdict,) = job.final()
    assert verdict["evidence"].startswith("line-not-executed: line 9 did not run; its 10 s were over")


def test_a_search_that_came_to_its_end_does_not() -> None:
    job = Job([0], [{"code": "LP205"}])
    note = inconclusive("line-not-executed", "line 9 did not run", "cpu")
    answer = {"verdicts": [note], "more": False, "reason": "", "spent": 40.0}
    assert not again(job, answer, SETTINGS)
    assert job.final()[0]["evidence"] == "line-not-executed: line 9 did not run"


def test_a_long_file_is_searched_once() -> None:
    """Each call asks for the last assignment of a name: 3,000 of them over 3,000 assignments."""
    from lint_params.verify.made_up.source_facts import FileView

    text = "".join(f"net{i} = Net({i})\nnet{i}(x, {i})\n" for i in range(3000))
    began = time.process_time()
    view = FileView(types.ModuleType("long"), ast.parse(text))
    made = [view.assigned_call(node.func.id, node) for node in view.scopes.every_call]  # type: ignore[attr-defined]
    assert time.process_time() - began < 3
    assert [ast.unparse(call) for call in made if call][:2] == ["Net(0)", "Net(1)"]
    assert len([call for call in made if call]) == 3000


def test_scopes_say_what_stands_where() -> None:
    tree = ast.parse(
        "x = 1\ndef f(a):\n    x = g(a)\n    x.w = 2\n    y: int = 3\n    return h(x)\nx = 4\n"
    )
    scopes = Scopes(tree)
    function = tree.body[1]
    assert isinstance(function, ast.FunctionDef)
    bound = scopes.bound(function, "x", 6)
    assert bound is not None and bound.lineno == 3
    stored = scopes.last(function, "x", 6)
    assert stored is not None and stored.lineno == 4
    assert getattr(scopes.bound(function, "y", 6), "lineno", 0) == 5
    assert getattr(scopes.bound(None, "x", 99), "lineno", 0) == 7
    assert scopes.bound(None, "x", 1) is None
    assert [node.lineno for node in scopes.calls["h"]] == [6]
    assert scopes.of[scopes.calls["g"][0]] is function
