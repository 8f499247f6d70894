"""A module-level name that is bound more than once: what it is when the module has been run."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lint_params.names import imported
from lint_params.shape.evaluate.join import join_all
from lint_params.shape.evaluate.scope import MISSING, FileScope, Scope
from lint_params.shape.evaluate.truth import truth
from lint_params.shape.value import Seq, Unknown, Value

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter


def last_binding(it: Interpreter, file: FileScope, name: str) -> Value:
    """The value; Unknown where a condition that nobody knows chooses."""
    value = _after(it, file, name, file.file.tree.body, MISSING)
    return Unknown("assigned twice") if value is MISSING else value


def _after(it: Interpreter, file: FileScope, name: str, body: list[ast.stmt], value: Value) -> Value:
    for statement in body:
        if _binds(statement, name):
            value = _bound(it, file, name, statement, value)
    return value


def _bound(it: Interpreter, file: FileScope, name: str, statement: ast.stmt, before: Value) -> Value:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return file.define(it, statement)
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        package = file.file.module if file.file.is_package else file.file.module.rpartition(".")[0]
        return it.qualified(dict(imported(statement, package))[name], file.file)
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        return _assigned(it, file, name, statement.targets[0], statement.value)
    if isinstance(statement, ast.AnnAssign):
        return before if statement.value is None else file.define(it, statement.value)
    if isinstance(statement, ast.If):
        known = truth(it, it.aside(lambda: it.eval(statement.test, Scope(file)), file.file.path))
        if known is not None:
            return _after(it, file, name, statement.body if known else statement.orelse, before)
        either = [_after(it, file, name, body, before) for body in (statement.body, statement.orelse)]
        if not any(value is MISSING or isinstance(value, Unknown) for value in either):
            return join_all(it, either)
    if isinstance(statement, ast.Try):
        tried = _after(it, file, name, [*statement.body, *statement.orelse, *statement.finalbody], before)
        if tried is not MISSING:  # as for a name that is bound only there
            return tried
        for handler in statement.handlers:
            before = _after(it, file, name, handler.body, before)
        return before
    if isinstance(statement, ast.With):
        return _after(it, file, name, statement.body, before)
    return Unknown("assigned twice")


def _assigned(it: Interpreter, file: FileScope, name: str, target: ast.expr, value: ast.expr) -> Value:
    if isinstance(target, ast.Name):
        return file.define(it, value)
    made = file.define(it, value)
    if isinstance(target, ast.Tuple) and isinstance(made, Seq) and len(made.items) == len(target.elts):
        for part, item in zip(target.elts, made.items):
            if isinstance(part, ast.Name) and part.id == name:
                return item
    return Unknown("assigned twice")


def _binds(statement: ast.stmt, name: str) -> bool:
    """Whether a statement may give the name another value, itself or inside."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return statement.name == name
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return any((alias.asname or alias.name.partition(".")[0]) == name for alias in statement.names)
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, ast.stmt) and _binds(child, name):
            return True
        if isinstance(child, ast.ExceptHandler) and any(_binds(s, name) for s in child.body):
            return True
        if isinstance(child, ast.expr) and any(
            isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store) for n in ast.walk(child)
        ):
            return True
    return False
