"""Arguments that a caller has to give although their default is None: the function takes them
apart and asks nowhere whether they are None."""

from __future__ import annotations

import ast

from lint_params.trees import last_name, walk

#: Kept on the node itself, so that it goes with the tree.
_NEEDED = {False: "_lint_params_needed", True: "_lint_params_needed_to_run"}
_TAKES_APART = frozenset({"len", "range", "enumerate", "zip", "sum", "max", "min", "reversed"})
#: Layers that take nothing but numbers by position.
_OF_NUMBERS = frozenset({"Linear", "Conv1d", "Conv2d", "Conv3d", "Embedding"})


def needed(fn: ast.FunctionDef | ast.AsyncFunctionDef, runs: bool = False) -> frozenset[str]:
    """The names of arguments that None cannot stand for. ``runs``: it is a forward, and what it
    calls as ``self.norm(x)`` are its layers."""
    known: frozenset[str] | None = getattr(fn, _NEEDED[runs], None)
    if known is None:
        known = _needed(fn, runs)
        setattr(fn, _NEEDED[runs], known)
    return known


def _needed(fn: ast.FunctionDef | ast.AsyncFunctionDef, runs: bool) -> frozenset[str]:
    args = fn.args
    positional = zip(reversed([*args.posonlyargs, *args.args]), reversed(args.defaults))
    names = {a.arg for a, d in positional if _none(d)}
    names |= {a.arg for a, d in zip(args.kwonlyargs, args.kw_defaults) if _none(d)}
    if not names:
        return frozenset()
    apart: set[str] = set()
    asked: set[str] = set()
    for node in walk(*fn.body):
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                asked.add(node.id)  # something else stands there from then on
            continue
        parts = _taken_apart(node)
        if runs and isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            parts = [*parts, *node.args[:1]] if _is_self(node.func.value) else parts
        apart |= {part.id for part in parts if isinstance(part, ast.Name)}
        for part in _asked(node):
            asked |= {n.id for n in ast.walk(part) if isinstance(n, ast.Name)}
    return frozenset(names & apart - asked)


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def _none(default: ast.expr | None) -> bool:
    return isinstance(default, ast.Constant) and default.value is None


def _asked(node: ast.AST) -> list[ast.expr]:
    """Expressions whose truth, identity or type decides something."""
    if isinstance(node, (ast.If, ast.While, ast.IfExp, ast.Assert)):
        return [node.test]
    if isinstance(node, ast.BoolOp):
        return node.values[:-1]
    if isinstance(node, ast.Compare):
        return [node.left, *node.comparators]
    if isinstance(node, ast.comprehension):
        return node.ifs
    return []


def _taken_apart(node: ast.AST) -> list[ast.expr]:
    """What has items, or is a number, if the code is to run."""
    if isinstance(node, (ast.Subscript, ast.Attribute)):
        return [node.value]
    if isinstance(node, (ast.For, ast.comprehension)):
        return [node.iter]
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.Call):
        name = last_name(node.func)
        return [node.func, *node.args] if name in _TAKES_APART or name in _OF_NUMBERS else [node.func]
    return []
