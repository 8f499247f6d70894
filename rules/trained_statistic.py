"""The mean and standard deviation of the data are Parameters, so the optimizer changes them.

Normalisation constants are sometimes wrapped in `nn.Parameter` only to follow `.to(device)`.
That makes them weights: every step moves them, weight decay pulls them to zero, and the input
is normalised by something else than it was measured with. A buffer follows the device too.

Bad::

    import torch
    from torch import nn

    class Normalize(nn.Module):
        def __init__(self, mean, std):
            super().__init__()
            self.mean = nn.Parameter(torch.tensor(mean).view(-1, 1, 1))
            self.std = nn.Parameter(torch.tensor(std).view(-1, 1, 1))

        def forward(self, images):
            return (images - self.mean) / self.std

Good::

    import torch
    from torch import nn

    class Normalize(nn.Module):
        def __init__(self, mean, std):
            super().__init__()
            self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1))
            self.register_buffer("std", torch.tensor(std).view(-1, 1, 1))

        def forward(self, images):
            return (images - self.mean) / self.std

Run::

    model = nn.Sequential(Normalize([0.5, 0.4, 0.3], [0.2, 0.2, 0.2]), nn.Conv2d(3, 4, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    model(torch.randn(2, 3, 4, 4)).sum().backward()
    optimizer.step()
    assert torch.allclose(model[0].mean.flatten(), torch.tensor([0.5, 0.4, 0.3])), "it moved"

Silent when: `requires_grad=False`, here or later or by who holds it; the values are not given numbers (zeros and
ones are where a learned normalisation starts); forward does not subtract one of them from its
input and divide by the other.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Run, Step, Verification

if TYPE_CHECKING:
    from lint_params.facts import FileFacts
    from lint_params.facts.classes import ClassFacts

_MEAN = re.compile(r"(^|_)(mean|means|mu|avg|average|shift|loc)($|_)", re.IGNORECASE)
_STD = re.compile(r"(^|_)(std|stds|stdev|sigma|var|variance|scale)($|_)", re.IGNORECASE)


class TrainedStatistic(Rule):
    code = "LP109"
    level = Level.WARNING
    words = ("Parameter",)

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for cls in facts.module_classes:
            for node, mean, std in self._normalises(facts, cls):
                if not (_MEAN.search(mean) and _STD.search(std)):
                    continue
                calls = [self._given(facts, cls, name) for name in (mean, std)]
                for name, call in zip((mean, std), calls, strict=True):
                    if call is None or None in calls:
                        continue
                    yield self.report(
                        facts,
                        call,
                        f"`{name}` is a given statistic of the data and a trainable Parameter: the "
                        f'optimizer changes it. Use `self.register_buffer("{name}", ...)`',
                        trace=(Step(node.lineno, "the input is normalised by it"),),
                        subject=cls.qualname,
                        details={"attribute": name},
                    )

    def _normalises(self, facts: FileFacts, cls: ClassFacts) -> Iterator[tuple[ast.BinOp, str, str]]:
        """``(x - self.mean) / self.std`` with x from the method's arguments."""
        for scope in cls.methods.values():
            for node in scope.nodes(ast.BinOp):
                if not isinstance(node.op, ast.Div) or not isinstance(node.left, ast.BinOp):
                    continue
                inner = node.left
                if not isinstance(inner.op, ast.Sub) or not facts.from_arguments(inner.left):
                    continue
                mean, std = _member(facts, inner.right), _member(facts, node.right)
                if mean and std and facts.phase(node) == "forward":
                    yield node, mean, std

    def _given(self, facts: FileFacts, cls: ClassFacts, name: str) -> ast.Call | None:
        """The Parameter over given numbers that is the only thing the attribute ever is."""
        members = cls.assignments(name)
        value = members[0].value if len(members) == 1 and members[0].cls is cls else None
        if not isinstance(value, ast.Call) or facts.qualify(value.func) != "torch.nn.Parameter":
            return None
        kind = facts.kind_of(value)
        data = facts.argument(value, 0, "data")
        if data is None or facts.is_frozen_member(cls, name, kind):
            return None
        return value if facts.is_given_data(data) else None

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        tensor = run.tensor(str(finding.details.get("attribute") or ""))
        if tensor is None:
            return None
        if tensor.is_parameter and tensor.requires_grad:
            return run.confirmed(f"{tensor.name} is in parameters() and takes a gradient")
        return run.refuted(finding, f"{tensor.name} takes no gradient")


def _member(facts: FileFacts, expr: ast.expr) -> str:
    """``mean`` of ``self.mean``, also where it is viewed, indexed or has an eps added."""
    while True:
        name = facts.self_attribute(expr)
        if name is not None:
            return name
        if isinstance(expr, ast.Call) and isinstance(expr.func, ast.Attribute):
            expr = expr.func.value
        elif isinstance(expr, (ast.Subscript, ast.Attribute)):
            expr = expr.value
        elif isinstance(expr, ast.BinOp) and isinstance(expr.op, ast.Add):
            expr = expr.left
        else:
            return ""
