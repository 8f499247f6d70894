"""A model with lazy layers is used before they have run.

The parameters of ``LazyLinear``, ``LazyConv2d`` and the others have no shape until the first
forward. Until then torch refuses to count them, to initialise them, to share them, to wrap the
model for distributed training, to export it or to give it to Adagrad. Run one batch first (under
``torch.no_grad()``). SGD, Adam and AdamW may be built before: they hold the same objects.

Bad::

    import torch
    from torch import nn

    model = nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(2))
    size = sum(p.numel() for p in model.parameters())

Good::

    import torch
    from torch import nn

    model = nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(2))
    model(torch.zeros(1, 4))
    size = sum(p.numel() for p in model.parameters())

Run::

    assert size == 58

Says: Attempted to use an uninitialized parameter in

Silent when: the model, or a part of it, has run, has loaded a state dict or was given to code that
is not read; a test decides which parameters are touched; the failure is caught; the lazy layers
stand under a condition, a part of the model was replaced or taken away, or the constructor runs a dummy batch itself.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Step, Verification

if TYPE_CHECKING:
    from lint_params.evidence import Run
    from lint_params.facts import FileFacts
    from lint_params.facts.story.base import Early

_TEXTS = (
    "uninitialized parameter",
    "Modules with uninitialized parameters",
    "has uninitialized parameters",
    "can't have uninitialized parameters",
    "share memory on an uninitialized",
)


class UsedBeforeDryRun(Rule):
    code = "LP504"
    level = Level.ERROR
    words = ("parameters()", "nn.Lazy", "LazyLinear", "LazyConv", "LazyModuleMixin")

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        seen: set[ast.AST] = set()
        for one in facts.stories.early:
            made = one.module.first_made
            if made is None or not one.of_model:
                continue
            node = one.when.seen_from(made, facts)
            if node not in seen:
                seen.add(node)
                yield self._finding(facts, one, node)

    def _finding(self, facts: FileFacts, one: Early, node: ast.AST) -> Finding:
        made = one.module.first_made
        assert made is not None
        line = getattr(made.seen_from(one.when, facts), "lineno", made.line)
        part = one.parts[0]
        home = part.path.removesuffix(".?")  # it is one of those in there
        layer = f"`{part.path}` ({part.layer})" if home == part.path else f"in `{home}` ({part.layer})"
        layer = layer if part.path else part.layer
        name = f"`{one.module.path}`" if one.module.path else "the model"
        steps = [Step(line, f"made with {len(one.parts)} lazy layer(s), not run since")]
        if node is not one.when.node and one.when.facts is facts:
            steps.append(Step(one.when.line, f"{one.how} is asked for here"))
        return self.report(
            facts,
            node,
            f"{one.how} fails while {name} (line {line}) has not run: its lazy layer {layer} has no "
            "weights yet. Run one batch first, `with torch.no_grad(): model(batch)`",
            trace=tuple(steps),
            subject=facts.stories.subject(node),
            details={"lines": [one.when.line]},
        )

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        return run.failed_or_ran(finding, *_TEXTS)
