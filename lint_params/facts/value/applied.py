"""Functions that code outside of a class runs over an object of it: ``net.apply(fill)``."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from lint_params.names import dotted
from lint_params.trees import last_name

if TYPE_CHECKING:
    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.conditions import Condition
    from lint_params.facts.file import FileFacts
    from lint_params.facts.scope import Scope

#: What may give an object other values than its constructor's.
_OTHER_VALUES = re.compile(r"load|restor|resum|pretrain|init|reset|copy|set_", re.IGNORECASE)


def filling(cls: ClassFacts) -> list[Scope]:
    """The functions of the file that each object of the class made in it is surely given to, by
    ``apply``; [] as soon as one is not known, or other code may set the object's values."""
    facts = cls.facts
    found: list[Scope] = []
    for call in facts.nodes(ast.Call):
        if not isinstance(call.func, ast.Attribute):
            if _OTHER_VALUES.search(last_name(call.func)) and _speaks_of(facts, cls, call.args):
                return []
            continue
        owner = call.func.value
        if dotted(owner) == "self" or call.func.attr.startswith("__"):
            continue
        if call.func.attr == "apply":
            one = facts.kind_of(owner)
            if one.cls is None and not last_name(owner)[:1].isupper():
                return []
            if one.cls is cls:
                scope = _function(facts, call)
                if scope is None:
                    return []
                found.append(scope)
        elif _OTHER_VALUES.search(call.func.attr) and _speaks_of(facts, cls, [owner, *call.args]):
            return []
    return found


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


def _speaks_of(facts: FileFacts, cls: ClassFacts, given: list[ast.expr]) -> bool:
    return any(one.cls is cls for expr in given for one in facts.kind_of(expr).every())
