"""An uninitialised parameter is asked for what it does not have yet.

``UninitializedParameter``, ``UninitializedBuffer`` and the weights of ``Lazy*`` layers have no
shape until ``materialize`` or the first forward. Until then ``.shape``, ``numel()``, arithmetic,
indexing, ``nn.init`` and ``share_memory_()`` raise.

Bad::

    import torch
    from torch import nn

    class Head(nn.Module):
        def __init__(self, classes):
            super().__init__()
            self.fc = nn.LazyLinear(classes)
            nn.init.xavier_uniform_(self.fc.weight)

        def forward(self, x):
            return self.fc(x)

Good::

    import torch
    from torch import nn

    class Head(nn.Module):
        def __init__(self, features, classes):
            super().__init__()
            self.fc = nn.Linear(features, classes)
            nn.init.xavier_uniform_(self.fc.weight)

        def forward(self, x):
            return self.fc(x)

Run::

    Head(*[5, 3][-Head.__init__.__code__.co_argcount + 1:])(torch.randn(2, 5))

Says: Attempted to use an uninitialized parameter in

Silent when: ``materialize``, a forward, ``load_state_dict`` or code that is not read came before; the
failure is caught; what is asked works without a shape (``size()``, ``to``, ``data``, ``device``,
``dtype``, ``deepcopy``, ``requires_grad``).
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

_TEXTS = ("uninitialized parameter", "share memory on an uninitialized", "Dimension out of range")


class UninitialisedAccess(Rule):
    code = "LP501"
    level = Level.ERROR
    words = ("LazyLinear", "LazyConv", "LazyBatch", "LazyInstance", "Uninitialized")

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        seen: set[ast.AST] = set()
        for one in facts.stories.early:
            made = one.module.first_made
            if made is None or one.of_model:
                continue
            node = one.when.seen_from(made, facts)
            if node not in seen:
                seen.add(node)
                yield self._finding(facts, one, node)

    def _finding(self, facts: FileFacts, one: Early, node: ast.AST) -> Finding:
        made = one.module.first_made
        assert made is not None
        line = getattr(made.seen_from(one.when, facts), "lineno", made.line)
        if one.module is one.thing:
            name = f"`{one.thing.path}`" if one.thing.path else "this parameter"
            said = f"{one.how} on {name}, which is uninitialised (line {line})"
            mend = "call `materialize(shape)` first"
        else:
            said = f"{one.how} on `{one.thing.path or one.thing.attr}` of a {one.module.kind.describe()}"
            said += f" (line {line}) that has not run"
            mend = "run the layer once, or use the layer that is given its input size"
        return self.report(
            facts,
            node,
            f"{said}: it has no shape yet; {mend}",
            trace=(Step(line, "made here, without a shape"),),
            subject=facts.stories.subject(node),
            details={"lines": [one.when.line]},
        )

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        return run.failed_or_ran(finding, *_TEXTS)
