"""The search for an input that forward takes. Child only."""

# The linted code may raise anything, anywhere:
# ruff: noqa: BLE001
from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from torch import nn

from lint_params import evidence
from lint_params.torch_errors import contradiction
from lint_params.verify.made_up import arguments, inputs, repair
from lint_params.verify.made_up.calls import without_default
from lint_params.verify.made_up.complete import completed
from lint_params.verify.made_up.inputs import Inputs
from lint_params.verify.run import doubt, snapshot
from lint_params.verify.run.steps import Steps, Stop

#: How many inputs are tried before forward is given up.
ATTEMPTS = 12
#: How many methods are called where there is no forward.
METHODS = 4


def _stuck(tried: list[evidence.Failure]) -> bool:
    """The same two sizes three times although the input's were changed."""
    if len(tried) < 3:
        return False
    pairs = [contradiction(failure.text)[:1] for failure in tried[-3:]]
    return bool(pairs[0]) and pairs[0] == pairs[1] == pairs[2]


def entries(root: Any) -> Iterator[str]:
    """The class's own methods that take something and are not called by one another."""
    home = type(root).__module__
    for name, function in vars(type(root)).items():
        own = inspect.isfunction(function) and function.__module__ == home
        if own and not name.startswith("_") and name != "forward" and len(without_default(function)) > 1:
            yield name


class Forwards(Steps):
    """Runs forward, or what a class has instead."""

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
                        snippet=self.snippet(type(root), self.call, attempt)
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
                    run.snippet = self.snippet(type(root), self.call, attempt)
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
            run.snippet = self.snippet(type(root), self.call, last)
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
        for self.entry in islice(entries(root), METHODS):
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
        made += filter(None, [inputs.with_steps(made[0])])
        for one in made:
            yield inputs.with_words(root, one, self.words) if self.words else one

    def _from_calls(self, root: nn.Module) -> Iterator[Inputs]:
        for view in (self.view, *self.view.others(type(root).__name__)):
            yield from inputs.from_calls(root, view, self.call)
