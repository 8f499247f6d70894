"""Tables of the project: classes that extend dict, and what any key of a table of activations gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lint_params.shape.evaluate.classes import definition, mro
from lint_params.shape.evaluate.instances import fields
from lint_params.shape.evaluate.objects import LAYER, get_attr
from lint_params.shape.ops import layer_spec
from lint_params.shape.sizes.dim import symbol
from lint_params.shape.value import (
    Choice,
    ClassRef,
    Dict,
    External,
    Function,
    Instance,
    Layer,
    Native,
    Partial,
    Shape,
    Tensor,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter

#: Bases that make an object a mapping.
MAPPINGS = frozenset({"builtins.dict", "collections.OrderedDict", "collections.UserDict"})
#: A table of more entries is not gone through.
MOST = 40
#: Kept on the call that makes a table, so that it goes with the tree: the key that stands for all.
_ANY = "_lint_params_any_key"


def child_of_table(it: Interpreter, owner: Instance, index: Value) -> Value:
    """``owner[index]`` where the class of ``owner`` extends dict."""
    table = owner.attrs[LAYER]
    own = any(
        isinstance(base, ClassRef) and definition(base, "__getitem__") is not None
        for base in mro(it, owner.cls)
    )

    def item(key: Value) -> Value:
        from lint_params.shape.evaluate.subscript import subscript

        if own:
            return it.call(get_attr(it, owner, "__getitem__"), [key], {}, it.ctx.node, "__getitem__")
        return subscript(it, table, key)

    if isinstance(index, (str, int)):
        return item(index)
    node: Any = owner.node
    key = getattr(node, _ANY, None)
    if key is None:
        key = any_key(it, table, item)
        if node is not None:
            setattr(node, _ANY, key)
    return item(key) if key != "" else Unknown("unknown key")


def any_key(it: Interpreter, table: Dict, item: Callable[[Value], Value]) -> Any:
    """A key that stands for all of a table of activations; else ""."""
    if table.open or not 0 < len(table.items) <= MOST:
        return ""
    kept: list[Any] = []
    for key in table.items:
        keeps = it.aside(lambda key=key: _keeps_shape(it, item(key)))  # type: ignore[misc]
        if keeps is False:
            return ""
        kept += [key] if keeps is True else []
        if not kept:
            return ""
    return kept[0] if 2 * len(kept) > len(table.items) else ""


def _keeps_shape(it: Interpreter, value: Value) -> Value:
    """Whether a module or function keeps the shape that it is called with; None if unknown."""
    if isinstance(value, ClassRef) or (isinstance(value, External) and layer_spec(value.name)):
        value = it.call(value, [], {}, it.ctx.node, "")
    if not isinstance(value, (Layer, Instance, External, Function, Native, Partial)):
        return None
    dims = tuple(symbol(f"probe{i}", "input") for i in range(3))
    result = it.call(value, [Tensor(Shape(dims), "float")], {}, it.ctx.node, "")
    if not isinstance(result, Tensor) or result.shape.lead:
        return None if isinstance(result, (Unknown, Tensor)) else False
    return tuple(result.shape.dims) == dims


def of_record(it: Interpreter, owner: Instance, index: Value) -> Value:
    """``output[0]`` of a dataclass that is a mapping, too: the first field that is set."""
    line = mro(it, owner.cls)
    if not isinstance(index, int) or not any(isinstance(b, External) and b.name in MAPPINGS for b in line):
        return Unknown("subscript of a module")
    known: list[Value] = []
    for name, _, _ in fields(it, line):
        value = owner.attrs.get(name)
        if isinstance(value, (Unknown, Choice)):
            known.append(value)
            break  # it may be None: what comes behind is another
        known += [value] if value is not None else []
    if not 0 <= index < len(known):
        return Unknown("subscript of a module")
    return known[index]


def is_table(value: Value) -> bool:
    return isinstance(value, Instance) and isinstance(value.attrs.get(LAYER), Dict)

