"""What the file itself says about how to call a class: call sites, keys, literal choices.

Works on the tree and on the live namespace of the imported module. Child only.
"""

from __future__ import annotations

import ast
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any


def called(node: ast.Call) -> str:
    """The last part of the name that is called, "" if it has none."""
    func = node.func
    return func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")


class FileView:
    """The file's tree beside its imported module."""

    def __init__(self, module: types.ModuleType, tree: ast.Module) -> None:
        self.module = module
        self.tree = tree
        #: Views of the project's other files that call a name, tests first.
        self.others: Callable[[str], Iterable[FileView]] = lambda name: ()
        #: (class, view of its file) of the classes in them that do.
        self.outer: Callable[[str], Iterable[tuple[str, FileView]]] = lambda name: ()
        self.parents: dict[ast.AST, ast.AST] = {}
        for node in ast.walk(tree):
            for child in ast.iter_child_nodes(node):
                self.parents[child] = node

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

    def live(self, subject: str) -> Any:
        """The object with this dotted name, None if it only exists inside a call."""
        value: Any = self.module
        for part in subject.split("."):
            value = getattr(value, part, None)
            if value is None:
                return None
        return value

    def enclosing(self, node: ast.AST) -> ast.FunctionDef | ast.ClassDef | None:
        up = self.parents.get(node)
        while up is not None and not isinstance(up, (ast.FunctionDef, ast.ClassDef)):
            up = self.parents.get(up)
        return up

    def calls_of(self, name: str) -> Iterator[ast.Call]:
        """Every call in the file of something with this name, not from inside itself."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                if called(node) == name and not self._inside(node, name):
                    yield node

    def assigned_call(self, name: str, at: ast.AST) -> ast.Call | None:
        """The call whose result a variable holds where it is used, if that is so simple."""
        scope = self.enclosing(at)
        while True:
            best: ast.Assign | None = None
            for node in ast.walk(scope or self.tree):
                if isinstance(node, ast.Assign) and self.enclosing(node) is scope:
                    stored = any(
                        isinstance(inner, ast.Name) and inner.id == name
                        for target in node.targets
                        for inner in ast.walk(target)
                    )
                    before = node.lineno <= getattr(at, "lineno", 0)
                    if stored and before:
                        best = node if best is None or node.lineno > best.lineno else best
            if best is not None:
                plain = len(best.targets) == 1 and isinstance(best.targets[0], ast.Name)
                return best.value if plain and isinstance(best.value, ast.Call) else None
            if scope is None:
                return None
            scope = self.enclosing(scope)

    def meant_to_fail(self, node: ast.AST) -> bool:
        """``with pytest.raises(...)``, a ``try`` with handlers, a test that may fail."""
        up = self.parents.get(node)
        while up is not None:
            if isinstance(up, ast.Try) and up.handlers:
                return True
            if isinstance(up, (ast.With, ast.AsyncWith)):
                if any("raises" in ast.unparse(i.context_expr).lower() for i in up.items):
                    return True
            if isinstance(up, ast.FunctionDef):
                if any("xfail" in ast.unparse(each) for each in up.decorator_list):
                    return True
            up = self.parents.get(up)
        return False

    def _inside(self, node: ast.AST, name: str) -> bool:
        up = self.enclosing(node)
        while up is not None:
            if isinstance(up, ast.ClassDef) and up.name == name:
                return True
            up = self.enclosing(up)
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
                function = self.enclosing(at)
                while function is not None:
                    if isinstance(function, ast.FunctionDef):
                        local = self._local(function, name.id, at, space, made_up, depth)
                        if local is not _MISSING:
                            space[name.id] = local
                            break
                    function = self.enclosing(function)
                else:
                    if name.id not in space:
                        main = self._main_value(name.id, space, made_up, depth)
                        if main is not _MISSING:
                            space[name.id] = main

    def _main_value(self, name: str, space: dict[str, Any], made_up: Any, depth: int) -> Any:
        """A name bound only under ``if __name__ == "__main__"``."""
        return self._assigned(self.tree, name, None, space, made_up, depth)

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
        scope: ast.AST,
        name: str,
        at: ast.AST | None,
        space: dict[str, Any],
        made_up: Callable[[str], Any] | None,
        depth: int,
    ) -> Any:
        if depth > 6:
            return _MISSING
        last = getattr(at, "lineno", 1 << 30)
        best: ast.Assign | ast.AnnAssign | None = None
        for node in ast.walk(scope):
            targets = (
                node.targets
                if isinstance(node, ast.Assign)
                else [node.target]
                if isinstance(node, ast.AnnAssign) and node.value is not None
                else []
            )
            if not any(isinstance(t, ast.Name) and t.id == name for t in targets):
                continue
            assert isinstance(node, (ast.Assign, ast.AnnAssign))
            if self.enclosing(node) is not (scope if scope is not self.tree else None):
                continue
            if node.lineno < last and (best is None or node.lineno > best.lineno):
                best = node
        if best is None or best.value is None:
            return _MISSING
        inner = dict(space)
        self._resolve(best.value, best, inner, made_up, depth + 1)
        return eval(compile(ast.Expression(_clean(best.value)), "<local>", "eval"), inner)

    # -- hints about one parameter of a function -------------------------------------------
    def hints(self, function: ast.AST, name: str) -> Hints:
        return Hints(function, name, self.tree)


class Hints:
    """How a function's body uses one of its parameters."""

    def __init__(self, function: ast.AST, name: str, tree: ast.AST) -> None:
        self.keys: dict[str, ast.expr | None] = {}  # name["key"], name.get("key", default)
        self.attributes: set[str] = set()
        self.choices: list[str] = []
        self.indexed = False
        self.iterated = False
        self.called = False  # name(...): a class or function
        self.run = False  # self.name(...): a Module, as forward calls it
        self.index = 0
        self.unpacked = 0
        aliases = {name} | {
            target.id if isinstance(target, ast.Name) else target.attr
            for node in ast.walk(function)
            if isinstance(node, ast.Assign) and _mentions(node.value, name)
            for target in node.targets
            if isinstance(target, (ast.Name, ast.Attribute))
        }
        for node in ast.walk(function):
            self._look(node, aliases, name)

    def _key(self, args: list[ast.expr]) -> None:
        if args and isinstance(args[0], ast.Constant):
            self.keys.setdefault(str(args[0].value), args[1] if len(args) > 1 else None)

    def _look(self, node: ast.AST, aliases: set[str], name: str) -> None:
        if isinstance(node, ast.Subscript) and _is(node.value, aliases):
            key = node.slice
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                self.keys.setdefault(key.value, None)
            elif _is(node.value, {name}):
                self.indexed = True
                if isinstance(key, ast.Constant) and isinstance(key.value, int):
                    self.index = max(self.index, key.value + 1)
        elif isinstance(node, ast.Subscript) and _is(node.slice, {name}):
            for constant in ast.walk(node.value):
                if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                    self.choices.append(constant.value)
        elif isinstance(node, ast.Attribute) and _is(node.value, aliases):
            self.attributes.add(node.attr)
        elif isinstance(node, ast.Call):
            func = node.func
            if isinstance(func, ast.Attribute) and func.attr == "get" and _is(func.value, aliases):
                self._key(node.args)
            if isinstance(func, ast.Name) and func.id == name:
                self.called = True
            elif _is(func, aliases):
                self.run = True
            called = getattr(func, "id", "")
            if called in ("len", "enumerate", "zip", "list", "tuple", "sum", "iter", "reversed"):
                self.iterated |= any(_is(arg, {name}) for arg in node.args)
        elif isinstance(node, (ast.For, ast.comprehension)) and _is(node.iter, {name}):
            self.iterated = True
            if isinstance(node.target, ast.Tuple):
                self.unpacked = len(node.target.elts)
        elif isinstance(node, ast.Starred) and _is(node.value, {name}):
            self.iterated = True
        elif isinstance(node, ast.Assign) and _is(node.value, {name}):
            for target in node.targets:
                if isinstance(target, (ast.Tuple, ast.List)):
                    self.iterated, self.unpacked = True, len(target.elts)
        elif isinstance(node, ast.Compare) and _is(node.left, aliases):
            for other in node.comparators:
                for constant in ast.walk(other):
                    if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                        self.choices.append(constant.value)


def _mentions(value: ast.expr, name: str) -> bool:
    """``hp = hparams``, ``hp = dict(hparams)``, ``self.config = config``."""
    if isinstance(value, ast.Call) and len(value.args) == 1:
        value = value.args[0]
    return _is(value, {name})


def _is(node: ast.expr, names: set[str]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in names
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
        and node.attr in names
    )


class _Missing:
    pass


_MISSING = _Missing()


def _clean(node: ast.expr) -> ast.expr:
    return node
