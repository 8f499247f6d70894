"""Fixtures say on each line what is reported there; nothing more and nothing less is."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import FIXTURES, STEMS, compare, linter_for, marks, rule_of

from lint_params import registry
from lint_params.fix import fix_text
from lint_params.rule import Finding, Rule, Status

ACTIVE = [stem for stem in STEMS if rule_of(stem).status is not Status.RETIRED]
FOLDERS = sorted(path.name for path in (FIXTURES / "rules").iterdir() if path.is_dir())
OTHERS = [
    path
    for name in ("shapes", "models", "seeds")
    for path in sorted((FIXTURES / name).rglob("*.py"))
]


@pytest.mark.parametrize("name", sorted({*ACTIVE, *FOLDERS}))
def test_rule_and_folder_belong_together(name: str) -> None:
    assert name in ACTIVE, f"fixtures/rules/{name} has no rule"
    assert name in FOLDERS, f"rules/{name}.py has no fixtures"
    assert _files(name, "hits"), "no hits.py"
    assert _files(name, "clean"), "no clean.py"


@pytest.mark.parametrize("stem", ACTIVE)
def test_hits(stem: str) -> None:
    rule = rule_of(stem)
    wanted = 0
    for path in _files(stem, "hits"):
        wanted += sum(
            count for (_, code), count in marks(_text(path), "want").items() if code == rule.code
        )
        _check(path, rule)
    assert wanted, f"no `# want: {rule.code}` in fixtures/rules/{stem}/hits"


@pytest.mark.parametrize("stem", ACTIVE)
def test_clean(stem: str) -> None:
    for path in _files(stem, "clean"):
        assert not marks(_text(path), "want"), f"{path}: a want in a clean file"
        _check(path, rule_of(stem))


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: str(path.relative_to(FIXTURES)))
def test_other_fixtures(path: Path) -> None:
    _check(path, None)


def test_the_other_fixtures_are_found() -> None:
    assert OTHERS


@pytest.mark.parametrize("stem", ACTIVE)
def test_hits_fixed(stem: str) -> None:
    """``hits.fixed.py`` is what the fixes make of ``hits.py``, and stays as it is."""
    linter = linter_for(rule_of(stem))
    for path in _files(stem, "hits"):

        def lint(text: str, path: Path = path) -> list[Finding]:
            return linter.lint(str(path), text.encode()).findings

        text = _text(path)
        fixed = fix_text(text, lint, unsafe=True)
        beside = path.with_name(path.name.replace(".py", ".fixed.py"))
        assert beside.exists() == bool(fixed.done), f"{beside.name} and the rule's fix disagree"
        if fixed.done:
            assert fixed.text == _text(beside)
            assert fix_text(fixed.text, lint, unsafe=True).text == fixed.text


def test_no_fixture_is_there_twice() -> None:
    texts: dict[str, Path] = {}
    for path in sorted((FIXTURES / "rules").rglob("*.py")):
        text = _text(path)
        if path.name != "__init__.py":
            assert text not in texts, f"{path} is {texts[text]}"
            texts[text] = path


def _files(stem: str, name: str) -> list[Path]:
    folder = FIXTURES / "rules" / stem
    found = [folder / f"{name}.py"] if (folder / f"{name}.py").exists() else []
    return found + sorted((folder / name).rglob("*.py"))


def _check(path: Path, rule: Rule | None) -> None:
    linter = linter_for(rule)
    result = linter.lint(str(path), path.read_bytes())
    assert not result.crashes, result.crashes
    assert compare(_text(path), result.findings) == []


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_marks_name_codes_that_exist() -> None:
    known = {rule.code for rule in registry.load_all()}
    for path in sorted(FIXTURES.rglob("*.py")):
        if "broken" in path.parts:
            continue
        for kind in ("want", "known-miss", "known-noise"):
            for line, code in marks(_text(path), kind):
                assert code in known, f"{path}:{line}: {code} is no rule"
