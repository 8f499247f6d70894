"""Which lazy layers a module surely has, and whether it runs itself while it is made."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lint_params.facts.torch_names import MODULE_ATTRIBUTES
from lint_params.facts.value.contents import items_of
from lint_params.facts.value.kinds import Kind

if TYPE_CHECKING:
    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.file import FileFacts

_ADDS = ("append", "extend", "insert")
_RUNS = ("forward", "load_state_dict", "materialize", "initialize_parameters", "__call__")


@dataclass(frozen=True)
class LazyPart:
    """One lazy layer: its class ("LazyLinear"; the name of a class of the project) and the
    dotted path that leads to it ("" for the module itself)."""

    layer: str
    path: str
    node: ast.AST | None = None

    def below(self, name: str) -> LazyPart:
        return LazyPart(self.layer, f"{name}.{self.path}" if self.path else name, self.node)

    def is_a(self, layers: frozenset[str]) -> bool:
        """Whether isinstance holds for one of these torch.nn classes; "=Linear" means exactly that."""
        plain = self.layer.removeprefix("Lazy")
        if f"={self.layer}" in layers:
            return True
        if plain in layers or self.layer in layers or "Module" in layers:
            return True
        return "_ConvNd" in layers and plain.startswith("Conv") or (
            "_BatchNorm" in layers and plain.startswith("BatchNorm")
        )


def lazy_parts(kind: Kind, depth: int = 0) -> list[LazyPart]:
    """The lazy layers of a module, as far as they are certain; [] where there may be none."""
    if depth > 8 or kind.what != "module":
        return []
    if kind.cls is not None:
        return _of_class(kind.cls, depth)
    if kind.is_lazy:
        return [LazyPart(kind.layer, "", kind.node)]
    call = kind.node
    if kind.is_module_container and isinstance(call, ast.Call) and kind.facts is not None:
        found: list[LazyPart] = []
        for place, arg in enumerate(call.args):
            if isinstance(arg, ast.Starred):
                found += _of_list(kind.facts, arg.value, call, depth)
            else:
                inner = kind.facts.kind_of(arg)
                found += [part.below(str(place)) for part in lazy_parts(inner, depth + 1)]
                found += _of_items(inner, depth)
        return found
    return []


def _of_items(kind: Kind, depth: int) -> list[LazyPart]:
    if not kind.is_container:
        return []
    if kind.items is not None:
        return [
            part.below(str(place))
            for place, item in enumerate(kind.items)
            for part in lazy_parts(item, depth + 1)
        ]
    return lazy_parts(kind.element, depth + 1) if kind.element is not None else []


def _of_list(facts: FileFacts, given: ast.expr, call: ast.Call, depth: int) -> Iterator[LazyPart]:
    """Those that a list surely holds when a call takes it apart: a local one is only added to."""
    known = _of_items(facts.kind_of(given), depth)
    if not isinstance(given, ast.Name):
        yield from known
    elif _only_grows(facts, given):
        yield from known
        for item in items_of(facts, given) if not known else ():
            if item.node not in facts.index.parents or getattr(item.node, "lineno", 0) >= call.lineno:
                continue
            if not any(one.what in ("if", "else", "except", "match") for one in facts.conditions(item.node)):
                yield from (part.below("?") for part in lazy_parts(item.kind, depth + 1))


def _only_grows(facts: FileFacts, name: ast.Name) -> bool:
    """Whether a local name is one list, which nobody else gets and nothing is taken from."""
    uses = [node for node in facts.scope_of(name).nodes(ast.Name) if node.id == name.id]
    parents = [facts.parent(node) for node in uses]
    made = [one for one in parents if isinstance(one, (ast.Assign, ast.AnnAssign))]
    added = [one for one in parents if isinstance(one, ast.AugAssign) or getattr(one, "attr", "") in _ADDS]
    taken = [one for one in parents if isinstance(one, ast.Starred)]
    return len(made) == 1 and len(made) + len(added) + len(taken) == len(parents)


def _of_added(cls: ClassFacts, name: str, depth: int) -> Iterator[LazyPart]:
    """Those of ``self.layers.append(...)`` and ``self.layers[key] = ...``, into what begins empty,
    that the constructor surely comes by."""
    facts, made = cls.facts, cls.kind(name).node
    if not isinstance(made, ast.Call) or made.args or made.keywords:
        return
    for place, item in enumerate(cls.items(name)):
        if item.node not in facts.index.parents or facts.scope_of(item.node).name not in cls.surely_built_by:
            continue
        if any(one.what in ("if", "else", "except", "match") for one in facts.conditions(item.node)):
            continue
        given = facts.targets(facts.parent(item.node))
        key: object = place
        if given:
            at = given[0].slice if isinstance(given[0], ast.Subscript) else None
            key = at.value if isinstance(at, ast.Constant) else "?"
        yield from (part.below(str(key)) for part in lazy_parts(item.kind, depth + 1))


def _of_class(cls: ClassFacts, depth: int) -> list[LazyPart]:
    if runs_itself(cls):
        return []
    found = []
    for name, members in cls.submodules.items():
        if any(one.what in ("if", "else", "except", "match") for m in members for one in m.conditions):
            continue
        if all(member.method in cls.reached_from_init for member in members):
            kind = cls.kind(name)
            found += [part.below(name) for part in lazy_parts(kind, depth + 1)]
            if kind.is_module_container:
                found += [part.below(name) for part in _of_added(cls, name, depth)]
    if cls.is_lazy:
        for members in cls.parameters.values():
            if all(member.kind.is_uninitialised for member in members):
                found.append(LazyPart(cls.name, "", members[0].node))
                break
    return found


def runs_itself(cls: ClassFacts) -> bool:
    """Whether the constructor may run the module or a part of it (a dummy forward)."""
    for name in cls.reached_from_init:
        found = cls.method(name)
        if found is None:
            continue
        home, scope = found
        for inner in scope.within():
            for call in inner.nodes(ast.Call):
                func = call.func
                if isinstance(func, ast.Name) and func.id == inner.instance_name:
                    return True
                if isinstance(func, ast.Attribute):
                    if func.attr in _RUNS:
                        return True
                    owner = home.facts.self_attribute(func)
                    known = owner is None or owner in MODULE_ATTRIBUTES
                    if not known and cls.method(owner or "") is None:
                        return True  # self.features(dummy)
                elif isinstance(func, ast.Subscript):
                    return True
                given = [a for a in call.args if isinstance(a, ast.Name)]
                if any(a.id == inner.instance_name for a in given) and not _is_plain(func):
                    return True  # helper(self)
    return False


def _is_plain(func: ast.expr) -> bool:
    return isinstance(func, ast.Name) and func.id in (
        "super",
        "isinstance",
        "print",
        "setattr",
        "getattr",
        "hasattr",
        "type",
        "id",
        "repr",
    )
