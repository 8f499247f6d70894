"""Rules are found by walking their folder, and refused where they break the contract."""

from __future__ import annotations

import types
from collections.abc import Callable

import pytest
from support import ROOT, STEMS

from lint_params import registry, selection
from lint_params.config import Config, ConfigError
from lint_params.registry import RegistryError
from lint_params.rule import Level, Rule, Status


def test_every_file_is_a_rule() -> None:
    files = {path.stem for path in (ROOT / "rules").glob("*.py")} - {"__init__"}
    assert set(STEMS) == files
    assert {rule.name for rule in registry.load_all()} == {stem.replace("_", "-") for stem in files}


def test_codes_are_unique_and_sorted() -> None:
    codes = [rule.code for rule in registry.load_all()]
    assert codes == sorted(set(codes))


def module(**attributes: object) -> types.ModuleType:
    made = types.ModuleType("lint_params.rules.some_rule")
    values = {"code": "LP999", "level": Level.ERROR, "__module__": made.__name__, **attributes}
    made.Some = type("Some", (Rule,), values)  # type: ignore[attr-defined]
    return made


def test_a_good_rule_is_named_after_its_file() -> None:
    rule = registry.make(module())
    assert (rule.name, rule.code) == ("some-rule", "LP999")


@pytest.mark.parametrize(
    ("attributes", "says"),
    [
        ({"code": "LP01"}, "code"),
        ({"code": "LP099"}, "code"),
        ({"code": "XX401"}, "code"),
        ({"level": "error"}, "level"),
        ({"status": "stable"}, "status"),
        ({"words": "data"}, "words"),
        ({"words": ("",)}, "words"),
    ],
)
def test_bad_metadata(attributes: dict[str, object], says: str) -> None:
    with pytest.raises(RegistryError, match=rf"rules/some_rule.py: `{says}`"):
        registry.make(module(**attributes))


def test_two_rules_in_a_file() -> None:
    made = module()
    made.Other = type("Other", (Rule,), {"__module__": made.__name__})  # type: ignore[attr-defined]
    with pytest.raises(RegistryError, match="one Rule subclass expected, 2 found"):
        registry.make(made)


def rules(*table: tuple[str, str, Level, Status]) -> tuple[Rule, ...]:
    made = []
    for code, name, level, status in table:
        values = {"code": code, "name": name, "level": level, "status": status}
        made.append(type(name, (Rule,), values)())
    return tuple(made)


@pytest.fixture
def five(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Five rules; the codes that a configuration turns on."""
    stable, preview = Status.STABLE, Status.PREVIEW
    table = rules(
        ("LP101", "an-error", Level.ERROR, stable),
        ("LP102", "a-warning", Level.WARNING, stable),
        ("LP103", "an-advice", Level.ADVICE, stable),
        ("LP104", "a-preview", Level.ERROR, preview),
        ("LP105", "a-ghost", Level.ERROR, Status.RETIRED),
    )
    monkeypatch.setattr(registry, "load_all", lambda: table)

    def chosen(**options: object) -> str:
        found = selection.chosen(Config(**options))  # type: ignore[arg-type]
        return " ".join(rule.code[-1] for rule in found)

    return chosen


@pytest.mark.parametrize(
    ("options", "codes"),
    [
        ({}, "1 2"),
        ({"preview": True}, "1 2 4"),
        ({"select": ("LP",)}, "1 2 3"),
        ({"select": ("ALL",), "preview": True}, "1 2 3 4"),
        ({"select": ("LP104",)}, "4"),
        ({"extend_select": ("a-preview",)}, "1 2 4"),
        ({"extend_select": ("advice",)}, "1 2 3"),
        ({"ignore": ("warning",)}, "1"),
        ({"ignore": ("LP10",), "extend_select": ("an-error",)}, "1"),
        ({"select": ("LP10",), "ignore": ("LP102",)}, "1 3"),
    ],
)
def test_choice(five: Callable[..., str], options: dict[str, object], codes: str) -> None:
    assert five(**options) == codes


def test_a_retired_rule_cannot_be_selected(five: Callable[..., str]) -> None:
    with pytest.raises(ConfigError, match="LP105 was retired"):
        five(select=("LP105",))
    assert five(ignore=("LP105",)) == "1 2"
