"""Many files: the same results with a cache, with processes, and after something dies."""

from __future__ import annotations

import ast
import os
import sqlite3
import textwrap
from pathlib import Path

import pytest
from examples import CLEAN, MISMATCH

from lint_params import cache, engine, runner
from lint_params.config import Config
from lint_params.rule import Finding
from lint_params.runner import Linter, Outcome


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "store"
    monkeypatch.setenv("LINT_PARAMS_CACHE_DIR", str(folder))
    # Stable while somebody edits the sources beside the tests.
    monkeypatch.setattr(cache, "_environment", lambda: "fixed")
    return folder


@pytest.fixture
def files(project: Path) -> Path:
    for number in range(6):
        text = MISMATCH if number % 2 else CLEAN
        (project / f"f{number}.py").write_text(text)
    return project


def run(**options: object) -> Outcome:
    return runner.run(["."], Config(), **options)  # type: ignore[arg-type]


def places(outcome: Outcome) -> list[tuple[str, str]]:
    return [(finding.path, finding.code) for finding in outcome.findings]


EXPECTED = [(f"f{number}.py", "LP401") for number in (1, 3, 5)]


def test_processes_change_nothing(files: Path) -> None:
    alone = run(jobs=1, use_cache=False)
    assert places(alone) == EXPECTED
    together = run(jobs=2, use_cache=False)
    assert together.findings == alone.findings
    assert [result.path for result in together.results] == [f"f{n}.py" for n in range(6)]


def test_a_dead_process_loses_one_file(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Linter, "lint_file", dying)
    outcome = run(jobs=2, use_cache=False)
    assert places(outcome) == [EXPECTED[0], EXPECTED[2]]
    assert outcome.crashes == ["f3.py: internal error: the process died"]


_lint_file = Linter.lint_file


def dying(self: Linter, path: str) -> engine.Result:
    if path == "f3.py":
        os._exit(9)
    return _lint_file(self, path)


