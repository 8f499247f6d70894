"""The parameters of a call, bound as Python binds them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.names import dotted
from lint_params.shape.evaluate.scope import MISSING, Scope
from lint_params.shape.value import OPEN, PERHAPS, Config, Dict, Function, Seq, Unknown, Value
from lint_params.trees import walk

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter

#: Methods that change a list, or a mapping of lists.
CHANGES = frozenset("append extend insert pop remove clear update add setdefault".split())


def bind_parameters(
    it: Interpreter, fn: Function, args: list[Value], kwargs: dict[str, Value], scope: Scope
) -> bool:
    """Set the parameters in the callee's scope as Python would; False where it would refuse."""
    spec = fn.node.args
    positional = [*spec.posonlyargs, *spec.args] if spec.posonlyargs else spec.args
    given = list(args)
    if fn.bound is not None and not isinstance(fn.node, ast.Lambda):
        given.insert(0, fn.bound)
    rest = dict(kwargs)
    unsure = rest.pop(OPEN, None)
    missing: list[tuple[ast.arg, ast.expr | None]] = []
    first_default = len(positional) - len(spec.defaults)
    for i, arg in enumerate(positional):
        if i < len(given):
            if arg.arg in rest:
                return False
            scope.vars[arg.arg] = given[i]
        elif arg.arg in rest:
            scope.vars[arg.arg] = _sure(rest.pop(arg.arg))
        else:
            missing.append((arg, spec.defaults[i - first_default] if i >= first_default else None))
    for arg, default in zip(spec.kwonlyargs, spec.kw_defaults):
        if arg.arg in rest:
            scope.vars[arg.arg] = _sure(rest.pop(arg.arg))
        else:
            missing.append((arg, default))
    extra = given[len(positional) :]
    if spec.vararg is not None:
        scope.vars[spec.vararg.arg] = Seq(extra, "tuple")
    elif extra:
        return False
    if spec.kwarg is not None:
        scope.vars[spec.kwarg.arg] = Dict(dict(rest), open=unsure is not None)
    elif any(value is not PERHAPS for value in rest.values()):
        return False
    if missing:
        defining = Scope(it.file_scope(fn.file), fn.scope)
        for arg, default in missing:
            if unsure is not None:
                scope.vars[arg.arg] = _perhaps(unsure, arg.arg, default)
                continue
            if default is None:
                return False
            changed = id(fn.node) in it.entered and _is_changed_default(fn.node, arg.arg, default)
            if changed or _is_bound_again(fn, default):
                scope.vars[arg.arg] = Unknown("a default that has changed")
            else:
                fixed = fn.fixed.get(arg.arg, MISSING)
                scope.vars[arg.arg] = it.eval(default, defining) if fixed is MISSING else fixed
    return True


def defined(
    it: Interpreter, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, scope: Scope
) -> Function:
    """A function that is defined while code runs: ``lambda x, w=w: ...`` keeps the ``w`` of this moment."""
    made = Function(node, scope.file.file, scope)
    for arg, default in defaults_of(node.args):
        if not isinstance(default, ast.Constant):
            made.fixed[arg.arg] = it.eval(default, scope)
    return made


def defaults_of(spec: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr]]:
    """The parameters that have a default, each with it."""
    positional = [*spec.posonlyargs, *spec.args]
    if spec.defaults:
        yield from zip(positional[-len(spec.defaults) :], spec.defaults)
    yield from ((arg, default) for arg, default in zip(spec.kwonlyargs, spec.kw_defaults) if default is not None)


def _is_bound_again(fn: Function, default: ast.expr) -> bool:
    """``def head(x, dim=DIM)`` of a file that gives ``DIM`` another value somewhere."""
    again = fn.file.names.ambiguous if fn.scope is None else ()
    return bool(again) and any(isinstance(part, ast.Name) and part.id in again for part in ast.walk(default))


def _is_changed_default(node: ast.AST, name: str, default: ast.expr) -> bool:
    """Whether a function changes the list or mapping that is its default: the next call gets that."""
    if not isinstance(default, (ast.List, ast.Dict, ast.Set, ast.Call)):
        return False
    known: bool | None = getattr(default, _CHANGED, None)
    if known is None:
        known = any(_changes(part, name) for part in walk(node))
        setattr(default, _CHANGED, known)
    return known


#: Kept on the default itself.
_CHANGED = "_lint_params_changed"


def _changes(part: ast.AST, name: str) -> bool:
    if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
        return part.func.attr in CHANGES and dotted(part.func.value) == name
    if isinstance(part, ast.Subscript):
        return not isinstance(part.ctx, ast.Load) and dotted(part.value) == name
    return isinstance(part, ast.AugAssign) and dotted(part.target) == name


def _perhaps(unsure: Value, name: str, default: ast.expr | None) -> Value:
    """What a parameter gets from ``**config``; where it has a default, a number need not be that
    of the configuration."""
    if isinstance(unsure, Config) and default is None:
        return unsure.attr(name)
    return Unknown("perhaps in **kwargs")


def _sure(value: Value) -> Value:
    return Unknown("perhaps in **kwargs") if value is PERHAPS else value
