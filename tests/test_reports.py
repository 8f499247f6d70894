"""Each format as its readers want it; a baseline accepts what moved and nothing new."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from examples import LINE, MISMATCH, TRANSFORMED

from lint_params import lint_text
from lint_params.cli import main
from lint_params.report import FORMATS, Report, render
from lint_params.rule import Finding, Fix, Level, Outcome, Place, Step, Verification


@pytest.fixture
def files(project: Path) -> Path:
    (project / "bad.py").write_text(MISMATCH)
    (project / "a scale.py").write_text(TRANSFORMED)
    return project


def odd() -> Finding:
    """Everything that a format could trip over."""
    return Finding(
        code="LP401",
        name="linear-input-mismatch",
        level=Level.WARNING,
        path="dir with, comma:/f%20é.py",
        place=Place(3, 5, 4, 9),
        message='a <b> & "c" 100%\nsecond: line\x07 ::error::',
        trace=(Step(2, "from <here>"),),
        fix=Fix(Place(3, 5, 3, 6), "x < y", "mend & go"),
        verification=Verification(Outcome.CONFIRMED, "RuntimeError: <x>\nsnippet", "cpu", 0.25),
    )


@pytest.mark.parametrize("name", FORMATS)
def test_odd_text_survives(name: str) -> None:
    text = render(name, Report([odd()], files=1, verified=True))
    if name in ("json", "sarif", "gitlab"):
        assert "100%\\nsecond" in text or "100%" in text
        json.loads(text)
    if name == "junit":
        ElementTree.fromstring(text.encode())
    if name in ("github", "text"):
        assert len(text.splitlines()) == (1 if name == "github" else 4)


@pytest.mark.parametrize(
    ("subject", "evidence", "advice"),
    [
        ("Net.forward", "construct-failed: TypeError: no\nmodel = Net(16)", "Net = Net(...)"),
        ("Net", "forward-failed-elsewhere: IndexError", "Net.inputs = "),
        ("train", "forward-failed-elsewhere: IndexError", ""),
        ("", "import-failed: ModuleNotFoundError", "installed"),
        ("Net", "timeout: no end after 20 s", ""),
        ("Net", "", ""),
    ],
)
def test_what_no_run_decided_says_what_to_do(subject: str, evidence: str, advice: str) -> None:
    finding = replace(odd(), subject=subject, verification=Verification(Outcome.INCONCLUSIVE, evidence, "cpu", 0.1))
    lines = render("text", Report([finding], files=1, verified=True)).splitlines()
    plain = 3 + max(1, len(evidence.splitlines()))
    assert len(lines) == plain - 1 + bool(advice)
    assert advice in lines[-1]


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_found(name: str) -> None:
    text = render(name, Report([], files=3))
    expected: dict[str, Any] = {"text": "", "github": "", "gitlab": "[]\n"}
    if name in expected:
        assert text == expected[name]
    if name == "junit":
        assert ElementTree.fromstring(text.encode()).get("failures") == "0"


def out(capsys: pytest.CaptureFixture[str], output_format: str) -> str:
    assert main([".", "--output-format", output_format]) == 1
    return capsys.readouterr().out


def test_text(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = out(capsys, "text").splitlines()
    assert [line for line in lines if not line.startswith("    ")] == [
        "a scale.py:7:18: " + lines[0].partition(": ")[2],
        f"bad.py:{LINE}:16: " + next(x for x in lines if x.startswith("bad")).partition(": ")[2],
    ]
    assert any(line.startswith("    line 9: ") for line in lines)


def test_sarif(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = json.loads(out(capsys, "sarif"))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["LP301", "LP401"]
    first, second = run["results"]
    assert rules[second["ruleIndex"]]["id"] == second["ruleId"] == "LP401"
    place = second["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "bad.py", "uriBaseId": "SRCROOT"}
    assert place["region"] == {
        "startLine": LINE,
        "startColumn": 16,
        "endLine": LINE,
        "endColumn": 37,
    }
    name = first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert name == "a%20scale.py"
    assert second["relatedLocations"][0]["message"]["text"]


def test_github(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = out(capsys, "github").splitlines()
    assert lines[1].startswith(
        f"::error file=bad.py,line={LINE},endLine={LINE},col=16,endColumn=37,"
        "title=LP401 linear-input-mismatch::self.fc2 takes 30"
    )
    assert "%0Aline 9%3A" not in lines[1] and "%0Aline 9: " in lines[1]


def test_gitlab(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    issues = json.loads(out(capsys, "gitlab"))
    assert [issue["check_name"] for issue in issues] == ["LP301", "LP401"]
    assert issues[1]["location"] == {"path": "bad.py", "lines": {"begin": LINE, "end": LINE}}
    assert issues[1]["severity"] == "major"
    assert len({issue["fingerprint"] for issue in issues}) == 2


def test_junit(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = ElementTree.fromstring(out(capsys, "junit").encode())
    assert (root.get("tests"), root.get("failures")) == ("2", "2")
    case = root.findall("testsuite/testcase")[1]
    assert (case.get("classname"), case.get("line")) == ("bad.py", str(LINE))
    failure = case.find("failure")
    assert failure is not None and "self.fc2 takes 30" in (failure.text or "")


def test_verdicts_are_shown() -> None:
    (finding,) = lint_text(MISMATCH)
    proof = Verification(Outcome.CONFIRMED, "RuntimeError: mat1\nmodel = Net()", "cpu", 0.5)
    report = Report([finding.with_verification(proof)], files=1, verified=True)
    lines = render("text", report).splitlines()
    assert lines[-2:] == [
        "    confirmed on cpu in 0.50 s: RuntimeError: mat1",
        "        model = Net()",
    ]
    value = json.loads(render("json", report))
    assert value["findings"][0]["verification"] == {
        "verdict": "confirmed",
        "evidence": "RuntimeError: mat1\nmodel = Net()",
        "device": "cpu",
        "seconds": 0.5,
    }
    assert value["summary"]["confirmed"] == 1


# -- baseline ------------------------------------------------------------------------------


def test_baseline(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([".", "--write-baseline", "base.json"]) == 0
    assert main([".", "--baseline", "base.json"]) == 0
    (files / "bad.py").write_text("# moved\n\n" + MISMATCH)
    assert main([".", "--baseline", "base.json"]) == 0
    (files / "bad.py").write_text(MISMATCH + MISMATCH.replace("Net", "Other"))
    capsys.readouterr()
    assert main([".", "--baseline", "base.json"]) == 1
    lines = [x for x in capsys.readouterr().out.splitlines() if not x.startswith(" ")]
    assert len(lines) == 1, "the same line a second time is new"
    (files / "bad.py").write_text(MISMATCH.replace("self.fc2(self", "2 * self.fc2(self"))
    assert main([".", "--baseline", "base.json"]) == 1


def test_baseline_from_another_folder(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    main([".", "--write-baseline", "base.json"])
    monkeypatch.chdir(files.parent)
    assert main(["project", "--baseline", "project/base.json"]) == 0


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 99, "findings": []}'])
def test_no_baseline(files: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    (files / "base.json").write_text(text)
    assert main([".", "--baseline", "base.json"]) == 2
    assert "base.json" in capsys.readouterr().err
