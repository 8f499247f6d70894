"""A subject of a file on its way through the runs: findings, next scenario, verdicts so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lint_params.evidence import REASONS

Json = dict[str, Any]
#: How many arguments are tied to others before a way to call a class is given up.
TIES = 3
#: How many runs of a subject may crash before nothing more is expected of the next.
CRASHES = 3
#: Which inconclusive reason to keep when several runs gave one: the most telling.
_TELLING = ("no-predicate", "line-not-executed", *(r for r in REASONS if r != "line-not-executed"))

#: Devices that a model is moved to.
GPUS = ("cuda", "mps")
#: What a process of its own must be told of a job.
CARRIED = "index findings scenario device slow reached ties tolerant".split()


@dataclass
class Job:
    """One subject of one file: its findings, the next scenario, the verdicts so far."""

    index: list[int]
    findings: list[Json]
    scenario: int = 0
    device: str = ""
    verdicts: list[Json | None] = field(default_factory=list)
    contested: bool = False
    slow: bool = False  # a run took too much time or memory
    own: set[int] = field(default_factory=set)  # findings that the project's own call refuted
    reached: bool = False  # the subject itself has run forward
    ties: dict[str, int] = field(default_factory=dict)  # made-up arguments that must agree
    tied: int = 0
    tolerant: bool = False  # flagged statements that fail do not end this run
    crashes: int = 0  # runs that ended without an answer
    spent: float = 0.0  # seconds that its runs have taken
    cut: float = 0.0  # the limit that ended the search for more ways, if one did
    files: set[str] = field(default_factory=set)  # what runs that import the file have read
    level: str = ""  # how far they were confined

    def settled(self) -> bool:
        return all(v is not None and v["verdict"] == "confirmed" for v in self.verdicts)

    def take(self, verdicts: list[Json], own: bool = False) -> None:
        """``own``: of a run whose arguments are the project's, not made up.

        What the project's own call refuted is not confirmed by other arguments.
        """
        self.verdicts = self.verdicts or [None] * len(self.findings)
        for place, new in enumerate(verdicts):
            old = self.verdicts[place]
            shape = self.findings[place]["code"].startswith("LP4")
            if own and shape and new["verdict"] == "refuted":
                self.own.add(place)
            if place in self.own and not own and new["verdict"] == "confirmed":
                continue
            if old is None or _weight(new) > _weight(old):
                self.verdicts[place] = new

    def final(self) -> list[Json]:
        """A shape finding is not refuted where another run raised a shape error."""
        nothing = inconclusive("line-not-executed", "nothing in the project runs it", self.device)
        self.verdicts = [verdict or nothing for verdict in self.verdicts]
        for place, verdict in enumerate(self.verdicts):
            shape = self.findings[place]["code"].startswith("LP4")
            if self.contested and shape and verdict and verdict["verdict"] == "refuted":
                text = "another run of the class raised a shape error"
                self.verdicts[place] = inconclusive(
                    "forward-failed-elsewhere", text, verdict["device"], verdict["seconds"]
                )
        return [self._cut_short(verdict or nothing) for verdict in self.verdicts]

    def _cut_short(self, verdict: Json) -> Json:
        """Says so where time was over before every way to run the subject was tried."""
        if not self.cut or verdict["verdict"] != "inconclusive":
            return verdict
        first, line, rest = verdict["evidence"].partition("\n")
        said = f"{first}; its {self.cut:.0f} s were over before every way to run it was tried"
        return {**verdict, "evidence": said + line + rest}


def _weight(verdict: Json) -> int:
    if verdict["verdict"] == "confirmed":
        return 1000
    if verdict["verdict"] == "refuted":
        return 900
    reason = verdict["evidence"].partition(":")[0].partition("\n")[0]
    return _TELLING.index(reason) if reason in _TELLING else 0


def inconclusive(reason: str, text: str, device: str, seconds: float = 0.0) -> Json:
    evidence = f"{reason}: {text}" if text else reason
    return {
        "verdict": "inconclusive",
        "evidence": evidence,
        "device": device,
        "seconds": round(seconds, 3),
    }


def jobs_of(request: Json) -> list[Job]:
    """The findings of a file by subject."""
    groups: dict[str, Job] = {}
    for index, finding in enumerate(request["findings"]):
        job = groups.setdefault(finding["subject"], Job([], []))
        job.index.append(index)
        job.findings.append(finding)
    return list(groups.values())


def imported(request: Json, jobs: list[Job]) -> Json:
    """What runs that each imported the file have said of it."""
    files = sorted(set().union(*(job.files for job in jobs)))
    return {"imported": request["id"], "level": max(job.level for job in jobs), "files": files}


def again(job: Job, answer: Json, settings: Json) -> bool:
    """Take the verdicts in; whether another run of this job is worth it."""
    job.take(answer["verdicts"], answer.get("own", False))
    job.spent += answer.get("spent", 0.0)
    job.contested |= answer.get("contested", False)
    job.reached |= answer.get("reached", False)
    job.files.update(answer.get("files", ()))
    job.level = answer.get("level", job.level)
    if job.settled():
        return False
    reason = answer["reason"]
    job.slow |= reason in ("out-of-memory", "timeout")
    shapes = any(finding["code"].startswith("LP4") for finding in job.findings)
    if not job.device and settings["device"] in GPUS and (
        reason == "out-of-memory" or answer.get("off_gpu")
    ):
        job.device = "cpu"  # what the GPU shows has been seen
        return True
    if not job.device and settings["device"] == "cpu":
        if reason == "needs-device":
            job.device = "stand-in"
            return True
        if reason in ("out-of-memory", "timeout") and shapes:
            job.device = "meta"
            return True
    if answer.get("hides") and not job.tolerant:
        job.tolerant = True  # the same once more: what stands behind the failing statement?
        return _in_time(job, settings)
    if answer.get("ties") and job.tied < TIES:
        job.ties = answer["ties"]  # the same scenario with two sizes made one
        job.tied += 1
        return _in_time(job, settings)
    job.tolerant = False
    job.device = ""
    job.ties, job.tied = {}, 0
    job.scenario += 1
    job.crashes += reason == "crashed"
    return bool(answer["more"]) and job.crashes < CRASHES and _in_time(job, settings)


def _in_time(job: Job, settings: Json) -> bool:
    """Whether a finding may be given another run."""
    limit = settings["timeout"] * (2 if job.slow else 1)
    job.cut = limit if job.spent >= limit else 0.0
    return not job.cut
