"""The subject as a part of the classes that contain it: how they build it, what they feed it.

Child only.
"""

# The linted code may raise anything, anywhere:
# ruff: noqa: BLE001
from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import nn

from lint_params import evidence
from lint_params.verify.made_up import inputs, repair
from lint_params.verify.made_up.calls import Call, text_of
from lint_params.verify.made_up.inputs import Inputs
from lint_params.verify.made_up.scopes import called
from lint_params.verify.made_up.source_facts import FileView
from lint_params.verify.made_up.synthesis import Synthesis, synthesised
from lint_params.verify.run import build, snapshot
from lint_params.verify.run.watch import Watch

#: How many inputs the outer class is tried with.
_TRIES = 8


@dataclass
class Part:
    """An object of the subject that an outer class built, and what it was called with."""

    module: nn.Module
    call: Call
    given: Inputs
    setup: str  # the lines of a snippet that lead to it


def classes(name: str, view: FileView) -> Iterator[tuple[type, FileView]]:
    """The Module classes of the project that contain the subject, the nearest first."""
    for other in build.relatives(name, view)[:4]:
        live = view.live(other)
        if isinstance(live, type) and issubclass(live, nn.Module):
            yield live, view
    for other, elsewhere in islice(view.outer(name), 4):
        live = elsewhere.live(other)
        if isinstance(live, type) and issubclass(live, nn.Module):
            yield live, elsewhere


def built(kind: type, view: FileView, watch: Watch) -> tuple[nn.Module, Call] | None:
    """An object of a class in any way that works."""
    for call in build.calls(kind, view, {}):
        made, better, _ = build.construct(kind, call, view, watch)
        if isinstance(made, nn.Module):
            return made, better
    return None


def part(kind: type, outer: type, view: FileView, watch: Watch) -> Part | None:
    """The subject inside an object of the outer class that ran; None if it was not called."""
    with _constructions(kind) as calls:
        found = built(outer, view, watch)
    build.uninitialised_marked(False)
    if found is None:
        return None
    root, how = found
    inner = next((module for module in root.modules() if type(module) is kind), None)
    if inner is None or inner is root or id(inner) not in calls:
        return None
    taken: list[Inputs] = []
    returned: list[nn.Module] = []

    def take(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if not taken:
            taken.append(Inputs(inputs.moved(list(args), "cpu"), inputs.moved(kwargs, "cpu")))

    def end(module: nn.Module, args: Any, out: Any) -> None:
        returned.append(module)

    handles = [
        inner.register_forward_pre_hook(take, with_kwargs=True),
        inner.register_forward_hook(end),
    ]
    given, ran = _run(root, how, view, taken)
    for handle in handles:
        handle.remove()
    if not taken:
        return None
    captured = taken[0]
    if returned:  # else its sizes say no more than those of what the outer object was given
        captured.origin = "captured"
    if returned and not ran or given.repaired:
        captured.repaired = (f"the input of {outer.__name__} was adapted",)
    setup = [
        f"from {view.module.__name__} import {outer.__qualname__.split('.')[0]}",
        f"outer = {outer.__qualname__}({how.text})",
        f"model = next(m for m in outer.modules() if type(m).__name__ == {kind.__name__!r})",
    ]
    return Part(inner, calls[id(inner)], captured, "\n".join(setup))


@contextlib.contextmanager
def _constructions(kind: Any) -> Iterator[dict[int, Call]]:
    """With which arguments objects of a class are built meanwhile, by id."""
    calls: dict[int, Call] = {}
    own = "__init__" in vars(kind)
    plain = kind.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        calls.setdefault(id(self), Call(args, kwargs, "captured", text_of(args, kwargs)))
        plain(self, *args, **kwargs)

    init.__wrapped__ = plain  # type: ignore[attr-defined]
    kind.__init__ = init
    try:
        yield calls
    finally:
        if own:
            kind.__init__ = plain
        else:
            del kind.__init__


def _run(
    root: nn.Module, how: Call, view: FileView, taken: list[Inputs]
) -> tuple[Inputs, bool]:
    """Forward of the outer object on the first input that gets as far as the subject."""
    given = next(inputs.from_calls(root, view, how), None) or inputs.synthesised(root, {})
    tried: set[str] = set()
    for _ in range(_TRIES):
        try:
            args, kwargs = given.fresh("cpu")
            with torch.no_grad():
                root(*args, **kwargs)
            return given, True
        except Exception as error:
            better = repair.repaired(given, error, tried) if given.names else None
            if better is None or taken:
                return given, False
            given = better
    return given, False


def parents(subject: str, view: FileView, watch: Watch) -> Iterator[evidence.Parent]:
    """The subject inside the classes that contain it: do they fill its memory?"""
    kind = view.live(subject)
    for outer, elsewhere in classes(subject, view):
        build.uninitialised_marked(True)
        found = None
        with contextlib.suppress(Exception):
            watch.phase = "parents"
            found = built(outer, elsewhere, watch)
        build.uninitialised_marked(False)
        unwritten: set[str] = set()
        inside = False
        for module in found[0].modules() if found is not None else ():
            if isinstance(kind, type) and isinstance(module, kind):
                inside = True
                rows = snapshot.tensors(module, watch.keep)
                unwritten.update(row.name for row in rows if row.unwritten)
        if inside or found is None:
            yield evidence.Parent(outer.__name__, inside, tuple(sorted(unwritten)))
    yield from _makers(subject, view, watch)


def _makers(subject: str, view: FileView, watch: Watch) -> Iterator[evidence.Parent]:
    """The same for the functions of the file that give out an object of the subject."""
    kind = view.live(subject)
    for node in view.tree.body:
        if not isinstance(node, ast.FunctionDef):
            continue
        calls = [inner for inner in ast.walk(node) if isinstance(inner, ast.Call)]
        if subject not in [called(call) for call in calls]:
            continue
        build.uninitialised_marked(True)
        result: Any = None
        with contextlib.suppress(Exception):
            maker = view.live(node.name)
            call = synthesised(maker, Synthesis(view))
            result = maker(*call.args, **call.kwargs)
        build.uninitialised_marked(False)
        several = result if isinstance(result, (list, tuple)) else [result]
        for module in several:
            if isinstance(kind, type) and isinstance(module, nn.Module) and isinstance(module, kind):
                rows = snapshot.tensors(module, watch.keep)
                unwritten = sorted(row.name for row in rows if row.unwritten)
                yield evidence.Parent(node.name, True, tuple(unwritten))
