"""A Parameter whose elements share memory, because it comes from expand.

`expand`, `expand_as`, `broadcast_to` and einops' `repeat` with an axis of its own copy
nothing: the new elements are the old ones under several names. Forward works, so the mistake
is met late: the optimizer cannot write such a tensor, and no checkpoint loads into it.

Bad::

    import torch
    from torch import nn

    class Shift(nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.bias = nn.Parameter(torch.zeros(1).expand(dim))

        def forward(self, x):
            return x + self.bias

Good::

    import torch
    from torch import nn

    class Shift(nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.bias = nn.Parameter(torch.zeros(1).expand(dim).clone())

        def forward(self, x):
            return x + self.bias

Run::

    model = Shift(5)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model(torch.randn(2, 5)).sum().backward()
    optimizer.step()

Says: more than one element of the written-to tensor refers to a single memory location

Silent when: a copy follows (`.clone()`, `.contiguous()`, arithmetic); every size is -1, 1 or
may be the old one; the shape before expand is not known (but of an axis that is new); the Parameter takes no gradient.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Run, Verification

if TYPE_CHECKING:
    from lint_params.facts import FileFacts

_TEXT = "more than one element of the written-to tensor"


class OverlappingParameter(Rule):
    code = "LP105"
    level = Level.ERROR
    words = ("expand", "broadcast_to", "repeat")

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for call in facts.calls_of("torch.nn.Parameter"):
            data = facts.argument(call, 0, "data")
            given = facts.argument(call, 1, "requires_grad")
            if data is None or (given is not None and not _is_true(given)):
                continue
            by = facts.aliases(data)
            if by is not None:
                member = facts.member_of(call)
                yield self._found(facts, call, by, member.name if member is not None else "")
        for write in facts.data_writes_judged("expand"):
            by = facts.aliases(write.value)
            if by is not None and not facts.is_frozen(write.parameter):
                yield self._found(facts, write.node, by, write.name.removeprefix("self."))

    def _found(self, facts: FileFacts, node: ast.AST, by: ast.expr, attribute: str) -> Finding:
        how = _method(by)
        return self.report(
            facts,
            node,
            f"elements of this Parameter share memory (`{how}`): optimizer.step() and "
            f"load_state_dict raise. Copy it (`.{how}(...).clone()`), or declare the small "
            "Parameter and expand it in forward",
            subject=facts.subject(node),
            details={"attribute": attribute, "lines": [by.lineno]},
        )

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        for failure in run.failures:
            if failure.phase in ("step", "script") and _TEXT in failure.text:
                return run.confirmed_by(failure)
        writes = run.writes_at(finding)
        for write in writes:
            if write.overlaps:
                return run.confirmed(
                    f"{write.name or 'the Parameter'} of shape {write.new_shape} shares memory "
                    "between its elements"
                )
        name = str(finding.details.get("attribute") or "")
        tensors = run.named(name) if name else []
        for tensor in tensors:
            if tensor.overlaps:
                return run.confirmed(
                    f"{tensor.name} has shape {tensor.shape} over {tensor.stored} stored elements"
                )
        sizes = [one.new_shape for one in writes] + [one.shape for one in tensors]
        if any(max(size, default=1) > 1 for size in sizes):  # one element overlaps nothing
            return run.refuted(finding, "no two elements share memory")
        return None


def _is_true(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is True


def _method(by: ast.expr) -> str:
    func = by.func if isinstance(by, ast.Call) else by
    return getattr(func, "attr", getattr(func, "id", "expand"))
