"""One instrumented run of a class: construct, forward, backward, step, move. Child only."""

# The linted code may raise anything, anywhere:
# ruff: noqa: BLE001
from __future__ import annotations

import ast
import contextlib
import copy
import inspect
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import torch
from torch import nn

from lint_params import evidence
from lint_params.torch_errors import contradiction
from lint_params.verify.made_up import arguments, inputs, repair, suited
from lint_params.verify.made_up.calls import Call, imports_of, without_default
from lint_params.verify.made_up.complete import completed
from lint_params.verify.made_up.inputs import Inputs
from lint_params.verify.made_up.source_facts import FileView
from lint_params.verify.run import build, doubt, outer, snapshot
from lint_params.verify.run.tensors import seeded
from lint_params.verify.run.watch import Watch

#: How many inputs are tried before forward is given up.
ATTEMPTS = 12
#: Findings about shapes that forward may take and backward refuse.
BACKWARD = {"LP407"}
#: How often a method is called: something may be done every second time.
ROUNDS = 2
#: How many methods are called where there is no forward.
METHODS = 4


def _stuck(tried: list[evidence.Failure]) -> bool:
    """The same two sizes three times although the input's were changed."""
    if len(tried) < 3:
        return False
    pairs = [contradiction(failure.text)[:1] for failure in tried[-3:]]
    return bool(pairs[0]) and pairs[0] == pairs[1] == pairs[2]


def _entries(root: Any) -> Iterator[str]:
    """The class's own methods that take something and are not called by one another."""
    home = type(root).__module__
    for name, function in vars(type(root)).items():
        own = inspect.isfunction(function) and function.__module__ == home
        if own and not name.startswith("_") and name != "forward" and len(without_default(function)) > 1:
            yield name


class Stop(Exception):
    """A phase failed on which the later ones depend."""


