"""Verdicts on what training code keeps, and on what it names and never calls (LP212, LP210)."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from test_verify import HEAD, finding_at

import lint_params
from lint_params.verify import verify_findings, write_scripts

RULES = {
    "LP210": "rules.method_not_called:MethodNotCalled",
    "LP212": "rules.state_not_copied:StateNotCopied",
}
KEPT = """
    def fit(model, folds, validate):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        start = {start}
        for i, (x, y) in enumerate(folds):
            nn.functional.cross_entropy(model(x), y).backward()
            {step}
            if validate(model) > 0:
                model.load_state_dict(start)
"""
LOOKED = """
    class Clock:
        def __init__(self):
            self.ticks = 0

        @property
        def step(self):
            self.ticks += 1
            return self.ticks

    def go(clock):
        clock.step

    go({made})
"""

#: name: (source, flagged text, subject, code, verdict, evidence begins)
CASES = {
    "kept_and_trained": (
        KEPT.format(start="model.state_dict()", step="optimizer.step()"),
        "start = ",
        "fit",
        "LP212",
        "confirmed",
        "'weight' of the kept state has changed since",
    ),
    "kept_as_a_copy": (
        KEPT.format(start="nn.Linear(24, 16).state_dict()", step="optimizer.step()"),
        "start = ",
        "fit",
        "LP212",
        "refuted",
        "the kept state has memory of its own",
    ),
    "kept_and_not_trained": (
        KEPT.format(start="model.state_dict()", step="optimizer.zero_grad()"),
        "start = ",
        "fit",
        "LP212",
        "inconclusive",
        "no-predicate: the run showed nothing for or against it",
    ),
    "a_method": (
        LOOKED.format(made="torch.optim.SGD([nn.Parameter(torch.ones(2))], lr=0.1)"),
        "    clock.step",
        "go",
        "LP210",
        "confirmed",
        "SGD.step is a method, which nobody called",
    ),
    "a_property": (
        LOOKED.format(made="Clock()"),
        "    clock.step",
        "go",
        "LP210",
        "refuted",
        "Clock.step is int, no method",
    ),
}


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, lint_params.Finding]:
    folder = tmp_path_factory.mktemp("training")
    findings = []
    for name, (source, text, subject, code, _, _) in CASES.items():
        path = folder / f"{name}.py"
        path.write_text(HEAD + textwrap.dedent(source))
        findings.append(finding_at(path, text, code, subject, {}))
    return dict(zip(CASES, verify_findings(findings, device="cpu", rules=RULES), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_verdict(judged: dict[str, lint_params.Finding], name: str) -> None:
    verification = judged[name].verification
    assert verification is not None
    *_, verdict, evidence = CASES[name]
    assert verification.verdict.value == verdict, verification.evidence
    assert verification.evidence.startswith(evidence)


def test_the_snippet_of_a_function_can_be_pasted(
    judged: dict[str, lint_params.Finding], tmp_path: Path
) -> None:
    written = write_scripts([judged["kept_and_trained"]], tmp_path / "scripts")
    exec(compile(written[0].read_text(), str(written[0]), "exec"), {})
