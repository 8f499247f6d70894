"""Attributes: of instances, classes, layers, tensors and arguments; and ``super()``."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from lint_params.shape.call import call_function
from lint_params.shape.evaluate.children import UNORDERED
from lint_params.shape.evaluate.classes import decorators, definition, is_module_class, members, mro
from lint_params.shape.evaluate.descriptors import (
    DESCRIPTOR,
    GET,
    SET,
    answers,
    by_class,
    is_descriptor,
    of_property,
)
from lint_params.shape.ops import function_spec
from lint_params.shape.ops.attributes import ATTRIBUTES
from lint_params.shape.sizes.dim import Poly
from lint_params.shape.value import (
    Choice,
    ClassRef,
    Config,
    Dict,
    External,
    Flag,
    Function,
    Instance,
    Layer,
    Native,
    NumpyArray,
    Partial,
    Seq,
    Shape,
    Tensor,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter
    from lint_params.shape.evaluate.scope import Scope

LAYER = "__layer__"  # where an instance keeps the torch layer that its class extends
#: Where an argument of an annotated class keeps what else it may have: it may be of a subclass.
OF_SUBCLASS = "__of_subclass__"
#: Why an attribute is unknown that nobody has given.
ABSENT = frozenset({"no such attribute", "attribute of an unknown base", "module attribute"})
TRAINING = Flag("training")


#: Where an object keeps that an attribute was set of a name that nobody knows.
UNNAMED = "__unnamed__"
NAMELESS = "attribute of unknown name"


class Namespace(Dict):
    """``vars(owner)``: what is written there are attributes of the owner."""

    __slots__ = ("owner",)

    def __init__(self, it: Interpreter, owner: Instance | Layer) -> None:
        super().__init__({}, True, lambda key: get_attr(it, owner, key))
        self.owner = owner


class Super:
    """``super()`` in a method of ``after`` on ``bound``."""

    __slots__ = ("bound", "after")

    def __init__(self, bound: Value, after: ClassRef) -> None:
        self.bound = bound
        self.after = after


def get_attr(it: Interpreter, owner: Value, name: str) -> Value:
    kind = owner.__class__
    if kind is Instance:
        return _of_instance(it, owner, name)
    if kind is External:
        return _of_external(it, owner, name)
    if kind is Tensor:
        return _of_tensor(it, owner, name)
    if kind is Layer:
        return _of_layer(it, owner, name)
    if kind is Config:
        return _of_config(it, owner, name)
    if kind is Unknown:
        return owner
    if kind is Choice:
        options = [o for o in owner.options if o is not None]
        if len(options) == 1:
            return get_attr(it, options[0], name)  # None has no such attribute: it was not that
        if name in owner.sizes:
            return owner.sizes[name]
        value = it.each(Choice(options), lambda o: get_attr(it, o, name))
        if isinstance(value, Poly) and all(isinstance(o, ClassRef) for o in options):
            owner.sizes[name] = value
        return value
    if isinstance(owner, Super):
        return _of_super(it, owner, name)
    if isinstance(owner, ClassRef):
        return _of_class(it, owner, name, owner)
    if isinstance(owner, NumpyArray):
        return _of_tensor(it, owner, name)
    if isinstance(owner, Partial) and name in owner.given:
        return owner.given[name]
    if isinstance(owner, Function) and name == "__name__" and not isinstance(owner.node, ast.Lambda):
        return owner.node.name
    from lint_params.shape.evaluate.methods import method_of

    return method_of(it, owner, name)


def _of_instance(it: Interpreter, owner: Instance, name: str) -> Value:
    if name in owner.attrs:
        return owner.attrs[name]
    if name == "__class__":
        return owner.cls
    if name == "__dict__":
        return Namespace(it, owner)
    for base in mro(it, owner.cls):
        if isinstance(base, ClassRef):
            node = definition(base, name)
            if node is not None:
                value = _member(it, owner, base, name, node)
                hidden = UNNAMED in owner.attrs and isinstance(node, ast.expr) and _is_plain(value)
                return Unknown(NAMELESS) if hidden else value
        elif isinstance(base, External):
            return module_member(it, owner, name, owner.attrs.get(LAYER))
        else:
            return Unknown("attribute of an unknown base")
    return _by_own_lookup(it, owner, name)


def _by_own_lookup(it: Interpreter, owner: Instance, name: str) -> Value:
    """An attribute that nobody has given, of a class that may look it up by itself: where it has a
    table of other names (``attribute_map``), what stands there under this one."""
    if name == "__setattr__":
        return _setter(it, owner)
    bases = [base for base in mro(it, owner.cls) if isinstance(base, ClassRef)]
    if not any(definition(base, own) is not None for base in bases for own in _LOOKUPS):
        return Unknown("no such attribute")
    written = next((node for base in bases if (node := definition(base, "attribute_map")) is not None), None)
    if not isinstance(written, ast.Dict):
        return Unknown("an attribute that is looked up")
    table = get_attr(it, owner.cls, "attribute_map") if written.keys else Dict({})
    if not isinstance(table, Dict) or table.open:
        return Unknown("an attribute that is looked up")
    other = table.items.get(name)
    if other is None:
        return Unknown("no such attribute")
    known = isinstance(other, str) and other in owner.attrs
    return owner.attrs[other] if known else Unknown("an attribute that is looked up")


_LOOKUPS = ("__getattr__", "__getattribute__")


def _member(it: Interpreter, owner: Value, base: ClassRef, name: str, node: ast.AST) -> Value:
    """A method, property or class attribute found in ``base`` and asked of ``owner``."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        marks = decorators(node)
        if (
            "property" in marks
            or "cached_property" in marks
            or "functools.cached_property" in marks
        ):
            return it.call(Function(node, base.file, base.scope, owner, base), [], {}, node, name)
        if "staticmethod" in marks:
            return Function(node, base.file, base.scope, None, base)
        if "classmethod" in marks:
            cls = owner.cls if isinstance(owner, Instance) else owner
            return Function(node, base.file, base.scope, cls, base)
        return Function(
            node, base.file, base.scope, owner if not isinstance(owner, ClassRef) else None, base
        )
    if isinstance(node, ast.ClassDef):
        return ClassRef(node, base.file, base.scope)
    getter = of_property(it, base, node, GET) if isinstance(owner, Instance) else None
    if getter is not None:
        return it.call(getter, [owner], {}, node, name)
    if isinstance(node, ast.expr):
        if name not in base.attrs:
            from lint_params.shape.evaluate.scope import Scope

            inner = Scope(it.file_scope(base.file), base.scope)
            inner.vars = _ClassNames(it, base, name)
            made = it.aside(lambda: it.eval(node, inner), base.file.path)
            base.attrs[name] = Unknown(DESCRIPTOR) if is_descriptor(it, made) else kept(it, made)
            if isinstance(made, Dict) and not made.items:
                from lint_params.shape.evaluate.registries import class_registry

                class_registry(it, base, made)
        return it.read(base.attrs[name])
    return Unknown("class attribute")


