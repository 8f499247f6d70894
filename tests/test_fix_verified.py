"""``--fix --verify``, and the words and the memory of ``--verify`` in the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from examples import CLEAN, MISMATCH

from lint_params import registry
from lint_params.cli import main
from lint_params.rule import Finding, Level, Place, Rule
from lint_params.verify.fixes import moved

CAST = """\
import torch
from torch import nn


class Scale(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.randn(3)).double()

    def forward(self, x):
        return x * self.w
"""


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("nn.Parameter(torch.randn(3).double())", ""),
        ("nn.Parameter(torch.randn(3)).float().double()", "LP301 on line 8 is still there: "),
        (
            "nn.Parameter(torch.randn(3, size=4))",
            "LP301 on line 8: the fixed code fails: TypeError: randn()",
        ),
    ],
)
def test_a_fix_is_written_only_if_it_mends(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    value: str,
    why: str,
) -> None:
    def fixed(self: Rule, statement: Any, found: Finding) -> Any:
        import libcst

        line = statement.body[0].with_changes(value=libcst.parse_expression(value))
        return statement.with_changes(body=[line])

    rule = type(registry.load("parameter_transformed"))
    monkeypatch.setattr(rule, "fixed", fixed)
    monkeypatch.setattr(rule, "fix_safe", True, raising=False)
    path = project / "scale.py"
    path.write_text(CAST)
    status = main(["scale.py", "--no-cache", "--select", "LP301", "--fix", "--verify"])
    mended = CAST.replace("nn.Parameter(torch.randn(3)).double()", value)
    said = capsys.readouterr().err
    if why:
        assert path.read_text() == CAST
        assert f"scale.py: not fixed: {why}" in said
        assert status == 1
    else:
        assert path.read_text() == mended
        assert "not fixed" not in said
        assert status == 0


def test_a_failure_of_something_else_does_not_stop_a_fix(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = CAST.replace("x * self.w", "(x * self.w) @ torch.ones(5, 7)")
    text = text.replace(").double()", ")\n        self.w.require_grad = False")
    path = project / "scale.py"
    path.write_text(text)
    main(["scale.py", "--no-cache", "--select", "LP607", "--fix", "--unsafe-fixes", "--verify"])
    assert "self.w.requires_grad = False" in path.read_text()


def test_verify_says_what_ran_and_keeps_verdicts(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "net.py").write_text(MISMATCH)
    arguments = ["net.py", "--verify", "--output-format", "json"]
    assert main(arguments) == 1
    first = capsys.readouterr()
    assert "torch 2." in first.err
    assert " on " in first.err
    monkeypatch.setattr("subprocess.Popen", None)  # nothing may be run any more
    assert main(arguments) == 1
    second = capsys.readouterr()
    assert json.loads(first.out) == json.loads(second.out)
    with pytest.raises(TypeError):
        main([*arguments, "--no-cache"])


def test_findings_move_with_their_lines() -> None:
    place = Place(12, 5, 12, 9)
    finding = Finding("LP401", "n", Level.ERROR, "f.py", place, "m", details={"lines": [8, 12]})
    after = moved(finding, MISMATCH, "import os\n" + CLEAN)
    assert (after.place.line, after.place.end_line) == (13, 13)
    assert after.details["lines"] == [9, 13]
