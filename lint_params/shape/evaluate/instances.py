"""Building objects of the project's classes, and calling them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from lint_params.names import dotted
from lint_params.shape.call import build_layer
from lint_params.shape.check import Verdict
from lint_params.shape.evaluate.classes import MODULE_BASES, definition, is_module_class, mro
from lint_params.shape.evaluate.hooks import is_made_elsewhere
from lint_params.shape.evaluate.memo import (
    arguments_key,
    closure_key,
    copied,
    has_lazy_layers,
    has_new_sizes,
)
from lint_params.shape.evaluate.objects import LAYER, get_attr
from lint_params.shape.sizes.dim import Atom
from lint_params.shape.value import (
    ClassRef,
    Config,
    Dict,
    External,
    Function,
    Instance,
    Origin,
    Seq,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter


class Built(NamedTuple):
    """What a constructor made, as it was. Most modules are built once, and a copy is kept only of
    the second of a kind; of the first if its class has been built twice alike before, and then the
    second owes the steps that it would have taken."""

    pristine: Instance | None
    owed: int


def instantiate(
    it: Interpreter, cls: ClassRef, args: list[Value], kwargs: dict[str, Value], node: ast.AST
) -> Value:
    """``cls(*args, **kwargs)``; the same arguments are worked out once and copied."""
    handed = arguments_key(it.ctx, args, kwargs)
    changed = it.changed if any(isinstance(one, Config) for one in (*args, *kwargs.values())) else 0
    key = (cls.identity, closure_key(it.ctx, cls), handed, changed)
    known = it.built.get(key)
    if known is not None and known.pristine is not None:
        it.take(known.owed)
        it.built[key] = known._replace(owed=0)
        instance = copied(known.pristine, {})
        instance.origin = Origin(getattr(node, "lineno", 0), cls.node.name, it.ctx.path)
        instance.node = node
        it.made.append(instance)
        return instance
    epoch, start, steps, told = it.epoch, Atom.latest(), it.steps, len(it.ctx.obligations)
    outer, it.built_inside = it.built_inside, 0
    it.constructing += 1
    try:
        made = _instantiate(it, cls, args, kwargs, node)
    finally:
        it.constructing -= 1
        spent = steps - it.steps
        own, it.built_inside = spent - it.built_inside, outer + spent
    unknown = any(isinstance(value, Unknown) for value in (*args, *kwargs.values()))
    if unknown and has_new_sizes(made, start):
        return made  # the next of that unknown size may have another
    if any(isinstance(one, (Dict, Instance, Seq)) for one in (*args, *kwargs.values())):
        if arguments_key(it.ctx, args, kwargs) != handed:
            return made  # and so may what it took from a list, or has put there
    if isinstance(made, Instance) and it.epoch == epoch:
        if key not in it.tokens:
            it.last_token += 1
            it.tokens[key] = it.last_token
        if is_module_class(it, cls):  # of others, a configuration say, the parts may change
            made.token = it.tokens[key]
        if known is not None:
            it.repeated.add(id(cls.node))
            it.built[key] = Built(_pristine(made), 0)
        else:
            sound = not any(o.verdict is Verdict.REFUTED for o in it.ctx.obligations[told:])
            again = sound and id(cls.node) in it.repeated
            it.built[key] = Built(_pristine(made) if again else None, own)
    return made


def _has_attribute_access(line: list[Value]) -> bool:
    """Whether a mapping gives its items as attributes: ``__getattr__ = dict.__getitem__``."""
    classes = [base for base in line if isinstance(base, ClassRef)]
    if any(definition(base, name) is not None for base in classes for name in ("__getattr__", "__setattr__")):
        return True
    return any(
        isinstance(part, ast.Attribute) and part.attr == "__dict__" and isinstance(part.ctx, ast.Store)
        for base in classes for part in ast.walk(base.node)
    )


def _pristine(made: Instance) -> Instance | None:
    """A copy of what a constructor made; None where each of its kind has a first input of its own."""
    return None if has_lazy_layers(made) else copied(made, {})


def _instantiate(
    it: Interpreter, cls: ClassRef, args: list[Value], kwargs: dict[str, Value], node: ast.AST
) -> Value:
    line = mro(it, cls)
    if any(isinstance(b, External) and b.name.startswith("enum.") for b in line):
        return _enum_member(it, cls, args)
    if is_made_elsewhere(it, line):
        return Unknown("made by a metaclass or __new__")
    if any(isinstance(b, External) and b.name == "builtins.dict" for b in line) and _has_attribute_access(line):
        return Unknown("a mapping whose items are attributes")
    origin = Origin(getattr(node, "lineno", 0), cls.node.name, it.ctx.path)
    instance = Instance(cls, origin)
    instance.node = node
    if is_dataclass(cls):
        return _dataclass(it, instance, line, args, kwargs)
    for base in line:
        if isinstance(base, ClassRef):
            init = definition(base, "__init__")
            if isinstance(init, (ast.FunctionDef, ast.AsyncFunctionDef)):
                result = it.call(
                    Function(init, base.file, base.scope, instance, base),
                    args,
                    kwargs,
                    node,
                    cls.node.name,
                )
                if isinstance(result, Unknown) and result.why in _FATAL:
                    return result
                break
            if is_made_of_fields(base):
                return _dataclass(it, instance, line, args, kwargs)
        elif isinstance(base, External):
            result = init_external(it, instance, base, args, kwargs)
            if isinstance(result, Unknown):
                return result
            if not base.name.startswith(("torch.", "builtins.")):
                _take_fields(it, instance, line, kwargs, base.name.rpartition(".")[2] in _OF_FIELDS)
            break
        else:
            instance.attrs["__unknown__"] = True
            _take_fields(it, instance, line, kwargs, False)
            break
    it.made.append(instance)
    return instance


#: Classes of other packages whose constructor gives each annotated name what it is called with.
_OF_FIELDS = ("BaseModel", "Struct")


def _take_fields(
    it: Interpreter, instance: Instance, line: list[Value], kwargs: dict[str, Value], known: bool
) -> None:
    """A constructor that nobody can read may set what it is given, whatever the class's body says."""
    names = {name for name, _, _ in fields(it, line)}
    for name, value in kwargs.items():
        instance.attrs[name] = value if known and name in names else Unknown("set by a class that is not read")


