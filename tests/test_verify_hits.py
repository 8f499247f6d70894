"""What the rules report on their own examples is right, so no run may refute it."""

from __future__ import annotations

from collections import Counter

import pytest
from support import FIXTURES, STEMS

from lint_params import lint, registry
from lint_params.evidence import Outcome
from lint_params.rule import Finding, Rule, Status
from lint_params.verify import verify_findings


def shown(stem: str) -> bool:
    """Whether a run shows the rule's mistakes, by its own predicate."""
    rule = registry.load(stem)
    return rule.status is not Status.RETIRED and type(rule).verify is not Rule.verify


RULES = [stem for stem in STEMS if shown(stem)]


@pytest.fixture(scope="module")
def judged() -> list[Finding]:
    """The findings in the hits of all rules and in the twins, from one session of the verifier."""
    findings = []
    for stem in RULES:
        folder = FIXTURES / "rules" / stem
        hits = [path for path in (folder / "hits.py", folder / "hits") if path.exists()]
        findings += lint([str(path) for path in hits], select=[registry.load(stem).code])
    findings += lint([str(path) for path in sorted(FIXTURES.glob("shapes/*_buggy.py"))])
    return verify_findings(findings, device="cpu", jobs=2)


def outcome(finding: Finding) -> Outcome | None:
    return finding.verification.verdict if finding.verification else None


def test_right_findings_are_not_refuted(judged: list[Finding]) -> None:
    refuted = [
        f"{f.path}:{f.place.line}: {f.code} {f.verification}"
        for f in judged
        if outcome(f) is Outcome.REFUTED
    ]
    assert not refuted


def test_most_are_confirmed(judged: list[Finding]) -> None:
    counts = Counter(map(outcome, judged))
    assert counts[Outcome.CONFIRMED] > 0.75 * len(judged), counts


@pytest.mark.parametrize("stem", RULES)
def test_each_rule_is_confirmed_somewhere(stem: str, judged: list[Finding]) -> None:
    mine = [f for f in judged if f.name == stem.replace("_", "-")]
    ends = [f.verification.evidence.partition("\n")[0] for f in mine if f.verification]
    assert any(outcome(f) is Outcome.CONFIRMED for f in mine), ends
