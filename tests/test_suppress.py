"""noqa means the same in the command, in flake8 and in --fix."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from examples import LINE, MISMATCH, with_noqa

from lint_params import lint_text
from lint_params.cli import main
from lint_params.suppress import read_noqa

SILENT = [
    "# noqa",
    "# NOQA",
    "# NoQA: LP401",
    "# noqa: LP401",
    "# noqa:LP401",
    "# noqa: lp401",
    "# noqa: LP4",
    "# noqa: E501, LP401",
    "# noqa: E501 LP401 because",
    "# noqa: linear-input-mismatch",
    "# noqa: LP301, linear-input-mismatch",
    "# type: ignore  # noqa: LP401",
    "# noqa : LP301",  # flake8 reads no codes here
    "# noqa: because I say so",
]
LOUD = [
    "",
    "# noqa: LP301",
    "# noqa: E501",
    "# noqa: data-reshape",
    "# noqa: linear-input-mismatched",
    "# no qa",
    "# noqua: LP401",
]


@pytest.mark.parametrize("comment", SILENT)
def test_silenced(comment: str) -> None:
    assert lint_text(with_noqa(comment)) == []


@pytest.mark.parametrize("comment", LOUD)
def test_not_silenced(comment: str) -> None:
    assert [finding.code for finding in lint_text(with_noqa(comment))] == ["LP401"]


@pytest.mark.parametrize("door", ["command", "flake8"])
def test_both_doors_agree(project: Path, door: str) -> None:
    for number, comment in enumerate([*SILENT, *LOUD]):
        (project / f"f{number:02}.py").write_text(with_noqa(comment), encoding="utf-8")
    program = ["lint_params", "--no-cache"] if door == "command" else ["flake8", "--select=LP"]
    done = subprocess.run(
        [sys.executable, "-m", *program, "."], capture_output=True, text=True
    )
    found = [line.split(":")[0] for line in done.stdout.splitlines() if ": LP401 " in line]
    expected = [f"f{number:02}.py" for number in range(len(SILENT), len(SILENT) + len(LOUD))]
    assert sorted(path.removeprefix("./") for path in found) == expected, done.stderr


BROKEN_CALL = MISMATCH.replace("self.fc2(self.fc1(x))", "self.fc2({0}self.fc1(x){1})")


@pytest.mark.parametrize(
    ("before", "after", "silent"),
    [
        ("  # noqa: LP401\n            ", "\n        ", True),
        ("\n            ", "\n        ", False),
        ("\n            ", "  # noqa: LP401\n        ", False),  # another physical line
        ("\\\n            ", ")  # noqa: LP401 (", True),  # one physical line to flake8
    ],
)
def test_lines_are_those_of_flake8(project: Path, before: str, after: str, silent: bool) -> None:
    text = BROKEN_CALL.format(before, after)
    text = text.replace("  # noqa: LP401 ()", "  # noqa: LP401")
    (project / "net.py").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "flake8", "--select=LP", "net.py"], capture_output=True, text=True
    )
    assert done.stdout == "" if silent else "LP401" in done.stdout
    assert (lint_text(text) == []) is silent


def test_multi_line_string() -> None:
    text = 'x = """\n# noqa: LP401\n"""\ny = 1\n'
    (comment,) = read_noqa(text).comments
    assert (comment.line, comment.last_line) == (1, 3)


def test_whole_file(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "net.py").write_text("# flake8: noqa\n" + MISMATCH)
    assert main(["net.py"]) == 0


def test_disable_noqa(project: Path) -> None:
    (project / "net.py").write_text(with_noqa("# noqa"))
    assert main(["net.py"]) == 0
    assert main(["net.py", "--disable-noqa"]) == 1


def test_a_file_that_does_not_tokenize_keeps_its_comments_line_by_line() -> None:
    noqa = read_noqa("x = (\n# noqa: LP401\n")
    assert [(c.line, c.last_line) for c in noqa.comments] == [(2, 2)]


def test_unused_comments_are_reported_on_request(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = with_noqa("# noqa: LP401, LP301, E501", with_noqa("# noqa: data-reshape", line=8))
    (project / "net.py").write_text(text)
    assert main(["net.py", "--report-unused-noqa"]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "net.py:8: unused noqa: data-reshape",
        f"net.py:{LINE}: unused noqa: lp301",
    ]
