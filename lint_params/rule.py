"""What a rule file imports: the Rule base class and the words in which it reports."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

from lint_params.evidence import Outcome, Run, Verification
from lint_params.mismatch import shape_mismatch
from lint_params.torch_errors import evaluated

if TYPE_CHECKING:
    import libcst

    from lint_params.facts import FileFacts

__all__ = [
    "Finding",
    "Fix",
    "Level",
    "Outcome",
    "Place",
    "Rule",
    "Run",
    "ShapeRule",
    "Status",
    "Step",
    "Verification",
    "evaluated",
]


class Level(str, Enum):
    """How sure a reader can be that the code is wrong."""

    ERROR = "error"  # torch raises, or training is provably wrong, whenever the line runs
    WARNING = "warning"  # wrong in some reachable configuration
    ADVICE = "advice"  # works, but a better form exists; off by default


class Status(str, Enum):
    """Where a rule stands in its life."""

    STABLE = "stable"
    PREVIEW = "preview"  # off by default until it has been swept over real libraries
    RETIRED = "retired"  # the code stays taken, the rule never runs


@dataclass(frozen=True)
class Step:
    """One line of a finding's trace: where a value or a size came from."""

    line: int
    text: str


@dataclass(frozen=True)
class Place:
    """A source range; lines and columns count characters from 1, the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True)
class Fix:
    """A replacement for the source range of whole statements or one expression.

    ``safe`` only where the fixed file passes the same run on torch.
    """

    place: Place
    replacement: str
    message: str
    safe: bool = False


@dataclass(frozen=True)
class Finding:
    """One mistake at one place.

    ``subject`` is the dotted name, inside the file, of the class or function to run when
    the finding is verified ("" for the module's own code); ``details`` carries what the
    rule's ``verify`` compares (attribute name, the two sizes, ...), JSON values only.
    """

    code: str
    name: str
    level: Level
    path: str
    place: Place
    message: str
    trace: tuple[Step, ...] = ()
    fix: Fix | None = None
    verification: Verification | None = None
    subject: str = ""
    details: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def with_verification(self, verification: Verification) -> Finding:
        return replace(self, verification=verification)

    @property
    def sort_key(self) -> tuple[Any, ...]:
        return (self.path, self.place.line, self.place.column, self.code, self.message)


class Rule:
    """One rule: metadata, ``check`` and, where it can be run, ``verify``.

    The module's docstring is the rule's documentation; the module's stem, with dashes, is
    its name. A rule asks the facts and never digs in files, names or other rules.
    """

    code: ClassVar[str]
    level: ClassVar[Level]
    status: ClassVar[Status] = Status.STABLE
    #: Words of which at least one stands in every file that this rule can report.
    words: ClassVar[tuple[str, ...]] = ()
    #: What ``verify`` needs of a run beyond what its family gets: "backward", "containers" (other
    #: classes that build the subject), "training" (some steps).
    needs: ClassVar[frozenset[str]] = frozenset()
    #: Set by the registry from the module's stem.
    name: ClassVar[str] = ""

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        raise NotImplementedError

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        """Judge the finding by the trace of one instrumented run; None: nothing seen.

        Runs in the verifier's process but must not import torch: the trace is plain data.
        """
        return None

    def fixed(self, statement: libcst.CSTNode, finding: Finding) -> libcst.CSTNode | None:
        """The LibCST statement that should stand in place of ``statement``, if certain."""
        return None

    def report(
        self,
        facts: FileFacts,
        node: ast.AST,
        message: str,
        *,
        trace: tuple[Step, ...] = (),
        fix: Fix | None = None,
        subject: str = "",
        details: Mapping[str, Any] | None = None,
    ) -> Finding:
        """A finding of this rule over the source range of ``node``."""
        return Finding(
            code=self.code,
            name=self.name,
            level=self.level,
            path=facts.path,
            place=facts.place(node),
            message=message,
            trace=trace,
            fix=fix,
            subject=subject,
            details=details or {},
        )


class ShapeRule(Rule):
    """A rule about two sizes that do not fit; its evidence is torch's own error.

    ``details`` of its findings: ``expected`` and ``got`` (ints, or expressions over the
    constructor's arguments), ``attribute`` (the layer, where there is one).
    """

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        """What the symbolic interpreter refuted under this rule's name."""
        for mismatch in facts.shapes.refuted(self.name):
            yield self.report(
                facts,
                mismatch.node,
                mismatch.message,
                trace=tuple(Step(line, text) for line, text in mismatch.trace),
                subject=mismatch.subject,
                details=mismatch.details,
            )

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        return shape_mismatch(run, finding)
