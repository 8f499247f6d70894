"""A class of an installed library as torch runs it: its arguments, its inputs, what each layer gives.

Values are made up as the verifier makes them up. Needs torch; the library is imported.
"""

# The library's code may raise anything, anywhere:
# ruff: noqa: BLE001
from __future__ import annotations

import contextlib
import inspect
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from lint_params.verify.made_up import inputs, repair
from lint_params.verify.made_up.calls import Call
from lint_params.verify.made_up.source_facts import FileView
from lint_params.verify.run import build
from lint_params.verify.run.watch import Watch

ATTEMPTS = 8
Shape = tuple[int, ...]


@dataclass
class Seen:
    """One run: ``outputs`` by the name of the layer, in the order of its calls."""

    arguments: dict[str, Any]
    given: inputs.Inputs
    outputs: dict[str, list[Shape]] = field(default_factory=dict)
    result: list[Shape] = field(default_factory=list)
    unbatched: bool = False  # some layer took a sample for a batch


def run(kind: type, view: FileView, watch: Watch) -> Seen | None:
    """The first way to build and call the class that works, or None."""
    for call in build.calls(kind, view, {}):
        torch.manual_seed(0)
        with contextlib.suppress(Exception):
            model, call, _ = build.construct(kind, call, view, watch)
            if not isinstance(model, nn.Module):
                continue
            model.eval()
            arguments = _by_name(kind, call)
            sizes = {k: v for k, v in arguments.items() if isinstance(v, int)}
            first = inputs.synthesised(model, sizes)
            seen = _called(model, first, arguments)
            for given in _usual(first, sizes) if seen is None else ():
                seen = seen or _called(model, given, arguments, attempts=1)
            if seen is not None:
                return seen
    return None


def _usual(first: inputs.Inputs, sizes: dict[str, int]) -> Iterator[inputs.Inputs]:
    """A sequence or an image as wide as one of the arguments, for a forward of one argument."""
    if len(first.args) != 1 or first.kwargs:
        return
    for width in dict.fromkeys([*list(sizes.values())[:4], 3]):
        if 0 < width <= 1024:
            for shape in ((2, 7, width), (2, width, 16, 16), (2, width)):
                yield inputs.Inputs([torch.randn(shape)], names=first.names)
    yield inputs.Inputs([torch.randn(2, 3, 224, 224)], names=first.names)


def _by_name(kind: type, call: Call) -> dict[str, Any]:
    bound = inspect.signature(kind).bind(*call.args, **call.kwargs)
    arguments = dict(bound.arguments)
    for param in inspect.signature(kind).parameters.values():
        if param.kind is param.VAR_POSITIONAL and arguments.pop(param.name, ()):
            raise ValueError("a star argument has no name")
        if param.kind is param.VAR_KEYWORD:
            arguments.update(arguments.pop(param.name, {}))
    return arguments


def _called(
    model: nn.Module, given: inputs.Inputs, arguments: dict[str, Any], attempts: int = ATTEMPTS
) -> Seen | None:
    tried: set[str] = set()
    attempt: inputs.Inputs | None = given
    for _ in range(attempts):
        if attempt is None:
            return None
        seen = Seen(arguments, attempt)
        args, kwargs = attempt.fresh("cpu")
        hooks = list(_hooked(model, seen))
        try:
            with torch.no_grad():
                result = model(*args, **kwargs)
        except Exception as error:
            attempt = repair.repaired(attempt, error, tried)
            continue
        finally:
            for hook in hooks:
                hook.remove()
        seen.result = _shapes(result)
        return seen
    return None


def _hooked(model: nn.Module, seen: Seen) -> Iterator[Any]:
    times = Counter(id(module) for _, module in model.named_modules(remove_duplicate=False))
    for name, module in model.named_modules(remove_duplicate=True):
        if times[id(module)] > 1:
            continue  # torch hears all calls of a shared layer under its first name
        if any(k.__module__.startswith("torch.nn.") for k in type(module).__mro__[:-2]):
            if not isinstance(module, (nn.Sequential, nn.ModuleList, nn.ModuleDict)):
                yield module.register_forward_hook(_note(name, seen))


def _note(name: str, seen: Seen) -> Any:
    def hook(module: nn.Module, args: Any, output: Any) -> None:
        rank = _RANK.search(type(module).__name__)
        shapes = _shapes(args)
        if rank is not None and shapes and len(shapes[0]) < int(rank[1]) + 2:
            seen.unbatched = True
        seen.outputs.setdefault(name, []).extend(_shapes(output)[:1])

    return hook


#: What of the name of a layer tells its dimensions: Conv2d, MaxPool1d.
_RANK = re.compile(r"([123])d$")


def _shapes(value: Any) -> list[Shape]:
    return [tuple(t.shape) for t in inputs.flat(value)]
