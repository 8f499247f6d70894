"""What the names at a call stand for, read and not run: sizes over arguments, items, attributes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from lint_params.shape.runs.arguments import parameters
from lint_params.shape.sizes import dim
from lint_params.shape.sizes.dim import Atom, Poly, Size, symbol
from lint_params.trees import children, is_self, walk

_OPERATORS = {ast.Add: dim.add, ast.Sub: dim.sub, ast.Mult: dim.mul, ast.FloorDiv: dim.floordiv}
_DEPTH = 6
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class Place(NamedTuple):
    """Where an expression stands: the innermost function and the class whose method that is."""

    fn: _Function | None = None
    cls: ast.ClassDef | None = None


class _Bound(NamedTuple):
    """One binding of a name: to ``value``, or to a part of it, which may be any."""

    value: ast.expr | None
    whole: bool
    place: Place


class Bindings:
    """The names of one file, and the sizes that expressions stand for.

    An expression that is no reckoning with names is a symbol of its own, by its text; ``made_of``
    says of which names it is made.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.made_of: dict[Atom, frozenset[str]] = {}
        self._names: dict[tuple[int, str], list[_Bound]] = {}
        self._attributes: dict[tuple[int, str], list[_Bound]] = {}
        self._places: dict[int, Place] = {}
        self._symbols: dict[tuple[int, str], Poly] = {}
        self._read(tree, Place())

    def place(self, call: ast.Call) -> Place:
        return self._places.get(id(call), Place())

    def _read(self, top: ast.AST, place: Place) -> None:
        pending: list[tuple[ast.AST, Place]] = [(top, place)]
        while pending:
            node, place = pending.pop()
            if isinstance(node, ast.ClassDef):
                place = Place(None, node)
            elif isinstance(node, _Function):
                place = Place(node, place.cls)
            elif isinstance(node, ast.Call):
                self._places[id(node)] = place
            self._bind(node, place)
            pending += [(child, place) for child in children(node)]

    def _bind(self, node: ast.AST, place: Place) -> None:
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                for one, value in _pairs(target, node.value):
                    self._to(one, value, not isinstance(one, (ast.Tuple, ast.List)), place)
        elif isinstance(node, (ast.For, ast.comprehension)):
            self._to(node.target, node.iter, False, place)
        elif isinstance(node, (ast.AugAssign, ast.NamedExpr)):
            self._to(node.target, None, False, place)

    def _to(self, target: ast.expr, value: ast.expr | None, whole: bool, place: Place) -> None:
        for node in walk(target):
            bound = _Bound(value, whole, place)
            if isinstance(node, ast.Name):
                self._names.setdefault((id(place.fn), node.id), []).append(bound)
            elif _of_self(node) and isinstance(node, ast.Attribute):
                self._attributes.setdefault((id(place.cls), node.attr), []).append(bound)

    def size(self, node: ast.expr | None, place: Place, depth: int = 0) -> Size | None:
        """The size that an expression stands for; None where it cannot be read."""
        if isinstance(node, ast.Constant):
            return node.value if type(node.value) is int else None
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            left, right = self.size(node.left, place, depth), self.size(node.right, place, depth)
            if left is None or right is None or right == 0:
                return None
            return _OPERATORS[type(node.op)](left, right)
        if depth > _DEPTH or node is None:
            return None
        if isinstance(node, ast.Name):
            default = self._argument(node.id, place)
            bound = self._names.get((id(place.fn), node.id), [])
            if default is not None:
                return None if bound else self._symbol(node, place, default[0])
            if not bound and place.fn is not None:
                place = Place()
                bound = self._names.get((id(None), node.id), [])
            return self._bound(node, bound, place, depth) if bound else None
        if _of_self(node) and isinstance(node, ast.Attribute):
            bound = self._attributes.get((id(place.cls), node.attr), [])
            return self._bound(node, bound, place, depth) if bound else None
        return self._symbol(node, place)

    def _bound(self, node: ast.expr, bound: list[_Bound], place: Place, depth: int) -> Size | None:
        """What the one binding of a name says, or all of them."""
        value, whole, at = bound[0]
        if len(bound) > 1:
            numbers = {b.value.value if isinstance(b.value, ast.Constant) and b.whole else None for b in bound}
            if len(numbers) > 1 or None in numbers:
                return None
        if value is None:
            return None
        if whole:
            return self.size(value, at, depth + 1)
        return self._symbol(node, place, made_of=self._roots(value, at, depth + 1))

    def _argument(self, name: str, place: Place) -> tuple[int | None] | None:
        """The default of an argument of the function around, in a tuple; None: it is none."""
        for arg, default in parameters(place.fn.args) if place.fn is not None else ():
            if arg.arg == name:
                value = default.value if isinstance(default, ast.Constant) else None
                return (value if type(value) is int else None,)
        return None

    def _symbol(
        self,
        node: ast.expr,
        place: Place,
        default: int | None = None,
        made_of: frozenset[str] | None = None,
    ) -> Poly:
        key = id(place.fn), ast.unparse(node)
        if key not in self._symbols:
            made = self._symbols[key] = symbol(key[1], default=default)
            if made_of is None:
                plain = isinstance(node, ast.Name)
                made_of = frozenset({str(key)}) if plain else self._roots(node, place, 0)
            self.made_of[next(iter(made.atoms))] = made_of
        return self._symbols[key]

    def _roots(self, node: ast.expr | None, place: Place, depth: int) -> frozenset[str]:
        """The names behind an expression, as far back as they can be read."""
        found: set[str] = set()
        for part in _outermost(node):
            size = self.size(part, place, depth + 1) if depth <= _DEPTH else None
            if isinstance(size, Poly):
                found.update(*(self.made_of.get(atom, ()) for atom in size.deep))
            elif size is None:
                found.add(ast.unparse(part))
        return frozenset(found)


def _pairs(target: ast.expr, value: ast.expr | None) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    """Which name stands for which expression: two each for ``q_dim, v_dim = dim, dim``."""
    sides = (target, value)
    if all(isinstance(side, (ast.Tuple, ast.List)) for side in sides):
        names, values = (side.elts for side in sides)  # type: ignore[union-attr]
        if len(names) == len(values) and not any(isinstance(one, ast.Starred) for one in (*names, *values)):
            for one, given in zip(names, values):
                yield from _pairs(one, given)
            return
    yield target, value


def _of_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and is_self(node.value)


def _outermost(node: ast.expr | None) -> Iterator[ast.expr]:
    """The names, and the attributes of self, that an expression reads."""
    pending: list[ast.AST] = [] if node is None else [node]
    while pending:
        part = pending.pop()
        if isinstance(part, ast.Name) or _of_self(part):
            yield part  # type: ignore[misc]
        else:
            pending += children(part)
