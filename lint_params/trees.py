"""Walking a syntax tree without the parts that nobody asks for, and what is asked of any tree."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import chain
from typing import TypeVar

_SKIPPED = (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop, ast.type_ignore)
_LEAVES = (ast.Name, ast.Constant, ast.Import, ast.ImportFrom, ast.MatchSingleton, *_SKIPPED)
_TOKENS = {"ctx", "op", "ops", "id", "attr", "arg", "name", "asname", "module", "names", "level"}
_TOKENS |= {"rest", "kwd_attrs", "str", "kind", "type_comment", "type_ignores", "conversion", "is_async", "simple"}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)

N = TypeVar("N", bound=ast.AST)


def _child_fields() -> dict[type, tuple[str, ...]]:
    fields: dict[type, tuple[str, ...]] = {}
    for value in vars(ast).values():
        if isinstance(value, type) and issubclass(value, ast.AST):
            if issubclass(value, _LEAVES):
                fields[value] = ()
                continue
            tokens = set(_TOKENS)
            if value.__name__ == "TypeAlias":
                tokens.discard("name")
            fields[value] = tuple(name for name in value._fields if name not in tokens)
    return fields


#: For each node class the fields that can hold nodes worth a visit.
FIELDS = _child_fields()


def walk(*tops: ast.AST, within: bool = False) -> Iterator[ast.AST]:
    """The nodes and all below them, outer ones first; several times as fast as ``ast.walk``.

    With ``within``, functions and classes that stand inside are yielded but not entered.
    """
    if len(tops) == 1 and isinstance(tops[0], ast.Module) and not within:
        return chain(tops, _below(tops[0]))
    return _walked(tops, within)


def _walked(tops: tuple[ast.AST, ...], within: bool) -> Iterator[ast.AST]:
    fields = FIELDS
    todo = list(reversed(tops))
    push = todo.append
    while todo:
        node = todo.pop()
        yield node
        if within and isinstance(node, _FUNCTIONS):
            continue
        for name in reversed(fields[node.__class__]):
            value = getattr(node, name, None)
            if value.__class__ is list:
                for part in reversed(value):
                    if part is not None:
                        push(part)
            elif value is not None:
                push(value)


#: Kept on the tree itself, so that they go with it: many ask a whole file for what stands in it.
_NODES = "_lint_params_nodes"
_BY_TYPE = "_lint_params_by_type"


def _below(tree: ast.Module) -> list[ast.AST]:
    """Without the tree itself, so that it does not hold itself and goes with its last reader."""
    nodes: list[ast.AST] | None = getattr(tree, _NODES, None)
    if nodes is None:
        nodes = list(_walked(tuple(tree.body), within=False))
        setattr(tree, _NODES, nodes)
    return nodes


def every(tree: ast.Module, kind: type[N]) -> list[N]:
    """The nodes of one type in a whole file, outer ones first."""
    table: dict[type, list[ast.AST]] | None = getattr(tree, _BY_TYPE, None)
    if table is None:
        table = {}
        for node in _below(tree):
            table.setdefault(node.__class__, []).append(node)
        setattr(tree, _BY_TYPE, table)
    return table.get(kind, [])  # type: ignore[return-value]


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes right below one that are worth a visit, in their order."""
    found: list[ast.AST] = []
    for name in FIELDS[node.__class__]:
        value = getattr(node, name, None)
        if value.__class__ is list:
            found += [part for part in value if part is not None]
        elif value is not None:
            found.append(value)
    return found


def paired_modules(call: ast.Call) -> tuple[ast.expr, ast.expr] | None:
    """``a`` and ``b`` of ``a.load_state_dict(b.state_dict())`` and ``zip(a.parameters(), b.parameters())``."""
    func = call.func
    if isinstance(func, ast.Attribute) and func.attr == "load_state_dict" and call.args:
        given = _asked(call.args[0])
        return (func.value, given[0]) if given is not None and given[1] == "state_dict" else None
    if not isinstance(func, ast.Name) or func.id != "zip" or len(call.args) != 2:
        return None
    one, other = _asked(call.args[0]), _asked(call.args[1])
    if one is None or other is None or one[1] != other[1] or one[1].removeprefix("named_") != "parameters":
        return None
    return one[0], other[0]


def _asked(expr: ast.expr) -> tuple[ast.expr, str] | None:
    """``m`` and the word of ``m.parameters()``."""
    func = expr.func if isinstance(expr, ast.Call) and not expr.args else None
    return (func.value, func.attr) if isinstance(func, ast.Attribute) else None


def parsed(source: bytes | str) -> ast.Module | None:
    """The tree of a file that nobody is told about; None where it is no Python, or too deep."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def targets(statement: ast.AST | None) -> list[ast.expr]:
    """What an assignment, annotated or not, gives its value to; [] for anything else."""
    if isinstance(statement, ast.Assign):
        return statement.targets
    if isinstance(statement, ast.AnnAssign) and statement.value is not None:
        return [statement.target]
    return []


def last_name(node: ast.AST) -> str:
    """A name, or the last part of a dotted one; "" for anything else."""
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


_EXPECTS = re.compile(r"(assert)?_?raises", re.IGNORECASE)


def expects_error(node: ast.With | ast.AsyncWith) -> bool:
    """``with pytest.raises(...)``, ``self.assertRaisesRegex(...)``, ``suppress(...)``."""
    return any(
        isinstance(call := item.context_expr, ast.Call)
        and (_EXPECTS.match(name := last_name(call.func)) is not None or name == "suppress")
        for item in node.items
    )


#: What torch does not raise where sizes do not fit, nor anything else on the way there.
_OTHERS = frozenset({"ImportError", "ModuleNotFoundError", "KeyboardInterrupt"})


def goes_on(handler: ast.ExceptHandler) -> bool:
    """Whether what torch says of a mistake may end here: it is caught, and not raised again."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    if all(getattr(kind, "id", "") in _OTHERS for kind in kinds):
        return False
    leaves = (ast.Return, ast.Break, ast.Continue)
    return not isinstance(handler.body[-1], ast.Raise) or any(
        isinstance(each, leaves) for each in walk(*handler.body, within=True)
    )


def switched_off(node: ast.AST) -> ast.expr | None:
    """``p`` of ``p.requires_grad = False`` and ``p.requires_grad_(False)``."""
    given: ast.expr | None
    if isinstance(node, ast.Assign):
        flag, word, given = node.targets[0], "requires_grad", node.value
    elif isinstance(node, ast.Call):
        flag, word = node.func, "requires_grad_"
        named = (keyword.value for keyword in node.keywords if keyword.arg == "requires_grad")
        given = node.args[0] if node.args else next(named, None)
    else:
        return None
    off = isinstance(given, ast.Constant) and given.value is False
    return flag.value if off and isinstance(flag, ast.Attribute) and flag.attr == word else None


def is_none(node: ast.AST | None) -> bool:
    """``None``, written out."""
    return isinstance(node, ast.Constant) and node.value is None


def is_self(node: ast.AST) -> bool:
    """The object itself, as methods call it."""
    return isinstance(node, ast.Name) and node.id == "self"
