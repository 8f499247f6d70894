"""A source under way to another form, and what a form is.

Nodes keep the line of the original on which they, or what they stand for, began; so that each
line of the new text can be traced to lines of the original.
"""

from __future__ import annotations

import ast
import copy
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Function = ast.FunctionDef | ast.AsyncFunctionDef
Lines = dict[int, set[int]]


@dataclass
class Form:
    """One file that is rewritten, and those that come beside it."""

    tree: ast.Module
    rng: random.Random
    #: modules that were split off, by name; with ``package`` they are imported relatively
    others: dict[str, ast.Module] = field(default_factory=dict)
    package: bool = False
    reexported: bool = False

    def __post_init__(self) -> None:
        self.taken = {n.id for n in ast.walk(self.tree) if isinstance(n, ast.Name)}
        self.taken |= {n.arg for n in ast.walk(self.tree) if isinstance(n, (ast.arg, ast.keyword)) and n.arg}
        self.taken |= {n.attr for n in ast.walk(self.tree) if isinstance(n, ast.Attribute)}
        self.taken |= {n.name for n in ast.walk(self.tree) if isinstance(n, (ast.ClassDef, ast.FunctionDef))}

    def fresh(self, stem: str) -> str:
        """A name that nothing in the file has."""
        name, number = stem, 1
        while name in self.taken:
            number += 1
            name = f"{stem}_{number}"
        self.taken.add(name)
        return name

    @property
    def classes(self) -> list[ast.ClassDef]:
        return [n for n in self.tree.body if isinstance(n, ast.ClassDef)]

    @property
    def functions(self) -> list[Function]:
        return [n for n in ast.walk(self.tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]

    def add_import(self, text: str) -> None:
        """Put an import below the docstring and ``__future__``."""
        self.tree.body.insert(self._top(), at(ast.parse(text).body[0], None))

    def add_constant(self, text: str, old: ast.AST) -> None:
        """Put a statement below the first imports."""
        place = self._top()
        while place < len(self.tree.body) and isinstance(self.tree.body[place], (ast.Import, ast.ImportFrom)):
            place += 1
        for number, node in enumerate(ast.parse(text).body):
            self.tree.body.insert(place + number, at(node, old))

    def _top(self) -> int:
        place = 0
        for node in self.tree.body:
            docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
            if not docstring and not future:
                break
            place += 1
        return place

    def texts(self, name: str) -> Iterator[tuple[str, str, Lines]]:
        """Path, text and lines of each file; ``name`` is that of the first, without ending."""
        folder = "parcel/" if self.package else ""
        yield f"{folder}{name}.py", *rendered(self.tree)
        for other, tree in self.others.items():
            yield f"{folder}{other}.py", *rendered(tree)
        if self.package:
            names = ", ".join(defined(next(iter(self.others.values())))) if self.reexported else ""
            text = f"from .{next(iter(self.others))} import {names}\n" if names else ""
            yield "parcel/__init__.py", text, {}


def defined(tree: ast.Module) -> list[str]:
    found = []
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            found.append(node.name)
        elif isinstance(node, ast.Assign):
            found += [t.id for t in node.targets if isinstance(t, ast.Name)]
    return found


def rendered(tree: ast.Module) -> tuple[str, Lines]:
    """The text of a tree, and for each of its lines those of the original."""
    text = ast.unparse(tree) + "\n"
    lines: Lines = defaultdict(set)
    for old, new in zip(ast.walk(tree), ast.walk(ast.parse(text)), strict=False):
        if type(old) is not type(new):
            break
        if getattr(old, "lineno", 0):
            lines[getattr(new, "lineno", 0)].add(old.lineno)
    return text, lines


def at(node: ast.AST, old: ast.AST | None) -> ast.AST:
    """The new node with everything in it at the line of an old one."""
    for each in ast.walk(node):
        each.lineno = getattr(old, "lineno", 0)
    return node


def expression(text: str, old: ast.AST, **parts: ast.expr) -> ast.expr:
    """An expression from a text, its names that are given put in."""
    node = ast.parse(text, mode="eval").body
    return _filled(node, old, parts)


def statements(text: str, old: ast.AST, **parts: ast.expr) -> list[ast.stmt]:
    return [_filled(node, old, parts) for node in ast.parse(text).body]


def _filled(node, old, parts):
    at(node, old)

    class Fill(ast.NodeTransformer):
        def visit_Name(self, name: ast.Name) -> ast.expr:
            given = parts.get(name.id)
            if given is None:
                return name
            given = copy.deepcopy(given)
            if hasattr(given, "ctx"):
                given.ctx = name.ctx
            return given

    return Fill().visit(node)


def blocks(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """All lists of statements below a node."""
    for each in ast.walk(node):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(each, name, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                yield block


def each_statement(node: ast.AST, change: Callable[[ast.stmt], list[ast.stmt]]) -> None:
    """Put in place of each statement what ``change`` makes of it, inner ones first."""
    for block in reversed(list(blocks(node))):
        block[:] = [new for old in block for new in change(old)]


def method(cls: ast.ClassDef, name: str) -> ast.FunctionDef | None:
    return next((n for n in cls.body if isinstance(n, ast.FunctionDef) and n.name == name), None)


def own_attribute(node: ast.AST) -> str:
    """``name`` of ``self.name``."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
        return node.attr
    return ""


def names_in(node: ast.AST, *kinds: type) -> set[str]:
    """Names that are read (or ``ast.Store``: written) somewhere in it."""
    kinds = kinds or (ast.Load,)
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, kinds)}


FORMS: dict[str, Callable[[Form], object]] = {}
#: The form that changes nothing.
ORIGIN = "as_parsed"


def form(function: Callable[[Form], object]) -> Callable[[Form], object]:
    """Registers a rewriting under its name; it returns something true if it changed anything."""
    FORMS[function.__name__] = function
    return function


def forms(make: Callable[..., object], **arguments: str | tuple[object, ...]) -> None:
    """Registers several rewritings that differ in what ``make`` is given."""
    for name, given in arguments.items():
        parts = given if isinstance(given, tuple) else (given,)
        FORMS[name] = lambda form, parts=parts: make(form, *parts)


@form
def as_parsed(form: Form) -> bool:
    """The same text without comments, one statement a line: what the others compare to."""
    return True
