"""What an expression is: kinds through names, attributes, calls and the project's functions."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lint_params.facts.asked import class_name_text
from lint_params.facts.flow import Definition
from lint_params.facts.torch_names import LAYER_BUFFERS, LAYER_PARAMETERS, LAYERS, OPTIMIZERS
from lint_params.facts.value.call_sites import argument_kind
from lint_params.facts.value.calls import call_kind, iterated
from lint_params.facts.value.kinds import NONE, NUMBER, STRING, TENSOR, UNKNOWN, Kind, join
from lint_params.trees import is_none

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts
    from lint_params.facts.members import Member

_TENSORS = ("parameter", "buffer", "tensor")


def infer(facts: FileFacts, node: ast.expr) -> Kind:
    """The kind of an expression; ``FileFacts.kind_of`` keeps the answers."""
    handler = _HANDLERS.get(node.__class__)
    return handler(facts, node) if handler is not None else UNKNOWN


# -- names -----------------------------------------------------------------------------
def _name(facts: FileFacts, node: ast.Name) -> Kind:
    found = facts.definitions(node)
    if found is None:
        return _global(facts, node)
    return join(defined(facts, one) for one in found) if found else UNKNOWN


def _global(facts: FileFacts, node: ast.Name) -> Kind:
    cls = facts.class_of(node)
    if cls is not None:
        return Kind("class", node, facts, cls=cls)
    qualified = facts.qualify(node)
    if qualified is not None and is_torch_class(qualified):
        return Kind("class", node, facts, torch=qualified)
    value = facts.module_value(node.id)
    return facts.kind_of(value) if value is not None else UNKNOWN


def defined(facts: FileFacts, one: Definition) -> Kind:
    """The kind that one definition gives its name."""
    known = facts.defined.get(one)
    if known is None:
        facts.defined[one] = UNKNOWN  # while it is being worked out
        known = facts.defined[one] = _defined(facts, one)
    return known


def _defined(facts: FileFacts, one: Definition) -> Kind:
    if one.how == "narrow":
        return narrowed(facts, one)
    if one.how == "class name":
        return named(facts, one)
    if one.annotation is not None and one.value is None:
        kind = annotated(facts, one.annotation)
        if one.how == "argument" and kind.torch == "torch.nn.Module" and not kind.optional:
            given = _argument(facts, one)  # which module it is, the calls may say
            return given if given.is_module else kind
        return kind
    if one.how == "argument":
        if one.annotation is not None:
            kind = annotated(facts, one.annotation)
            if kind.known:
                return kind
        return _argument(facts, one)
    if one.how == "def" and one.node is not None:
        cls = facts.class_at(one.node)
        return Kind("class", None, facts, cls=cls) if cls is not None else Kind("function")
    if one.how == "augmented":
        before = join(defined(facts, other) for other in one.before)
        return before if before.what in (*_TENSORS, "list", "number") else UNKNOWN
    if one.value is None:
        return UNKNOWN
    if one.how == "with":
        return UNKNOWN
    kind = facts.kind_of(one.value)
    if one.how == "for":
        kind = iterated(kind)
    elif one.how != "assign":
        return UNKNOWN
    for place in one.path:
        kind = item(kind, place)
    return kind


def _argument(facts: FileFacts, one: Definition) -> Kind:
    scope = facts.index.scope_of(one.node) if one.node is not None else None
    if scope is not None and isinstance(one.node, ast.arg):
        around = facts.scope_with_argument(one.node)
        if around is not None and around.self_name == one.name and around.owner is not None:
            cls = facts.class_at(around.owner.node)
            if cls is not None:
                return Kind("module" if cls.is_module else "object", None, facts, cls=cls)
        if around is not None and around.class_name == one.name and around.owner is not None:
            return Kind("class", None, facts, cls=facts.class_at(around.owner.node))
        if around is not None and one.value is None:
            return argument_kind(facts, around, one.node)
    return UNKNOWN


def narrowed(facts: FileFacts, one: Definition) -> Kind:
    """What ``isinstance(x, C)`` says: the class of several only if they agree."""
    before = join(defined(facts, other) for other in one.before) if one.before else UNKNOWN
    assert one.value is not None
    types = one.value.elts if isinstance(one.value, ast.Tuple) else [one.value]
    kinds = [annotated(facts, each) for each in types]
    if any(not kind.known for kind in kinds):
        return before if before.known and before.what != "module" else UNKNOWN
    if before.known and before.cls is not None:
        return before
    kind = join(kinds)
    if kind.what == "choice" and all(each.is_module for each in kind.choices):
        return Kind("choice", choices=tuple(replace(k, annotated=True) for k in kind.choices))
    return replace(kind, annotated=True, owner=before.owner, member=before.member)


def named(facts: FileFacts, one: Definition) -> Kind:
    """What a class of torch is whose name was asked for; a class of the file may have that name, too."""
    before = join(defined(facts, other) for other in one.before) if one.before else UNKNOWN
    _, how, words = class_name_text(one.value)
    fits = {"in": str.__contains__, "start": str.startswith, "equal": str.__eq__}[how]
    own = [cls.name for cls in facts.classes if cls.is_module]
    if not words or before.cls is not None or any(fits(name, word) for name in own for word in words):
        return before
    layers = [name for name in sorted(LAYERS) if any(fits(name, word) for word in words)]
    return join(replace(instance_of(f"torch.nn.{name}"), annotated=True) for name in layers) if layers else before


def annotated(facts: FileFacts, annotation: ast.expr) -> Kind:
    """The kind that an annotation or isinstance promises."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            annotation = ast.parse(annotation.value, mode="eval").body
        except (SyntaxError, ValueError):
            return UNKNOWN
    if isinstance(annotation, ast.Subscript):
        outer = facts.qualify(annotation.value)
        inner = annotation.slice
        if outer in ("typing.Optional",):
            return replace(annotated(facts, inner), optional=True)
        if outer in ("typing.Type", "builtins.type"):
            kind = annotated(facts, inner)
            return replace(kind, what="class") if kind.what == "module" else UNKNOWN
        if outer in ("typing.List", "builtins.list", "typing.Sequence", "typing.Iterable"):
            return Kind("list", element=annotated(facts, inner), annotated=True)
        return UNKNOWN
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        sides = [annotation.left, annotation.right]
        kept = [s for s in sides if not is_none(s)]
        if len(kept) == 1:
            return replace(annotated(facts, kept[0]), optional=True)
        return UNKNOWN
    cls = facts.class_of(annotation)
    if cls is not None:
        return Kind("module" if cls.is_module else "object", cls=cls, annotated=True)
    name = facts.qualify(annotation)
    if name is None:
        return UNKNOWN
    return replace(instance_of(name), annotated=True)


