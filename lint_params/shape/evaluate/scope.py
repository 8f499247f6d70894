"""Where names are looked up: a function's locals, its enclosing functions, the file, builtins."""

from __future__ import annotations

import ast
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lint_params.names import canonical, dotted
from lint_params.shape.evaluate.state import changed_classes, changed_globals
from lint_params.shape.value import (
    ClassRef,
    Config,
    Dict,
    External,
    Function,
    Instance,
    Parser,
    Unknown,
    Value,
)
from lint_params.trees import last_name, walk

if TYPE_CHECKING:
    from lint_params.project import SourceFile
    from lint_params.shape.evaluate.interpreter import Interpreter

MISSING = object()
#: Where a tree keeps what its own statements change.
_CHANGED = "_lint_params_changes"


class Scope:
    """The locals of one call. ``returns`` collects what the call has returned so far, and ``exits``
    what it had written on each way out that it only perhaps took."""

    __slots__ = ("vars", "parent", "file", "function", "returns", "exits", "broke", "rounds", "outer")

    def __init__(
        self, file: FileScope, parent: Scope | None = None, function: Function | None = None
    ):
        self.vars: dict[str, Value] = {}
        self.parent = parent
        self.file = file
        self.function = function
        self.returns: list[Value] = []
        self.exits: list[dict[Any, Any]] = []
        self.broke = False
        self.rounds = 1  # of all loops around what runs
        self.outer: dict[str, Scope] = {}  # names declared nonlocal or global

    def lookup(self, it: Interpreter, name: str) -> Value:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.vars:
                return scope.vars[name]
            scope = scope.parent
        return self.file.lookup(it, name)

    def owner(self, name: str) -> Scope:
        """The scope that already holds the name, for ``nonlocal``; else this one."""
        scope: Scope | None = self.parent
        while scope is not None:
            if name in scope.vars:
                return scope
            scope = scope.parent
        return self


