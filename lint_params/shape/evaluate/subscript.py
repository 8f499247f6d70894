"""``owner[index]`` for sequences, mappings, containers and tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lint_params.shape.check import Refuted
from lint_params.shape.evaluate.mappings import any_key, child_of_table, is_table, of_record
from lint_params.shape.provenance import remember
from lint_params.shape.value import (
    AnySeq,
    Choice,
    Config,
    Dict,
    External,
    Instance,
    Layer,
    NumpyArray,
    Seq,
    ShapeOf,
    Tensor,
    Unknown,
    Value,
    is_size,
)

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter


def subscript(it: Interpreter, owner: Value, index: Value) -> Value:
    if isinstance(owner, Choice):
        return it.each(owner, lambda o: subscript(it, o, index))
    if isinstance(owner, Unknown):
        return owner
    if isinstance(owner, (Seq, ShapeOf)) and is_size(index):
        index = it.ctx.resolve(index)
    if isinstance(owner, Seq):
        return _item(it, owner, index)
    if isinstance(owner, ShapeOf):
        return _size_at(it, owner, index)
    if isinstance(owner, Tensor):
        return _tensor(it, owner, index)
    if isinstance(owner, Dict):
        return _key(it, owner, index)
    if isinstance(owner, Config):
        return _argument(it, owner, index)
    if isinstance(owner, AnySeq):
        from lint_params.shape.evaluate.iterate import sequence_of

        if index == 0:
            return owner.element(0)
        return _item(it, sequence_of(it, owner), index)
    if is_table(owner):
        return child_of_table(it, owner, index)
    if isinstance(owner, (Layer, Instance)):
        return _child(it, owner, index)
    if isinstance(owner, str) and isinstance(index, int):
        return owner[index] if -len(owner) <= index < len(owner) else Unknown("index")
    if isinstance(owner, External):
        return owner  # List[int], nn.ModuleList[...] in an expression
    return Unknown("subscript")


def _item(it: Interpreter, owner: Seq, index: Value) -> Value:
    from lint_params.shape.evaluate.iterate import known_items, place

    items = known_items(it, owner)
    if isinstance(index, bool):
        index = int(index)
    if items is None:
        at = place(owner.items, index) if isinstance(index, int) else None
        if at is not None:
            return owner.items[at]
        if len(owner.items) == 1 and isinstance(owner.items[0], ShapeOf):
            return _size_at(it, owner.items[0], index)  # list(x.shape)
        return Unknown("list with conditional items")
    if isinstance(index, int):
        return items[index] if -len(items) <= index < len(items) else Unknown("index out of range")
    if isinstance(index, slice):
        parts = plain_slice(it, index)
        if parts is None:
            return Unknown("slice of unknown extent")
        kind = "tuple" if owner.kind == "size" else owner.kind
        return Seq(items[parts], kind)
    return Unknown("index")


def plain_slice(it: Interpreter, index: slice) -> slice | None:
    """The slice in plain numbers, or None."""
    parts: list[int | None] = []
    for part in (index.start, index.stop, index.step):
        value = it.ctx.resolve(part) if is_size(part) else part
        if value is not None and not isinstance(value, int):
            return None
        parts.append(value)
    return None if parts[2] == 0 else slice(*parts)


def _size_at(it: Interpreter, owner: ShapeOf, index: Value) -> Value:
    from lint_params.shape.ops.attributes import shape_item

    return shape_item(it.ctx, owner, index)


def _tensor(it: Interpreter, owner: Tensor, index: Value) -> Value:
    from lint_params.shape.ops.index import index as index_tensor

    items = index.items if isinstance(index, Seq) and index.kind == "tuple" else [index]
    it.numbered = it.numbered or (owner.free and is_size(index))
    try:
        result = index_tensor(it.ctx, owner, items)
    except Refuted:
        return Unknown("refuted")
    remember(result, [owner], None)
    if isinstance(result, Tensor) and owner.origin is not None:
        result.origin = owner.origin  # whoever made it made its parts
    return NumpyArray.like(result, owner)


def _key(it: Interpreter, owner: Dict, index: Value) -> Value:
    if isinstance(index, Seq) and all(isinstance(i, (str, int)) for i in index.items):
        index = tuple(index.items)
    if isinstance(index, (str, int, float, bool, tuple, type(None))):
        if index in owner.items:
            return owner.items[index]
        if owner.default is not None:
            return owner.default(index)
        if index is not None:
            return Unknown("missing key")
        index = Unknown("not set")  # a setting that somebody sets before it is used
    if isinstance(index, (Config, Unknown, Choice)) and owner.items and not owner.open:
        if len(owner.items) <= 4:
            made = Choice(list(owner.items.values()))
            if isinstance(index, Config):  # the same argument finds the same item each time
                return it.found.setdefault((id(owner), id(index), len(owner.items)), (owner, index, made))[2]
            return made
        key = any_key(it, owner, owner.items.__getitem__)
        return owner.items.get(key, Unknown("unknown key"))
    return Unknown("unknown key")


def _argument(it: Interpreter, owner: Config, index: Value) -> Value:
    from lint_params.shape.evaluate.iterate import any_sequence, sequence_of

    if isinstance(index, str):
        return owner.attr(index)
    if isinstance(index, int) and index >= 0 and owner.seq is None:
        return owner.attr(index)
    if isinstance(index, (int, slice)):
        return _item(it, sequence_of(it, any_sequence(owner)), index)
    return Unknown("unknown key")


def _child(it: Interpreter, owner: Any, index: Value) -> Value:
    if owner.items is None:
        return of_record(it, owner, index) if isinstance(owner, Instance) else Unknown("subscript of a module")
    children = list(owner.items.values())
    if isinstance(index, str):
        return owner.items.get(index, Unknown("missing key"))
    if is_size(index):
        index = it.ctx.resolve(index)
    listing = Seq(children)
    found = _item(it, listing, index)
    if isinstance(index, slice) and isinstance(found, Seq) and isinstance(owner, Layer):
        from lint_params.shape.evaluate.containers import container

        return container(
            it, owner.spec.name, {str(i): v for i, v in enumerate(found.items)}, owner.origin
        )
    return found
