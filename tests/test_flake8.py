"""The plugin gives the command's findings at the command's places, in all of flake8's modes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from examples import LINE, MISMATCH, TRANSFORMED, with_noqa


def flake8(*arguments: str, stdin: str | None = None) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "flake8", "--select=LP", *arguments],
        capture_output=True,
        input=stdin,
        encoding="utf-8",
    )
    assert done.stderr == ""
    return [line.removeprefix("./") for line in done.stdout.splitlines()]


def command(*arguments: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "lint_params", "--no-cache", *arguments],
        capture_output=True,
        encoding="utf-8",
    )
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if not line.startswith(" ")]


@pytest.fixture
def files(project: Path) -> Path:
    (project / "pkg").mkdir()
    (project / "bad.py").write_text(MISMATCH)
    (project / "scale.py").write_text(TRANSFORMED)
    # Wide characters before the finding: columns are characters, not bytes.
    wide = MISMATCH.replace("return self", "s = '\N{SNOWMAN}\U0001f525'; return self")
    (project / "pkg" / "wide.py").write_bytes(b"\xef\xbb\xbf" + wide.encode())
    (project / "pkg" / "windows.py").write_bytes(MISMATCH.replace("\n", "\r\n").encode())
    return project


def test_same_findings(files: Path) -> None:
    expected = sorted(command("."))
    assert len(expected) == 4
    assert any(f"wide.py:{LINE}:26:" in line for line in expected)
    assert sorted(flake8(".")) == expected
    assert sorted(flake8("-j2", ".")) == expected


def test_stdin(files: Path) -> None:
    (line,) = flake8("--stdin-display-name", "pkg/new.py", "-", stdin=MISMATCH)
    assert line.startswith(f"pkg/new.py:{LINE}:16: LP401 ")


def test_stdin_sees_the_project(project: Path) -> None:
    """An unsaved file's base class lies in another file, as for the command."""
    (project / "base.py").write_text("from torch import nn\n\n\nclass Base(nn.Module):\n    pass\n")
    text = MISMATCH.replace("(nn.Module)", "(Base)").replace(
        "import torch\n", "import torch\nfrom base import Base\n"
    )
    (line,) = flake8("--stdin-display-name", "net.py", "-", stdin=text)
    assert line.startswith(f"net.py:{LINE + 1}:16: LP401 ")


def test_own_configuration_counts(files: Path) -> None:
    (files / "setup.cfg").write_text("[lint-params]\nignore = linear-input-mismatch\n")
    assert [line.split(":")[0] for line in flake8(".")] == ["scale.py"]
    assert flake8(".") == command(".")


def test_own_excludes_count(files: Path) -> None:
    (files / "pyproject.toml").write_text("[tool.lint-params]\nexclude = ['pkg', 'scale.py']\n")
    assert [line.split(":")[0] for line in flake8(".")] == ["bad.py"]
    assert flake8(".") == command(".")


def test_options_of_flake8(files: Path) -> None:
    assert flake8("--lint-params-select=LP3", ".") == command("--select=LP3", ".")
    (files / ".flake8").write_text("[flake8]\nlint-params-ignore = LP3, LP4\n")
    assert flake8(".") == []


def test_an_unknown_rule_stops_flake8(files: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "flake8", "--lint-params-select=LP999", "."],
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 1
    assert "unknown rule 'LP999'" in done.stdout + done.stderr


def test_flake8s_own_choice_counts(files: Path) -> None:
    assert flake8("--per-file-ignores=*.py:LP", ".") == []
    assert flake8("--extend-ignore=LP4", "bad.py") == []


def test_disable_noqa(project: Path) -> None:
    (project / "bad.py").write_text(with_noqa("# noqa"))
    assert flake8(".") == []
    assert len(flake8("--disable-noqa", ".")) == 1


def test_a_name_silences_its_rule_and_nothing_else(project: Path) -> None:
    """flake8 alone would take the name for a blanket noqa for our rules."""
    (project / "bad.py").write_text(with_noqa("# noqa: data-reshape"))
    assert len(flake8(".")) == 1


def test_the_plugin_names_itself() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "flake8", "--version"], capture_output=True, encoding="utf-8"
    )
    assert "lint-params: 0.1.0" in done.stdout
