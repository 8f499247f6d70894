"""Consecutive layers have all their weights set to one constant.

Units that start alike and feed units that start alike get the same gradients: they stay alike for
ever, and a layer of a hundred units learns what one unit could. With zeros the first layer gets no
gradient at all at first. Biases that are equal too (or absent) leave nothing that could tell the
units apart. Keep torch's random initialisation, at least in one of the two layers.

Bad::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self, dim, hidden, out):
            super().__init__()
            self.layer1 = nn.Linear(dim, hidden)
            self.layer2 = nn.Linear(hidden, out)
            nn.init.constant_(self.layer1.weight, 0.1)
            nn.init.zeros_(self.layer1.bias)
            nn.init.constant_(self.layer2.weight, 0.1)

        def forward(self, x):
            return self.layer2(torch.relu(self.layer1(x)))

Good::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self, dim, hidden, out):
            super().__init__()
            self.layer1 = nn.Linear(dim, hidden)
            self.layer2 = nn.Linear(hidden, out)
            nn.init.xavier_uniform_(self.layer1.weight)
            nn.init.zeros_(self.layer1.bias)
            nn.init.constant_(self.layer2.weight, 0.1)

        def forward(self, x):
            return self.layer2(torch.relu(self.layer1(x)))

Run::

    net, x, y = Net(3, 5, 2), torch.randn(16, 3), torch.randn(16, 2)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(20):
        optimizer.zero_grad()
        (net(x) - y).square().mean().backward()
        optimizer.step()
    spread = (net.layer1.weight - net.layer1.weight[:1]).abs().max()
    assert spread > 1e-7, "all units are still alike"

Silent when: the first layer's bias is random (torch's default: zeros recover from it), a dropout or
anything unknown stands between the two, some other write or code that is not read may set a
weight, the class does more with a Sequential of them than to call it, they are made after they
were to be set, the parameters are frozen, by the class or for an object of it, a convolution has
groups, whose channels read and feed different ones, or the first layer has one unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Step, Verification

if TYPE_CHECKING:
    from lint_params.evidence import Run
    from lint_params.facts import FileFacts


class SymmetricWeights(Rule):
    code = "LP606"
    level = Level.WARNING
    words = ("zeros", "ones", "constant_", "fill_", "zero_", "full")
    needs = frozenset({"training"})

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for one in facts.symmetric_layers:
            first, second = one.first.shown, one.second.shown
            line = getattr(one.second.weights[0], "lineno", 0)
            if one.second.weights[0] is one.node:
                where = f"here, as are those of `self.{second}`"
            else:
                where = f"as are those of `self.{second}` (line {line})"
            yield self.report(
                facts,
                one.node,
                f"all weights of `self.{first}` are set to one constant, {where}, which takes its "
                f"output: its units get equal gradients and never differ. Keep one of the two "
                "layers random (`nn.init.kaiming_uniform_`)",
                trace=(Step(line, f"the weights of self.{second} are constant too"),),
                subject=one.cls.qualname,
                details={"first": one.first.name, "second": one.second.name, "applied": one.applied},
            )

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        first = finding.details.get("first", "")
        for name, spread in run.spread.items():
            head = name.removesuffix(".weight")
            if head == first or head.endswith("." + first):
                if spread < 1e-7:
                    return run.confirmed(f"after 20 Adam steps the rows of {name} differ by {spread:g}")
                return run.refuted(finding, f"after 20 Adam steps the rows of {name} differ by {spread:g}")
        return None
