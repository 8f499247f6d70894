"""The command as people run it: where results are kept, many at once, when processes pay."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from examples import CLEAN, MISMATCH

from lint_params import runner
from lint_params.cli import main
from lint_params.config import Config
from lint_params.engine import Result
from lint_params.runner import Linter


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "store"
    monkeypatch.setenv("LINT_PARAMS_CACHE_DIR", str(folder))
    return folder


@pytest.fixture
def files(project: Path) -> Path:
    for number in range(6):
        text = MISMATCH if number % 2 else CLEAN
        (project / f"f{number}.py").write_text(text + "# more\n" * 10 * number)
    return project


def command(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "lint_params", *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def kept(store: Path) -> dict[str, str]:
    """Results by key."""
    with closing(sqlite3.connect(store / "results.sqlite")) as base:
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return dict(base.execute("SELECT key, value FROM results").fetchall())


# -- the cache ---------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="the convention of this platform")
def test_results_lie_where_the_platform_keeps_caches(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LINT_PARAMS_CACHE_DIR")
    command(".", XDG_CACHE_HOME=str(tmp_path / "named")).communicate()
    assert len(kept(tmp_path / "named" / "lint-params")) == 6
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    command(".", HOME=str(tmp_path)).communicate()
    assert len(kept(tmp_path / ".cache" / "lint-params")) == 6
    assert sorted(path.name for path in files.iterdir()) == [".git", *(f"f{n}.py" for n in range(6))]


def test_without_a_cache_nothing_is_kept_and_nothing_is_taken(
    store: Path, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([".", "--no-cache"])
    assert not store.exists()
    main(["."])
    said = capsys.readouterr().out
    results = kept(store)
    emptied = {
        key: zlib.compress(json.dumps({**json.loads(zlib.decompress(row)), "findings": []}).encode())
        for key, row in results.items()
    }
    with closing(sqlite3.connect(store / "results.sqlite")) as base, base:
        base.executemany("UPDATE results SET value = ? WHERE key = ?", [(v, k) for k, v in emptied.items()])
    main(["."])
    assert capsys.readouterr().out == ""  # what is kept is what is said
    main([".", "--no-cache"])
    assert said.endswith(capsys.readouterr().out)
    assert kept(store) == emptied


def test_many_processes_share_a_cache(store: Path, files: Path) -> None:
    running = [command("."), command("."), command("f1.py", "f2.py", "."), command("f5.py", ".")]
    said = [process.communicate() for process in running]
    assert {out for out, _ in said} == {said[0][0]}
    assert [err for _, err in said] == [""] * 4
    assert [process.returncode for process in running] == [1] * 4
    assert len(kept(store)) == 6


# -- processes ---------------------------------------------------------------------------


def test_a_pool_starts_only_when_it_pays(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pools: list[tuple[list[str], int]] = []

    def pool(paths: list[str], linter: Linter, count: int) -> Iterator[Result]:
        pools.append((paths, count))
        return map(linter.lint_file, paths)

    monkeypatch.setattr(runner, "_in_pool", pool)
    monkeypatch.setattr(runner, "cpus", lambda: 2)
    sizes = [path.stat().st_size for path in files.glob("*.py")]

    def run(paths: Sequence[str], jobs: int | None = None) -> None:
        runner.run(paths, Config(), jobs=jobs, use_cache=False)

    monkeypatch.setattr(runner, "POOL_PAYS", sum(sizes) + 1)
    run(["."])
    assert pools == []
    monkeypatch.setattr(runner, "POOL_PAYS", sum(sizes))
    run(["."], jobs=1)
    run(["f5.py"])
    assert pools == []
    run(["."])
    assert pools == [([f"f{n}.py" for n in reversed(range(6))], 2)]  # largest first
    monkeypatch.setattr(runner, "POOL_PAYS", sum(sizes) + 1)
    run(["."], jobs=3)
    assert pools[1][1] == 3  # it was asked for


def test_results_that_are_kept_start_no_pool(
    store: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "POOL_PAYS", 0)
    main([".", "-j1"])
    monkeypatch.setattr(runner, "_in_pool", None)
    assert main([".", "-j2"]) == 1


# -- progress ----------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "arguments", "shown"),
    [(Terminal, [], True), (Terminal, ["--quiet"], False), (io.StringIO, [], False)],
)
def test_progress_goes_to_a_terminal_on_stderr(
    files: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    stream: type[io.StringIO],
    arguments: list[str],
    shown: bool,
) -> None:
    errors = stream()
    monkeypatch.setattr("sys.stderr", errors)
    main([".", "--no-cache", *arguments])
    text = errors.getvalue()
    assert ("linted 6 of 6" in text) is shown
    assert text.endswith("\r\x1b[K") is shown  # and leaves nothing behind
    assert "linted" not in capsys.readouterr().out


# -- flake8 ------------------------------------------------------------------------------


def test_the_plugin_parses_nothing_that_flake8_has(project: Path) -> None:
    """flake8 gives its tree; what is parsed besides are short texts of our own."""
    (project / "net.py").write_text(MISMATCH)
    code = (
        "import ast, sys\n"
        "texts, real = [], ast.parse\n"
        "def parse(text, *rest, **more):\n"
        "    texts.append(text)\n"
        "    return real(text, *rest, **more)\n"
        "ast.parse = parse\n"
        "from flake8.main.cli import main\n"
        "main(['--select=LP', '-j1', 'net.py'])\n"
        "print(sum('class Net' in str(text) for text in texts))\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    finding, parses, modules = done.stdout.splitlines()
    assert finding.startswith("net.py:12:16: LP401 ")
    assert parses == "1"  # by flake8 itself
    assert not {"torch", "libcst", "numpy", "sqlite3", "rich"} & set(modules.split())
