"""Constructs an object of a class, changing made-up arguments that its errors point at.

Child only.
"""

# The linted code may raise anything, anywhere:
# ruff: noqa: BLE001
from __future__ import annotations

import ast
import contextlib
import dataclasses
import itertools
import re
import traceback
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from lint_params.evidence import Failure
from lint_params.torch_errors import contradiction
from lint_params.verify.made_up import arguments, symbols
from lint_params.verify.made_up.calls import Call, brief, signature
from lint_params.verify.made_up.source_facts import FileView
from lint_params.verify.made_up.synthesis import Auto, Synthesis, synthesised
from lint_params.verify.run.tensors import reason_of
from lint_params.verify.run.watch import Watch

#: How many made-up argument sets are tried before a constructor is given up.
ATTEMPTS = 24


def calls(kind: type, view: FileView, config: dict[str, str]) -> list[Call]:
    """The ways to construct a class, the project's own word first, all different."""
    found: list[Call] = []
    text = config.get(kind.__name__) or config.get(f"{kind.__module__}.{kind.__qualname__}")
    if text:
        found.append(arguments.from_config(text, view))
    sites = list(arguments.from_call_sites(kind.__name__, view))
    found += [call for call in sites if call.origin == "call site"]
    found += itertools.islice(arguments.from_project(kind.__name__, view), 2)
    with contextlib.suppress(Exception):  # an annotated class may refuse to be built
        made = synthesised(kind, Synthesis(view))
        found += [*agreed(kind, made, view), made]
    found += [call for call in sites if call.origin != "call site"]
    different: dict[str, Call] = {}
    for call in found:
        different.setdefault(call.text, call)
    return list(different.values())[:5] or [Call((), {}, "defaults", "")]


def construct(
    kind: Any, call: Call, view: FileView, watch: Watch
) -> tuple[Any, Call, BaseException | None]:
    """The object (None if it cannot be had), the call that made it, the first error."""
    try:
        return kind(*call.args, **call.kwargs), call, None
    except Exception as error:
        first = error
    if call.origin not in ("synthesised", "defaults") or reason_of(first):
        return None, call, first
    if call.node is not None:  # a call site of the file with a few values made up
        return None, call, first
    made, better = _repaired(kind, call, view, watch, first)
    better.refused = first
    return (None, call, first) if made is None else (made, better, None)


def _repaired(
    kind: Any, call: Call, view: FileView, watch: Watch, error: BaseException
) -> tuple[Any, Call]:
    fixed, overrides, plain = call.fixed, dict(call.fixed), held(call.kwargs)
    tried: set[tuple[str, str]] = set()
    for _ in range(ATTEMPTS):
        change = next(
            (
                (name, value)
                for name, value in _alternatives(kind, call, view, watch, error)
                if (name, brief(value)) not in tried
                and name not in fixed
                and _allowed(kind, name, value)
            ),
            None,
        )
        if change is None:
            break
        tried.add((change[0], brief(change[1])))
        attempt = {**overrides, change[0]: change[1]}
        synthesis = Synthesis(view, overrides=attempt)
        try:
            call = synthesised(kind, synthesis)
            made = kind(*call.args, **call.kwargs)
        except Exception as next_error:
            if _deeper(next_error, error, watch):
                overrides, error = attempt, next_error
            continue
        sized = tuple(
            f"argument {name} = {value}"
            for name, value in attempt.items()
            if int in (type(value), type(plain.get(name))) and name in plain  # else any would do
        )
        call.repaired = sized
        return made, call
    return None, call


def _allowed(kind: Any, name: str, value: Any) -> bool:
    """What is annotated as a number or a text stays one."""
    found = signature(kind)
    annotation = found.parameters[name].annotation if found and name in found.parameters else None
    said = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    kinds = {"int": (int,), "float": (int, float), "bool": (bool,), "str": (str,)}.get(said)
    return kinds is None or isinstance(value, kinds)


def _deeper(after: BaseException, before: BaseException, watch: Watch) -> bool:
    """Whether the constructor got further (or at least failed in another way)."""
    if type(after) is type(before) and str(after) == str(before):
        return False
    here = [frame.line for frame in watch.frames(after)]
    there = [frame.line for frame in watch.frames(before)]
    return here[:1] >= there[:1]


