"""Watches one run: lines, Parameters made, ``.data`` writes, optimizers, probes. Child only.

Everything is patched in a process that will be thrown away, so nothing is ever unpatched.
"""

from __future__ import annotations

import sys
import traceback
import types
import warnings
import weakref
from collections.abc import Collection, Iterator
from itertools import islice
from typing import Any

import torch
from torch import nn

from lint_params import evidence
from lint_params.verify.run.probes import LIMIT, Probes
from lint_params.verify.run.states import States
from lint_params.verify.run.tensors import address_of, overlapping, reason_of, shape_of, strides_of


class Watch:
    """Collects events; ``phase`` is set by the experiment as it goes along."""

    def __init__(self, path: str, text: str, lines: Collection[int] = ()) -> None:
        self.path = path
        self.source = text.splitlines()
        self.phase = "import"
        self.lines: set[int] = set()
        self.created: list[evidence.Created] = []
        self.data_writes: list[evidence.DataWrite] = []
        self.grad_writes: list[evidence.GradWrite] = []
        self.optimizers: list[tuple[int, Any, str, str]] = []
        self.probes = Probes()
        self.states = States(path, lines)
        self.layer_lines: dict[int, int] = {}
        self.calls: dict[int, int] = {}
        self.roots: weakref.WeakSet[nn.Module] = weakref.WeakSet()
        self.called: weakref.WeakSet[nn.Module] = weakref.WeakSet()  # not by another Module
        self.depth = 0
        self.outermost: list[weakref.ref[nn.Module]] = []
        self.keep: list[Any] = []  # so that no id is given twice
        self.root: nn.Module | None = None

    # -- where are we ----------------------------------------------------------------
    def user_frame(self, depth: int = 2) -> types.FrameType | None:
        """The innermost frame of the linted file on the stack."""
        frame: types.FrameType | None = sys._getframe(depth)
        while frame is not None and frame.f_code.co_filename != self.path:
            frame = frame.f_back
        return frame

    def passed(self, frame: types.FrameType | None) -> tuple[int, ...]:
        """The lines of the linted file on which a frame and those around it stand."""
        lines = []
        while frame is not None:
            if frame.f_code.co_filename == self.path:
                lines.append(frame.f_lineno)
            frame = frame.f_back
        return tuple(lines)

    def trace(self, frame: types.FrameType, event: str, arg: Any) -> Any:
        if frame.f_code.co_filename != self.path:
            return None
        return self._line

    def _line(self, frame: types.FrameType, event: str, arg: Any) -> Any:
        if event == "line":
            self.lines.add(frame.f_lineno)
        return self._line

    def frames(self, error: BaseException) -> tuple[evidence.Frame, ...]:
        found = []
        at = error.__traceback__
        while at is not None:
            frame, line = at.tb_frame, at.tb_lineno
            if frame.f_code.co_filename == self.path:
                code = self.source[line - 1].strip() if 0 < line <= len(self.source) else ""
                name = getattr(frame.f_code, "co_qualname", frame.f_code.co_name)
                found.append(evidence.Frame(line, name, code, _span(at)))
            at = at.tb_next
        return tuple(found[-40:])

    def failure(self, error: BaseException, reason: str = "") -> evidence.Failure:
        layer, kind, line, made = self._layer(error)
        text = " ".join(str(error).split())[:600]
        return evidence.Failure(
            phase=self.phase,
            type=type(error).__name__,
            text=text,
            frames=self.frames(error),
            layer=layer,
            layer_type=kind,
            layer_line=line,
            parameter_lines=made,
            reason=reason or reason_of(error),
        )

    def _layer(self, error: BaseException) -> tuple[str, str, int, tuple[int, ...]]:
        """The innermost torch layer in the traceback, as the model that ran names it."""
        found: nn.Module | None = None
        for frame, _ in traceback.walk_tb(error.__traceback__):
            owner = frame.f_locals.get("self")
            if isinstance(owner, nn.Module) and type(owner).__module__.startswith("torch.nn"):
                found = owner
        if found is None:
            return "", "", 0, ()
        name = ""
        if self.root is not None:
            name = next((n for n, m in self.root.named_modules() if m is found), "")
        ids = {id(param) for param in found._parameters.values()}
        made = [row.line for row in self.created if row.id in ids and not row.by]
        made += [row.line for row in self.data_writes if row.id in ids]
        return name, type(found).__name__, self.layer_lines.get(id(found), 0), tuple(made)

    # -- patches ---------------------------------------------------------------------
    def install(self) -> None:
        self._watch_parameters()
        self._watch_modules()
        self._watch_optimizers()
        self._watch_warnings()
        self.states.watch(_patch)
        sys.settrace(self.trace)

    def _watch_warnings(self) -> None:
        """What torch says and goes on; filters that the linted code sets do not count here."""
        warn = warnings.warn

        def told(message: Any, *args: Any, **kwargs: Any) -> None:
            frame = self.user_frame()
            if frame is not None:
                self.probes.warned(frame.f_lineno, message)
            warn(message, *args, **kwargs)

        _patch(warnings, "warn", told)

    def _watch_parameters(self) -> None:
        watch = self
        make = nn.Parameter.__new__

        def new(cls: type, *args: Any, **kwargs: Any) -> Any:
            made: Any = make(cls, *args, **kwargs)
            frame = watch.user_frame()
            if frame is not None and len(watch.created) < LIMIT:
                by = ""
                inner: types.FrameType | None = sys._getframe(1)
                direct = inner is frame
                while inner is not None and inner is not frame:
                    owner = inner.f_locals.get("self")
                    if isinstance(owner, nn.Module):
                        by = type(owner).__name__
                    inner = inner.f_back
                watch.keep.append(made)
                watch.created.append(
                    evidence.Created(
                        line=frame.f_lineno,
                        phase=watch.phase,
                        id=id(made),
                        shape=shape_of(made),
                        dtype=str(made.dtype) if isinstance(made, torch.Tensor) else "",
                        by=by,
                        direct=direct,
                        passed=watch.passed(frame),
                    )
                )
            return made

        _patch(nn.Parameter, "__new__", staticmethod(new))
        plain: Any = torch.Tensor.data

        def set_data(param: Any, value: Any) -> None:
            frame = watch.user_frame()
            old, had = shape_of(param), param.grad is not None
            before, strides = address_of(param), strides_of(param)
            plain.__set__(param, value)
            if frame is not None and len(watch.data_writes) < LIMIT:
                new_shape = shape_of(param)
                watch.data_writes.append(
                    evidence.DataWrite(
                        line=frame.f_lineno,
                        phase=watch.phase,
                        id=id(param),
                        name=watch.name_of(param),
                        old_shape=old,
                        new_shape=new_shape,
                        same_storage=before != 0 and before == address_of(param),
                        overlaps=overlapping(param),
                        had_grad=had,
                        restrided=strides != strides_of(param),
                    )
                )

        def get_data(param: Any) -> Any:
            return plain.__get__(param)

        _patch(nn.Parameter, "data", property(get_data, set_data))
        grad: Any = torch.Tensor.grad

        def set_grad(param: Any, value: Any) -> None:
            if value is None:
                watch.grad_cleared(param, "grad=None")
            grad.__set__(param, value)

        _patch(nn.Parameter, "grad", property(grad.__get__, set_grad, grad.__delete__))

    def grad_cleared(self, param: Any, how: str) -> None:
        if not self.phase.startswith(("forward", "script")):
            return
        frame = self.user_frame(3)
        plain: Any = torch.Tensor.grad
        old = plain.__get__(param)
        if frame is not None and len(self.grad_writes) < LIMIT:
            lost = old is not None and bool((old != 0).any())
            self.grad_writes.append(evidence.GradWrite(frame.f_lineno, self.phase, how, lost))

    def name_of(self, param: Any) -> str:
        if self.root is None:
            return ""
        return next((n for n, p in self.root.named_parameters() if p is param), "")

    def _watch_modules(self) -> None:
        watch = self
        init = nn.Module.__init__

        def module_init(module: nn.Module, *args: Any, **kwargs: Any) -> None:
            frame = watch.user_frame()
            if frame is not None:
                watch.layer_lines[id(module)] = frame.f_lineno
                watch.keep.append(module)
            init(module, *args, **kwargs)

        _patch(nn.Module, "__init__", module_init)
        call = nn.Module.__call__

        def module_call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            watch.calls[id(module)] = watch.calls.get(id(module), 0) + 1
            if not watch.depth and module not in watch.called:
                watch.called.add(module)
                watch.keep.append(module)  # a copy may be gone when the optimizers are looked at
            watch.depth += 1
            try:
                return call(module, *args, **kwargs)
            finally:
                watch.depth -= 1

        _patch(nn.Module, "__call__", module_call)
        zero = nn.Module.zero_grad

        def zero_grad(module: nn.Module, *args: Any, **kwargs: Any) -> None:
            caller = sys._getframe(1)
            if caller.f_code.co_filename == watch.path:
                grads = [p.grad for p in module.parameters() if p.grad is not None]
                lost = any(bool((g != 0).any()) for g in grads)
                watch.grad_writes.append(
                    evidence.GradWrite(caller.f_lineno, watch.phase, "zero_grad", lost)
                )
            zero(module, *args, **kwargs)

        _patch(nn.Module, "zero_grad", zero_grad)
        for name in ("parameters", "named_parameters"):
            self._watch_listing(name)

    def _watch_listing(self, name: str) -> None:
        plain = getattr(nn.Module, name)
        watch = self

        def listing(module: nn.Module, *args: Any, **kwargs: Any) -> Iterator[Any]:
            if sys._getframe(1).f_code.co_filename == watch.path:
                watch.roots.add(module)
                watch.keep.append(module)
            given: Iterator[Any] = plain(module, *args, **kwargs)
            return given

        _patch(nn.Module, name, listing)

    def _watch_optimizers(self) -> None:
        watch = self
        plain = torch.optim.Optimizer.__init__

        def init(optimizer: Any, *args: Any, **kwargs: Any) -> None:
            frame = watch.user_frame()
            line = frame.f_lineno if frame is not None else 0
            kind = type(optimizer).__name__
            try:
                plain(optimizer, *args, **kwargs)
            except Exception as error:
                if line:
                    text = f"{type(error).__name__}: {error}"
                    watch.optimizers.append((line, None, kind, text))
                raise
            if line:
                watch.optimizers.append((line, optimizer, kind, ""))

        _patch(torch.optim.Optimizer, "__init__", init)

    def optimizers_seen(self) -> tuple[evidence.Optimizer, ...]:
        """What each optimizer holds, against the models whose parameters were listed, and
        against what has a gradient in those that were called."""
        wanted: dict[int, str] = {}
        for root in list(self.called):
            for name, param in root.named_parameters():
                if param.requires_grad and param.grad is not None:
                    wanted.setdefault(id(param), f"{name} of a {type(root).__name__}")
        for root in list(self.roots):
            for name, param in root.named_parameters():
                if param.requires_grad:
                    wanted.setdefault(id(param), name)
        alive = {id(p) for root in list(self.roots) for p in root.parameters()}
        held_by_any: set[int] = set()
        rows = []
        for line, optimizer, kind, failed in self.optimizers:
            groups = optimizer.param_groups if optimizer is not None else []
            held = [id(param) for group in groups for param in group["params"]]
            held_by_any.update(held)
            rows.append((line, kind, held, failed))
        missing = tuple(name for key, name in wanted.items() if key not in held_by_any)
        return tuple(
            evidence.Optimizer(
                line=line,
                type=kind,
                held=tuple(held),
                missing=missing[:50],
                stale=sum(1 for key in held if alive and key not in alive),
                failed=failed,
            )
            for line, kind, held, failed in rows
        )


def _patch(owner: type | types.ModuleType, name: str, value: Any) -> None:
    """For good: this process is thrown away after its run."""
    setattr(owner, name, value)


def _span(at: types.TracebackType) -> tuple[int, int]:
    """The columns of the expression that failed, (0, 0) where Python does not say."""
    positions = getattr(at.tb_frame.f_code, "co_positions", None)
    if positions is None or at.tb_lasti < 0:
        return 0, 0
    _, _, start, end = next(islice(positions(), at.tb_lasti // 2, None), (None,) * 4)
    return start or 0, end or 0
