"""Which settings a builder may set or change before the class gets them: ``build(Net, **settings)``."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lint_params.project import Project, SourceFile
from lint_params.shape.runs.arguments import parameters
from lint_params.shape.runs.uses import Handed
from lint_params.trees import every, last_name, walk

#: So many functions one behind the other are read.
_DEPTH = 3
#: What these are given stays as it is.
_HARMLESS = ("len", "print", "repr", "str", "sorted", "list", "set", "isinstance", "deepcopy", "copy", "dict")


def may_rewrite(project: Project | None, file: SourceFile, cls: ast.ClassDef, handed: Handed) -> frozenset[str] | None:
    """The words of the builder, of the function that calls it, and of those that they give the
    settings to: by these names they may set or change some. None where more is done than can be read,
    or the class gets what was not among the settings."""
    builder = _resolved(project, file, last_name(handed.call.func))
    takes = next((i for i, arg in enumerate(handed.call.args) if last_name(arg) == cls.name), None)
    if builder is None or takes is None:
        return None
    home, fn = builder
    names = [arg.arg for arg, _ in parameters(fn.args)]
    rest = fn.args.kwarg.arg if fn.args.kwarg is not None else ""
    if takes >= len(names) or not rest:
        return None
    built = [n for n in walk(fn) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == names[takes]]
    if not built or any(call.args or not _gets_only(call, rest) for call in built):
        return None
    found = {word.arg for call in built for word in call.keywords if word.arg}
    readers = [(home, fn, rest)]
    readers += [(file, one, one.args.kwarg.arg) for one in _around(file, handed.call) if one.args.kwarg is not None]
    for where, one, name in readers:
        words = _words(project, where, one, name, _DEPTH)
        if words is None:
            return None
        found |= words
    return frozenset(found)


def _gets_only(call: ast.Call, rest: str) -> bool:
    return all(word.arg or getattr(word.value, "id", "") == rest for word in call.keywords)


def _around(file: SourceFile, call: ast.Call) -> Iterator[ast.FunctionDef]:
    return (fn for fn in every(file.tree, ast.FunctionDef) if any(one is call for one in walk(fn)))


def _resolved(project: Project | None, file: SourceFile, name: str) -> tuple[SourceFile, ast.FunctionDef] | None:
    bound: object = file.names.bindings.get(name)
    home = file
    if isinstance(bound, str):
        hit = project.resolve(bound, file) if project is not None else None
        home, bound = hit if hit is not None else (file, None)
    return (home, bound) if isinstance(bound, ast.FunctionDef) else None


def _words(project: Project | None, home: SourceFile, fn: ast.FunctionDef, rest: str, depth: int) -> set[str] | None:
    """The words of a function by which it may change ``rest``, a dict; None where it may be any."""
    found: set[str] = set()
    for node in walk(*fn.body):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
        elif isinstance(node, ast.Name) and node.id == rest and isinstance(node.ctx, ast.Store):
            return None
        elif isinstance(node, ast.Subscript) and getattr(node.value, "id", "") == rest:
            if not _is_word(fn, node.slice):
                return None
        elif isinstance(node, ast.Call):
            more = _of_call(project, home, fn, node, rest, depth)
            if more is None:
                return None
            found |= more
    return found


def _of_call(
    project: Project | None, home: SourceFile, fn: ast.FunctionDef, call: ast.Call, rest: str, depth: int
) -> set[str] | None:
    """The same of one call: of a method of the dict, or that gets it as it is."""
    if isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", "") == rest:
        if call.func.attr == "update":
            return None if call.args else {word.arg for word in call.keywords if word.arg}
        return set() if not call.args or _is_word(fn, call.args[0]) else None
    given = [i for i, arg in enumerate(call.args) if getattr(arg, "id", "") == rest]
    named = [word.arg for word in call.keywords if word.arg and getattr(word.value, "id", "") == rest]
    if not given and not named or last_name(call.func) in _HARMLESS:
        return set()
    called = _resolved(project, home, last_name(call.func)) if isinstance(call.func, ast.Name) and depth else None
    if called is None:
        return None
    where, other = called
    names = [arg.arg for arg, _ in parameters(other.args)]
    found: set[str] = set()
    for name in (*named, *(names[i] if i < len(names) else "" for i in given)):
        words = _words(project, where, other, name, depth - 1) if name else None
        if words is None:
            return None
        found |= words
    return found


def _is_word(fn: ast.FunctionDef, key: ast.expr) -> bool:
    """``"width"``, or a name that goes over words written out in the function: not over those of a file."""
    if isinstance(key, ast.Constant):
        return True
    loops = [n.iter for n in walk(fn) if isinstance(n, ast.For) and last_name(n.target) == last_name(key)]
    return isinstance(key, ast.Name) and bool(loops) and all(
        isinstance(one, (ast.Name, ast.Tuple, ast.List)) for one in loops
    )
