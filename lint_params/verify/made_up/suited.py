"""Arguments that suit each other and a function: a model, data that it takes, labels of its output.

Child only.
"""

# The linted code may raise anything, anywhere:
# ruff: noqa: BLE001, S112
from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any
from unittest.mock import Mock

import torch
from torch import nn

from lint_params import evidence
from lint_params.verify.made_up import arguments, inputs, naming, repair, where
from lint_params.verify.made_up.calls import Call, brief, spelled, text_of, without_default
from lint_params.verify.made_up.inputs import Inputs
from lint_params.verify.made_up.source_facts import FileView
from lint_params.verify.made_up.synthesis import Synthesis, synthesised

#: How often the data of a function's call are changed to please torch.
TRIES = 4
#: So many batches has a loader.
BATCHES = 3

_DATA = [
    "batches",
    "batch",
    "loader",
    "train_loader",
    "data_loader",
    "dataloader",
    "data",
    "dataset",
    "train_data",
    "pairs",
    "train_dl",
    "dl",
    "val_loader",
    "test_loader",
    "samples",
    "examples",
    "val",
    "valid",
    "validation",
    "stream",
]

#: Layers that an initialisation tells apart by their names, the most common first.
_USUAL = (
    nn.Linear, nn.Conv2d, nn.Conv1d, nn.ConvTranspose2d,
    nn.BatchNorm2d, nn.BatchNorm1d, nn.LayerNorm, nn.Embedding,
)  # fmt: skip

#: What a model is called where it is an argument.
_MODELS = ("model", "net", "network", "module", "student", "classifier")


def call(
    target: Callable[..., Any],
    node: ast.FunctionDef,
    view: FileView,
    models: Mapping[str, nn.Module] | None = None,
    usual: nn.Module | None = None,
    known: Mapping[str, Any] | None = None,
) -> Call:
    """``models``: those that are there already, by the text that means them (``self.actor``).
    ``usual``: what an earlier call was given as its model. ``known``: sizes of what holds them."""
    synthesis = Synthesis(view)
    names = required(target)
    there = {**_built(node, view), **(models or {})}
    model = _called(node, there) or usual or _model(node, names, view, synthesis)
    if model is None and sum(_is_model(name, node, view) for name in names) == 1:
        model = _any_model()  # its optimizer is made up, too
    sizes = {**(known or {}), **{k: v for k, v in synthesis.made.items() if isinstance(v, int)}}

    @cache
    def taken(module: nn.Module | None) -> Inputs | None:
        with contextlib.suppress(Exception):
            return None if module is None else _working(module, sizes)
        return None

    @cache
    def labels() -> torch.Tensor:
        return _labels(model, taken(model), node)

    def fed(name: str) -> Any:
        return _fed(name, node, there, taken)

    if model is not None:
        there.update({name: model for name in names if _is_model(name, node, view)})
    for name in names:
        value = fed(name)
        with contextlib.suppress(Exception):  # it is made up by its name then
            value = _value(name, node, model, taken(model), labels, view, fed) if value is None else value
        if value is not None:
            synthesis.overrides[name] = value
    return synthesised(target, synthesis)


def _built(node: ast.FunctionDef, view: FileView) -> dict[str, nn.Module]:
    """``net = Net(3, 4)``: the models that a function makes itself; a loss is none."""
    found: dict[str, nn.Module] = {}
    for one in ast.walk(node):
        if not isinstance(one, ast.Assign) or not isinstance(one.value, ast.Call):
            continue
        kind = view.live(ast.unparse(one.value.func))
        loss = getattr(kind, "__module__", "") == nn.MSELoss.__module__
        if isinstance(kind, type) and issubclass(kind, nn.Module) and not loss:
            made = arguments.evaluated(one.value, view)
            with contextlib.suppress(Exception):
                if made is not None:
                    module = kind(*made.args, **made.kwargs)
                    found.update({ast.unparse(target): module for target in one.targets})
    return found


def _called(node: ast.FunctionDef, there: Mapping[str, nn.Module]) -> nn.Module | None:
    """The first model that is called, the outer one of ``head(net(x))``."""
    texts = [ast.unparse(one.func) for one in ast.walk(node) if isinstance(one, ast.Call)]
    return next((there[text] for text in texts if text in there), None)


