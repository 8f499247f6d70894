"""Registries: empty mappings that the decorators of a module fill, ``@register("name")``."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lint_params.names import dotted
from lint_params.shape.evaluate.scope import Scope
from lint_params.shape.value import ClassRef, Dict, Value

if TYPE_CHECKING:
    from lint_params.project import SourceFile
    from lint_params.shape.evaluate.interpreter import Interpreter

Decorated = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def fill(it: Interpreter, file: SourceFile, value: Value, registrars: set[str]) -> None:
    """Call the decorators that are ``registrars`` of the file, if ``value`` is an empty mapping."""
    if not isinstance(value, Dict) or value.items or value.open:
        return
    scope = Scope(it.file_scope(file))
    for node in file.tree.body:
        for mark in node.decorator_list if isinstance(node, Decorated) else ():
            name = dotted(mark.func if isinstance(mark, ast.Call) else mark) or ""
            if name.partition(".")[0] in registrars:
                it.aside(lambda n=node, m=mark: _apply(it, n, m, scope), file.path)  # type: ignore[misc]
    # What other files register is not in sight.
    value.open = value.open or bool(registrars)


def _apply(it: Interpreter, node: Decorated, mark: ast.expr, scope: Scope) -> Value:
    return it.call(it.eval(mark, scope), [scope.file.define(it, node)], {}, mark, "decorator")


def registrars_of(file: SourceFile, name: str) -> set[str]:
    """The functions of a file that put something into one of its mappings."""
    return {
        node.name
        for node in file.tree.body
        if isinstance(node, ast.FunctionDef) and any(_puts_into(n, name) for n in ast.walk(node))
    }


def _puts_into(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.Subscript):
        owner = node.value if isinstance(node.ctx, ast.Store) else None
    else:
        how = node.func if isinstance(node, ast.Call) else None
        owner = how.value if isinstance(how, ast.Attribute) and how.attr in ("update", "setdefault") else None
    return isinstance(owner, ast.Name) and owner.id == name


def class_registry(it: Interpreter, cls: ClassRef, value: Value) -> None:
    """``Registry.register`` fills an attribute of the class ``Registry``."""
    fill(it, cls.file, value, {cls.node.name})
