"""One scenario, in the process that will be thrown away. Child only."""

from __future__ import annotations

import os
from typing import Any

import torch

from lint_params.mismatch import contests
from lint_params.verify.clock import Stopwatch, alarm
from lint_params.verify.jobs import Job, Json, inconclusive
from lint_params.verify.made_up.where import set_device
from lint_params.verify.run import child, plan


def one_run(target: Any, job: Job, seconds: float) -> Json:
    """Scenario ``job.scenario`` of the subject: verdicts, and whether there are more."""
    first = job.findings[0]
    if target.view is None:
        failed = child.imported(target, first["subject"])
        return {"verdicts": child.judge(failed, job.findings), "more": False, "reason": ""}
    watch = Stopwatch()
    alarm(seconds)
    target.device = job.device or target.device
    if job.device == "stand-in":
        target.device = "cpu"
        _without_cuda()
    set_device("meta" if job.device == "stand-in" else target.device)
    lines = [finding["place"][0] for finding in job.findings]
    traced = [line for finding in job.findings for line, _ in finding["trace"]]
    found = plan.scenarios(first["subject"], lines, target.view, target.config, traced)
    if target.failures:
        found.insert(0, plan.IMPORT)
    if job.scenario >= len(found):
        note = inconclusive("line-not-executed", "nothing in the file runs it", target.device)
        return {"verdicts": [note] * len(job.findings), "more": False, "reason": ""}
    scenario = found[job.scenario]
    more = job.scenario + 1 < len(found)
    if scenario.what == "part" and job.reached or scenario.what == "thin" and not job.slow:
        # It ran by itself and in time: no need to look for a way.
        return {"verdicts": [], "more": more, "reason": ""}
    target.watch.probes.tolerant = job.tolerant
    run = child.perform(target, scenario, job.findings, job.ties)
    if run is None:
        return {"verdicts": [], "more": more, "reason": "", "spent": watch.seconds()}
    if job.device == "stand-in":
        run.device = "meta"  # where .cuda() put the tensors
    verdicts = child.judge(run, job.findings)
    reason = next((f.reason for f in run.failures if f.reason), "")
    if not reason and any(v["evidence"].startswith("needs-device") for v in verdicts):
        reason = "needs-device"
    answer = {
        "verdicts": verdicts,
        "more": more,
        "own": run.arguments_from in ("config", "call site", "script"),
        "ties": run.ties,
        "reached": scenario.what in ("class", "part", "thin", "switched")
        and scenario.name == first["subject"].partition(".")[0]
        and run.ok("forward"),
        "reason": reason,
        "spent": watch.seconds(),
        "contested": contests(run),
        "off_gpu": any(
            f.between_devices or "device-side assert" in f.text for f in (*run.failures, *run.tried)
        ),
        "hides": len(job.findings) > 1
        and any(failure.passes(target.lines) for failure in run.failures),
    }
    if os.environ.get("LINT_PARAMS_TRACE"):
        answer["run"] = run.to_data()
    return answer


def _without_cuda() -> None:
    """No GPU here: ``.cuda()`` moves to meta, another device all the same."""

    def cuda(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self.to("meta")

    for owner in (torch.Tensor, torch.nn.Module):
        owner.cuda = cuda  # type: ignore[method-assign]
