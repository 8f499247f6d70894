"""Optimizers that a file builds, and whose parameters they are given."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lint_params.facts.members import argument
from lint_params.facts.value.infer import is_optimizer
from lint_params.trees import targets

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts
    from lint_params.facts.scope import Scope

_GIVE = ("parameters", "named_parameters")
#: What these give is what they are given.
_KEEP = (
    *(f"builtins.{name}" for name in ("list", "tuple", "set", "iter")),
    "itertools.chain",
    "itertools.chain.from_iterable",
)


@dataclass(eq=False)
class Optimizer:
    """One constructor call. ``name`` is the variable or dotted attribute it is bound to.

    ``owners`` are the expressions ``m`` of which it gets ``m.parameters()``; ``single`` the
    expressions that are parameters themselves (``model.fc.weight``). ``complete``: these are
    all that it gets, whole and unfiltered.
    """

    call: ast.Call
    torch: str
    scope: Scope
    name: str
    given: ast.expr | None
    owners: list[ast.expr] = field(default_factory=list)
    single: list[ast.expr] = field(default_factory=list)
    complete: bool = True


def read_optimizers(facts: FileFacts) -> list[Optimizer]:
    found = []
    for name, calls in facts.calls.items():
        if not is_optimizer(name):
            continue
        for call in calls:
            scope = facts.scope_of(call)
            given = argument(call, 0, "params")
            made = Optimizer(call, name, scope, bound_name(facts, call), given)
            if given is None:
                made.complete = False
            else:
                _sources(facts, given, made, 0)
            found.append(made)
    return sorted(found, key=lambda one: (one.call.lineno, one.call.col_offset))


def bound_name(facts: FileFacts, call: ast.expr) -> str:
    """The name that a call's result is assigned to, "" if none."""
    parent = facts.parent(call)
    given = targets(parent)
    named = len(given) == 1 and isinstance(given[0], (ast.Name, ast.Attribute))
    return ast.unparse(given[0]) if named and given[0] is not call else ""


def _sources(facts: FileFacts, given: ast.expr, made: Optimizer, depth: int) -> None:
    if depth > 8:
        made.complete = False
    elif facts.kind_of(given).is_parameter:
        made.single.append(given)
    elif isinstance(given, ast.Name):
        values = facts.reach(given)
        if values is None or given in values:
            made.complete = False
        else:
            for value in values:
                _sources(facts, value, made, depth + 1)
    elif isinstance(given, (ast.List, ast.Tuple)):
        for part in given.elts:
            if isinstance(part, ast.Starred):
                part = part.value
            _sources(facts, part, made, depth + 1)
    elif isinstance(given, ast.Dict):
        for key, value in zip(given.keys, given.values):
            if isinstance(key, ast.Constant) and key.value == "params":
                _sources(facts, value, made, depth + 1)
    elif isinstance(given, ast.BinOp) and isinstance(given.op, ast.Add):
        _sources(facts, given.left, made, depth + 1)
        _sources(facts, given.right, made, depth + 1)
    elif isinstance(given, (ast.ListComp, ast.GeneratorExp)):
        made.complete = made.complete and not any(one.ifs for one in given.generators)
        for generator in given.generators:
            _sources(facts, generator.iter, made, depth + 1)
    elif isinstance(given, ast.Call):
        _from_call(facts, given, made, depth)
    else:
        made.complete = False


def _from_call(facts: FileFacts, given: ast.Call, made: Optimizer, depth: int) -> None:
    func = given.func
    name = facts.qualify(func)
    if isinstance(func, ast.Attribute) and func.attr in _GIVE and name is None:
        made.owners.append(func.value)
    elif name in _KEEP:
        for part in given.args:
            _sources(facts, part, made, depth + 1)
    elif name == "builtins.filter" and len(given.args) == 2:
        made.complete = False
        _sources(facts, given.args[1], made, depth + 1)
    else:
        made.complete = False
