"""Fixes change what they say and nothing else; files keep their bytes everywhere else."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lint_params import registry
from lint_params.cli import main
from lint_params.fix import apply, fix_text, only_there, rewritten, spliced
from lint_params.rule import Finding, Fix, Level, Place, Rule

TYPO = """\
import torch
from torch import nn

layer = nn.Linear(3, 4)
layer.weight.require_grad = False
"""


def finding(place: tuple[int, int, int, int], new: str, safe: bool = True) -> Finding:
    where = Place(*place)
    fix = Fix(where, new, "mend", safe)
    return Finding("LP607", "requires-grad-typo", Level.ERROR, "f.py", where, "m", fix=fix)


@pytest.mark.parametrize(
    ("text", "place", "new", "expected"),
    [
        ("a = 1\nb = 2\n", (2, 5, 2, 6), "3", "a = 1\nb = 3\n"),
        ("s = 'é'; b = 2", (1, 14, 1, 15), "3", "s = 'é'; b = 3"),
        ("a = 1\r\nb = 2\r\n", (1, 1, 1, 6), "a = 2\nc = 3", "a = 2\r\nc = 3\r\nb = 2\r\n"),
        ("a = '\x0c'\nb = 2\n", (2, 5, 2, 6), "3", "a = '\x0c'\nb = 3\n"),
        ("a = 1\nb = 2\n", (1, 1, 2, 1), "", "b = 2\n"),
    ],
)
def test_splice(text: str, place: tuple[int, int, int, int], new: str, expected: str) -> None:
    fix = finding(place, new).fix
    assert fix is not None
    assert spliced(text, fix) == expected


@pytest.mark.parametrize("place", [(3, 1, 3, 2), (1, 9, 1, 10), (0, 1, 1, 1), (1, 3, 1, 2)])
def test_a_place_that_is_not_there(place: tuple[int, int, int, int]) -> None:
    fix = finding(place, "x").fix
    assert fix is not None
    assert spliced("a = 1", fix) is None


@pytest.mark.parametrize(
    ("before", "after", "line", "same"),
    [
        ("a = 1\nb = 2\n", "a = 1\nb = 3\n", 2, True),
        ("a = 1\nb = 2\n", "a = 2\nb = 3\n", 2, False),
        ("a = 1\nb = 2\n", "a = 1\nb = (\n", 2, False),  # no longer parses
        ("if a:\n    b = 1\nc = 2\n", "if a:\n    b = 3\nc = 2\n", 2, True),
        ("if a:\n    b = 1\nc = 2\n", "if x:\n    b = 3\nc = 2\n", 2, False),
        ("if a:\n    b = 1\n    c = 2\n", "if a:\n    b = 1\nc = 2\n", 2, False),
        ("a = 1\nb = 2\n", "a = 1\nb = 3\nd = 4\n", 2, True),
        ("a = 1\nb = 2\nc = 3\n", "a = 1\nc = 3\n", 2, True),
    ],
)
def test_nothing_else_changes(before: str, after: str, line: int, same: bool) -> None:
    assert only_there(before, after, Place(line, 1, line, 2)) is same


def test_overlapping_fixes_wait_for_the_next_round() -> None:
    text = "a = 1\n"
    both = [finding((1, 1, 1, 6), "a = 2"), finding((1, 5, 1, 6), "3")]
    after, done = apply(text, both)
    assert (after, len(done)) == ("a = 3\n", 1)


def test_a_fix_that_breaks_the_file_is_not_applied() -> None:
    assert apply("a = 1\n", [finding((1, 5, 1, 6), "(")]) == ("a = 1\n", [])


def test_fixes_that_undo_each_other_end() -> None:
    def lint(text: str) -> list[Finding]:
        return [finding((1, 5, 1, 6), "2" if "1" in text else "1")]

    assert fix_text("a = 1\n", lint).text in ("a = 1\n", "a = 2\n")


# -- through the command -------------------------------------------------------------------


@pytest.fixture
def renamed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bool], None]]:
    """Make one rule report every `old = ...` and rewrite it to `new = ...`, comments kept."""

    def install(safe: bool) -> None:
        rule = type(registry.load("parameter_transformed"))

        def check(self: Rule, facts: Any) -> Iterator[Finding]:
            import ast

            for node in ast.walk(facts.tree):
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "old":
                    yield self.report(facts, node, "old")

        def fixed(self: Rule, statement: Any, found: Finding) -> Any:
            import libcst

            line = statement.body[0]
            target = line.targets[0].with_changes(target=libcst.Name("new"))
            return statement.with_changes(body=[line.with_changes(targets=[target])])

        monkeypatch.setattr(rule, "check", check)
        monkeypatch.setattr(rule, "fixed", fixed)
        monkeypatch.setattr(rule, "words", ())
        monkeypatch.setattr(rule, "fix_safe", safe, raising=False)

    yield install


OLD = """\
import torch

