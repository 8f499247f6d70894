"""Two groups of an optimizer hold the same Parameters.

Groups with their own learning rate or weight decay are to divide the model: a group of all
parameters beside one of the head gives the head's twice. torch refuses that when the optimizer is
built.

Bad::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.backbone = nn.Linear(8, 8)
            self.head = nn.Linear(8, 2)

        def forward(self, x):
            return self.head(self.backbone(x))

    def optimizer_of(model: Net):
        return torch.optim.AdamW([
            {"params": model.parameters(), "lr": 1e-5},
            {"params": model.head.parameters()},
        ], lr=1e-3)

Good::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.backbone = nn.Linear(8, 8)
            self.head = nn.Linear(8, 2)

        def forward(self, x):
            return self.head(self.backbone(x))

    def optimizer_of(model: Net):
        return torch.optim.AdamW([
            {"params": model.backbone.parameters(), "lr": 1e-5},
            {"params": model.head.parameters()},
        ], lr=1e-3)

Run::

    optimizer_of(Net())

Says: some parameters appear in more than one parameter group

Silent when: a group is filtered, or not all of the list is written out; the part was put in another
place, or has no parameters of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Verification

if TYPE_CHECKING:
    from lint_params.evidence import Run
    from lint_params.facts import FileFacts


class OverlappingGroups(Rule):
    code = "LP608"
    level = Level.ERROR
    words = ("params",)

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        seen = set()
        for one in facts.stories.overlaps:
            node = one.when.innermost(facts)
            if node in seen:
                continue
            seen.add(node)
            name, whole = one.owner.path, one.first.path
            what = f"the parameters of `{name}`" if one.owner.what != "parameter" else f"`{name}`"
            also = f", as a part of `{whole}`" if whole != name else ""
            yield self.report(
                facts,
                node,
                f"{what} stand in two groups{also}: torch refuses the optimizer; give each Parameter to one group",
                subject=facts.stories.subject(node),
            )

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        lines = range(finding.place.line, finding.place.end_line + 1)
        failure = run.failure_at(lines, "more than one parameter group", tried=True)
        if failure is not None:
            return run.confirmed_by(failure)
        return run.refuted(finding, "the optimizer was built") if run.ran(finding) else None
