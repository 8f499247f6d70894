"""torch's containers of modules and parameters, and what every nn.Module can do."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lint_params.shape.evaluate.children import by_name, listing, lose, pairs
from lint_params.shape.evaluate.iterate import known_items
from lint_params.shape.evaluate.join import join_all
from lint_params.shape.evaluate.modes import switched
from lint_params.shape.ops import LayerSpec
from lint_params.shape.value import (
    Choice,
    Config,
    Dict,
    Layer,
    Modules,
    Native,
    Origin,
    Seq,
    Splice,
    Tensor,
    Unknown,
    Value,
    is_refuted,
)

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter

HOLDER = "torch.nn.Module"  # built plainly, for others to put attributes on it
CONTAINERS = frozenset(
    f"torch.nn.{name}"
    for name in ("Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict", "Module")
)
_ANY = inspect.Signature()


def _refuse(*_: Value) -> Value:
    return Unknown("call of a container")


def container(
    it: Interpreter, name: str, items: dict[str, Value] | None, origin: Origin | None
) -> Layer:
    return Layer(LayerSpec(name, _ANY, _refuse, _ANY), {}, {}, origin, items)


def build_container(
    it: Interpreter, name: str, args: list[Value], kwargs: dict[str, Value], origin: Origin | None
) -> Value:
    """``nn.Sequential(...)`` and its kin, from positional modules, a list or a mapping."""
    items: dict[str, Value] = {}
    if name == HOLDER:
        return container(it, name, None, origin)
    if not args and kwargs:
        args = [*kwargs.values()]  # each takes one argument by name, under a name of its own
    if name == "torch.nn.Sequential" and not (len(args) == 1 and isinstance(args[0], Dict)):
        items = {str(i): arg for i, arg in enumerate(args)}
        if len(args) == 1 and isinstance(args[0], (Config, Unknown)):
            return Unknown("sequence of unknown layers")
    elif args:
        source = args[0]
        if isinstance(source, Dict):
            if source.open:
                return Unknown("mapping of unknown layers")
            items = {str(k): v for k, v in source.items.items()}
        elif isinstance(source, Seq):
            items = {str(i): v for i, v in enumerate(source.items)}
        else:
            known = known_items(it, source)
            if known is None:
                return Unknown("sequence of unknown layers")
            items = {str(i): v for i, v in enumerate(known)}
    return container(it, name, items, origin)


def call_container(
    it: Interpreter,
    layer: Layer,
    args: list[Value],
    kwargs: dict[str, Value],
    node: ast.AST,
    text: str,
) -> Value:
    if layer.spec.name != "torch.nn.Sequential":
        return Unknown("call of a container")
    layer.called = True
    if len(args) != 1 or kwargs:
        return Unknown("arguments do not fit")
    return run_sequential(it, list((layer.items or {}).items()), args[0], node, text)


def run_sequential(
    it: Interpreter, items: list[tuple[str, Value]], x: Value, node: ast.AST, text: str
) -> Value:
    """Each child on the output of the one before; a finding stands at the child's constructor,
    if that is in the file of the call."""
    path = it.ctx.path
    for key, child in items:
        if isinstance(child, Splice):
            outcomes = it.fork(
                [_one_run(it, key, o, x, node, text) for o in child.options],
                every=True,
                among=child.options,
            )
            alive = [o for o in outcomes if not is_refuted(o[0])]
            if not alive:
                return Unknown("refuted")
            it.merge([writes for _, writes in alive])
            x = join_all(it, [value for value, _ in alive])
            continue
        where = node
        one = child
        if isinstance(child, Choice) and len({getattr(o, "node", o) for o in child.options}) == 1:
            one = child.options[0]  # built by one call
        made = getattr(one, "node", None)
        if isinstance(one, Layer) and made is not None and one.origin is not None:
            where = made if one.origin.path == path else node
        x = it.call(child, [x], {}, where, f"{text or 'Sequential'}[{key}]")
    return x


def _one_run(
    it: Interpreter, key: str, items: list[Value], x: Value, node: ast.AST, text: str
) -> Callable[[], Value]:
    return lambda: run_sequential(it, [(key, item) for item in items], x, node, text)


# -- what every module can do ---------------------------------------------------------------

#: Methods of nn.Module that give the object back.
RETURN_SELF = frozenset(
    "to cuda cpu xpu float half double bfloat16 type eval train requires_grad_ share_memory compile "
    "to_empty".split()
)

#: Why an iterator of some tensors is unknown: what ``next`` takes from it is one of them.
TENSORS = "parameters in some order"


def member(it: Interpreter, owner: Value, name: str) -> Value:
    """A method that nn.Module or a container brings."""
    if name in ("train", "eval"):
        return Native(name, lambda args, kwargs: switched(it, owner, name, args, kwargs))
    if name in RETURN_SELF:
        return Native(name, lambda args, kwargs: owner)
    if name in ("parameters", "buffers"):
        return Native(name, lambda args, kwargs: Unknown(TENSORS))
    if name == "_modules":
        return by_name(it, owner)
    how = _MEMBERS.get(name)
    if how is None:
        return Unknown("module attribute")
    return Native(name, lambda args, kwargs: how(it, owner, *args, **kwargs))


def _set(it: Interpreter, owner: Any, name: Value, value: Value) -> None:
    if isinstance(name, str):
        it.ctx.write(owner.attrs, name, value)
        if isinstance(owner, Layer) and owner.items is not None:
            it.ctx.write(owner.items, name, value)


def _add_module(it: Interpreter, owner: Any, name: Value, module: Value) -> Value:
    if owner.items is not None:
        key = name if isinstance(name, str) else f"?{len(owner.items)}"
        if key != name and any(other.startswith("?") for other in owner.items):
            _forget(it, owner)  # it may have the name of an earlier one, and take its place
        it.ctx.write(owner.items, key, module)
    else:
        _set(it, owner, name, module)
    return None


def _register_buffer(
    it: Interpreter, owner: Any, name: Value, tensor: Value = None, persistent: Value = True
) -> Value:
    from lint_params.shape.evaluate.objects import kept

    _set(it, owner, name, kept(it, tensor))
    return None


def _register_parameter(it: Interpreter, owner: Any, name: Value, param: Value = None) -> Value:
    if isinstance(param, Tensor) and isinstance(name, str):
        param = Tensor(param.shape, param.dtype, param.origin, name)
    _set(it, owner, name, param)
    return None


def _append(it: Interpreter, owner: Any, module: Value) -> Value:
    if owner.items is None:
        return Unknown("module attribute")
    it.ctx.write(owner.items, str(len(owner.items)), module)
    return owner


def _extend(it: Interpreter, owner: Any, modules: Value) -> Value:
    items = modules.items if isinstance(modules, Seq) else known_items(it, modules)
    if owner.items is None or items is None:
        _forget(it, owner)
        return owner
    for item in items:
        it.ctx.write(owner.items, str(len(owner.items)), item)
    return owner


def _forget(it: Interpreter, owner: Any) -> None:
    if owner.items is not None:
        it.ctx.write(owner.items, str(len(owner.items)), Unknown("sequence of unknown layers"))


def _lose(it: Interpreter, owner: Any, *args: Value, **options: Value) -> Value:
    """What is done to a module by its own methods that nobody follows here."""
    lose(it, owner)
    return Unknown("module attribute")


def _pop(it: Interpreter, owner: Any, index: Value) -> Value:
    """``net.pop(-1)``: the item goes, and is given back."""
    keys = list(owner.items or ())
    if owner.items is None or not isinstance(index, int) or not -len(keys) <= index < len(keys):
        return _lose(it, owner)
    from lint_params.shape.evaluate.assign import delete_item

    gone = owner.items[keys[index]]
    delete_item(it, owner, index)
    return gone


def _insert(it: Interpreter, owner: Any, index: Value, module: Value) -> Value:
    if owner.items is None or not isinstance(index, int):
        _forget(it, owner)
        return None
    listing = list(owner.items.values())
    listing.insert(index, module)
    for i, item in enumerate(listing):
        it.ctx.write(owner.items, str(i), item)
    return None


def _apply(it: Interpreter, owner: Any, fn: Value) -> Value:
    from lint_params.shape.evaluate.every import apply

    apply(it, owner, fn)
    return owner


def _update(it: Interpreter, owner: Any, other: Value) -> Value:
    if owner.items is not None and isinstance(other, Dict) and not other.open:
        for key, value in other.items.items():
            it.ctx.write(owner.items, str(key), value)
    else:
        _forget(it, owner)
    return None


def _get_submodule(it: Interpreter, owner: Any, path: Value) -> Value:
    from lint_params.shape.evaluate.objects import get_attr

    if not isinstance(path, str):
        return Unknown("unknown name")
    value = owner
    for part in path.split("."):
        if part:
            value = get_attr(it, value, part)
    return value


def _setattr(it: Interpreter, owner: Any, name: Value, value: Value) -> Value:
    from lint_params.shape.evaluate.objects import put

    put(it, owner, name, value)
    return None


def _hook(it: Interpreter, owner: Any, *args: Value, **options: Value) -> Value:
    from lint_params.shape.evaluate.hooks import hook

    return hook(it, owner, *args, **options)


_MEMBERS: dict[str, Callable[..., Value]] = {
    "register_forward_hook": _hook,
    "register_forward_pre_hook": _hook,
    "__setattr__": _setattr,
    "add_module": _add_module,
    "register_module": _add_module,
    "register_buffer": _register_buffer,
    "register_parameter": _register_parameter,
    "append": _append,
    "extend": _extend,
    "insert": _insert,
    "pop": _pop,
    "popitem": _lose,
    "__delitem__": _lose,
    "__setitem__": _lose,
    "set_submodule": _lose,
    "clear": _lose,
    "update": _update,
    "items": pairs,
    "named_children": pairs,
    "apply": _apply,
    "modules": lambda it, owner: Modules(owner, False),
    "named_modules": lambda it, owner: Modules(owner, True),
    "keys": lambda it, owner: listing(it, owner, lambda k, v: k),
    "values": lambda it, owner: listing(it, owner, lambda k, v: v),
    "children": lambda it, owner: listing(it, owner, lambda k, v: v),
    "get_submodule": _get_submodule,
    "get_parameter": _get_submodule,
    "get_buffer": _get_submodule,
    "forward": lambda it, owner, *args, **kw: it.call(
        owner, list(args), kw, it.ctx.node, "forward"
    ),
    "__call__": lambda it, owner, *args, **kw: it.call(
        owner, list(args), kw, it.ctx.node, "__call__"
    ),
    "save_hyperparameters": lambda it, owner, *args, **kw: None,
    "post_init": lambda it, owner, *args, **kw: None,
    "init_weights": lambda it, owner, *args, **kw: None,
    "zero_grad": lambda it, owner, *args, **kw: None,
    "reset_parameters": lambda it, owner, *args, **kw: None,
    "log": lambda it, owner, *args, **kw: None,
}
