"""Layers that a class builds or calls under a condition only: which of them meet, it may decide."""

from __future__ import annotations

import ast
from collections.abc import Set

from lint_params.project import SourceFile
from lint_params.shape.check import Obligation
from lint_params.shape.value import Origin
from lint_params.trees import is_none, is_self, last_name, walk


def on_condition(file: SourceFile, cls: ast.ClassDef, o: Obligation, names: Set[str]) -> bool:
    """Whether one of the layers is built or called only under a condition: ``norm or
    nn.LayerNorm(256)`` stands in for what a caller is to give, with sizes of its own, and the
    arguments may say which branch is taken. That is not so where the condition asks no more than
    whether there is such a layer, by one of the ``names`` of which the sizes are made."""
    lines = {step.line for step in o.sources if step.path == file.path}
    lines |= {getattr(o.node, "lineno", 0), _line(file, o.built)}
    asking = [
        node
        for node in walk(cls)
        if isinstance(node, (ast.If, ast.IfExp, ast.BoolOp))
        and any(isinstance(n, ast.Call) and n.lineno in lines for n in walk(node))
    ]
    if not asking:
        return False
    if not all(isinstance(node, (ast.If, ast.IfExp)) and _is_there_at_all(node, names) for node in asking):
        return True
    return _is_taken_away(cls, lines | {_line(file, o.source and o.source.built)})


def has_line(node: ast.AST, lines: Set[int]) -> bool:
    first, last = getattr(node, "lineno", 0), getattr(node, "end_lineno", 0)
    return any(first <= line <= last for line in lines)


def _line(file: SourceFile, place: Origin | None) -> int:
    return place.line if place is not None and place.path == file.path else -1


def _is_there_at_all(node: ast.If | ast.IfExp, names: Set[str]) -> bool:
    """``nn.Linear(dim, classes) if classes > 0 else None``, ``if self.head is not None: x = self.head(x)``."""
    test, without = node.test, node.orelse
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], (ast.Gt, ast.NotEq, ast.IsNot)):
        against = test.comparators[0]
        if not isinstance(against, ast.Constant) or against.value is False or against.value not in (0, None):
            return False
        test = test.left
    if without and not (isinstance(without, ast.expr) and _is_nothing(without)):
        return False
    if isinstance(test, ast.Name):
        return test.id in names
    own = isinstance(test, ast.Attribute) and is_self(test.value)
    return own and any(
        isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr == last_name(test)
        for n in walk(node)
    )


def _is_taken_away(cls: ast.ClassDef, lines: Set[int]) -> bool:
    """Whether some method puts nothing in the place of a layer that is made in one of the lines."""
    given = [(target, node) for node in walk(cls) if isinstance(node, ast.Assign) for target in node.targets]
    made = {
        target.attr
        for target, node in given
        if isinstance(target, ast.Attribute) and has_line(node, lines) and not _is_nothing(node.value)
    }
    return any(isinstance(t, ast.Attribute) and t.attr in made and _is_nothing(node.value) for t, node in given)


def _is_nothing(value: ast.expr) -> bool:
    """``None``, ``nn.Identity()``."""
    return is_none(value) or isinstance(value, ast.Call) and last_name(value.func) == "Identity"
