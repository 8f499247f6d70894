"""Finds the rules by walking their folder, and validates what it finds."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from functools import cache
from types import ModuleType

from lint_params.rule import Level, Rule, Status

CODE = re.compile(r"LP[1-9]\d\d")
#: Reported by the engine, not by a rule file: a file that cannot be read or parsed.
UNREADABLE = "LP001"
UNREADABLE_NAME = "unreadable-file"
SECTIONS = ("Bad::", "Good::", "Run::", "Silent when:")


class RegistryError(Exception):
    """A rule file that breaks the contract in rules/README.md."""


@cache
def stems() -> tuple[str, ...]:
    """The stems of all rule files; nothing is imported but the (empty) package."""
    package = importlib.import_module("lint_params.rules")
    found = (module.name for module in pkgutil.iter_modules(package.__path__))
    return tuple(sorted(stem for stem in found if not stem.startswith("_")))


def name_of(stem: str) -> str:
    return stem.replace("_", "-")


@cache
def names() -> frozenset[str]:
    """The names of all rules, for noqa comments; imports no rule."""
    return frozenset(map(name_of, stems())) | {UNREADABLE_NAME}


@cache
def load(stem: str) -> Rule:
    """The rule in ``rules/<stem>.py``."""
    return make(importlib.import_module(f"lint_params.rules.{stem}"))


def make(module: ModuleType) -> Rule:
    """The one rule that a module defines, named after its stem."""
    stem = module.__name__.rpartition(".")[2]
    where = f"rules/{stem}.py"
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Rule)
        and value.__module__ == module.__name__
    ]
    if len(found) != 1:
        raise RegistryError(f"{where}: one Rule subclass expected, {len(found)} found")
    rule = found[0]
    rule.name = name_of(stem)
    problems = list(_problems(rule))
    if problems:
        raise RegistryError(f"{where}: " + "; ".join(problems))
    return rule()


def _problems(rule: type[Rule]) -> list[str]:
    found = []
    if not CODE.fullmatch(getattr(rule, "code", "")):
        found.append("`code` must be LP and three digits, from LP100")
    if not isinstance(getattr(rule, "level", None), Level):
        found.append("`level` must be a Level")
    if not isinstance(rule.status, Status):
        found.append("`status` must be a Status")
    if not isinstance(rule.words, tuple) or not all(
        isinstance(word, str) and word for word in rule.words
    ):
        found.append("`words` must be a tuple of words")
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)+", rule.name):
        found.append("the file's stem must be two or more words joined by underscores")
    return found


@cache
def load_all() -> tuple[Rule, ...]:
    """All rules by code, retired ones too; codes are unique."""
    rules = sorted(map(load, stems()), key=lambda rule: rule.code)
    for first, second in zip(rules, rules[1:], strict=False):
        if first.code == second.code:
            raise RegistryError(f"{first.code} is both {first.name} and {second.name}")
    return tuple(rules)


def find(key: str) -> Rule | None:
    """The rule with this code or name, in any case."""
    lowered = key.lower()
    if lowered.replace("-", "_") in stems():
        return load(lowered.replace("-", "_"))
    return next((rule for rule in load_all() if rule.code.lower() == lowered), None)


def page(rule: Rule) -> str:
    """The documentation of a rule: the docstring of its file."""
    return inspect.cleandoc(inspect.getmodule(type(rule)).__doc__ or "")


def summary(rule: Rule) -> str:
    return page(rule).partition("\n")[0]
