"""One ``parameters()`` generator is used twice.

``parameters()``, ``named_parameters()``, ``filter(...)`` and generator expressions give their
items once. Whoever asks second gets nothing: an optimizer says so, ``clip_grad_norm_``, ``sum``
and loops do not, they just never clip, count or freeze anything. Keep the parameters in a list
or ask for them again. A ``zip`` of them that the constructor keeps is empty after the first ``update``.

Bad::

    import torch
    from torch import nn

    def train_step(model, x, max_norm):
        trainable = filter(lambda p: p.requires_grad, model.parameters())
        optimizer = torch.optim.SGD(trainable, lr=0.1)
        model(x).square().sum().backward()
        norm = nn.utils.clip_grad_norm_(trainable, max_norm)
        optimizer.step()
        return norm

Good::

    import torch
    from torch import nn

    def train_step(model, x, max_norm):
        trainable = [p for p in model.parameters() if p.requires_grad]
        optimizer = torch.optim.SGD(trainable, lr=0.1)
        model(x).square().sum().backward()
        norm = nn.utils.clip_grad_norm_(trainable, max_norm)
        optimizer.step()
        return norm

Run::

    assert train_step(nn.Linear(3, 2), torch.randn(4, 3), 1.0) > 0, "nothing was clipped"

Silent when: the generator is asked for anew (also by ``model.parameters()`` in place), kept as
a list, only looked at in part (a loop that breaks, ``next``), given to code that is not read, or
the two uses stand under conditions of which neither contains the other.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Step, Verification

if TYPE_CHECKING:
    from lint_params.evidence import Run
    from lint_params.facts import FileFacts
    from lint_params.facts.story.base import Spent


class ExhaustedParameters(Rule):
    code = "LP603"
    level = Level.ERROR
    words = ("parameters", "modules", "children", "buffers")

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        seen: set[ast.AST] = set()
        for one in facts.stories.spent:
            made = one.stream.made
            if made is None or not one.of_module:
                continue
            node = self._place(facts, one)
            # One report for all that find it empty: the first.
            if not seen & {node, made.node}:
                seen |= {node, made.node}
                yield self._finding(facts, one, node)

    def _place(self, facts: FileFacts, one: Spent) -> ast.AST:
        """The read itself where a function inside has the generator by its name; else the call
        that hands it on."""
        read, made = one.second.when, one.stream.made
        outside = read.seen_from(one.first.when, facts)
        if made is None or not read.facts is made.facts is facts or outside is read.node:
            return outside
        home = facts.scope_of(made.node)
        mine = facts.scope_of(read.node).binder(one.stream.name) is home
        return read.node if mine else outside

    def _finding(self, facts: FileFacts, one: Spent, node: ast.AST) -> Finding:
        made = one.stream.made
        assert made is not None
        first = getattr(one.first.when.seen_from(one.second.when, facts), "lineno", one.first.when.line)
        start = getattr(made.seen_from(one.second.when, facts), "lineno", made.line)
        name = f"`{one.stream.name}`" if one.stream.name else "this generator"
        if one.first.when is one.second.when:
            said = f"{one.second.by} goes over {name} twice at once, and each time misses what the other has taken"
        elif one.first.when.node is one.second.when.node:
            said = f"{one.second.by} takes all items of {name} each time around, and only the first time finds any"
        else:
            said = f"{name} is empty here: {one.first.by} took all its items (line {first})"
        return self.report(
            facts,
            node,
            f"{said}; make it a list (`list(...)`, line {start}) or call `parameters()` again",
            trace=(
                Step(start, "a generator is made"),
                Step(first, f"{one.first.by} takes its items"),
            ),
            subject=facts.stories.subject(node),
            details={"lines": [start, first]},
        )

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        failure = run.failure_at([finding.place.line], "empty parameter list")
        if failure is not None:
            return run.confirmed_by(failure)
        probes = run.probes_at(finding, "iterator")
        for probe in probes:
            if probe.left == 0:
                return run.confirmed(f"`{probe.text}` gave no item on line {probe.line}")
        if probes:
            return run.refuted(finding, f"`{probes[0].text}` still gave items")
        return None
