"""Where a class is used in a file: built, handed to a function that builds it, or out of sight."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from lint_params.folders import MANY, mentioning
from lint_params.project import Project, SourceFile, source_file
from lint_params.shape.runs.arguments import parameters
from lint_params.trees import last_name, parsed, walk


class Handed(NamedTuple):
    """A class given to a call that builds it: ``build_model(Net, pretrained, **settings)``."""

    call: ast.Call


def settings(tree: ast.Module, handed: Handed) -> Iterator[Mapping[str, ast.expr]]:
    """What a file sets by name for whom a class is handed to: the keywords of that call, of the
    functions of the file and of ``dict``, and what is written as a dict."""
    own = {n.name for n in tree.body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))} | {"dict"}
    for node in walk(tree):
        if isinstance(node, ast.Call) and (node is handed.call or getattr(node.func, "id", "") in own):
            yield {k.arg: k.value for k in node.keywords if k.arg}
        elif isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values)
            yield {k.value: v for k, v in pairs if isinstance(k, ast.Constant) and isinstance(k.value, str)}


def beside(project: Project, file: SourceFile, name: str) -> Iterator[SourceFile | None]:
    """The other files that have the name, of the folder and, inside a package, of the one above;
    None: unknown."""
    folders = project.around(file)
    if any(len(folder.files) > MANY for folder in folders):
        yield None
        return
    files = ((folder, path) for folder in folders for path in folder.files)
    for path, text in mentioning(files, file.path, name):
        tree = None if text is None else parsed(text)
        yield None if tree is None else source_file(path, tree)


def uses(project: Project | None, user: SourceFile, cls: ast.ClassDef) -> Iterator[ast.Call | Handed | None]:
    """The calls of the class, by the names too under which it is handed on in the file, and the
    calls that it is handed to; None where nobody sees what becomes of it, or where it is a base of others."""
    another = _is_another(project, user, cls)
    asked: set[int] = set()
    names: dict[int, str] = {}
    handed: set[str] = set()
    given_to: dict[int, ast.Call] = {}
    for node in walk(user.tree):  # what is around a name comes before it
        for part in _only_asks(node):
            asked.update(id(name) for name in walk(part))
        names.update(_names_given(node))
        if another and isinstance(node, ast.Name):
            continue
        if isinstance(node, ast.Call) and (last_name(node.func) != "partial" or len(node.args) == 1):
            given_to.update((id(arg), node) for arg in node.args)
        if isinstance(node, ast.Call) and last_name(node.func) == cls.name:
            asked.add(id(node.func))
            if not (another and isinstance(node.func, ast.Name)):
                yield node
        elif last_name(node) == cls.name and id(node) not in asked and not _is_inside(node, cls):
            if id(node) in names:
                handed.add(names[id(node)])
            else:
                yield Handed(given_to[id(node)]) if id(node) in given_to else None
    for name in handed:
        calls = [n for n in walk(user.tree) if isinstance(n, ast.Call) and _called(n.func) == name]
        yield from calls
        if not calls:
            yield None


def _names_given(node: ast.AST) -> Iterator[tuple[int, str]]:
    """The names under which code knows what stands here: ``block=Basic``, ``block = Basic``,
    ``block = Basic if plain else Wide``, ``BLOCKS = {"basic": Basic}``."""
    if isinstance(node, ast.arguments):
        yield from ((id(default), arg.arg) for arg, default in parameters(node) if default is not None)
    elif isinstance(node, ast.keyword) and node.arg:
        yield id(node.value), node.arg
    elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        yield from ((id(value), node.targets[0].id) for value in _any_of(node.value))


def _any_of(node: ast.expr | None) -> Iterator[ast.expr]:
    """What a name may stand for: one of two, an entry of a table."""
    if isinstance(node, ast.IfExp):
        yield from (*_any_of(node.body), *_any_of(node.orelse))
    elif isinstance(node, ast.Dict):
        yield from (part for value in node.values for part in _any_of(value))
    elif node is not None:
        yield node


def _called(func: ast.expr) -> str:
    """``block(...)``, ``BLOCKS[kind](...)``."""
    return getattr(func.value if isinstance(func, ast.Subscript) else func, "id", "")


def _only_asks(node: ast.AST) -> list[ast.expr]:
    """Where a class is named and nothing is built: annotations, isinstance."""
    if isinstance(node, ast.Call) and last_name(node.func) in ("isinstance", "issubclass"):
        return node.args
    if isinstance(node, (ast.arg, ast.AnnAssign)) and node.annotation is not None:
        return [node.annotation]
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.returns is not None:
        return [node.returns]
    return []


def _is_another(project: Project | None, user: SourceFile, cls: ast.ClassDef) -> bool:
    """Whether the plain name is something else in a file: its own, or what it imports."""
    bound: object = user.names.bindings.get(cls.name)
    if isinstance(bound, str) and project is not None:
        hit = project.resolve(bound, user)
        bound = hit[1] if hit is not None else bound
    return isinstance(bound, (ast.ClassDef, ast.FunctionDef)) and bound is not cls


def _is_inside(node: ast.AST, cls: ast.ClassDef) -> bool:
    """``super(Block, self)``."""
    return cls.lineno <= getattr(node, "lineno", 0) <= (cls.end_lineno or cls.lineno)
