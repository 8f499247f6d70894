"""The README says what is so: commands, options, files, links."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT

from lint_params.config import Config
from lint_params.flake8_plugin import Plugin
from lint_params.options import parser

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = ["README.md", "rules/README.md", "fixtures/README.md", "lint_params/facts/README.md"]
PAGES += ["tests/compare/README.md"]


def options() -> set[str]:
    return {flag for action in parser()._actions for flag in action.option_strings}


def flake8_options() -> set[str]:
    found: set[str] = set()

    class Manager:
        def add_option(self, flag: str, **_: object) -> None:
            found.add(flag)

    Plugin.add_options(Manager())  # type: ignore[arg-type]
    return found


def test_options_in_the_readme_exist() -> None:
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", README))
    assert named <= options() | flake8_options() | options_elsewhere()


def options_elsewhere() -> set[str]:
    """What the generator of rules and the measures take, by their own sources."""
    sources = [ROOT / "lint_params" / "new_rule.py", *(ROOT / "tests").rglob("*.py")]
    adds = re.compile(r"add_argument\(\s*\"(--[a-z-]+)\"")
    return {flag for path in sources for flag in adds.findall(path.read_text(encoding="utf-8"))}


def test_options_are_in_the_readme() -> None:
    missing = {flag for flag in options() | flake8_options() if flag not in README}
    assert missing <= {"-h", "--help", "-q", "--jobs", "--version"}


def test_keys_are_in_the_readme() -> None:
    keys = {name.replace("_", "-") for name in Config.__dataclass_fields__} - {"root", "origin"}
    assert not [key for key in keys if f"`{key}`" not in README]


@pytest.mark.parametrize("page", PAGES)
def test_links(page: str) -> None:
    path = ROOT / page
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), f"{page}: {target}"


def test_files_in_the_layout_exist() -> None:
    layout = README.partition("## How the tree is laid out")[2].partition("##")[0]
    for row in layout.splitlines():
        cells = row.split("|")
        if len(cells) < 4:
            continue
        folder = Path()
        for name in re.findall(r"`([^`]+)`", cells[2]):
            candidates = [ROOT / folder / name, ROOT / "lint_params" / name, ROOT / name]
            candidates += [ROOT / "lint_params" / "shape" / name]
            assert any(path.exists() for path in candidates), name


def test_ci_runs_the_second_command() -> None:
    second = next(line for line in README.splitlines() if "[dev]" in line)
    install, _, tests = second.rpartition(" && ")
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8").replace('"', "'")
    assert install.replace('"', "'") in ci
    assert tests in ci


def test_the_readme_says_what_fixtures_give() -> None:
    """The example output in the README is the command's, but for the time."""
    block = README.partition("```text\n")[2].partition("```")[0].splitlines()
    path = block[0].partition(":")[0]
    done = subprocess.run(
        [sys.executable, "-m", "lint_params", "--no-cache", "--verify", path],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    printed = [re.sub(r"in \d+\.\d+ s", "in T s", line) for line in done.stdout.splitlines()]
    for line in block:
        assert re.sub(r"in \d+\.\d+ s", "in T s", line) in printed, done.stdout


def test_no_path_or_host_of_a_machine() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    ours = Path(__file__).name
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.name == ours or path.suffix not in (".py", ".md", ".cfg", ".toml", ".yaml", ""):
            continue
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        for word in ("/" + "home/", "/" + "root/", "/" + "work/", "/" + "tmp/venv"):
            assert word not in text, f"{name} names {word}"
