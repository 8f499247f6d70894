"""What the module's own code knows no longer, once a function has run or another file was set."""

from __future__ import annotations

import ast

from lint_params.names import dotted
from lint_params.project import SourceFile
from lint_params.shape.evaluate.interpreter import Interpreter
from lint_params.shape.evaluate.scope import Scope
from lint_params.shape.value import ClassRef, Unknown
from lint_params.trees import last_name, walk


def forget_changed(it: Interpreter, statement: ast.stmt, code: Scope) -> None:
    """What functions of the file may have changed of the names of its own code, where one was called."""
    names = code.file
    for target in (n for n in walk(statement) if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)):
        _forget_setting(it, names.file, target)
    held = [name for name in names.changed_globals if name in code.vars]
    if not held:
        return
    functions = {n.name for n in names.file.tree.body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))}
    if any(isinstance(n, ast.Call) and last_name(n.func) in functions for n in walk(statement)):
        for name in held:
            it.ctx.write(code.vars, name, Unknown("changed by a function"))


def _forget_setting(it: Interpreter, file: SourceFile, target: ast.Attribute) -> None:
    """``config.WIDTH = 16``, ``layers.Net.width = 16``, ``Net.width = 16`` of what another file defines:
    from there on that file has another value."""
    full = file.names.qualify(target.value) if dotted(target.value) else None
    if full is None or it.project is None:
        return
    module, found = it.project.find_module(full, file), it.project.resolve(full, file)
    if module is not None and module is not file:
        it.ctx.write(it.file_scope(module).values, target.attr, Unknown("set by another file"))
    elif found is not None and isinstance(found[1], ast.ClassDef) and found[0] is not file:
        cls = it.file_scope(found[0]).lookup(it, found[1].name)
        if isinstance(cls, ClassRef):
            it.ctx.write(cls.attrs, target.attr, Unknown("set by another file"))
