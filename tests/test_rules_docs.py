"""Every page is true: the linter reports exactly Bad, and torch agrees with Bad and Good."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest
import torch
from support import ROOT, STEMS, compare, lint, linter_for, marks, rule_of, says, section

from lint_params import registry
from lint_params.fix import fix_text, with_fixes
from lint_params.rule import Finding, Status

ACTIVE = [stem for stem in STEMS if rule_of(stem).status is not Status.RETIRED]
#: Exceptions that say the example is broken, not that torch refuses it.
BROKEN = (NameError, ImportError, SyntaxError)


def test_there_are_rules() -> None:
    assert len(ACTIVE) >= 3


@pytest.mark.parametrize("stem", STEMS)
def test_page_is_complete(stem: str) -> None:
    rule = rule_of(stem)
    page = registry.page(rule)
    first = registry.summary(rule)
    assert first.endswith("."), first
    if rule.status is Status.RETIRED:
        return
    missing = [name for name in registry.SECTIONS if f"\n{name}" not in page]
    assert not missing, f"rules/{stem}.py: its docstring lacks {missing}"


@pytest.mark.parametrize("stem", ACTIVE)
def test_bad_is_reported(stem: str, tmp_path: Path) -> None:
    rule = rule_of(stem)
    path = _written(tmp_path, section(registry.page(rule), "Bad"))
    findings = lint(path, rule)
    assert {finding.code for finding in findings} == {rule.code}, findings
    text = path.read_text(encoding="utf-8")
    if marks(text, "want"):
        assert compare(text, findings) == []


@pytest.mark.parametrize("stem", ACTIVE)
def test_good_is_silent(stem: str, tmp_path: Path) -> None:
    rule = rule_of(stem)
    assert lint(_written(tmp_path, section(registry.page(rule), "Good")), rule) == []


@pytest.mark.parametrize("stem", ACTIVE)
def test_torch_refuses_bad(
    stem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = registry.page(rule_of(stem))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Exception) as raised:
        _execute(section(page, "Bad"), section(page, "Run"), stem)
    assert not isinstance(raised.value, BROKEN), raised.value
    expected = says(page)
    if expected:
        assert expected in " ".join(str(raised.value).split())
    else:
        assert isinstance(raised.value, AssertionError), (
            f"{raised.value!r}: put torch's words into `Says:`"
        )


@pytest.mark.parametrize("stem", ACTIVE)
def test_torch_takes_good(stem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = registry.page(rule_of(stem))
    monkeypatch.chdir(tmp_path)
    _execute(section(page, "Good"), section(page, "Run"), stem)


@pytest.mark.parametrize("stem", ACTIVE)
def test_fixed_bad_is_good(stem: str, tmp_path: Path) -> None:
    rule = rule_of(stem)
    page = registry.page(rule)
    path = _written(tmp_path, section(page, "Bad"))
    linter = linter_for(rule)

    def findings(text: str) -> list[Finding]:
        return linter.lint(str(path), text.encode()).findings

    bad = path.read_text(encoding="utf-8")
    if all(finding.fix is None for finding in with_fixes(findings(bad), bad)):
        return  # a rule without a fix
    once = fix_text(bad, findings, unsafe=True).text
    assert once == section(page, "Good")
    assert fix_text(once, findings, unsafe=True).text == once


def test_rules_readme_names_all_sections() -> None:
    text = (ROOT / "rules" / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}" in text for name in (*registry.SECTIONS, "Says:"))


def _written(folder: Path, text: str) -> Path:
    assert text.strip()
    path = folder / "example.py"
    path.write_text(text, encoding="utf-8")
    return path


def _execute(code: str, run: str, stem: str) -> None:
    """An example and then its Run, as one module."""
    module = types.ModuleType(f"example_{stem}")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    sys.modules[module.__name__] = module
    try:
        exec(compile(code, "example.py", "exec"), module.__dict__)
        exec(compile(run, "Run", "exec"), module.__dict__)
    finally:
        del sys.modules[module.__name__]
        torch.set_num_threads(threads)
