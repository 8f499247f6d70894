"""One descent over a file: scopes, their nodes by type, and the parent of every node.

A function's body is walked when somebody first asks for its nodes; class bodies and the
module's own code are walked at once, because the scopes in them are named there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeVar

from lint_params.trees import FIELDS

Function = ast.FunctionDef | ast.AsyncFunctionDef
N = TypeVar("N", bound=ast.AST)

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Scope:
    """The module, a class body or a function; lambdas and comprehensions belong to theirs."""

    def __init__(
        self, index: Index, node: ast.Module | ast.ClassDef | Function, parent: Scope | None
    ) -> None:
        self.index = index
        self.node = node
        self.parent = parent
        self.is_class = isinstance(node, ast.ClassDef)
        self.is_function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        self.name = "" if isinstance(node, ast.Module) else node.name
        above = parent.qualname if parent is not None else ""
        self.qualname: str = f"{above}.{self.name}" if above else self.name
        self._nodes: dict[type, list[ast.AST]] | None = None
        self._children: list[Scope] = []
        self._bound: dict[str, list[ast.AST]] | None = None
        self._binders: dict[str, Scope | None] = {}

    # -- what stands in it -------------------------------------------------------------
    def nodes(self, *types: type[N]) -> list[N]:
        """All nodes of these types in this scope itself, in source order for one type."""
        table = self._walked()
        if len(types) == 1:
            return table.get(types[0], [])  # type: ignore[return-value]
        return [node for kind in types for node in table.get(kind, ())]  # type: ignore[misc]

    @property
    def assignments(self) -> list[ast.Assign | ast.AnnAssign]:
        """Assignments of this scope itself, those with an annotation last."""
        return [*self.nodes(ast.Assign), *(one for one in self.nodes(ast.AnnAssign) if one.value is not None)]

    @property
    def children(self) -> list[Scope]:
        """Functions and classes defined directly in this scope."""
        self._walked()
        return self._children

    def within(self) -> Iterator[Scope]:
        """This scope and all scopes inside it."""
        yield self
        for child in self.children:
            yield from child.within()

    def _walked(self) -> dict[type, list[ast.AST]]:
        if self._nodes is None:
            self._nodes = self.index.walk(self)
        return self._nodes

    # -- names -------------------------------------------------------------------------
    @property
    def bound(self) -> dict[str, list[ast.AST]]:
        """Local names (arguments, assignments, imports, definitions) to what binds them."""
        if self._bound is None:
            self._bound = _bindings(self)
        return self._bound

    def binder(self, name: str) -> Scope | None:
        """The function or class scope whose binding a name in this scope means, if any."""
        known = self._binders
        if name not in known:
            scope: Scope | None = self
            while scope is not None and scope.parent is not None:
                if (scope is self or not scope.is_class) and name in scope.bound:
                    break
                scope = scope.parent
            known[name] = scope if scope is not None and scope.parent is not None else None
        return known[name]

    @property
    def arguments(self) -> list[ast.arg]:
        if not isinstance(self.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return []
        args = self.node.args
        return [
            *args.posonlyargs,
            *args.args,
            *([args.vararg] if args.vararg else []),
            *args.kwonlyargs,
            *([args.kwarg] if args.kwarg else []),
        ]

    @property
    def decorators(self) -> list[ast.expr]:
        return [] if isinstance(self.node, ast.Module) else self.node.decorator_list

    @property
    def owner(self) -> Scope | None:
        """The class that this function is a method of."""
        parent = self.parent
        return parent if self.is_function and parent is not None and parent.is_class else None

    @property
    def self_name(self) -> str | None:
        """What a method calls its instance; None in static and class methods, and outside."""
        if self._is_marked("staticmethod", "classmethod"):
            return None
        if self.name in ("__new__", "__init_subclass__", "__class_getitem__"):
            return None
        return self._first_argument()

    @property
    def class_name(self) -> str | None:
        """What a class method calls its class; None elsewhere."""
        return self._first_argument() if self._is_marked("classmethod") else None

    def _is_marked(self, *builtins: str) -> bool:
        return any(isinstance(one, ast.Name) and one.id in builtins for one in self.decorators)

    def _first_argument(self) -> str | None:
        """That of a method, whatever is given for it; None elsewhere."""
        if self.owner is None or not isinstance(self.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return None
        args = self.node.args.posonlyargs or self.node.args.args
        return args[0].arg if args else None

    @property
    def instance_name(self) -> str | None:
        """``self`` of this method, or of the method around a nested function."""
        scope: Scope | None = self
        while scope is not None and not scope.is_class:
            name = scope.self_name
            if name is not None:
                return name
            scope = scope.parent
        return None

    @property
    def method(self) -> Scope | None:
        """The method that this scope is, or that the nested function stands in."""
        scope: Scope | None = self
        while scope is not None and scope.owner is None:
            scope = scope.parent
        return scope

    def has_decorator(self, *names: str) -> bool:
        """Whether a decorator's last name is one of ``names`` (``property``, ``no_grad`` ...)."""
        for decorator in self.decorators:
            target = decorator.func if isinstance(decorator, ast.Call) else decorator
            last = getattr(target, "attr", getattr(target, "id", None))
            if last in names:
                return True
        return False

    def __repr__(self) -> str:
        return f"<Scope {self.qualname or 'module'}>"