def forbid(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that are linted from now on."""
    linted: list[str] = []
    real = engine.lint_bytes

    def lint(path: str, *arguments: object, **options: object) -> engine.Result:
        linted.append(path)
        return real(path, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "lint_bytes", lint)
    return linted


def test_a_second_run_lints_nothing(
    store: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(jobs=1)
    linted = forbid(monkeypatch)
    second = run(jobs=1)
    assert second.findings == first.findings
    assert linted == []
    (files / "f0.py").write_text(MISMATCH)
    assert places(run(jobs=1)) == [("f0.py", "LP401"), *EXPECTED]
    assert linted == ["f0.py"]


def test_other_options_are_other_results(
    store: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(jobs=1)
    linted = forbid(monkeypatch)
    ignoring = runner.run(["."], Config(ignore=("LP4",)), jobs=1)
    assert ignoring.findings == []
    assert len(linted) == 6


def test_files_that_were_read_count(
    store: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A finding depends on a base class in another file: change only that one."""
    (project / "base.py").write_text("from torch import nn\n\n\nclass Base(nn.Module):\n    pass\n")
    text = MISMATCH.replace("(nn.Module)", "(Base)")
    (project / "net.py").write_text("from base import Base\n" + text)
    assert places(runner.run(["net.py"], Config(), jobs=1)) == [("net.py", "LP401")]
    linted = forbid(monkeypatch)
    runner.run(["net.py"], Config(), jobs=1)
    assert linted == []
    (project / "base.py").write_text("class Base:\n    pass\n")
    assert places(runner.run(["net.py"], Config(), jobs=1)) == []
    assert linted == ["net.py"]


@pytest.fixture
def package(store: Path, project: Path) -> Path:
    """A class that inherits a class that inherits nn.Module, each in a file of its own."""
    (project / "__init__.py").write_text("")
    (project / "root.py").write_text("from torch import nn\n\n\nclass Root(nn.Module):\n    pass\n")
    (project / "base.py").write_text("from .root import Root\n\n\nclass Base(Root):\n    pass\n")
    net = MISMATCH.replace("(nn.Module)", "(Base)")
    (project / "net.py").write_text("from .base import Base\n" + net)
    return project


def test_files_count_that_other_files_read(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """net.py imports base.py only; what is said of it depends on root.py as well."""
    assert places(runner.run(["net.py"], Config(), jobs=1)) == [("net.py", "LP401")]
    (package / "root.py").write_text("class Root:\n    pass\n")
    assert places(runner.run(["net.py"], Config(), jobs=1)) == []
    linted = forbid(monkeypatch)
    assert places(runner.run(["net.py"], Config(), jobs=1)) == [] and linted == []


def test_files_count_that_were_not_there(package: Path) -> None:
    root = (package / "root.py").read_text()
    (package / "root.py").unlink()
    assert places(runner.run(["net.py"], Config(), jobs=1)) == []
    (package / "root.py").write_text(root)
    assert places(runner.run(["net.py"], Config(), jobs=1)) == [("net.py", "LP401")]


@pytest.mark.parametrize("user", ["user.py", "../above.py"])
def test_files_beside_count(package: Path, monkeypatch: pytest.MonkeyPatch, user: str) -> None:
    """A parameter of a class that another file of the package mentions may be filled there."""
    (package.parent / "__init__.py").write_text("")
    (package / user).write_text("x = 1\n")
    text = """\
    import torch
    from torch import nn


    class Scale(nn.Module):
        def __init__(self, size):
            super().__init__()
            self.weight = nn.Parameter(torch.empty(size))

        def forward(self, x):
            return x * self.weight
    """
    (package / "scale.py").write_text(textwrap.dedent(text))
    alone = places(runner.run(["scale.py"], Config(), jobs=1))
    assert alone == [("scale.py", "LP104")]
    linted = forbid(monkeypatch)
    assert places(runner.run(["scale.py"], Config(), jobs=1)) == alone and linted == []
    (package / user).write_text("from x import Scale\n")
    assert places(runner.run(["scale.py"], Config(), jobs=1)) == []
    assert linted == ["scale.py"]


def test_a_broken_cache_is_replaced(store: Path, files: Path) -> None:
    store.mkdir()
    (store / "results.sqlite").write_bytes(b"not a database" * 100)
    assert places(run(jobs=1)) == EXPECTED
    assert places(run(jobs=1)) == EXPECTED


def test_a_cache_that_cannot_be_written_is_no_cache(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LINT_PARAMS_CACHE_DIR", str(tmp_path / "file" / "below"))
    assert places(run(jobs=1)) == EXPECTED


def test_a_locked_cache_is_no_cache(
    store: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(jobs=1)
    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda file, timeout: real(file, timeout=0.01))
    with real(store / "results.sqlite", isolation_level=None) as base:
        base.execute("BEGIN EXCLUSIVE")
        assert places(run(jobs=1)) == EXPECTED
        base.execute("ROLLBACK")


def test_crashes_are_not_kept(
    store: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import lint_params.facts

    class Crash:
        def __init__(self, *arguments: object) -> None:
            raise KeyError("x")

    with monkeypatch.context() as patch:
        patch.setattr(lint_params.facts, "FileFacts", Crash)
        assert len(run(jobs=1).crashes) == 6
    assert places(run(jobs=1)) == EXPECTED


def test_the_size_is_bounded(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MAX_BYTES", 100_000)
    for start in range(0, 400, 100):
        monkeypatch.setattr(cache.time, "time", lambda start=start: 1_000_000 + start)
        kept = cache.Cache(None)
        kept.put({f"k{n}": engine.Result("x" * 1000) for n in range(start, start + 100)})
        kept.close()
    assert (store / "results.sqlite").stat().st_size < 300_000
    assert cache.Cache(None).get("k399") is not None


def test_everything_survives_the_cache(store: Path) -> None:
    from test_reports import odd

    finding: Finding = odd()
    kept = cache.Cache(None)
    result = engine.Result("a.py", [finding], [finding], [(3, "lp401")], [], ["note"], {"b": "1"})
    kept.put({"k": result})
    monkey = {"b": "1"}
    kept._marks.update(monkey)
    found = kept.get("k")
    assert found is not None
    assert found.findings[0].with_verification(None) == finding.with_verification(None)  # type: ignore[arg-type]
    assert (found.unused_noqa, found.notes) == ([(3, "lp401")], ["note"])


def test_progress_counts_all_files(files: Path) -> None:
    seen: list[tuple[int, int]] = []
    run(jobs=1, use_cache=False, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(number, 6) for number in range(1, 7)]


def test_memory_has_a_bound_and_findings_do_not_change(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trees are dropped between files only; what is imported again is read again."""
    (project / "base.py").write_text(CLEAN.replace("class Net", "class Base"))
    for number in range(6):
        text = MISMATCH.replace("class Net(nn.Module)", "from base import Base\n\nclass Net(Base)")
        (project / f"net{number}.py").write_text(text)
    whole = runner.run(["."], Config(), jobs=1, use_cache=False)
    monkeypatch.setattr(runner, "KEEP_BYTES", 0)
    bounded = runner.run(["."], Config(), jobs=1, use_cache=False)
    assert len(whole.findings) == 6
    assert bounded.findings == whole.findings
    assert [r.depends for r in bounded.results] == [r.depends for r in whole.results]
    assert all(all(result.depends.values()) for result in bounded.results)


def test_the_files_asked_for_last_are_kept(project: Path) -> None:
    from lint_params.project import Project

    for name in "abc":
        (project / f"{name}.py").write_text("x = 1\n" * 80)
    files = Project()
    first = files.add(str(project / "first.py"), ast.parse("import a, b, c\n"))
    kept, *others = [files.find_module(name, first) for name in "abc"]
    second = files.add(str(project / "second.py"), ast.parse("import a\n"))
    assert files.find_module("a", second) is kept
    assert files.trim(1_500)
    assert files.find_module("a", second) is kept
    assert [files.find_module(name, first) for name in "bc"] != others
    assert set(files.dependencies(first.path)) == {
        str((project / f"{name}.py").resolve()) for name in "abc"
    }