def instance_of(qualified: str) -> Kind:
    """An instance of a class outside the project, by its qualified name."""
    home, _, last = qualified.rpartition(".")
    if home == "torch.nn":
        if last in ("Parameter", "UninitializedParameter"):
            return Kind("parameter", torch=qualified)
        if last in ("Buffer", "UninitializedBuffer"):
            return Kind("buffer", torch=qualified)
        if last in LAYERS:
            return Kind("module", torch=qualified)
    if qualified == "torch.Tensor":
        return TENSOR
    if is_optimizer(qualified):
        return Kind("optimizer", torch=qualified)
    if qualified in ("builtins.int", "builtins.float", "builtins.bool"):
        return NUMBER
    if qualified == "builtins.str":
        return STRING
    return UNKNOWN


def is_torch_class(qualified: str) -> bool:
    home, _, last = qualified.rpartition(".")
    return home == "torch.nn" and (last in LAYERS or last in _PARAMETERS) or is_optimizer(qualified)


_PARAMETERS = ("Parameter", "UninitializedParameter", "Buffer", "UninitializedBuffer")


def is_optimizer(qualified: str) -> bool:
    home, _, last = qualified.rpartition(".")
    return home == "torch.optim" and (last in OPTIMIZERS or last == "Optimizer")


# -- attributes ------------------------------------------------------------------------
def _attribute(facts: FileFacts, node: ast.Attribute) -> Kind:
    local = facts.dotted_definitions(node)
    if local:
        return join(defined(facts, one) for one in local)
    qualified = facts.qualify(node)
    if qualified is not None:
        if is_torch_class(qualified):
            return Kind("class", node, facts, torch=qualified)
        cls = facts.class_of(node)
        if cls is not None:
            return Kind("class", node, facts, cls=cls)
    # A name of the module's own code may hold a value too: ``layer = nn.Linear(...)``.
    return attribute_of(facts.kind_of(node.value), node.attr)


