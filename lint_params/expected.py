"""Code that is meant to fail: tests and demonstrations of what torch refuses."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from lint_params.trees import expects_error, goes_on, last_name, walk

_CALLS = re.compile(r"(assert|check|expect|should|must)?_?raises", re.IGNORECASE)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_MARKS = ("xfail", "expectedFailure")
#: A ``try`` with more in it is there for what goes wrong outside, and not for one call.
_FEW = 2
#: And so is one around a whole training loop.
_LONG = (ast.For, ast.AsyncFor, ast.While, ast.ClassDef, *_FUNCTIONS)


def meant_to_fail(tree: ast.Module) -> list[tuple[int, int]]:
    """The lines, first and last, of what is expected to raise, and of what is made for nothing else."""
    return _lines(_Expected(tree).parts())


def tried(tree: ast.Module) -> list[tuple[int, int]]:
    """The lines of a call or two in a ``try`` that goes on without them: what is refused there is
    refused on purpose; what is wrong in silence is as wrong as elsewhere."""
    return _lines(part for one in walk(tree) for part in _tried(one))


def _lines(nodes: Iterable[ast.AST]) -> list[tuple[int, int]]:
    return [(getattr(one, "lineno", 0), getattr(one, "end_lineno", 0)) for one in nodes]


class _Expected:
    def __init__(self, tree: ast.Module) -> None:
        self.nodes = list(walk(tree))
        self.insisting = {one.name for one in self.nodes if isinstance(one, _FUNCTIONS) and _insists(one)}
        self.found: list[ast.AST] = [part for one in self.nodes for part in self._shown(one)]
        self.inside = {id(part) for one in self.found for part in walk(one)}

    def parts(self) -> list[ast.AST]:
        """A class, function or lambda that only such code uses belongs to it, and so on."""
        homes = [one for one in self.nodes if isinstance(one, (ast.Module, *_FUNCTIONS))]
        todo = [(home, one) for home in homes for one in _named(home)]
        count = -1 if self.found else 0
        while count != len(self.found):
            count = len(self.found)
            for home, (names, parts, own) in todo:
                if id(parts[0]) not in self.inside and self._only_inside(home, names, own):
                    self.found += parts
                    self.inside |= {id(below) for part in parts for below in walk(part)}
        return self.found

    def _shown(self, node: ast.AST) -> Iterator[ast.AST]:
        """What the statement or call itself says to fail."""
        if isinstance(node, (ast.With, ast.AsyncWith)):
            calls = [one.context_expr for one in node.items if isinstance(one.context_expr, ast.Call)]
            if expects_error(node) or any(last_name(one.func) in self.insisting for one in calls):
                yield node
        elif isinstance(node, ast.Call):
            name = last_name(node.func)
            if name in self.insisting or len(node.args) > 1 and _CALLS.match(name):
                yield node
        elif isinstance(node, ast.Try):
            if any(map(_complains, node.orelse)):
                yield from _tried(node)
        elif isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            marks = [last_name(d.func if isinstance(d, ast.Call) else d) for d in node.decorator_list]
            if any(mark in marks for mark in _MARKS):
                yield node

    def _only_inside(self, home: ast.AST, names: list[str], own: ast.AST) -> bool:
        """Whether all uses of the names, one at least, are in what shall fail."""
        mine = {id(part) for part in walk(own)}
        uses = [
            one
            for one in walk(home)
            if isinstance(one, ast.Name) and one.id in names and isinstance(one.ctx, ast.Load)
            and id(one) not in mine
        ]
        return bool(uses) and all(id(one) in self.inside for one in uses)


def _tried(node: ast.AST) -> list[ast.stmt]:
    """A call or two in a ``try`` that goes on without them: what they run is there for others, too."""
    if not isinstance(node, ast.Try) or not any(map(goes_on, node.handlers)):
        return []
    inside = [one for one in walk(*node.body) if isinstance(one, ast.stmt) and not isinstance(one, ast.With)]
    return node.body if len(inside) <= _FEW and not any(isinstance(one, _LONG) for one in inside) else []


def _named(home: ast.AST) -> Iterator[tuple[list[str], list[ast.AST], ast.AST]]:
    """Names of code that does not run where it stands, with that code, and the node in which uses
    do not count."""
    for node in walk(*getattr(home, "body", ()), within=True):
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            yield [node.name], [node], node
        elif isinstance(node, ast.For) and isinstance(node.target, ast.Name) and (parts := _later(node.iter)):
            yield [node.target.id], parts, node.iter
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            yield [last_name(one) for one in node.targets], [node.value], node.value
    for given in getattr(home, "decorator_list", ()):
        if isinstance(given, ast.Call) and last_name(given.func) == "parametrize" and len(given.args) > 1:
            names = given.args[0]
            if isinstance(names, ast.Constant) and isinstance(names.value, str) and (parts := _later(given.args[1])):
                yield [one.strip() for one in names.value.split(",")], parts, given


def _later(values: ast.AST) -> list[ast.AST]:
    """What a list or tuple names or says without running it."""
    return [one for one in walk(values, within=True) if isinstance(one, (ast.Lambda, ast.Name))]


def _insists(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """A helper that runs what it is given, or the block of its ``with``, and complains if nothing is
    raised."""
    given = {one.arg for one in node.args.args}
    for part in walk(*node.body, within=True):
        if not isinstance(part, ast.Try) or not any(map(goes_on, part.handlers)):
            continue
        runs = any(
            isinstance(one, ast.Yield) or isinstance(one, ast.Call) and last_name(one.func) in given
            for one in walk(*part.body)
        )
        caught = {id(one) for handler in part.handlers for one in walk(handler)}
        if runs and any(_complains(one) and id(one) not in caught for one in walk(*node.body)):
            return True
    return False


def _complains(node: ast.AST) -> bool:
    node = node.value if isinstance(node, ast.Expr) else node
    return isinstance(node, (ast.Raise, ast.Assert)) or isinstance(node, ast.Call) and last_name(node.func) == "fail"
