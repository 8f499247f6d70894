"""Calls of functions with arguments that suit each other: a model, its data, its labels.

Child only.
"""

# The linted code may raise anything, anywhere:
# ruff: noqa: BLE001, S112
from __future__ import annotations

import ast
import contextlib
from typing import Any
from unittest.mock import Mock

import torch
from torch import nn

from lint_params import evidence
from lint_params.verify import arguments, inputs, naming, repair, where
from lint_params.verify.calls import Call, imports_of, signature, spelled, text_of
from lint_params.verify.experiment import Experiment, Stop
from lint_params.verify.inputs import Inputs
from lint_params.verify.script import then_forward
from lint_params.verify.source_facts import FileView
from lint_params.verify.synthesis import Synthesis, synthesised
from lint_params.verify.tensors import seeded

#: How often the data of a function's call are changed to please torch.
_TRIES = 4

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
    "stream",
]


def of_function(experiment: Experiment, name: str) -> evidence.Run:
    """Calls a function with arguments that suit each other: a model, its data, its labels."""
    run, watch, view = experiment.run, experiment.watch, experiment.view
    run.kind, run.inputs_from, run.arguments_from = "script", "script", "script"
    target = view.live(name)
    watch.probes.bounded = True
    node = view.find(name)
    if not callable(target) or not isinstance(node, ast.FunctionDef):
        return experiment.finish()
    sites = [c for c in arguments.from_call_sites(name.rpartition(".")[2], view)]
    # A model evaluated here has missed what happened to it on the way to the call.
    calls = [c for c in sites if c.origin == "call site" and not _stateful(c)]
    if calls:
        call = calls[0]
    elif _required(target):
        run.inputs_from = "synthesised"
        call = _call(target, node, view)
    else:
        call = Call((), {}, "defaults", "")
    given, tried = _called(experiment, name, target, call), set[str]()
    while experiment.failures and call.origin == "synthesised" and len(tried) < _TRIES:
        better = _adapted(call, experiment.failures[-1], tried)
        if better is None:
            break
        call = better
        experiment.tried.append(experiment.failures.pop())
        given = _called(experiment, name, target, call)
    if experiment.done:
        then_forward(experiment, given)
    return experiment.finish()


def _called(experiment: Experiment, name: str, target: Any, call: Call) -> list[nn.Module]:
    """Calls the function; the models that it gave out or was given."""
    run, watch = experiment.run, experiment.watch
    imports = imports_of(call.text, experiment.view.module.__name__, name)
    run.snippet = "\n".join(["import torch", "from torch import nn", *imports, f"{name}({call.text})"])
    run.arguments_from, run.repaired = call.origin, call.repaired
    if call.origin == "synthesised":
        run.input_shapes = Inputs([*call.args, *call.kwargs.values()]).shapes()
    seeded()
    given = [v for v in (*call.args, *call.kwargs.values()) if isinstance(v, nn.Module)]
    with contextlib.suppress(Stop), experiment.phase("script"):
        for module in given:
            watch.calls.pop(id(module), None)
        result = target(*call.args, **call.kwargs)
        watch.keep.append(result)
        several = result if isinstance(result, (list, tuple)) else [result]
        given = [v for v in several if isinstance(v, nn.Module)] + given
    return given


def _adapted(call: Call, failure: evidence.Failure, tried: set[str]) -> Call | None:
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


def _stateful(call: Call) -> bool:
    values = (*call.args, *call.kwargs.values())
    return any(isinstance(v, (nn.Module, torch.optim.Optimizer)) for v in values)


def _required(target: Any) -> list[str]:
    found = signature(target)
    if found is None:
        return []
    kinds = ("VAR_POSITIONAL", "VAR_KEYWORD")
    return [
        p.name
        for p in found.parameters.values()
        if p.default is p.empty and p.kind.name not in kinds
    ]


def _call(target: Any, node: ast.FunctionDef, view: FileView) -> Call:
    synthesis = Synthesis(view)
    names = _required(target)
    model = _model(node, names, view, synthesis)
    given: inputs.Inputs | None = None
    if model is not None:
        with contextlib.suppress(Exception):
            sizes = {k: v for k, v in synthesis.made.items() if isinstance(v, int)}
            given = _working(model, sizes)
    for name in names:
        value = _value(name, node, model, given, view)
        if value is not None:
            synthesis.overrides[name] = value
    return synthesised(target, synthesis)


def _working(model: nn.Module, sizes: dict[str, Any]) -> inputs.Inputs:
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
    given: inputs.Inputs | None,
    view: FileView,
) -> Any:
    lowered = name.lower()
    if lowered in ("model", "net", "network", "module", "student", "classifier"):
        return model if model is not None else nn.Linear(24, 16)
    if lowered in ("layer", "linear", "fc"):
        return nn.Linear(24, 16)
    if lowered in ("next_layer",):
        return nn.Linear(16, 8)
    if lowered in ("optimizer", "optim", "opt") and model is not None:
        return torch.optim.Adam(model.parameters(), lr=0.01)
    first = given.args[0] if given is not None and given.args else torch.randn(5, 24)
    hints = view.hints(node, name)
    if lowered in _DATA or hints.of_rows >= 2:
        labels = _labels(model, given)
        if hints.unpacked >= 2:
            rows = (
                list(given.args) if given is not None and len(given.args) > 1 else [first, labels]
            )
            rows = (rows + [labels] * hints.unpacked)[: hints.unpacked]
            return [tuple(rows)] * 2
        return [first, first] if hints.iterated else first
    if lowered in ("x", "inputs", "input", "images", "image", "tokens", "features", "xs", "obs"):
        return first
    if lowered in ("y", "labels", "label", "targets", "target"):
        return _labels(model, given)
    if lowered in ("device",):
        return where.device_name()
    if hints.called and naming.SCORE.fullmatch(lowered):
        return spelled(Mock(return_value=1.0), "return_value=1.0")
    return None


def _labels(model: nn.Module | None, given: inputs.Inputs | None) -> torch.Tensor:
    size = 2
    rows = 5
    if model is not None and given is not None:
        with contextlib.suppress(Exception), torch.no_grad():
            args, kwargs = given.fresh("cpu")
            out = next(inputs.flat(model(*args, **kwargs)))
            rows, size = int(out.shape[0]), int(out.shape[-1])
    return torch.arange(rows) % max(1, min(size, 3))
