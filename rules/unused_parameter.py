"""A Parameter or layer is made and no code uses it.

It is saved, counted, moved and given to the optimizer, and it never gets a gradient. Usually its
use was forgotten, or the layer was left behind when the model changed. Distributed training stops
at it.

Bad::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.fc1 = nn.Linear(dim, dim)
            self.fc2 = nn.Linear(dim, dim)
            self.scale = nn.Parameter(torch.ones(dim))

        def forward(self, x):
            return self.fc2(self.fc1(x).relu())

Good::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.fc1 = nn.Linear(dim, dim)
            self.fc2 = nn.Linear(dim, dim)
            self.scale = nn.Parameter(torch.ones(dim))

        def forward(self, x):
            return self.fc2(self.fc1(x).relu()) * self.scale

Run::

    net = Net(3)
    net(torch.randn(2, 3)).sum().backward()
    assert all(p.grad is not None for p in net.parameters()), "a parameter got no gradient"

Silent when: any file of the folder mentions the name (as an attribute, an argument or in a string), the
class goes through its children or parameters, a base is not known, or a condition decides what
the name holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Status, Verification

if TYPE_CHECKING:
    from lint_params.evidence import Run
    from lint_params.facts import FileFacts


class UnusedParameter(Rule):
    code = "LP605"
    level = Level.WARNING
    status = Status.PREVIEW
    words = ("Parameter", "nn.", "torch.nn")

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        if facts.is_template:
            return
        for one in facts.unused_members:
            what = "Parameter" if one.member.kind.is_parameter else one.member.kind.describe()
            yield self.report(
                facts,
                one.member.node,
                f"`self.{one.name}` ({what}) is used by no code: it never gets a gradient. Use it in "
                "forward or remove it",
                subject=one.cls.qualname,
                details={"attribute": one.name},
            )

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        name = finding.details.get("attribute", "")
        seen = [
            t
            for t in run.tensors("backward", "parameter")
            if f".{name}." in f".{t.name}." and t.requires_grad
        ]
        if seen and all(t.grad == "none" for t in seen):
            return run.confirmed(f"`{seen[0].name}` has no gradient after backward")
        if seen and not any(t.grad == "none" for t in seen):  # else: which of them was meant?
            return run.refuted(finding, f"`{seen[0].name}` gets a gradient")
        return None