def attribute_of(owner: Kind, name: str) -> Kind:
    """``owner.name``."""
    if owner.what == "choice":
        return join(attribute_of(choice, name) for choice in owner.choices)
    if name == "module" and owner.is_module:
        wrapped = _wrapped(owner)
        if wrapped is not None:
            return wrapped
    if owner.what in ("module", "object") and owner.cls is not None:
        kind = owner.cls.kind(name)
        return kind.named(name, owner) if kind is not UNKNOWN else UNKNOWN
    if owner.what == "module":
        return torch_member(owner, name)
    if owner.what in _TENSORS:
        if name == "data":
            return Kind("tensor", origin=owner, same_data=True)
        if name in ("T", "mT", "H", "mH", "real", "imag"):
            return Kind("tensor", origin=owner, same_data=True)
        if name == "grad":
            return TENSOR
        if name in ("ndim", "requires_grad", "is_leaf", "itemsize", "nbytes"):
            return NUMBER
    return UNKNOWN


def _wrapped(owner: Kind) -> Kind | None:
    """``net.module``: what DataParallel or DistributedDataParallel was given. The latter has the
    kind of what it wraps, which has no such attribute of its own."""
    call = owner.node
    if not isinstance(call, ast.Call) or owner.facts is None or owner.annotated:
        return None
    if owner.layer == "DataParallel":
        given = owner.facts.argument(call, 0, "module")
        return owner.facts.kind_of(given) if given is not None else None
    if owner.cls is not None:
        return None if owner.cls.may_define("module") else owner
    return owner if owner.layer and owner.layer != "Module" else None


def torch_member(owner: Kind, name: str) -> Kind:
    """A parameter or buffer of a torch layer."""
    layer = owner.layer
    if name in LAYER_PARAMETERS.get(layer, ()):
        lazy = layer.startswith("Lazy")
        torch = "torch.nn.UninitializedParameter" if lazy else "torch.nn.Parameter"
        # affine=False, bias=False: the name is there and holds None.
        return Kind("parameter", torch=torch, member=name, owner=owner, optional=True)
    if name in LAYER_BUFFERS.get(layer, ()):
        return Kind("buffer", torch="torch.nn.Buffer", member=name, owner=owner, optional=True)
    return UNKNOWN


def member_kind(member: Member) -> Kind:
    """What an assignment to ``self.name`` stores there."""
    facts = member.cls.facts
    kind = facts.kind_of(member.value) if member.value is not None else UNKNOWN
    if member.how == "augmented":
        return kind if kind.what in ("list", "number") else UNKNOWN
    if member.how == "register_buffer":
        if kind.what in ("tensor", "unknown", "parameter"):
            origin = kind if kind.known else None
            return Kind("buffer", member.value, facts, "torch.nn.Buffer", origin=origin)
    return kind


# -- the rest --------------------------------------------------------------------------
def _subscript(facts: FileFacts, node: ast.Subscript) -> Kind:
    owner = facts.kind_of(node.value)
    if owner.what in _TENSORS:
        return Kind("tensor", node, facts, origin=owner)
    index = node.slice
    if isinstance(index, ast.Slice):
        return owner if owner.what in ("list", "module") else UNKNOWN
    if isinstance(index, ast.Constant) and isinstance(index.value, int):
        return item(owner, index.value)
    if isinstance(index, ast.UnaryOp) and isinstance(index.operand, ast.Constant):
        value = index.operand.value
        return item(owner, -value) if isinstance(value, int) else UNKNOWN
    if owner.what == "dict" and isinstance(owner.node, ast.Dict) and owner.facts is not None:
        for key, held in zip(owner.node.keys, owner.node.values):
            if isinstance(key, ast.Constant) and isinstance(index, ast.Constant) and key.value == index.value:
                return owner.facts.kind_of(held)
    if owner.what in ("list", "tuple", "dict") or owner.is_module_container:
        return owner.element or UNKNOWN
    return UNKNOWN


