"""Code that fills Parameters without saying which: under a name that it works out, from one long
vector, through a state dict."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lint_params.facts.parameters.filled_by import sets
from lint_params.trees import last_name

if TYPE_CHECKING:
    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.file import FileFacts
    from lint_params.facts.scope import Scope

#: Functions of torch that write all of a list of tensors.
_FILL_LISTS = ("vector_to_parameters", "_foreach_zero_", "_foreach_copy_")
_TABLES = ("_parameters", "__dict__")
_HAND_ON = ("list", "tuple", "enumerate", "reversed", "sorted", "filter", "iter", "zip")


def fills_unnamed(facts: FileFacts, scope: Scope, family: list[ClassFacts], name: str) -> bool:
    """Whether a function writes what may be the attribute of one of these classes."""
    for write in facts.writes_in(scope):
        rebinds = write.how == "bind" and not write.through
        if write.how in ("grow", "delete") or rebinds and isinstance(write.target, ast.Name):
            continue
        for one in _values(facts, write.target):
            found = _asked(facts, one)
            if found is not None and _may_mean(facts, *found, family, name):
                return True
    return any(
        last_name(call.func) in _FILL_LISTS and (facts.qualify(call.func) or "").startswith("torch.")
        for call in scope.nodes(ast.Call)
    )


def _values(facts: FileFacts, expr: ast.expr) -> list[ast.expr]:
    """What is written, by the name that it may have got before."""
    found = [expr]
    if isinstance(expr, ast.Name):
        found = facts.reach(expr) or []
    return [one.value if isinstance(one, ast.Attribute) and one.attr == "data" else one for one in found]


def _asked(facts: FileFacts, expr: ast.expr) -> tuple[ast.expr, ast.expr] | None:
    """Of ``getattr(owner, key)``, ``owner.get_parameter(key)``, ``owner._parameters[key]`` and
    ``owner.state_dict()[key]`` the owner and the key."""
    if isinstance(expr, ast.Subscript):
        table = next(iter(_values(facts, expr.value)), expr.value)
        if isinstance(table, ast.Attribute) and table.attr in _TABLES:
            return table.value, expr.slice
        func = table.func if isinstance(table, ast.Call) else None
        if isinstance(func, ast.Attribute) and func.attr == "state_dict":
            return func.value, expr.slice
    if not isinstance(expr, ast.Call) or not expr.args:
        return None
    if isinstance(expr.func, ast.Attribute) and expr.func.attr == "get_parameter":
        return expr.func.value, expr.args[0]
    if facts.qualify(expr.func) == "builtins.getattr" and len(expr.args) > 1:
        return expr.args[0], expr.args[1]
    return None


def _may_mean(
    facts: FileFacts, owner: ast.expr, key: ast.expr, family: list[ClassFacts], name: str
) -> bool:
    """Whether the owner may be of one of the classes, and the key the name."""
    cls = facts.kind_of(owner).cls
    if cls is not None and cls not in family:
        return False
    words = facts.words(key)
    return words is None or any(str(word).rpartition(".")[2] == name for word in words)


def loop_over(facts: FileFacts, call: ast.Call) -> ast.AST | None:
    """The loop that goes through what ``model.parameters()`` gives and sets something of it, also
    through ``list(...)``, ``enumerate(...)`` or ``.items()``, and as a comprehension."""
    here: ast.AST = call
    above = facts.parent(here)
    while isinstance(above, (ast.Attribute, ast.Call)):
        if isinstance(above, ast.Attribute) and above.attr not in ("items", "values"):
            return None
        if isinstance(above, ast.Call) and above.func is not here and last_name(above.func) not in _HAND_ON:
            return None
        here, above = above, facts.parent(above)
    if isinstance(above, ast.comprehension):
        above = facts.parent(above)
    elif not isinstance(above, (ast.For, ast.AsyncFor)) or above.iter is not here:
        return None
    return above if above is not None and sets(above) else None
