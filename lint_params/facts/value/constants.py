"""Layers of a class whose weights are all set to one number, and which of them follow each
other directly."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lint_params.facts.members import argument
from lint_params.facts.training.frozen import switches_off
from lint_params.facts.value.applied import filling
from lint_params.facts.value.consecutive import consecutive
from lint_params.facts.value.sequences import fed, placed, sequences
from lint_params.names import dotted
from lint_params.trees import is_self, last_name

if TYPE_CHECKING:
    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.conditions import Condition
    from lint_params.facts.file import FileFacts
    from lint_params.facts.scope import Scope
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
    is no other unit from which it could differ. ``grouped``: its units may read different inputs."""

    name: str
    layer: str = ""
    weights: list[ast.AST] = field(default_factory=list)
    biases: int = 0
    has_bias: bool = True
    other: bool = False
    other_bias: bool = False
    one_unit: bool = False
    grouped: bool = False

    @property
    def shown(self) -> str:
        """``fc1``, or ``net[0]`` inside of a Sequential."""
        name, _, place = self.name.partition(".")
        return f"{name}[{place}]" if place else name

    @property
    def constant(self) -> bool:
        return bool(self.weights) and not self.other

    @property
    def equal(self) -> bool:
        return not self.other_bias and (not self.has_bias or self.biases > 0)


@dataclass(frozen=True, eq=False)
class Symmetric:
    """Two layers of constant weights, the second fed by the first; ``node`` sets the first, in a
    function named ``applied`` if other code than the class's runs it."""

    cls: ClassFacts
    first: Layer
    second: Layer
    node: ast.AST
    applied: str = ""


def symmetric_layers(facts: FileFacts) -> list[Symmetric]:
    found: list[Symmetric] = []
    for cls in facts.module_classes:
        inside = sequences(cls)
        layers = _layers(cls, inside)
        if not any(layer.constant for layer in layers.values()):
            continue
        pairs = consecutive(cls, layers, constant_value)
        pairs += [pair for name, kinds in inside.items() for pair in fed(name, kinds, layers)]
        for first, second in pairs:
            one, two = layers[first], layers[second]
            if any(one.weights[:1] == [other.node] for other in found):
                continue  # a function that several classes apply
            if one.grouped or two.grouped or _is_frozen(cls, one):
                continue
            if first != second and one.constant and one.equal and two.constant and not one.one_unit:
                fillers = [scope for scope in filling(cls) if any(one.weights[0] is n for n in ast.walk(scope.node))]
                found.append(Symmetric(cls, one, two, one.weights[0], fillers[0].name if fillers else ""))
                break
    return found


# -- what the weights are -----------------------------------------------------------------
def _layers(cls: ClassFacts, inside: dict[str, list[Kind]]) -> dict[str, Layer]:
    layers: dict[str, Layer] = {}
    for name, kinds in inside.items():
        for place, kind in enumerate(kinds):
            if kind.layer in _LAYERS and isinstance(kind.node, ast.Call):
                layers[f"{name}.{place}"] = _layer(f"{name}.{place}", kind)
    for one in cls.mro:
        for name in one.members:
            kind = cls.kind(name)
            if kind.layer in _LAYERS and isinstance(kind.node, ast.Call):
                layers[name] = _layer(name, kind)
            elif kind.is_parameter and _constant_parameter(cls, name):
                node = one.members[name][0].node
                layers[name] = Layer(name, weights=[node], has_bias=False)
    applied = [*_applied(cls), *map(_Applied, filling(cls))]
    own = [(one, scope) for one in cls.mro for scope in one.scope.within()]
    outside = [one for one in applied if one.scope and not any(one.scope is other for _, other in own)]
    inner = [(cls, one.scope, one.among(layers)) for one in outside if one.scope is not None]
    for one, scope, given in [*((one, scope, _given(applied, scope, layers)) for one, scope in own), *inner]:
        for write in one.facts.writes_in(scope):
            _note(one, write, given, inside, [one.scope for one in applied])
        _handed_on(one.facts, scope, given)
    for unsure in applied:
        if unsure.scope is None or unsure in outside and _goes_on(cls.facts, unsure.scope):
            for layer in unsure.among(layers).values():
                layer.other = True
    return layers


def _given(applied: list[_Applied], scope: Scope, layers: dict[str, Layer]) -> dict[str, Layer]:
    """The layers that a method of the class may write to: with ``self.net.apply(self.fill)`` as its
    only use, those of ``net``."""
    parts = [one for one in applied if one.scope is scope]
    return {name: layer for one in parts for name, layer in one.among(layers).items()} or layers


def _layer(name: str, kind: Kind) -> Layer:
    return Layer(name, kind.layer, has_bias=_has_bias(kind), one_unit=_one_unit(kind), grouped=_is_grouped(kind))


def _note(
    one: ClassFacts, write: Write, layers: dict[str, Layer], inside: dict[str, list[Kind]],
    applied: list[Scope | None],
) -> None:
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
        held = facts.self_attribute(target.value) or placed(one, target.value, inside)
        if held in layers:
            _set(layers[held], target.attr, constant, write.node)
            return
        listed = _listed(facts, target.value)
        for held in listed:
            if held in layers:
                _set(layers[held], target.attr, constant, write.node)
        if listed:
            return
        types = _looped(facts, target.value, applied)
        for layer in layers.values():
            if types is None or layer.layer.removeprefix("Lazy") in types:
                _set(layer, target.attr, constant and types is not None, write.node)
        return
    name = facts.self_attribute(target)
    if name in layers:
        if one.kind(name).is_parameter and write.how != "bind":
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


