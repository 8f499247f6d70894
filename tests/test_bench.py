"""The benchmark's parts without their clocks: sources that double, turns, medians, tables."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

import bench
import pytest
import torch
from compare import clock, growth, measures, tables
from compare.clock import Cost
from support import linter_for


@pytest.mark.parametrize("name", growth.SERIES)
def test_sizes_double(name: str) -> None:
    small, large = (growth.SERIES[name](size) for size in (8, 16))
    lines = [text.count("\n") - growth.HEAD.count("\n") for text in (small, large)]
    assert 1.5 < lines[1] / lines[0] < 2.2
    for text in (small, large):
        result = linter_for().lint("grown.py", text.encode())
        assert not (result.findings or result.crashes or result.notes)


@pytest.mark.parametrize("name", growth.SERIES)
def test_what_grows_is_sound(name: str) -> None:
    """torch runs it: the linter has something real to follow."""
    text = growth.SERIES[name](4)
    names: dict[str, type[torch.nn.Module]] = {}
    exec(compile(text, "grown.py", "exec"), names)  # noqa: S102
    last = [node.name for node in ast.parse(text).body if isinstance(node, ast.ClassDef)][-1]
    model = names[last](16)
    assert model(torch.randn(2, 3, 16)).shape[:2] == (2, 3)


def test_commands_take_turns_and_heavy_ones_run_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []

    def run(command: list[str], **_: object) -> clock.Run:
        ran.append(command[0])
        return clock.Run(Cost(50.0 if command[0] == "slow" else 1.0, 2.0, 3), 1, "", "")

    monkeypatch.setattr(clock, "run", run)
    costs = measures.rounds({"a": ["quick"], "b": ["slow"]}, 3, tmp_path)
    assert ran == ["quick", "slow", "quick", "quick"]
    assert [row["runs"] for row in measures.rows(costs)] == [3, 1]


def test_a_command_that_fails_is_no_measurement(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="broken ended with 7: why"):
        measures.rounds({"broken": [sys.executable, "-c", "import sys; sys.stderr.write('why'); sys.exit(7)"]}, 1, tmp_path)


def test_medians() -> None:
    costs = [Cost(1.0, 9.0, 10), Cost(3.0, 1.0, 30), Cost(2.0, 5.0, 20)]
    assert clock.median(costs) == Cost(2.0, 5.0, 20)


def test_what_the_plugin_adds_is_counted_by_file(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / f"net{number}.py").write_text(growth.classes(1))
    (tmp_path / "other.py").write_text("x = 1\n")
    found = measures.per_file(sorted(tmp_path.glob("*.py")))
    assert found["files"] == 4
    for kind in ("together", "alone"):
        assert 0 < found[kind]["p50"] <= found[kind]["p95"] <= found[kind]["most"]


def test_what_shapes_take_is_counted_by_class(tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / f"net{number}.py").write_text(growth.classes(3))
    found = measures.per_class(sorted(tmp_path.glob("*.py")))
    classes = [node for path in tmp_path.glob("*.py") for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)]
    assert found["classes"] == len(classes)
    assert 0 < found["p50"] <= found["p95"] <= found["p99"] <= found["most"]
    assert "| lint-params |" in bench.rendered({"classes": {"when": "today", "name": "lib 1.0", **found}})


def test_tables_show_ratios() -> None:
    rows = [
        {"title": "python", "cpu": 0.5, "wall": 1.0, "peak": 1e6, "runs": 3},
        {"title": "lint-params", "cpu": 2.0, "wall": 1.0, "peak": 2e6, "runs": 3},
        {"title": "other", "cpu": 30.0, "wall": 15.5, "peak": 3.4e6, "runs": 1},
    ]
    part = {"when": "today", "name": "lib 1.0", "files": 2, "lines": 3000, "rows": rows, "cannot": ["Lame: no wheel"]}
    text = bench.rendered({"library": part})
    assert "| other | 30 | 15.5 | 3 | 15.00 | 1 |" in text
    assert "| python | 0.50 | 1.0 | 1 | 0.25 | 3 |" in text
    assert "lib 1.0, 2 files, 3,000 lines." in text and "\nLame: no wheel\n\ntoday.\n" in text


def test_the_page_has_the_tables_that_were_measured() -> None:
    result = json.loads(bench.RESULT.read_text(encoding="utf-8"))
    assert result and result.keys() <= bench.PARTS.keys()
    page = bench.PAGE.read_text(encoding="utf-8")
    assert tables.between(page, "bench") == bench.rendered(result)
