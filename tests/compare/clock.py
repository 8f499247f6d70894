"""What a command costs: CPU and wall seconds, and peak memory, with all that it starts."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LAUNCH = Path(__file__).with_name("launch.py")


@dataclass(frozen=True)
class Cost:
    """The peak is that of the largest process, in bytes."""

    cpu: float
    wall: float
    peak: int

    def asdict(self) -> dict[str, float]:
        return {"cpu": round(self.cpu, 3), "wall": round(self.wall, 3), "peak": self.peak}


@dataclass(frozen=True)
class Run:
    """One run of a command; a negative status is the signal that stopped it."""

    cost: Cost
    status: int
    out: str
    err: str


def run(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    seconds: int = 600,
) -> Run:
    """Run a command to its end, for at most so many seconds of CPU."""
    with tempfile.TemporaryDirectory() as scratch:
        report, out, err = (Path(scratch) / name for name in ("report", "out", "err"))
        launch = [sys.executable, "-I", "-S", str(LAUNCH), str(report), str(seconds), *command]
        with out.open("wb") as stdout, err.open("wb") as stderr:
            subprocess.run(launch, cwd=cwd, env=env, stdout=stdout, stderr=stderr, check=True)
        status, cpu, wall, peak = report.read_text(encoding="utf-8").split()
        texts = [path.read_text(encoding="utf-8", errors="replace") for path in (out, err)]
    return Run(Cost(float(cpu), float(wall), int(peak)), int(status), *texts)


def median(costs: Sequence[Cost]) -> Cost:
    """Each of the three by itself."""
    return Cost(
        statistics.median(cost.cpu for cost in costs),
        statistics.median(cost.wall for cost in costs),
        int(statistics.median(cost.peak for cost in costs)),
    )
