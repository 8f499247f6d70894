"""Arguments that a caller has to give although their default is None: the function takes them
apart, or gives them to a layer, and asks nowhere whether they are None."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from lint_params.trees import is_none, is_self, last_name, walk

#: Kept on the node itself, so that it goes with the tree.
_NEEDED = "_lint_params_needed"
_TAKES_APART = frozenset({"len", "range", "enumerate", "zip", "sum", "max", "min", "reversed"})
#: Layers that take nothing but numbers by position.
_OF_NUMBERS = frozenset({"Linear", "Conv1d", "Conv2d", "Conv3d", "Embedding"})


def needed(
    fn: ast.FunctionDef | ast.AsyncFunctionDef, is_layer: Callable[[str], bool] = lambda name: False
) -> frozenset[str]:
    """The names of arguments that None cannot stand for. ``is_layer``: whether ``self.norm`` is a
    layer that takes a tensor."""
    known: tuple[frozenset[str], dict[str, set[str]]] | None = getattr(fn, _NEEDED, None)
    if known is None:
        known = _needed(fn)
        setattr(fn, _NEEDED, known)
    apart, handed = known
    return apart | {name for name, takers in handed.items() if any(map(is_layer, takers))}


def _needed(fn: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[frozenset[str], dict[str, set[str]]]:
    """Names that are taken apart, and those that are handed to ``self.<name>``."""
    args = fn.args
    positional = zip(reversed([*args.posonlyargs, *args.args]), reversed(args.defaults))
    names = {a.arg for a, d in positional if is_none(d)}
    names |= {a.arg for a, d in zip(args.kwonlyargs, args.kw_defaults) if is_none(d)}
    if not names:
        return frozenset(), {}
    apart: set[str] = set()
    asked: set[str] = set()
    handed: dict[str, set[str]] = {}
    for node in walk(*fn.body):
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                asked.add(node.id)  # something else stands there from then on
            continue
        apart |= {part.id for part in _taken_apart(node) if isinstance(part, ast.Name)}
        for part, taker in _handed(node):
            if isinstance(part, ast.Name) and part.id in names:
                handed.setdefault(part.id, set()).add(taker)
        for part in _asked(node):
            asked |= {n.id for n in ast.walk(part) if isinstance(n, ast.Name)}
    known = names & apart - asked
    handed = {name: to for name, to in handed.items() if name not in asked}
    for name, taker in _first_of_all(fn, names):
        if taker:
            handed.setdefault(name, set()).add(taker)
        else:
            known.add(name)
    return frozenset(known), handed


def _handed(node: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """The first argument of ``self.<name>(...)``, and that name."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and is_self(node.func.value):
        yield from ((part, node.func.attr) for part in node.args[:1])


def _first_of_all(
    fn: ast.FunctionDef | ast.AsyncFunctionDef, names: set[str]
) -> Iterator[tuple[str, str]]:
    """What is taken apart, or handed to ``self.<name>``, before anything else is done with it and
    whatever comes: ``x = self.embed(x)``."""
    seen: set[str] = set()
    for statement in fn.body:
        if isinstance(statement, (ast.Assign, ast.Expr, ast.Return)) and statement.value is not None:
            for node in _certain(statement.value):
                uses = [*((part, "") for part in _taken_apart(node)), *_handed(node)]
                for part, taker in uses:
                    if isinstance(part, ast.Name) and part.id in names - seen:
                        yield part.id, taker
                if isinstance(node, ast.IfExp) and (one := _or_another(node, names - seen)):
                    yield one, ""
        elif isinstance(statement, ast.If) and (one := _or_raises(statement, names - seen)):
            yield one, ""
        if any(isinstance(n, (ast.Return, ast.Raise)) for n in walk(statement)):
            return  # it may have ended
        seen |= {n.id for n in walk(statement) if isinstance(n, ast.Name)}


def _or_another(node: ast.IfExp, names: set[str]) -> str:
    """``x`` of ``x.shape if x is not None else y.shape``: one of the two has to be there."""
    name, given = _given(node.test)
    there, instead = (node.body, node.orelse) if given else (node.orelse, node.body)
    taken = [
        {part.id for n in _certain(arm) for part in _taken_apart(n) if isinstance(part, ast.Name)}
        for arm in (there, instead)
    ]
    return name if name in names & taken[0] and names & taken[1] - {name} else ""


def _or_raises(statement: ast.If, names: set[str]) -> str:
    """The first of what is asked for one after the other, where it is an error to have none; what
    must not be None."""
    arms = [statement]
    while len(arms[-1].orelse) == 1 and isinstance(below := arms[-1].orelse[0], ast.If):
        arms.append(below)
    asked = [_given(arm.test) for arm in arms]
    name, given = asked[0]
    if not given and name in names and isinstance(statement.body[-1], ast.Raise):
        return name
    last = arms[-1].orelse
    wanted = (name for name, given in asked if given and name in names)
    return next(wanted, "") if last and isinstance(last[-1], ast.Raise) else ""


def _given(test: ast.expr) -> tuple[str, bool]:
    """``x is not None``, ``x is None``: the name, and whether it is given then."""
    if isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and is_none(test.comparators[0]):
        return test.left.id, isinstance(test.ops[0], (ast.IsNot, ast.NotEq))
    return "", False


def _certain(value: ast.expr) -> Iterator[ast.AST]:
    """The parts of an expression that are evaluated in any case; of a choice, the choice itself."""
    todo: list[ast.AST] = [value]
    while todo:
        node = todo.pop()
        if not isinstance(node, (ast.BoolOp, ast.Lambda, ast.ListComp, ast.GeneratorExp)):
            yield node
        if not isinstance(node, (ast.IfExp, ast.BoolOp, ast.Lambda, ast.ListComp, ast.GeneratorExp)):
            todo += ast.iter_child_nodes(node)


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
