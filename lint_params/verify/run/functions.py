"""Calls of functions with arguments that suit each other: a model, its data, its labels.

Child only.
"""

# The linted code may raise anything, anywhere:
# ruff: noqa: BLE001
from __future__ import annotations

import ast
import contextlib
from typing import Any

import torch
from torch import nn

from lint_params import evidence
from lint_params.verify.made_up import arguments, suited
from lint_params.verify.made_up.calls import Call, imports_of, signature, text_of
from lint_params.verify.made_up.inputs import Inputs
from lint_params.verify.run.experiment import Experiment
from lint_params.verify.run.script import then_forward
from lint_params.verify.run.steps import Stop
from lint_params.verify.run.tensors import seeded


def of_function(experiment: Experiment, name: str) -> evidence.Run:
    """Calls a function with arguments that suit each other: a model, its data, its labels."""
    run, watch, view = experiment.run, experiment.watch, experiment.view
    run.kind, run.inputs_from, run.arguments_from = "script", "script", "script"
    target = view.live(name)
    watch.probes.bounded, watch.phase = True, "script"
    node = view.find(name)
    if not callable(target) or not isinstance(node, ast.FunctionDef):
        return experiment.finish()
    sites = [c for c in arguments.from_call_sites(name.rpartition(".")[2], view)]
    # A model evaluated here has missed what happened to it on the way to the call.
    calls = [c for c in sites if c.origin == "call site" and not _stateful(c) and _fits(target, c)]
    if calls:
        call = calls[0]
    elif suited.required(target):
        run.inputs_from = "synthesised"
        call = suited.call(target, node, view)
    else:
        call = Call((), {}, "defaults", "")
    given, tried = _called(experiment, name, target, call), set[str]()
    while experiment.failures and call.origin == "synthesised" and len(tried) < suited.TRIES:
        better = suited.adapted(call, experiment.failures[-1], tried)
        if better is None:
            break
        call = better
        experiment.tried.append(experiment.failures.pop())
        given = _called(experiment, name, target, call)
    names = suited.required(target)
    for layer in suited.told_apart(node, names[0], view) if len(names) == 1 else ():
        _called(experiment, name, target, Call((layer,), {}, "synthesised", text_of([layer], {})))
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


def _fits(target: Any, call: Call) -> bool:
    """``model.train()`` is no call of a function ``train(model, loader)``."""
    found = signature(target)
    with contextlib.suppress(TypeError):
        return found is None or found.bind(*call.args, **call.kwargs) is not None
    return False


def _stateful(call: Call) -> bool:
    values = (*call.args, *call.kwargs.values())
    return any(isinstance(v, (nn.Module, torch.optim.Optimizer)) for v in values)