class FileScope:
    """The module-level names of one file, evaluated when asked for."""

    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self.values: dict[str, Value] = {}
        self._builtins: dict[str, Value] = {}
        self.busy: set[str] = set()
        self.qualified: dict[tuple[str, bool], Value] = {}
        self._changed: dict[str, set[Any]] | None = None
        self.decorated: dict[int, Value] = {}  # by function, see there
        self.running: int | None = None  # the line to which the file's own code has come

    def lookup(self, it: Interpreter, name: str) -> Value:
        if self.running is not None and self._is_bound_below(name, self.running):
            return Unknown("bound later")
        if name in self.values:
            return it.read(self.values[name])
        if name in self._builtins:
            return self._builtins[name]
        if name in self.busy:
            return Unknown("circular definition")
        self.busy.add(name)
        try:
            value = self._evaluate(it, name)
        finally:
            self.busy.discard(name)
        if value is MISSING:
            value = self._builtins[name] = it.builtin(name)
            return value
        value = self.values[name] = self._as_changed(name, value)
        if isinstance(value, Dict) and not value.items:
            from lint_params.shape.evaluate.registries import fill, registrars_of

            fill(it, self.file, value, registrars_of(self.file, name))
        if isinstance(value, Parser):
            self._options_of(it, name)
        return it.read(value)

    def _is_bound_below(self, name: str, line: int) -> bool:
        """Whether a name gets the value that it ends with only later: till then it has another, or none."""
        bound = self.file.names.bindings.get(name)
        if bound is None or isinstance(bound, str) or bound.lineno <= line:
            return False
        return isinstance(bound, ast.expr) or name in self.file.names.ambiguous

    def _as_changed(self, name: str, value: Value) -> Value:
        """The value without what later statements set in it: ``opt.width = 8``."""
        changed = self._changes().get(name, ())
        if None in changed:
            return Unknown("changed afterwards")
        for key in changed:
            if isinstance(value, Dict):
                value.items[key] = Unknown("changed afterwards")
            elif isinstance(value, (Instance, Config, ClassRef)):
                value.attrs[key] = Unknown("changed afterwards")
        return value

    def changes_of(self, name: str) -> set[Any]:
        """What is set from outside of a class that the file defines."""
        return self._changes().get(name, set())

    def _changes(self) -> dict[str, set[Any]]:
        """What the file's own statements set in its names: attributes and items, None for any; and
        what its functions set of its classes and of names that they declare global."""
        if self._changed is None:
            self._changed = getattr(self.file.tree, _CHANGED, None)  # of a file that others import, too
        if self._changed is None:
            self._changed = {}
            setattr(self.file.tree, _CHANGED, self._changed)
            self._changes_in_functions(self._changed)
            for name, keys in changed_classes(self.file.tree).items():
                self._changed.setdefault(name, set()).update(keys)
            pending: list[ast.stmt] = list(self.file.tree.body)
            while pending:
                statement = pending.pop()
                if isinstance(statement, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                    continue
                pending += [n for n in ast.iter_child_nodes(statement) if isinstance(n, ast.stmt)]
                targets = getattr(statement, "targets", [getattr(statement, "target", None)])
                for target in targets:
                    if isinstance(target, (ast.Attribute, ast.Subscript)):
                        if isinstance(target.value, ast.Name):
                            keys = self._changed.setdefault(target.value.id, set())
                            keys.add(_key_of(target))
        return self._changed

    def _changes_in_functions(self, into: dict[str, set[Any]]) -> None:
        bindings = self.file.names.bindings
        for node in walk(self.file.tree):
            if isinstance(node, ast.Global):
                for name in node.names:
                    into.setdefault(name, set()).add(None)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                if isinstance(node.value, ast.Name) and isinstance(bindings.get(node.value.id), ast.ClassDef):
                    into.setdefault(node.value.id, set()).add(node.attr)
            elif isinstance(node, ast.Call) and last_name(node.func) in ("setattr", "object") and len(node.args) > 1:
                owner, key = node.args[:2]  # also monkeypatch.setattr and mock.patch.object
                if isinstance(owner, ast.Name) and isinstance(bindings.get(owner.id), ast.ClassDef):
                    into.setdefault(owner.id, set()).add(getattr(key, "value", None))

    @cached_property
    def changed_globals(self) -> frozenset[str]:
        """Names of the file whose values its functions change in place, or bind again."""
        return changed_globals(self.file.tree)

    def _options_of(self, it: Interpreter, name: str) -> None:
        """Run the calls that give a parser its options: they are statements of their own."""
        for statement in self.file.tree.body:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
                call = statement.value
                if (dotted(call.func) or "").startswith(f"{name}."):
                    it.aside(lambda c=call: it.eval(c, Scope(self)), self.file.path)  # type: ignore[misc]

    def _evaluate(self, it: Interpreter, name: str) -> Value:
        names = self.file.names
        bound = names.bindings.get(name)
        if bound is None:
            for star in names.stars:
                hit = it.qualified(f"{star}.{name}", self.file, known_only=True)
                if hit is not MISSING:
                    return hit
            return self._chosen(it, name) if name in names.ambiguous else MISSING
        if name in names.ambiguous:
            return self._chosen(it, name)
        if isinstance(bound, str):
            return it.qualified(bound, self.file)
        return self.define(it, bound)

    def _chosen(self, it: Interpreter, name: str) -> Value:
        from lint_params.shape.evaluate.rebound import last_binding

        return last_binding(it, self, name)

    def define(self, it: Interpreter, node: ast.AST) -> Value:
        if isinstance(node, ast.ClassDef):
            from lint_params.shape.evaluate.hooks import is_made_over

            if is_made_over(it, node, Scope(self)):
                return Unknown("a class that is made over")
            return ClassRef(node, self.file)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return Function(node, self.file)
        if isinstance(node, ast.expr):
            return it.aside(lambda: it.eval(node, Scope(self)), self.file.path)
        return Unknown("module-level name")


def _key_of(target: ast.Attribute | ast.Subscript) -> Any:
    if isinstance(target, ast.Attribute):
        return target.attr
    key = target.slice
    return key.value if isinstance(key, ast.Constant) else None


def qualified_value(it: Interpreter, name: str, file: SourceFile, known_only: bool) -> Any:
    """The value of a dotted name that an import brings in: the project's own, or External."""
    known = it.file_scope(file).qualified
    value = known.get((name, known_only))
    if value is None:
        value = _qualified(it, name, file, known_only)
        if not isinstance(value, Unknown):  # which may be known once its definition has ended
            known[name, known_only] = value
    return it.read(value)


def _qualified(it: Interpreter, name: str, file: SourceFile, known_only: bool) -> Any:
    hit = it.project.resolve(name, file) if it.project is not None else None
    if hit is not None:
        where, node = hit
        scope = it.file_scope(where)
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            return scope.lookup(it, node.name)
        for key, bound in where.names.bindings.items():
            if bound is node:
                return scope.lookup(it, key)
        return Unknown("module-level name")
    if it.project is not None:
        target = it.project.external(name, file)
        ours = target is not None and target != canonical(name)  # what a file of ours imports
        if target is not None:
            name = target
        elif known_only:
            return MISSING
        if ours:
            return External(canonical(name))
    name = canonical(name)
    if known_only and not it.known_external(name):
        return MISSING
    return External(name)
