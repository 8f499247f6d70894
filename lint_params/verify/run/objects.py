"""Methods of objects, which need not be Modules. Child only."""

from __future__ import annotations

import ast
import contextlib
import inspect
from collections.abc import Callable
from itertools import islice
from typing import Any

from torch import nn

from lint_params.verify.made_up import inputs, suited
from lint_params.verify.made_up.calls import Call
from lint_params.verify.run.forwards import METHODS, Forwards, entries
from lint_params.verify.run.steps import Stop

#: How often a method is called: something may be done every second time.
ROUNDS = 2


class Objects(Forwards):
    """Calls a method other than the constructor and forward, too."""

    def _method(self, root: Any) -> None:
        """A method other than the constructor and forward is called too."""
        if self.method and isinstance(root, nn.Module):
            before = len(self.failures)
            with contextlib.suppress(Stop), self.phase("script"):
                given = inputs.synthesised(root, self.run.arguments, self.method)
                args, kwargs = given.fresh(self.device)
                getattr(root, self.method)(*args, **kwargs)
                self.run.snippet += f"\nmodel.{self.method}({given.text()})" if self.run.snippet else ""
            if len(self.failures) > before:  # it may take batches, or a model
                self.tried.append(self.failures.pop())
                self._of_object(root, self.method)
            return
        owner, _, name = self.subject.rpartition(".")
        if owner and name not in ("__init__", "forward", "") and hasattr(root, name):
            self._of_object(root, name)
        elif self.method:
            self._of_object(root, self.method)
        elif not isinstance(root, nn.Module):
            for entry in islice(entries(root), METHODS):  # what a trainer does shows what it holds
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
