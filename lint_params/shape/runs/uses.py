"""Where a class is used in a file: built, handed to a function that builds it, or out of sight."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from lint_params.folders import MANY, mentioning
from lint_params.project import Project, SourceFile, source_file
from lint_params.shape.runs.arguments import parameters
from lint_params.trees import every, last_name, parsed, walk


class Handed(NamedTuple):
    """A class given to a call that builds it: ``build_model(Net, pretrained, **settings)``."""

    call: ast.Call


def settings(tree: ast.Module, handed: Handed) -> Iterator[Mapping[str, ast.expr] | None]:
    """What is set by name for whom a class is handed to: by the call itself, and where that passes on
    the ``**kwargs`` of its function, by each call of the function; None where it cannot be read."""
    around = [n for n in every(tree, ast.FunctionDef) if any(one is handed.call for one in walk(n))]
    own, handed_on = _set_by(handed.call, around[-1] if around else None)
    if own is None or not handed_on or not around or around[-1] not in tree.body:
        yield own
        return
    callers = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n is not around[-1]]
    for caller in callers:
        for call in walk(caller):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == around[-1].name:
                given = _set_by(call, caller)[0]
                yield None if given is None else {**own, **given}


def _set_by(call: ast.Call, around: ast.FunctionDef | None) -> tuple[dict[str, ast.expr] | None, bool]:
    """The settings of a call by name, and whether it passes on the ``**kwargs`` of its function."""
    found: dict[str, ast.expr] = {}
    handed_on = False
    for keyword in call.keywords:
        value = keyword.value
        if keyword.arg:
            found[keyword.arg] = value
        elif around is not None and _is_rest(value, around):
            handed_on = True
        else:
            inner = _entries(value, around)
            if inner is None:
                return None, False
            found.update(inner)
    return found, handed_on


def _entries(node: ast.expr, around: ast.FunctionDef | None) -> dict[str, ast.expr] | None:
    """What a dict that is written out holds: ``dict(model_args, **kwargs)`` of ``model_args = dict(width=8)``."""
    if isinstance(node, ast.Name) and around is not None:
        given = [n for n in walk(around) if isinstance(n, ast.Assign) and getattr(n.targets[0], "id", "") == node.id]
        return _entries(given[0].value, around) if len(given) == 1 and given[0] in around.body else None
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "dict":
        first = _entries(node.args[0], around) if node.args else {}
        rest = _set_by(node, around)[0]
        return None if first is None or rest is None else {**first, **rest}
    if isinstance(node, ast.Dict) and all(isinstance(key, ast.Constant) for key in node.keys):
        return {str(key.value): value for key, value in zip(node.keys, node.values) if isinstance(key, ast.Constant)}
    return None


def _is_rest(node: ast.expr, fn: ast.FunctionDef) -> bool:
    return isinstance(node, ast.Name) and fn.args.kwarg is not None and node.id == fn.args.kwarg.arg


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
        calls = [n for n in every(user.tree, ast.Call) if getattr(n.func, "id", "") == name]
        yield from calls
        if not calls:
            yield None


def _names_given(node: ast.AST) -> Iterator[tuple[int, str]]:
    """The names under which code knows what stands here: ``block=Basic``, ``block = Basic``."""
    if isinstance(node, ast.arguments):
        yield from ((id(default), arg.arg) for arg, default in parameters(node) if default is not None)
    elif isinstance(node, ast.keyword) and node.arg:
        yield id(node.value), node.arg
    elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        yield id(node.value), node.targets[0].id


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
    bound = bound_to(project, user, cls.name)
    return isinstance(bound, (ast.ClassDef, ast.FunctionDef)) and bound is not cls


def bound_to(project: Project | None, user: SourceFile, name: str) -> object:
    """What a plain name stands for in a file: its own, or what it imports from the project."""
    bound: object = user.names.bindings.get(name)
    hit = project.resolve(bound, user) if isinstance(bound, str) and project is not None else None
    return hit[1] if hit is not None else bound


def _is_inside(node: ast.AST, cls: ast.ClassDef) -> bool:
    """``super(Block, self)``."""
    return cls.lineno <= getattr(node, "lineno", 0) <= (cls.end_lineno or cls.lineno)
