"""What rules read about a file; see README.md in this folder for how to ask."""

from __future__ import annotations

from lint_params.facts.classes import ClassFacts
from lint_params.facts.conditions import Condition
from lint_params.facts.file import FileFacts
from lint_params.facts.flow import Definition
from lint_params.facts.members import Member, argument
from lint_params.facts.scope import Scope
from lint_params.facts.training.optimizers import Optimizer
from lint_params.facts.value.creation import Creation
from lint_params.facts.value.kinds import Kind
from lint_params.facts.writes import Write

__all__ = [
    "ClassFacts",
    "Condition",
    "Creation",
    "Definition",
    "FileFacts",
    "Kind",
    "Member",
    "Optimizer",
    "Scope",
    "Write",
    "argument",
]