def settle(it: Interpreter, cls: ClassRef) -> None:
    """Work out a class's bases and values where it is made: what they are made of may change."""
    mro(it, cls)
    for name, node in members(cls).items():
        if isinstance(node, ast.expr) and not isinstance(node, ast.Constant):
            _member(it, cls, cls, name, node)


class _ClassNames(dict):  # type: ignore[type-arg]
    """The names of a class body, as its own expressions see them."""

    def __init__(self, it: Interpreter, base: ClassRef, asked: str) -> None:
        super().__init__()
        self.it, self.base, self.asked = it, base, asked

    def __contains__(self, key: object) -> bool:
        return key != self.asked and isinstance(key, str) and definition(self.base, key) is not None

    def __getitem__(self, key: str) -> Value:
        node = definition(self.base, key)
        return (
            Unknown("class attribute")
            if node is None
            else _member(self.it, self.base, self.base, key, node)
        )


def _of_class(it: Interpreter, owner: ClassRef, name: str, asked: ClassRef) -> Value:
    if name == "__name__":
        return owner.node.name
    for base in mro(it, owner):
        if isinstance(base, ClassRef):
            node = definition(base, name)
            if node is not None:
                return _member(it, asked, base, name, node)
        elif isinstance(base, External) and base.name == "torch.nn.Module":
            break
        elif isinstance(base, External) and base.name in _AUTOGRAD and name == "apply":
            return _applied(it, owner)
        else:
            return Unknown("attribute of an unknown base")
    return Unknown("no such attribute")


