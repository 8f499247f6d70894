"""What a call returns: constructors, torch functions, methods, functions of the project."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from lint_params.facts.kinds import NUMBER, TENSOR, UNKNOWN, Kind, join
from lint_params.facts.torch_names import (
    COMPUTED,
    CREATORS,
    IN_PLACE_METHODS,
    MAY_GIVE_ITSELF,
    MODULE_RETURNS_SELF,
    NEW_METHODS,
    NEW_TENSOR_METHODS,
    VIEWS,
)

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts

_TENSORS = ("parameter", "buffer", "tensor")
_COPIES = ("copy.deepcopy", "copy.copy")
_COMPILES = ("torch.compile", "torch.jit.script", "torch.nn.parallel.DistributedDataParallel")
#: torch.nn.utils functions that give back the module they were given.
_RETURN_MODULE = ("weight_norm", "spectral_norm", "remove_weight_norm", "remove_spectral_norm")


def call_kind(facts: FileFacts, node: ast.Call) -> Kind:
    func = node.func
    qualified = facts.qualify(func)
    if qualified is not None:
        kind = _known_call(facts, node, qualified)
        if kind is not None:
            return kind
    elif isinstance(func, ast.Attribute):
        kind = _method_call(facts, node, func)
        if kind is not None:
            return kind
    callee = facts.kind_of(func) if not isinstance(func, ast.Lambda) else UNKNOWN
    if callee.what == "class":
        return _instance(facts, node, callee)
    if callee.what == "choice" and all(one.what == "class" for one in callee.choices):
        return join(_instance(facts, node, one) for one in callee.choices)
    if callee.gives_tensor:
        return Kind("tensor", node, facts, torch=callee.torch)
    return facts.returned(node)


def _instance(facts: FileFacts, node: ast.Call, callee: Kind) -> Kind:
    if callee.cls is not None:
        what = "module" if callee.cls.is_module else "object"
        return Kind(what, node, facts, cls=callee.cls)
    return _known_call(facts, node, callee.torch) or UNKNOWN


def _known_call(facts: FileFacts, node: ast.Call, name: str) -> Kind | None:
    """A call of something outside the project; None: ask the project."""
    from lint_params.facts.infer import instance_of

    if name.startswith("builtins."):
        return _builtin(facts, node, name[9:])
    if not name.startswith(("torch", "copy.", "functools.", "itertools.", "collections.")):
        return None
    made = instance_of(name)
    if made.known:
        if made is TENSOR:
            return Kind("tensor", node, facts, torch="torch.Tensor")
        return replace(made, node=node, facts=facts, element=_contents(facts, node, made))
    if name in CREATORS:
        return Kind("tensor", node, facts, torch=name)
    if name in _COPIES and node.args:
        return replace(facts.kind_of(node.args[0]), node=node, facts=facts, owner=None, member="")
    if (name in _COMPILES or name == "torch.autograd.Variable") and node.args:
        return facts.kind_of(node.args[0])
    home, _, last = name.rpartition(".")
    if home in ("torch.nn.utils", "torch.nn.utils.parametrizations") and node.args:
        if last in _RETURN_MODULE or home.endswith("parametrizations"):
            return facts.kind_of(node.args[0])
    if (home == "torch" and last in COMPUTED) or home == "torch.nn.functional":
        origin = facts.kind_of(node.args[0]) if node.args else UNKNOWN
        return Kind("tensor", node, facts, name, origin=origin if origin.known else None)
    if home == "torch.nn.init" and node.args:
        return facts.kind_of(node.args[0])
    if name == "collections.OrderedDict":
        return Kind("dict", node, facts)
    if name == "collections.deque":
        return Kind("list", node, facts)
    if name in ("itertools.chain", "itertools.chain.from_iterable"):
        parts = [facts.kind_of(arg).element for arg in node.args]
        return Kind("iterator", node, facts, element=join(part or UNKNOWN for part in parts))
    return UNKNOWN if name.startswith("torch.") else None


def _contents(facts: FileFacts, node: ast.Call, made: Kind) -> Kind | None:
    """What the items of a ModuleList, Sequential, ParameterList ... are."""
    if not made.is_module_container or not node.args:
        return None
    if len(node.args) == 1 and not made.torch.endswith("Sequential"):
        return facts.kind_of(node.args[0]).element
    kinds = [
        facts.kind_of(arg.value).element or UNKNOWN
        if isinstance(arg, ast.Starred)
        else facts.kind_of(arg)
        for arg in node.args
    ]
    if len(kinds) == 1 and kinds[0].what == "dict":
        return kinds[0].element
    return join(kinds)


def _builtin(facts: FileFacts, node: ast.Call, name: str) -> Kind | None:
    first = facts.kind_of(node.args[0]) if node.args else UNKNOWN
    if name in ("list", "tuple", "set", "sorted", "reversed", "iter", "filter"):
        if name == "filter" and len(node.args) == 2:
            first = facts.kind_of(node.args[1])
        what = {"sorted": "list", "reversed": "iterator", "iter": "iterator", "filter": "iterator"}
        element = iterated(first) if node.args else None
        items = first.items if name in ("list", "tuple") else None
        return Kind(what.get(name, name), node, facts, element=element, items=items)
    if name == "dict":
        return Kind("dict", node, facts, element=_second(iterated(first)) if node.args else None)
    if name == "enumerate":
        pair = Kind("tuple", items=(NUMBER, iterated(first)))
        return Kind("iterator", node, facts, element=pair)
    if name == "zip":
        pair = Kind("tuple", items=tuple(iterated(facts.kind_of(arg)) for arg in node.args))
        return Kind("iterator", node, facts, element=pair)
    if name == "map":
        return Kind("iterator", node, facts)
    if name == "next":
        return first.element or UNKNOWN
    if name in ("int", "float", "len", "abs", "round", "bool", "hash", "id", "ord"):
        return NUMBER if first.what not in _TENSORS or name == "len" else UNKNOWN
    if name == "range":
        return Kind("iterator", node, facts, element=NUMBER)
    if name in ("getattr",):
        return _getattr(facts, node, first)
    if name in ("str", "repr", "format"):
        return Kind("string")
    if name == "super":
        return UNKNOWN
    return UNKNOWN


def _getattr(facts: FileFacts, node: ast.Call, owner: Kind) -> Kind:
    from lint_params.facts.infer import attribute_of

    if len(node.args) == 2 and isinstance(node.args[1], ast.Constant):
        return attribute_of(owner, str(node.args[1].value))
    return UNKNOWN


def _second(pair: Kind) -> Kind | None:
    return pair.items[1] if pair.items is not None and len(pair.items) == 2 else None


def iterated(kind: Kind) -> Kind:
    """What a loop over it yields."""
    if kind.what == "choice":
        return join(iterated(choice) for choice in kind.choices)
    if kind.what == "dict":
        return UNKNOWN
    if kind.what in _TENSORS:
        return Kind("tensor", origin=kind)
    if kind.torch in ("torch.nn.ModuleDict", "torch.nn.ParameterDict"):
        return Kind("string")
    if kind.is_container or kind.is_module_container:
        if kind.element is not None:
            return kind.element
        if kind.torch == "torch.nn.ParameterList":
            return Kind("parameter", torch="torch.nn.Parameter", annotated=True)
    return UNKNOWN


# -- methods ---------------------------------------------------------------------------
_MODULE = Kind("module", torch="torch.nn.Module", annotated=True)


def _method_call(facts: FileFacts, node: ast.Call, func: ast.Attribute) -> Kind | None:
    owner, name = facts.kind_of(func.value), func.attr
    if name == "tolist":
        return Kind("list", node, facts)
    if owner.what == "choice":
        if all(one.what in _TENSORS for one in owner.choices):
            owner = owner.choices[0]
        elif name in MODULE_RETURNS_SELF and all(one.is_module for one in owner.choices):
            return owner
    if owner.what == "module" or _is_super(func.value):
        own = owner.cls is not None and owner.cls.method(name) is not None
        return None if own else _module_method(facts, node, owner, name)
    if owner.what in _TENSORS:
        return _tensor_method(facts, node, owner, name)
    if name in NEW_METHODS:
        return Kind("tensor", node, facts, torch=f"torch.Tensor.{name}")
    if owner.what == "dict":
        if name == "values":
            return Kind("iterator", node, facts, element=owner.element)
        if name == "items":
            pair = Kind("tuple", items=(UNKNOWN, owner.element or UNKNOWN))
            return Kind("iterator", node, facts, element=pair)
        if name in ("get", "pop", "setdefault"):
            return owner.element or UNKNOWN
    if owner.what == "list" and name == "pop":
        return owner.element or UNKNOWN
    if owner.what == "list" and name == "copy":
        return owner
    if name.removeprefix("named_") in ("parameters", "modules", "children"):
        # Only Modules have these by convention; the elements are known, the owner is not.
        return _module_method(facts, node, owner, name) if not owner.known else None
    return None


def _module_method(facts: FileFacts, node: ast.Call, owner: Kind, name: str) -> Kind | None:
    parameter = Kind(
        "parameter", torch="torch.nn.Parameter", annotated=True, owner=owner, member="*"
    )
    plain = {
        "parameters": parameter,
        "buffers": Kind("buffer", torch="torch.nn.Buffer", owner=owner, member="*"),
        "modules": _MODULE,
        "children": _MODULE,
    }
    if name in plain:
        return Kind("iterator", node, facts, element=plain[name], owner=owner)
    if name.startswith("named_") and name[6:] in plain:
        pair = Kind("tuple", items=(Kind("string"), plain[name[6:]]))
        return Kind("iterator", node, facts, element=pair, owner=owner)
    if name in MODULE_RETURNS_SELF:
        return owner
    if name == "state_dict":
        return Kind("dict", node, facts, element=TENSOR)
    if name in ("items", "values") and owner.is_module_container:
        element = owner.element or UNKNOWN
        if name == "items":
            element = Kind("tuple", items=(Kind("string"), element))
        return Kind("iterator", node, facts, element=element)
    if name in ("get_parameter", "get_submodule"):
        return parameter if name == "get_parameter" else _MODULE
    return None


def _tensor_method(facts: FileFacts, node: ast.Call, owner: Kind, name: str) -> Kind:
    if name in ("requires_grad_", "share_memory_") or name in IN_PLACE_METHODS:
        return owner
    if name == "materialize" or name == "detach_":
        return owner
    if name in NEW_METHODS:
        return Kind("tensor", node, facts, torch=f"torch.Tensor.{name}")
    if name in NEW_TENSOR_METHODS or name in ("max", "min"):
        if name in ("max", "min") and (node.args or node.keywords):
            return UNKNOWN
        plain = Kind(
            "tensor", node, facts, f"torch.Tensor.{name}", origin=owner, same_data=name in VIEWS
        )
        return join((owner, plain)) if owner.is_parameter and name in MAY_GIVE_ITSELF else plain
    if name in ("dim", "numel", "size", "item", "element_size", "nelement") and (
        name != "size" or node.args
    ):
        return NUMBER
    if name in ("chunk", "split", "unbind"):
        return Kind("tuple", node, facts, element=Kind("tensor", origin=owner))
    return UNKNOWN


def _is_super(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"