def _enum_member(it: Interpreter, cls: ClassRef, args: list[Value]) -> Value:
    """``Format("NCHW")``: a member is modelled as its value, so it is one if it is there."""
    plain = args[0] if len(args) == 1 and isinstance(args[0], (str, int)) else None
    values = [
        get_attr(it, cls, target.id)
        for statement in cls.node.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    ]
    return plain if plain is not None and plain in values else Unknown("enum")


#: Reasons for which a constructor surely did not finish.
_FATAL = frozenset({"arguments do not fit", "recursion", "call depth", "raises"})


def init_external(
    it: Interpreter, instance: Instance, base: External, args: list[Value], kwargs: dict[str, Value]
) -> Value:
    """``__init__`` of a base outside the project: torch's layers build themselves."""
    from lint_params.shape.evaluate.containers import CONTAINERS, build_container
    from lint_params.shape.evaluate.mappings import MAPPINGS
    from lint_params.shape.ops import layer_spec

    if base.name in MODULE_BASES or base.name == "builtins.object":
        return None
    origin = instance.origin
    if base.name in MAPPINGS:
        instance.attrs[LAYER] = it.call(External("builtins.dict"), args, kwargs, it.ctx.node, "dict")
        return None
    if base.name in CONTAINERS:
        layer = build_container(it, base.name, args, kwargs, origin)
        if isinstance(layer, Unknown):
            return layer
        instance.attrs[LAYER] = layer
        instance.items = layer.items
        return None
    spec = layer_spec(base.name)
    if spec is None:
        return None
    it.ctx.built = origin
    layer = build_layer(it.ctx, spec, args, kwargs, origin)
    if isinstance(layer, Unknown):
        return layer
    instance.attrs[LAYER] = layer
    return None


def call_instance(
    it: Interpreter,
    instance: Instance,
    args: list[Value],
    kwargs: dict[str, Value],
    node: ast.AST,
    text: str,
    names: tuple[str, ...] = ("__call__", "forward"),
) -> Value:
    """``instance(...)``: ``__call__`` where the project defines it, else ``forward``."""
    instance.called = True
    for name in names:
        if (
            name == "forward"
            and not is_module_class(it, instance.cls)
            and "__unknown__" not in instance.attrs
        ):
            break
        method = _defined(it, instance, name)
        if method is not None:
            return _call_method(it, instance, method, args, kwargs, node, text)
    if "forward" in instance.attrs:
        return it.call(instance.attrs["forward"], args, kwargs, node, text)
    if LAYER in instance.attrs and _has_own_ways(it, instance):
        return Unknown("an override of what torch's layer calls")
    if LAYER in instance.attrs:
        return it.call(instance.attrs[LAYER], args, kwargs, node, text)
    return Unknown("no forward")


#: What the forward of torch's own layers calls of itself.
_CALLED_BY_TORCH = ("_check_input_dim", "_conv_forward", "_output_padding", "check_input", "check_forward_args")


