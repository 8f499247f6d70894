"""The command: exit status, selection, formats that machines read, stdin, pages."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from examples import CLEAN, COLUMN, LINE, MISMATCH, TRANSFORMED

from lint_params import __version__
from lint_params.cli import main

KEYS = {
    *("path", "line", "column", "end_line", "end_column", "code", "name", "level", "message"),
    *("trace", "fix", "verification"),
}


@pytest.fixture
def bad(project: Path) -> Path:
    path = project / "bad.py"
    path.write_text(MISMATCH, encoding="utf-8")
    return path


def objects(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    main([*arguments, "--output-format", "json"])
    value = json.loads(capsys.readouterr().out)
    assert isinstance(value, dict)
    return value


def test_findings_exit_1(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bad.py"]) == 1
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith(f"bad.py:{LINE}:{COLUMN}: LP401 ")
    assert first.endswith(" [linear-input-mismatch]")


def test_clean_exit_0(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "good.py").write_text(CLEAN, encoding="utf-8")
    assert main(["."]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["missing.py"], "missing.py"),
        ([], "no path given"),
        (["bad.py", "--select", "LP999"], "unknown rule 'LP999'"),
        (["bad.py", "--ignore", "no-such-rule"], "unknown rule 'no-such-rule'"),
        (["bad.py", "--per-file-ignores", "*.py:LP998"], "LP998"),
        (["bad.py", "--config", "missing.cfg"], "missing.cfg"),
        (["--explain", "LP999"], "LP999"),
        (["--why", "bad.py"], "FILE:LINE"),
        (["--shapes", "missing.py"], "missing.py"),
        (["-", "bad.py"], "stdin"),
        (["bad.py", "--stdin-filename", "x.py"], "--stdin-filename"),
        (["bad.py", "--unsafe-fixes"], "--fix"),
        (["bad.py", "--baseline", "missing.json"], "missing.json"),
    ],
)
def test_wrong_use_exits_2(
    bad: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert says in captured.err
    assert captured.out == ""


@pytest.mark.parametrize("arguments", [["--output-format", "yaml"], ["-j", "0"], ["--frobnicate"]])
def test_options_that_argparse_refuses_exit_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2


def test_json_contract(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    value = objects(capsys, "bad.py")
    assert set(value) == {"version", "findings", "summary"}
    assert value["version"] == __version__
    (finding,) = value["findings"]
    assert set(finding) == KEYS
    assert (finding["path"], finding["line"], finding["column"]) == ("bad.py", LINE, COLUMN)
    assert (finding["end_line"], finding["end_column"]) == (LINE, 37)
    assert (finding["code"], finding["name"]) == ("LP401", "linear-input-mismatch")
    assert finding["level"] == "error"
    assert finding["verification"] is None
    assert finding["trace"] and all(set(step) == {"line", "text"} for step in finding["trace"])
    assert value["summary"]["findings"] == 1
    assert value["summary"]["files"] == 1


def test_json_of_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert objects(capsys, ".")["findings"] == []


@pytest.mark.parametrize(
    ("arguments", "codes"),
    [
        (["--select", "LP4"], ["LP401"]),
        (["--select", "linear-input-mismatch"], ["LP401"]),
        (["--select", "LP3,LP401"], ["LP401", "LP301"]),
        (["--select", "error"], ["LP401", "LP301"]),
        (["--select", "ALL", "--ignore", "LP3"], ["LP401"]),
        (["--select", "LP401", "--ignore", "LP4"], ["LP401"]),
        (["--select", "LP4", "--ignore", "LP401"], []),
        (["--ignore", "LP4", "--extend-select", "LP401"], ["LP401", "LP301"]),
        (["--ignore", "parameter-transformed"], ["LP401"]),
        (["--per-file-ignores", "b*.py:LP4"], ["LP301"]),
        (["--per-file-ignores", "b*.py:LP4 z.py:LP301"], []),
        (["--exclude", "z.py"], ["LP401"]),
        (["--extend-exclude", "b*.py"], ["LP301"]),
        (["--select", "advice"], []),
    ],
)
def test_selection(
    bad: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], codes: list[str]
) -> None:
    (bad.parent / "z.py").write_text(TRANSFORMED, encoding="utf-8")
    found = [finding["code"] for finding in objects(capsys, ".", *arguments)["findings"]]
    assert found == codes


def test_stdin(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    feed(monkeypatch, MISMATCH)
    assert main(["-", "--stdin-filename", "pkg/net.py"]) == 1
    assert capsys.readouterr().out.startswith(f"pkg/net.py:{LINE}:{COLUMN}: LP401 ")


def feed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def test_stdin_is_configured_by_its_name(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "setup.cfg").write_text("[lint-params]\nper-file-ignores = pkg/*: LP4\n")
    feed(monkeypatch, MISMATCH)
    assert main(["-", "--stdin-filename", "pkg/net.py"]) == 0


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert __version__ in capsys.readouterr().out


@pytest.mark.parametrize("key", ["LP401", "lp401", "linear-input-mismatch"])
def test_explain(capsys: pytest.CaptureFixture[str], key: str) -> None:
    assert main(["--explain", key]) == 0
    text = capsys.readouterr().out
    assert text.startswith("LP401 linear-input-mismatch (error)")
    assert all(part in text for part in ("Bad::", "Good::", "Silent when:"))


def test_list_rules(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list-rules"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == sorted(line.split()[0] for line in lines)
    assert any(line.startswith("LP401 linear-input-mismatch") for line in lines)
    main(["--list-rules", "--output-format", "json"])
    assert len(json.loads(capsys.readouterr().out)) == len(lines)


def test_statistics(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (bad.parent / "again.py").write_text(MISMATCH)
    assert main([".", "--statistics"]) == 1
    assert capsys.readouterr().out == "2 LP401 linear-input-mismatch\n"


def test_output_file(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bad.py", "--output-file", "out.json", "--output-format", "json"]) == 1
    assert capsys.readouterr().out == ""
    assert json.loads((bad.parent / "out.json").read_text())["findings"]


def test_a_file_given_twice_is_linted_once(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(objects(capsys, "bad.py", ".", str(bad))["findings"]) == 1


def test_default_excludes_hold_below_what_is_named(
    bad: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library = bad.parent / ".venv" / "site-packages" / "lib"
    library.mkdir(parents=True)
    (library / "net.py").write_text(MISMATCH)
    assert [f["path"] for f in objects(capsys, ".")["findings"]] == ["bad.py"]
    assert len(objects(capsys, str(library))["findings"]) == 1


def test_an_unreadable_file_is_a_finding_and_the_rest_is_linted(
    bad: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (bad.parent / "broken.py").write_text("def f(:\n    pass\n")
    found = objects(capsys, ".")["findings"]
    assert [(f["path"], f["code"]) for f in found] == [("bad.py", "LP401"), ("broken.py", "LP001")]
    assert (found[1]["line"], found[1]["column"]) == (1, 7)
    assert main(["broken.py"]) == 1
    assert main(["broken.py", "--ignore", "LP001"]) == 0


def test_show_source_draws_carets(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["bad.py", "--show-source"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].endswith("| " + MISMATCH.splitlines()[LINE - 1])
    assert lines[2].index("^") == lines[1].index("self.fc2")
    assert lines[2].count("^") == len("self.fc2(self.fc1(x))")


def test_no_colour_but_on_terminals(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["bad.py"])
    assert "\x1b" not in capsys.readouterr().out


def test_colour_wishes(
    bad: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    main(["bad.py"])
    assert "\x1b[1;31mLP401" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    main(["bad.py"])
    assert "\x1b" not in capsys.readouterr().out


def test_shapes_and_why(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--shapes", "bad.py"]) == 0
    assert "fc1" in capsys.readouterr().out
    assert main(["--why", f"bad.py:{LINE}"]) == 0
    assert "20" in capsys.readouterr().out
    assert main(["--why", f"bad.py:{LINE}", "--output-format", "json"]) == 0
    json.loads(capsys.readouterr().out)


def test_as_a_module_and_in_a_pipe(bad: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lint_params", "bad.py"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("bad.py:12:16: LP401")


def test_notebook(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head, _, tail = MISMATCH.partition("\n\n\n")
    cells: list[dict[str, Any]] = [
        {"cell_type": "markdown", "source": ["# title"]},
        {"cell_type": "code", "source": ["%matplotlib inline\n", "!pip list\n", head]},
        {"cell_type": "code", "source": ["def broken(:\n"]},
        {"cell_type": "code", "source": tail},
    ]
    (project / "book.ipynb").write_text(json.dumps({"cells": cells, "metadata": {}}))
    found = objects(capsys, ".")["findings"]
    assert [(f["path"], f["line"], f["column"], f["code"]) for f in found] == [
        ("book.ipynb:cell 3", 1, 12, "LP001"),
        ("book.ipynb:cell 4", LINE - 4, COLUMN, "LP401"),
    ]
    assert {step["line"] for step in found[1]["trace"]} <= set(range(1, LINE - 3))
