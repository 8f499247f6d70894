"""``requires_grad`` is set on a Module, which has no such switch.

``module.requires_grad = False`` hangs a new attribute on the module; its parameters go on being
trained. ``module.requires_grad_(False)`` is the method that freezes them.

Bad::

    import torch
    from torch import nn

    class Classifier(nn.Module):
        def __init__(self):
            super().__init__()
            self.backbone = nn.Linear(4, 8)
            self.head = nn.Linear(8, 2)
            self.backbone.requires_grad = False

        def forward(self, x):
            return self.head(self.backbone(x).relu())

Good::

    import torch
    from torch import nn

    class Classifier(nn.Module):
        def __init__(self):
            super().__init__()
            self.backbone = nn.Linear(4, 8)
            self.head = nn.Linear(8, 2)
            self.backbone.requires_grad_(False)

        def forward(self, x):
            return self.head(self.backbone(x).relu())

Run::

    model = Classifier()
    model(torch.randn(3, 4)).sum().backward()
    assert model.backbone.weight.grad is None, "the backbone is not frozen"

Silent when: the target is a tensor, a Parameter or not known to be a Module (a layer, a class whose
bases resolve to one, or something that is called, or whose ``parameters()`` or ``eval()`` are
called, under the same name), or its class gives ``requires_grad`` a meaning of its own.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Fix, Level, Rule, Verification

if TYPE_CHECKING:
    from lint_params.evidence import Run
    from lint_params.facts import FileFacts


class ModuleRequiresGrad(Rule):
    code = "LP602"
    level = Level.ERROR
    words = ("requires_grad",)

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        if facts.is_template:
            return  # what is made from it is reported
        for one in facts.flags_set("requires_grad"):
            if not one.of_module:
                continue
            owner = facts.source_of(one.owner)
            fix = None
            if isinstance(one.node, ast.Assign) and len(one.node.targets) == 1:
                text = f"{owner}.requires_grad_({facts.source_of(one.node.value)})"
                # Freezing what was trained so far changes results: to be looked at.
                fix = Fix(facts.place(one.node), text, "call requires_grad_()", safe=False)
            value = one.node.value if isinstance(one.node, ast.Assign) else None
            frozen = isinstance(value, ast.Constant) and value.value is False
            effect = "nothing is frozen" if frozen else "no parameter is changed"
            given = facts.source_of(value) if value is not None else "..."
            yield self.report(
                facts,
                one.node,
                f"`{owner}` is a Module: `requires_grad` is a new attribute there and {effect}; "
                f"call `{owner}.requires_grad_({given})`",
                fix=fix,
                subject=facts.stories.subject(one.node),
                details={"attribute": ast.unparse(one.owner)},
            )

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        probes = [p for p in run.probes_at(finding, "attribute") if "requires_grad" in p.text]
        if any(probe.owner == "Module" for probe in probes):
            return run.confirmed(f"a plain attribute was set: {probes[0].text}")
        if probes:
            return run.refuted(finding, f"the target was a tensor: {probes[0].text}")
        name = finding.details.get("attribute", "").partition(".")[2]
        for module in run.modules:
            if module.requires_grad_set and name and module.name.endswith(name):
                return run.confirmed(f"`{module.name}` has a plain attribute `requires_grad`")
        return None
