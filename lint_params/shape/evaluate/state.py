"""What the functions of a file change in its classes and in its module-level names, by the source alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from lint_params.trees import every, last_name, walk

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
#: Methods that change what they are called on.
_CHANGE = frozenset("append extend insert pop remove clear update add setdefault add_module set_submodule".split())


def changed_classes(tree: ast.Module) -> dict[str, set[Any]]:
    """The attributes that a class is given by its own class methods (``cls.width = 8``), through
    ``type(self)``, or by a decorator of the file; None for any."""
    found: dict[str, set[Any]] = {}
    givers = {fn.name: keys for fn in tree.body if isinstance(fn, _FUNCTIONS) and (keys := _set_on(fn, _first(fn)))}
    for cls in every(tree, ast.ClassDef):
        keys = found.setdefault(cls.name, set())
        for fn in cls.body:
            if isinstance(fn, _FUNCTIONS):
                ours = fn.name == "__init_subclass__" or "classmethod" in map(last_name, fn.decorator_list)
                keys |= _set_on(fn, _first(fn) if ours else "")
        for mark in cls.decorator_list:
            keys |= givers.get(last_name(mark.func if isinstance(mark, ast.Call) else mark), set())
    return {name: keys for name, keys in found.items() if keys}


def _first(fn: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    arguments = [*fn.args.posonlyargs, *fn.args.args]
    return arguments[0].arg if arguments else ""


def _set_on(fn: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> set[Any]:
    """The attributes that a function sets on a name, or on ``type(self)``."""
    keys: set[Any] = set()
    nodes = list(walk(*fn.body))
    kept: set[int] | None = None
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_class(node.value, name):
            if kept is None:
                kept = {id(wrapped) for wrapped in _wraps(nodes, name)}
            if id(node) not in kept:
                keys.add(node.attr)
        elif isinstance(node, ast.Call) and last_name(node.func) == "setattr" and len(node.args) > 1:
            if _is_class(node.args[0], name):
                keys.add(getattr(node.args[1], "value", None))
    return keys


def _wraps(nodes: list[ast.AST], name: str) -> Iterator[ast.Attribute]:
    """Where a class gets a function that hands all it gets on to the one that was there, as
    ``cls.forward`` of a layer that may be checkpointed: what it gives back is the same."""
    bound = [node for node in nodes if isinstance(node, ast.Assign) and len(node.targets) == 1]
    before = {
        (node.targets[0].id, node.value.attr)
        for node in bound
        if isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Attribute)
        and _is_class(node.value.value, name)
    }
    inner = {node.name: node for node in nodes if isinstance(node, _FUNCTIONS)}
    for node in bound:
        target, value = node.targets[0], node.value
        if isinstance(target, ast.Attribute) and isinstance(value, ast.Name) and value.id in inner:
            if _is_class(target.value, name) and any(
                attr == target.attr and _hands_on(inner[value.id], old) for old, attr in before
            ):
                yield target


def _hands_on(fn: ast.FunctionDef | ast.AsyncFunctionDef, old: str) -> bool:
    """Whether each way out is ``old`` with just what came in, or hands ``old`` to who calls it, and
    nothing that came in is changed but for a switch: ``kwargs["use_cache"] = False``."""
    if fn.args.vararg is None or fn.args.kwarg is None:
        return False
    own = {arg.arg for arg in walk(fn.args) if isinstance(arg, ast.arg)}
    bound = {node.id for node in walk(fn) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    if bound & {*own, old}:
        return False
    nodes = list(walk(*fn.body))
    switches = {id(target) for node in nodes if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
                for target in node.targets if isinstance(target, ast.Subscript)}  # fmt: skip
    if any(name in own for node in nodes if id(node) not in switches for name in _changed_by(node)):
        return False
    straight = f"{old}({_first(fn)}, *{fn.args.vararg.arg}, **{fn.args.kwarg.arg})"
    ways = [node.value for node in nodes if isinstance(node, ast.Return)]
    rest = [way for way in ways if way is None or ast.unparse(way) != straight]
    return len(rest) < len(ways) and all(way is not None and _is_handed(way, old) for way in rest)


def _is_handed(way: ast.expr, old: str) -> bool:
    """``checkpoint(old, self, *args)``, ``run(partial(old, self, **kwargs), *args)``, but not ``old(...)[0]``."""
    if not isinstance(way, ast.Call):
        return False
    called = [node.func for node in walk(way) if isinstance(node, ast.Call)]
    if any(isinstance(func, ast.Name) and func.id == old for func in called):
        return False
    given = [arg for node in (way, *way.args[:1]) if isinstance(node, ast.Call) for arg in node.args[:1]]
    return any(isinstance(arg, ast.Name) and arg.id == old for arg in given)


def _is_class(owner: ast.expr, name: str) -> bool:
    if isinstance(owner, ast.Name):
        return owner.id == name != ""
    if isinstance(owner, ast.Attribute):
        return owner.attr == "__class__"
    return isinstance(owner, ast.Call) and last_name(owner.func) == "type" and len(owner.args) == 1


def changed_globals(tree: ast.Module) -> frozenset[str]:
    """Module-level names whose values functions of the file change in place, or bind again."""
    found: set[str] = set()
    functions: list[ast.FunctionDef | ast.AsyncFunctionDef]
    functions = [*every(tree, ast.FunctionDef), *every(tree, ast.AsyncFunctionDef)]
    for fn in functions:
        nodes = list(walk(*fn.body))
        shared = {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
        own = {arg.arg for arg in walk(fn.args) if isinstance(arg, ast.arg)} | {
            node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        found |= shared | {name for node in nodes for name in _changed_by(node) if name not in own}
    return frozenset(found)


def _changed_by(node: ast.AST) -> Iterator[str]:
    """``cfg.width = 8``, ``cfg["width"] = 8``, ``layers.append(x)``, ``setattr(cfg, key, 8)``, ``del ...``."""
    owner: ast.expr | None = None
    if isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
        owner = node.value
    elif isinstance(node, ast.Call) and last_name(node.func) in ("setattr", "delattr") and node.args:
        owner = node.args[0]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGE:
        owner = node.func.value
    while isinstance(owner, (ast.Attribute, ast.Subscript)):
        owner = owner.value
    if isinstance(owner, ast.Name):
        yield owner.id