class Experiment:
    """Runs the phases in order; every failure is written down, none escapes."""

    def __init__(
        self, watch: Watch, view: FileView, subject: str, device: str, codes: set[str]
    ) -> None:
        self.watch = watch
        self.view = view
        self.subject = subject
        self.device = device
        self.codes = codes
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
        self.usual: nn.Module | None = None  # what an object's methods are given as their model
        self.entry = ""  # what is called in the place of forward
        self.entered = 0  # modules that the last call of the model called
        self.started = time.perf_counter()
        self.shapes_only = bool(codes) and all(code.startswith("LP4") for code in codes) and not codes & BACKWARD

    # -- the whole -------------------------------------------------------------------
    def of_class(
        self, kind: type, call: Call, config: dict[str, Any], ties: dict[str, int]
    ) -> evidence.Run:
        """A class by one way to call it; ``ties``: sizes that an earlier run said are one."""
        self.tied = bool(ties)
        with contextlib.suppress(Stop):
            root = self._constructed(kind, call)
            if isinstance(root, nn.Module):
                with contextlib.suppress(Stop):  # a method may run although forward does not
                    self._of_model(root, config)
                    if "LP104" in self.codes:
                        found = outer.parents(self.subject, self.view, self.watch)
                        self.run.parents = tuple(found)
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
            self._of_model(found.module, config)
        return self.finish()

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
            run.snippet = self._snippet(kind, call)
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
        run.snapshots["construct"] = snapshot.tensors(root, watch.keep)
        run.hidden = snapshot.hidden(root, self.view.module.__name__)

    def _built_on(self) -> contextlib.AbstractContextManager[Any]:
        return torch.device("meta") if self.device == "meta" else contextlib.nullcontext()

    def _of_model(self, root: nn.Module, config: dict[str, Any]) -> None:
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
            return
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
        run.hidden = run.hidden or snapshot.hidden(root, self.view.module.__name__)
        self._other_batch(root, given)
        if "LP606" in self.codes:
            self._spread(root, given)
        with self.phase("convert"):
            twin = copy.deepcopy(root).double()
            run.snapshots["convert"] = snapshot.tensors(twin, watch.keep)
        self._move(root, given)

    def _forward(self, root: nn.Module, config: dict[str, Any]) -> Inputs:
        """Runs forward on the best input there is; raises Stop if none runs."""
        run = self.run
        last: Inputs | None = None
        error: evidence.Failure | None = None
        for given in self._candidates(root, config):
            attempt: Inputs | None = given
            tried: set[str] = set()
            for _ in range(ATTEMPTS):
                assert attempt is not None
                self.watch.phase = "forward"
                run.inputs_from, run.repaired = attempt.origin, attempt.repaired
                run.input_shapes = attempt.shapes()
                try:
                    self.output = self._call(root, attempt)
                except (Exception, SystemExit) as failed:
                    failure = self.watch.failure(failed)
                    failure = replace(
                        self._judged(root, attempt, failure),
                        phase="move" if run.moved and failure.between_devices else failure.phase,
                        repaired=bool(attempt.resized) or self.tied,
                        snippet=self._snippet(type(root), self.call, attempt)
                        if self.run.kind == "class"
                        else "",
                    )
                    if last is None or failure.reason:
                        last, error = attempt, failure
                    self.tried.append(failure)
                    same = [f for f in self.tried if f.text == failure.text]
                    if len(same) > 4 or _stuck(self.tried):
                        break  # what the message names does not come from the input
                    if failure.reason:
                        break
                    if attempt.origin != "synthesised":
                        break
                    attempt = completed(root, attempt, failed, tried) or repair.repaired(
                        attempt, failed, tried
                    )
                    if attempt is None:
                        break
                else:
                    run.output_shapes = tuple(tuple(t.shape) for t in inputs.flat(self.output))
                    run.snippet = self._snippet(type(root), self.call, attempt)
                    if any(s and s[0] == 1 for s in run.input_shapes) and attempt.origin not in (
                        "call site",
                        "config",
                    ):
                        run.degenerate = "the batch has one row"
                    run.modules = snapshot.modules(root, self.watch.calls)
                    self.done.append("forward")
                    return attempt
        if last is not None and error is not None:  # what the first, unchanged input showed
            run.inputs_from, run.repaired = last.origin, last.repaired
            run.input_shapes = last.shapes()
            run.snippet = self._snippet(type(root), self.call, last)
            self.failures.append(error)
            self._snap(root, "forward")
        raise Stop

    def _without_forward(self) -> bool:
        """Whether forward failed because the class has none."""
        failure = self.failures[-1] if self.failures else None
        if failure is None or failure.type != "NotImplementedError" or failure.layer:
            return False
        # Else something that it calls has none.
        return not failure.frames or failure.frames[-1].code.startswith("raise")

    def _methods(self, root: nn.Module, config: dict[str, Any]) -> Inputs:
        """What a class without a forward does instead: ``evaluate(state, action)``."""
        given: Inputs | None = None
        for self.entry in islice(_entries(root), METHODS):
            with contextlib.suppress(Stop):
                given = self._forward(root, config)
        if given is None:
            raise Stop
        return given

    def _judged(self, root: nn.Module, given: Inputs, failure: evidence.Failure) -> evidence.Failure:
        """The failure with the sizes in its message that come with a made-up input."""

        def failing(other: Inputs) -> doubt.Ended | None:
            try:
                self._call(root, other)
            except (Exception, SystemExit) as error:
                return self.watch.failure(error), self.entered
            return None

        calls, ended = dict(self.watch.calls), (failure, self.entered)
        free, every = doubt.doubtful(given, ended, set(self.run.arguments.values()), failing)
        self.watch.calls.clear()
        self.watch.calls.update(calls)  # these were no calls of the model's own
        free.update(given.resized)
        return replace(failure, made_up=tuple(free), of_input=tuple(every | free))

    def _candidates(self, root: nn.Module, config: dict[str, Any]) -> Iterator[Inputs]:
        if self.part is not None:
            yield self.part.given
            return
        text = config.get("inputs", {}).get(type(root).__name__)
        # What the author gives suits the author's arguments, not those that were made up.
        other = ("its arguments are made up",) if self.call.origin == "synthesised" else ()
        if text:
            call = arguments.from_config(f"f({text})", self.view)
            yield inputs.of_author(list(call.args), call.kwargs, other)
        example = getattr(root, "example_input_array", None)
        if example is not None:
            args = list(example) if isinstance(example, tuple) else [example]
            yield inputs.of_author(args, {}, other)
        if self.entry:
            yield inputs.synthesised(root, self.run.arguments, self.entry)
            return
        yield from islice(self._from_calls(root), 3)
        guess = inputs.synthesised(root, self.run.arguments)
        known = arguments.bound(self.call, type(root))
        better = inputs.by_source(root, guess, self.view.taken(type(root)), known)
        made = [guess] if better is None else [better]
        if better is not None and better.shapes() != guess.shapes():
            made.append(guess)
        for one in made:
            yield inputs.with_words(root, one, self.words) if self.words else one

    def _from_calls(self, root: nn.Module) -> Iterator[Inputs]:
        for view in (self.view, *self.view.others(type(root).__name__)):
            yield from inputs.from_calls(root, view, self.call)

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

    def _method(self, root: Any) -> None:
        """A method other than the constructor and forward is called too."""
        if self.method and isinstance(root, nn.Module):
            with self.phase("script"):
                given = inputs.synthesised(root, self.run.arguments, self.method)
                args, kwargs = given.fresh(self.device)
                getattr(root, self.method)(*args, **kwargs)
            return
        owner, _, name = self.subject.rpartition(".")
        if owner and name not in ("__init__", "forward", "") and hasattr(root, name):
            self._of_object(root, name)
        elif self.method:
            self._of_object(root, self.method)
        elif not isinstance(root, nn.Module):
            for entry in islice(_entries(root), METHODS):  # what a trainer does shows what it holds
                self._of_object(root, entry, needed=False)

    def _of_object(self, root: Any, name: str, needed: bool = True) -> None:
        """A method of an object that need not be a Module, with arguments that suit what it holds."""
        bound: Callable[..., Any] = getattr(root, name)
        node = self.view.find(f"{type(root).__qualname__}.{name}")
        if not callable(bound) or inspect.isclass(bound):
            return
        self.watch.probes.bounded = True
        call = Call((), {}, "defaults", "")
        if isinstance(node, ast.FunctionDef):
            held = vars(root).items() if hasattr(root, "__dict__") else ()
            models = {f"self.{key}": each for key, each in held if isinstance(each, nn.Module)}
            call = suited.call(bound, node, self.view, models, self.usual, self.run.arguments)
            given = (*call.args, *call.kwargs.values())
            self.usual = next((v for v in given if isinstance(v, nn.Module)), self.usual)
        before, tried = len(self.failures), set[str]()
        for _ in range(suited.TRIES):
            with contextlib.suppress(Stop), self.phase("script"):
                for _ in range(ROUNDS):
                    bound(*call.args, **call.kwargs)
            if len(self.failures) == before:
                return
            better = suited.adapted(call, self.failures[-1], tried)
            if better is None:
                break
            call = better
            self.tried.append(self.failures.pop())
        if not needed:
            self.tried += self.failures[before:]
            del self.failures[before:]

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

    # -- words -------------------------------------------------------------------------
    def _snippet(self, kind: Any, call: Call, given: Inputs | None = None) -> str:
        home = self.view.module.__name__
        name = getattr(kind, "__qualname__", "")
        lines = ["import torch", "from torch import nn"]
        if self.part is not None:
            lines.append(self.part.setup)
        else:
            lines += imports_of(call.text, home, name.split(".")[0])
            lines.append(f"model = {name}({call.text})")
        if given is not None and given.text():
            said = f"  # by its source, {'; '.join(given.said)}" if given.said else ""
            called = f"model.{self.entry}" if self.entry else "model"
            lines.append(f"{called}({given.text()}){said}")
        return "\n".join(lines)