def _has_own_ways(it: Interpreter, instance: Instance) -> bool:
    """Whether a class below one of torch's layers overrides what that layer's forward calls, or gives
    it other weights where torch resets them."""
    for base in mro(it, instance.cls):
        if not isinstance(base, ClassRef):
            continue
        if any(definition(base, name) is not None for name in _CALLED_BY_TORCH):
            return True
        reset = definition(base, "reset_parameters")
        if isinstance(reset, ast.FunctionDef) and any(
            isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store) and part.attr in ("weight", "bias")
            for part in ast.walk(reset)
        ):
            return True
    return False


def _call_method(
    it: Interpreter,
    instance: Instance,
    method: Value,
    args: list[Value],
    kwargs: dict[str, Value],
    node: ast.AST,
    text: str,
) -> Value:
    key = None
    if instance.token is not None and it.log is None:  # a log names every module
        key = (instance.token, it.epoch, it.ctx.rewritten, arguments_key(it.ctx, args, kwargs))
        known, result = it.calls.get(it, key, args, kwargs)
        if known:
            return result
    epoch, start = it.epoch, Atom.latest()
    it.instances.append(instance)
    try:
        result = it.call(method, args, kwargs, node, text)
    finally:
        it.instances.pop()
    if key is not None and it.epoch == epoch:
        it.calls.put(key, args, kwargs, result, start)
    return result


def _defined(it: Interpreter, instance: Instance, name: str) -> Value | None:
    for base in mro(it, instance.cls):
        if isinstance(base, ClassRef):
            node = definition(base, name)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                return Function(node, base.file, base.scope, instance, base)
            if isinstance(node, ast.expr):
                return get_attr(it, instance, name)
        elif not isinstance(base, External):
            return None
    return None


def is_dataclass(cls: ClassRef) -> bool:
    for mark in cls.node.decorator_list:
        text = dotted(mark.func if isinstance(mark, ast.Call) else mark) or ""
        if text in ("dataclass", "dataclasses.dataclass", "attr.s", "attrs.define", "define"):
            return True
    return any((dotted(b) or "").rpartition(".")[2] == "NamedTuple" for b in cls.node.bases)


def is_made_of_fields(cls: ClassRef) -> bool:
    """Whether what extends the class has a dataclass's constructor: it is one, or makes one of each
    class that extends it (PEP 681)."""
    if is_dataclass(cls):
        return True
    marks = (mark.func for mark in cls.node.decorator_list if isinstance(mark, ast.Call))
    return any((dotted(mark) or "").rpartition(".")[2] == "dataclass_transform" for mark in marks)


def fields(it: Interpreter, line: list[Value]) -> list[tuple[str, ast.AnnAssign, ClassRef]]:
    """The fields of a dataclass in order, inherited ones first."""
    found: dict[str, tuple[str, ast.AnnAssign, ClassRef]] = {}
    for base in reversed([b for b in line if isinstance(b, ClassRef)]):
        for node in base.node.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                if "ClassVar" not in ast.unparse(node.annotation):
                    found[node.target.id] = (node.target.id, node, base)
    return list(found.values())


def _dataclass(
    it: Interpreter,
    instance: Instance,
    line: list[Value],
    args: list[Value],
    kwargs: dict[str, Value],
) -> Value:
    from lint_params.shape.evaluate.scope import Scope

    given = dict(kwargs)
    listed = fields(it, line)
    if len(args) > len(listed):
        return Unknown("arguments do not fit")
    for (name, _, _), value in zip(listed, args):
        given[name] = value
    for name, node, base in listed:
        if name in given:
            instance.attrs[name] = given[name]
        elif node.value is not None:
            scope = Scope(it.file_scope(base.file), base.scope)
            instance.attrs[name] = default_of(it, node.value, scope)
        else:
            return Unknown("arguments do not fit")
    finish_dataclass(it, instance)
    return instance


def finish_dataclass(it: Interpreter, instance: Instance) -> None:
    post = _defined(it, instance, "__post_init__")
    if post is not None:
        it.call(post, [], {}, it.ctx.node, "__post_init__")


def default_of(it: Interpreter, node: ast.expr, scope: Value) -> Value:
    """A field's default, through ``field(default=...)`` and ``field(default_factory=...)``."""
    if isinstance(node, ast.Call) and (dotted(node.func) or "").endswith("field"):
        for keyword in node.keywords:
            if keyword.arg == "default":
                return it.eval(keyword.value, scope)
            if keyword.arg == "default_factory":
                return it.call(it.eval(keyword.value, scope), [], {}, node, "default_factory")
        return Unknown("field without a default")
    return it.eval(node, scope)