if torch:
    # before
    old = [1,
           2]  # after
    other = 3
old = 1 ; x = 2
"""
NEW = OLD.replace("    old = [1", "    new = [1")


def run(*arguments: str) -> int:
    return main(["net.py", "--no-cache", "--select", "LP301", *arguments])


def test_fix_in_place(project: Path, renamed: Callable[[bool], None]) -> None:
    renamed(True)
    path = project / "net.py"
    path.write_bytes(b"\xef\xbb\xbf" + OLD.replace("\n", "\r\n").encode())
    os.chmod(path, 0o640)
    assert run("--fix") == 1  # `old = 1 ; x = 2` is not rewritten, so it is left
    assert path.read_bytes() == b"\xef\xbb\xbf" + NEW.replace("\n", "\r\n").encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [file.name for file in project.iterdir() if file.is_file()] == ["net.py"]


def test_unsafe_fixes_are_applied_on_request(
    project: Path, renamed: Callable[[bool], None]
) -> None:
    renamed(False)
    path = project / "net.py"
    path.write_text(OLD)
    run("--fix")
    assert path.read_text() == OLD
    run("--fix", "--unsafe-fixes")
    assert path.read_text() == NEW


def test_suppressed_findings_are_not_fixed(
    project: Path, renamed: Callable[[bool], None]
) -> None:
    renamed(True)
    path = project / "net.py"
    text = "import torch\nold = 1  # noqa: LP301\nold = 2  # noqa: parameter-transformed\nold = 3\n"
    path.write_text(text)
    run("--fix")
    assert path.read_text() == text.replace("old = 3", "new = 3")


def test_diff_writes_nothing(
    project: Path, renamed: Callable[[bool], None], capsys: pytest.CaptureFixture[str]
) -> None:
    renamed(True)
    path = project / "net.py"
    path.write_text(OLD)
    assert run("--diff") == 1
    out = capsys.readouterr().out
    assert "--- a/net.py\n+++ b/net.py\n" in out
    assert "-    old = [1,\n+    new = [1,\n" in out
    assert path.read_text() == OLD
    path.write_text("import torch\nx = 1\n")
    assert run("--diff") == 0
    assert capsys.readouterr().out == ""


def test_stdin_is_written_to_stdout(
    project: Path,
    renamed: Callable[[bool], None],
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    renamed(True)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(OLD.encode())))
    assert main(["-", "--select", "LP301", "--fix"]) == 1
    captured = capfdbinary.readouterr()
    assert captured.out.replace(b"\r\n", b"\n") == NEW.encode()
    assert b"stdin.py:8:1: LP301" in captured.err


def test_encoding_is_kept(project: Path, renamed: Callable[[bool], None]) -> None:
    renamed(True)
    path = project / "net.py"
    path.write_bytes("# coding: latin-1\n# é torch\nold = 1\n".encode("latin-1"))
    run("--fix")
    assert path.read_bytes() == "# coding: latin-1\n# é torch\nnew = 1\n".encode("latin-1")


def test_the_rewritten_fix_is_shown_in_json(
    project: Path, renamed: Callable[[bool], None], capsys: pytest.CaptureFixture[str]
) -> None:
    import json

    renamed(False)
    (project / "net.py").write_text("import torch\nold = 1\n")
    run("--output-format", "json")
    (found,) = json.loads(capsys.readouterr().out)["findings"]
    assert found["fix"]["replacement"] == "new = 1\n"
    assert found["fix"]["safe"] is False


def test_no_rewrite_where_the_rule_has_none() -> None:
    where = Place(4, 1, 4, 5)
    found = Finding("LP401", "linear-input-mismatch", Level.ERROR, "f.py", where, "m")
    assert rewritten(found, TYPO) is None
