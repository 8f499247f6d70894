"""One way to call something, and how it reads as source. Child only."""

from __future__ import annotations

import ast
import inspect
import typing
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn


@dataclass
class Call:
    """One way to call the subject."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    origin: str
    text: str  # the argument list as source
    repaired: tuple[str, ...] = ()
    node: ast.Call | None = None
    fixed: dict[str, Any] = field(default_factory=dict)  # arguments that no repair changes
    refused: BaseException | None = None  # what was said before a repair


#: Objects that were made up, by id, and the text that makes them again.
_SPELLED: dict[int, tuple[Any, str]] = {}


def spelled(made: Any, text: str = "") -> Any:
    """The object, which is ``text`` in a snippet from now on (its class called with it)."""
    _SPELLED[id(made)] = made, text if inspect.isfunction(made) else f"{type(made).__name__}({text})"
    return made


def imports_of(text: str, home: str, name: str) -> list[str]:
    """The lines that import a class and what a call of it, as text, is made with."""
    needed = {home: {name}}
    for made, one in _SPELLED.values():
        kind = type(made)
        if one in text and "<locals>" not in kind.__qualname__ and not inspect.isfunction(made):
            needed.setdefault(kind.__module__, set()).add(kind.__name__)
    if "SimpleNamespace(" in text:
        needed.setdefault("types", set()).add("SimpleNamespace")
    return [f"from {where} import {', '.join(sorted(names))}" for where, names in needed.items()]


def signature(target: Any) -> inspect.Signature | None:
    """What a callable takes; a constructor that hands on all it is given takes what its base does."""
    bases = target.__mro__ if isinstance(target, type) else (target,)
    first: inspect.Signature | None = None
    for one in bases:
        try:
            found = inspect.signature(one)
        except (ValueError, TypeError):
            break
        kinds = [param.kind.name for param in found.parameters.values()]
        if kinds != ["VAR_POSITIONAL", "VAR_KEYWORD"]:
            return found if first is None or one is not object else first
        first = first or found
    return first


def without_default(target: Any) -> list[inspect.Parameter]:
    found = signature(target)
    return [p for p in found.parameters.values() if p.default is p.empty] if found is not None else []


def text_of(args: typing.Sequence[Any], kwargs: dict[str, Any]) -> str:
    parts = [brief(value) for value in args]
    parts += [f"{key}={brief(value)}" for key, value in kwargs.items()]
    return ", ".join(parts)


def brief(value: Any) -> str:
    """A value as source that a person can paste, as far as that is possible."""
    if id(value) in _SPELLED and _SPELLED[id(value)][0] is value:
        return _SPELLED[id(value)][1]
    if isinstance(value, torch.Tensor):
        size = ", ".join(map(str, value.shape))
        if value.dtype in (torch.int64, torch.int32):
            top = int(value.max()) + 1 if value.numel() and value.device.type != "meta" else 2
            return f"torch.randint(0, {max(top, 1)}, ({size}{',' if value.dim() == 1 else ''}))"
        if value.dtype == torch.bool:
            return f"torch.ones({size}, dtype=torch.bool)"
        return f"torch.randn({size})" if value.dim() else "torch.tensor(0.5)"
    if isinstance(value, type):
        return f"nn.{value.__name__}" if value.__module__.startswith("torch.nn") else value.__name__
    if isinstance(value, nn.Module):
        where = "nn." if type(value).__module__.startswith("torch.nn") else ""
        return (
            f"{where}{value!r}" if len(repr(value)) < 60 else f"{where}{type(value).__name__}(...)"
        )
    if type(value).__name__ == "ndarray":
        return f"{brief(torch.as_tensor(value))}.numpy()"
    if isinstance(value, dict):
        source = getattr(type(value), "source", None)  # the class: an object may refuse to be asked
        if callable(source) and source(value):
            return str(source(value))
        inner = ", ".join(f"{key!r}: {brief(item)}" for key, item in value.items())
        return f"{{{inner}}}"
    if isinstance(value, (list, tuple)):
        inner = ", ".join(brief(item) for item in value)
        if isinstance(value, tuple):
            return f"({inner},)" if len(value) == 1 else f"({inner})"
        return f"[{inner}]"
    return repr(value)
