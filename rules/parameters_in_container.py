"""Parameters are kept in a plain list, dict or tuple.

A Module registers the Parameters that are its attributes, not those inside a Python container.
They are missing from ``parameters()``: never trained, saved or moved to the GPU. Use
``nn.ParameterList`` or ``nn.ParameterDict``.

Bad::

    import torch
    from torch import nn

    class Scales(nn.Module):
        def __init__(self, depth, dim):
            super().__init__()
            self.scales = [nn.Parameter(torch.ones(dim)) for _ in range(depth)]

        def forward(self, x):
            for scale in self.scales:
                x = x * scale
            return x

Good::

    import torch
    from torch import nn

    class Scales(nn.Module):
        def __init__(self, depth, dim):
            super().__init__()
            self.scales = nn.ParameterList([nn.Parameter(torch.ones(dim)) for _ in range(depth)])

        def forward(self, x):
            for scale in self.scales:
                x = x * scale
            return x

Run::

    torch.optim.SGD(Scales(3, 4).parameters(), lr=0.1)

Says: optimizer got an empty parameter list

Silent when: the list is registered afterwards (``nn.ParameterList(self.scales)``, a loop over
``register_parameter``), handed to an optimizer on purpose, given to the class from outside, a
``__getattr__`` goes by the attribute, or the class answers ``parameters()`` itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Step, Verification

if TYPE_CHECKING:
    from lint_params.evidence import Run
    from lint_params.facts import FileFacts


class ParametersInContainer(Rule):
    code = "LP302"
    level = Level.ERROR
    words = ("Parameter", "nn", "Module")

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for held in facts.hidden:
            if held.what != "parameter":
                continue
            better = "nn.ParameterDict" if held.holder == "dict" else "nn.ParameterList"
            where = f"a plain {held.holder}"
            if held.holder == "object":
                where, better = f"a {held.helper}, which is no Module", "nn.Module as its base"
            yield self.report(
                facts,
                held.place or held.member.node,
                f"`{held.shown}` keeps Parameters in {where}: they are not registered, "
                f"trained, saved or moved; use {better}",
                trace=tuple(Step(line, text) for line, text in held.trace),
                subject=held.cls.qualname,
                details={"attribute": held.pattern},
            )

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        name = finding.details["attribute"]
        hidden = [one for one in run.hidden_under(name) if one.count]
        if hidden:
            names = ", ".join(hidden[0].names[:3])
            return run.confirmed(
                f"{sum(one.count for one in hidden)} Parameters under {name} ({names}) are not in "
                "parameters()"
            )
        held = {one.id for one in run.tensors("construct", "parameter")}
        made = run.created_at(finding, "construct")
        if run.ok("construct") and made and all(one.id in held for one in made):
            return run.refuted(finding, f"nothing under {name} is missing from parameters()")
        return None