_AUTOGRAD = frozenset({"torch.autograd.Function", "torch.autograd.function.Function"})


def _applied(it: Interpreter, owner: ClassRef) -> Value:
    """``apply`` of a function with gradients of its own: its ``forward`` runs, behind a context
    where that is not set up apart."""
    forward = _of_class(it, owner, "forward", owner)
    first = [] if definition(owner, "setup_context") is not None else [Config("context")]

    def call(args: list[Value], kwargs: dict[str, Value]) -> Value:
        return it.call(forward, [*first, *args], kwargs, it.ctx.node, "apply")

    return Native("apply", call)


def _of_layer(it: Interpreter, owner: Layer, name: str) -> Value:
    if name in owner.attrs:
        return owner.attrs[name]
    if owner.items is not None and name in owner.items:
        return owner.items[name]
    if name == "__class__":
        return External(owner.spec.name)
    return module_member(it, owner, name)


def module_member(it: Interpreter, owner: Value, name: str, layer: Value = None) -> Value:
    """What nn.Module itself (and torch's containers) bring, or the ``layer`` that the class extends."""
    from lint_params.shape.evaluate.containers import RETURN_SELF, member

    if layer is not None and name not in RETURN_SELF:
        return get_attr(it, layer, name)
    return TRAINING if name == "training" else member(it, owner, name)


_RESHAPED_IN_PLACE = frozenset(
    "unsqueeze_ squeeze_ t_ transpose_ swapaxes_ swapdims_ resize_ resize_as_ set_".split()
)


#: What numpy's arrays mean otherwise than tensors: a size that is no call, all axes at once,
#: one result and no pair of them, or a pair and no single one.
_OTHERWISE = frozenset(
    "repeat transpose size max min sort take resize view dot split put cumsum cumprod nonzero".split()
)


def _of_tensor(it: Interpreter, owner: Tensor, name: str) -> Value:
    if isinstance(owner, NumpyArray) and name in _OTHERWISE:
        return Unknown("method of numpy")
    attribute = ATTRIBUTES.get(name)
    if attribute is not None:
        return NumpyArray.like(attribute(it.ctx, owner), owner)
    spec = function_spec(f"Tensor.{name}")
    if spec is None and isinstance(owner, NumpyArray):
        from lint_params.shape.python.numpy import array_method

        return array_method(owner, name)
    if spec is None:
        return Unknown("tensor attribute")

    def call(args: list[Value], kwargs: dict[str, Value]) -> Value:
        result = call_function(it.ctx, spec, [owner, *args], kwargs)
        if name in _RESHAPED_IN_PLACE:  # tensors that were known to share this shape need not now
            if isinstance(result, Tensor):
                result = Tensor(
                    Shape(result.shape.dims, result.shape.lead), result.dtype, result.origin
                )
            it.ctx.refine(owner.shape, (), True)
        return NumpyArray.like(result, owner, *args)

    return Native(f"Tensor.{name}", call)


def _of_external(it: Interpreter, owner: External, name: str) -> Value:
    full = f"{owner.name}.{name}"
    from lint_params.shape.python import CONSTANTS

    if full in CONSTANTS:
        return CONSTANTS[full]
    if name in ("__name__", "__qualname__"):
        return owner.name.rpartition(".")[2]
    if it.current is not None and it.project is not None:
        return it.qualified(full, it.current)
    return External(full)


def _of_config(it: Interpreter, owner: Config, name: str) -> Value:
    from lint_params.shape.evaluate.methods import config_method

    method = config_method(it, owner, name)
    return method if method is not None else owner.attr(name)


def _is_module(value: Value) -> bool:
    if isinstance(value, Choice):
        return any(_is_module(option) for option in value.options)
    return isinstance(value, (Layer, Instance))


def _goes_into_books(it: Interpreter, owner: Instance, value: Value) -> bool:
    """Whether nn.Module keeps the value itself, past what the class has of that name."""
    parameter = isinstance(value, Tensor) and value.param == "parameter"
    return (parameter or _is_module(value)) and is_module_class(it, owner.cls)


