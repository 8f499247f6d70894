"""The constructor's own switches above a line: ``if init_uniform:`` lets it run. Child only."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lint_params.verify.calls import signature
from lint_params.verify.source_facts import FileView


def switched(kind: type, line: int, view: FileView) -> dict[str, bool]:
    """Arguments other than their defaults with which the statement on a line is reached."""
    found = signature(kind)
    wanted = dict(_conditions(line, view)) if found is not None else {}
    known = found.parameters if found is not None else {}
    return {
        name: value
        for name, value in wanted.items()
        if name in known and type(known[name].default) is bool and known[name].default != value
    }


def _conditions(line: int, view: FileView) -> Iterator[tuple[str, bool]]:
    """(name, what it must be), from the inside out."""
    parents = view.scopes.parents
    nodes = (node for node in parents if isinstance(node, ast.stmt))
    here = next((node for node in nodes if node.lineno == line), None)
    inner: ast.AST | None = here
    while inner is not None:
        outer = parents.get(inner)
        if isinstance(outer, ast.If) and inner is not outer.test:
            yield from _asked(outer.test, inner in outer.body)
        inner = outer


def _asked(test: ast.expr, value: bool) -> Iterator[tuple[str, bool]]:
    if isinstance(test, ast.Name):
        yield test.id, value
    elif isinstance(test, ast.Attribute) and isinstance(test.value, ast.Name):
        if test.value.id == "self":
            yield test.attr, value
    elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        yield from _asked(test.operand, not value)
    elif isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) is value:
        for part in test.values:
            yield from _asked(part, value)
