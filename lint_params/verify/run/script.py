"""Runs of the file's own code, loops bounded; which functions lead where. Child only."""

from __future__ import annotations

import ast
import contextlib
import sys
from pathlib import Path

from torch import nn

from lint_params import evidence
from lint_params.verify.made_up.source_facts import FileView
from lint_params.verify.run.experiment import Experiment
from lint_params.verify.run.load import run_as_main
from lint_params.verify.run.steps import Stop
from lint_params.verify.run.tensors import seeded


def entry_points(view: FileView) -> list[str]:
    """Functions of the file that can be called without arguments, then ``__main__``."""
    found = []
    if any(_is_main(node) for node in view.tree.body):
        found.append("__main__")
    for node in view.tree.body:
        if isinstance(node, ast.FunctionDef):
            needed = len(node.args.args) - len(node.args.defaults)
            only = [d for d in node.args.kw_defaults if d is None]
            if needed == 0 and not only and not node.args.posonlyargs:
                found.append(node.name)
    # A main that the file's last lines call says more than a helper without arguments.
    found.sort(key=lambda name: name not in ("__main__", "main", "run", "train"))
    return found


def _is_main(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "__name__" in ast.dump(node.test)


def reaches(view: FileView, function: str, wanted: set[str]) -> bool:
    """Whether a function (by way of the file's others) names one of these."""
    bodies = {n.name: n for n in view.tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    todo, seen = [function], set()
    while todo:
        name = todo.pop()
        if name in wanted:
            return True
        if name in seen:
            continue
        seen.add(name)
        nodes: list[ast.AST] = [bodies[name]] if name in bodies else []
        if name == "__main__":
            nodes = [
                n for n in view.tree.body if not isinstance(n, (ast.FunctionDef, ast.ClassDef))
            ]
        for node in nodes:
            for inner in ast.walk(node):
                if isinstance(inner, ast.Name):
                    todo.append(inner.id)
                elif isinstance(inner, ast.Attribute):
                    todo.append(inner.attr)
    return False


def of_main(experiment: Experiment, text: str, lines: set[int]) -> evidence.Run:
    run, watch = experiment.run, experiment.watch
    run.kind, run.inputs_from, run.arguments_from = "script", "script", "script"
    run.snippet = f"python {watch.path.rpartition('/')[2]}"
    watch.probes.bounded = True
    seeded()
    with contextlib.suppress(Stop), experiment.phase("script"):
        watch.probes.failed.clear()
        run_as_main(Path(watch.path), text, lines, watch.probes.for_source())
    watch.phase = "script"
    experiment.failures += [watch.failure(error) for error in watch.probes.failed]
    made = [v for v in vars(sys.modules["__main__"]).values() if isinstance(v, nn.Module)]
    then_forward(experiment, made)
    return experiment.finish()


def then_forward(experiment: Experiment, made: list[nn.Module]) -> None:
    """A script that makes or changes a model shows a mistake only when the model runs."""
    if experiment.failures:
        return
    called = experiment.watch.calls
    idle = [m for m in {id(m): m for m in made}.values() if not called.get(id(m))]
    experiment.of_models(idle, {})
