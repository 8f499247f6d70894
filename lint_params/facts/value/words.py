"""Which strings and whole numbers an expression can be: ``f"up{i}"`` where i runs over range(3)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING

from lint_params.facts.flow import Definition

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts
    from lint_params.facts.members import Member

Word = str | int
#: With more than these nobody wrote them out by hand.
_MOST = 64


def words(facts: FileFacts, expr: ast.expr | None, depth: int = 0) -> list[Word] | None:
    """All values that the source shows; None as soon as one is not shown."""
    if expr is None or depth > 6:
        return None
    if isinstance(expr, ast.Constant):
        return [expr.value] if isinstance(expr.value, Word) and not isinstance(expr.value, bool) else None
    if isinstance(expr, ast.Name):
        found = facts.definitions(expr)
        if found is None:
            return words(facts, facts.module_value(expr.id), depth + 1)
        return _all(_defined(facts, one, depth + 1) for one in found) if found else None
    if isinstance(expr, ast.JoinedStr):
        parts = [_part(facts, one, depth + 1) for one in expr.values]
        return _joined(parts, lambda some: "".join(map(str, some)))
    if isinstance(expr, ast.BinOp) and isinstance(expr.op, (ast.Add, ast.Sub)):
        sides = [words(facts, side, depth + 1) for side in (expr.left, expr.right)]
        minus = isinstance(expr.op, ast.Sub)
        return _joined(sides, lambda some: some[0] - some[1] if minus else some[0] + some[1])
    if isinstance(expr, ast.BinOp) and isinstance(expr.op, ast.Mod):
        given = expr.right.elts if isinstance(expr.right, ast.Tuple) else [expr.right]
        texts = [words(facts, one, depth + 1) for one in (expr.left, *given)]
        return _joined(texts, lambda some: some[0] % some[1:])
    if isinstance(expr, ast.Call) and isinstance(expr.func, ast.Attribute) and expr.func.attr == "format":
        texts = [words(facts, one, depth + 1) for one in (expr.func.value, *expr.args)]
        return None if expr.keywords else _joined(texts, lambda some: some[0].format(*some[1:]))
    if isinstance(expr, ast.Call) and facts.qualify(expr.func) == "builtins.str" and len(expr.args) == 1:
        return _joined([words(facts, expr.args[0], depth + 1)], lambda some: str(some[0]))
    return None


def written_names(member: Member) -> list[Word] | None:
    """The names that one assignment by a computed name gives."""
    node: ast.AST = member.target
    if isinstance(node, ast.Subscript):
        return words(member.cls.facts, node.slice)
    if not isinstance(node, ast.Call):
        return None
    place = 1 if isinstance(node.func, ast.Name) else 0  # setattr(self, name, ...)
    return words(member.cls.facts, member.cls.facts.argument(node, place, "name"))


def _part(facts: FileFacts, part: ast.expr, depth: int) -> list[Word] | None:
    if isinstance(part, ast.FormattedValue):
        plain = part.conversion == -1 and part.format_spec is None
        return words(facts, part.value, depth) if plain else None
    return words(facts, part, depth)


def _joined(parts: list[list[Word] | None], join) -> list[Word] | None:  # type: ignore[no-untyped-def]
    """What every choice of one value for each part gives."""
    found: list[Word] = []
    for some in product(*(part or () for part in parts)) if None not in parts else ():
        try:
            found.append(join(some))
        except (TypeError, ValueError, LookupError):
            return None
        if len(found) > _MOST:
            return None
    return found or None


def _all(parts: Iterator[list[Word] | None]) -> list[Word] | None:
    found: list[Word] = []
    for part in parts:
        if part is None:
            return None
        found += part
    return found if len(found) <= _MOST else None


def _defined(facts: FileFacts, one: Definition, depth: int) -> list[Word] | None:
    if one.how == "assign" and not one.path:
        return words(facts, one.value, depth)
    return _looped(facts, one.value, one.path, depth) if one.how == "for" else None


def _looped(
    facts: FileFacts, source: ast.expr | None, path: tuple[int, ...], depth: int
) -> list[Word] | None:
    """What a loop over ``source`` gives to the name that stands at ``path`` in its target."""
    source = _as_made(facts, source)
    if source is None or depth > 6:
        return None
    if isinstance(source, (ast.List, ast.Tuple, ast.Set)):
        items = [_item(part, path) for part in source.elts]
        return _all(words(facts, item, depth + 1) for item in items)
    if isinstance(source, ast.Dict) and not path:
        return _all(words(facts, key, depth + 1) for key in source.keys)
    if isinstance(source, (ast.ListComp, ast.SetComp, ast.GeneratorExp)) and not path:
        return words(facts, source.elt, depth + 1)
    if not isinstance(source, ast.Call) or source.keywords:
        return None
    name, args = facts.qualify(source.func) or "", source.args
    if name == "builtins.range" and not path:
        ends = [words(facts, arg, depth + 1) for arg in args]
        if any(end is None or len(end) != 1 or not isinstance(end[0], int) for end in ends):
            return None
        numbers = range(*(end[0] for end in ends if end))  # type: ignore[arg-type]
        return list(numbers) if len(numbers) <= _MOST else None
    if name == "builtins.enumerate" and path and args:
        if path[0] == 1:
            return _looped(facts, args[0], path[1:], depth + 1)
        length = _length(facts, args[0], depth + 1)
        return list(range(length)) if length is not None and len(args) == 1 else None
    if name == "builtins.zip" and path and path[0] < len(args):
        return _looped(facts, args[path[0]], path[1:], depth + 1)
    if isinstance(source.func, ast.Attribute) and source.func.attr in ("items", "keys") and not args:
        return _looped(facts, source.func.value, path[1:], depth + 1) if path[:1] in ((), (0,)) else None
    return None


def _as_made(facts: FileFacts, source: ast.expr | None) -> ast.expr | None:
    """The one expression behind a name, where nothing is added to what it holds."""
    if source is None:
        return None
    values, member = facts.reach(source), facts.self_attribute(source)
    if member is not None:
        return class_constant(facts, source, member)
    if values is None or len(values) != 1:
        return None
    name = source.id if isinstance(source, ast.Name) else None
    changed = name is not None and any(
        isinstance(write.target, ast.Name) and write.target.id == name and write.how != "bind"
        for write in facts.writes
    )
    return None if changed else values[0]


def class_constant(facts: FileFacts, use: ast.expr, name: str) -> ast.expr | None:
    """The tuple that ``self.NAMES`` is, set in the class body and by nothing else; or the list, if
    all that is done with it is to read it."""
    cls = facts.class_around(use)
    found = cls.assignments(name) if cls is not None else []
    if len(found) != 1 or found[0].how != "class" or cls is None or found[0].cls.facts is not facts:
        return None
    overridden = any(name in one.members for one in cls.subclasses)
    if overridden or not isinstance(found[0].value, (ast.Tuple, ast.List)):
        return None
    return found[0].value if isinstance(found[0].value, ast.Tuple) or _is_only_read(facts, name) else None


def _is_only_read(facts: FileFacts, name: str) -> bool:
    """Whether every ``x.NAME`` of the file is looped over, indexed, or given to a function that is
    known to leave it alone."""
    uses: list[ast.expr] = [node for node in facts.nodes(ast.Attribute) if node.attr == name]
    uses += [node for node in facts.nodes(ast.Name) if node.id == name and facts.scope_of(node).is_class
             and isinstance(node.ctx, ast.Load)]  # fmt: skip
    for use in uses:
        around = facts.parent(use)
        if isinstance(around, (ast.For, ast.comprehension)) and around.iter is use:
            continue
        if isinstance(around, ast.Subscript) and isinstance(around.ctx, ast.Load):
            continue
        called = facts.qualify(around.func) or "" if isinstance(around, ast.Call) and around.func is not use else ""
        if not called.startswith(("torch.", "builtins.", "numpy.")):
            return False
    return True


def _length(facts: FileFacts, source: ast.expr, depth: int) -> int | None:
    one = _as_made(facts, source)
    if isinstance(one, (ast.List, ast.Tuple)) and not any(isinstance(part, ast.Starred) for part in one.elts):
        return len(one.elts)
    numbers = _looped(facts, source, (), depth + 1)
    return len(numbers) if numbers is not None else None


def _item(part: ast.expr, path: tuple[int, ...]) -> ast.expr | None:
    for place in path:
        if not isinstance(part, (ast.Tuple, ast.List)) or place >= len(part.elts):
            return None
        part = part.elts[place]
    return part
