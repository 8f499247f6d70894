"""A parameter or layer is replaced after the optimizer was built from the model.

An optimizer keeps the Parameter objects that it was given. What is put into the model later (a
new head, a new ``nn.Parameter``, another model under the same name) is not among them: backward
fills its gradients, ``step()`` goes on moving the old tensors, and nothing fails. The new layer
keeps its random weights. The same goes for what was frozen when the optimizer was built from the
trainable parameters only, and is unfrozen later. Build the optimizer last, or give it the new
parameters.

Bad::

    import torch
    from torch import nn

    def prepare(num_classes):
        model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 10))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        model[2] = nn.Linear(8, num_classes)
        return model, optimizer

Good::

    import torch
    from torch import nn

    def prepare(num_classes):
        model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 10))
        model[2] = nn.Linear(8, num_classes)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        return model, optimizer

Run::

    model, optimizer = prepare(3)
    before = model[2].weight.clone()
    nn.functional.cross_entropy(model(torch.randn(5, 4)), torch.tensor([0, 1, 2, 0, 1])).backward()
    optimizer.step()
    assert not torch.equal(model[2].weight, before), "the head was not trained"

Silent when: ``add_param_group`` is called or a second optimizer is built afterwards, the optimizer
is not used any more, what stood there is put back, it was not given the parameters that are replaced, what comes in is
frozen, has no parameters or is not known, or the two happen under conditions of which neither
contains the other. ``model.to(...)``, ``load_state_dict`` and in-place initialisation keep the
Parameter objects.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Step, Verification

if TYPE_CHECKING:
    from lint_params.evidence import Run
    from lint_params.facts import FileFacts
    from lint_params.facts.story.base import Stale
    from lint_params.facts.story.moments import Moment


class StaleOptimizer(Rule):
    code = "LP601"
    level = Level.ERROR
    words = ("optim", "Adam", "SGD")

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        seen: set[tuple[ast.AST, str]] = set()
        for one in facts.stories.stale:
            made, change = one.optimizer.made, one.change
            if made is None or change.healed or one.optimizer.mended:
                continue
            if change.new.frozen and not change.unfrozen:
                continue
            # One report for all that is replaced in one model: the first.
            key = (made.node, change.path.partition(".")[0].partition("[")[0])
            if key not in seen:
                seen.add(key)
                seen_from = change.when.seen_from(made, facts)
                path = _own_path(facts, one)
                own = path and _is_asked_once(facts, change.when)
                if own:
                    yield self._finding(facts, one, change.when.node, path)
                else:
                    yield self._finding(facts, one, seen_from, change.path)

    def _finding(self, facts: FileFacts, one: Stale, node: ast.AST, path: str) -> Finding:
        change, made = one.change, one.optimizer.made
        assert made is not None
        name = one.optimizer.kind.torch.rpartition(".")[2]
        built = made.seen_from(change.when, facts) if path == change.path else made.innermost(facts)
        line = getattr(built, "lineno", made.line)
        what = "Parameter" if change.new.what == "parameter" else change.new.kind.describe()
        into = f"`{path}`" if path else "a layer"
        if change.rebound:
            said = f"`{path}` becomes another {what}" if what != "unknown" else f"`{path}` becomes a copy"
            mend = f"the optimizer goes on training the old `{path}`"
        elif change.unfrozen:
            said = f"{into} is unfrozen"
            mend = "which holds only what was trainable then"
        else:
            said = f"{into} becomes a new {what}"
            mend = "which the optimizer does not hold and never trains"
        steps = [Step(line, f"the optimizer {name} is built from the parameters of that moment")]
        if node is not change.when.node and change.when.facts is facts:
            done = "unfrozen" if change.unfrozen else "replaced"
            steps.append(Step(change.when.line, f"{path} is {done} here"))
        if one.used.facts is facts and one.used.line != line:
            steps.append(Step(one.used.line, "the optimizer is used here"))
        group = "" if change.rebound else " or call `add_param_group` for the new parameters"
        return self.report(
            facts,
            node,
            f"{said} after the optimizer {name} was built (line {line}), {mend}: "
            f"build the optimizer afterwards{group}",
            trace=tuple(steps),
            subject=facts.stories.subject(node),
            details={"lines": [line, change.when.line], "optimizer": made.line, "unfrozen": change.unfrozen},
        )

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        line = finding.details.get("optimizer")
        built = [one for one in run.optimizers if one.line == line and not one.failed]
        for one in built:
            if one.missing:
                names = ", ".join(one.missing[:4])
                return run.confirmed(f"the optimizer of line {line} lacks {names}")
        made = {one.id for one in run.created_under(finding)}
        held = {key for one in run.optimizers for key in one.held}
        # A replacement without parameters of its own shows nothing.
        if built and run.ran(finding) and made <= held and (made or finding.details.get("unfrozen")):
            return run.refuted(finding, f"the optimizer of line {line} holds all of them")
        return None


def _own_path(facts: FileFacts, one: Stale) -> str:
    """``self.model`` where a method replaces it in its own object, whose optimizer the class builds
    too, whoever calls them; "" elsewhere."""
    change, made = one.change, one.optimizer.made
    if change.path.startswith("self.") or change.when.facts is not facts:
        return change.path if change.path.startswith("self.") else ""
    cls = facts.class_around(change.when.node)
    if made is None or made.facts is not facts or cls is None or facts.class_around(made.node) is not cls:
        return ""
    targets = [target for target in facts.targets(change.when.node) if facts.self_attribute(target)]
    return ast.unparse(targets[0]) if targets else ""


def _is_asked_once(facts: FileFacts, when: Moment) -> bool:
    """Whether the method that replaces is for that one call only: then it stands there, not where
    the call is."""
    if when.facts is not facts:
        return False
    method = facts.scope_of(when.node).name
    return sum(node.attr == method for node in facts.nodes(ast.Attribute)) == 1
