"""Files that are no Python, or more than this Python, never stop the rest."""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path

import pytest
from examples import MISMATCH
from support import FIXTURES

from lint_params import lint, lint_text
from lint_params.parse import OPAQUE, parse
from lint_params.rule import Finding
from lint_params.source import Unreadable

BROKEN = sorted(path for path in (FIXTURES / "broken").iterdir() if path.name.startswith("lp001_"))
READABLE = sorted(path for path in (FIXTURES / "broken").iterdir() if path.name.startswith("ok_"))


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.name)
def test_broken_is_lp001(path: Path) -> None:
    assert [finding.code for finding in lint(str(path))] == ["LP001"]


@pytest.mark.parametrize("path", READABLE, ids=lambda path: path.name)
def test_odd_but_sound_is_linted(path: Path) -> None:
    assert [finding.code for finding in lint(str(path))] == ["LP401"]


def test_the_folder_holds_both_kinds() -> None:
    assert len(BROKEN) >= 6
    assert len(READABLE) >= 6
    assert lint(str(FIXTURES / "broken"))


def codes(text: str) -> list[tuple[str, int]]:
    return [(finding.code, finding.place.line) for finding in lint_text(text)]


def place(data: bytes, tmp_path: Path) -> tuple[int, int, str]:
    path = tmp_path / "file.py"
    path.write_bytes(data)
    (finding,) = lint(str(path))
    assert finding.code == "LP001"
    return finding.place.line, finding.place.column, finding.message


@pytest.mark.parametrize(
    ("data", "line", "column", "says"),
    [
        (b"x = 1\ny = \xff\n", 2, 5, "not valid utf-8: byte 0xff"),
        (b"# \xc3\xa9\nx = '\xc3\xa9\xff'\n", 2, 7, "byte 0xff"),
        (b"x = 1\ny\0 = 2\n", 2, 2, "NUL"),
        (b"# -*- coding: klingon -*-\n", 1, 1, "unknown encoding"),
        (b"\xef\xbb\xbf# coding: latin-1\n", 1, 1, "encoding problem"),
        (b"def f(:\n", 1, 7, "cannot parse"),
        (b"x = '\xc3\xa9' +\n", 1, 9, "cannot parse"),
        (b"if x:\n\ty = 1\n        z = 2\n", 3, 1, "cannot parse"),
    ],
)
def test_place_of_what_is_wrong(
    tmp_path: Path, data: bytes, line: int, column: int, says: str
) -> None:
    found = place(data, tmp_path)
    assert says in found[2]
    assert found[0] == line
    if "cannot parse" not in says:  # Python's own columns differ with its version
        assert found[1] == column


@pytest.mark.skipif(os.name == "nt" or not hasattr(os, "getuid"), reason="POSIX permissions")
def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").write_text(MISMATCH)
    (tmp_path / "b.py").write_text(MISMATCH)
    real = Path.read_bytes

    def read(path: Path) -> bytes:
        if path.name == "a.py":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", read)  # root may read everything
    first, second = lint(str(tmp_path))
    assert (first.code, first.message) == ("LP001", "cannot read: Permission denied")
    assert second.code == "LP401"


NEWER = "class Box[T]:\n    x: T\n" if sys.version_info < (3, 12) else "x = t'{a}'\n"


def test_newer_syntax_is_opaque_and_the_rest_is_linted() -> None:
    if sys.version_info >= (3, 14):
        parse(NEWER)  # nothing is newer here
        return
    with pytest.raises(SyntaxError):
        ast.parse(NEWER)
    assert codes(NEWER + "\n\n" + MISMATCH) == [("LP401", 12 + NEWER.count("\n") + 2)]
    assert codes(MISMATCH + "\n\n" + NEWER) == [("LP401", 12)]


DEEP = "deep = " + "+".join(["1"] * 20_000) + "\n"


def test_what_is_too_deep_for_ast_is_opaque_and_the_rest_is_linted() -> None:
    assert codes(DEEP + MISMATCH) == [("LP401", 13)]


def test_names_of_opaque_statements_are_bound_to_nothing_known() -> None:
    """A class that was not read must not be taken for the one that an import gave."""
    hidden = "from torch import nn\n" + DEEP.replace("deep", "nn")
    text = MISMATCH.replace("from torch import nn\n", hidden)
    assert codes(text) == []


def test_a_real_mistake_beside_newer_syntax_is_found() -> None:
    with pytest.raises(Unreadable) as raised:
        parse(NEWER + "def f(:\n    pass\n")
    assert raised.value.line in (1, NEWER.count("\n") + 1)


def test_lines_stay_where_they_are() -> None:
    tree = parse("a = 1\n" + DEEP + "if a:\n    b = 2\nelse:\n    b = 3\n")
    assert [node.lineno for node in tree.body] == [1, 2, 3]
    assert ast.unparse(tree.body[1]) == f"deep = {OPAQUE}"


def test_a_crash_in_a_rule_loses_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from lint_params import registry
    from lint_params.cli import main

    def crash(self: object, facts: object) -> list[Finding]:
        raise ZeroDivisionError("boom")

    rule = type(registry.load("parameter_transformed"))
    monkeypatch.setattr(rule, "check", crash)
    monkeypatch.setattr(rule, "words", ())
    path = tmp_path / "net.py"
    path.write_text(MISMATCH)
    assert main([str(path), "--no-cache", "-j1"]) == 2
    captured = capsys.readouterr()
    assert "LP401" in captured.out
    says = "internal error in LP301 (parameter-transformed): ZeroDivisionError: boom"
    assert says in captured.err


def test_a_crash_in_the_facts_is_contained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import lint_params.facts
    from lint_params.cli import main

    class Crash:
        def __init__(self, *arguments: object) -> None:
            raise KeyError("x")

    monkeypatch.setattr(lint_params.facts, "FileFacts", Crash)
    (tmp_path / "net.py").write_text(MISMATCH)
    (tmp_path / "bad.py").write_text("def f(:\n")
    assert main([str(tmp_path), "--no-cache", "-j1"]) == 2
    captured = capsys.readouterr()
    assert "LP001" in captured.out
    assert "internal error in facts: KeyError: 'x'" in captured.err


def test_too_deep_for_the_facts_is_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import lint_params.facts
    from lint_params.cli import main

    class Deep:
        def __init__(self, *arguments: object) -> None:
            raise RecursionError

    monkeypatch.setattr(lint_params.facts, "FileFacts", Deep)
    (tmp_path / "net.py").write_text(MISMATCH)
    assert main([str(tmp_path), "--no-cache", "-j1"]) == 0
    assert "nested too deeply" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is closed to root")
@pytest.mark.parametrize("mode", [0o000, 0o600])
def test_a_closed_folder_is_named(mode: int, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    (closed / "a.py").write_text(MISMATCH)
    (tmp_path / "b.py").write_text(MISMATCH)
    closed.chmod(mode)
    try:
        assert [finding.code for finding in lint(str(tmp_path))] == ["LP401", "LP001"]
    finally:
        closed.chmod(0o700)