def _is_grouped(kind: Kind) -> bool:
    """``groups=c``: each channel reads and feeds others than its neighbour, and they get unlike gradients."""
    call = kind.node
    assert isinstance(call, ast.Call)
    if "Conv" not in kind.layer:
        return False
    given = argument(call, 5 if kind.layer.startswith("Lazy") else 6, "groups")
    unknown = any(isinstance(one, ast.Starred) for one in call.args) or any(one.arg is None for one in call.keywords)
    return unknown or given is not None and not (isinstance(given, ast.Constant) and given.value == 1)


def _is_frozen(cls: ClassFacts, layer: Layer) -> bool:
    """Whether the layer is a filter on purpose: ``requires_grad`` is switched off, by the class or for
    an object of it, or forward runs without gradients."""
    names = [layer.name.partition(".")[0], "weight"]
    forward = cls.method("forward")
    if any(switches_off(one, names) for one in cls.mro):
        return True
    if forward is not None and forward[0].facts.no_grad(forward[1].node.body[0]):
        return True
    return any(
        isinstance(node.func, ast.Attribute) and node.func.attr == "requires_grad_"
        and (argument(node, 0, "requires_grad") is not None)
        and cls in [one.cls for one in cls.facts.kind_of(node.func.value).every()]
        for node in cls.facts.nodes(ast.Call)
    )


@dataclass(frozen=True)
class _Applied:
    """A function that ``apply`` runs over the whole object, or over its attribute ``to``. It is None
    where it is not known, stands in another file, may not run, or runs too early."""

    scope: Scope | None
    to: str = ""

    def among(self, layers: dict[str, Layer]) -> dict[str, Layer]:
        """Those of the layers that are given to it."""
        return {name: one for name, one in layers.items() if self.to in ("", name, name.partition(".")[0])}


def _applied(cls: ClassFacts) -> list[_Applied]:
    """What ``self.apply`` and ``self.net.apply`` run, methods or not; with an unknown one for weights
    that are loaded."""
    found: list[_Applied] = []
    for one in cls.mro:
        for inner in one.scope.within():
            for call in inner.nodes(ast.Call):
                if dotted(call.func) == "self.load_state_dict":
                    found.append(_Applied(None))
                owner = call.func.value if isinstance(call.func, ast.Attribute) else None
                if owner is None or call.func.attr != "apply" or last_name(owner)[:1].isupper():  # type: ignore[attr-defined]
                    continue
                to = "" if is_self(owner) else one.facts.self_attribute(owner)
                early = _is_early(cls, one, inner, call) if not to else len(cls.assignments(to)) != 1
                known = None if to is None or early else _function(cls, one, inner, call)
                found.append(_Applied(known, to or ""))
    return found


def _function(cls: ClassFacts, one: ClassFacts, inner: Scope, call: ast.Call) -> Scope | None:
    """The method or function of the file that an ``apply`` in ``inner`` surely runs."""
    given = call.args[0] if call.args else None
    own = cls.method(one.facts.self_attribute(given) or "") if given is not None else None
    if own is not None:
        return own[1]
    other = one.facts.function_of(ast.Call(given, [], [])) if isinstance(given, ast.Name) else None
    if other is None or other[0] is not cls.facts or one.facts.conditions(call):
        return None
    return other[1] if inner.name in cls.surely_built_by else None


def _is_early(cls: ClassFacts, one: ClassFacts, scope: Scope, call: ast.Call) -> bool:
    """Whether the constructor, or that of a class below, makes layers after ``self.apply(...)``."""
    below = cls.mro[: cls.mro.index(one)]
    made = [(other, m) for other in (*below, one) for ms in other.members.values() for m in ms]
    return scope.name == "__init__" and any(
        m.kind.may_be("module") and m.method == "__init__" and (other is not one or m.node.lineno > call.lineno)
        for other, m in made
    )


def _goes_on(facts: FileFacts, scope: Scope) -> bool:
    """Whether a function hands what it gets to code that may write to it."""
    names = {arg.arg for arg in ast.walk(scope.node) if isinstance(arg, ast.arg)}
    for call in scope.nodes(ast.Call):
        called = facts.qualify(call.func) or ""
        owner = call.func.value if isinstance(call.func, ast.Attribute) else None
        if isinstance(owner, ast.Name) and owner.id in names:
            return True
        if not called.startswith(("torch.nn.init.", "builtins.")):
            if any(isinstance(arg, ast.Name) and arg.id in names for arg in call.args):
                return True
    return bool(scope.children)


def _looped(facts: FileFacts, owner: ast.expr, applied: list[Scope | None]) -> frozenset[str] | None:
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
    sure = all(one.what == "with" or _asks_what_it_is(facts, one) for one in facts.conditions(owner))
    return frozenset(names) if scope in applied and sure else None


def _asks_what_it_is(facts: FileFacts, condition: Condition) -> bool:
    """A way of the code that each layer of a class takes, or each that has a bias."""
    test = condition.test
    if condition.what in ("if", "else") and test is not None and facts.asks_class(test):
        return True
    if condition.what != "if" or not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return False
    there = isinstance(test.ops[0], ast.IsNot) and dotted(test.comparators[0]) is None
    return there and isinstance(test.left, ast.Attribute) and test.left.attr == "bias"


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
