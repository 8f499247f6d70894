"""Which runs are made for a subject, in which order. Child only."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import nn

from lint_params.verify.made_up.source_facts import FileView
from lint_params.verify.made_up.switches import Way, way
from lint_params.verify.run import build, script

#: No subject gets more runs than this.
RUNS = 10
#: So many of them try to reach flagged lines by other arguments.
_SWITCHED = 3


@dataclass(frozen=True)
class Scenario:
    """``what``: import (of the file), class (the ``index``-th way to call it), part (of the ``index``-th class that
    contains it), thin (with large defaults made small), switched (so that line ``index`` is
    reached), function or main."""

    what: str
    name: str
    index: int = 0


#: The import itself, where statements of it failed.
IMPORT = Scenario("import", "")


def scenarios(
    subject: str, lines: list[int], view: FileView, config: dict[str, Any], traced: Iterable[int] = ()
) -> list[Scenario]:
    """The subject alone first, then what contains it, then the file's own scripts.

    ``lines``: those of its findings, each of which is to be reached; ``traced``: those that their
    traces name, where what is wrong may happen.
    """
    return list(_scenarios(subject, lines, view, config, {*traced}.difference(lines)))[:RUNS]


def _ways(kind: Any, lines: list[int], view: FileView) -> list[int]:
    """Lines that something other than the defaults lets run, one for each way."""
    found = {repr(way(kind, line, view)): line for line in reversed(lines)}
    found.pop(repr(Way()), None)
    return sorted(found.values())[:_SWITCHED]


def _scenarios(
    subject: str, lines: list[int], view: FileView, config: dict[str, Any], traced: set[int]
) -> Iterator[Scenario]:
    kind, name = _class_of(subject, view)
    wanted = {name.rpartition(".")[2]} if name else set()
    if kind is not None:
        if _buildable(kind):
            for index in range(len(build.calls(kind, view, config.get("classes", {})))):
                yield Scenario("class", name, index)
                if not index:
                    yield Scenario("thin", name)
                    for line in _ways(kind, lines, view) or _ways(kind, sorted(traced), view):
                        yield Scenario("switched", name, line)
        for other in reversed(build.relatives(name.partition(".")[0], view)[:3]):
            live = view.live(other)
            if isinstance(live, type) and issubclass(live, nn.Module):
                yield Scenario("class", other, 0)
                wanted.add(other)
        if isinstance(kind, type) and issubclass(kind, nn.Module):
            for index in range(2):
                yield Scenario("part", name, index)
    function = view.find(subject) if subject else None
    if isinstance(function, ast.FunctionDef):
        wanted = wanted or {subject.rpartition(".")[2]}
    entries = [
        entry
        for entry in script.entry_points(view)
        if not wanted or script.reaches(view, entry, wanted)
    ]
    if isinstance(function, ast.FunctionDef) and kind is None:
        if subject in entries:
            entries.remove(subject)
            yield Scenario("function", subject)
        for entry in entries[:2]:
            yield Scenario("main" if entry == "__main__" else "function", entry)
        if not entries:  # else the file itself says how it is called, and what happens before
            yield Scenario("function", subject)
            for other in reversed(build.relatives(subject, view)[:3]):  # classes that call it
                if _buildable(view.live(other)):
                    yield Scenario("class", other)
        return
    if not subject:
        yield Scenario("main", "__main__")
        entries = [entry for entry in entries if entry != "__main__"]
    for entry in entries[:2]:
        yield Scenario("main" if entry == "__main__" else "function", entry)
    if not subject:
        yield from _around(lines, view, config)
    if wanted:
        for node in view.tree.body:
            if not isinstance(node, ast.FunctionDef) or node.name in entries:
                continue
            if script.reaches(view, node.name, wanted):
                yield Scenario("function", node.name)


def _around(lines: list[int], view: FileView, config: dict[str, Any]) -> Iterator[Scenario]:
    """The classes in which the lines stand that a script did not reach, as the project builds them."""
    for node in view.tree.body:
        inside = [line for line in lines if node.lineno <= line <= (node.end_lineno or 0)]
        kind = view.live(node.name) if inside and isinstance(node, ast.ClassDef) else None
        if isinstance(node, ast.ClassDef) and isinstance(kind, type) and _buildable(kind):
            if build.calls(kind, view, config.get("classes", {}))[0].origin == "synthesised":
                continue
            yield Scenario("class", node.name, 0)
            for line in _ways(kind, inside, view):
                yield Scenario("switched", node.name, line)


def _class_of(subject: str, view: FileView) -> tuple[Any, str]:
    """The class that the subject is, or of which it is a method."""
    parts = subject.split(".")
    for end in range(len(parts), 0, -1):
        name = ".".join(parts[:end])
        live = view.live(name) if name else None
        if isinstance(live, type):
            return live, name
    return None, ""


def _buildable(kind: type) -> bool:
    return not getattr(kind, "__abstractmethods__", None)