def item(owner: Kind, place: int) -> Kind:
    """``owner[place]`` or that part of an unpacking."""
    if owner.items is not None:
        return owner.items[place] if -len(owner.items) <= place < len(owner.items) else UNKNOWN
    if owner.what in _TENSORS:
        return Kind("tensor", origin=owner)
    if owner.what in ("list", "tuple", "dict", "iterator") or owner.is_module_container:
        return owner.element or UNKNOWN  # of an iterator only an unpacking asks
    return UNKNOWN


def _binop(facts: FileFacts, node: ast.BinOp) -> Kind:
    left, right = facts.kind_of(node.left), facts.kind_of(node.right)
    if left.what in _TENSORS or right.what in _TENSORS:
        origin = left if left.what in _TENSORS else right
        if (left.what if origin is right else right.what) in ("module", "object", "list"):
            return UNKNOWN
        return Kind("tensor", node, facts, origin=origin)
    if left.what == "number" and right.what == "number":
        return NUMBER
    if isinstance(node.op, (ast.Add, ast.Mult)) and left.what == "list":
        if isinstance(node.op, ast.Mult):
            return replace(left, node=node, items=None)
        if right.what == "list":
            parts = [kind.element for kind in (left, right) if kind.element is not None]
            return Kind("list", node, facts, element=join(parts) if parts else None)
    return UNKNOWN


def _unary(facts: FileFacts, node: ast.UnaryOp) -> Kind:
    kind = facts.kind_of(node.operand)
    if isinstance(node.op, ast.Not):
        return NUMBER
    if kind.what in _TENSORS:
        return Kind("tensor", node, facts, origin=kind)
    return kind if kind.what == "number" else UNKNOWN


def _constant(facts: FileFacts, node: ast.Constant) -> Kind:
    if node.value is None:
        return NONE
    if isinstance(node.value, (bool, int, float, complex)):
        return NUMBER
    return STRING if isinstance(node.value, (str, bytes)) else UNKNOWN


def _ifexp(facts: FileFacts, node: ast.IfExp) -> Kind:
    return join((facts.kind_of(node.body), facts.kind_of(node.orelse)))


def _boolop(facts: FileFacts, node: ast.BoolOp) -> Kind:
    return join(facts.kind_of(value) for value in node.values)


def _sequence(facts: FileFacts, node: ast.List | ast.Tuple | ast.Set) -> Kind:
    what = {ast.List: "list", ast.Tuple: "tuple", ast.Set: "set"}[type(node)]
    if any(isinstance(part, ast.Starred) for part in node.elts):
        parts = [
            facts.kind_of(p.value).element or UNKNOWN
            if isinstance(p, ast.Starred)
            else facts.kind_of(p)
            for p in node.elts
        ]
        return Kind(what, node, facts, element=join(parts))
    items = tuple(facts.kind_of(part) for part in node.elts)
    return Kind(what, node, facts, element=join(items) if items else None, items=items)


def _dict(facts: FileFacts, node: ast.Dict) -> Kind:
    values = [facts.kind_of(value) for value in node.values]
    return Kind("dict", node, facts, element=join(values) if values else None)


def _comprehension(facts: FileFacts, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Kind:
    what = {ast.ListComp: "list", ast.SetComp: "set"}.get(type(node), "iterator")
    return Kind(what, node, facts, element=facts.kind_of(node.elt))


def _dict_comprehension(facts: FileFacts, node: ast.DictComp) -> Kind:
    return Kind("dict", node, facts, element=facts.kind_of(node.value))


def _named(facts: FileFacts, node: ast.NamedExpr) -> Kind:
    return facts.kind_of(node.value)


def _lambda(facts: FileFacts, node: ast.Lambda) -> Kind:
    return Kind("function", node, facts)


_HANDLERS: dict[type[ast.AST], Callable[[FileFacts, Any], Kind]] = {
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Call: call_kind,
    ast.Subscript: _subscript,
    ast.BinOp: _binop,
    ast.UnaryOp: _unary,
    ast.Constant: _constant,
    ast.IfExp: _ifexp,
    ast.BoolOp: _boolop,
    ast.List: _sequence,
    ast.Tuple: _sequence,
    ast.Set: _sequence,
    ast.Dict: _dict,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.DictComp: _dict_comprehension,
    ast.NamedExpr: _named,
    ast.Lambda: _lambda,
    ast.Compare: lambda facts, node: UNKNOWN,
    ast.JoinedStr: lambda facts, node: STRING,
}
