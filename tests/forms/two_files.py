"""Parts of a file in a second file."""

from __future__ import annotations

import ast
from collections.abc import Callable

from classes import modules
from variant import FORMS, Form, forms, names_in

_IMPORTS = (ast.Import, ast.ImportFrom)


def _bound(node: ast.stmt) -> set[str]:
    if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        return {node.name}
    inner = {n.name for n in ast.walk(node) if isinstance(n, (ast.ClassDef, ast.FunctionDef))}
    return names_in(node, ast.Store) | inner


def _movable(node: ast.stmt) -> bool:
    return isinstance(node, (ast.ClassDef, ast.FunctionDef)) or (
        isinstance(node, ast.Assign) and all(isinstance(t, ast.Name) for t in node.targets)
    )


def moved(form: Form, wanted: set[str], package: bool = False, reexported: bool = False, star: bool = False,
          module: bool = False) -> int:  # fmt: skip
    """Put definitions into a module of their own, with all of the file that they need."""
    if form.others or any(isinstance(n, ast.Try) for n in form.tree.body):
        return 0
    body = form.tree.body
    owners = {name: node for node in body if not isinstance(node, _IMPORTS) for name in _bound(node)}
    written = [name for node in body for name in _bound(node)]
    todo, needed = list(wanted), set()
    while todo:
        name = todo.pop()
        node = owners.get(name)
        if node is None or name in needed:
            continue
        if not _movable(node) or written.count(name) != 1:
            return 0
        needed.add(name)
        todo += [n for n in names_in(node) | _globals(node) if n in owners]
    gone = [n for n in body if not isinstance(n, _IMPORTS) and _bound(n) & needed]
    rest = [n for n in body if n not in gone and not isinstance(n, _IMPORTS)]
    if not gone or not any(isinstance(n, (ast.ClassDef, ast.FunctionDef)) for n in rest):
        return 0
    if any(isinstance(n, ast.Global) and set(n.names) & needed for r in body for n in ast.walk(r)):
        return 0
    imports = [n for n in body if isinstance(n, _IMPORTS)]
    name = form.fresh("parts")
    form.others[name] = ast.Module([*imports, *gone], [])
    form.package, form.reexported = package, reexported
    inside = [n for n in body if n not in gone]
    dot = "." if package else ""
    used = sorted({n for r in rest for n in names_in(r)} & needed)
    if not used:
        form.others.clear()
        return 0
    source = "." if reexported else f"{dot}{name}"
    if module:
        for r in rest:
            for node in ast.walk(r):
                if isinstance(node, ast.Name) and node.id in needed:
                    node.id = f"{name}.{node.id}"
        line = f"from . import {name}" if package else f"import {name}"
    else:
        line = f"from {source} import {'*' if star else ', '.join(used)}"
    form.tree.body = inside
    place = next(i for i, n in enumerate(inside) if n in rest and not _is_docstring(n))
    form.tree.body.insert(place, *_line(line))
    return len(gone)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _line(text: str) -> list[ast.stmt]:
    node = ast.parse(text).body[0]
    for each in ast.walk(node):
        each.lineno = 0
    return [node]


def _globals(node: ast.AST) -> set[str]:
    return {g for n in ast.walk(node) if isinstance(n, ast.Global) for g in n.names}


def _constants(form: Form) -> set[str]:
    return {t.id for n in form.tree.body if isinstance(n, ast.Assign) for t in n.targets if isinstance(t, ast.Name)}


def _helpers(form: Form) -> set[str]:
    """Functions and classes, without the last class and what stands below it."""
    last = modules(form)[-1:] or form.classes[-1:]
    above = form.tree.body[: form.tree.body.index(last[0])] if last else []
    return {n.name for n in above if isinstance(n, (ast.ClassDef, ast.FunctionDef))}


def _all_classes(form: Form) -> set[str]:
    return {c.name for c in form.classes}


def _moves(form: Form, wanted: Callable[[Form], set[str]], *flags: str) -> int:
    return moved(form, wanted(form), **dict.fromkeys(flags, True))


def _moves_base(form: Form, split: str, *flags: str) -> int:
    """The base that another form makes."""
    old = {c.name for c in form.classes}
    made = FORMS[split](form)
    return _moves(form, lambda form: {c.name for c in form.classes} - old, *flags) if made else 0


forms(
    _moves,
    constants_in_other_file=(_constants,),
    constants_by_module=(_constants, "module"),
    helpers_in_other_file=(_helpers,),
    helpers_in_package=(_helpers, "package"),
    helpers_reexported=(_helpers, "package", "reexported"),
    helpers_by_star=(_helpers, "star"),
    helpers_by_module=(_helpers, "package", "module"),
    classes_in_other_file=(_all_classes,),
    classes_in_package=(_all_classes, "package"),
)
forms(
    _moves_base,
    base_in_other_file=("constructor_in_base",),
    base_in_package=("forward_in_base", "package"),
)
