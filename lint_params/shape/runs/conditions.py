"""What arguments have to be for a place in a class to be reached: the conditions around it, read
back to the parameters of the constructor and of forward."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

from lint_params.shape.runs.arguments import parameters
from lint_params.shape.runs.callers import argument
from lint_params.shape.runs.chosen import GIVEN, Key
from lint_params.shape.runs.wants import NONE_YET, Atom, compared, true, within
from lint_params.trees import is_none, is_self, targets, walk


class Conditions:
    """The conditions in the text of one class."""

    def __init__(self, cls: ast.ClassDef, methods: dict[str, ast.FunctionDef]) -> None:
        """``methods``: the constructor and forward, which may be inherited."""
        own = {m.name: m for m in cls.body if isinstance(m, ast.FunctionDef)}
        self.methods = {**methods, **own}
        self.parents: dict[ast.AST, ast.AST] = {}
        self.given: dict[str, list[tuple[ast.expr, ast.FunctionDef]]] = {}
        self.uses: dict[str, list[ast.Attribute]] = {}
        self.made = ""
        for method in self.methods.values():
            self._read(method)

    def _read(self, method: ast.FunctionDef) -> None:
        for node in walk(method):
            for child in ast.iter_child_nodes(node):
                self.parents[child] = node
            for target in targets(node) if method.name == "__init__" else ():
                if isinstance(target, ast.Attribute) and is_self(target.value):
                    self.given.setdefault(target.attr, []).append((node.value, method))  # type: ignore[attr-defined]
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and is_self(node.value):
                self.uses.setdefault(node.attr, []).append(node)

    def needed(self, *places: ast.AST) -> dict[Key, Any] | None:
        """The arguments, other than the defaults, with which all of the places are reached, the
        first of which makes an attribute; None where no such are found."""
        atoms: list[Atom] = []
        self.made = self.attribute(places[0])
        for place in places:
            found = self._around(place, 0)
            if found is None:
                return None
            atoms += found
        return self._solved(atoms)

    def _solved(self, atoms: list[Atom]) -> dict[Key, Any] | None:
        out: dict[Key, Any] = {}
        for key in {atom.key: None for atom in atoms}:
            own = [atom for atom in atoms if atom.key == key]
            default = self.default(key)
            tried = [default, *(value for atom in own for value in atom.values)]
            fit = [value for value in tried if all(atom.fits(value) for atom in own)]
            if not fit:
                return None
            if fit[0] is not default:
                out[key] = fit[0]
        return out

    def default(self, key: Key) -> Any:
        """The plain value that a parameter has by default; GIVEN for another one."""
        for arg, default in parameters(self.methods[key[0]].args):
            if arg.arg == key[1] and default is not None:
                try:
                    return ast.literal_eval(default)
                except ValueError:
                    return GIVEN
        return NONE_YET

    def annotation(self, key: Key) -> str:
        """The annotation of a parameter as it is written."""
        for arg, _ in parameters(self.methods[key[0]].args):
            if arg.arg == key[1] and arg.annotation is not None:
                return ast.unparse(arg.annotation)
        return ""

    def attribute(self, node: ast.AST) -> str:
        """The attribute of ``self`` that is assigned what the node is a part of."""
        while node in self.parents:
            node = self.parents[node]
            if isinstance(node, ast.Assign):
                return next((t.attr for t in node.targets if isinstance(t, ast.Attribute)), "")
        return ""

    def method_of(self, node: ast.AST) -> ast.FunctionDef | None:
        """The method that a node stands in."""
        while node in self.parents:
            node = self.parents[node]
        return node if isinstance(node, ast.FunctionDef) else None

    # -- from a place to the conditions around it ---------------------------------------------

    def _around(self, place: ast.AST, depth: int) -> list[Atom] | None:
        """The conditions in its method, and around the call of that method."""
        method = self.method_of(place)
        if method is None or depth > 3:
            return None
        atoms: list[Atom] = []
        for test, want in self._tests(place):
            found = self._that(test, want, method, depth)
            if found is None:
                return None
            atoms += found
        if method.name in ("__init__", "forward"):
            return atoms
        calls = [use for use in self.uses.get(method.name, ()) if self.method_of(use) is not method]
        for call in calls:
            outer = self._around(call, depth + 1)
            if outer is not None:
                return atoms + outer
        return None if calls else atoms

    def _tests(self, place: ast.AST) -> Iterator[tuple[ast.expr, bool]]:
        node = place
        while node in self.parents:
            parent = self.parents[node]
            if isinstance(parent, (ast.If, ast.IfExp)) and node is not parent.test:
                body = parent.body if isinstance(parent.body, list) else [parent.body]
                yield parent.test, node in body
            for block in (getattr(parent, name, None) for name in ("body", "orelse")):
                if isinstance(block, list) and node in block:
                    yield from _passed(block[: block.index(node)])
            node = parent

    # -- from a condition to parameters --------------------------------------------------------

    def _that(self, test: ast.expr, want: bool, fn: ast.FunctionDef, depth: int) -> list[Atom] | None:
        """What makes a condition true, or false; [] where nobody knows, None where nothing does."""
        if depth > 6:
            return []
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            return self._that(test.operand, not want, fn, depth + 1)
        if isinstance(test, ast.BoolOp):
            parts = [self._that(part, want, fn, depth + 1) for part in test.values]
            if isinstance(test.op, ast.And) is want:  # all of them
                return None if None in parts else [atom for part in parts for atom in part or ()]
            return self._nearest(parts)
        if isinstance(test, ast.Compare):
            return self._compared(test, want, fn, depth) if len(test.ops) == 1 else []
        if isinstance(test, ast.IfExp):
            return []
        if isinstance(test, ast.Constant):
            return [] if bool(test.value) is want else None
        found = self._parameter(test, fn, depth)
        if isinstance(found, tuple):
            return [true(found, self.default(found), self.annotation(found), want)]
        if found is not None and found[0] is not test:
            return self._that(found[0], want, found[1], depth + 1)
        if want and isinstance(test, ast.Attribute) and is_self(test.value):
            return self._set(test.attr, depth)
        return []

    def _nearest(self, ways: list[list[Atom] | None]) -> list[Atom] | None:
        """The way of which most holds by default."""
        return min((way for way in ways if way is not None), key=self._undone, default=None)

    def _undone(self, atoms: list[Atom]) -> int:
        """How many conditions do not hold by default."""
        return sum(not atom.fits(self.default(atom.key)) for atom in atoms)

    def _set(self, attr: str, depth: int) -> list[Atom] | None:
        """What lets the constructor give an attribute something else than None."""
        if attr == self.made:
            return []
        ways = [
            self._around(value, depth + 1)
            for value, _ in self.given.get(attr, ())
            if not (isinstance(value, ast.Constant) and value.value in (None, False))
        ]
        return self._nearest(ways) or []

    def _compared(self, test: ast.Compare, want: bool, fn: ast.FunctionDef, depth: int) -> list[Atom] | None:
        op, left, right = test.ops[0], test.left, test.comparators[0]
        if isinstance(op, (ast.NotIn, ast.IsNot, ast.NotEq)):
            want, op = not want, _OPPOSITE[type(op)]()
        if isinstance(op, ast.In) and isinstance(left, ast.Constant) and isinstance(left.value, str):
            found, text = self._parameter(right, fn, depth), left.value
            if isinstance(found, tuple):
                return [within(found, text, want)]
            return []
        try:
            other = ast.literal_eval(right)
        except ValueError:
            return []
        found = self._parameter(left, fn, depth)
        if found is None:
            none = isinstance(op, ast.Is) and other is None and not want
            own = isinstance(left, ast.Attribute) and is_self(left.value)
            return self._set(left.attr, depth) if none and own and isinstance(left, ast.Attribute) else []
        if isinstance(found, list):
            if isinstance(op, ast.Is) and other is None and isinstance(found[0], ast.IfExp):
                return self._chosen(found[0], want, found[1], depth)
            return []
        return [compared(found, op, other, want)]

    def _chosen(self, made: ast.IfExp, none: bool, fn: ast.FunctionDef, depth: int) -> list[Atom] | None:
        """What makes ``a if test else b`` None, or something else."""
        ways = [
            self._that(made.test, first, fn, depth + 1)
            for first, part in ((True, made.body), (False, made.orelse))
            if is_none(part) is none
        ]
        return self._nearest(ways)

    def _parameter(self, expr: ast.expr, fn: ast.FunctionDef, depth: int) -> Any:
        """The parameter of the constructor or of forward that an expression is, or what is
        assigned to it, with its method: a key, a pair in a list, or None."""
        for _ in range(6):
            if isinstance(expr, ast.Name):
                if any(arg.arg == expr.id for arg, _ in parameters(fn.args)):
                    if fn.name in ("__init__", "forward"):
                        return fn.name, expr.id
                    handed = self._handed(fn, expr.id)
                else:
                    values = [n.value for n in walk(fn) if expr.id in map(_name, targets(n))]  # type: ignore[attr-defined]
                    handed = (values[0], fn) if len(values) == 1 else None
            elif isinstance(expr, ast.Attribute) and _is_config(expr.value) and "__init__" in self.methods:
                init = self.methods["__init__"]
                known = any(arg.arg == expr.attr for arg, _ in parameters(init.args))
                return ("__init__", expr.attr) if known else None
            elif isinstance(expr, ast.Attribute) and is_self(expr.value):
                ways = self.given.get(expr.attr, [])
                handed = ways[0] if len(ways) == 1 else None
            else:
                return [expr, fn]
            if handed is None:
                return None
            expr, fn = handed
        return None

    def _handed(self, fn: ast.FunctionDef, name: str) -> tuple[ast.expr, ast.FunctionDef] | None:
        """What the first call of a method gives for a parameter."""
        for use in self.uses.get(fn.name, ()):
            call, method = self.parents.get(use), self.method_of(use)
            if isinstance(call, ast.Call) and call.func is use and method is not None:
                value = argument(call, fn, name)
                return None if value is None else (value, method)
        return None


def _passed(statements: list[ast.stmt]) -> Iterator[tuple[ast.expr, bool]]:
    """What holds behind statements that would have ended it otherwise."""
    for one in statements:
        if isinstance(one, ast.Assert):
            yield one.test, True
        elif isinstance(one, ast.If) and not one.orelse and isinstance(one.body[-1], (ast.Return, ast.Raise)):
            yield one.test, False


_OPPOSITE: dict[type, Callable[[], ast.cmpop]] = {ast.NotIn: ast.In, ast.IsNot: ast.Is, ast.NotEq: ast.Eq}


def _is_config(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "config" and is_self(node.value)


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""
