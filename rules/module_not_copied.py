"""A target, teacher or old network is the very module that it is to be compared with.

``self.target = self.online`` makes no copy, nor do ``.to(device)`` and ``.eval()``: both names mean
one network. Loading its state, or moving its weights towards "the other", changes nothing, and the
target follows every step of training.

Bad::

    import torch
    from torch import nn

    class Agent:
        def __init__(self, obs, actions):
            self.online = nn.Linear(obs, actions)
            self.target = self.online
            self.optimizer = torch.optim.SGD(self.online.parameters(), lr=0.1)

        def step(self, x):
            self.online(x).square().sum().backward()
            self.optimizer.step()
            for old, new in zip(self.target.parameters(), self.online.parameters()):
                old.data.lerp_(new.data, 0.01)

Good::

    import copy

    import torch
    from torch import nn

    class Agent:
        def __init__(self, obs, actions):
            self.online = nn.Linear(obs, actions)
            self.target = copy.deepcopy(self.online)
            self.optimizer = torch.optim.SGD(self.online.parameters(), lr=0.1)

        def step(self, x):
            self.online(x).square().sum().backward()
            self.optimizer.step()
            for old, new in zip(self.target.parameters(), self.online.parameters()):
                old.data.lerp_(new.data, 0.01)

Run::

    agent = Agent(3, 2)
    agent.step(torch.randn(4, 3))
    assert not torch.equal(agent.target.weight, agent.online.weight), "there is one network only"

Silent when: the two names may mean different modules on some path, no code pairs them by
``load_state_dict(...state_dict())`` or by a ``zip`` of their parameters, or the code between is not
read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Step, Verification

if TYPE_CHECKING:
    from lint_params.evidence import Run
    from lint_params.facts import FileFacts


class ModuleNotCopied(Rule):
    code = "LP609"
    level = Level.ERROR
    words = ("state_dict", "zip")

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        seen = set()
        for one in facts.stories.paired:
            node, alias = one.when.innermost(facts), one.alias.innermost(facts)
            if alias in seen:
                continue
            seen.add(alias)
            line = getattr(alias, "lineno", one.alias.line)
            yield self.report(
                facts,
                node,
                f"`{one.target}` and `{one.online}` are one module (line {line}), so this changes nothing: "
                f"make it a copy there, `{one.target} = copy.deepcopy({one.online})`",
                trace=(Step(line, f"`{one.target}` is another name of `{one.online}`"),),
                subject=facts.stories.subject(node),
            )

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        probes = run.probes_at(finding, "paired")
        for probe in probes:
            if probe.same:
                return run.confirmed(f"{probe.text} are one object")
        return run.refuted(finding, f"{probes[0].text} are two objects") if probes else None
