"""The same class with the same arguments, the same module on the same shapes: worked out once.

Deep models repeat one block many times. A constructor's result is kept as it was and copied;
a call's result is kept by the shapes of its arguments, as long as no module was changed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lint_params.shape.sizes.dim import Atom, Operation, Poly, Symbol
from lint_params.shape.value import (
    Choice,
    ClassRef,
    Dict,
    External,
    Function,
    Instance,
    Layer,
    Seq,
    Shape,
    Splice,
    Tensor,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from lint_params.shape.context import Context
    from lint_params.shape.evaluate.interpreter import Interpreter

Key = Any


def key_of(ctx: Context, value: Value, depth: int = 0) -> Key:
    """A hashable stand-in: equal keys, equal behaviour. What is mutable is what it holds now, as
    far as that is looked into."""
    if value is None or isinstance(value, (str, int, float, bool, External)):
        return (type(value), value)
    if isinstance(value, Poly):
        return ctx.resolve(value)
    if isinstance(value, Tensor):
        dims = tuple([ctx.resolve(d) for d in value.shape.dims])
        return ("tensor", dims, value.shape.lead, value.dtype, value.free, value.param)
    if isinstance(value, Seq):
        if depth > _DEEP:
            return _Same(value)
        return (value.kind, tuple([key_of(ctx, item, depth + 1) for item in value.items]))
    if isinstance(value, Dict) and depth <= _DEEP:
        return ("dict", value.open, _Same(value.default), _table_key(ctx, value.items, depth))
    if isinstance(value, ClassRef):
        return ("class", value.identity, closure_key(ctx, value))
    if isinstance(value, Function):
        return ("function", value.node, value.scope, _Same(value.bound), closure_key(ctx, value))
    if isinstance(value, (Layer, Instance)) and value.token is not None:
        return ("module", value.token)
    if isinstance(value, Unknown):
        return ("unknown", value.why)
    if isinstance(value, Choice):
        return ("choice", tuple([key_of(ctx, option, depth) for option in value.options]))
    if isinstance(value, Instance) and value.items is None and depth <= _DEEP:
        return ("object", value.cls.identity, _table_key(ctx, value.attrs, depth))
    return _Same(value)


#: How many objects within each other a key looks into.
_DEEP = 5


def _table_key(ctx: Context, table: dict[Any, Value], depth: int) -> Key:
    return tuple([(name, key_of(ctx, value, depth + 1)) for name, value in table.items()])


class _Same:
    """A key of an object that is equal to itself only, and that nothing takes the place of."""

    __slots__ = ("value",)

    def __init__(self, value: Value) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.value is self.value


def closure_key(ctx: Context, made: ClassRef | Function) -> Key:
    """What a class or function that a call has made sees of that call's names, as they are now."""
    if made.scope is None:
        return None
    seen = []
    for name in _names_read(made.node):
        scope = made.scope
        while scope is not None and name not in scope.vars:
            scope = scope.parent
        if scope is not None:
            value = scope.vars[name]
            local = isinstance(value, (ClassRef, Function)) and value.scope is not None
            seen.append((name, (value.node, value.scope) if local else key_of(ctx, value)))
    fixed = made.fixed if isinstance(made, Function) else {}
    return (*seen, *((name, key_of(ctx, value)) for name, value in fixed.items()))


def _names_read(node: ast.AST) -> list[str]:
    """The names that a definition reads, kept on the node itself."""
    names: list[str] | None = getattr(node, _NAMES, None)
    if names is None:
        loaded = (n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))
        names = list(dict.fromkeys(loaded))
        setattr(node, _NAMES, names)
    return names


_NAMES = "_lint_params_names"


def arguments_key(ctx: Context, args: list[Value], kwargs: dict[str, Value]) -> Key:
    """The arguments of a call and the flags that are known on this path."""
    return (
        tuple([key_of(ctx, a) for a in args]),
        tuple(sorted([(k, key_of(ctx, v)) for k, v in kwargs.items()])) if kwargs else (),
        frozenset(ctx.flags.items()) if ctx.flags else None,
    )


def has_new_sizes(module: Value, start: int) -> bool:
    """Whether a module holds sizes that nobody knows and that are newer than ``start``."""
    return any(
        isinstance(one, Tensor) and any(_new(d, start) for d in one.shape.dims) for one in _parts(module)
    )


def has_lazy_layers(module: Value) -> bool:
    """Whether a module holds a layer whose first input gives it a size of its own."""
    return any(isinstance(one, Layer) and one.spec.name.startswith("torch.nn.Lazy") for one in _parts(module))


def _parts(module: Value) -> Iterator[Value]:
    """A module and all that it holds."""
    todo, seen = [module], {id(module)}
    while todo:
        one = todo.pop()
        yield one
        if isinstance(one, (Layer, Instance)):
            inside = [*one.attrs.values(), *(one.items or {}).values()]
        else:
            inside = one.items if isinstance(one, Seq) else []
        todo += [part for part in inside if id(part) not in seen]
        seen.update(map(id, inside))


