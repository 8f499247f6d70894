"""Whether a container of layers or Parameters goes to code that may register or train them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.facts.torch_names import INITIALISERS
from lint_params.facts.value.kinds import MODULE_CONTAINERS
from lint_params.facts.writes import is_initialiser
from lint_params.trees import last_name, switched_off

if TYPE_CHECKING:
    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.file import FileFacts
    from lint_params.facts.scope import Scope


def own_uses(cls: ClassFacts, name: str) -> Iterator[tuple[FileFacts, Scope, ast.Attribute]]:
    """Where ``self.name`` stands in a class, its bases and its heirs."""
    for one in (*cls.mro, *cls.subclasses):
        for scope in one.scope.within():
            for node in scope.nodes(ast.Attribute):
                if node.attr == name and isinstance(node.value, ast.Name) and node.value.id == scope.instance_name:
                    yield one.facts, scope, node


def used_elsewhere(cls: ClassFacts, name: str, names: tuple[str, ...] = ()) -> bool:
    """``nn.ModuleList(self.xs)``, ``Adam(self.xs)``, ``yield from self.xs`` and the like; ``names`` are
    those that were followed so far."""
    for facts, _, node in own_uses(cls, name):
        field = facts.parent(node)  # of a record: self.pair.box
        field = field if isinstance(field, ast.Attribute) and not _is_of_tensor(cls, field) else None
        if is_passed_on(facts, node, names):
            return True
        if field is not None and (is_passed_on(facts, field, names) or _becomes_own(facts, field)):
            return True
    inside = {scope for one in (*cls.mro, *cls.subclasses) for scope in one.scope.within()}
    return any(
        node.attr == name and is_passed_on(cls.facts, node, names)
        for scope in cls.facts.scopes if scope not in inside
        for node in scope.nodes(ast.Attribute)
        if not (isinstance(node.value, ast.Name) and node.value.id == scope.instance_name)
    )


def _is_of_tensor(cls: ClassFacts, field: ast.Attribute) -> bool:
    """``self.scale.dtype``, where no record is kept that could have such a field."""
    kinds = [member.kind for member in cls.assignments(last_name(field.value))]
    return field.attr in _OF_TENSORS and not any(kind.may_be("object", "unknown") for kind in kinds)


def _becomes_own(facts: FileFacts, field: ast.Attribute) -> bool:
    """``self.q, self.k = self.heads.q, self.heads.k``: what a record holds gets a name of the module's."""
    below: ast.AST = field
    above = facts.parent(field)
    if isinstance(above, ast.Tuple):
        below, above = above, facts.parent(above)
    if not isinstance(above, ast.Assign) or above.value is not below:
        return False
    groups = [target.elts if isinstance(target, ast.Tuple) else [target] for target in above.targets]
    return all(facts.self_attribute(target) is not None for group in groups for target in group)


_HARMLESS = """
    enumerate zip reversed range iter list tuple sorted sum min max map filter next getattr
""".split()
#: What registers or trains what it is given, also while the model runs.
_KEEPERS = ("torch.optim.", *MODULE_CONTAINERS, "builtins.setattr")
_SETS_UP = re.compile(r"regist|build|add_|set_|init")
#: Ways into a list, which may go on under its name.
_GROWS = ("append", "insert", "extend")
#: What only a tensor has is no field of a record, and holds no item.
_OF_TENSORS = ("dtype", "device", "shape", "ndim")
#: What these give holds no item.
_ANSWERS = ("len", "isinstance", "any", "all", "str", "repr", "hasattr", "print")


