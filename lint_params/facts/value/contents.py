"""What a plain Python container holds: literals, comprehensions, and what is added later."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lint_params.facts.value.kinds import Kind

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
        if name == "builtins.map" and expr.args:
            given = expr.args[0]
            made = facts.kind_of(expr).element
            if isinstance(given, ast.Lambda):
                return _repeat(_value(facts, given.body, given.body, depth))
            return [Item(given, expr, made, made.node is not None, True)] if made is not None else []
        if name == "builtins.sum" and expr.args:
            return items_of(facts, expr.args[0], depth + 1)
        if name in ("itertools.chain", "itertools.chain.from_iterable"):
            parts = [arg.value if isinstance(arg, ast.Starred) else arg for arg in expr.args]
            return [item for part in parts for item in items_of(facts, part, depth + 1)]
        if is_record(facts, expr.func):
            values = [*expr.args, *(keyword.value for keyword in expr.keywords)]
            return [item for value in values for item in _value(facts, value, value, depth)]
        if name in ("builtins.dict", "collections.OrderedDict"):
            values = [keyword.value for keyword in expr.keywords if keyword.arg]
            found = [item for value in values for item in _value(facts, value, value, depth)]
            if expr.args:
                found += _pairs(facts, expr.args[0], depth)
            return found
        return _returned(facts, expr, depth)
    if isinstance(expr, ast.Name):
        return _named_items(facts, expr, depth)
    return []


def is_record(facts: FileFacts, func: ast.expr) -> bool:
    """A class that ``Gate = namedtuple("Gate", ...)`` makes in this file."""
    values = facts.reach(func) if isinstance(func, ast.Name) else None
    made = values[0] if values is not None and len(values) == 1 else None
    return isinstance(made, ast.Call) and facts.qualify(made.func) in ("collections.namedtuple", "typing.NamedTuple")


def _returned(facts: FileFacts, call: ast.Call, depth: int) -> list[Item]:
    """What a container holds that a function of the project makes, fills and returns; what stands
    in another file is told by the call."""
    found = facts.function_of(call)
    if found is None or found[1].decorators:
        return []
    there, scope = found
    items: list[Item] = []
    for one in scope.nodes(ast.Return):
        if isinstance(one.value, ast.Name) and _goes_elsewhere(there, one.value):
            return []
        if one.value is not None:
            items += items_of(there, one.value, depth + 1)
    return items if there is facts else [replace(item, node=call) for item in items]


def _pairs(facts: FileFacts, expr: ast.expr, depth: int) -> list[Item]:
    """Values of ``dict([(key, value), ...])`` or of another dict."""
    pairs: list[ast.expr] = []
    if isinstance(expr, (ast.List, ast.Tuple)):
        pairs = expr.elts
    elif isinstance(expr, (ast.ListComp, ast.GeneratorExp)):
        pairs = [expr.elt]
    if isinstance(expr, ast.Call) and facts.qualify(expr.func) == "builtins.zip" and len(expr.args) == 2:
        return items_of(facts, expr.args[1], depth + 1)
    values = [p.elts[1] for p in pairs if isinstance(p, ast.Tuple) and len(p.elts) == 2]
    if not values:
        return items_of(facts, expr, depth + 1) if isinstance(expr, (ast.Dict, ast.DictComp)) else []
    return [item for value in values for item in _value(facts, value, value, depth)]


def _value(facts: FileFacts, expr: ast.expr, node: ast.AST, depth: int) -> list[Item]:
    """One value put into a container; a container inside is looked through."""
    kind = facts.kind_of(expr)
    if kind.is_container and kind.what != "iterator":
        return items_of(facts, expr, depth + 1)
    made = facts.made(expr)
    if made is not kind and made.is_module:
        return [Item(expr, node, made, True)]
    return [Item(expr, node, kind, is_fresh(facts, expr, kind))]


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
            items = _repeat(_value(facts, write.value, write.value, depth))
            other = _has_other_home(facts, write.node, text)
            found += [replace(item, fresh=False) for item in items] if other else items
        elif write.how == "augmented":
            found += _repeat(items_of(facts, write.value, depth + 1))
    return found


def _has_other_home(facts: FileFacts, node: ast.AST, text: str) -> bool:
    """``towers[name] = self.last = nn.Linear(...)``: the attribute keeps it too."""
    others = [one for one in node.targets if not _is(one, text)] if isinstance(node, ast.Assign) else []
    return any(not isinstance(one, ast.Name) or _is_used_otherwise(facts, one) for one in others)


def _names_for(facts: FileFacts, scope: Scope, text: str) -> list[str]:
    """The attribute itself, and local names of a container inside it:
    ``branch = self.branches.setdefault(key, [])``."""
    names = [text]
    for node in scope.nodes(ast.Assign):
        value, local = node.value, node.targets[0]
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
            value = value.func.value if value.func.attr in ("setdefault", "get") else value
        elif isinstance(value, ast.Subscript):
            value = value.value
        elif any(isinstance(other, ast.Subscript) and _is(other, text) for other in node.targets):
            value = node.targets[-1].value if isinstance(node.targets[-1], ast.Subscript) else value
        else:
            continue
        if isinstance(local, ast.Name) and _is(value, text) and len(scope.bound.get(local.id, ())) == 1:
            names.append(local.id)
    return names


def _is(target: ast.expr, text: str) -> bool:
    if isinstance(target, ast.Subscript):  # self.layers[name].append(...)
        target = target.value
    if isinstance(target, ast.Name):
        return target.id == text
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
        return f"{target.value.id}.{target.attr}" == text
    return False


def is_fresh(facts: FileFacts, expr: ast.expr, kind: Kind) -> bool:
    """Whether the value is made for the container: a constructor call, or a local name that
    holds one and goes nowhere else."""
    if isinstance(expr, ast.Call):
        made = all(one.node is not None and not one.annotated and not one.member for one in kind.every())
        return made and not _is_copy(facts, expr) and not _gives_back(facts, expr)
    if isinstance(expr, ast.IfExp):
        sides = (expr.body, expr.orelse)
        return all(is_fresh(facts, side, facts.kind_of(side)) for side in sides)
    if not isinstance(expr, ast.Name):
        return False
    definitions = facts.definitions(expr) or ()
    if len(definitions) == 1 and definitions[0].how == "for":
        return _each_fresh(facts, definitions[0].value, definitions[0].path)
    for one in definitions:
        if one.how != "assign" or one.path or not isinstance(one.value, ast.Call):
            return False
        statement = facts.parent(one.value)
        if isinstance(statement, ast.Assign) and any(isinstance(t, ast.Attribute) for t in statement.targets):
            return False  # q = self.q = nn.Linear(...)
        if not is_fresh(facts, one.value, facts.kind_of(one.value)):
            return False
    return bool(definitions) and not _goes_elsewhere(facts, expr)


def _gives_back(facts: FileFacts, call: ast.Call) -> bool:
    """Whether what is called gives what is there already: ``lambda: self.shared``, a name from
    around the function."""
    made = facts.kind_of(call.func).node
    if isinstance(made, ast.Lambda):
        return not isinstance(made.body, ast.Call)
    found = facts.function_of(call)
    values = [one.value for one in found[1].nodes(ast.Return)] if found is not None else []
    return any(isinstance(one, ast.Name) and one.id not in found[1].bound for one in values if found is not None)


def _each_fresh(facts: FileFacts, source: ast.expr | None, path: tuple[int, ...]) -> bool:
    """Whether a loop goes over what a comprehension makes, which nobody else gets."""
    if isinstance(source, ast.Call) and facts.qualify(source.func) == "builtins.zip" and path:
        place, path = path[0], path[1:]
        source = source.args[place] if place < len(source.args) else None
    if isinstance(source, ast.Name) and not _goes_elsewhere(facts, source):
        values = facts.reach(source)
        source = values[0] if values is not None and len(values) == 1 else None
    if not isinstance(source, (ast.ListComp, ast.GeneratorExp)) or path:
        return False
    return isinstance(source.elt, ast.Call) and is_fresh(facts, source.elt, facts.kind_of(source.elt))


def _is_copy(facts: FileFacts, call: ast.Call) -> bool:
    return facts.qualify(call.func) in ("copy.deepcopy", "copy.copy")


def stands_for(facts: FileFacts, name: ast.Name) -> list[ast.Name]:
    """The name, and those whose value it has: ``made`` where ``kept = made`` stands above."""
    found = [name]
    for one in found:
        for known in facts.definitions(one) or ():
            if known.how == "assign" and not known.path and isinstance(known.value, ast.Name):
                if known.value not in found:
                    found.append(known.value)
    return found


def _goes_elsewhere(facts: FileFacts, name: ast.Name) -> bool:
    """Whether a local name, or one that it stands for, is also assigned, returned or passed on."""
    return any(_is_used_otherwise(facts, one) for one in stands_for(facts, name))


def _is_used_otherwise(facts: FileFacts, name: ast.Name) -> bool:
    scope = facts.scope_of(name)
    for other in scope.nodes(ast.Name):
        if other is name or other.id != name.id or not isinstance(other.ctx, ast.Load):
            continue
        parent = facts.parent(other)
        if isinstance(parent, ast.Attribute):
            continue  # layer.weight, layer.eval()
        if isinstance(parent, ast.Subscript) and parent.value is other and isinstance(parent.ctx, ast.Store):
            continue  # towers[name] = layer
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
            for text in _names_for(facts, scope, f"{instance}.{name}") if instance is not None else ():
                found += [
                    item for item in _added(facts, scope, text, 0)
                    if not any(item.expr is other.expr for other in found)
                ]
    return found
