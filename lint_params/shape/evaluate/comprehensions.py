"""Comprehensions: a value for each round of their loops."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from lint_params.shape.evaluate import iterate
from lint_params.shape.evaluate.expr import on
from lint_params.shape.evaluate.interpreter import Interpreter
from lint_params.shape.evaluate.scope import Scope
from lint_params.shape.evaluate.truth import truth
from lint_params.shape.value import (
    PERHAPS,
    Dict,
    Seq,
    Splice,
    Unknown,
    Value,
    as_set,
)


@on(ast.ListComp)
def _listcomp(it: Interpreter, node: ast.ListComp, scope: Scope) -> Value:
    return _comprehension(it, node, scope, "list")


@on(ast.GeneratorExp)
def _genexp(it: Interpreter, node: ast.GeneratorExp, scope: Scope) -> Value:
    return _comprehension(it, node, scope, "list")


@on(ast.SetComp)
def _setcomp(it: Interpreter, node: ast.SetComp, scope: Scope) -> Value:
    return _comprehension(it, node, scope, "set")


def _comprehension(it: Interpreter, node: Any, scope: Scope, kind: str) -> Value:
    items: list[Value] = []
    inner = Scope(scope.file, scope, scope.function)
    for bindings in _rounds(it, node.generators, 0, inner):
        if bindings is None:
            return Unknown("comprehension over an unknown sequence")
        value = it.eval(node.elt, inner)
        items.append(value if bindings else Splice([[value], []]))
    return as_set(items) if kind == "set" else Seq(items, kind)


@on(ast.DictComp)
def _dictcomp(it: Interpreter, node: ast.DictComp, scope: Scope) -> Value:
    items: dict[Any, Value] = {}
    inner = Scope(scope.file, scope, scope.function)
    is_open = False
    for bindings in _rounds(it, node.generators, 0, inner):
        if bindings is None:
            return Unknown("comprehension over an unknown sequence")
        key = it.eval(node.key, inner)
        value = it.eval(node.value, inner)
        if isinstance(key, (str, int, float, bool)):
            items[key] = value if bindings else PERHAPS
        else:
            is_open = True
    return Dict(items, is_open)


def _each_once(iterable: Seq) -> list[tuple[Value, bool]] | None:
    """The items of a sequence, and whether each is surely there; None for more of a choice."""
    found: list[tuple[Value, bool]] = []
    for item in iterable.items:
        if not isinstance(item, Splice):
            found.append((item, True))
        elif len(item.options) == 2 and [] in item.options and max(map(len, item.options)) == 1:
            found.append((max(item.options, key=len)[0], False))
        else:
            return None
    return found


def _rounds(
    it: Interpreter, generators: list[ast.comprehension], at: int, scope: Scope
) -> Iterator[bool | None]:
    """Bind the targets of each round; True: surely, False: perhaps, None: unknown sequence."""
    generator = generators[at]
    iterable = it.eval(generator.iter, scope)
    items = _each_once(iterable) if isinstance(iterable, Seq) else None
    if items is None:
        known_items = iterate.known_items(it, iterable)
        items = None if known_items is None else [(item, True) for item in known_items]
    if items is None:
        yield None
        return
    from lint_params.shape.evaluate.assign import assign

    for item, there in items:
        assign(it, generator.target, item, scope)
        sure = there
        skip = False
        for condition in generator.ifs:
            known = truth(it, it.eval(condition, scope))
            if known is False:
                skip = True
                break
            if known is None:
                sure = False
        if skip:
            continue
        if at + 1 < len(generators):
            for inner in _rounds(it, generators, at + 1, scope):
                yield None if inner is None else (sure and inner)
        else:
            yield sure