def _fed(
    name: str,
    node: ast.FunctionDef,
    there: Mapping[str, nn.Module],
    taken: Callable[[nn.Module], Inputs | None],
) -> Any:
    """What ``self.actor(obs)`` takes in the place of an argument, None if it is not handed on so."""
    calls = [one for one in ast.walk(node) if isinstance(one, ast.Call)]
    for one in sorted(calls, key=lambda one: len(one.args)):  # what it takes alone is the surest
        module = there.get(ast.unparse(one.func))
        if module is None:
            continue
        at = next((i for i, arg in enumerate(one.args) if getattr(arg, "id", "") == name), -1)
        given = taken(module) if at >= 0 else None
        if given is not None and at < len(given.args):
            return given.args[at]
    return None


def told_apart(node: ast.FunctionDef, name: str, view: FileView) -> list[nn.Module]:
    """``if isinstance(m, nn.Conv2d)``: a layer for each kind that a function treats by itself."""
    found: dict[type, nn.Module] = {}
    for kind in (*_asked_for(node, name, view), *_asked_by_name(node)):
        if isinstance(kind, type) and issubclass(kind, nn.Module) and kind not in found:
            with contextlib.suppress(Exception):
                made = synthesised(kind, Synthesis(view))
                found[kind] = spelled(kind(*made.args, **made.kwargs), made.text)
    return list(found.values())


def _asked_for(node: ast.FunctionDef, name: str, view: FileView) -> Iterator[Any]:
    for one in ast.walk(node):
        if not isinstance(one, ast.Call) or ast.unparse(one.func) != "isinstance" or len(one.args) != 2:
            continue
        if getattr(one.args[0], "id", "") == name:
            kinds = one.args[1].elts if isinstance(one.args[1], ast.Tuple) else [one.args[1]]
            yield from (view.live(ast.unparse(each)) for each in kinds)


def _asked_by_name(node: ast.FunctionDef) -> Iterator[type[nn.Module]]:
    """``m.__class__.__name__.find("Conv") != -1``: those of the usual layers that have such names."""
    if not any(isinstance(one, ast.Attribute) and one.attr == "__name__" for one in ast.walk(node)):
        return
    for one in ast.walk(node):
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and one.value:
            yield from (kind for kind in _USUAL if one.value in kind.__name__)


