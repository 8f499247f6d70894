"""What must hold for a call, and whether it does: obligations and their verdicts."""

from __future__ import annotations

import ast
import re
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from lint_params.shape.sizes.dim import Size
from lint_params.shape.value import Origin

if TYPE_CHECKING:
    from lint_params.shape.provenance import Step


class Verdict(Enum):
    PROVED = "proved"
    FREE = "free input"  # an argument of forward, pinned by this very use
    UNKNOWN = "unknown"
    REFUTED = "refuted"


class Obligation(NamedTuple):
    """One condition of one call: ``expected`` and ``got`` must be one number.

    ``rule`` is the name of the rule that reports it; ``why`` the reason where unknown.
    ``stack`` holds the calls that led here, outermost first, as (path, line, text).
    """

    rule: str
    verdict: Verdict
    node: ast.AST
    path: str
    text: str
    expected: Size | None = None
    got: Size | None = None
    why: str = ""
    name: str = ""
    built: Origin | None = None
    source: Origin | None = None
    stack: tuple[tuple[str, ast.AST, str], ...] = ()
    subject: str = ""
    #: The modules of the project inside the one that was called, outermost first.
    inside: tuple[Any, ...] = ()
    #: The samples of a batch stand where features do: the one size of a vector that is no input.
    batch: bool = False
    at: int = 0  # how far the run had come, in steps
    #: A Parameter of the innermost module has both sizes, so one is taken for the other there.
    turned: bool = False
    #: Where the sizes of a mismatch were made or learned.
    sources: tuple[Step, ...] = ()

    @property
    def counts_dimensions(self) -> bool:
        """Whether the two numbers are no sizes but how many of them there are, which comes with
        the input."""
        return "dimensions" in self.text

    @property
    def of_source(self) -> Size | None:
        """Which of the two numbers is that of the tensor in question."""
        its = re.search(r"\{expected\}(?: dimensions)?\{source\}", self.text)
        return self.expected if its else self.got


class Refuted(Exception):
    """Ends the evaluation of an op whose obligation is refuted; its value is Unknown."""
