"""Methods of Python's own lists, dicts and texts, and of arguments of unknown type."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lint_params.shape.evaluate.iterate import known_items, place
from lint_params.shape.evaluate.objects import NAMELESS, Namespace, forget_plain, put
from lint_params.shape.evaluate.text import is_wide
from lint_params.shape.sizes.dim import product
from lint_params.shape.value import PERHAPS, Config, Dict, More, Native, Parser, Seq, Splice, Unknown, Value, as_set

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter


def method_of(it: Interpreter, owner: Value, name: str) -> Value:
    """The bound method ``owner.name``."""
    table: dict[str, Callable[..., Value]] = {}
    if isinstance(owner, Seq):
        names = getattr(owner, "names", ())
        if name in names:
            return owner.items[list(names).index(name)]
        table = _LIST
    elif isinstance(owner, Dict):
        table = _DICT
        if name in owner.items and name not in table:
            return owner.items[name]  # an attribute-style mapping
    elif name == "value" and isinstance(owner, (str, int, float)):
        return owner  # a member of an Enum, which is modelled as its value
    elif isinstance(owner, str):
        return _text(it, owner, name)
    elif type(owner).__name__ == "RandomSource":
        from lint_params.shape.python.numpy import draw

        return draw(it, name)
    elif isinstance(owner, Parser):
        from lint_params.shape.python.command_line import parser_method

        return parser_method(it, owner, name)
    how = table.get(name)
    if how is None:
        return Unknown("attribute")
    return Native(name, lambda args, kwargs: how(it, owner, *args, **kwargs))


def _text(it: Interpreter, owner: str, name: str) -> Value:
    def call(args: list[Value], kwargs: dict[str, Value]) -> Value:
        plain = (str, int, float, bool, type(None))
        if name == "format" and is_wide(owner):
            return Unknown("text")
        if kwargs or not all(isinstance(a, plain) for a in args):
            if (
                name == "join"
                and isinstance(args[0], Seq)
                and all(isinstance(i, str) for i in args[0].items)
            ):
                return owner.join(args[0].items)
            return Unknown("text")
        try:
            result = getattr(owner, name)(*args)
        except (ValueError, TypeError, IndexError, KeyError, AttributeError):
            return Unknown("text")
        if isinstance(result, list):
            return Seq(list(result))
        return result if isinstance(result, plain) else Unknown("text")

    if name not in _TEXT:
        return Unknown("attribute")
    return Native(name, call)


_TEXT = frozenset(
    "lower upper strip lstrip rstrip startswith endswith replace split format join title capitalize count find "
    "isdigit removeprefix removesuffix rsplit".split()
)


# -- lists ----------------------------------------------------------------------------------


def _append(it: Interpreter, owner: Seq, item: Value) -> Value:
    it.ctx.rewrite(owner.items, [*owner.items, item])
    return None


def _add(it: Interpreter, owner: Seq, item: Value) -> Value:
    """To a set: what it has already makes it no longer."""
    grown = as_set([*owner.items, item])
    it.ctx.rewrite(owner.items, grown.items if isinstance(grown, Seq) else [More()])
    return None


def _extend(it: Interpreter, owner: Seq, other: Value) -> Value:
    items = other.items if isinstance(other, Seq) else known_items(it, other)
    added = [More()] if items is None else items
    it.ctx.rewrite(owner.items, [*owner.items, *added])
    return None


def _insert(it: Interpreter, owner: Seq, index: Value, item: Value) -> Value:
    items = known_items(it, owner)
    if index == 0 and isinstance(index, int):
        it.ctx.rewrite(owner.items, [item, *owner.items])
    elif isinstance(index, int) and items is not None:
        items.insert(index, item)
        it.ctx.rewrite(owner.items, items)
    else:
        it.ctx.rewrite(owner.items, [More()])
    return None


def _pop(it: Interpreter, owner: Seq, index: Value = -1) -> Value:
    at = place(owner.items, index) if isinstance(index, int) else None
    if at is None:
        it.ctx.rewrite(owner.items, [More()])
        return Unknown("pop")
    value = owner.items[at]
    it.ctx.rewrite(owner.items, [*owner.items[:at], *owner.items[at + 1 :]])
    return value


def _remove(it: Interpreter, owner: Seq, item: Value) -> Value:
    found = _index(it, owner, item)
    if isinstance(found, int):
        it.ctx.rewrite(owner.items, [*owner.items[:found], *owner.items[found + 1 :]])
    else:
        it.ctx.rewrite(owner.items, [More()])
    return None


def _sort(it: Interpreter, owner: Seq, **_: Value) -> Value:
    items = owner.items
    plain = all(isinstance(item, (int, float)) for item in items) and not _
    new: list[Value]
    if known_items(it, owner) is None:
        new = [More()]
    else:
        new = sorted(items) if plain else [Unknown("items of unknown order") for _ in items]
    it.ctx.rewrite(items, new)
    return None


def _index(it: Interpreter, owner: Seq, item: Value) -> Value:
    from lint_params.shape.evaluate.comparison import equality

    for i, other in enumerate(owner.items):
        equal = equality(it, item, other)
        if equal:
            return i
        if equal is None:
            return Unknown("index")
    return Unknown("index")


def _reverse(it: Interpreter, owner: Seq) -> Value:
    items = known_items(it, owner)
    it.ctx.rewrite(owner.items, [More()] if items is None else items[::-1])
    return None


def _clear(it: Interpreter, owner: Seq) -> Value:
    it.ctx.rewrite(owner.items, [])
    return None


def _numel(it: Interpreter, owner: Seq) -> Value:
    sizes = it.ctx.sizes(owner)
    return Unknown("sizes") if sizes is None else product(sizes)


def _count(it: Interpreter, owner: Seq, item: Value) -> Value:
    from lint_params.shape.evaluate.comparison import equality

    results = [equality(it, item, other) for other in owner.items]
    return Unknown("count") if None in results else sum(1 for r in results if r)


_LIST: dict[str, Callable[..., Value]] = {
    "append": _append,
    "add": _add,
    "extend": _extend,
    "insert": _insert,
    "pop": _pop,
    "index": _index,
    "remove": _remove,
    "discard": _remove,
    "sort": _sort,
    "reverse": _reverse,
    "clear": _clear,
    "copy": lambda it, owner: Seq(list(owner.items), owner.kind),
    "numel": _numel,
    "count": _count,
}


# -- dicts ----------------------------------------------------------------------------------


#: Arguments of which a number below zero is meant: it counts from the end.
_AXIS = re.compile(r"dim$|axis|dims$", re.IGNORECASE)


def _key(value: Value) -> Any:
    if isinstance(value, Seq):
        return tuple(value.items)
    return value


def _get(it: Interpreter, owner: Dict, key: Value, default: Value = None) -> Value:
    key = _key(key)
    if isinstance(key, (str, int, float, bool, tuple)) or key is None:
        if key in owner.items:
            return owner.items[key]
        if type(default) is int and default < 0 and not (isinstance(key, str) and _AXIS.search(key)):
            return Unknown("a default that stands for none")
        if not owner.open:
            return default
        if owner.default is not None and default is None:
            return owner.default(key)
        return default if default is not None else Unknown("key that may be there")
    return Unknown("unknown key")


def _dict_pop(it: Interpreter, owner: Dict, key: Value, default: Value = None) -> Value:
    value = _get(it, owner, key, default)
    if isinstance(key, str) and key in owner.items:
        it.ctx.write(owner.items, key, Unknown("popped"))
        owner.items.pop(key)
        it.ctx.trail.pop()
        it.ctx.trail.append((owner.items, key, value))
    return value


def _dict_update(it: Interpreter, owner: Dict, other: Value = None, **kwargs: Value) -> Value:
    if isinstance(owner, Namespace):
        given = {**(other.items if isinstance(other, Dict) else {}), **kwargs}
        for key, value in given.items():
            put(it, owner.owner, key, value)
        if other is not None and not (isinstance(other, Dict) and other.closed):
            put(it, owner.owner, Unknown("name"), Unknown(NAMELESS))
        return None
    if isinstance(other, Dict):
        for key, value in other.items.items():
            it.ctx.write(owner.items, key, value)
    if other is not None:
        owner.open = owner.open or not isinstance(other, Dict) or other.open
        if not isinstance(other, Dict):
            forget_plain(it, owner.items, "item of unknown name")
    for key, value in kwargs.items():
        it.ctx.write(owner.items, key, value)
    return None


def _setdefault(it: Interpreter, owner: Dict, key: Value, default: Value = None) -> Value:
    if not isinstance(key, (str, int)):
        owner.open = True  # as where an unknown key is assigned
    elif key not in owner.items and not owner.open:
        it.ctx.write(owner.items, key, default)
    return _get(it, owner, key, default)


def _listed(owner: Dict, item: Callable[[Any, Value], Value]) -> Value:
    """What a mapping holds, one by one; a key that it perhaps has is perhaps there."""
    if not owner.closed or "?" in owner.items:
        return Unknown("open mapping")
    items: list[Value] = []
    for key, value in owner.items.items():
        one = item(key, value)
        items.append(Splice([[one], []]) if value is PERHAPS else one)
    return Seq(items)


_DICT: dict[str, Callable[..., Value]] = {
    "__getitem__": _get,
    "get": _get,
    "pop": _dict_pop,
    "update": _dict_update,
    "setdefault": _setdefault,
    "keys": lambda it, owner: _listed(owner, lambda key, value: key),
    "values": lambda it, owner: _listed(owner, lambda key, value: value),
    "items": lambda it, owner: _listed(owner, lambda key, value: Seq([key, value], "tuple")),
    "copy": lambda it, owner: Dict(dict(owner.items), owner.open, owner.default),
}


# -- arguments of unknown type --------------------------------------------------------------


def config_method(it: Interpreter, owner: Config, name: str) -> Value | None:
    """Methods that mappings and configs have; None: an attribute like any other."""
    if name in ("get", "pop"):
        return Native(name, lambda args, kwargs: _config_get(owner, args, kwargs))
    if name in ("copy", "to_dict", "to_container", "_asdict"):
        return Native(name, lambda args, kwargs: owner)
    if name in ("keys", "values", "items", "update", "setdefault", "append", "extend"):
        return Native(name, lambda args, kwargs: Unknown("argument of unknown type"))
    return None


def _config_get(owner: Config, args: list[Value], kwargs: dict[str, Value]) -> Value:
    default = args[1] if len(args) > 1 else kwargs.get("default")
    if args and isinstance(args[0], str):  # a queue's get() has none
        if isinstance(default, (bool, str, float)):
            return default
        return owner.attr(args[0])
    return Unknown("unknown key")
