"""What the command prints about rules and shapes instead of linting."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from lint_params import registry
from lint_params.config import ConfigError
from lint_params.report import colour_wanted
from lint_params.rule import Status
from lint_params.source import Source, Unreadable, read

_UNREADABLE = """\
LP001 unreadable-file (error)

The file cannot be read, decoded or parsed. The rest of the files is linted.
"""


def explain(key: str) -> int:
    """Print the page of a rule: its docstring."""
    if key.upper() == registry.UNREADABLE or key.lower() == registry.UNREADABLE_NAME:
        sys.stdout.write(_UNREADABLE)
        return 0
    rule = registry.find(key)
    if rule is None:
        raise ConfigError(f"unknown rule {key!r}; see --list-rules")
    status = "" if rule.status is Status.STABLE else f", {rule.status.value}"
    print(f"{rule.code} {rule.name} ({rule.level.value}{status})\n\n{registry.page(rule)}")
    return 0


def list_rules(output_format: str) -> int:
    """One line a rule, or JSON objects."""
    rules = registry.load_all()
    if output_format == "json":
        table = [
            {
                "code": rule.code,
                "name": rule.name,
                "level": rule.level.value,
                "status": rule.status.value,
                "summary": registry.summary(rule),
            }
            for rule in rules
        ]
        print(json.dumps(table, indent=2, ensure_ascii=False))
        return 0
    width = max((len(rule.name) for rule in rules), default=0)
    for rule in rules:
        mark = "" if rule.status is Status.STABLE else f"[{rule.status.value}] "
        head = f"{rule.code} {rule.name:{width}} {rule.level.value:7}"
        print(f"{head} {mark}{registry.summary(rule)}")
    return 0


def shapes(path: str, as_json: bool) -> int:
    """Print what is known of the shapes in a file, layer by layer."""
    source = _source(path)
    from lint_params import shape_page
    from lint_params.shape.output.tables import class_tables

    tables = class_tables(path, source.text)
    if as_json:
        print(shape_page.as_json(path, tables))
    elif tables:
        shape_page.draw(path, tables, sys.stdout, colour_wanted(sys.stdout))
    else:
        print(f"{path}: no nn.Module class")
    return 0


def why(place: str, as_json: bool) -> int:
    """Print what was proved, refuted or unknown on a line, and why."""
    path, colon, line = place.rpartition(":")
    if not colon or not line.isdecimal() or int(line) < 1:
        raise ConfigError(f"FILE:LINE expected, not {place!r}")
    source = _source(path)
    from lint_params.shape.output.why import why_report

    print(why_report(path, source.text, int(line), as_json))
    return 0


def _source(path: str) -> Source:
    from lint_params.parse import parse

    try:
        source = read(path, Path(path).read_bytes())
        parse(source.text)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except Unreadable as problem:
        raise ConfigError(f"{path}:{problem.line}:{problem.column}: {problem.message}") from None
    return source
