"""Attributes that a class answers for itself: properties that are set or deleted, and descriptors."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from lint_params.names import dotted
from lint_params.shape.evaluate.classes import decorators, definition, mro
from lint_params.shape.evaluate.scope import Scope
from lint_params.shape.value import ClassRef, Function, Instance, Unknown, Value

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter


class Asked(NamedTuple):
    """What may be asked for an attribute, and who is asked: ``@name.setter``, ``property(_, this)``
    or ``property(fset=this)``, or a method of the object that stands for it."""

    mark: str
    place: int
    word: str
    method: str


GET = Asked("getter", 0, "fget", "__get__")
SET = Asked("setter", 1, "fset", "__set__")
DELETE = Asked("deleter", 2, "fdel", "__delete__")
#: Why an attribute is unknown that an object of the project stands for.
DESCRIPTOR = "a descriptor"


def by_class(it: Interpreter, owner: Instance, name: str, asked: Asked, args: list[Value]) -> bool:
    """Run what the class does in the place of setting or deleting an attribute; False where it does
    nothing of its own."""
    found = answers(it, owner.cls, name, asked)
    if found is None:
        return False
    base, node = found
    if isinstance(node, ast.FunctionDef):
        it.call(Function(node, base.file, base.scope, owner, base), args, {}, it.ctx.node, name)
        return True
    function = of_property(it, base, node, asked)
    if function is not None:
        it.call(function, [owner, *args], {}, it.ctx.node, name)
        return True
    if _last(node) in ("setter", "deleter") or _stands_for(it, owner.cls, name):
        it.ctx.write(owner.attrs, name, Unknown(DESCRIPTOR))
        return True
    return False


def answers(it: Interpreter, cls: ClassRef, name: str, asked: Asked) -> tuple[ClassRef, ast.AST] | None:
    """Where the class says what is to be done; remembered, as each assignment asks."""
    key = (cls.identity, name, asked.mark)
    if key not in it.descriptors:
        it.descriptors[key] = _look_up(it, cls, name, asked)
    return it.descriptors[key]


def _look_up(it: Interpreter, cls: ClassRef, name: str, asked: Asked) -> tuple[ClassRef, ast.AST] | None:
    for base in mro(it, cls):
        if not isinstance(base, ClassRef):
            continue
        for node in reversed(base.node.body):
            if isinstance(node, ast.FunctionDef) and node.name == name:
                if any(mark.endswith(f"{name}.{asked.mark}") for mark in decorators(node)):
                    return base, node
        value = definition(base, name)
        if value is not None:
            return (base, value) if isinstance(value, ast.Call) else None
    return None


def _last(node: ast.AST) -> str:
    return (dotted(node.func) or "").rpartition(".")[2] if isinstance(node, ast.Call) else ""


def of_property(it: Interpreter, base: ClassRef, node: ast.AST, asked: Asked) -> Function | None:
    """The function that ``name = property(get, set)`` has for it."""
    if not isinstance(node, ast.Call) or dotted(node.func) != "property":
        return None
    given = node.args[asked.place] if asked.place < len(node.args) else None
    given = next((one.value for one in node.keywords if one.arg == asked.word), given)
    own = definition(base, given.id) if isinstance(given, ast.Name) else given
    if isinstance(own, (ast.FunctionDef, ast.Lambda)):
        return Function(own, base.file, base.scope, None, base)
    value = None if given is None else it.eval(given, Scope(it.file_scope(base.file), base.scope))
    return value if isinstance(value, Function) else None


def _stands_for(it: Interpreter, cls: ClassRef, name: str) -> bool:
    from lint_params.shape.evaluate.objects import get_attr

    value = get_attr(it, cls, name)
    return isinstance(value, Unknown) and value.why == DESCRIPTOR


def is_descriptor(it: Interpreter, value: Value) -> bool:
    """Whether a value of a class is an object of the project that is asked in its place."""
    return isinstance(value, Instance) and any(
        isinstance(base, ClassRef) and definition(base, asked.method) is not None
        for base in mro(it, value.cls)
        for asked in (GET, SET, DELETE)
    )