def is_passed_on(facts: FileFacts, node: ast.expr, names: tuple[str, ...] = ()) -> bool:
    """Whether a container goes to a call (starred, or inside) that may register its items, itself
    or under a local name; ``names`` are those that were followed so far."""
    if isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del)):
        return False
    below: ast.AST = node
    item = False
    for parent in facts.index.ancestors(node):
        if isinstance(parent, ast.Call) and below is not parent.func:
            called = facts.qualify(parent.func) or ""
            if called.startswith("builtins.") and called[9:] in _ANSWERS:
                return False
            if called.startswith("builtins.") and called[9:] in _HARMLESS:
                below = parent
                continue
            if called in ("builtins.dict", "collections.OrderedDict"):
                below = parent
                continue
            if item and isinstance(parent.func, ast.Attribute) and parent.func.attr in _GROWS:
                return _name_passes(facts, parent.func.value, item, names)
            if item:
                return called.startswith(_KEEPERS) or _is_any_class(facts, parent.func)
            running = facts.phase(parent) == "forward" or facts.kind_of(parent.func).is_module
            computed = running and not called.startswith(_KEEPERS)
            last = getattr(parent.func, "attr", getattr(parent.func, "id", ""))
            computed = computed and _SETS_UP.search(last) is None
            return not computed and last not in INITIALISERS and not is_initialiser(called)
        if isinstance(parent, ast.BinOp) and (item or _is_computed(facts, parent)):
            return False  # what is computed of an item, or with a tensor, is another thing
        if isinstance(parent, (ast.Starred, ast.List, ast.Tuple, ast.Dict, ast.BinOp, ast.keyword)):
            below = parent
            continue
        if isinstance(parent, ast.Attribute) and parent.attr in ("values", "items", "parameters"):
            below = parent
            continue
        if isinstance(parent, ast.Subscript) and below is parent.value and isinstance(parent.ctx, ast.Load):
            below, item = parent, item or not isinstance(parent.slice, ast.Slice)
            continue
        if isinstance(parent, ast.Call) and isinstance(below, ast.Attribute) and below is not node:
            below = parent  # self.xs.values()
            continue
        if isinstance(parent, ast.For) and below is parent.iter:
            return _target_passes(facts, parent)
        if isinstance(parent, ast.comprehension) and parent.iter is below:
            return _comprehension_passes(facts, parent)
        if isinstance(parent, (ast.Yield, ast.YieldFrom)):
            return True
        if isinstance(parent, ast.Return):
            # A method gives the container away: who asks for it may train it.
            return facts.phase(node) != "forward" if item else facts.scope_of(node).name != "forward"
        if isinstance(parent, ast.Assign) and len(parent.targets) == 1:
            return _name_passes(facts, parent.targets[0], item, names)
        if isinstance(parent, (ast.AugAssign, ast.AnnAssign)) and below is parent.value:
            return _name_passes(facts, parent.target, item, names)
        return False
    return False


def _is_computed(facts: FileFacts, sum_: ast.BinOp) -> bool:
    """``x + self.tokens`` of a tensor: two lists are joined where the layers are made."""
    return facts.phase(sum_) != "constructor" and not any(
        facts.kind_of(side).what in ("list", "tuple") and not isinstance(side, ast.Attribute)
        for side in (sum_.left, sum_.right)
    )


def _is_any_class(facts: FileFacts, func: ast.expr) -> bool:
    """``LAYERS[name](...)``: a class out of a table, which may be one that keeps what it gets."""
    return isinstance(func, ast.Subscript) and facts.kind_of(func).may_be("class", "unknown")


def _name_passes(facts: FileFacts, target: ast.expr, item: bool, names: tuple[str, ...]) -> bool:
    """``first = self.xs[0]``, ``self.first = self.xs[0]`` and ``self.all = [*self.xs]``: what is done with it
    under that name."""
    if isinstance(target, (ast.Tuple, ast.List)):  # whose parts are items of what is unpacked
        return any(
            _name_passes(facts, part.value, item, names) if isinstance(part, ast.Starred)
            else _name_passes(facts, part, True, names)
            for part in target.elts
        )
    if isinstance(target, ast.Subscript):
        return _keeps_modules(facts, target.value)
    if not isinstance(target, ast.Name):
        attribute, cls = facts.self_attribute(target), facts.class_around(target)
        if attribute is not None and _keeps_modules(facts, target):
            return True  # self.net += self.layers
        if attribute is None or item or cls is None or f"self.{attribute}" in names:
            return attribute is not None and item
        return used_elsewhere(cls, attribute, (*names, f"self.{attribute}"))
    if target.id in names:
        return False
    uses = [one for one in facts.scope_of(target).nodes(ast.Name) if one.id == target.id]
    return any(is_passed_on(facts, one, (*names, target.id)) for one in uses)


def _keeps_modules(facts: FileFacts, owner: ast.expr) -> bool:
    """Whether it is a ModuleList, a ModuleDict or torch's own table."""
    if isinstance(owner, ast.Attribute) and owner.attr in ("_modules", "_parameters"):
        return True
    name, cls = facts.self_attribute(owner), facts.class_around(owner)
    kinds = [one.kind for one in cls.assignments(name)] if name is not None and cls is not None else []
    return any(kind.torch in MODULE_CONTAINERS for kind in (facts.kind_of(owner), *kinds))


