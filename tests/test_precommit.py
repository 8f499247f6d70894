"""The hooks work from a clone, as pre-commit installs them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from examples import CLEAN, MISMATCH
from support import ROOT


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository with this tree's files, committed or not."""
    copy = tmp_path / "clone"
    copy.mkdir()
    names = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file() and not name.startswith(("tests/", "fixtures/")):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    git(copy, "init", "-q")
    git(copy, "add", "-A")
    git(copy, "commit", "-q", "-m", "all")
    return copy


def try_repo(clone: Path, project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    home = clone.parent / "pre-commit"
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "GIT_DIR")}
    return subprocess.run(
        [sys.executable, "-m", "pre_commit", "try-repo", str(clone), *arguments],
        cwd=project,
        env={**environment, "PRE_COMMIT_HOME": str(home), "PRE_COMMIT_COLOR": "never"},
        capture_output=True,
        text=True,
    )


def test_hook(clone: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    git(project, "init", "-q")
    (project / "bad.py").write_text(MISMATCH)
    (project / "good.py").write_text(CLEAN)
    (project / "notes.txt").write_text("import torch\n")
    git(project, "add", "-A")
    done = try_repo(clone, project, "lint-params", "--all-files")
    assert done.returncode == 1, done.stdout + done.stderr
    found = [line for line in done.stdout.splitlines() if ": LP" in line]
    beside = subprocess.run(
        [sys.executable, "-m", "lint_params", "--no-cache", "."],
        cwd=project,
        capture_output=True,
        text=True,
    )
    assert found == [line for line in beside.stdout.splitlines() if ": LP" in line]
    assert len(found) == 1
    (project / "bad.py").write_text(MISMATCH.replace("x))", "x))  # noqa: linear-input-mismatch"))
    git(project, "add", "-A")
    done = try_repo(clone, project, "lint-params", "--all-files")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_verifying_hook_asks_for_torch() -> None:
    """Installing torch once more takes minutes; that the hook asks for it is read here."""
    import yaml

    hooks = {h["id"]: h for h in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    assert set(hooks) == {"lint-params", "lint-params-verify"}
    verify = hooks["lint-params-verify"]
    assert verify["entry"] == "lint-params --verify"
    assert verify["additional_dependencies"] == ["torch>=2.4"]
    assert hooks["lint-params"]["types_or"] == verify["types_or"] == ["python", "jupyter"]
