"""Who builds a class, here and in the files beside, and the sizes that they give it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lint_params.folders import MANY, mentioning
from lint_params.project import Project, SourceFile
from lint_params.shape import dim
from lint_params.shape.arguments import parameters
from lint_params.shape.callers import argument
from lint_params.shape.dim import MAYBE, YES, Atom, Poly, Size, Symbol, same, substitute, symbol
from lint_params.trees import last_name, parsed, walk

_OPERATORS = {ast.Add: dim.add, ast.Sub: dim.sub, ast.Mult: dim.mul, ast.FloorDiv: dim.floordiv}
_DEPTH = 4


def nobody_agrees(
    project: Project | None, file: SourceFile, cls: ast.ClassDef, one: Size, other: Size
) -> bool:
    """Whether no code in sight may give the constructor arguments for which two sizes are one.

    So it is where nobody builds the class, and where all who do give other numbers, or two names.
    """
    beside = _beside(project, file, cls.name) if project is not None else ()
    init = next((n for n in cls.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"), None)
    for tree in (file.tree, *beside):
        if tree is None:
            return False
        known = _Names(tree)
        for call in _uses(tree, cls):
            if init is None or call is None or not _apart(call, init, known, one, other):
                return False
    return True


def _beside(project: Project, file: SourceFile, name: str) -> Iterator[ast.Module | None]:
    """The other files that have the name, of the folder and, inside a package, of the one above;
    None: unknown."""
    folders = project.around(file)
    if any(len(folder.files) > MANY for folder in folders):
        yield None
        return
    files = ((folder, path) for folder in folders for path in folder.files)
    for text in mentioning(files, file.path, name):
        yield None if text is None else parsed(text)


def _uses(tree: ast.Module, cls: ast.ClassDef) -> Iterator[ast.Call | None]:
    """The calls of the class; None where it is handed on, or a base of others."""
    called = set()
    for node in walk(tree):  # a call before its name
        if isinstance(node, ast.Call) and last_name(node.func) == cls.name:
            called.add(id(node.func))
            yield node
        elif last_name(node) == cls.name and id(node) not in called and not _is_inside(node, cls):
            yield None


def _is_inside(node: ast.AST, cls: ast.ClassDef) -> bool:
    """``super(Block, self)``."""
    return cls.lineno <= getattr(node, "lineno", 0) <= (cls.end_lineno or cls.lineno)


def _apart(call: ast.Call, init: ast.FunctionDef, known: _Names, one: Size, other: Size) -> bool:
    """Whether the call surely gives two sizes: two numbers, or what two names stand for."""
    if any(isinstance(a, ast.Starred) for a in call.args) or any(not k.arg for k in call.keywords):
        return False
    defaults = {arg.arg: default for arg, default in parameters(init.args)}
    unknown = False

    def value(atom: Atom) -> Size | None:
        nonlocal unknown
        if not isinstance(atom, Symbol) or atom.kind != "argument":
            return None
        node = argument(call, init, atom.name) or defaults.get(atom.name)
        if node is None and "." in atom.name:
            return None  # of a configuration, which is one object whoever hands it over
        size = known.size(node) if node is not None else None
        unknown |= size is None
        return size

    one, other = substitute(one, value), substitute(other, value)
    answer = same(one, other)
    if unknown or answer is YES:
        return False
    return answer is not MAYBE or not (_may_be(one, other) or _may_be(other, one))


def _may_be(size: Size, number: Size) -> bool:
    """Whether what is handed over may be just that number."""
    symbols = size.atoms if isinstance(size, Poly) else ()
    return isinstance(number, int) and not any("." in getattr(atom, "name", "") for atom in symbols)


class _Names:
    """What the plain names of a file stand for, as far as each is bound in one way."""

    def __init__(self, tree: ast.Module) -> None:
        self._arguments: set[str] = set()
        self._symbols: dict[str, Poly] = {}
        self._assigned: dict[str, list[ast.expr | None]] = {}
        for node in walk(tree):
            if isinstance(node, ast.arg):
                self._arguments.add(node.arg)
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                self._assigned.setdefault(node.targets[0].id, []).append(node.value)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self._assigned.setdefault(node.id, []).append(None)

    def size(self, node: ast.expr, depth: int = 0) -> Size | None:
        """The size that an expression stands for, over the arguments of the code around it."""
        if isinstance(node, ast.Constant):
            return node.value if type(node.value) is int else None
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            left, right = self.size(node.left, depth), self.size(node.right, depth)
            if left is None or right is None or right == 0:
                return None
            return _OPERATORS[type(node.op)](left, right)
        if not isinstance(node, ast.Name) or depth > _DEPTH:
            return None
        bound = self._assigned.get(node.id, [])
        if not bound:
            if node.id not in self._arguments:
                return None
            return self._symbols.setdefault(node.id, symbol(node.id))
        values = [value for value in bound if value is not None]
        if len(values) != 1 or len(bound) > 2 or node.id in self._arguments:
            return None
        return self.size(values[0], depth + 1)
