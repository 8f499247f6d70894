"""Configuration: one table of options, read from ini or TOML files and the command line."""

from __future__ import annotations

import fnmatch
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

#: Searched for in this order in each folder; the first with a section of ours counts.
FILES = ("pyproject.toml", "setup.cfg", "tox.ini", ".flake8")
SECTION = "lint-params"
EXCLUDE = (
    *(".svn", "CVS", ".bzr", ".hg", ".git", "__pycache__", ".tox", ".nox", ".eggs", "*.egg"),
    *(".venv", "venv", ".direnv", "node_modules", "__pypackages__", ".ipynb_checkpoints"),
    *(".mypy_cache", ".ruff_cache", ".pytest_cache", "site-packages"),
)


class ConfigError(Exception):
    """Wrong use: an unknown key, a wrong value, an unknown rule."""


@dataclass(frozen=True)
class Config:
    """The options that decide what is linted and reported; field names are the keys.

    A selector is a code, the beginning of one, a rule's name, a level or ``ALL``.
    """

    select: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    #: Replaces the default list, EXCLUDE.
    exclude: tuple[str, ...] | None = None
    extend_exclude: tuple[str, ...] = ()
    preview: bool = False
    #: How the verifier builds a class: ``Net = "Net(10, 20)"``.
    verify: Mapping[str, str] = field(default_factory=dict)
    #: The folder that patterns are relative to: where the configuration was found.
    root: str = ""
    #: The file that was read, for messages.
    origin: str = ""

    def excluded(self, path: str, base: str | None = None) -> bool:
        """True where the path, one of its folders or its name matches an exclude pattern.

        The default patterns count only below ``base``, the folder that the user named, so
        that somebody who names a library in site-packages gets it linted.
        """
        own = (*(self.exclude or ()), *self.extend_exclude)
        if any(_matches(path, pattern, self.root) for pattern in own):
            return True
        if base is None or self.exclude is not None:
            return False
        return any(_matches(path, pattern, base) for pattern in EXCLUDE)

    def ignored_in(self, path: str) -> tuple[str, ...]:
        """The selectors that per-file-ignores takes away for a file."""
        return tuple(
            key
            for pattern, keys in self.per_file_ignores
            if _matches(path, pattern, self.root)
            for key in keys
        )

    def overridden(
        self,
        *,
        select: Sequence[str] | None = None,
        extend_select: Sequence[str] = (),
        ignore: Sequence[str] = (),
        **others: Any,
    ) -> Config:
        """With the command line's word on top: ``select`` starts afresh, the others add."""
        base = self
        if select is not None:
            base = replace(base, select=tuple(select), extend_select=(), ignore=())
        return replace(
            base,
            extend_select=(*base.extend_select, *extend_select),
            ignore=(*base.ignore, *ignore),
            **{key: value for key, value in others.items() if value is not None},
        )


_KEYS = {f.name.replace("_", "-") for f in fields(Config)} - {"root", "origin"}


def find(paths: Sequence[str]) -> Config:
    """The configuration for these paths: the nearest above the folder they have in common."""
    places = [Path(path).resolve() for path in paths] or [Path.cwd()]
    start = Path(os.path.commonpath(places))
    for folder in (start, *start.parents):
        for name in FILES:
            file = folder / name
            table = _read(file) if file.is_file() else None
            if table is not None:
                return _parse(table, file)
        if (folder / ".git").exists():
            break
    return Config(root=str(start if start.is_dir() else start.parent))


def load(file: str) -> Config:
    """The configuration in a file named by the user."""
    path = Path(file)
    if not path.is_file():
        raise ConfigError(f"{file}: no such configuration file")
    table = _read(path)
    if table is None:
        section = "[tool.lint-params]" if path.suffix == ".toml" else "[lint-params]"
        raise ConfigError(f"{file}: no {section} section")
    return _parse(table, path.resolve())


