"""Which rules run: selectors to rules, the most specific one wins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lint_params import registry
from lint_params.config import Config, ConfigError
from lint_params.rule import Level, Rule, Status


def chosen(config: Config) -> tuple[Rule, ...]:
    """The rules that the configuration turns on, by code.

    Among all selectors that fit a rule the most specific decides, and ``ignore`` wins a tie.
    Stable errors and warnings are on by default. Preview rules need ``preview`` or their own
    code or name; retired ones never run.
    """
    check(config)
    return tuple(rule for rule in registry.load_all() if _on(rule, config))


def drop(rules: Iterable[Rule], keys: Sequence[str]) -> tuple[Rule, ...]:
    """The rules without those that per-file selectors take away."""
    return tuple(rule for rule in rules if not any(_rank(key, rule) for key in keys))


def covers(keys: Sequence[str], code: str, name: str) -> bool:
    """True where a selector names this code that no rule file stands for (LP001)."""
    return any(
        key.upper() == "ALL" or code.startswith(key.upper()) or key.lower() == name for key in keys
    )


def check(config: Config) -> None:
    """ConfigError where a selector fits no rule."""
    groups = {
        "select": (*config.select, *config.extend_select),
        "ignore": config.ignore,
        "per-file-ignores": tuple(key for _, keys in config.per_file_ignores for key in keys),
    }
    for option, keys in groups.items():
        for key in keys:
            fitting = [rule for rule in registry.load_all() if _rank(key, rule)]
            if not fitting and not covers([key], registry.UNREADABLE, registry.UNREADABLE_NAME):
                if key.lower() in {level.value for level in Level} or key.upper() == "LP":
                    continue  # a group may be empty today
                where = f"{config.origin}: " if config.origin else ""
                raise ConfigError(f"{where}unknown rule {key!r} in {option}; see --list-rules")
            exact = [rule for rule in fitting if _rank(key, rule) == _EXACT]
            if option == "select" and any(rule.status is Status.RETIRED for rule in exact):
                raise ConfigError(f"{key} was retired: lint-params --explain {key} says why")


_EXACT = 100


def _rank(key: str, rule: Rule) -> int:
    """How specifically a selector names a rule; 0: not at all."""
    if key.upper() == rule.code or key.lower() == rule.name:
        return _EXACT
    if key.lower() == rule.level.value:
        return 2
    if key.upper() == "ALL":
        return 1
    prefix = key.upper()
    fits = prefix.startswith("LP") and rule.code.startswith(prefix)
    return 2 + len(prefix) if fits else 0


def _on(rule: Rule, config: Config) -> bool:
    def best(keys: Sequence[str]) -> int:
        return max((_rank(key, rule) for key in keys), default=0)

    default = (Level.ERROR.value, Level.WARNING.value)
    for_it = max(best(config.select or default), best(config.extend_select))
    if not for_it or best(config.ignore) >= for_it:
        return False
    if rule.status is Status.PREVIEW:
        return config.preview or for_it == _EXACT
    return rule.status is Status.STABLE
