"""What the file itself says about how to call a class: call sites, keys, literal choices.

Works on the tree and on the live namespace of the imported module. Child only.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import types
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any

from lint_params.shape.runs.taken import Classes, Taken
from lint_params.verify.made_up.hints import Hints
from lint_params.verify.made_up.scopes import Scope, Scopes


class FileView:
    """The file's tree beside its imported module."""

    def __init__(self, module: types.ModuleType, tree: ast.Module) -> None:
        self.module = module
        self.tree = tree
        #: Views of the project's other files that call a name, tests first.
        self.others: Callable[[str], Iterable[FileView]] = lambda name: ()
        #: (class, view of its file) of the classes in them that do.
        self.outer: Callable[[str], Iterable[tuple[str, FileView]]] = lambda name: ()
        self.scopes = Scopes(tree)
        self._classes: Classes | None = None

    def find(self, subject: str) -> ast.AST | None:
        """The definition with this dotted name."""
        here: ast.AST = self.tree
        for part in subject.split(".") if subject else ():
            if part == "<locals>":
                continue
            found = next(
                (
                    node
                    for node in ast.walk(here)
                    if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
                    and node.name == part
                    and node is not here
                ),
                None,
            )
            if found is None:
                return None
            here = found
        return here

    def taken(self, kind: type) -> Taken:
        """What the static part knows of a class of this file and of what its forward takes."""
        path = getattr(self.module, "__file__", None)
        if kind.__module__ != self.module.__name__ or "." in kind.__qualname__ or not path:
            return Taken()
        if self._classes is None:
            self._classes = Classes(path, self.tree)
        with contextlib.suppress(Exception):  # what cannot be read is guessed
            return self._classes.taken(kind.__name__)
        return Taken()

    def live(self, subject: str) -> Any:
        """The object with this dotted name, None if it only exists inside a call."""
        value: Any = self.module
        for part in subject.split("."):
            value = getattr(value, part, None)
            if value is None:
                return None
        return value

    def complete(self, subject: str) -> None:
        """Give the module what a class uses of it and only ``if __name__ == "__main__"`` sets."""
        space = vars(self.module)
        node = self.find(subject)
        for name in ast.walk(node) if node is not None else ():
            if not isinstance(name, ast.Name) or name.id in space or hasattr(builtins, name.id):
                continue
            with contextlib.suppress(Exception):
                value = self._main_value(name.id, None, dict(space), None, 0)
                if value is not _MISSING:
                    space[name.id] = value

    def calls_of(self, name: str) -> Iterator[ast.Call]:
        """Every call in the file of something with this name, not from inside itself."""
        for node in self.scopes.calls.get(name, ()):
            if not self._inside(node, name):
                yield node

    def assigned_call(self, name: str, at: ast.AST) -> ast.Call | None:
        """The call whose result a variable holds where it is used, if that is so simple."""
        scope: Scope = self.scopes.of.get(at)
        line = getattr(at, "lineno", 0)
        while True:
            best = self.scopes.last(scope, name, line)
            if best is not None:
                targets = best.targets
                plain = len(targets) == 1 and isinstance(targets[0], ast.Name)
                return best.value if plain and isinstance(best.value, ast.Call) else None
            if scope is None:
                return None
            scope = self.scopes.of.get(scope)

    def meant_to_fail(self, node: ast.AST) -> bool:
        """``with pytest.raises(...)``, a ``try`` with handlers, a test that may fail."""
        up = self.scopes.parents.get(node)
        while up is not None:
            if isinstance(up, ast.Try) and up.handlers:
                return True
            if isinstance(up, (ast.With, ast.AsyncWith)):
                if any("raises" in ast.unparse(i.context_expr).lower() for i in up.items):
                    return True
            if isinstance(up, ast.FunctionDef):
                if any("xfail" in ast.unparse(each) for each in up.decorator_list):
                    return True
            up = self.scopes.parents.get(up)
        return False

    def _inside(self, node: ast.AST, name: str) -> bool:
        up = self.scopes.of.get(node)
        while up is not None:
            if isinstance(up, ast.ClassDef) and up.name == name:
                return True
            up = self.scopes.of.get(up)
        return False

    # -- values of expressions -----------------------------------------------------------
    def value(self, node: ast.expr, made_up: Callable[[str], Any] | None = None) -> Any:
        """The value of an expression where it stands; raises if it cannot be known.

        Local names are resolved through their assignments and through the defaults of the
        enclosing function; ``made_up(name)`` supplies arguments that have no default.
        """
        space = dict(vars(self.module))
        self._resolve(node, node, space, made_up, 0)
        code = compile(ast.Expression(_clean(node)), "<call site>", "eval")
        return eval(code, space)

    def _resolve(
        self,
        node: ast.AST,
        at: ast.AST,
        space: dict[str, Any],
        made_up: Callable[[str], Any] | None,
        depth: int,
    ) -> None:
        bound = {
            name.id
            for name in ast.walk(node)
            if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
        }
        for name in ast.walk(node):
            if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Load):
                if name.id in bound:
                    continue
                function = self.scopes.of.get(at)
                while function is not None:
                    if isinstance(function, ast.FunctionDef):
                        local = self._local(function, name.id, at, space, made_up, depth)
                        if local is not _MISSING:
                            space[name.id] = local
                            break
                    function = self.scopes.of.get(function)
                else:
                    if name.id not in space:
                        main = self._main_value(name.id, at, space, made_up, depth)
                        if main is not _MISSING:
                            space[name.id] = main

    def _main_value(
        self, name: str, at: ast.AST | None, space: dict[str, Any], made_up: Any, depth: int
    ) -> Any:
        """A name bound only under ``if __name__ == "__main__"``, before ``at`` if that stands there."""
        there = at if at is not None and self.scopes.of.get(at) is None else None
        return self._assigned(None, name, there, space, made_up, depth)

    def _local(
        self,
        function: ast.FunctionDef,
        name: str,
        at: ast.AST,
        space: dict[str, Any],
        made_up: Callable[[str], Any] | None,
        depth: int,
    ) -> Any:
        found = self._assigned(function, name, at, space, made_up, depth)
        if found is not _MISSING:
            return found
        args = function.args
        every = args.posonlyargs + args.args
        defaults = dict(
            zip([a.arg for a in every][len(every) - len(args.defaults) :], args.defaults)
        )
        defaults.update(
            {a.arg: d for a, d in zip(args.kwonlyargs, args.kw_defaults) if d is not None}
        )
        if name in defaults:
            return eval(compile(ast.Expression(defaults[name]), "<default>", "eval"), dict(space))
        if any(name == a.arg for a in every + args.kwonlyargs):
            if made_up is None:
                raise NameError(name)
            return made_up(name)
        return _MISSING

    def _assigned(
        self,
        scope: Scope,
        name: str,
        at: ast.AST | None,
        space: dict[str, Any],
        made_up: Callable[[str], Any] | None,
        depth: int,
    ) -> Any:
        if depth > 6:
            return _MISSING
        last = getattr(at, "lineno", 1 << 30)
        best = self.scopes.bound(scope, name, last)
        if best is None or best.value is None:
            return _MISSING
        inner = dict(space)
        self._resolve(best.value, best, inner, made_up, depth + 1)
        return eval(compile(ast.Expression(_clean(best.value)), "<local>", "eval"), inner)

    # -- hints about one parameter of a function -------------------------------------------
    def hints(self, function: ast.AST, name: str, depth: int = 0) -> Hints:
        """What a body says of a parameter, and what the file's own functions say that are handed it."""
        found = Hints(function, name, self.tree)
        for called, at in found.passed if depth < _HANDED_ON else ():
            method = called.removeprefix("self.")
            node = self.defined.get(called) if method == called else self._sibling(function, method)
            place = at + 1 if isinstance(at, int) and method != called else at  # behind ``self``
            taken = _parameter(node, place) if node is not None and node is not function else ""
            if node is not None and taken:
                found.join(self.hints(node, taken, depth + 1))
        return found

    def _sibling(self, method: ast.AST, name: str) -> ast.AST | None:
        """The method of that name of the class that has this one."""
        for cls in self.tree.body:
            if isinstance(cls, ast.ClassDef) and any(one is method for one in cls.body):
                return next((one for one in cls.body if isinstance(one, ast.FunctionDef) and one.name == name), None)
        return None

    @cached_property
    def defined(self) -> dict[str, ast.AST]:
        """The file's own functions and classes by name."""
        kinds = (ast.ClassDef, ast.FunctionDef)
        return {node.name: node for node in self.tree.body if isinstance(node, kinds)}


#: So often is a parameter followed to another function.
_HANDED_ON = 3


def _parameter(node: ast.AST, at: int | str) -> str:
    """The name of the parameter at a place of a function, or of a class's constructor."""
    if isinstance(node, ast.ClassDef):
        inside = [one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"]
        return _parameter(inside[0], at + 1 if isinstance(at, int) else at) if inside else ""
    if not isinstance(node, ast.FunctionDef):
        return ""
    names = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args)]
    if isinstance(at, int):
        return names[at] if at < len(names) else ""
    return at if at in (*names, *(arg.arg for arg in node.args.kwonlyargs)) else ""


class _Missing:
    pass


_MISSING = _Missing()


def _clean(node: ast.expr) -> ast.expr:
    return node