def super_value(it: Interpreter, scope: Scope, args: list[Value]) -> Value:
    """``super()`` and ``super(Net, self)``."""
    here: Scope | None = scope
    while here is not None and (here.function is None or here.function.owner is None):
        here = here.parent
    if len(args) == 2 and isinstance(args[0], ClassRef):
        return Super(args[1], args[0])
    if here is None or here.function is None or here.function.owner is None:
        return Unknown("super() outside a method")
    bound = here.function.bound
    if bound is None:
        arguments = here.function.node.args
        first = [*arguments.posonlyargs, *arguments.args]
        bound = here.vars.get(first[0].arg) if first else None
    return Super(bound, here.function.owner)


def _of_super(it: Interpreter, owner: Super, name: str) -> Value:
    bound = owner.bound
    cls = bound.cls if isinstance(bound, Instance) else bound
    if not isinstance(cls, ClassRef):
        return Unknown("super() of an unknown object")
    line = mro(it, cls)
    after = [b for b in line if isinstance(b, ClassRef) and b.node is owner.after.node]
    after = [b for b in after if _same_class(b, owner.after)] or after
    start = line.index(after[0]) if after else None
    if start is None:
        return Unknown("super() of an unknown class")
    for base in line[start + 1 :]:
        if isinstance(base, ClassRef):
            node = definition(base, name)
            if node is not None:
                return _member(it, bound, base, name, node)
        elif isinstance(base, External):
            if name == "get" and base.name in _MAPPINGS:
                return Native("get", _default_function)
            return _of_external_base(it, bound, base, name)
        else:
            return Native("super", lambda args, kwargs: Unknown("method of an unknown base"))
    if name == "__init__":
        return Native("object.__init__", lambda args, kwargs: None)
    if name == "__setattr__":
        return _setter(it, bound)
    return Unknown("no such method")


_MAPPINGS = frozenset(
    f"{home}.{name}" for home in ("collections.abc", "typing") for name in ("Mapping", "MutableMapping")
)


def _default_function(args: list[Value], kwargs: dict[str, Value]) -> Value:
    """``get(key, default)`` of a table of functions: the others take and give what the default does."""
    default = kwargs.get("default", args[1] if len(args) > 1 else None)
    return default if isinstance(default, Function) else Unknown("method of an unknown base")


def _of_external_base(it: Interpreter, bound: Value, base: External, name: str) -> Value:
    from lint_params.shape.evaluate.instances import init_external

    if name == "__init__" and isinstance(bound, Instance):
        return Native(
            "super().__init__", lambda args, kwargs: init_external(it, bound, base, args, kwargs)
        )
    if isinstance(bound, Instance) and LAYER in bound.attrs:
        layer = bound.attrs[LAYER]
        if name in ("forward", "__call__"):
            return Native(
                name,
                lambda args, kwargs: it.call(layer, args, kwargs, it.ctx.node, "super().forward"),
            )
        return get_attr(it, layer, name)
    if isinstance(bound, Instance) and name == "__call__":
        from lint_params.shape.evaluate.instances import call_instance

        return Native(
            name,
            lambda args, kwargs: call_instance(
                it, bound, args, kwargs, it.ctx.node, "forward", ("forward",)
            ),
        )
    if base.name in ("torch.nn.Module", "builtins.object") or base.name.startswith("torch.nn."):
        if isinstance(bound, Instance):
            return module_member(it, bound, name)
    return Native("super", lambda args, kwargs: Unknown("method of an unknown base"))


def _same_class(a: Value, b: ClassRef) -> bool:
    return isinstance(a, ClassRef) and a.identity == b.identity


def kept(it: Interpreter, value: Value) -> Value:
    """What an attribute that is given this value holds later on: a tensor without elements only
    holds the place of one that is fitted, collected or loaded, whose shape nobody knows here."""
    if not isinstance(value, Tensor) or value.param or 0 not in value.shape.dims:
        return value
    return Unknown("a tensor that is filled later")  # sizes of a tensor count as 1 or more


