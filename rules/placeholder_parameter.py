"""A one-element Parameter stands in for weights whose shape comes later.

`nn.Parameter(torch.zeros(1))` in the constructor and `self.weight.data = torch.randn(...)` of
the real size once an input is there: what was built in between still believes in one element.
Checkpoints saved after the first call do not load into a fresh model, optimizer state made
before it does not fit, and the weights differ from one input width to the next.

Bad::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1))

        def forward(self, x):
            if self.weight.numel() == 1:
                self.weight.data = torch.randn(10, 5)
            return x @ self.weight

Good::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(10, 5))

        def forward(self, x):
            return x @ self.weight

Run::

    model = Net()
    model(torch.randn(3, 10))
    Net().load_state_dict(model.state_dict())

Says: size mismatch for weight

Silent when: the constructor, or code that loads or converts weights, gives the real shape; the
Parameter has more than one element or an unknown number; the new tensor may have one too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Run, Verification

if TYPE_CHECKING:
    from lint_params.facts import FileFacts

#: Methods that people call between construction and training.
_BUILDS = re.compile(r"build|init|reset|setup|set_|resize|material|create|expand|grow|add|new", re.IGNORECASE)


class PlaceholderParameter(Rule):
    code = "LP102"
    level = Level.ERROR
    words = (".data",)

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for write in facts.data_writes_judged("placeholder"):
            if write.phase != "forward":
                method = facts.scope_of(write.node).method
                if write.phase != "method" or facts.is_surgery(write.node):
                    continue
                if method is None or _BUILDS.search(method.name):
                    continue
            new = f" {facts.shown(write.after)}" if write.after is not None else ""
            yield self.report(
                facts,
                write.node,
                f"`{write.name}` is declared with one element and gets its real shape{new} only "
                "here: checkpoints and optimizer state keep the old one. Declare it with its final "
                "shape, or use a Lazy layer or nn.UninitializedParameter where the input decides it",
                subject=facts.subject(write.node),
                details={"attribute": write.name.removeprefix("self.")},
            )

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        for write in run.writes_at(finding):
            if write.new_shape != write.old_shape:
                return run.confirmed(
                    f"{write.name or 'the Parameter'} went from {write.old_shape} to {write.new_shape}"
                )
        if any(len(set(one.old_shape)) < len(one.old_shape) for one in run.writes_at(finding)):
            return run.inconclusive("degenerate-input", "equal sizes: another shape looks the same")
        if run.writes_at(finding):
            return run.refuted(finding, "every write kept the Parameter's shape")
        return None
