"""The rule of ``classes``: how far a run of a class came. Found by the verifier's child."""

from __future__ import annotations

from lint_params.rule import Finding, Level, Rule, Run, Verification


class Reached(Rule):
    """Confirms what ran forward; names what stopped the others."""

    code = "LP499"  # of the shape family, for which forward is the last phase
    level = Level.ERROR

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        called = [m for m in run.modules if m.type == finding.subject and m.calls]
        if run.ok("forward") and called:
            how = f"{run.arguments_from}, {run.inputs_from}"
            return run.confirmed(f"{how}, repaired" if run.repaired else how)
        if run.ok("construct"):
            failure = run.failure("forward") or run.failure()
            return run.inconclusive("forward-failed-elsewhere", str(failure))
        return None