def set_attr(it: Interpreter, owner: Value, name: str, value: Value) -> None:
    """``owner.name = value``, with what it shows of the tensors involved."""
    if isinstance(owner, Choice):
        for option in owner.options:
            set_attr(it, option, name, value)
    elif name == "__dict__":
        put(it, owner, Unknown("name"), Unknown(NAMELESS))
    elif isinstance(owner, (Instance, Layer)):
        from lint_params.shape.evaluate.hooks import CHANGED, is_own_forward
        from lint_params.shape.evaluate.overrides import note_override

        if is_own_forward(it, owner, name, value):
            name, value = CHANGED, True
        if isinstance(owner, Instance) and answers(it, owner.cls, name, SET):
            if not _goes_into_books(it, owner, value) and by_class(it, owner, name, SET, [value]):
                return
        value = kept(it, value)
        note_override(it, owner, name, value)
        if not it.constructing:
            it.epoch += 1
            owner.token = None
        if (
            isinstance(value, Tensor) and value.param == "parameter"
        ):  # it takes the attribute's name
            value = Tensor(value.shape, value.dtype, value.origin, name, value.free)
        if _is_module(value) and not _is_module(owner.attrs.get(name, value)):
            it.ctx.write(owner.attrs, UNORDERED, True)
        it.ctx.write(owner.attrs, name, value)
        layer = owner.attrs.get(LAYER) if isinstance(owner, Instance) else owner
        if isinstance(layer, Layer):  # torch's own forward reads what was set
            it.ctx.write(layer.attrs, name, value)
            if name in layer.args:
                it.ctx.write(layer.args, name, value)
        if owner.items is not None and (name in owner.items or _is_module(value)):
            it.ctx.write(owner.items, name, value)  # an attribute of a container is its child
    elif isinstance(owner, Config):
        it.changed += 1
        it.ctx.write(owner.attrs, name, value)
    elif isinstance(owner, Dict):  # a namespace
        it.ctx.write(owner.items, name, value)
    elif isinstance(owner, Tensor) and name == "data":
        from lint_params.shape.evaluate.overrides import set_data

        set_data(it, owner, value)


def _setter(it: Interpreter, owner: Value) -> Value:
    """``owner.__setattr__``, past what its class makes of it."""

    def call(args: list[Value], kwargs: dict[str, Value]) -> Value:
        if len(args) == 2:
            put(it, owner, args[0], args[1])
        return None

    return Native("__setattr__", call)


def put(it: Interpreter, owner: Value, name: Value, value: Value) -> None:
    """``vars(owner)[name] = value``, and whatever else sets an attribute by a name that is computed."""
    if isinstance(owner, Choice):
        for option in owner.options:
            put(it, option, name, value)
    elif isinstance(name, str):
        set_attr(it, owner, name, value)
    elif isinstance(owner, (Instance, Layer)):
        it.ctx.write(owner.attrs, "?", Unknown(NAMELESS))
        if isinstance(value, Tensor) or _is_module(value):
            return
        if not it.constructing:
            it.epoch += 1
            owner.token = None
        it.ctx.write(owner.attrs, UNNAMED, True)
        forget_plain(it, owner.attrs, NAMELESS, _not_meant(it, owner))


def _not_meant(it: Interpreter, owner: Instance | Layer) -> frozenset[str]:
    """The fields that a name which is computed does not mean: a base that finishes what extends it,
    with what else it was given, knows none of their names."""
    from lint_params.shape.evaluate.instances import fields

    running = it.active[-1] if it.active else None
    if getattr(running, "name", None) != "__post_init__" or not isinstance(owner, Instance):
        return frozenset()
    if running in owner.cls.node.body:
        return frozenset()
    return frozenset(name for name, _, _ in fields(it, [owner.cls]))


def forget_plain(it: Interpreter, table: dict[Any, Value], why: str, but: frozenset[str] = frozenset()) -> None:
    """One of the plain values in a table is another now, and nobody knows which."""
    for known, old in list(table.items()):
        if _is_plain(old) and known not in but and not (isinstance(known, str) and known.startswith("__")):
            it.ctx.write(table, known, Unknown(why))


def _is_plain(value: Value) -> bool:
    """A size, a flag, a text, or some of them: what a configuration holds."""
    if isinstance(value, Choice):
        return all(_is_plain(option) for option in value.options)
    if isinstance(value, Seq):
        return bool(value.items) and all(_is_plain(item) for item in value.items)
    return value is None or isinstance(value, (int, float, str, Poly))
