"""A module or Parameter is trained in a loop, but no optimizer holds it.

Backward fills its gradients and nothing ever uses them: the module stays as it was initialised, and
its gradients add up, because ``optimizer.zero_grad()`` does not know them either. This is the usual
fate of a second network, a projection head, a temperature or a loss with weights of its own.

Bad::

    import torch
    from torch import nn

    class Trainer:
        def __init__(self, dim):
            self.encoder = nn.Linear(4, dim)
            self.decoder = nn.Linear(dim, 4)
            self.optimizer = torch.optim.SGD(self.encoder.parameters(), lr=0.1)

        def step(self, x):
            self.optimizer.zero_grad()
            loss = (self.decoder(self.encoder(x)) - x).square().mean()
            loss.backward()
            self.optimizer.step()

Good::

    import torch
    from torch import nn

    class Trainer:
        def __init__(self, dim):
            self.encoder = nn.Linear(4, dim)
            self.decoder = nn.Linear(dim, 4)
            both = [*self.encoder.parameters(), *self.decoder.parameters()]
            self.optimizer = torch.optim.SGD(both, lr=0.1)

        def step(self, x):
            self.optimizer.zero_grad()
            loss = (self.decoder(self.encoder(x)) - x).square().mean()
            loss.backward()
            self.optimizer.step()

Run::

    trainer = Trainer(3)
    before = trainer.decoder.weight.detach().clone()
    trainer.step(torch.randn(5, 4))
    assert not torch.equal(trainer.decoder.weight, before), "the decoder was not trained"

Silent when: the module is frozen, in ``eval()``, called under ``no_grad``, detached, loaded from a file,
passed to other code, given to an optimizer of another function, or part of a module that is held; its name says teacher, target, pretrained
or the like; an optimizer gets parameters that are not all known; or the module was not made
here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Step, Verification

if TYPE_CHECKING:
    from lint_params.evidence import Run
    from lint_params.facts import FileFacts


class MissingFromOptimizer(Rule):
    code = "LP604"
    level = Level.WARNING
    words = ("optim", "Adam", "SGD")

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for one in facts.untrained_modules:
            line, used = one.made.lineno, one.call.lineno
            name = one.optimizer.torch.rpartition(".")[2]
            whole = f"its parameters: add `{one.name}.parameters()`"
            what = "it: add it to what one is given" if facts.kind_of(one.made).is_parameter else whole
            yield self.report(
                facts,
                one.optimizer.call,
                f"`{one.name}` (line {line}) is trained on line {used}, but neither {name} nor another "
                f"optimizer holds {what}, or freeze it with `{one.name}.requires_grad_(False)`",
                trace=(
                    Step(line, f"{one.name} is made here"),
                    Step(used, "its output reaches the loss"),
                ),
                subject=facts.stories.subject(one.optimizer.call),
                details={"lines": [line, used]},
            )

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        for one in run.optimizers:
            if one.line == finding.place.line and one.missing:
                return run.confirmed(f"no optimizer holds {', '.join(one.missing[:4])}")
        return None
