"""What a plain Python container holds: literals, comprehensions, and what is added later."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lint_params.facts.kinds import Kind

if TYPE_CHECKING:
    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.file import FileFacts
    from lint_params.facts.scope import Scope


@dataclass(frozen=True, eq=False)
class Item:
    """Something that goes into a container: ``expr`` (one item, or each of a comprehension),
    ``node`` the place that puts it there, ``fresh`` whether it is made right there for it."""

    expr: ast.expr
    node: ast.AST
    kind: Kind
    fresh: bool
    repeated: bool = False


def items_of(facts: FileFacts, expr: ast.expr, depth: int = 0) -> list[Item]:
    """The items that a container expression surely or possibly gets, local names followed."""
    if depth > 6:
        return []
    if isinstance(expr, (ast.List, ast.Tuple, ast.Set)):
        found: list[Item] = []
        for part in expr.elts:
            if isinstance(part, ast.Starred):
                found += items_of(facts, part.value, depth + 1)
            else:
                found += _value(facts, part, part, depth)
        return found
    if isinstance(expr, ast.Dict):
        return [item for value in expr.values for item in _value(facts, value, value, depth)]
    if isinstance(expr, (ast.ListComp, ast.SetComp, ast.GeneratorExp)):
        return _repeat(_value(facts, expr.elt, expr.elt, depth))
    if isinstance(expr, ast.DictComp):
        return _repeat(_value(facts, expr.value, expr.value, depth))
    if isinstance(expr, ast.BinOp) and isinstance(expr.op, ast.Add):
        return items_of(facts, expr.left, depth + 1) + items_of(facts, expr.right, depth + 1)
    if isinstance(expr, ast.BinOp) and isinstance(expr.op, ast.Mult):
        return _repeat(items_of(facts, expr.left, depth + 1))
    if isinstance(expr, ast.IfExp):
        return items_of(facts, expr.body, depth + 1) + items_of(facts, expr.orelse, depth + 1)
    if isinstance(expr, ast.Call):
        name = facts.qualify(expr.func)
        if name in ("builtins.list", "builtins.tuple", "builtins.set", "collections.deque"):
            return items_of(facts, expr.args[0], depth + 1) if expr.args else []
        if name == "builtins.map" and expr.args and isinstance(expr.args[0], ast.Lambda):
            return _repeat(_value(facts, expr.args[0].body, expr.args[0].body, depth))
        if name in ("builtins.dict", "collections.OrderedDict"):
            values = [keyword.value for keyword in expr.keywords if keyword.arg]
            found = [item for value in values for item in _value(facts, value, value, depth)]
            if expr.args:
                found += _pairs(facts, expr.args[0], depth)
            return found
        return _returned(facts, expr, depth) if name is None else []
    if isinstance(expr, ast.Name):
        return _named_items(facts, expr, depth)
    return []


def _returned(facts: FileFacts, call: ast.Call, depth: int) -> list[Item]:
    """What a container holds that a method of this file makes, fills and returns."""
    found = facts.function_of(call)
    if found is None or found[0] is not facts:
        return []
    items: list[Item] = []
    for one in found[1].nodes(ast.Return):
        if isinstance(one.value, ast.Name) and _goes_elsewhere(facts, one.value):
            return []
        if one.value is not None:
            items += items_of(facts, one.value, depth + 1)
    return items


def _pairs(facts: FileFacts, expr: ast.expr, depth: int) -> list[Item]:
    """Values of ``dict([(key, value), ...])`` or of another dict."""
    pairs: list[ast.expr] = []
    if isinstance(expr, (ast.List, ast.Tuple)):
        pairs = expr.elts
    elif isinstance(expr, (ast.ListComp, ast.GeneratorExp)):
        pairs = [expr.elt]
    values = [p.elts[1] for p in pairs if isinstance(p, ast.Tuple) and len(p.elts) == 2]
    if not values:
        return items_of(facts, expr, depth + 1) if isinstance(expr, (ast.Dict, ast.DictComp)) else []
    return [item for value in values for item in _value(facts, value, value, depth)]


def _value(facts: FileFacts, expr: ast.expr, node: ast.AST, depth: int) -> list[Item]:
    """One value put into a container; a container inside is looked through."""
    kind = facts.kind_of(expr)
    if kind.is_container and kind.what != "iterator":
        return items_of(facts, expr, depth + 1)
    return [Item(expr, node, kind, _is_fresh(facts, expr, kind))]


def _repeat(items: list[Item]) -> list[Item]:
    return [Item(one.expr, one.node, one.kind, one.fresh, True) for one in items]


def _named_items(facts: FileFacts, name: ast.Name, depth: int) -> list[Item]:
    definitions = facts.definitions(name)
    if not definitions:
        return []
    found: list[Item] = []
    for one in definitions:
        if one.how == "assign" and one.value is not None and not one.path:
            if one.value is not name:
                found += items_of(facts, one.value, depth + 1)
        elif one.how != "augmented":
            return []
    scope = facts.scope_of(name)
    return found + _added(facts, scope, ast.unparse(name), depth)


def _added(facts: FileFacts, scope: Scope, text: str, depth: int) -> list[Item]:
    """What ``text.append(v)``, ``text[k] = v``, ``text += [v]`` put in, in one scope."""
    found: list[Item] = []
    for write in facts.writes_in(scope):
        if write.value is None or write.through or not _is(write.target, text):
            continue
        if write.how == "grow":
            if write.method in ("extend", "update"):
                found += _repeat(items_of(facts, write.value, depth + 1))
            else:
                found += _repeat(_value(facts, write.value, write.value, depth))
        elif write.how == "item":
            found += _repeat(_value(facts, write.value, write.value, depth))
        elif write.how == "augmented":
            found += _repeat(items_of(facts, write.value, depth + 1))
    return found


def _is(target: ast.expr, text: str) -> bool:
    if isinstance(target, ast.Subscript):  # self.layers[name].append(...)
        target = target.value
    if isinstance(target, ast.Name):
        return target.id == text
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
        return f"{target.value.id}.{target.attr}" == text
    return False


def _is_fresh(facts: FileFacts, expr: ast.expr, kind: Kind) -> bool:
    """Whether the value is made for the container: a constructor call, or a local name that
    holds one and goes nowhere else."""
    if isinstance(expr, ast.Call):
        return kind.node is not None and not kind.annotated and not _is_copy(facts, expr)
    if isinstance(expr, ast.IfExp):
        sides = (expr.body, expr.orelse)
        return all(_is_fresh(facts, side, facts.kind_of(side)) for side in sides)
    if not isinstance(expr, ast.Name):
        return False
    definitions = facts.definitions(expr) or ()
    for one in definitions:
        if one.how != "assign" or one.path or not isinstance(one.value, ast.Call):
            return False
        if not _is_fresh(facts, one.value, facts.kind_of(one.value)):
            return False
    return bool(definitions) and not _goes_elsewhere(facts, expr)


def _is_copy(facts: FileFacts, call: ast.Call) -> bool:
    return facts.qualify(call.func) in ("copy.deepcopy", "copy.copy")


def _goes_elsewhere(facts: FileFacts, name: ast.Name) -> bool:
    """Whether a local name is also assigned, returned or passed on."""
    scope = facts.scope_of(name)
    for other in scope.nodes(ast.Name):
        if other is name or other.id != name.id or not isinstance(other.ctx, ast.Load):
            continue
        parent = facts.parent(other)
        if isinstance(parent, ast.Attribute):
            continue  # layer.weight, layer.eval()
        if isinstance(parent, ast.Call) and parent.func is other:
            continue  # layer(x)
        if isinstance(parent, ast.Call):
            called = facts.qualify(parent.func) or ""
            if called.startswith("torch.nn.init.") or called == "builtins.print":
                continue
        return True
    for inner in scope.children:
        if any(node.id == name.id for node in inner.nodes(ast.Name)):
            return True
    return False


def attribute_items(cls: ClassFacts, name: str) -> list[Item]:
    """What the container ``self.<name>`` of a class is given anywhere in the class."""
    facts = cls.facts
    found: list[Item] = []
    for member in cls.members.get(name, ()):
        if member.value is not None and member.how in ("assign", "class", "setattr"):
            found += items_of(facts, member.value)
        elif member.value is not None and member.how == "augmented":
            found += _repeat(items_of(facts, member.value))
    for method in cls.scope.children:
        for scope in method.within() if method.is_function else ():
            instance = scope.instance_name
            if instance is not None:
                found += [
                    item for item in _added(facts, scope, f"{instance}.{name}", 0)
                    if not any(item.expr is other.expr for other in found)
                ]
    return found
