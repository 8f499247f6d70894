"""``model.train()`` and ``model.eval()``, where a class has a ``train`` of its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from lint_params.shape.evaluate.classes import definition, is_module_class, mro
from lint_params.shape.value import ClassRef, Function, Instance, Layer, Unknown, Value

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter


def switched(
    it: Interpreter, owner: Value, name: str, args: list[Value], kwargs: dict[str, Value]
) -> Value:
    """What nn.Module's ``train`` and ``eval`` do besides the flag: they ask the class's own ``train``,
    and that of each module inside."""
    mode: Value = False if name == "eval" else [*args, *kwargs.values(), True][0]
    own = _own(it, owner) if name == "eval" else None
    if own is not None:
        return it.call(own, [mode], {}, it.ctx.node, "train")
    inside = list(_inside(it, owner))
    asked = [own for own in map(partial(_own, it), inside) if own is not None]
    if asked or _own(it, owner) is not None:
        for module in (owner, *(part for part in inside if _own(it, part) is None)):
            _set_flag(it, module, mode)
    for own in asked:
        it.call(own, [mode], {}, it.ctx.node, "train")
    return owner


def _inside(it: Interpreter, owner: Value) -> Iterator[Value]:
    """The modules inside, but for those that are inside one with a ``train`` of its own."""
    todo, seen = [owner], {id(owner)}
    while todo:
        for part in _children(todo.pop()):
            if id(part) not in seen:
                seen.add(id(part))
                yield part
                if _own(it, part) is None:
                    todo.append(part)


def _set_flag(it: Interpreter, module: Value, mode: Value) -> None:
    """Say in which mode a module is, where others of its attributes hang on that."""
    from lint_params.shape.evaluate.objects import TRAINING, set_attr

    if isinstance(module, Instance) and not it.constructing and is_module_class(it, module.cls):
        set_attr(it, module, "training", mode if isinstance(mode, bool) else TRAINING)


def _children(module: Value) -> list[Value]:
    if not isinstance(module, (Instance, Layer)):
        return []
    held = (*module.attrs.values(), *(module.items or {}).values())
    return [part for part in held if isinstance(part, (Instance, Layer))]


def _own(it: Interpreter, module: Value) -> Function | None:
    """The ``train`` that the module's class defines."""
    if not isinstance(module, Instance) or not is_module_class(it, module.cls):
        return None
    for base in mro(it, module.cls):
        node = definition(base, "train") if isinstance(base, ClassRef) else None
        if isinstance(base, ClassRef) and isinstance(node, ast.FunctionDef):
            return Function(node, base.file, base.scope, module, base)
        if isinstance(base, Unknown):
            return None
    return None