def _alternatives(
    kind: Any, call: Call, view: FileView, watch: Watch, error: BaseException
) -> Iterator[tuple[str, Any]]:
    """(argument, another value) for the arguments that the message asks for by name, then for
    those that stand on the failing lines."""
    text, given = str(error), held(call.kwargs)
    yield from _asked_for(kind, call, view, text)
    named = {
        name.lstrip("_")
        for frame in watch.frames(error)
        for name in re.findall(r"[A-Za-z_]\w*", frame.code)
    }
    on_line = [name for name in given if name in named or f"self.{name}" in named]
    told = set(re.findall(r"[a-z]+", text.lower()))
    on_line.sort(key=lambda name: not told.issuperset(name.lower().split("_")))
    rest = [name for name in given if name not in on_line]
    if isinstance(error, KeyError) and error.args:
        for name in on_line + rest:
            for choice in _keys(error):
                yield name, choice
    if "divisible" in text or "multiple of" in text:
        for name in on_line + rest:
            if isinstance(given[name], int):
                for size in (64, 4, 1, 96, 240):
                    yield name, size
    wanted = text + " ".join(frame.code for frame in watch.frames(error)[-1:])
    if "tuple" in wanted or "list" in wanted or "Iterable" in wanted or "sequence" in wanted:
        for name in on_line + rest:
            value = given[name]
            if type(value) is int:
                yield name, (value,) * 2
                yield name, (value,) * 4
            elif isinstance(value, list):
                yield name, tuple(value)
    for name in on_line + rest[:3]:
        value = given[name]
        if re.search("between 0 and 1|probability|in the range", text) and isinstance(value, (int, float)):
            yield name, 0.1
        if re.search("not subscriptable|not iterable|has no len|too small depth", text):
            yield name, [16, 32, 48, 64]
            yield name, [2, 2, 2, 2]
            yield name, (3, 3)
        if "not callable" in text:
            yield name, nn.ReLU
            yield name, Synthesis(view).block(name)
            yield name, nn.ReLU()
        if "has no attribute" in text:
            yield name, nn.Linear(24, 24)
            found = view.find(kind.__qualname__)
            if found is not None:
                yield name, Synthesis(view).config(view.hints(found, name))
            yield name, torch.randn(16, 24)
            yield name, "relu"
        if isinstance(error, (AssertionError, ValueError)) and isinstance(value, list):
            yield name, [3] * len(value)
        if isinstance(value, (list, tuple)) and len(value) < 8:
            yield name, 2 if max(map(_size, value), default=9) < 9 else 16
            yield name, [*value, *value]
        elif isinstance(value, (nn.Module, type)):
            if isinstance(value, nn.Module):  # one that passes its input on will not do
                yield name, nn.Linear(24, 24)
                yield name, nn.Conv2d(24, 24, 3, padding=1)
            yield name, 16
            yield name, "relu"
        elif isinstance(value, str):
            yield name, 16
            yield name, nn.ReLU()
        elif isinstance(value, int) and not isinstance(value, bool):
            yield name, [16, 32]
            yield name, 2
            yield name, 64
            yield name, nn.Linear(24, 24)
            yield name, None


def _asked_for(kind: Any, call: Call, view: FileView, text: str) -> Iterator[tuple[str, Any]]:
    """``specify n_chans or chs_info``: arguments that have a default and are needed all the same."""
    found, node = signature(kind), view.find(getattr(kind, "__qualname__", ""))
    for param in found.parameters.values() if found is not None else ():
        left_out = param.default is None and call.kwargs.get(param.name) is None
        if left_out and re.search(rf"\b{re.escape(param.name)}\b", text):
            hints = view.hints(node, param.name) if node is not None else None
            made = dict(call.kwargs)
            yield param.name, Synthesis(view, made).parameter(param.name, param.annotation, hints)


def held(words: dict[str, Any]) -> dict[str, Any]:
    """The made-up arguments by name, with what a made-up configuration among them holds."""
    inner = {key: value for each in words.values() if isinstance(each, Auto) for key, value in each.items()}
    return {**inner, **words}


def _size(value: Any) -> int:
    return value if isinstance(value, int) else 9


def _keys(error: KeyError) -> Iterator[Any]:
    """Keys of the dict that refused one, from the failing frame's own variables."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        for value in [*frame.f_locals.values(), *frame.f_globals.values()]:
            if isinstance(value, dict) and 0 < len(value) < 40 and error.args[0] not in value:
                key = next(iter(value))
                if isinstance(key, (str, int)) and not str(key).startswith("__"):
                    yield key


def thin(kind: type, view: FileView) -> Call:
    """A call whose large defaults are made small; its sizes are not the project's own."""
    call = synthesised(kind, Synthesis(view, thin=True))
    return dataclasses.replace(call, origin="synthesised")


def ties(
    call: Call, sizes: dict[str, Any], tried: list[Failure]
) -> Iterator[dict[str, int]]:
    """The made-up sizes, one that equals a size in a message of forward made the other one.

    ``x + self.conv(x)`` says in this way that its two widths are one.
    """
    if call.origin != "synthesised" or call.node is not None:
        return
    for failure in tried[:1] + tried[-1:]:
        for one, other in contradiction(failure.text):
            for got, want in ((one, other), (other, one)):
                for name in call.kwargs:
                    if sizes.get(name) == got and got > 3 and 0 < want < 4096:
                        yield {**{n: sizes[n] for n in call.kwargs if n in sizes}, name: want}


def tied(kind: Any, view: FileView, sizes: dict[str, int]) -> Call:
    """The synthesised call with these sizes, which are noted as repaired."""
    call = synthesised(kind, Synthesis(view, overrides=dict(sizes)))
    call.repaired = tuple(f"argument {name} = {size}" for name, size in sizes.items())
    return call


def agreed(kind: type, made: Call, view: FileView) -> Iterator[Call]:
    """The call with made-up sizes that agree where the class's own source demands it."""
    bound = arguments.bound(made, kind)
    sizes = symbols.agreed(view.taken(kind), made.kwargs, bound)
    if sizes:
        yield dataclasses.replace(tied(kind, view, sizes), fixed=sizes)


def relatives(subject: str, view: FileView) -> list[str]:
    """Classes of the file that contain the subject or derive from it, nearest first."""
    classes = {
        node.name: {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
        for node in view.tree.body
        if isinstance(node, ast.ClassDef)
    }
    found: list[str] = []
    seeds = {subject}
    for _ in range(4):
        more = [
            name
            for name, mentioned in classes.items()
            if name not in seeds and mentioned & seeds
        ]
        if not more:
            break
        found += more
        seeds.update(more)
    return found


def uninitialised_marked(on: bool) -> None:
    """Makes torch fill memory that nobody wrote with NaN."""
    torch.use_deterministic_algorithms(on, warn_only=True)
    settings: Any = torch.utils.deterministic
    settings.fill_uninitialized_memory = on
