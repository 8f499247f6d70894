"""Generators: what one yields, as the list that it makes."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from lint_params.shape.evaluate.methods import method_of
from lint_params.shape.evaluate.scope import Scope
from lint_params.shape.evaluate.truth import FAILED
from lint_params.shape.value import Native, Seq, Unknown, Value
from lint_params.trees import walk

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter

#: Where a generator's own scope keeps what it has yielded: no name can be this word.
_YIELDED = "yield"
#: Kept on the node itself, so that it goes with the tree.
_YIELDS = "_lint_params_yields"
_CHANGING = "_lint_params_changing"


def is_generator(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    known: bool | None = getattr(node, _YIELDS, None)
    if known is None:
        known = bool(_yields(node))
        setattr(node, _YIELDS, known)
    return known


def _yields(node: ast.FunctionDef | ast.AsyncFunctionDef) -> set[ast.expr]:
    return {n for n in walk(*node.body, within=True) if isinstance(n, (ast.Yield, ast.YieldFrom))}


def all_yielded(
    node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope, fails: Callable[[], bool]
) -> Value:
    """The values of a generator, all of them at once: if nobody sends it any, and nothing that it
    reads can change between two of them."""
    alone = {n.value for n in walk(*node.body, within=True) if isinstance(n, ast.Expr)}
    if isinstance(node, ast.AsyncFunctionDef) or node.decorator_list or not _yields(node) <= alone:
        return Unknown("generator")
    if scope.parent is not None or not _read_by(node).isdisjoint(_changing(scope.file.file.tree)):
        return Unknown("generator")
    values = Seq([], "list")
    scope.vars[_YIELDED] = values
    return Unknown("generator") if fails() else values


def _read_by(node: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """The names and attributes that a generator has from elsewhere."""
    names: set[str] = set()
    own: set[str] = set()
    for one in walk(node):
        if isinstance(one, ast.Attribute):
            names.add(f".{one.attr}")
        elif isinstance(one, ast.Name):
            (names if isinstance(one.ctx, ast.Load) else own).add(one.id)
        elif isinstance(one, ast.arg):
            own.add(one.arg)
    return names - own


def _changing(tree: ast.Module) -> frozenset[str]:
    """The names and ".attributes" that a file gives a value more than once."""
    known: frozenset[str] | None = getattr(tree, _CHANGING, None)
    if known is None:
        times: Counter[str] = Counter()
        for node in walk(tree):
            if isinstance(node, ast.AugAssign):
                times[_word(node.target)] += 1
            elif isinstance(node, (ast.Name, ast.Attribute)) and not isinstance(node.ctx, ast.Load):
                times[_word(node)] += 1
        known = frozenset(word for word, count in times.items() if count > 1)
        setattr(tree, _CHANGING, known)
    return known


def _word(target: ast.expr) -> str:
    if isinstance(target, ast.Attribute):
        return f".{target.attr}"
    return target.id if isinstance(target, ast.Name) else ""


def yielded(it: Interpreter, node: ast.Yield | ast.YieldFrom, scope: Scope) -> bool:
    """``yield x`` and ``yield from xs``; False where the value cannot be had."""
    value = it.eval(node.value, scope) if node.value is not None else None
    if value is FAILED:
        return False
    values = scope.vars.get(_YIELDED)
    if isinstance(values, Seq):
        grow = method_of(it, values, "append" if isinstance(node, ast.Yield) else "extend")
        assert isinstance(grow, Native)
        grow.call([value], {})
    return True
