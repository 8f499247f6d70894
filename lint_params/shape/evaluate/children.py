"""The modules that an object holds, as loops over them see them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lint_params.shape.evaluate.classes import is_module_class
from lint_params.shape.evaluate.iterate import known_items
from lint_params.shape.value import (
    Choice,
    Config,
    Dict,
    Instance,
    Layer,
    More,
    Seq,
    Splice,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter

#: Among the attributes of an object that was given a module where it had something else before:
#: torch then has it last among the children.
UNORDERED = "__unordered__"


def children(owner: Any) -> list[tuple[str, Value]]:
    """The child modules by name, in order."""
    if isinstance(owner, Layer) and owner.items is not None:
        return list(owner.items.items())
    found = [
        (k, v)
        for k, v in owner.attrs.items()
        if isinstance(v, (Layer, Instance)) and k != "__layer__"
    ]
    if isinstance(owner, Instance) and owner.items is not None:
        return [*owner.items.items(), *found]
    return found


def _child(it: Interpreter, value: Value) -> Value:
    """What an attribute is in a loop over the children: a module, several of which it is one, or
    None where it surely is no module."""
    if isinstance(value, Instance):
        known = "__unknown__" not in value.attrs and not is_module_class(it, value.cls)
        return None if known else value
    if isinstance(value, Layer):
        return value
    if isinstance(value, (Unknown, Config)):
        return More()
    if not isinstance(value, Choice):
        return None
    found = [_child(it, option) for option in value.options]
    if any(isinstance(one, More) for one in found):
        return More()
    options = [[one] if one is not None else [] for one in found]
    return value if all(options) else Splice(options) if any(options) else None


def listing(it: Interpreter, owner: Any, of: Callable[[str, Value], Value]) -> Value:
    """Something of each child, by its name and itself, in order."""
    if owner.items is not None:
        return Seq([of(k, v) for k, v in children(owner)])
    if UNORDERED in owner.attrs or "?" in owner.attrs:
        return Seq([More()])
    found = [(k, _child(it, v)) for k, v in owner.attrs.items() if k != "__layer__"]
    items: list[Value] = []
    for name, child in found:
        if isinstance(child, Splice) and not isinstance(child, More):
            items.append(Splice([[of(name, one) for one in option] for option in child.options]))
        elif child is not None:
            items.append(child if isinstance(child, More) else of(name, child))
    return Seq(items)


def pairs(it: Interpreter, owner: Any) -> Value:
    return listing(it, owner, lambda k, v: Seq([k, v], "tuple"))


def by_name(it: Interpreter, owner: Any) -> Value:
    """``owner._modules``, to read."""
    found = known_items(it, pairs(it, owner))
    if found is None:
        return Unknown("children that are not known")
    return Dict({pair.items[0]: pair.items[1] for pair in found})


def lose(it: Interpreter, owner: Any) -> None:
    """Something was set in a module, or taken away from it, and nobody knows what."""
    it.epoch += 1
    if owner.items is not None:
        it.ctx.rewrite_dict(owner.items, {"?": Unknown("items of unknown number")})
    for key in list(owner.attrs):
        it.ctx.write(owner.attrs, key, Unknown("a layer that was set, or taken away"))
