"""The generator's output passes every test that a rule must pass."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT

from lint_params.new_rule import main


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what the generic tests read, without the other rules: they have their own run."""
    copy = tmp_path / "tree"
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "lint_params", copy / "lint_params", ignore=ignore)
    (copy / "rules").mkdir()
    for name in ("__init__.py", "README.md"):
        shutil.copy(ROOT / "rules" / name, copy / "rules" / name)
    (copy / "lint_params" / "rules").symlink_to(copy / "rules", target_is_directory=True)
    for name in ("rules", "shapes", "models", "seeds", "broken"):
        (copy / "fixtures" / name).mkdir(parents=True)
    (copy / "tests").mkdir()
    for name in ("support.py", "conftest.py", "test_rules_docs.py", "test_fixtures.py"):
        shutil.copy(ROOT / "tests" / name, copy / "tests" / name)
    return copy


@pytest.mark.parametrize("options", [["--level", "error"], ["--level", "advice", "--preview"]])
def test_generated_rule_passes(tree: Path, options: list[str]) -> None:
    environment = {**os.environ, "PYTHONPATH": f"{tree}{os.pathsep}{tree / 'tests'}"}

    def python(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments], cwd=tree, env=environment, capture_output=True, text=True
        )

    for number, name in enumerate(("left-over-flag", "second-odd-name", "third-odd-name"), 997):
        done = python("-m", "lint_params.new_rule", name, "--code", f"LP{number}", *options)
        assert done.returncode == 0, done.stderr
    tests = python(
        *("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"),
        *("tests/test_rules_docs.py", "tests/test_fixtures.py"),
        *("--deselect", "tests/test_fixtures.py::test_the_other_fixtures_are_found"),
    )
    assert tests.returncode == 0, tests.stdout[-3000:]
    where = python("-c", "import lint_params.rules; print(lint_params.rules.__file__)").stdout
    assert where.startswith(str(tree)), "the tests above ran on the wrong tree"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["oneword", "--code", "LP998"], "two or more"),
        (["Two-Words", "--code", "LP998"], "two or more"),
        (["two-words", "--code", "LP98"], "three digits"),
        (["two-words", "--code", "LP401"], "taken by rules/linear_input_mismatch.py"),
        (["linear-input-mismatch", "--code", "LP998"], "exists"),
    ],
)
def test_refused(capsys: pytest.CaptureFixture[str], arguments: list[str], says: str) -> None:
    assert main([*arguments, "--root", str(ROOT)]) == 2
    assert says in capsys.readouterr().err


def test_refused_outside_the_repository(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["two-words", "--code", "LP998", "--root", str(tmp_path)]) == 2
    assert "--root" in capsys.readouterr().err
