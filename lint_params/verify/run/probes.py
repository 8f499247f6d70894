"""What single expressions of the flagged lines do, told by the rewritten source. Child only."""

from __future__ import annotations

import itertools
import os
import types
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from lint_params import evidence
from lint_params.verify.run.instrument import TRAINING_ROUNDS
from lint_params.verify.run.tensors import LIMITS, fingerprint, reaches_parameter, reason_of

#: Many runs of one line say no more than a few.
LIMIT = 400


class Probes:
    """The functions that ``load`` writes into the source, and what they have seen."""

    def __init__(self) -> None:
        self.seen: list[evidence.Probe] = []
        self.turns: dict[int, int] = {}
        self.failed: list[BaseException] = []
        self.importing = 0  # the process that imports the file
        #: In a second run: flagged statements may fail, so that those behind them run too.
        self.tolerant = False
        self.bounded = False

    def for_source(self) -> dict[str, Callable[..., Any]]:
        return {
            "__lp_call__": self.probe_call,
            "__lp_look__": self.probe_look,
            "__lp_rename__": self.probe_rename,
            "__lp_set__": self.probe_set,
            "__lp_read__": self.probe_read,
            "__lp_pair__": self.probe_pair,
            "__lp_loop__": self.probe_loop,
            "__lp_turn__": self.probe_turn,
            "__lp_failed__": self.probe_failed,
            "__lp_guard__": self.probe_guard,
        }

    def _probe(self, probe: evidence.Probe) -> None:
        if len(self.seen) < LIMIT:
            self.seen.append(probe)

    def warned(self, line: int, message: object) -> None:
        self._probe(evidence.Probe(line, "warned", " ".join(str(message).split())[:300]))

    def probe_call(self, line: int, owner: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        tensor = isinstance(owner, torch.Tensor)
        if tensor and method == "backward":
            reached = reaches_parameter(owner)
            text = "backward() reaches a parameter" if reached else "backward() reaches no parameter"
            self._probe(evidence.Probe(line, "backward", text, reached))
        state = fingerprint(owner) if tensor else None
        result = getattr(owner, method)(*args, **kwargs)
        if tensor or isinstance(result, torch.Tensor):
            changed = tensor and fingerprint(owner) != state
            if result is owner and not changed and not method.endswith("_"):
                return result  # `.to(device)` had nothing to do here, which says nothing
            same = changed or result is owner
            text = f"{type(owner).__name__}.{method}() returned {type(result).__name__}"
            self._probe(evidence.Probe(line, "discarded", text, same, owner=type(owner).__name__))
        return result

    def probe_rename(self, line: int, name: str, old: Any, new: Any) -> Any:
        if isinstance(old, torch.Tensor) and isinstance(new, torch.Tensor) and new is not old:
            text = f"`{name}` named a {type(old).__name__}, and then a new tensor"
            self._probe(evidence.Probe(line, "renamed", text))
        return new

    def probe_look(self, line: int, owner: Any, name: str) -> Any:
        found = getattr(owner, name)
        methods = (types.MethodType, types.BuiltinMethodType, types.FunctionType)
        bound = isinstance(found, methods)
        what = "a method, which nobody called" if bound else f"{type(found).__name__}, no method"
        text = f"{type(owner).__name__}.{name} is {what}"
        self._probe(evidence.Probe(line, "looked-up", text, bound, owner=type(owner).__name__))
        return found

    def probe_set(self, line: int, name: str, value: Any, owner: Any) -> None:
        kind = type(owner)
        if isinstance(owner, torch.Tensor) and callable(getattr(kind, name, None)):
            self._probe(evidence.Probe(line, "shadowed", f"{kind.__name__}.{name}", owner="Tensor"))
        elif isinstance(owner, (nn.Module, torch.Tensor)):
            known = hasattr(kind, name)
            where = "Module" if isinstance(owner, nn.Module) else "Tensor"
            text = f"{kind.__name__}.{name} = {type(value).__name__}"
            self._probe(evidence.Probe(line, "attribute", text, known, owner=where))
        setattr(owner, name, value)

    def probe_read(self, line: int, name: str, value: Any) -> Any:
        if not isinstance(value, (types.GeneratorType, filter, map, zip, itertools.chain)):
            return value
        first = list(itertools.islice(value, 2))
        self._probe(evidence.Probe(line, "iterator", name, left=len(first)))
        return itertools.chain(first, value)

    def probe_pair(self, line: int, text: str, one: Any, other: Any) -> Any:
        self._probe(evidence.Probe(line, "paired", text, one is other))
        return one

    def probe_loop(self, items: Iterable[Any]) -> Iterable[Any]:
        return itertools.islice(items, TRAINING_ROUNDS) if self.bounded else items

    def probe_failed(self, error: Exception | SystemExit, flagged: bool) -> None:
        """A flagged statement of the file's own code raised, or one that comes after it.

        While the file is imported any may: its classes are run with what was defined. Not so in
        a process that the file has forked, nor where a limit is reached: that is reached once.
        """
        ends = isinstance(error, SystemExit) or not flagged and not self.failed
        if self.importing == os.getpid():
            ends = reason_of(error) in LIMITS
        if ends:
            raise error
        self.failed.append(error)

    def probe_guard(self, error: Exception) -> None:
        if not self.tolerant or len(self.failed) > LIMIT:
            raise error
        self.failed.append(error)

    def probe_turn(self, line: int) -> bool:
        if not self.bounded:
            return True
        self.turns[line] = self.turns.get(line, 0) + 1
        return self.turns[line] <= TRAINING_ROUNDS
