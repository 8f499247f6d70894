"""Where a mismatch is reported: in this file, where a reader would mend it."""

from __future__ import annotations

import ast
from typing import Any

from lint_params.project import SourceFile
from lint_params.shape.check import Obligation
from lint_params.shape.runs.one_class import Checked
from lint_params.shape.value import Origin


def place(
    file: SourceFile, run: Checked, obligation: Obligation, ties: set[tuple[Any, ...]]
) -> ast.AST | None:
    """Where to report; None where nothing of it stands in this file."""
    return (
        _outside_call(file, run, obligation)
        or _place(file, obligation, ties)
        or _builds(file, run, obligation)
    )


def causes(file: SourceFile, o: Obligation) -> set[tuple[Any, ...]]:
    """What one mistake shows in several places: a line of another file that no size of this file
    makes wrong, wherever it is come to; one input that several layers of a module refuse."""
    found: set[tuple[Any, ...]] = set()
    origins = [one for one in (o.source, o.built) if one is not None]
    if o.path != file.path and origins and all(one.path != file.path for one in origins):
        found.add(("line", *spot_of(o.path, o.node)))
    if o.source is not None and o.inside and o.stack:
        path, call, _ = o.stack[-1]
        sizes = str(o.expected), str(o.got), o.source.path, o.source.line
        found.add(("input", *spot_of(path, call), *sizes))
    return found


def _outside_call(file: SourceFile, run: Checked, o: Obligation) -> ast.AST | None:
    """The call in the script, where a sound class gets an input whose own size is wrong."""
    if (
        o.inside
        or o.source is None
        or o.source.path != file.path
        or isinstance(run.root, ast.ClassDef)
    ):
        return None
    frames = [node for path, node, _ in o.stack if path == file.path and isinstance(node, ast.Call)]
    spans = [n for n in file.tree.body if isinstance(n, ast.ClassDef)]

    def in_class(line: int) -> bool:
        return any(c.lineno <= line <= (c.end_lineno or c.lineno) for c in spans)

    if in_class(o.source.line) or not in_class(getattr(o.node, "lineno", 0)):
        return None
    outside = [node for node in frames if not in_class(node.lineno)]
    return outside[-1] if outside else None


def _place(file: SourceFile, obligation: Obligation, ties: set[tuple[Any, ...]]) -> ast.AST | None:
    """The call itself, or, inside a module of the project, that module's
    constructor call, which gave it the sizes that do not fit."""
    own = (
        obligation.turned or spot_of(obligation.path, obligation.node) in ties or made_inside(obligation)
    )
    if own and obligation.path == file.path:
        return obligation.node
    made = builder_of(file, obligation)
    if made is not None:
        return made
    if obligation.path == file.path and hasattr(obligation.node, "lineno"):
        return obligation.node
    for path, node, _ in reversed(obligation.stack):
        if path == file.path and isinstance(node, (ast.Call, ast.BinOp)):
            return node
    return None


def builder_of(file: SourceFile, obligation: Obligation) -> ast.Call | None:
    """The constructor call in this file of the innermost module that has one."""
    for module in reversed(obligation.inside):
        if isinstance(module.node, ast.Call) and module.origin is not None:
            if module.origin.path == file.path:
                return module.node
    return None


def _builds(file: SourceFile, run: Checked, o: Obligation) -> ast.AST | None:
    """Where a class of this file makes the layer that does not fit into a method which it
    inherits from another file."""
    source = o.source.built if o.source is not None else None
    lines = [origin.line for origin in (o.built, source) if origin is not None and origin.path == file.path]
    if not lines or not isinstance(run.root, ast.ClassDef):
        return None
    calls = (node for node in ast.walk(run.root) if isinstance(node, ast.Call))
    return next((call for call in calls if call.lineno == lines[0]), None)


def made_inside(o: Obligation) -> bool:
    """Whether the innermost module itself makes the size that does not fit, by an operation and no
    layer: ``x.chunk(2)``, ``self.pe[:x.size(1)]``. Whoever builds it has no part in that."""
    cls = o.inside[-1].cls if o.inside else None
    if cls is None or o.source is None or o.source.built is not None:
        return False

    def within(origin: Origin) -> bool:
        node = cls.node
        return origin.path == o.path and node.lineno <= origin.line <= (node.end_lineno or node.lineno)

    return within(o.source) and (o.built is None or within(o.built))


def spot_of(path: str, node: ast.AST) -> tuple[Any, ...]:
    return (path, getattr(node, "lineno", 0), getattr(node, "col_offset", 0))
