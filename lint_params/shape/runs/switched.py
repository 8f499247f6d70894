"""Flags that other code turns: ``for module in model.modules(): module.deploy = True``. A class that
is looked at by itself may have been switched before it is called."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lint_params.names import dotted
from lint_params.shape.evaluate.every import below
from lint_params.shape.value import Flag, Instance
from lint_params.trees import every

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter

_NAMES = "_lint_params_switched"
#: What torch has such words for itself.
_OWN = frozenset({"training", "requires_grad", "inplace"})


def open_switches(it: Interpreter, instance: Instance) -> None:
    """Whatever the file turns on or off from outside is open in the instance and its children."""
    names = _switched(it.current.tree) if it.current is not None else ()
    for _, module in below(instance) if names else ():
        for name in names:
            for key in (name, f"_{name}"):  # where a property keeps it
                if isinstance(module.attrs.get(key), bool):
                    it.ctx.write(module.attrs, key, Flag(name))


def _switched(tree: ast.Module) -> tuple[str, ...]:
    known: tuple[str, ...] | None = getattr(tree, _NAMES, None)
    if known is None:
        known = tuple(dict.fromkeys(_turned(tree)))
        setattr(tree, _NAMES, known)
    return known


def _turned(tree: ast.Module) -> list[str]:
    """The attributes that a function sets to True or False in what is not its own object."""
    return [
        target.attr
        for node in every(tree, ast.Assign)
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, bool)
        for target in node.targets
        if isinstance(target, ast.Attribute) and target.attr not in _OWN and dotted(target.value) not in ("self", "cls")
    ]
