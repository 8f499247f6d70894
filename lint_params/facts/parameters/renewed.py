"""Parameters that a method makes anew of what they were: ``resize`` and the like."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from lint_params.facts.parameters.reads import is_read
from lint_params.trees import last_name

if TYPE_CHECKING:
    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.members import Member

#: What a function is called that makes new values, of whatever it is given.
_MAKES = re.compile(r"init|reset|rand|fill|zeros|ones|empty|full|new|load|(?<!re)(?<!up)(?<!down)sample", re.IGNORECASE)


def renewed_parts(cls: ClassFacts, name: str) -> set[ast.AST]:
    """All that stands in statements that make the attribute anew of what it was."""
    renewed = [one for one in cls.assignments(name) if comes_from_itself(one)]
    return {part for one in renewed for top in (one.node, *_made_of(one)) for part in ast.walk(top)}


def comes_from_itself(member: Member) -> bool:
    """``self.table = nn.Parameter(resize(self.table, size))``: the new values are made of the old ones."""
    facts = member.cls.facts
    parts = [part for value in _made_of(member) for part in ast.walk(value)]
    if any(isinstance(part, ast.Call) and _MAKES.search(last_name(part.func)) for part in parts):
        return False
    return any(
        isinstance(part, ast.Attribute) and facts.self_attribute(part) == member.name and not is_read(facts, part)
        for part in parts
    )


def _made_of(member: Member) -> list[ast.expr]:
    """The value, and those of the local names that it speaks of."""
    found = [member.value] if member.value is not None else []
    for value in found:
        for part in ast.walk(value):
            if isinstance(part, ast.Name):
                new = [one.value for one in member.cls.facts.definitions(part) or () if one.value is not None]
                found += [one for one in new if one not in found]
    return found
