"""What the rules report on their own examples is right, so no run may refute it."""

from __future__ import annotations

import pytest
from support import ROOT

from lint_params import lint, registry
from lint_params.evidence import Outcome
from lint_params.rule import Finding
from lint_params.verify import verify_findings

#: One or two rules of each family.
STEMS = (
    "created_in_forward",
    "data_new_shape",
    "data_reshape",
    "grad_cleared_in_forward",
    "linear_input_mismatch",
    "module_requires_grad",
    "modules_in_container",
    "result_discarded",
    "statistic_as_parameter",
    "tie_through_data",
    "trained_statistic",
    "uninitialised_parameter",
)


@pytest.fixture(scope="module")
def judged() -> list[Finding]:
    """The findings in the hits of these rules, from one session of the verifier."""
    findings = []
    for stem in STEMS:
        path = ROOT / "fixtures" / "rules" / stem / "hits.py"
        code = registry.load(stem).code
        findings += lint([str(path)], select=[code])
    return verify_findings(findings, jobs=2)


@pytest.mark.parametrize("stem", STEMS)
def test_right_findings_are_confirmed_and_never_refuted(stem: str, judged: list[Finding]) -> None:
    mine = [(f, f.verification) for f in judged if f.name == stem.replace("_", "-")]
    refuted = [
        f"{f.path}:{f.place.line}: {proof.evidence}"
        for f, proof in mine
        if proof is not None and proof.verdict is Outcome.REFUTED
    ]
    assert not refuted
    assert any(proof is not None and proof.verdict is Outcome.CONFIRMED for _, proof in mine)
