"""What the callers of a class in its own file hand to its constructor: layers, functions, texts.

An argument that chooses the structure (``norm_layer``, ``block``) has no symbol to stand for it.
Where a caller can be read, what that one hands over is one instance that the author had in mind.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lint_params.project import SourceFile
from lint_params.shape.evaluate.scope import Scope
from lint_params.shape.runs.arguments import Mode, chooses, constructor_argument, parameters
from lint_params.shape.value import Dict, Instance, Unknown, Value
from lint_params.trees import is_self, walk

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter

MOST_CALLERS = 8
DEPTH = 4
AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef


class Callers:
    """The calls of plain names in one file, and what they hand over."""

    def __init__(self, it: Interpreter, file: SourceFile, calls: dict[str, list[ast.Call]]) -> None:
        self.it = it
        self.file = file
        self.calls = calls
        self._functions: list[tuple[AnyFunction, str]] | None = None
        self._handed: dict[tuple[str, str, int], Value | None] = {}
        self._assigned: dict[int, dict[str, ast.Assign]] = {}

    def handed(self, name: str, fn: ast.FunctionDef, arg: str, depth: int = 0) -> Value | None:
        """What the first caller of class ``name`` that can be read gives for ``arg``, or None."""
        key = (name, arg, depth)
        if key not in self._handed:  # each run of the class asks again, and it is no run's own
            self._handed[key] = self._hand(name, fn, arg, depth)
        return self._handed[key]

    def _hand(self, name: str, fn: ast.FunctionDef, arg: str, depth: int) -> Value | None:
        for call in self.calls.get(name, ())[:MOST_CALLERS] if depth < DEPTH else ():
            node = argument(call, fn, arg)
            if node is None:
                value = self._unpacked(call, arg, depth)
            else:
                value = self._read(node, *self._around(call), depth + 1)
            if chooses(value):
                return value
        return None

    def _unpacked(self, call: ast.Call, arg: str, depth: int) -> Value | None:
        """What ``**settings`` of a call holds for ``arg``, if that can be read."""
        for keyword in call.keywords:
            if keyword.arg is None:
                made = self._read(keyword.value, *self._around(call), depth + 1)
                if isinstance(made, Dict) and arg in made.items:
                    return made.items[arg]
        return None

    def _around(self, call: ast.Call) -> tuple[AnyFunction | None, str]:
        """The innermost function that a call stands in, and the class whose method that is."""
        if self._functions is None:
            self._functions = []
            for node in walk(self.file.tree):
                if isinstance(node, ast.expr):
                    continue
                owner = node.name if isinstance(node, ast.ClassDef) else ""
                body = getattr(node, "body", None)
                for inner in body if isinstance(body, list) else ():
                    if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef)):
                        self._functions.append((inner, owner))
        best: tuple[AnyFunction | None, str] = (None, "")
        for fn, owner in self._functions:  # outer ones come first
            if fn.lineno <= call.lineno <= (fn.end_lineno or fn.lineno):
                best = fn, owner
        return best

    def _read(self, node: ast.expr, fn: AnyFunction | None, owner: str, depth: int) -> Value:
        scope = Scope(self.it.file_scope(self.file))
        if fn is not None:
            node = _assigned_to(node, fn)
            for name in _names(node):
                value = self._local(name, fn, owner, depth)
                if value is not None:
                    scope.vars[name] = value
        return self.it.aside(lambda: self.it.eval(node, scope), self.file.path)

    def _local(self, name: str, fn: AnyFunction, owner: str, depth: int) -> Value | None:
        """The value of a local name: an argument as it is by default, or what is assigned to it."""
        found: Value | None = None
        for arg, default in parameters(fn.args):
            if arg.arg == name:
                if owner and isinstance(fn, ast.FunctionDef) and fn.name == "__init__":
                    found = self.handed(owner, fn, name, depth)
                if found is None:  # nobody in sight says otherwise
                    found = self._free(arg) if default is None else self._read(default, None, "", 0)
        if fn.args.kwarg is not None and fn.args.kwarg.arg == name:
            found = Dict({})
        statement = self._assignments(fn).get(name) if depth < DEPTH else None
        if statement is None:
            return found
        scope = Scope(self.it.file_scope(self.file))
        for other in _names(statement.value):
            value = found if other == name else self._local(other, fn, owner, depth + 1)
            if value is not None:
                scope.vars[other] = value
        return self.it.aside(lambda: self.it.eval(statement.value, scope), self.file.path)

    def _free(self, arg: ast.arg) -> Value:
        """An argument that nobody gives: a configuration of the project as it is by default."""
        scope = Scope(self.it.file_scope(self.file))
        make = lambda: constructor_argument(self.it, arg, None, scope, Mode.DEFAULTS)  # noqa: E731
        made = self.it.aside(make, self.file.path)
        return made if isinstance(made, Instance) else Unknown("argument")

    def _assignments(self, fn: AnyFunction) -> dict[str, ast.Assign]:
        """The first assignment to each local name alone; one under no condition before others."""
        known = self._assigned.get(id(fn))
        if known is None:
            known = self._assigned[id(fn)] = {}
            for node in ast.walk(fn):  # level by level
                if isinstance(node, ast.Assign) and len(node.targets) == 1:
                    target = node.targets[0]
                    if isinstance(target, ast.Name):
                        known.setdefault(target.id, node)
        return known


def _assigned_to(node: ast.expr, fn: AnyFunction) -> ast.expr:
    """What ``self.norm_type`` was set to in the same constructor, once and in any case."""
    if isinstance(node, ast.Attribute) and is_self(node.value):
        given = [
            part
            for part in walk(fn)
            if isinstance(part, ast.Assign)
            and any(isinstance(t, ast.Attribute) and is_self(t.value) and t.attr == node.attr for t in part.targets)
        ]
        return given[0].value if len(given) == 1 and given[0] in fn.body else node
    return node


def _names(node: ast.expr) -> set[str]:
    return {n.id for n in walk(node) if isinstance(n, ast.Name)}


def argument(call: ast.Call, fn: ast.FunctionDef, name: str) -> ast.expr | None:
    """The expression that a call gives for a parameter of the constructor."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    names = [arg.arg for arg, _ in parameters(fn.args)[1:]]
    at = names.index(name) if name in names else len(call.args)
    if at >= len(call.args) or any(isinstance(a, ast.Starred) for a in call.args[: at + 1]):
        return None
    return call.args[at]
