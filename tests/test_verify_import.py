"""Files whose own statements fail when they are imported, without a main guard."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from test_verify import DATA, HEAD, RULES, finding_at

from lint_params.rule import Finding
from lint_params.verify import verify_findings

CASES = {
    "the_call_at_the_end": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(12, 3)

            def forward(self, x):
                return self.fc(x)

        Net()(torch.randn(2, 10))
        """,
        *("return self.fc(x)", "Net", {"got": 10, "expected": 12}),
        *("confirmed", "(2x10 and 12x3)"),
    ),
    "only_the_file_knows_how_to_call_it": (
        """
        class Net(nn.Module):
            def __init__(self, plan):
                super().__init__()
                self.fc = nn.Linear(plan.pop().width, 3)

            def forward(self, x):
                return self.fc(x["left"])

        class Row:
            width = 12

        for rows in ([Row()], [Row()]):
            model = Net(rows)
            model({"left": torch.randn(2, 10)})
        """,
        *("return self.fc(x", "Net", {"got": 10, "expected": 12}),
        *("confirmed", "python only_the_file_knows_how_to_call_it.py"),
    ),
    "another_error_is_no_evidence": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(12, 3)

            def forward(self, x):
                return self.fc(x.reshape(-1, 12))

        Net()(torch.randn(2, 12)) @ torch.zeros(10, 12)
        """,
        *("return self.fc(x", "Net", {"got": 10, "expected": 12}),
        *("inconclusive", "another run of the class raised a shape error"),
    ),
    "what_fails_before_the_class": (
        """
        import a_package_that_nobody_has

        data = open("a_file_that_nobody_has").read()

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(12, 3)

            def forward(self, x):
                return self.fc(x.reshape(5, 12))

        def run():
            Net()(torch.randn(5, 3, 4))
        """,
        *("return self.fc(x", "Net", {"got": 10, "expected": 12}),
        *("refuted", "torch raised nothing"),
    ),
    "what_ends_the_process": (
        """
        import sys

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(12, 3)

            def forward(self, x):
                return self.fc(x)

        sys.exit(1)
        """,
        *("return self.fc(x", "Net", {"got": 10, "expected": 12}),
        *("refuted", "by its source, x is [..., 12]"),
    ),
    "a_class_that_is_never_there": (
        """
        from a_package_that_nobody_has import Base

        class Net(Base):
            def forward(self, x):
                return x @ torch.zeros(3, 4)
        """,
        *("return x @", "Net", {"got": 10, "expected": 12}),
        *("inconclusive", "import-failed: ModuleNotFoundError: No module named 'a_package_that_nobody_has'"),
    ),
}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("imports")
    findings: list[Finding] = []
    for name, (source, text, subject, details, _, _) in CASES.items():
        path = folder / f"{name}.py"
        path.write_text(HEAD + textwrap.dedent(source))
        findings.append(finding_at(path, text, "LP401", subject, details))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(DATA))
        judged = verify_findings(findings, device="cpu", rules=RULES)
    return {name: f.verification for name, f in zip(CASES, judged, strict=True)}


@pytest.mark.parametrize("name", CASES)
def test_verdict(verdicts, name: str) -> None:
    wanted, evidence = CASES[name][-2:]
    assert verdicts[name].verdict.value == wanted, verdicts[name].evidence
    assert evidence in verdicts[name].evidence


def test_what_lies_above_the_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(DATA))
    inner = tmp_path / "whole" / "without_init" / "deep"
    inner.mkdir(parents=True)
    (tmp_path / "whole" / "__init__.py").touch()
    (tmp_path / "whole" / "sizes.py").write_text("WIDTH = 12\n")
    (tmp_path / "src" / "beside").mkdir(parents=True)
    (tmp_path / "src" / "beside" / "parts.py").write_text("ROWS = 5\n")
    path = inner / "net.py"
    path.write_text(
        HEAD
        + textwrap.dedent(
            """
            from whole.sizes import WIDTH
            from beside.parts import ROWS

            class Net(nn.Module):
                def forward(self, x):
                    return torch.zeros(ROWS, 10) @ torch.zeros(WIDTH, 3)
            """
        )
    )
    one = finding_at(path, "return torch.zeros", "LP401", "Net", {"got": 10, "expected": 12})
    (judged,) = verify_findings([one], device="cpu", rules=RULES)
    assert judged.verification is not None
    assert "(5x10 and 12x3)" in judged.verification.evidence
    assert judged.verification.verdict.value == "confirmed"


def test_a_package_that_cannot_be_imported_is_left_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(DATA))
    inner = tmp_path / "heavy" / "nets"
    inner.mkdir(parents=True)
    (tmp_path / "heavy" / "__init__.py").write_text("from heavy.nets.net import Net\nimport nowhere_to_be_found\n")
    (inner / "__init__.py").write_text("WIDTH = 12\n")
    path = inner / "net.py"
    body = """
    from . import WIDTH

    class Net(nn.Module):
        def forward(self, x):
            return torch.zeros(5, 10) @ torch.zeros(WIDTH, 3)
    """
    path.write_text(HEAD + textwrap.dedent(body))
    one = finding_at(path, "return torch.zeros", "LP401", "Net", {"got": 10, "expected": 12})
    lost = finding_at(path, "return torch.zeros", "LP900", "Other", {})
    judged, other = verify_findings([one, lost], device="cpu", rules=RULES)
    assert judged.verification is not None
    assert "(5x10 and 12x3)" in judged.verification.evidence
    assert other.verification is not None
    assert "nowhere_to_be_found" in other.verification.evidence
