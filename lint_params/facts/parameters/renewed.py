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

_RESIZES = re.compile(r"resiz|resampl|interpolat|rescal", re.IGNORECASE)


def renewed_parts(cls: ClassFacts, name: str) -> set[ast.AST]:
    """All that stands in the calls that make the attribute anew of what it was, and where it is put."""
    renewed = [(one, call) for one in cls.assignments(name) if (call := _resized(one)) is not None]
    return {part for one, call in renewed for top in (one.node, call) for part in ast.walk(top)}


def comes_from_itself(member: Member) -> bool:
    """``self.table = nn.Parameter(resize(self.table, size))``, which the constructor does not run: the new
    values are made of the old ones."""
    return _resized(member) is not None


def _resized(member: Member) -> ast.Call | None:
    """The call that is given the old values first, by the name of one that only changes their number."""
    cls, value = member.cls, member.value
    if member.method is None or member.method in cls.reached_from_init or not isinstance(value, ast.Call):
        return None
    data = cls.facts.argument(value, 0, "data") if member.kind.is_parameter else None
    if isinstance(data, ast.Name):
        values = cls.facts.reach(data) or []
        data = values[0] if len(values) == 1 else None
    if not isinstance(data, ast.Call) or not data.args or not _RESIZES.search(last_name(data.func)):
        return None
    given = data.args[0]
    kept = cls.facts.self_attribute(given) == member.name and not is_read(cls.facts, given)
    return data if kept else None
