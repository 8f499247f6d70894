"""Runs that import the file themselves, by fork or in a new process: the same results."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support import FIXTURES
from test_verify_hostile import HOSTILE, LINUX, expected

from lint_params import lint
from lint_params.rule import Finding, Level, Place
from lint_params.verify import verify_findings

#: Of each kind of run: classes, call sites, functions, the file's own code, what forward changes.
FILES = (
    "shapes/mlp_widened_buggy.py",
    "shapes/lora_factors_buggy.py",
    "rules/data_replaced_in_forward/hits.py",
    "rules/tensor_not_buffer/hits.py",
    "rules/missing_from_optimizer/hits.py",
    "rules/uninitialised_parameter/hits.py",
)
#: What shows that a process of its own is held as well as a fork.
BAD = ("construct_leaves", "construct_starts", "forward_bombs", "construct_writes", "forward_eats")


def told(findings: list[Finding]) -> list[tuple[str, str, str, str]]:
    """Each verdict with all of its evidence; how long it took is another matter."""
    proofs = [(f, f.verification) for f in findings]
    return [(f.code, p.verdict.value, p.evidence, p.device) for f, p in proofs if p is not None]


@pytest.mark.parametrize("start", ["import", "spawn"])
def test_the_same_verdicts_and_evidence(start: str) -> None:
    findings = []
    for name in FILES:
        code = None if name.startswith("shapes") else _own(FIXTURES / name)
        findings += lint([str(FIXTURES / name)], select=[code] if code else None)[:4]
    assert len(findings) > 15
    forked = verify_findings(findings, device="cpu", jobs=2)
    assert told(verify_findings(findings, device="cpu", jobs=2, start=start)) == told(forked)
    assert "confirmed" in {verdict for _, verdict, _, _ in told(forked)}


def _own(path: Path) -> str:
    found = re.search(r"want: (LP\d+)", path.read_text())
    assert found
    return found[1]


@pytest.mark.parametrize("start", ["import", "spawn"])
def test_what_it_says_of_itself(tmp_path: Path, start: str) -> None:
    """The level of containment, and the files on which kept verdicts depend."""
    (tmp_path / "helper.py").write_text("WIDTH = 5\n")
    path = tmp_path / "net.py"
    path.write_text(
        "import helper\nfrom torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n"
        "        super().__init__()\n        self.a = nn.Linear(3, helper.WIDTH)\n"
        "        self.b = nn.Linear(6, 2)\n\n    def forward(self, x):\n        return self.b(self.a(x))\n"
    )
    finding = Finding(
        "LP401", "linear-input-mismatch", Level.ERROR, str(path), Place(12, 16, 12, 20), "m",
        subject="Net", details={"got": 5, "expected": 6, "attribute": "b"},
    )  # fmt: skip

    def verdicts(start: str) -> tuple[list[str], list[str]]:
        notes: list[str] = []
        given = {"device": "cpu", "cache": tmp_path / f"kept-{start}", "note": notes.append}
        judged = verify_findings([finding], start=start, **given)  # type: ignore[arg-type]
        return [verdict for _, verdict, _, _ in told(judged)], notes

    forked, alone = verdicts("fork"), verdicts(start)
    assert forked == alone and alone[0] == ["confirmed"] and len(alone[1]) == 1
    assert verdicts(start) == (["confirmed"], [])  # it was kept
    (tmp_path / "helper.py").write_text("WIDTH = 6\n")
    assert verdicts(start)[0] == verdicts("fork")[0] != ["confirmed"]


@pytest.mark.skipif(not LINUX, reason="the sandbox is of Linux")
@pytest.mark.parametrize("start", ["import", "spawn"])
def test_hostile_files(monkeypatch: pytest.MonkeyPatch, start: str) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HOSTILE.parent))
    findings = []
    for name in BAD:
        path = HOSTILE / f"{name}.py"
        lines = path.read_text().splitlines()
        line = next(n for n, text in enumerate(lines, 1) if text.startswith("class Net"))
        place = Place(line, 1, line, 2)
        findings.append(Finding("LP900", "n", Level.ERROR, str(path), place, "m", subject="Net"))
    judged = verify_findings(
        findings, device="cpu", jobs=2, timeout=6.0, memory=1 << 30, start=start,
        rules={"LP900": "verify_rules:Nothing"},
    )  # fmt: skip
    for name, (_, verdict, evidence, _) in zip(BAD, told(judged), strict=True):
        wanted = expected(HOSTILE / f"{name}.py")
        assert wanted == verdict or evidence.startswith(wanted), (name, verdict, evidence)
