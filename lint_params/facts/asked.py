"""Tests of what class something is: ``isinstance``, ``type``, or its class's name."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lint_params.names import dotted

if TYPE_CHECKING:
    from lint_params.facts.flow import Env


def asked_type(test: ast.expr | None) -> tuple[str | None, list[ast.expr]]:
    """The dotted name and the classes of ``isinstance(x, C)``, ``type(x) is C``, ``type(x) in
    (C, D)``, or of several such tests of one name joined by ``or``."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
        parts = [asked_type(part) for part in test.values]
        name = parts[0][0]
        if name is not None and all(other == name for other, _ in parts):
            return name, [one for _, classes in parts for one in classes]
        return None, []
    asked: ast.expr | None = None
    given: ast.expr | None = None
    if isinstance(test, ast.Call) and isinstance(test.func, ast.Name) and test.func.id == "isinstance":
        asked, given = test.args if len(test.args) == 2 else (None, None)
    elif isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.left, ast.Call):
        call, fits = test.left, isinstance(test.ops[0], (ast.Is, ast.Eq, ast.In))
        if isinstance(call.func, ast.Name) and call.func.id == "type" and len(call.args) == 1 and fits:
            asked, given = call.args[0], test.comparators[0]
            if isinstance(test.ops[0], ast.In) and not isinstance(given, (ast.Tuple, ast.List, ast.Set)):
                given = None
    if asked is None or given is None:
        return None, []
    return dotted(asked), given.elts if isinstance(given, (ast.Tuple, ast.List, ast.Set)) else [given]


def asked_class_name(test: ast.expr | None, env: Env) -> str | None:
    """The dotted name whose class is asked for its name: ``m.__class__.__name__.find("Conv") != -1``,
    ``"Conv" in name``, ``type(m).__name__ == "Linear"``, with the text in a variable or not."""
    text = class_name_text(test)[0]
    if isinstance(text, ast.Name):
        found = env.get(text.id, ())
        text = found[0].value if len(found) == 1 and found[0].how == "assign" and not found[0].path else None
    if not (isinstance(text, ast.Attribute) and text.attr == "__name__"):
        return None
    cls = text.value
    if isinstance(cls, ast.Attribute) and cls.attr == "__class__":
        return dotted(cls.value)
    if isinstance(cls, ast.Call) and dotted(cls.func) == "type" and len(cls.args) == 1:
        return dotted(cls.args[0])
    return None


def class_name_text(test: ast.expr | None) -> tuple[ast.expr | None, str, list[str]]:
    """The text that a test looks at, how ("in", "start" or "equal") and for which words."""
    if isinstance(test, ast.Call) and isinstance(test.func, ast.Attribute) and test.func.attr == "startswith":
        return test.func.value, "start", _words(test.args[0] if len(test.args) == 1 else None)
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return None, "", []
    left, op, right = test.left, test.ops[0], test.comparators[0]
    if isinstance(left, ast.Call) and isinstance(left.func, ast.Attribute) and left.func.attr == "find":
        there = (ast.NotEq, ast.Gt) if ast.unparse(right) == "-1" else (ast.GtE,) if ast.unparse(right) == "0" else ()
        word = left.args[0] if len(left.args) == 1 and isinstance(op, there) else None
        return left.func.value, "in", _words(word)
    if isinstance(op, ast.In) and isinstance(left, ast.Constant):
        return right, "in", _words(left)
    return (left, "equal", _words(right)) if isinstance(op, (ast.In, ast.Eq)) else (None, "", [])


def _words(expr: ast.expr | None) -> list[str]:
    parts = expr.elts if isinstance(expr, (ast.Tuple, ast.List, ast.Set)) else [expr]
    words = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return words if len(words) == len(parts) else []