def adapted(call: Call, failure: evidence.Failure, tried: set[str]) -> Call | None:
    """The call with data of other sizes, where torch's message says which."""
    if failure.reason:
        return None
    data = list(inputs.flat([call.args, call.kwargs]))
    error = RuntimeError(failure.text)
    better = repair.repaired(Inputs(data, repaired=call.repaired), error, tried)
    if better is None:
        return None
    new = {tuple(old.shape): now for old, now in zip(data, better.args) if old is not now}

    def swapped(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return new.get(tuple(value.shape), value)
        if type(value) in (list, tuple):
            return type(value)(swapped(item) for item in value)
        return value

    args = tuple(swapped(value) for value in call.args)
    kwargs = {key: swapped(value) for key, value in call.kwargs.items()}
    return Call(args, kwargs, call.origin, text_of(args, kwargs), better.repaired, call.node)


def required(target: Any) -> list[str]:
    kinds = ("VAR_POSITIONAL", "VAR_KEYWORD")
    return [p.name for p in without_default(target) if p.kind.name not in kinds]


def _any_model() -> nn.Module:
    """Takes (5, 24), which all data is made of that nobody says more of."""
    return nn.Linear(24, 16)


def _working(model: nn.Module, sizes: dict[str, Any]) -> Inputs:
    """An input on which the model runs, if repair finds one."""
    given = inputs.synthesised(model, sizes)
    tried: set[str] = set()
    for _ in range(8):
        try:
            args, kwargs = given.fresh("cpu")
            with torch.no_grad():
                model(*args, **kwargs)
            return given
        except Exception as error:
            better = repair.repaired(given, error, tried)
            if better is None:
                return given
            given = better
    return given


def _model(
    node: ast.FunctionDef, names: list[str], view: FileView, synthesis: Synthesis
) -> nn.Module | None:
    """The model that the function is given or builds: a class of the file that fits it."""
    home = view.module.__name__
    kinds = [
        kind
        for kind in vars(view.module).values()
        if isinstance(kind, type) and issubclass(kind, nn.Module) and kind.__module__ == home
    ]
    inside = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
    used = {
        inner.attr
        for inner in ast.walk(node)
        if isinstance(inner, ast.Attribute)
        and isinstance(inner.value, ast.Name)
        and inner.value.id in names
    }
    kinds.sort(key=lambda kind: kind.__name__ not in inside)
    made: list[nn.Module] = []
    for kind in kinds:
        try:
            made.append(synthesis.instance(kind))
        except Exception:
            continue
    made.sort(key=lambda module: -sum(hasattr(module, name) for name in used))
    return made[0] if made else None


def _value(
    name: str,
    node: ast.FunctionDef,
    model: nn.Module | None,
    given: Inputs | None,
    labels: Callable[[], torch.Tensor],
    view: FileView,
    fed: Callable[[str], Any],
) -> Any:
    lowered = name.lower()
    if model is not None and _loaded(name, node):
        return dict(model.state_dict())
    if _is_model(name, node, view):
        if model is not None:
            return model
        several = sum(_is_model(one, node, view) for one in (arg.arg for arg in node.args.args)) > 1
        return nn.Linear(24, 24) if several else _any_model()  # one may take what another gives
    if lowered in ("layer", "linear", "fc"):
        return _any_model()
    if lowered in ("next_layer",):
        return nn.Linear(16, 8)
    if lowered in ("optimizer", "optim", "opt") and model is not None:
        return spelled(torch.optim.Adam(model.parameters(), lr=0.01), "model.parameters(), lr=0.01")
    data = _giver(name, node, view, fed)
    if data is not None:
        return data
    first = given.args[0] if given is not None and given.args else torch.randn(5, 24)
    hints = view.hints(node, name)
    if hints.spread or hints.index == 2 and not hints.iterated:  # f(*batch), batch[0], batch[1]
        return (first, labels())
    if lowered in _DATA or hints.of_rows >= 2:
        if hints.unpacked >= 2:
            rows = (
                list(given.args) if given is not None and len(given.args) > 1 else [first, labels()]
            )
            rows = (rows + [labels()] * hints.unpacked)[: hints.unpacked]
            return [tuple(rows)] * BATCHES
        return [first, first] if hints.iterated else first
    if lowered in ("x", "inputs", "input", "images", "image", "tokens", "features", "xs", "obs"):
        return first
    if lowered in ("y", "labels", "label", "targets", "target") or _compared(name, node):
        return labels()
    if lowered in ("device",):
        return where.device_name()
    if hints.called and naming.SCORE.fullmatch(lowered):
        return spelled(Mock(return_value=1.0), "return_value=1.0")
    return None


def _loaded(name: str, node: ast.FunctionDef) -> bool:
    """``model.load_state_dict(state)``"""
    calls = [one for one in ast.walk(node) if isinstance(one, ast.Call) and one.args]
    return any(
        getattr(one.func, "attr", "") == "load_state_dict" and getattr(one.args[0], "id", "") == name
        for one in calls
    )


def _giver(name: str, node: ast.FunctionDef, view: FileView, fed: Callable[[str], Any]) -> Any:
    """``state, action = buffer.sample(n)``: an object whose methods give what the models take."""
    results = {method: names for method, names in view.hints(node, name).results.items() if names}
    if not results:
        return None
    words: dict[str, Any] = {}
    for method, names in results.items():
        each = [fed(one) for one in names]
        words[f"{method}.return_value"] = tuple(torch.randn(5, 1) if one is None else one for one in each)
    return spelled(Mock(**words), f"**{brief(words)}")


def _is_model(name: str, node: ast.FunctionDef, view: FileView) -> bool:
    return name.lower() in _MODELS or bool(view.hints(node, name).attributes & naming.OF_MODULES)


def _compared(name: str, node: ast.FunctionDef) -> bool:
    """Whether a loss takes it in the second place."""
    for one in ast.walk(node):
        if isinstance(one, ast.Call) and len(one.args) > 1 and getattr(one.args[1], "id", "") == name:
            if _LOSS.search(ast.unparse(one.func)):
                return True
    return False


_LOSS = re.compile(r"loss|criterion|entropy|mse|huber|bce|nll|crit\b", re.IGNORECASE)
#: Losses that compare values with values.
_OF_VALUES = re.compile(r"mse|l1_?loss|huber|bce|binary_cross|kl_div|regress", re.IGNORECASE)


def _labels(
    model: nn.Module | None, given: Inputs | None, node: ast.FunctionDef
) -> torch.Tensor:
    """A class for each row of what the model gives, or a value for each value."""
    out = torch.zeros(5, 16 if model is None else 2)
    if model is not None and given is not None:
        with contextlib.suppress(Exception), torch.no_grad():
            args, kwargs = given.fresh("cpu")
            out = next(inputs.flat(model(*args, **kwargs)))
    if not out.dim():  # a loss
        out = torch.zeros(5, 2)
    if _OF_VALUES.search(ast.unparse(node)):
        return torch.rand(out.shape)
    return torch.arange(out.shape[0]) % max(1, min(int(out.shape[-1]), 3))
