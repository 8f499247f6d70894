"""What the phases of a run are made of: a call, a backward, a failure written down. Child only."""

# The linted code may raise anything, anywhere:
# ruff: noqa: BLE001
from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from lint_params import evidence
from lint_params.verify.made_up import inputs
from lint_params.verify.made_up.calls import Call, imports_of
from lint_params.verify.made_up.inputs import Inputs
from lint_params.verify.made_up.source_facts import FileView
from lint_params.verify.run import outer, snapshot
from lint_params.verify.run.tensors import seeded
from lint_params.verify.run.watch import Watch


class Stop(Exception):
    """A phase failed on which the later ones depend."""


class Steps:
    """One run of a subject, and the steps that it can take; every failure is written down, none
    escapes."""

    call: Call

    def __init__(
        self,
        watch: Watch,
        view: FileView,
        subject: str,
        device: str,
        needs: frozenset[str],
        shapes_only: bool,
    ) -> None:
        self.watch = watch
        self.view = view
        self.subject = subject
        self.device = device
        self.needs = needs
        self.run = evidence.Run(
            path=watch.path, subject=subject, device=device, torch=torch.__version__
        )
        self.failures: list[evidence.Failure] = []
        self.tried: list[evidence.Failure] = []
        self.done: list[str] = []
        self.part: outer.Part | None = None
        self.tied = False
        self.words: dict[str, Any] = {}  # what forward must be given to reach a line
        self.method = ""  # what is to be called besides
        self.applied: list[str] = []  # functions of the file that the object is given to once made
        self.usual: nn.Module | None = None  # what an object's methods are given as their model
        self.entry = ""  # what is called in the place of forward
        self.entered = 0  # modules that the last call of the model called
        self.started = time.perf_counter()
        self.shapes_only = shapes_only

    @contextlib.contextmanager
    def phase(self, name: str, needed: bool = False) -> Iterator[None]:
        self.watch.phase = name
        try:
            yield
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            self.failures.append(self.watch.failure(error))
            if needed or isinstance(error, (TimeoutError, MemoryError, SystemExit)):
                raise Stop from None
        else:
            self.done.append(name)

    def _call(self, root: nn.Module, given: Inputs) -> Any:
        args, kwargs = given.fresh(self.device)
        seeded(1)  # not as the constructor: what is initialised anew shall differ
        before = sum(self.watch.calls.values())
        try:
            return getattr(root, self.entry)(*args, **kwargs) if self.entry else root(*args, **kwargs)
        finally:
            self.entered = sum(self.watch.calls.values()) - before

    def _backward(self, output: Any) -> bool:
        losses = [
            (t.float() * torch.randn_like(t.float())).sum()
            for t in inputs.flat(output)
            if t.requires_grad and t.is_floating_point()
        ]
        if not losses:
            return False
        total: Any = torch.stack(losses).sum()
        total.backward()
        return True

    def _snap(self, root: nn.Module, phase: str) -> None:
        with contextlib.suppress(Exception):
            self.run.snapshots[phase] = snapshot.tensors(root, self.watch.keep)

    def finish(self) -> evidence.Run:
        watch, run = self.watch, self.run
        if watch.probes.tolerant:
            run.tolerant = True
            watch.phase = "construct" if "construct" not in self.done else "forward"
            known = {failure.text for failure in self.failures}
            survived = [watch.failure(error) for error in watch.probes.failed]
            self.failures += [failure for failure in survived if failure.text not in known]
        if run.kind == "script" and not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            run.device = "cpu"  # the file itself says where it runs
        run.seconds = round(time.perf_counter() - self.started, 4)
        run.failures = tuple(self.failures)
        run.tried = tuple(self.tried)
        run.done = tuple(self.done)
        run.lines = frozenset(watch.lines)
        run.created = tuple(watch.created)
        run.data_writes = tuple(watch.data_writes)
        run.grad_writes = tuple(watch.grad_writes)
        run.probes = tuple(watch.probes.seen)
        run.loaded = tuple(watch.states.loaded)
        with contextlib.suppress(Exception):
            run.optimizers = watch.optimizers_seen()
        return run

    def snippet(self, kind: Any, call: Call, given: Inputs | None = None) -> str:
        home = self.view.module.__name__
        name = getattr(kind, "__qualname__", "")
        lines = ["import torch", "from torch import nn"]
        if self.part is not None:
            lines.append(self.part.setup)
        else:
            lines += imports_of(call.text, home, name.split(".")[0])
            lines += [f"from {home} import {one}" for one in self.applied]
            lines.append(f"model = {name}({call.text})")
        lines += [f"model.apply({one})" for one in self.applied]
        if given is not None and given.text():
            said = f"  # by its source, {'; '.join(given.said)}" if given.said else ""
            called = f"model.{self.entry}" if self.entry else "model"
            lines.append(f"{called}({given.text()}){said}")
        return "\n".join(lines)
