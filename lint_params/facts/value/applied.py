"""Functions that code outside of a class runs over an object of it: ``net.apply(fill)``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.names import dotted
from lint_params.trees import is_self, last_name

if TYPE_CHECKING:
    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.conditions import Condition
    from lint_params.facts.file import FileFacts
    from lint_params.facts.scope import Scope
    from lint_params.facts.value.kinds import Kind

#: What may give an object other values than its constructor's.
_OTHER_VALUES = re.compile(r"load|restor|resum|pretrain|init|reset|copy|set_", re.IGNORECASE)


def filling(cls: ClassFacts) -> list[Scope]:
    """The functions of the file that each object of the class made in it is surely given to, by
    ``apply``; [] as soon as one is not known, or other code may set the object's values."""
    facts = cls.facts
    owners = [(call, facts.kind_of(owner)) for call, owner in _applies(facts)]
    owners = [(call, kind) for call, kind in owners if not _is_of_torch(kind)]  # it holds no object of the class
    if any(kind.cls is None for _, kind in owners):
        return []
    found = [_function(facts, call) for call, kind in owners if kind.cls is cls]
    if not found or any(_sets_values(facts, cls, call) for call in facts.nodes(ast.Call)):
        return []
    return [scope for scope in found if scope is not None] if None not in found else []


def _applies(facts: FileFacts) -> Iterator[tuple[ast.Call, ast.expr]]:
    """Calls of ``apply``, other than on ``self`` or on a class, and on what."""
    for call in facts.nodes(ast.Call):
        owner = call.func.value if isinstance(call.func, ast.Attribute) and call.func.attr == "apply" else None
        if owner is not None and not is_self(owner) and not last_name(owner)[:1].isupper():
            yield call, owner


def _is_of_torch(kind: Kind) -> bool:
    """Whether it is a layer of torch, or a container of nothing else."""
    if kind.is_module_container:
        return kind.element is not None and all(map(_is_of_torch, kind.element.every()))
    return kind.layer != ""


def _sets_values(facts: FileFacts, cls: ClassFacts, call: ast.Call) -> bool:
    """``load(model)``, ``model.load_state_dict(state)``."""
    name = last_name(call.func)
    if name.startswith("__") or not _OTHER_VALUES.search(name):
        return False
    owner = [call.func.value] if isinstance(call.func, ast.Attribute) else []
    return any(one.cls is cls for expr in (*owner, *call.args) for one in facts.kind_of(expr).every())


def _function(facts: FileFacts, call: ast.Call) -> Scope | None:
    """The function of the file that an ``apply`` runs, if it surely does."""
    given = call.args[0] if len(call.args) == 1 else None
    if not isinstance(given, ast.Name) or not all(map(_is_of_script, facts.conditions(call))):
        return None
    known = facts.function_of(ast.Call(given, [], []))
    own = known is not None and known[0] is facts and known[1].parent is facts.index.module
    return known[1] if known is not None and own else None


def _is_of_script(condition: Condition) -> bool:
    """``if __name__ == "__main__":``"""
    test = condition.test
    return isinstance(test, ast.Compare) and dotted(test.left) == "__name__"