def _target_passes(facts: FileFacts, loop: ast.For) -> bool:
    """``for layer in self.xs: kept.append(layer)``: each item goes to another container, or is frozen
    or trained there."""
    names = {part.id for part in ast.walk(loop.target) if isinstance(part, ast.Name)}
    parts = [part for statement in loop.body for part in ast.walk(statement)]
    return any(
        isinstance(part, ast.Call)
        and any(_holds(given, names) for given in _kept_of(part, _KEEPING & _called(facts, part.func)))
        or isinstance(part, ast.Call) and _goes_with_the_object(facts, part, names)
        or isinstance(part, ast.AugAssign) and _holds(part.value, names)
        or isinstance(part, ast.Assign) and _holds(part.value, names) and any(
            isinstance(target, ast.Subscript) and _keeps_modules(facts, target.value) for target in part.targets
        )
        or _is_of_parameters(part, names) and _are_trained_or_frozen(facts, part)
        for part in parts
    ) or any(_switches_off(part, names) for part in parts)


def _is_of_parameters(part: ast.AST, names: set[str]) -> bool:
    """``layer.parameters()`` of an item."""
    func = part.func if isinstance(part, ast.Call) else None
    owner = func.value if isinstance(func, ast.Attribute) and func.attr == "parameters" else None
    return isinstance(owner, ast.Name) and owner.id in names


def _are_trained_or_frozen(facts: FileFacts, call: ast.AST) -> bool:
    """Whether the parameters of an item go into an optimizer or a list of them, or a loop freezes them."""
    for above in facts.ancestors(call):
        if isinstance(above, ast.For):
            held = {part.id for part in ast.walk(above.target) if isinstance(part, ast.Name)}
            return any(_switches_off(part, held) for part in ast.walk(above))
        if isinstance(above, (ast.AugAssign, ast.Yield, ast.YieldFrom, ast.Return, ast.Dict)):
            return True
        if isinstance(above, ast.Call):
            if (facts.qualify(above.func) or "").startswith("torch.optim.") or last_name(above.func) in _GROWS:
                return True
        elif isinstance(above, ast.stmt):
            return False
    return False


def _switches_off(part: ast.AST, names: set[str]) -> bool:
    """Whether one of the names needs no gradient from there on."""
    return getattr(switched_off(part), "id", None) in names


#: What keeps the item that it is given.
_KEEPING = {
    "append", "extend", "add_module", "insert", "register_module", "register_parameter", "setattr", "__setattr__",
}  # fmt: skip


def _goes_with_the_object(facts: FileFacts, call: ast.Call, names: set[str]) -> bool:
    """``keep(self, f"fc{i}", layer)``: a function that is given both may register the one with the other."""
    given = [*call.args, *(word.value for word in call.keywords)]
    instance = facts.scope_of(call).instance_name
    if instance is None or not any(isinstance(one, ast.Name) and one.id == instance for one in given):
        return False
    return any(isinstance(part, ast.Name) and part.id in names for one in given for part in ast.walk(one))


def _kept_of(call: ast.Call, keepers: set[str]) -> list[ast.expr]:
    """What a call gives to be kept: of ``setattr(layer, "scale", s)`` only the last."""
    if not keepers:
        return []
    return call.args[-1:] if keepers <= {"setattr", "__setattr__"} else call.args


def _called(facts: FileFacts, func: ast.expr) -> set[str]:
    """The last names of what a call may run: ``keep = self.register_parameter if p else self.add_module``."""
    values = facts.reach(func) if isinstance(func, ast.Name) else None
    arms = [(one.body, one.orelse) if isinstance(one, ast.IfExp) else (one,) for one in values or [func]]
    return {last_name(one) for either in arms for one in either}


def _holds(given: ast.expr, names: set[str]) -> bool:
    """``layer``, or ``Block(layer, act)``, by its capital letter a module that holds it."""
    if isinstance(given, ast.Name):
        return given.id in names
    if isinstance(given, (ast.List, ast.Tuple)):
        return any(_holds(part, names) for part in given.elts)
    if not isinstance(given, ast.Call) or not last_name(given.func)[:1].isupper():
        return False
    return any(_holds(part, names) for part in (*given.args, *(word.value for word in given.keywords)))


def _comprehension_passes(facts: FileFacts, node: ast.comprehension) -> bool:
    """``nn.ModuleList(build(x) for x in self.xs)`` hands the items on; a sum does not. A method that
    returns them, or their parameters by groups, gives them away."""
    outer = facts.parent(node)
    parent = facts.parent(outer) if outer is not None else None
    while isinstance(parent, (ast.Starred, ast.List)) or isinstance(parent, ast.Call) and (
        facts.qualify(parent.func) in ("collections.OrderedDict", "builtins.dict", "builtins.list", "builtins.tuple")
    ):
        parent = facts.parent(parent)
    if isinstance(parent, ast.Call):
        return (facts.qualify(parent.func) or "").startswith(("torch.nn.", "torch.optim."))
    groups = isinstance(getattr(outer, "elt", None), ast.Dict)
    return groups and isinstance(parent, ast.Return) and facts.phase(parent) != "forward"
