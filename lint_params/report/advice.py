"""What a person can do where no run could decide."""

from __future__ import annotations

from lint_params.rule import Finding, Outcome

_BUILT = "say how it is built, in [lint-params:verify]: {name} = {name}(...)"
_CALLED = "say what it takes, in [lint-params:verify]: {name}.inputs = torch.randn(...)"
#: By the reason with which the evidence begins.
_BY_REASON = {
    "import-failed": "verify where the file can be imported, with all that it needs installed",
    "construct-failed": _BUILT,
    "degenerate-input": _BUILT,
    "forward-failed-elsewhere": _CALLED,
    "input-repaired": _CALLED,
    "line-not-executed": _CALLED,
    "needs-device": "verify with --device cuda, where there is a GPU",
}


def advice(finding: Finding) -> str:
    """A line of it, "" where there is none."""
    proof = finding.verification
    if proof is None or proof.verdict is not Outcome.INCONCLUSIVE:
        return ""
    line = _BY_REASON.get(proof.evidence.partition(":")[0], "")
    name = finding.subject.partition(".")[0]
    of_class = name[:1].isupper()  # a function's arguments cannot be given in the configuration
    return line.format(name=name) if of_class or "{name}" not in line else ""
