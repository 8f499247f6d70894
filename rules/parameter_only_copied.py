"""forward reads a Parameter through ``.data``, ``.detach()`` or ``torch.tensor`` only: it never learns.

Each of them gives the numbers without the graph. The result is right, the loss falls by what the other
layers learn, and the Parameter stays as it was initialised: it has no gradient after ``backward``.
Compute with the Parameter itself; what is not to be trained is a buffer, or has ``requires_grad=False``.

Bad::

    import torch
    from torch import nn

    class Scaled(nn.Module):
        def __init__(self, dim, out):
            super().__init__()
            self.fc = nn.Linear(dim, out)
            self.gain = nn.Parameter(torch.ones(out))

        def forward(self, x):
            return self.fc(x) * self.gain.data

Good::

    import torch
    from torch import nn

    class Scaled(nn.Module):
        def __init__(self, dim, out):
            super().__init__()
            self.fc = nn.Linear(dim, out)
            self.gain = nn.Parameter(torch.ones(out))

        def forward(self, x):
            return self.fc(x) * self.gain

Run::

    net = Scaled(3, 2)
    net(torch.randn(4, 3)).sum().backward()
    assert net.gain.grad is not None, "the gain gets no gradient"

Silent when: any other code reads or writes it (an average kept by hand, a loss of the Parameter, a class
below, a file beside), it is frozen, the reading stands under ``no_grad``, or the class goes through its
parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Step, Verification

if TYPE_CHECKING:
    from lint_params.evidence import Run
    from lint_params.facts import FileFacts


class ParameterOnlyCopied(Rule):
    code = "LP214"
    level = Level.ERROR
    words = ("Parameter",)

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for one in facts.only_copied:
            line = getattr(one.member.node, "lineno", 0)
            yield self.report(
                facts,
                one.read,
                f"`self.{one.name}` is read through `{one.how}` only, which leaves the graph: the Parameter gets no "
                f"gradient and never learns. Compute with `self.{one.name}` itself, or make it a buffer",
                trace=(Step(line, f"self.{one.name} is made here"),),
                subject=one.cls.qualname,
                details={"attribute": one.name},
            )

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        name = finding.details.get("attribute", "")
        seen = [one for one in run.tensors("backward", "parameter") if f".{one.name}".endswith(f".{name}")]
        if seen and all(one.grad == "none" for one in seen):
            return run.confirmed(f"`{seen[0].name}` has no gradient after backward")
        if seen:
            return run.refuted(finding, f"`{seen[0].name}` gets a gradient")
        return None
