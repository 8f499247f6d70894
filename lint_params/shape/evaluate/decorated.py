"""Functions under decorators of the project: what the decorator makes of them is what is called."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lint_params.names import dotted
from lint_params.project import SourceFile
from lint_params.shape.evaluate.scope import Scope
from lint_params.shape.value import External, Function, Native, Unknown, Value

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter


#: Decorators of torch that give back what they get.
_TRANSPARENT = (External("torch.fx.wrap"), External("torch.compiler.allow_in_graph"))


def is_harmless(file: SourceFile, mark: str, harmless: frozenset[str]) -> bool:
    """Whether a decorator, as written or by the name that was imported, leaves a function as it is."""
    if mark.rpartition(".")[2] in harmless:
        return True
    full = file.names.qualify(mark) or ""
    return full.startswith(("torch.", "functools.")) and full.rpartition(".")[2] in harmless


def decorated(it: Interpreter, fn: Function, harmless: frozenset[str]) -> Value:
    """What stands for ``fn`` once its decorators have run; Unknown where one is not known."""
    assert not isinstance(fn.node, ast.Lambda)
    if fn.scope is not None:
        return Unknown("decorated function")
    known = it.file_scope(fn.file).decorated
    if id(fn.node) not in known:
        known[id(fn.node)] = Unknown("decorated function")  # a decorator that uses what it decorates
        known[id(fn.node)] = it.aside(lambda: _apply(it, fn, harmless), fn.file.path)
    return known[id(fn.node)]


def _apply(it: Interpreter, fn: Function, harmless: frozenset[str]) -> Value:
    assert not isinstance(fn.node, ast.Lambda)
    value: Value = Function(fn.node, fn.file, None, None, fn.owner)
    value.plain = True
    scope = Scope(it.file_scope(fn.file))
    for mark in reversed(fn.node.decorator_list):
        name = mark.func if isinstance(mark, ast.Call) else mark
        if is_harmless(fn.file, dotted(name) or "", harmless):
            continue
        maker = it.eval(mark, scope)
        if maker in _TRANSPARENT:
            continue
        if not isinstance(maker, Function):
            return Unknown("decorated function")
        value = it.call(maker, [value], {}, mark, "decorator")
        if not isinstance(value, (Function, Native)):
            return Unknown("decorated function")
    return value
