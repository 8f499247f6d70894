"""The words in which a run is written down: one small record for each kind of event.

Plain data, no torch: ids, shapes and texts only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

#: What an inconclusive verdict begins with, in the order in which a run meets them.
REASONS = (
    "import-failed",
    "needs-device",
    "sandbox-denied",
    "out-of-memory",
    "timeout",
    "crashed",
    "construct-failed",
    "forward-failed-elsewhere",
    "line-not-executed",
    "input-repaired",
    "degenerate-input",
    "no-predicate",
)

#: The order of a class run; a script run has "script" alone.
PHASES = (
    "import",
    "construct",  # the constructor, every torch.empty filled with NaN beforehand
    "optimizer",  # SGD with momentum over parameters(), before the first forward
    "forward",
    "backward",
    "forward2",  # the same input again, gradients still there
    "step",
    "batch",  # forward with one row more in every input
    "convert",  # deepcopy, then .double(): what sharing survives
    "move",  # .to(cuda) where there is one, else .to(meta)
    "script",
)


#: How torch says that a tensor was not where the others were.
_BETWEEN_DEVICES = re.compile(
    r"same device|expected device|Input type \(torch\.cuda\.\w+\) and weight type \(torch\.(?!cuda)"
)


class Outcome(str, Enum):
    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Verification:
    """What torch said when a finding was run.

    ``evidence`` is torch's own error text or the measured effect; where the verdict is
    inconclusive it begins with one of the fixed reasons (``construct-failed: ...``).
    The first line says what was seen, the lines after it are a snippet to paste and run.
    ``seconds`` is wall time in the child process.
    """

    verdict: Outcome
    evidence: str
    device: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Frame:
    """One frame of a traceback that lies in the linted file."""

    line: int
    function: str
    code: str
    span: tuple[int, int] = (0, 0)  # the columns of what was being evaluated, where Python says (3.11)


@dataclass(frozen=True)
class Failure:
    """An exception, and where in the linted file it passed (outermost frame first).

    ``layer`` is the dotted name, inside the model that ran, of the innermost torch layer
    that raised ("net.2"); ``layer_type`` its class; ``layer_line`` the line of the linted
    file on which that layer was constructed (0: unknown).
    """

    phase: str
    type: str
    text: str
    frames: tuple[Frame, ...] = ()
    layer: str = ""
    layer_type: str = ""
    layer_line: int = 0
    parameter_lines: tuple[int, ...] = ()  # where that layer's parameters were made or written
    made_up: tuple[int, ...] = ()  # sizes in the text that change with the input's, which nobody stated
    of_input: tuple[int, ...] = ()  # the same and those that are the constructor's, or asked for earlier
    repaired: bool = False  # the input had been changed to please an earlier message
    snippet: str = ""  # shows this failure, where a later attempt of the run went on
    reason: str = ""

    @property
    def line(self) -> int:
        """The innermost line of the linted file, 0 if none."""
        return self.frames[-1].line if self.frames else 0

    @property
    def between_devices(self) -> bool:
        """Whether tensors on two devices met."""
        return bool(_BETWEEN_DEVICES.search(self.text))

    def passes(self, lines: Iterable[int]) -> bool:
        """Whether any frame of the file stands on one of these lines."""
        wanted = set(lines)
        return any(frame.line in wanted for frame in self.frames)

    def __str__(self) -> str:
        at = f" (line {self.line})" if self.line else ""
        return f"{self.type}: {self.text}{at}"


@dataclass(frozen=True)
class Tensor:
    """One tensor at one moment. ``name`` is dotted from the model that ran.

    ``kind``: "parameter" (in parameters()), "buffer", "attribute" (a plain tensor attribute
    of a module, in neither), "uninitialised" (a lazy parameter). ``unwritten``: holds
    memory that nothing ever filled. ``grad``: "none", "zero", "nonzero" or "nan".
    ``elements`` counts what the shape says, ``stored`` what the storage holds.
    """

    name: str
    id: int
    kind: str
    shape: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    elements: int = 0
    stored: int = 0
    address: int = 0
    dtype: str = ""
    device: str = ""
    is_parameter: bool = False
    requires_grad: bool = False
    is_leaf: bool = True
    grad_fn: str = ""
    version: int = 0
    grad: str = "none"
    unwritten: bool = False
    finite: bool = True
    checksum: float = 0.0
    extra: tuple[str, ...] = ()  # names of Python attributes that somebody hung on it

    @property
    def overlaps(self) -> bool:
        """More elements than memory cells: torch refuses to write to it."""
        return self.elements > max(self.stored, 1) or any(
            step == 0 and size > 1 for step, size in zip(self.stride, self.shape)
        )


@dataclass(frozen=True)
class Hidden:
    """A Parameter or Module held where torch does not look.

    ``attribute`` is the path from the model ("blocks", "router.gate"), ``holder`` the type
    of what holds it ("list", "dict", "tuple", "set", "object"), ``count`` the number of
    Parameters in there that parameters() does not give, ``names`` their paths.
    """

    attribute: str
    holder: str
    kind: str  # "Parameter" or "Module"
    count: int
    ids: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    class_level: bool = False


@dataclass(frozen=True)
class Created:
    """A Parameter made on a line of the linted file (or by torch on behalf of that line)."""

    line: int
    phase: str
    id: int
    shape: tuple[int, ...]
    dtype: str = ""
    by: str = ""  # the torch layer class in whose constructor it was made, "" = nn.Parameter
    direct: bool = True  # the line itself calls nn.Parameter
    passed: tuple[int, ...] = ()  # the file's lines that were being run, the outer ones too


@dataclass(frozen=True)
class DataWrite:
    """``p.data = value`` on a line of the linted file, or in a function it called."""

    line: int
    phase: str
    id: int
    name: str
    old_shape: tuple[int, ...]
    new_shape: tuple[int, ...]
    same_storage: bool
    overlaps: bool = False
    had_grad: bool = False
    restrided: bool = False  # equal shape (a square .t()) but the entries lie otherwise


@dataclass(frozen=True)
class GradWrite:
    """Gradients cleared or replaced on a line of the file while the model ran."""

    line: int
    phase: str
    how: str  # "zero_grad", "grad=None", "grad.zero_"
    lost: bool  # there was a gradient that was not zero


@dataclass(frozen=True)
class Optimizer:
    """An optimizer that was built. ``missing`` and ``stale`` are as of the end of the run.

    ``held``: ids in param_groups. ``missing``: names of trainable parameters of the models
    whose parameters() it was given that it does not hold. ``stale``: how many that it holds
    are in no such model any more. ``failed`` is the constructor's own error.
    """

    line: int
    type: str
    held: tuple[int, ...] = ()
    missing: tuple[str, ...] = ()
    stale: int = 0
    failed: str = ""


@dataclass(frozen=True)
class Probe:
    """What an expression on a flagged line turned out to be.

    ``kind``: "discarded" (an expression statement; ``text`` says what it returned and
    ``same`` whether that is the receiver, changed in place), "iterator" (a name read on the
    line is a spent or a fresh iterator; ``left`` is how many items it still gave, capped at
    2), "looked-up" (an attribute as a statement; ``same`` if it is a method), "shadowed" (a
    method of a tensor was overwritten by assignment), "attribute" (an attribute set on a
    Module or Tensor that torch does not know), "paired" (``a.load_state_dict(b.state_dict())`` and
    the like; ``same`` if a is b), "backward" (it was called of a tensor; ``same`` if a Parameter is in
    its graph), "warned" (torch, or other code that the line calls, gave a
    warning; ``text`` is what it said).
    """

    line: int
    kind: str
    text: str = ""
    same: bool = False
    left: int = -1
    owner: str = ""


@dataclass(frozen=True)
class Loaded:
    """A state that was taken from a model on a flagged line and is loaded into one again.

    ``shared``: entries that are the model's own memory; ``changed``: those among them that are
    no longer what they were when the state was taken.
    """

    line: int  # where the state was taken
    model: str
    shared: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Module:
    """A registered submodule; a shared one appears under each of its names."""

    name: str
    type: str
    id: int
    own_parameters: int = 0
    training: bool = True
    calls: int = 0
    requires_grad_set: bool = False  # a plain ``requires_grad`` attribute hangs on the module


@dataclass(frozen=True)
class Parent:
    """The subject inside a class of the file that contains it."""

    name: str
    built: bool
    unwritten: tuple[str, ...] = ()  # names, from the subject, still unwritten afterwards


RECORDS: dict[str, type] = {
    "failures": Failure,
    "tried": Failure,
    "modules": Module,
    "hidden": Hidden,
    "created": Created,
    "data_writes": DataWrite,
    "grad_writes": GradWrite,
    "optimizers": Optimizer,
    "probes": Probe,
    "loaded": Loaded,
    "parents": Parent,
}


def frozen(value: Any) -> Any:
    return tuple(frozen(item) for item in value) if isinstance(value, (list, tuple)) else value


def record(kind: type, item: dict[str, Any]) -> Any:
    made = {key: frozen(value) for key, value in item.items()}
    if kind is Failure:
        made["frames"] = tuple(record(Frame, frame) for frame in item.get("frames", ()))
    return kind(**made)