def _read(file: Path) -> dict[str, Any] | None:
    """The section of ours in a configuration file, or None."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: {error}") from None
    if SECTION not in text:  # someone else's file, and perhaps someone else's mistakes
        return None
    return _read_toml(file, text) if file.suffix == ".toml" else _read_ini(file, text)


def _read_toml(file: Path, text: str) -> dict[str, Any] | None:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: {error}") from None
    found = table.get("tool", {}).get(SECTION)
    if found is not None and not isinstance(found, dict):
        raise ConfigError(f"{file}: [tool.{SECTION}] must be a table")
    return found


def _read_ini(file: Path, text: str) -> dict[str, Any] | None:
    import configparser  # only where there is an ini section: it is slow to import

    parser = configparser.RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # class names have case
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise ConfigError(f"{file}: {str(error).splitlines()[0]}") from None
    verify = f"{SECTION}:verify"
    if not parser.has_section(SECTION) and not parser.has_section(verify):
        return None
    table: dict[str, Any] = dict(parser[SECTION]) if parser.has_section(SECTION) else {}
    if parser.has_section(verify):
        table["verify"] = dict(parser[verify])
    return table


def _parse(table: Mapping[str, Any], file: Path) -> Config:
    values: dict[str, Any] = {}
    for key, value in table.items():
        option = key.replace("_", "-")
        if option not in _KEYS:
            known = ", ".join(sorted(_KEYS))
            raise ConfigError(f"{file}: unknown option {key!r} (known: {known})")
        name = option.replace("-", "_")
        try:
            values[name] = _value(name, value)
        except ValueError as error:
            raise ConfigError(f"{file}: {key}: {error}") from None
    return Config(**values, root=str(file.parent), origin=str(file))


def _value(name: str, value: Any) -> Any:
    """A raw value as its field wants it; ValueError says what is wrong."""
    if name == "preview":
        words = {"1": True, "true": True, "yes": True, "on": True}
        words |= {"0": False, "false": False, "no": False, "off": False}
        if str(value).lower() not in words:
            raise ValueError(f"true or false expected, not {value!r}")
        return words[str(value).lower()]
    if name == "verify":
        if not isinstance(value, Mapping) or not all(isinstance(v, str) for v in value.values()):
            raise ValueError('a table of Class = "Class(10, 20)" expected')
        return dict(value)
    if name == "per_file_ignores":
        return _per_file(value)
    return split(value)


def split(value: Any) -> tuple[str, ...]:
    """A list, or words separated by commas, blanks and line ends (``#`` begins a comment)."""
    if isinstance(value, str):
        lines = (line.partition("#")[0] for line in value.splitlines())
        return tuple(" ".join(lines).replace(",", " ").split())
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise ValueError(f"a list of words expected, not {value!r}")


def _per_file(value: Any) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """``pattern: CODES`` lines, as in flake8, or a table of pattern to list."""
    if isinstance(value, Mapping):
        return tuple((pattern, split(keys)) for pattern, keys in value.items())
    if not isinstance(value, str):
        raise ValueError("lines of 'pattern: CODES' or a table expected")
    pairs = []
    for line in value.splitlines():
        text = line.partition("#")[0].strip().rstrip(",")
        if not text:
            continue
        pattern, colon, keys = text.rpartition(":")
        if not colon or not keys.strip():
            raise ValueError(f"'pattern: CODES' expected, not {text!r}")
        pairs += [(one, split(keys)) for one in split(pattern)]
    return tuple(pairs)


def _matches(path: str, pattern: str, root: str) -> bool:
    """Shell patterns as flake8 takes them: against the name, or the path from the root."""
    full = os.path.abspath(path).replace(os.sep, "/")
    pattern = pattern.rstrip("/").removeprefix("./")
    base = os.path.abspath(root).replace(os.sep, "/") if root else ""
    if base and full.startswith(base.rstrip("/") + "/"):
        tail = full[len(base.rstrip("/")) + 1 :]
    else:
        tail = os.path.relpath(full).replace(os.sep, "/")
        tail = full.lstrip("/") if tail.startswith("..") else tail
    parts = tail.split("/")
    if "/" not in pattern:
        return any(fnmatch.fnmatchcase(part, pattern) for part in parts)
    if pattern.startswith("/"):
        return any(_glob(full[:end], pattern) for end in _ends(full))
    return any(_glob("/" + tail[:end], "/" + pattern) for end in _ends(tail))


def _ends(path: str) -> list[int]:
    return [i for i, char in enumerate(path) if char == "/" and i] + [len(path)]


def _glob(path: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(path, pattern) or (
        "/**/" in pattern and fnmatch.fnmatchcase(path, pattern.replace("/**/", "/"))
    )
