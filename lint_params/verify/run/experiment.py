"""One instrumented run of a class: construct, forward, backward, step, move. Child only."""

from __future__ import annotations

import contextlib
import copy
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from lint_params import evidence
from lint_params.verify.made_up import arguments, inputs
from lint_params.verify.made_up.calls import Call
from lint_params.verify.made_up.inputs import Inputs
from lint_params.verify.made_up.source_facts import FileView
from lint_params.verify.run import build, outer, snapshot
from lint_params.verify.run.objects import Objects
from lint_params.verify.run.steps import Stop
from lint_params.verify.run.tensors import seeded


class Experiment(Objects):
    """Runs the phases in order."""

    # -- the whole -------------------------------------------------------------------
    def of_class(
        self, kind: type, call: Call, config: dict[str, Any], ties: dict[str, int]
    ) -> evidence.Run:
        """A class by one way to call it; ``ties``: sizes that an earlier run said are one."""
        self.tied = bool(ties)
        with contextlib.suppress(Stop):
            root = self._constructed(kind, call)
            if isinstance(root, nn.Module):
                given: Inputs | None = None
                with contextlib.suppress(Stop):  # a method may run although forward does not
                    given = self._of_model(root, config)
                    if "containers" in self.needs:
                        found = outer.parents(self.subject, self.view, self.watch)
                        self.run.parents = tuple(found)
                with contextlib.suppress(Stop):
                    self._method(root)
                if self.method:
                    self._snap(root, "script")
                self._hidden(root)  # a method may be what adds to it
                if given is not None:  # last: nothing can be run on meta
                    self._move(root, given)
            else:
                self._method(root)
        if "construct" in self.done and "forward" not in self.done:
            self.run.ties = next(build.ties(self.call, self.run.arguments, self.tried), {})
        return self.finish()

    def of_part(
        self, kind: type, whole: type, view: FileView, config: dict[str, Any]
    ) -> evidence.Run | None:
        """The subject as a class that contains it builds and feeds it; None if it does not."""
        run = self.run
        with contextlib.suppress(Stop):
            found: outer.Part | None = None
            build.uninitialised_marked(True)
            seeded()
            with self.phase("construct", needed=True), self._built_on():
                found = outer.part(kind, whole, view, self.watch)
            if found is None:
                return None
            self.call, self.part = found.call, found
            run.arguments_from = "captured"
            run.arguments = arguments.sizes(found.call, kind)
            self._made(found.module)
            given = self._of_model(found.module, config)
            if given is not None:
                self._move(found.module, given)
        return self.finish()

    def of_models(self, found: list[nn.Module], config: dict[str, Any]) -> None:
        """Forward of models that a script made or changed, one after another."""
        for model in found[:4]:
            self.watch.root = model
            self.device = next((p.device.type for p in model.parameters()), "cpu")
            self.call = Call((), {}, "script", "...")
            snippet, before = self.run.snippet, len(self.failures)
            with contextlib.suppress(Stop):
                self._forward(model, config)
                if self.watch.optimizers:  # do they hold what gets a gradient?
                    with contextlib.suppress(Exception):
                        self._backward(self.output)
            self.run.snippet = snippet
            if len(self.failures) > before:
                return

    # -- phases ----------------------------------------------------------------------
    def _constructed(self, kind: Any, call: Call) -> Any:
        run, watch = self.run, self.watch
        made: Any = None
        build.uninitialised_marked(True)
        seeded()
        with self.phase("construct", needed=True), self._built_on():
            made, call, error = build.construct(kind, call, self.view, watch)
            run.arguments_from = call.origin
            run.arguments_repaired = call.repaired
            if call.refused is not None:
                self.tried.append(replace(watch.failure(call.refused), repaired=True))
            run.arguments = arguments.sizes(call, kind)
            run.snippet = self.snippet(kind, call)
            if error is not None:
                raise error
        build.uninitialised_marked(False)
        self.call = call
        if isinstance(made, nn.Module):
            self._made(made)
        return made

    def _made(self, root: nn.Module) -> None:
        run, watch = self.run, self.watch
        watch.root = root
        with contextlib.suppress(Exception):
            run.modules = snapshot.modules(root, watch.calls)
        if self.applied:  # functions of the file, as its script gives them the object
            with self.phase("construct", needed=True):
                for name in self.applied:
                    root.apply(self.view.live(name))
        run.snapshots["construct"] = snapshot.tensors(root, watch.keep)
        self._hidden(root)

    def _hidden(self, root: nn.Module) -> None:
        self.run.hidden = self.run.hidden or snapshot.hidden(root, self.view.module.__name__)

    def _built_on(self) -> contextlib.AbstractContextManager[Any]:
        return torch.device("meta") if self.device == "meta" else contextlib.nullcontext()

    def _of_model(self, root: nn.Module, config: dict[str, Any]) -> Inputs | None:
        """What forward was given; None where shapes alone count."""
        run, watch = self.run, self.watch
        if self.device not in ("cpu", "meta"):
            run.moved = ("cpu", self.device)
            with self.phase("move", needed=True):
                root.to(self.device)
            self._snap(root, "move")
        optimizer: torch.optim.Optimizer | None = None
        if not self.shapes_only:
            with self.phase("optimizer"):
                params = list(root.parameters())
                optimizer = torch.optim.SGD(params, lr=0.05, momentum=0.9)
        try:
            given = self._forward(root, config)
        except Stop:
            if not self._without_forward():
                raise
            self.failures.pop()
            given = self._methods(root, config)
        self._snap(root, "forward")
        if self.shapes_only:
            return None
        output = self.output
        backward_ok = False
        with self.phase("backward"):
            backward_ok = self._backward(output)
        self._snap(root, "backward")
        with self.phase("forward2"):
            output = self._call(root, given)
        self._snap(root, "forward2")
        if optimizer is not None and backward_ok:
            with self.phase("step"):
                self._backward(output)
                optimizer.step()
                optimizer.zero_grad()
                self._backward(self._call(root, given))
                optimizer.step()
            self._snap(root, "step")
        run.modules = snapshot.modules(root, watch.calls)
        self._hidden(root)
        self._other_batch(root, given)
        if "training" in self.needs:
            self._spread(root, given)
        with self.phase("convert"):
            twin = copy.deepcopy(root).double()
            run.snapshots["convert"] = snapshot.tensors(twin, watch.keep)
        return given

    def _other_batch(self, root: nn.Module, given: Inputs) -> None:
        first = next(iter(inputs.flat([given.args, given.kwargs])), None)
        if first is None or not first.dim():
            return
        batch = int(first.shape[0])
        more = Inputs(inputs.more_rows(given.args, batch), inputs.more_rows(given.kwargs, batch))
        with self.phase("batch"):
            self._call(root, more)
        self._snap(root, "batch")

    def _spread(self, root: nn.Module, given: Inputs) -> None:
        with self.phase("symmetry"):
            optimizer = torch.optim.Adam(root.parameters(), lr=0.01)
            for _ in range(20):
                optimizer.zero_grad()
                self._backward(self._call(root, given))
                optimizer.step()
            self.run.spread = snapshot.spread(root)

    def _move(self, root: nn.Module, given: Inputs) -> None:
        if self.device != "cpu":  # it was moved already
            return
        target = "cuda" if torch.cuda.is_available() else "meta"
        self.run.moved = (self.device, target)
        with self.phase("move"):
            root.to(target)
            self._snap(root, "move")
            args, kwargs = given.fresh(target)
            root(*args, **kwargs)