class Index:
    """Parents of nodes, and the scope that each scope's node opens."""

    def __init__(self, tree: ast.Module) -> None:
        self.parents: dict[ast.AST, ast.AST] = {}
        self.scopes: dict[ast.AST, Scope] = {}
        self._outside: set[ast.AST] = set()
        self._scope_of: dict[ast.AST, Scope] = {}
        self.module = Scope(self, tree, None)
        self.scopes[tree] = self.module

    def walk(self, scope: Scope) -> dict[type, list[ast.AST]]:
        parents, table, top = self.parents, {}, scope.node  # type: ignore[var-annotated]
        stack: list[ast.AST] = list(reversed(top.body))
        for statement in stack:
            parents[statement] = top
        fields, push = FIELDS, stack.append
        while stack:
            node = stack.pop()
            kind = node.__class__
            if kind in table:
                table[kind].append(node)
            else:
                table[kind] = [node]
            if kind in _SCOPES:
                child = Scope(self, node, scope)  # type: ignore[arg-type]
                scope._children.append(child)
                self.scopes[node] = child
                for part in reversed(_outside(node)):
                    parents[part] = node
                    self._outside.add(part)
                    push(part)
                continue
            for name in reversed(fields[kind]):
                value = getattr(node, name, None)
                if value.__class__ is list:
                    for part in reversed(value):
                        if part is not None:
                            parents[part] = node
                            push(part)
                elif value is not None:
                    parents[value] = node
                    push(value)
        return table

    def release(self) -> None:
        """Take the circles of scopes apart; nobody asks any more."""
        for scope in self.scopes.values():
            vars(scope).clear()
        vars(self).clear()

    def scope_of(self, node: ast.AST) -> Scope:
        """The scope in which a node stands; decorators and defaults stand outside theirs."""
        parents, known = self.parents, self._scope_of
        current: ast.AST | None = node
        while current is not None and not isinstance(current, ast.stmt):
            if current in self._outside:
                break
            current = parents.get(current)
        if current is None:
            return self.module
        scope = known.get(current)
        if scope is None:
            scope = known[current] = self._search(current)
        return scope

    def _search(self, node: ast.AST) -> Scope:
        parents, scopes, outside = self.parents, self.scopes, self._outside
        below = node
        current = parents.get(node)
        while current is not None:
            if current in scopes and below not in outside:
                return scopes[current]
            below, current = current, parents.get(current)
        return self.module

    def statement(self, node: ast.AST) -> ast.stmt | None:
        """The innermost statement that contains the node (or is it)."""
        current: ast.AST | None = node
        while current is not None and not isinstance(current, ast.stmt):
            current = self.parents.get(current)
        return current

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Parents up to and including the function, class or module node around it."""
        current = self.parents.get(node)
        while current is not None:
            yield current
            if current in self.scopes:
                return
            current = self.parents.get(current)


def _outside(node: ast.AST) -> list[ast.AST]:
    """What is evaluated outside a definition's own scope."""
    parts: list[ast.AST] = list(node.decorator_list)  # type: ignore[attr-defined]
    if isinstance(node, ast.ClassDef):
        return [*parts, *node.bases, *node.keywords]
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        args = node.args
        parts += args.defaults
        parts += [default for default in args.kw_defaults if default is not None]
        everyone = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
        parts += [one.annotation for one in everyone if one is not None and one.annotation]
        if node.returns is not None:
            parts.append(node.returns)
    return parts


def _bindings(scope: Scope) -> dict[str, list[ast.AST]]:
    bound: dict[str, list[ast.AST]] = {}
    for argument in scope.arguments:
        bound.setdefault(argument.arg, []).append(argument)
    elsewhere = {
        name
        for statement in scope.nodes(ast.Global, ast.Nonlocal)
        for name in statement.names  # type: ignore[attr-defined]
    }
    for node in scope.nodes(ast.Name):
        if not isinstance(node.ctx, ast.Load) and node.id not in elsewhere:
            if not _in_comprehension(scope.index, node):
                bound.setdefault(node.id, []).append(node)
    for definition in scope.children:
        bound.setdefault(definition.name, []).append(definition.node)
    for statement in scope.nodes(ast.Import, ast.ImportFrom):
        for alias in statement.names:  # type: ignore[attr-defined]
            name = alias.asname or (
                alias.name.partition(".")[0] if isinstance(statement, ast.Import) else alias.name
            )
            bound.setdefault(name, []).append(statement)
    for handler in scope.nodes(ast.ExceptHandler):
        if handler.name:
            bound.setdefault(handler.name, []).append(handler)
    for pattern in scope.nodes(ast.MatchAs, ast.MatchStar):
        if pattern.name:  # type: ignore[attr-defined]
            bound.setdefault(pattern.name, []).append(pattern)  # type: ignore[attr-defined]
    for mapping in scope.nodes(ast.MatchMapping):
        if mapping.rest:
            bound.setdefault(mapping.rest, []).append(mapping)
    return bound


def _in_comprehension(index: Index, name: ast.Name) -> bool:
    """Whether a stored name is the target of a comprehension (its own little scope)."""
    current = index.parents.get(name)
    while isinstance(current, (ast.Tuple, ast.List, ast.Starred)):
        current = index.parents.get(current)
    return isinstance(current, ast.comprehension)
