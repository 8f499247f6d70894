"""A Parameter is turned into a plain tensor while it is made.

``nn.Parameter(x).cuda()``, ``.to(device)``, ``* 0.02`` or ``.t()`` return a new tensor that
is no Parameter and no leaf: the model does not register it, the optimizer never sees it,
``state_dict`` leaves it out. On a machine where ``.to(device)`` has nothing to do the very same
line works, so tests on the CPU pass. Transform the data and wrap the result.

Bad::

    import torch
    from torch import nn

    class Prompt(nn.Module):
        def __init__(self, length, dim):
            super().__init__()
            self.prompt = nn.Parameter(torch.randn(length, dim)) * 0.02

        def forward(self, x):
            return x + self.prompt

Good::

    import torch
    from torch import nn

    class Prompt(nn.Module):
        def __init__(self, length, dim):
            super().__init__()
            self.prompt = nn.Parameter(torch.randn(length, dim) * 0.02)

        def forward(self, x):
            return x + self.prompt

Run::

    model = Prompt(3, 4)
    assert [name for name, _ in model.named_parameters()] == ["prompt"]

Silent when: the method returns the Parameter itself (``.requires_grad_()``, an initialiser,
``.float()`` on float data, ``.contiguous()``, ``.cpu()``), the arithmetic stands inside the
constructor, or the plain tensor is asked for by ``.data`` or ``.detach()``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Verification

if TYPE_CHECKING:
    from lint_params.evidence import Run
    from lint_params.facts import FileFacts


class ParameterTransformed(Rule):
    code = "LP301"
    level = Level.ERROR
    words = ("Parameter",)

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        seen: set[ast.AST] = set()
        for name, expr, subject in self._stored(facts):
            made = facts.transformed(expr)
            if made is None or made.by in seen:
                continue
            seen.add(made.by)
            where = f"`{name}`" if name else "the result"
            yield self.report(
                facts,
                made.by,
                f"{made.how} makes a plain tensor of this Parameter: {where} is not registered, "
                "trained or saved; transform the data inside nn.Parameter(...) instead",
                subject=subject,
                details={"attribute": name.rpartition(".")[2], "moves": _moves(made.by)},
            )

    def _stored(self, facts: FileFacts) -> Iterator[tuple[str, ast.expr, str]]:
        """Expressions that a Module keeps, or that an optimizer is given."""
        for cls in facts.module_classes:
            for members in [*cls.members.values(), cls.dynamic_members]:
                for member in members:
                    if member.value is None or member.how in ("register_buffer", "augmented"):
                        continue
                    name = f"self.{member.name}" if member.name else ""
                    for expr in self._results(facts, member.value):
                        yield name, expr, cls.qualname
        for optimizer in facts.optimizers:
            if optimizer.given is not None:
                for item in facts.items_of(optimizer.given):
                    for expr in facts.reach(item.expr) or [item.expr]:
                        yield "", expr, optimizer.scope.qualname

    def _results(self, facts: FileFacts, value: ast.expr) -> Iterator[ast.expr]:
        """The value itself, or what a function of this file returns for it."""
        yield value
        if isinstance(value, ast.Call):
            called = facts.function_of(value)
            if called is not None and called[0] is facts:
                for statement in called[1].nodes(ast.Return):
                    if statement.value is not None:
                        yield statement.value

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        name = finding.details.get("attribute", "")
        for failure in run.failures:
            if "non-leaf Tensor" in failure.text:
                return run.confirmed_by(failure)
        if not name:
            return None
        for tensor in run.named(name):
            if tensor.kind == "attribute" and not tensor.is_parameter and tensor.grad_fn:
                return run.confirmed(f"{tensor.name} is a plain tensor ({tensor.grad_fn}), "
                                     "absent from parameters()")
        kept = [tensor for tensor in run.named(name) if tensor.kind == "parameter"]
        if kept and len(kept) == len(run.named(name)):
            if finding.details.get("moves"):
                return run.inconclusive("needs-device", f"{kept[0].name} was there already")
            return run.refuted(finding, f"{kept[0].name} is in parameters()")
        return None


def _moves(by: ast.expr) -> bool:
    """``.to(device)`` gives the Parameter itself where it already is on that device."""
    return isinstance(by, ast.Call) and isinstance(by.func, ast.Attribute) and (
        by.func.attr in ("to", "cuda")
    )
