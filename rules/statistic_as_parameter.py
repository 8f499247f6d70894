"""A Parameter without gradient is updated in place: that is a buffer.

Running means, counters and codebooks kept as `nn.Parameter(..., requires_grad=False)` are in
`parameters()`: a later `model.requires_grad_(True)`, common for unfreezing, trains them, and
weight decay pulls them to zero. `register_buffer` saves and moves them as well.

Bad::

    import torch
    from torch import nn

    class Norm(nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.mean = nn.Parameter(torch.zeros(dim), requires_grad=False)

        def forward(self, x):
            self.mean.mul_(0.9).add_(0.1 * x.detach().mean(0))
            return x - self.mean

Good::

    import torch
    from torch import nn

    class Norm(nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.register_buffer("mean", torch.zeros(dim))

        def forward(self, x):
            self.mean.mul_(0.9).add_(0.1 * x.detach().mean(0))
            return x - self.mean

Run::

    model = Norm(3)
    model(torch.randn(4, 3))
    assert not list(model.requires_grad_(True).parameters()), "the statistic can be trained"

Silent when: nothing but the constructor, an initialiser or a loader writes it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Run, Step, Verification

if TYPE_CHECKING:
    from lint_params.facts import FileFacts
    from lint_params.facts.members import Member


class StatisticAsParameter(Rule):
    code = "LP107"
    level = Level.ADVICE
    words = ("requires_grad",)

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for call in facts.calls_of("torch.nn.Parameter"):
            given = facts.argument(call, 1, "requires_grad")
            if not (isinstance(given, ast.Constant) and given.value is False):
                continue
            member = facts.member_of(call)
            if member is None or not member.name or not member.cls.is_module:
                continue
            line = self._updated(facts, member)
            if line:
                yield self.report(
                    facts,
                    call,
                    f"`{member.name}` takes no gradient and is updated in line {line}: it is a buffer, "
                    f'`self.register_buffer("{member.name}", ...)`',
                    trace=(Step(line, f"{member.name} is updated"),),
                    subject=facts.subject(call),
                    details={"attribute": member.name},
                )

    def _updated(self, facts: FileFacts, member: Member) -> int:
        for write in facts.writes:
            if facts.self_attribute(write.target) != member.name or write.how in ("delete", "grow"):
                continue
            if facts.class_around(write.node) is not member.cls or write.through == "grad":
                continue
            if write.how == "init" or write.method == "requires_grad_" or facts.is_surgery(write.node):
                continue
            if facts.is_initialising(write.node):
                continue
            if write.how == "bind" and not write.through:
                continue
            if facts.phase(write.node) in ("forward", "method"):
                return write.node.lineno
        return 0

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        name = str(finding.details.get("attribute") or "")
        before, after = run.tensor(name, "construct"), run.tensor(name, "forward")
        if before is None or after is None or not before.is_parameter:
            return None
        if before.checksum != after.checksum:
            return run.confirmed(f"{name} is in parameters() and forward changed its values")
        later = run.tensor(name, "script")  # after the method that the trace names; no optimizer changes it
        if later is not None and later.checksum != before.checksum:
            return run.confirmed(f"{name} is in parameters() and a method changed its values")
        if not any(step.line in run.lines for step in finding.trace):
            return None  # the method that updates it did not run
        return run.refuted(finding, f"forward left {name} as it was")
