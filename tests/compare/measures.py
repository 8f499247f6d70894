"""What is measured: each function gives one part of the result, plain enough for JSON.

Tools take turns, round after round, so that a busy machine is busy for all of them.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from compare import clock
from compare.clock import Cost
from compare.tools import TOOLS, Bench, CannotRun
from support import FIXTURES

HERE = Path(__file__).parent
#: What has taken so many seconds of CPU is not run again.
HEAVY = 45.0
OURS = [sys.executable, "-m", "lint_params", "--isolated"]
Row = dict[str, Any]


def rounds(
    commands: Mapping[str, Sequence[str]], count: int, cwd: Path, env: Mapping[str, str] | None = None
) -> dict[str, list[Cost]]:
    """The costs of each command, in turns."""
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(count):
        for name, command in commands.items():
            if not costs[name] or costs[name][0].cpu < HEAVY:
                done = clock.run(command, cwd=cwd, env=env)
                if done.status not in (0, 1):
                    raise SystemExit(f"{name} ended with {done.status}: {done.err[-500:]}")
                costs[name].append(done.cost)
    return costs


def rows(costs: Mapping[str, Sequence[Cost]]) -> list[Row]:
    return [
        {"title": name, "runs": len(some), **clock.median(some).asdict()}
        for name, some in costs.items()
    ]


def commands(bench: Bench, root: Path, keys: Sequence[str]) -> tuple[dict[str, list[str]], list[str]]:
    """The commands of tools by their titles, and why some cannot run."""
    found, cannot = {}, []
    for key in keys:
        tool = TOOLS[key]
        try:
            found[f"{tool.title} {tool.version}"] = bench.command(tool, root)
        except CannotRun as error:
            cannot.append(f"{tool.title}: {error}")
    return found, cannot


def library(bench: Bench, folder: Path, target: str, keys: Sequence[str], count: int) -> Row:
    """A whole library: ours cold and warm, then the others."""
    with tempfile.TemporaryDirectory() as kept:
        warm = ["env", f"LINT_PARAMS_CACHE_DIR={kept}", *OURS, target]
        clock.run(warm, cwd=folder)
        ours = {"lint-params": [*OURS, "--no-cache", target], "lint-params, again": warm}
        others, cannot = commands(bench, folder, keys)
        costs = rounds(ours | {name: [*command, target] for name, command in others.items()}, count, folder)
    return {**size(folder / target), "rows": rows(costs), "cannot": cannot}


def large(folder: Path, target: str) -> Row:
    """So large a library that it is read once, and again with what was kept."""
    with tempfile.TemporaryDirectory() as kept:
        command = ["env", f"LINT_PARAMS_CACHE_DIR={kept}", *OURS, target]
        costs = {name: rounds({name: command}, 1, folder)[name] for name in ("lint-params", "lint-params, again")}
    return {**size(folder / target), "rows": rows(costs)}


def size(folder: Path) -> Row:
    files = list(folder.rglob("*.py"))
    return {"files": len(files), "lines": sum(path.read_bytes().count(b"\n") for path in files)}


def one_file(bench: Bench, files: Sequence[Path], keys: Sequence[str]) -> Row:
    """A command for each file; the median of the files."""
    root = Path(os.path.commonpath(files))
    costs: dict[str, list[Cost]] = {}
    others, _ = commands(bench, root, keys)
    for path in files:
        every = {"lint-params": [*OURS, "--no-cache"], **others}
        for name, some in rounds({n: [*c, str(path)] for n, c in every.items()}, 1, root).items():
            costs.setdefault(name, []).extend(some)
    return {"files": len(files), "rows": rows(costs)}


def per_file(files: Sequence[Path]) -> Row:
    """What the plugin adds to flake8: percentiles over files, in milliseconds of CPU."""
    done = clock.run([sys.executable, str(HERE / "perfile.py"), *map(str, files)])
    found = json.loads(done.out)
    kinds = {}
    for kind, some in found.items():
        cuts = statistics.quantiles(some, n=20, method="inclusive")
        kinds[kind] = {"p50": 1000 * cuts[9], "p95": 1000 * cuts[18], "most": 1000 * max(some)}
    return {"files": len(found["alone"]), **kinds}


def per_class(files: Sequence[Path]) -> Row:
    """What shapes take: percentiles over classes, in milliseconds of CPU."""
    done = clock.run([sys.executable, str(HERE / "perclass.py"), *map(str, files)])
    some = json.loads(done.out)
    cuts = statistics.quantiles(some, n=100, method="inclusive")
    found = {name: 1000 * cuts[int(name[1:]) - 1] for name in ("p50", "p95", "p99")}
    return {"classes": len(some), "mean": 1000 * statistics.fmean(some), **found, "most": 1000 * max(some)}


def start(bench: Bench, keys: Sequence[str], count: int) -> Row:
    """What a command costs before it does anything: its version, and a file of one line."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        (root / "tiny.py").write_text("import torch\n", encoding="utf-8")
        others, _ = commands(bench, root, keys)
        tiny = {"lint-params": [*OURS, "--no-cache", "tiny.py"]}
        tiny |= {name: [*command, "tiny.py"] for name, command in others.items()}
        version = {"lint-params": [sys.executable, "-m", "lint_params", "--version"]}
        version |= {name: [*_program(command), "--version"] for name, command in others.items()}
        bare = {"python": [sys.executable, "-c", ""]}
        return {
            "version": rows(rounds(bare | version, count, root)),
            "tiny": rows(rounds(tiny, count, root)),
        }


def _program(command: Sequence[str]) -> list[str]:
    return list(command[:3]) if command[1] == "-m" else list(command[:1])


def verify(count: int, quick: bool) -> Row:
    """The twins of the fixtures, read only, run on torch, and run again with the verdicts kept."""
    files = sorted((FIXTURES / "shapes").glob("*_buggy.py"))[: 8 if quick else None]
    names = [str(path.relative_to(FIXTURES)) for path in files]
    with tempfile.TemporaryDirectory() as kept:
        again = ["env", f"LINT_PARAMS_CACHE_DIR={kept}", *OURS, "--verify", *names]
        clock.run(again, cwd=FIXTURES)
        plain = [*OURS, "--no-cache", *names]
        every = {"lint-params": plain, "with verify": [*plain, "--verify"], "with verify, again": again}
        costs = rows(rounds(every, count, FIXTURES))
    some = [findings(8 if quick else 100) for _ in range(count)]
    middle = sorted(some, key=lambda row: row["wall"])[len(some) // 2]
    return {"files": len(files), "rows": costs, "after": middle}


def findings(count: int) -> Row:
    """About so many findings of the fixtures, once torch is imported, and how busy it was."""
    done = clock.run([sys.executable, str(HERE / "findings.py"), str(count)])
    if done.status:
        raise SystemExit(done.err[-500:])
    return {**json.loads(done.out), "cpu": done.cost.cpu, "load": os.getloadavg()[0]}


def growth(sizes: Sequence[int]) -> list[Row]:
    done = clock.run([sys.executable, str(HERE / "growth.py"), *map(str, sizes)])
    if done.status:
        raise SystemExit(done.err[-500:])
    return [json.loads(line) for line in done.out.splitlines()]
