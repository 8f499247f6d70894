"""What a method gives: those of Modules, of tensors and of Python's containers."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lint_params.facts.torch_names import (
    IN_PLACE_METHODS,
    MAY_GIVE_ITSELF,
    MODULE_RETURNS_SELF,
    NEW_METHODS,
    NEW_TENSOR_METHODS,
    PARTS,
    VIEWS,
)
from lint_params.facts.value.kinds import NUMBER, TENSOR, UNKNOWN, Kind, join

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts

_TENSORS = ("parameter", "buffer", "tensor")
#: Methods that only tensors have, and that give tensors.
_ONLY_TENSORS = frozenset(
    "unsqueeze masked_fill index_select log_softmax expand_as view_as type_as repeat_interleave".split()  # noqa: SIM905
)
_MODULE = Kind("module", torch="torch.nn.Module", annotated=True)


def method_kind(facts: FileFacts, node: ast.Call, func: ast.Attribute) -> Kind | None:
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
    if not owner.known and owner.what != "choice" and (name in _ONLY_TENSORS or _is_reshape(node, name)):
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


def _is_reshape(node: ast.Call, name: str) -> bool:
    """``x.view(n, -1)``: the view of an array takes a type."""
    sizes = (isinstance(arg, ast.UnaryOp) and isinstance(arg.op, ast.USub) for arg in node.args)
    return name == "view" and len(node.args) > 1 and any(sizes)


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
    if name in PARTS:
        return Kind("tuple", node, facts, element=Kind("tensor", origin=owner))
    return UNKNOWN


def _is_super(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"
