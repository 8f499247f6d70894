"""The trace of one instrumented run, as plain data, and the questions that rules ask of it.

The verifier builds a class (or runs a function or a file's own code) once, under watch,
and writes down what happened as a ``Run``. A rule's ``verify(run, finding)`` is a few
lines over it::

    def verify(self, run, finding):
        for write in run.data_writes:
            if write.line == finding.place.line and write.new_shape != write.old_shape:
                return run.confirmed(f"shape {write.old_shape} became {write.new_shape}")
        return run.refuted(finding, "the parameter kept its shape")

Return ``run.confirmed(text)`` on the rule's own evidence only. ``run.refuted(finding, text)``
is honest by itself: it becomes inconclusive, with its reason, where the line did not run, an
input was repaired or the input proves nothing. ``None`` means "nothing seen": the verifier
then says why (the first obstacle of the run). Several runs may be made for one finding (call
sites of the file, defaults, synthesised arguments, the file's own ``main``); the rule sees
them one by one and the first that confirms decides.

No torch here: ids, shapes and texts only.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from lint_params.trace import (
    PHASES,
    REASONS,
    RECORDS,
    Created,
    DataWrite,
    Failure,
    Frame,
    GradWrite,
    Hidden,
    Loaded,
    Module,
    Optimizer,
    Outcome,
    Parent,
    Probe,
    Tensor,
    Verification,
    frozen,
    record,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lint_params.rule import Finding

__all__ = [
    "PHASES",
    "REASONS",
    "Created",
    "DataWrite",
    "Failure",
    "Frame",
    "GradWrite",
    "Hidden",
    "Loaded",
    "Module",
    "Optimizer",
    "Outcome",
    "Parent",
    "Probe",
    "Run",
    "Tensor",
    "Verification",
    "all_lines",
    "own_lines",
]


@dataclass
class Run:
    """Everything that one run showed. Fields are empty where the run did not get there."""

    path: str = ""
    subject: str = ""
    kind: str = "class"  # or "script"
    device: str = "cpu"
    torch: str = ""
    snippet: str = ""  # a person can paste and run it
    arguments_from: str = ""  # config, call site, defaults, synthesised, captured
    inputs_from: str = ""
    repaired: tuple[str, ...] = ()  # sizes that were changed to please torch's message
    arguments_repaired: tuple[str, ...] = ()
    tolerant: bool = False  # flagged statements that failed were passed over
    degenerate: str = ""  # why the input proves little ("size 1", "equal sizes")
    arguments: dict[str, Any] = field(default_factory=dict)  # ints of the constructor call
    input_shapes: tuple[tuple[int, ...], ...] = ()
    output_shapes: tuple[tuple[int, ...], ...] = ()
    seconds: float = 0.0
    done: tuple[str, ...] = ()  # phases that ended well
    failures: tuple[Failure, ...] = ()
    tried: tuple[Failure, ...] = ()  # of forward on inputs that were given up or repaired
    lines: frozenset[int] = frozenset()  # lines of the file that ran
    snapshots: dict[str, tuple[Tensor, ...]] = field(default_factory=dict)  # by phase
    modules: tuple[Module, ...] = ()
    hidden: tuple[Hidden, ...] = ()
    created: tuple[Created, ...] = ()
    data_writes: tuple[DataWrite, ...] = ()
    grad_writes: tuple[GradWrite, ...] = ()
    optimizers: tuple[Optimizer, ...] = ()
    probes: tuple[Probe, ...] = ()
    loaded: tuple[Loaded, ...] = ()
    parents: tuple[Parent, ...] = ()
    spread: dict[str, float] = field(default_factory=dict)  # row spread after 20 Adam steps
    ties: dict[str, int] = field(default_factory=dict)  # arguments that would please forward
    moved: tuple[str, ...] = ()  # device types before and after "move": ("cpu", "meta")

    # -- what happened ---------------------------------------------------------------
    def ok(self, phase: str) -> bool:
        return phase in self.done

    def failure(self, *phases: str) -> Failure | None:
        """The first failure of these phases (of any, if none is named)."""
        for failure in self.failures:
            if not phases or failure.phase in phases:
                return failure
        return None

    def failure_at(
        self, lines: Iterable[int], *texts: str, tried: bool = False
    ) -> Failure | None:
        """A failure passing one of these lines whose text (or type) holds one of ``texts``.

        ``tried``: on an input that was given up, too, where no input explains such a text.
        """
        wanted = list(lines)
        for failure in (*self.failures, *(self.tried if tried else ())):
            if failure.passes(wanted):
                said = f"{failure.type}: {failure.text}"
                if not texts or any(text in said for text in texts):
                    return failure
        return None

    def ran(self, finding: Finding) -> bool:
        """Whether a line of the finding's own range was executed."""
        return any(line in self.lines for line in own_lines(finding))

    def tensors(self, phase: str, kind: str = "") -> list[Tensor]:
        return [t for t in self.snapshots.get(phase, ()) if not kind or t.kind == kind]

    def tensor(self, name: str, phase: str = "construct") -> Tensor | None:
        """By dotted name, or by its last part where only one tensor ends in it."""
        here = self.snapshots.get(phase, ())
        for t in here:
            if t.name == name:
                return t
        ends = [t for t in here if t.name.endswith("." + name)]
        return ends[0] if len(ends) == 1 else None

    def named(self, name: str, phase: str = "construct") -> list[Tensor]:
        """Every tensor whose dotted name is ``name`` or ends in it (one a submodule)."""
        return [
            t
            for t in self.snapshots.get(phase, ())
            if t.name == name or t.name.endswith("." + name)
        ]

    def created_at(self, finding: Finding, *phases: str) -> list[Created]:
        """Parameters made on the finding's own lines, in these phases (or any)."""
        lines = own_lines(finding)
        return [c for c in self.created if c.line in lines and (not phases or c.phase in phases)]

    def created_under(self, finding: Finding, *phases: str) -> list[Created]:
        """Parameters made while one of the finding's own lines was run, there or further inside."""
        lines = set(own_lines(finding))
        return [c for c in self.created if lines & {c.line, *c.passed} and (not phases or c.phase in phases)]

    def writes_at(self, finding: Finding, *phases: str) -> list[DataWrite]:
        lines = own_lines(finding)
        return [
            w for w in self.data_writes if w.line in lines and (not phases or w.phase in phases)
        ]

    def probes_at(self, finding: Finding, kind: str) -> list[Probe]:
        lines = own_lines(finding)
        return [p for p in self.probes if p.line in lines and p.kind == kind]

    def loaded_at(self, finding: Finding) -> list[Loaded]:
        """States taken on the finding's own lines that were loaded again."""
        return [one for one in self.loaded if one.line in own_lines(finding)]

    def hidden_under(self, attribute: str) -> list[Hidden]:
        """What is hidden at this attribute (``*`` stands for any text) of the model or of one of
        its submodules."""
        return [
            h
            for h in self.hidden
            if h.attribute == attribute
            or h.attribute.startswith((attribute + ".", attribute + "["))
            or h.attribute.endswith("." + attribute)
            or f".{attribute}." in f".{h.attribute}"
            or f".{attribute}[" in f".{h.attribute}"
            or "*" in attribute
            and any(fnmatchcase(part, attribute) for part in re.split(r"[.\[\]]+", h.attribute))
        ]

    # -- verdicts --------------------------------------------------------------------
    def confirmed(self, text: str) -> Verification:
        return Verification(Outcome.CONFIRMED, self._with_snippet(text), self.device, self.seconds)

    def confirmed_by(self, failure: Failure) -> Verification:
        text = (
            f"{failure}\n{failure.snippet}" if failure.snippet else self._with_snippet(str(failure))
        )
        return Verification(Outcome.CONFIRMED, text, self.device, self.seconds)

    def failed_or_ran(self, finding: Finding, *texts: str) -> Verification | None:
        """Confirmed by a failure with one of these texts at the finding's lines (``lines`` of its
        details included); refuted where they ran and nothing failed."""
        lines = [finding.place.line, *finding.details.get("lines", ())]
        failure = self.failure_at(lines, *texts)
        if failure is not None:
            return self.confirmed_by(failure)
        if self.ran(finding) and not self.failures:
            return self.refuted(finding, "the line ran")
        return None

    def left_behind(self) -> Failure | None:
        """The failure of forward after ``.to(other device)`` for a tensor that stayed."""
        failure = self.failure("move")
        return failure if failure is not None and failure.between_devices else None

    def refuted(self, finding: Finding, text: str) -> Verification:
        """Refuted, if this run can refute: else inconclusive with what stood in the way."""
        obstacle = self.obstacle(finding)
        if obstacle:
            return self.inconclusive(*obstacle)
        return Verification(Outcome.REFUTED, self._with_snippet(text), self.device, self.seconds)

    def inconclusive(self, reason: str, text: str = "") -> Verification:
        assert reason in REASONS, reason
        evidence = f"{reason}: {text}" if text else reason
        if reason in ("construct-failed", "forward-failed-elsewhere"):  # what was tried
            evidence = self._with_snippet(evidence)
        return Verification(Outcome.INCONCLUSIVE, evidence, self.device, self.seconds)

    def obstacle(self, finding: Finding) -> tuple[str, str] | None:
        """The first thing that keeps this run from refuting the finding."""
        for failure in self.failures:
            if failure.reason:
                return failure.reason, str(failure)
            if failure.phase in ("import", "construct"):
                return f"{failure.phase}-failed", str(failure)
            if failure.phase in ("forward", "script") or (
                failure.phase == "move" and "forward" not in self.done
            ):
                return "forward-failed-elsewhere", str(failure)
        for failure in self.tried:
            if failure.phase in ("construct", "script") and failure.passes(own_lines(finding)):
                return "construct-failed" if failure.phase == "construct" else "forward-failed-elsewhere", str(failure)
        if not self.ran(finding):
            return "line-not-executed", f"line {finding.place.line} did not run"
        if self.device == "meta":  # it leaves out checks that a real device makes
            return "needs-device", "meta cannot refute"
        if self.repaired or self.arguments_repaired:
            return "input-repaired", "; ".join(self.repaired + self.arguments_repaired)
        if self.degenerate:
            return "degenerate-input", self.degenerate
        return None

    def _with_snippet(self, text: str) -> str:
        return f"{text}\n{self.snippet}" if self.snippet else text

    # -- plain data ------------------------------------------------------------------
    def to_data(self) -> dict[str, Any]:
        """As JSON data."""
        data = dataclasses.asdict(self)
        data["lines"] = sorted(self.lines)
        return data

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Run:
        """The inverse of ``to_data`` (after JSON, tuples are lists again)."""
        made: dict[str, Any] = {key: frozen(value) for key, value in data.items()}
        for key, kind in RECORDS.items():
            made[key] = tuple(record(kind, item) for item in data.get(key, ()))
        made["snapshots"] = {
            phase: tuple(record(Tensor, item) for item in items)
            for phase, items in data.get("snapshots", {}).items()
        }
        made["arguments"] = dict(data.get("arguments", {}))
        made["ties"] = dict(data.get("ties", {}))
        made["spread"] = dict(data.get("spread", {}))
        made["lines"] = frozenset(data.get("lines", ()))
        return cls(**made)


def own_lines(finding: Finding) -> range:
    """The lines of the finding's own source range."""
    return range(finding.place.line, max(finding.place.line, finding.place.end_line) + 1)


def all_lines(finding: Finding) -> set[int]:
    """The finding's own lines, those of its trace and ``details["lines"]``."""
    lines = set(own_lines(finding))
    lines.update(step.line for step in finding.trace)
    lines.update(line for line in finding.details.get("lines", ()) if isinstance(line, int))
    return lines
