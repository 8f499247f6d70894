"""What several tests share: linting texts and files, sections of pages, want comments."""

from __future__ import annotations

import ast
import re
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from unittest.mock import patch

from lint_params import registry
from lint_params.config import Config
from lint_params.rule import Finding, Rule, Status
from lint_params.runner import Linter

ROOT = Path(__file__).parent.parent
FIXTURES = ROOT / "fixtures"
STEMS = registry.stems()
Spots = Counter[tuple[str, int, str]]

_MARK = re.compile(r"#\s*(want|known-miss|known-noise):\s*((?:LP\d{3}[,\s]*)+)")


def rule_of(stem: str) -> Rule:
    return registry.load(stem)


def linter_for(rule: Rule | None = None) -> Linter:
    """The default rules, and this one whatever its level or status."""
    retired = rule is None or rule.status is Status.RETIRED
    extra = () if rule is None or retired else (rule.code,)
    return Linter(Config(extend_select=extra))


def lint(path: Path, rule: Rule | None = None) -> list[Finding]:
    result = linter_for(rule).lint(str(path), path.read_bytes())
    assert not result.crashes, result.crashes
    return result.findings


def section(page: str, name: str) -> str:
    """The indented block under ``Name::``, dedented."""
    found = re.search(rf"^{name}::[ ]*\n((?:[ ]*\n|[ \t]+.*\n?)+)", page, re.MULTILINE)
    return textwrap.dedent(found[1]).strip("\n") + "\n" if found else ""


def says(page: str) -> str:
    """The text behind ``Says:`` up to the next empty line, on one line."""
    found = re.search(r"^Says: (.+(?:\n(?!\n).+)*)", page, re.MULTILINE)
    return " ".join(found[1].split()) if found else ""


def execute(path: Path) -> None:
    """A model of the fixtures on torch: the file, as a script, and then its Run block."""
    import torch

    torch.manual_seed(0)
    text = path.read_text(encoding="utf-8")
    names: dict[str, Any] = {"__name__": "__main__", "__file__": str(path)}
    run = section(ast.get_docstring(ast.parse(text)) or "", "Run")
    with patch.object(sys, "argv", [str(path)]):  # who runs this may have options of his own
        exec(compile(text, str(path), "exec"), names)  # noqa: S102
        exec(compile(run, f"{path}, Run", "exec"), names)  # noqa: S102


def marks(text: str, kind: str) -> Counter[tuple[int, str]]:
    """(line, code) of all comments of this kind; a code may be there more than once."""
    found: Counter[tuple[int, str]] = Counter()
    for number, line in enumerate(text.split("\n"), 1):
        for match in _MARK.finditer(line):
            if match[1] == kind:
                found.update((number, code) for code in re.findall(r"LP\d{3}", match[2]))
    return found


def spots(findings: Iterable[Finding]) -> Counter[tuple[int, str]]:
    return Counter((finding.place.line, finding.code) for finding in findings)


def compare(text: str, findings: list[Finding]) -> list[str]:
    """What differs between the comments in a text and the findings in it; empty: nothing."""
    found = spots(findings)
    wanted = marks(text, "want")
    noise, miss = marks(text, "known-noise"), marks(text, "known-miss")
    expected = wanted + noise
    problems = []
    for (line, code), count in sorted((expected - found).items()):
        kind = "want" if (line, code) in wanted else "known-noise (mended? delete the comment)"
        problems.append(f"line {line}: {kind} {code} x{count}, not reported")
    for (line, code), count in sorted((found - expected).items()):
        known = " (known-miss: mended? make it a want)" if (line, code) in miss else ""
        text_of = next(f.message for f in findings if (f.place.line, f.code) == (line, code))
        problems.append(f"line {line}: {code} x{count} not wanted{known}: {text_of}")
    return problems
