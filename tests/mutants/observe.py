"""What a class does when it is built, run and trained: facts to compare. Child only."""

# The code that is run may raise anything, anywhere:
# ruff: noqa: BLE001
from __future__ import annotations

import ast
import contextlib
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from lint_params.verify.made_up import inputs
from lint_params.verify.made_up.inputs import Inputs
from lint_params.verify.run import build

Json = dict[str, Any]
#: Python's own complaints (those about None are, too): no mistake of the kinds that are injected.
_PYTHON = (NameError, SyntaxError, ImportError, RecursionError, MemoryError, TimeoutError)
#: Large outputs are compared by these many values.
_SOME = 4096


@dataclass
class Example:
    """How a class is built and what its forward gets (None: only building is known)."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    given: Inputs | None


def cuda_as_copy() -> None:
    """Without a GPU ``.cuda()`` gives what it would give there: another tensor."""
    if not torch.cuda.is_available():
        torch.Tensor.cuda = lambda self, *_, **__: self.clone()  # type: ignore[method-assign, assignment]


def observe(kind: Any, example: Example, path: str, source: str, script: Any = None) -> Json:
    """The facts of one run; ``raised`` says in which phase it ended."""
    facts: Json = {"raised": None}
    steps = _steps(kind, example, facts, script)
    for phase, step in steps:
        try:
            step()
        except (Exception, SystemExit) as error:
            facts["raised"] = _raised(phase, error, path, source)
            break
    return facts


def _steps(
    kind: Any, example: Example, facts: Json, script: Any
) -> list[tuple[str, Callable[[], None]]]:
    made: dict[str, Any] = {}

    def construct() -> None:
        build.uninitialised_marked(True)
        torch.manual_seed(0)
        made["root"] = kind(*example.args, **example.kwargs)
        build.uninitialised_marked(False)
        _describe(made["root"], facts)

    def forward() -> None:
        root = made["root"]
        before = {n: (p.shape, p.detach().clone()) for n, p in root.named_parameters()}
        made["output"] = _call(root, example)
        after = dict(root.named_parameters())
        both = [(p, *before[n]) for n, p in after.items() if n in before]
        facts["reshaped"] = any(p.shape != shape for p, shape, _ in both)
        facts["replaced"] = any(p.shape == s and not torch.equal(p, old) for p, s, old in both)
        facts["output"] = [_digest(t) for t in inputs.flat(made["output"])]

    def backward() -> None:
        root = made["root"]
        root.zero_grad(set_to_none=True)
        _back(made["output"])
        once = _gradients(root)
        _back(_call(root, example))
        twice = _gradients(root)
        grown = [twice.get(n, 0.0) > 1.2 * v for n, v in once.items() if v > 1e-6]
        facts["accumulates"] = any(grown) if grown else None

    def step() -> None:
        root = made["root"]
        optimizer = torch.optim.SGD([p for p in root.parameters() if p.requires_grad], lr=0.01)
        optimizer.step()

    def train() -> None:
        model, optimizer = script(*example.args, **example.kwargs)
        held = {id(p) for group in optimizer.param_groups for p in group["params"]}
        facts["held"] = all(id(p) in held for p in model.parameters())

    if script is not None:
        return [("train", train)]
    if example.given is None:
        return [("construct", construct)]
    return [("construct", construct), ("forward", forward), ("backward", backward), ("step", step)]


def _call(root: Any, example: Example) -> Any:
    assert example.given is not None
    args, kwargs = example.given.fresh("cpu")
    torch.manual_seed(0)
    return root(*args, **kwargs)


def _back(output: Any) -> None:
    losses = [
        t.float().sum() if not t.is_complex() else t.abs().sum()
        for t in inputs.flat(output)
        if t.requires_grad
    ]
    if losses:
        torch.stack(losses).sum().backward()


def _gradients(root: nn.Module) -> dict[str, float]:
    return {
        name: float(p.grad.detach().double().abs().sum())
        for name, p in root.named_parameters()
        if p.grad is not None
    }


def _describe(root: Any, facts: Json) -> None:
    if not isinstance(root, nn.Module):
        return
    facts["parameters"] = {
        name: [list(p.shape), p.requires_grad, bool(torch.isnan(p).any())]
        for name, p in root.named_parameters()
        if not isinstance(p, nn.parameter.UninitializedParameter)
    }
    facts["state"] = sorted(root.state_dict())


def _digest(value: torch.Tensor) -> list[Any]:
    flat = value.detach().flatten()[:_SOME]
    with contextlib.suppress(Exception):
        return [list(value.shape), round(float(flat.double().nan_to_num().abs().sum()), 4)]
    return [list(value.shape), 0.0]


def _raised(phase: str, error: BaseException, path: str, source: str) -> Json:
    """Type, text and lines of an error, and whether it is torch's (not the file's own check)."""
    frames = list(traceback.walk_tb(error.__traceback__))
    lines = [line for frame, line in frames if frame.f_code.co_filename == path]
    own = False
    if frames:
        frame, line = frames[-1]
        name = frame.f_code.co_filename
        if name == path:
            own = _is_check(source, line)
        elif "/torch/" not in name and "einops" not in name:
            with contextlib.suppress(OSError, SyntaxError, ValueError):
                with open(name, encoding="utf-8") as file:
                    own = _is_check(file.read(), line)
    python = isinstance(error, (*_PYTHON, AssertionError, SystemExit)) or "NoneType" in str(error)
    return {
        "phase": phase,
        "type": type(error).__name__,
        "text": " ".join(str(error).split())[:300],
        "lines": sorted(set(lines)),
        "torch": not (own or python),
    }


def _is_check(source: str, line: int) -> bool:
    """Whether a ``raise`` or ``assert`` of the code itself stands on a line."""
    return any(
        isinstance(node, (ast.Raise, ast.Assert))
        and node.lineno <= line <= (node.end_lineno or node.lineno)
        for node in ast.walk(ast.parse(source))
    )


def shown(effects: tuple[str, ...] | list[str], before: Json, after: Json) -> list[str]:
    """Which of the effects a mutant has that the original does not have."""
    old, new = before.get("parameters") or {}, after.get("parameters") or {}
    common = [name for name in old if name in new]
    seen = {
        "fewer": len(new) < len(old),
        "less state": not set(before.get("state", ())) <= set(after.get("state", ())),
        "unwritten": any(new[n][2] for n in new) and not any(old[n][2] for n in old),
        "other shape": any(old[n][0] != new[n][0] for n in common),
        "replaced": bool(after.get("replaced")) and not before.get("replaced"),
        "reshaped": bool(after.get("reshaped")) and not before.get("reshaped"),
        "gradients cleared": before.get("accumulates") is True
        and after.get("accumulates") is False,
        "other output": "output" in after and before.get("output") != after["output"],
        "flags as before": bool(old)
        and any(row[1] for row in old.values())
        and {n: row[1] for n, row in old.items()} == {n: row[1] for n, row in new.items()},
        "as many as before": bool(old) and len(old) == len(new),
        "not held": after.get("held") is False,
    }
    return [effect for effect in effects if seen[effect]]