# -- copies ---------------------------------------------------------------------------------


_COPIED = frozenset({Instance, Layer, Seq, Dict, Tensor, Choice, Splice})


def copied(value: Value, done: dict[int, Value]) -> Value:
    """A copy of a module and all that it holds; what cannot be changed is shared."""
    if value.__class__ not in _COPIED:
        return value
    known = done.get(id(value))
    if known is not None:
        return known
    new: Value
    if isinstance(value, Instance):
        new = Instance(value.cls, value.origin)
        new.node, new.token, new.called = value.node, value.token, value.called
        done[id(value)] = new
        new.attrs = {k: copied(v, done) for k, v in value.attrs.items()}
        if value.items is not None:
            layer = new.attrs.get("__layer__")
            new.items = layer.items if isinstance(layer, Layer) else _items(value.items, done)
    elif isinstance(value, Layer):
        new = Layer(value.spec, dict(value.args), {}, value.origin, None)
        new.node, new.token, new.called = value.node, value.token, value.called
        done[id(value)] = new
        new.attrs = {k: copied(v, done) for k, v in value.attrs.items()}
        new.items = None if value.items is None else _items(value.items, done)
    elif isinstance(value, Seq):
        new = Seq([], value.kind)
        new.names = value.names
        done[id(value)] = new
        new.items = [copied(v, done) for v in value.items]
    elif isinstance(value, Dict):
        new = Dict({}, value.open, value.default)
        done[id(value)] = new
        new.items.update({k: copied(v, done) for k, v in value.items.items()})
    elif isinstance(value, Tensor):
        shape = done.get(id(value.shape))
        if shape is None:
            shape = done[id(value.shape)] = Shape(value.shape.dims, value.shape.lead)
        new = done[id(value)] = Tensor(shape, value.dtype, value.origin, value.param, value.free)
    elif isinstance(value, Choice):
        new = done[id(value)] = Choice([])
        new.options = [copied(v, done) for v in value.options]
    else:
        assert isinstance(value, Splice)
        new = done[id(value)] = Splice([])
        new.options = [[copied(v, done) for v in option] for option in value.options]
    return new


def _items(items: dict[str, Value], done: dict[int, Value]) -> dict[str, Value]:
    return {k: copied(v, done) for k, v in items.items()}


# -- calls ----------------------------------------------------------------------------------


class CallMemo:
    """Results of calls of modules on shapes; emptied when a module is changed."""

    def __init__(self) -> None:
        self.results: dict[Key, tuple[Value, list[tuple[tuple[Any, ...], bool] | None]]] = {}

    def get(
        self, it: Interpreter, key: Key, args: list[Value], kwargs: dict[str, Value]
    ) -> tuple[bool, Value]:
        """(True, result) where the call is known; what it showed of its arguments is learned."""
        hit = self.results.get(key)
        if hit is None:
            return False, None
        result, learned = hit
        for value, after in zip([*args, *kwargs.values()], learned):
            if after is not None and isinstance(value, Tensor):
                dims, lead = after
                if value.shape.dims != dims or value.shape.lead != lead:
                    it.ctx.refine(value.shape, dims, lead)
        return True, copied(result, {})

    def put(
        self, key: Key, args: list[Value], kwargs: dict[str, Value], result: Value, start: int
    ) -> None:
        """Keep a result, unless it holds sizes that are new and unknown at every call."""
        values = [*args, *kwargs.values()]
        if not _plain(result) or _has_new(result, start) or any(_has_new(v, start) for v in values):
            return
        learned = [
            (v.shape.dims, v.shape.lead)
            if isinstance(v, Tensor) and not _shared(v, values)
            else None
            for v in values
        ]
        self.results[key] = (copied(result, {}), learned)


def _shared(value: Tensor, values: list[Value]) -> bool:
    return sum(1 for v in values if isinstance(v, Tensor) and v.shape is value.shape) > 1


def _plain(value: Value) -> bool:
    """Whether a result is made of tensors, numbers and sequences of them only."""
    if isinstance(value, Seq):
        return all(_plain(item) for item in value.items)
    return value is None or isinstance(value, (Tensor, int, float, str, Poly))


def _has_new(value: Value, start: int) -> bool:
    if isinstance(value, Seq):
        return any(_has_new(item, start) for item in value.items)
    if isinstance(value, Tensor):
        return any(_new(d, start) for d in value.shape.dims)
    return _new(value, start)


def _new(size: Value, start: int) -> bool:
    return isinstance(size, Poly) and any(_new_atom(a, start) for a in size.atoms)


def _new_atom(atom: Atom, start: int) -> bool:
    if isinstance(atom, Symbol):
        return atom.order > start and atom.kind == "opaque"
    return isinstance(atom, Operation) and any(_new(arg, start) for arg in atom.args)
