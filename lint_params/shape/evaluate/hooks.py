"""Modules that give something else than their class's forward does: hooks, and a forward of an
object's own."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lint_params.names import PLAIN_METACLASSES, dotted
from lint_params.shape.evaluate.classes import decorators, definition, mro
from lint_params.shape.evaluate.scope import Scope
from lint_params.shape.value import ClassRef, External, Function, Instance, Layer, Unknown, Value
from lint_params.trees import last_name, walk

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter

#: The mark of such a module among its attributes.
CHANGED = "__changed__"
#: Methods by which a hook of one expression keeps something, and gives back None.
_KEEP = frozenset({"append", "extend", "update", "insert", "add", "__setitem__", "print", "setattr"})


def hook(it: Interpreter, module: Value, function: Value = None, **options: Value) -> Value:
    """``module.register_forward_hook(function)``"""
    from lint_params.shape.evaluate.objects import set_attr

    if _may_return(function):
        set_attr(it, module, CHANGED, True)
    return Unknown("the handle of a hook")


def _may_return(function: Value) -> bool:
    """Whether a hook may give something in the place of what comes in or out."""
    node = function.node if isinstance(function, Function) else None
    if isinstance(node, ast.Lambda):
        return not (isinstance(node.body, ast.Call) and last_name(node.body.func) in _KEEP)
    if not isinstance(node, ast.FunctionDef):
        return True
    return any(
        isinstance(part, ast.Return) and part.value is not None
        for part in walk(*node.body, within=True)
    )


def is_own_forward(it: Interpreter, module: Instance | Layer, name: str, value: Value) -> bool:
    """Whether an assignment gives the object another forward, or class, than its class says."""
    if name == "__class__":
        return True
    if name != "forward":
        return False
    if isinstance(module, Layer):
        return True
    own = definition(module.cls, "forward")
    return own is not None and not (isinstance(value, Function) and value.node is own)


#: What a decorator of a class assigns where it makes the class over.
_MADE_OVER = frozenset({"__init__", "__new__", "__call__", "forward", "__class__"})
#: Decorators whose constructor takes the same fields as before, and checks them.
_CHECKS = frozenset({"huggingface_hub.dataclasses.strict"})


def is_made_over(it: Interpreter, cls: ast.ClassDef, scope: Scope) -> bool:
    """Whether something gives the class another constructor or forward, or takes another class for
    it: an assignment in its file, or a decorator of the project."""
    if scope.parent is None and scope.file.changes_of(cls.name) & _MADE_OVER:
        return True
    for mark in cls.decorator_list:
        name = mark.func if isinstance(mark, ast.Call) else mark
        if scope.file.file.names.qualify(name) in _CHECKS:
            continue
        function = it.aside(lambda n=name: it.eval(n, scope))  # type: ignore[misc]
        if isinstance(function, Function) and any(map(_makes_over, walk(function.node))):
            return True
    return False


def _makes_over(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return isinstance(node.ctx, ast.Store) and node.attr in _MADE_OVER
    named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id
    return isinstance(node, ast.ClassDef) or named in ("setattr", "type")


def is_made_elsewhere(it: Interpreter, line: list[Value]) -> bool:
    """Whether calling a class of that resolution order may give another object than a new one of it:
    its metaclass answers the call, or its ``__new__`` gives back something that it did not make."""
    for base in line:
        if not isinstance(base, ClassRef):
            continue
        new = definition(base, "__new__")
        if isinstance(new, ast.FunctionDef) and _gives_another(new):
            return True
        for keyword in base.node.keywords:
            if keyword.arg == "metaclass" and _answers_calls(it, keyword.value, base):
                return True
    return False


def _gives_another(new: ast.FunctionDef) -> bool:
    """Whether it returns anything but ``super().__new__(cls)`` or a name for nothing else."""
    inside = list(walk(*new.body, within=True))
    made: dict[str, bool] = {}
    for part in inside:
        if isinstance(part, ast.Assign):
            for target in part.targets:
                if isinstance(target, ast.Name):
                    made[target.id] = made.get(target.id, True) and _is_new(part.value)
    given = (part.value for part in inside if isinstance(part, ast.Return) and part.value is not None)
    return not all(made.get(one.id, False) if isinstance(one, ast.Name) else _is_new(one) for one in given)


def _is_new(made: ast.expr) -> bool:
    return isinstance(made, ast.Call) and last_name(made.func) == "__new__"


def _answers_calls(it: Interpreter, node: ast.expr, cls: ClassRef) -> bool:
    meta = it.aside(lambda: it.eval(node, Scope(it.file_scope(cls.file), cls.scope)))
    if isinstance(meta, External):
        return meta.name not in PLAIN_METACLASSES
    if not isinstance(meta, ClassRef):
        return True
    return any(isinstance(base, ClassRef) and definition(base, "__call__") is not None for base in mro(it, meta))


def changes_things(it: Interpreter, node: ast.expr, value: Value, scope: Scope) -> bool:
    """Whether a context manager sets attributes or items for a while: one of the project's, or a
    patch of a test."""
    if not isinstance(node, ast.Call):
        return False
    name = dotted(node.func) or ""
    if name.endswith(("patch.object", "monkeypatch.context", "mock.patch", "patch.dict")):
        return True
    body: ast.AST | None = None
    own = ""
    if isinstance(value, Instance):
        body, own = definition(value.cls, "__enter__"), "self"  # what it notes of itself is its own
    else:
        function = it.aside(lambda: it.eval(node.func, scope))
        if isinstance(function, Function) and isinstance(function.node, ast.FunctionDef):
            marks = (mark.rpartition(".")[2] for mark in decorators(function.node))
            body = function.node if "contextmanager" in marks else None
    return body is not None and any(_sets(part, own) for part in walk(body))


def _sets(node: ast.AST, own: str) -> bool:
    """``model.head = ...``, ``settings["width"] = ...``"""
    if isinstance(node, ast.Call):
        return last_name(node.func) == "setattr"
    stored = isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, ast.Store)
    return stored and getattr(getattr(node, "value", None), "id", None) != own
