"""``backward`` is called on a value that has left the graph: no parameter gets a gradient.

``torch.tensor(loss)``, ``Variable(loss.data)``, ``loss.item()`` and ``out.argmax(1)`` keep the numbers
and forget how they were computed. torch refuses ``backward`` then: "element 0 of tensors does not
require grad". The advice that is often given, ``requires_grad=True`` on the loss, only takes the message
away: the loss becomes a leaf of its own, ``backward`` stops there, and the model stays as it was
initialised. Call ``backward`` on what the loss function gave, computed from the model's output.

Bad::

    import torch
    from torch import nn

    def train(model, batches):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for x, y in batches:
            loss = nn.functional.mse_loss(model(x), y)
            loss = torch.tensor(loss.item(), requires_grad=True)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

Good::

    import torch
    from torch import nn

    def train(model, batches):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for x, y in batches:
            loss = nn.functional.mse_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

Run::

    model = nn.Linear(3, 1)
    before = model.weight.detach().clone()
    train(model, [(torch.randn(4, 3), torch.randn(4, 1))])
    assert not torch.equal(model.weight, before), "nothing was trained"

Silent when: part of the value may be in the graph still (what an unknown function gives, an attribute,
an argument that no name calls a target), something is written into it or added to it, a leaf that asks
for a gradient is computed with, or the code asks whether the value requires one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Step, Verification

if TYPE_CHECKING:
    from lint_params.evidence import Run
    from lint_params.facts import FileFacts


class LossCutOff(Rule):
    code = "LP610"
    level = Level.ERROR
    words = ("backward",)

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for call in facts.nodes(ast.Call):
            if not isinstance(call.func, ast.Attribute) or call.func.attr != "backward":
                continue
            cut = facts.cut_off(call.func.value)
            if cut is None or self._asks_first(facts, call):
                continue
            loss = facts.source_of(call.func.value)
            line = getattr(cut.node, "lineno", call.lineno)
            where = "here" if line == call.lineno else f"on line {line}"
            effect = "no parameter gets a gradient and nothing is trained"
            if not cut.leaf:
                effect = "backward() fails, and with `requires_grad=True` on it nothing would be trained"
            yield self.report(
                facts,
                call,
                f"`{loss}` left the graph {where} ({cut.how}): {effect}. Call backward() on the loss as the "
                "loss function gives it",
                trace=() if line == call.lineno else (Step(line, cut.how),),
                subject=facts.stories.subject(call),
                details={"lines": [line]},
            )

    def _asks_first(self, facts: FileFacts, call: ast.Call) -> bool:
        """``if loss.requires_grad: loss.backward()``"""
        tests = [one.test for one in facts.conditions(call) if one.test is not None]
        return any(isinstance(n, ast.Attribute) and "grad" in n.attr for test in tests for n in ast.walk(test))

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        for probe in run.probes_at(finding, "backward"):
            return run.refuted(finding, probe.text) if probe.same else run.confirmed(probe.text)
        return run.failed_or_ran(finding, "does not require grad", "has no attribute 'backward'")
