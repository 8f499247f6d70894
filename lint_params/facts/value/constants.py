"""Layers of a class whose weights are all set to one number, and which of them follow each
other directly."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lint_params.facts.flow import asked_type
from lint_params.facts.members import argument
from lint_params.facts.value.consecutive import consecutive
from lint_params.names import dotted

if TYPE_CHECKING:
    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.file import FileFacts
    from lint_params.facts.value.kinds import Kind
    from lint_params.facts.writes import Write

_LAYERS = ("Linear", "Conv1d", "Conv2d", "Conv3d", "LazyLinear", "LazyConv1d", "LazyConv2d")
_CONSTANT_CALLS = ("torch.zeros", "torch.ones", "torch.full")
_CONSTANT_INIT = ("zeros_", "ones_", "constant_")
_CONSTANT_METHODS = ("zero_", "fill_")


@dataclass
class Layer:
    """``weights`` are the places that set its weight to a constant; ``equal``: its bias is a
    constant too, or it has none. ``other``: something else may write to it. ``one_unit``: there
    is no other unit from which it could differ."""

    name: str
    weights: list[ast.AST] = field(default_factory=list)
    biases: int = 0
    has_bias: bool = True
    other: bool = False
    other_bias: bool = False
    one_unit: bool = False

    @property
    def constant(self) -> bool:
        return bool(self.weights) and not self.other

    @property
    def equal(self) -> bool:
        return not self.other_bias and (not self.has_bias or self.biases > 0)


@dataclass(frozen=True, eq=False)
class Symmetric:
    """Two layers of constant weights, the second fed by the first; ``node`` sets the first."""

    cls: ClassFacts
    first: Layer
    second: Layer
    node: ast.AST


def symmetric_layers(facts: FileFacts) -> list[Symmetric]:
    found = []
    for cls in facts.module_classes:
        layers = _layers(cls)
        if not any(layer.constant for layer in layers.values()):
            continue
        for first, second in consecutive(cls, layers, constant_value):
            one, two = layers[first], layers[second]
            if first != second and one.constant and one.equal and two.constant and not one.one_unit:
                found.append(Symmetric(cls, one, two, one.weights[0]))
                break
    return found


# -- what the weights are -----------------------------------------------------------------
def _layers(cls: ClassFacts) -> dict[str, Layer]:
    layers: dict[str, Layer] = {}
    for one in cls.mro:
        for name in one.members:
            kind = cls.kind(name)
            if kind.layer in _LAYERS and isinstance(kind.node, ast.Call):
                layers[name] = Layer(name, has_bias=_has_bias(kind), one_unit=_one_unit(kind))
            elif kind.is_parameter and _constant_parameter(cls, name):
                node = one.members[name][0].node
                layers[name] = Layer(name, [node], has_bias=False)
    for one in cls.mro:
        for scope in one.scope.within():
            for write in one.facts.writes_in(scope):
                _note(cls, one, write, layers)
            _handed_on(one.facts, scope, layers)
    return layers


def _note(cls: ClassFacts, one: ClassFacts, write: Write, layers: dict[str, Layer]) -> None:
    facts = one.facts
    target = write.target
    if isinstance(target, ast.Attribute) and target.attr == "requires_grad":
        for layer in layers.values():
            layer.other = True  # frozen on purpose, perhaps
        return
    if write.through == "grad":
        return
    constant = _writes_constant(facts, write)
    if isinstance(target, ast.Attribute) and target.attr in ("weight", "bias"):
        name = facts.self_attribute(target.value)
        if name in layers:
            _set(layers[name], target.attr, constant, write.node)
            return
        listed = _listed(facts, target.value)
        for name in listed:
            if name in layers:
                _set(layers[name], target.attr, constant, write.node)
        if listed:
            return
        types = _looped(facts, target.value, cls)
        for layer in layers.values():
            if types is None or cls.kind(layer.name).layer.removeprefix("Lazy") in types:
                _set(layers[layer.name], target.attr, constant and types is not None, write.node)
        return
    name = facts.self_attribute(target)
    if name in layers:
        kind = cls.kind(name)
        if kind.is_parameter and write.how != "bind":
            _set(layers[name], "weight", constant, write.node)
    elif isinstance(target, ast.Name) and facts.kind_of(target).is_parameter:
        every = _all_of_self(facts, target)
        for layer in layers.values():
            _set(layer, "weight", constant and every, write.node)
            _set(layer, "bias", constant and every, write.node)


def _set(layer: Layer, what: str, constant: bool, node: ast.AST) -> None:
    if what == "weight":
        layer.other = layer.other or not constant
        layer.weights.append(node)
    else:
        layer.other_bias = layer.other_bias or not constant
        layer.biases += 1


def _writes_constant(facts: FileFacts, write: Write) -> bool:
    if write.view or write.how in ("item", "item-augmented", "augmented"):
        return False
    if write.how == "init":
        return write.method in _CONSTANT_INIT
    if write.how == "method":
        return write.method in _CONSTANT_METHODS
    if write.how == "bind" and write.value is not None:
        return constant_value(facts, write.value)
    return False


def constant_value(facts: FileFacts, value: ast.expr) -> bool:
    """``nn.Parameter(torch.zeros(...))``, ``torch.ones(...)``, ``torch.ones(...) * 0.1``."""
    if isinstance(value, ast.BinOp) and isinstance(value.op, (ast.Mult, ast.Add, ast.Div, ast.Sub)):
        sides = (value.left, value.right)
        numbers = [side for side in sides if facts.kind_of(side).what == "number"]
        rest = [side for side in sides if side not in numbers]
        return len(rest) == 1 and constant_value(facts, rest[0])
    if not isinstance(value, ast.Call):
        return False
    name = facts.qualify(value.func)
    if name == "torch.nn.Parameter":
        flag = argument(value, 1, "requires_grad")
        given = argument(value, 0, "data")
        return flag is None and given is not None and constant_value(facts, given)
    return name in _CONSTANT_CALLS


def _constant_parameter(cls: ClassFacts, name: str) -> bool:
    """A matrix that is made of one number."""
    members = [m for m in cls.assignments(name) if not m.is_declaration]
    if len(members) != 1 or members[0].value is None:
        return False
    if any(one.what != "with" for one in members[0].conditions):
        return False
    facts = members[0].cls.facts
    value = members[0].value
    if not constant_value(facts, value):
        return False
    inner = argument(value, 0, "data") if isinstance(value, ast.Call) else None
    while isinstance(inner, ast.BinOp):  # torch.ones(...) * 0.1
        inner = inner.left if facts.kind_of(inner.right).what == "number" else inner.right
    made = facts.creation(inner) if inner is not None else None
    return made is not None and made.shape is not None and len(made.shape) == 2


def _has_bias(kind: Kind) -> bool:
    call = kind.node
    assert isinstance(call, ast.Call)
    given = argument(call, 2 if "Linear" in kind.layer else 7, "bias")
    return not (isinstance(given, ast.Constant) and given.value is False)


def _one_unit(kind: Kind) -> bool:
    call = kind.node
    assert isinstance(call, ast.Call)
    size = argument(call, 1, "out_features", "out_channels")
    return isinstance(size, ast.Constant) and size.value == 1


def _looped(facts: FileFacts, owner: ast.expr, cls: ClassFacts) -> frozenset[str] | None:
    """For ``m`` of a loop over the class's own modules (or the argument of what ``apply``
    runs), the layer classes that isinstance admits; None: some layer, nobody knows which."""
    if not isinstance(owner, ast.Name):
        return frozenset()
    kinds = list(facts.kind_of(owner).every())
    names = {kind.layer for kind in kinds if kind.is_module and kind.annotated}
    if not names or "" in names or "Module" in names:
        return None
    for condition in facts.conditions(owner):
        if condition.what == "for":
            source = dotted(condition.test.func) if isinstance(condition.test, ast.Call) else None
            return frozenset(names) if source in ("self.modules", "self.children") else None
    scope = facts.scope_of(owner)
    applied = any(
        isinstance(arg, ast.Attribute) and arg.attr == scope.name
        for one in cls.mro
        for inner in one.scope.within()
        for call in inner.nodes(ast.Call)
        if dotted(call.func) == "self.apply"
        for arg in call.args
    )
    others = [
        c for c in facts.conditions(owner)
        if c.what != "with" and (c.what != "if" or asked_type(c.test)[0] is None)
    ]
    return frozenset(names) if applied and not others else None


def _listed(facts: FileFacts, owner: ast.expr) -> list[str]:
    """The members that ``conv`` of ``for conv in (self.conv1, self.conv2)`` runs over."""
    around = facts.conditions(owner) if isinstance(owner, ast.Name) else []
    if len(around) != 1 or around[0].what != "for" or not isinstance(around[0].test, (ast.Tuple, ast.List)):
        return []
    target = getattr(around[0].node, "target", None)
    names = [facts.self_attribute(part) for part in around[0].test.elts]
    same = isinstance(target, ast.Name) and isinstance(owner, ast.Name) and target.id == owner.id
    return [name for name in names if name] if same and all(names) else []


def _all_of_self(facts: FileFacts, name: ast.Name) -> bool:
    """Whether a name runs over all of ``self.parameters()``, nothing left out."""
    found = [one for one in facts.conditions(name) if one.what != "with"]
    return (
        len(found) >= 1
        and found[0].what == "for"
        and isinstance(found[0].test, ast.Call)
        and dotted(found[0].test.func) == "self.parameters"
        and not any(one.what in ("if", "else") for one in found)
    )


def _handed_on(facts: FileFacts, scope, layers: dict[str, Layer]) -> None:  # type: ignore[no-untyped-def]
    """A layer (or its weight) that other code gets may be changed there."""
    for call in scope.nodes(ast.Call):
        name = facts.qualify(call.func) or ""
        if name.startswith("torch.") and not name.startswith("torch.nn.utils"):
            continue
        for arg in [*call.args, *(keyword.value for keyword in call.keywords)]:
            for part in (arg, getattr(arg, "value", None)):
                known = facts.self_attribute(part) if isinstance(part, ast.AST) else None
                size = arg is not part and getattr(arg, "attr", "") not in ("weight", "data")
                if known in layers and facts.self_attribute(call.func) != known and not size:
                    layers[known].other = True
