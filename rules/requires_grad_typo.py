"""``requires_grad`` is misspelt or only compared, and nothing is frozen.

Python lets anybody hang any attribute on a tensor or a Module: ``p.require_grad = False`` is
accepted and means nothing. ``p.requires_grad_ = False`` even covers up the method of that name, and
``p.requires_grad == False`` asks, and forgets the answer.

Bad::

    import torch
    from torch import nn

    def freeze(model):
        for p in model.parameters():
            p.require_grad = False
        return model

Good::

    import torch
    from torch import nn

    def freeze(model):
        for p in model.parameters():
            p.requires_grad = False
        return model

Run::

    assert not any(p.requires_grad for p in freeze(nn.Linear(2, 2)).parameters()), "not frozen"

Silent when: the target is not known to be a Parameter, tensor or Module (by how it was made, by
``.weight`` or ``.bias``, by a loop over ``parameters()``), or the file reads an attribute of that name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Fix, Level, Rule, Verification

if TYPE_CHECKING:
    from lint_params.evidence import Run
    from lint_params.facts import FileFacts


class RequiresGradTypo(Rule):
    code = "LP607"
    level = Level.ERROR
    words = ("requ", "grad")

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for one in facts.flags_misspelt("requires_grad"):
            if not (one.of_module or one.of_tensor):
                continue
            owner, value = facts.source_of(one.owner), one.node
            given = value.value if isinstance(value, ast.Assign) else None
            shown = facts.source_of(given) if given is not None else "..."
            right = f"{owner}.requires_grad = {shown}"
            what = "a tensor" if one.of_tensor else "a Module"
            if one.of_module:
                right = f"{owner}.requires_grad_({shown})"
            fix = None
            if isinstance(value, ast.Assign) and len(value.targets) == 1:
                safe = one.of_tensor
                fix = Fix(facts.place(value), right, "spell it requires_grad", safe=safe)
            yield self.report(
                facts,
                one.node,
                f"`{one.name}` is "
                + ("a method, which is hidden by what is set: nothing is frozen" if one.name == "requires_grad_"
                   else f"no attribute of {what}: it is set and means nothing")
                + f"; write `{right}`",
                fix=fix,
                subject=facts.stories.subject(one.node),
                details={"attribute": one.name},
            )

        yield from self._compared(facts)

    def _compared(self, facts: FileFacts) -> Iterator[Finding]:
        for statement in facts.nodes(ast.Expr):
            asked = statement.value
            if not isinstance(asked, ast.Compare) or len(asked.ops) > 1 or not isinstance(asked.ops[0], (ast.Eq, ast.Is)):
                continue
            flag, value = asked.left, asked.comparators[0]
            plain = isinstance(value, ast.Constant) and isinstance(value.value, bool)
            if not plain or not isinstance(flag, ast.Attribute) or flag.attr != "requires_grad":
                continue
            right = f"{facts.source_of(flag)} = {facts.source_of(value)}"
            fix = Fix(facts.place(statement), right, "assign it", safe=False)
            yield self.report(
                facts,
                statement,
                f"`{facts.source_of(asked)}` only compares, and nothing is changed: write `{right}`",
                fix=fix,
                subject=facts.stories.subject(statement),
                details={"attribute": flag.attr},
            )

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        name = finding.details.get("attribute", "")
        for probe in [*run.probes_at(finding, "attribute"), *run.probes_at(finding, "shadowed")]:
            if name in probe.text and (probe.kind == "shadowed" or not probe.same):
                return run.confirmed(f"an attribute that torch does not know: {probe.text}")
        for probe in run.probes_at(finding, "looked-up"):
            if probe.text.endswith("no method"):
                return run.confirmed(f"it is only compared: {probe.text}")
        for phase in ("construct", "script"):
            for tensor in run.tensors(phase):
                if name in tensor.extra:
                    return run.confirmed(f"`{tensor.name}` has an attribute `{name}`")
        return None
