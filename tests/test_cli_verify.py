"""What --verify does to the exit status and the output; the verifier has tests of its own."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from examples import MISMATCH

import lint_params.verify
from lint_params.cli import main
from lint_params.rule import Finding, Outcome, Verification


@pytest.fixture
def verdict(monkeypatch: pytest.MonkeyPatch, project: Path) -> Callable[[Outcome], dict[str, Any]]:
    """Let every finding have this verdict; the options that the verifier was given."""
    (project / "net.py").write_text(MISMATCH)

    def install(outcome: Outcome) -> dict[str, Any]:
        given: dict[str, Any] = {}

        def verify(findings: Sequence[Finding], **options: Any) -> list[Finding]:
            given.update(options, count=len(findings))
            proof = Verification(outcome, "because\nmodel = Net()", "cpu", 0.5)
            return [finding.with_verification(proof) for finding in findings]

        monkeypatch.setattr(lint_params.verify, "verify_findings", verify)
        return given

    return install


@pytest.mark.parametrize(
    ("outcome", "status", "strict"),
    [
        (Outcome.CONFIRMED, 1, 1),
        (Outcome.INCONCLUSIVE, 1, 0),
        (Outcome.REFUTED, 0, 0),
    ],
)
def test_exit_status(
    verdict: Callable[[Outcome], dict[str, Any]], outcome: Outcome, status: int, strict: int
) -> None:
    verdict(outcome)
    assert main(["net.py", "--verify"]) == status
    assert main(["net.py", "--verify", "--verify-strict"]) == strict
    assert main(["net.py", "--verify-strict"]) == strict


def test_refuted_findings_are_still_shown(
    verdict: Callable[[Outcome], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    verdict(Outcome.REFUTED)
    main(["net.py", "--verify", "--output-format", "json"])
    value = json.loads(capsys.readouterr().out)
    assert value["findings"][0]["verification"]["verdict"] == "refuted"
    assert (value["summary"]["refuted"], value["summary"]["confirmed"]) == (1, 0)


def test_options_reach_the_verifier(
    verdict: Callable[[Outcome], dict[str, Any]], project: Path
) -> None:
    (project / "setup.cfg").write_text(
        "[lint-params:verify]\nNet = Net(10)\nNet.inputs = torch.randn(2, 10)\n"
    )
    given = verdict(Outcome.CONFIRMED)
    main(["net.py", "--verify", "--device", "meta", "-j", "3"])
    assert (given["device"], given["jobs"], given["count"]) == ("meta", 3, 1)
    assert given["config"] == {
        "classes": {"Net": "Net(10)"},
        "inputs": {"Net": "torch.randn(2, 10)"},
    }


def test_scripts_are_written(
    verdict: Callable[[Outcome], dict[str, Any]], project: Path
) -> None:
    verdict(Outcome.CONFIRMED)
    assert main(["net.py", "--verify-script", "scripts"]) == 1
    (script,) = (project / "scripts").iterdir()
    assert "model = Net()" in script.read_text()


def test_what_cannot_be_run_is_inconclusive_or_stays(
    verdict: Callable[[Outcome], dict[str, Any]],
    project: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = verdict(Outcome.REFUTED)
    (project / "broken.py").write_text("def f(:\n")
    cell = {"cell_type": "code", "source": MISMATCH}
    (project / "book.ipynb").write_text(json.dumps({"cells": [cell], "metadata": {}}))
    assert main([".", "--verify", "--output-format", "json"]) == 1
    book, broken, net = json.loads(capsys.readouterr().out)["findings"]
    assert book["verification"]["verdict"] == "inconclusive"
    assert book["verification"]["evidence"].startswith("import-failed: ")
    assert broken["code"] == "LP001" and broken["verification"] is None
    assert net["verification"]["verdict"] == "refuted"
    assert given["count"] == 1


def test_an_unreadable_file_counts_under_strict(
    verdict: Callable[[Outcome], dict[str, Any]], project: Path
) -> None:
    verdict(Outcome.REFUTED)
    (project / "broken.py").write_text("def f(:\n")
    assert main([".", "--verify-strict"]) == 1


def test_without_torch(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "torch" else real(name)
    )
    (project / "net.py").write_text("x = 1\n")
    assert main(["net.py", "--verify"]) == 2
    captured = capsys.readouterr()
    assert "lint-params[verify]" in captured.err
    assert captured.out == ""


def test_a_verifier_that_fails_loses_no_findings(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "net.py").write_text(MISMATCH)

    def verify(findings: Sequence[Finding], **options: Any) -> list[Finding]:
        raise lint_params.verify.VerifierFailed("no such library: libcudart")

    monkeypatch.setattr(lint_params.verify, "verify_findings", verify)
    assert main(["net.py", "--verify"]) == 2
    said = capsys.readouterr()
    assert "LP401" in said.out and "confirmed" not in said.out
    assert "libcudart" in said.err
