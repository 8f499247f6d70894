"""Arguments for a constructor or function in the project's own words: its configuration, its calls.

Child only.
"""

# The linted code may raise anything, anywhere:
# ruff: noqa: BLE001
from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from lint_params.verify.made_up.calls import Call, signature, text_of
from lint_params.verify.made_up.source_facts import FileView
from lint_params.verify.made_up.synthesis import Synthesis


def from_call_sites(name: str, view: FileView) -> Iterator[Call]:
    """The calls of the file whose arguments can be evaluated where they stand."""
    for node in list(view.calls_of(name))[:12]:
        if view.meant_to_fail(node):
            continue
        call = evaluated(node, view) or evaluated(node, view, Synthesis(view).named)
        if call is not None:
            yield call


def evaluated(
    node: ast.Call, view: FileView, guess: Callable[[str], Any] | None = None
) -> Call | None:
    """A call with the values of its arguments; ``guess`` gives those of bare parameters."""
    try:
        args: list[Any] = []
        for arg in node.args:
            if isinstance(arg, ast.Starred):
                args.extend(view.value(arg.value, guess))
            else:
                args.append(view.value(arg, guess))
        kwargs: dict[str, Any] = {}
        for word in node.keywords:
            if word.arg is None:
                kwargs.update(view.value(word.value, guess))
            else:
                kwargs[word.arg] = view.value(word.value, guess)
    except Exception:
        return None
    origin = "call site" if guess is None else "synthesised"
    return Call(tuple(args), kwargs, origin, text_of(args, kwargs), node=node)


def from_project(name: str, view: FileView) -> Iterator[Call]:
    """The same for the project's other files, its tests first."""
    for other in view.others(name):
        for call in from_call_sites(name, other):
            if call.origin == "call site":
                yield call


def from_config(text: str, view: FileView) -> Call:
    """``Class(10, 20)`` as the configuration writes it."""
    node = ast.parse(text, mode="eval").body
    if not isinstance(node, ast.Call):
        raise TypeError(f"a call was expected, not {text!r}")
    space = {**vars(torch), "torch": torch, "nn": nn, **vars(view.module)}

    def value(arg: ast.expr) -> Any:
        return eval(compile(ast.Expression(arg), "<config>", "eval"), space)

    args = [value(arg) for arg in node.args]
    kwargs = {word.arg: value(word.value) for word in node.keywords if word.arg}
    return Call(tuple(args), kwargs, "config", text_of(args, kwargs))


def bound(call: Call, target: Any) -> dict[str, Any]:
    """The arguments of a call by parameter name, defaults included."""
    found = signature(target)
    if found is None:
        return {}
    try:
        given = found.bind(*call.args, **call.kwargs)
    except TypeError:
        return {}
    given.apply_defaults()
    return dict(given.arguments)


def sizes(call: Call, target: Any) -> dict[str, Any]:
    """The int arguments of a call by parameter name, defaults included."""
    flat: dict[str, Any] = {}
    for name, value in bound(call, target).items():
        if isinstance(value, int) and not isinstance(value, bool):
            flat[name] = value
        elif isinstance(value, dict):
            flat.update({f"{name}.{k}": v for k, v in value.items() if isinstance(v, int)})
        elif not isinstance(value, (nn.Module, torch.Tensor, type)) and hasattr(value, "__dict__"):
            items = vars(value).items()
            flat.update({f"{name}.{k}": v for k, v in items if isinstance(v, int)})
    return flat
