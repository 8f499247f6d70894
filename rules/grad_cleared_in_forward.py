"""Gradients of the model's own parameters are cleared in forward.

Forward runs once for every micro-batch; clearing gradients there throws away what earlier
ones have accumulated, and a validation pass between backward and step loses the step. Nothing
fails. Clearing belongs into the training loop, next to `optimizer.step()`.

Bad::

    import torch
    from torch import nn

    class Ranker(nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.scorer = nn.Linear(dim, 1)

        def forward(self, better, worse):
            self.zero_grad()
            return self.scorer(better) - self.scorer(worse)

Good::

    import torch
    from torch import nn

    class Ranker(nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.scorer = nn.Linear(dim, 1)

        def forward(self, better, worse):
            return self.scorer(better) - self.scorer(worse)

Run::

    model = Ranker(3)
    model(torch.ones(2, 3), torch.zeros(2, 3)).sum().backward()
    once = model.scorer.weight.grad.clone()
    model(torch.ones(2, 3), torch.zeros(2, 3)).sum().backward()
    assert torch.equal(model.scorer.weight.grad, 2 * once), "the first gradient is lost"

Silent when: the same function also runs backward or an optimizer (an inner loop, an attack);
the gradient is that of an input; it is taken elsewhere first; what is cleared is not surely the
model's own.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Run, Verification

if TYPE_CHECKING:
    from lint_params.facts import FileFacts

_LOOPS = ("backward", "step", "manual_backward", "grad")


class GradClearedInForward(Rule):
    code = "LP207"
    level = Level.ERROR
    words = ("zero_grad", ".grad")

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for node, name in self._cleared(facts):
            if facts.phase(node) != "forward" or self._trains(facts, node):
                continue
            if self._is_kept(facts, node):
                continue
            yield self.report(
                facts,
                node,
                f"{name} clears gradients while the model runs: what earlier batches have "
                "accumulated is lost. Call optimizer.zero_grad() in the training loop",
                subject=facts.subject(node),
            )

    def _cleared(self, facts: FileFacts) -> Iterator[tuple[ast.AST, str]]:
        for call in facts.nodes(ast.Call):
            func = call.func
            if isinstance(func, ast.Attribute) and func.attr == "zero_grad":
                kinds = facts.kind_of(func.value).every()  # of a loop, one for each part
                own = any(one.cls is not None and one.cls.method("zero_grad") is not None for one in kinds)
                known = all(one.is_module or one.what == "optimizer" for one in kinds)
                if known and not own and self._of_self(facts, func.value):
                    yield call, f"`{ast.unparse(func)}()`"
        for write in facts.writes:
            if write.through != "grad" or not facts.kind_of(write.target).is_parameter:
                continue
            if not self._of_self(facts, write.target):
                continue
            name = ast.unparse(write.target)
            if write.how == "bind" and isinstance(write.value, ast.Constant):
                if write.value.value is None:
                    yield write.node, f"`{name}.grad = None`"
            elif write.how == "method" and write.method == "zero_":
                yield write.node, f"`{name}.grad.zero_()`"
            elif write.how == "method" and write.method == "fill_":
                if isinstance(write.value, ast.Constant) and write.value.value == 0:
                    yield write.node, f"`{name}.grad.fill_(0)`"
            elif write.how == "delete":
                yield write.node, f"`del {name}.grad`"

    def _of_self(self, facts: FileFacts, expr: ast.expr) -> bool:
        """``self``, ``self.x.y``, a local name for one, or a loop over ``self.parameters()``."""
        instance = facts.scope_of(expr).instance_name
        head = expr
        while isinstance(head, (ast.Attribute, ast.Subscript)):
            head = head.value
        if not isinstance(head, ast.Name) or instance is None:
            return False
        if head.id == instance:
            return True
        found = facts.definitions(head) or ()
        return bool(found) and all(
            one.value is not None
            and any(isinstance(p, ast.Name) and p.id == instance for p in ast.walk(one.value))
            for one in found
        )

    def _trains(self, facts: FileFacts, node: ast.AST) -> bool:
        for call in facts.scope_of(node).nodes(ast.Call):
            last = getattr(call.func, "attr", getattr(call.func, "id", ""))
            if last in _LOOPS or "backward" in last:
                return True
        return False

    def _is_kept(self, facts: FileFacts, clearing: ast.AST) -> bool:
        """Whether the function takes the gradients elsewhere first: a hook that collects them."""
        for node in facts.scope_of(clearing).nodes(ast.Attribute):
            if node.attr != "grad" or node.lineno >= getattr(clearing, "lineno", 0):
                continue
            parent, written = facts.parent(node), False
            while isinstance(parent, ast.Attribute):
                written = written or parent.attr.endswith("_")
                parent = facts.parent(parent)
            if isinstance(node.ctx, ast.Load) and not written and not isinstance(parent, ast.Compare):
                return True
        return False

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        lines = range(finding.place.line, finding.place.end_line + 1)
        writes = [one for one in run.grad_writes if one.line in lines]
        if any(one.lost for one in writes):
            return run.confirmed("forward cleared gradients that were not zero")
        gone = [
            after.name
            for after in run.tensors("forward2", "parameter")
            if (before := run.tensor(after.name, "backward")) is not None
            and (before.grad, after.grad) == ("nonzero", "zero")
        ]
        if gone and run.ran(finding):  # ``grad.zero_()`` writes into what is there
            return run.confirmed(f"forward made the gradient of {gone[0]} zero, which was not")
        if any(one.lost for one in run.grad_writes):
            return None  # another line came first and left nothing to lose
        if writes and run.ok("forward2"):
            return run.refuted(finding, "no gradient was lost")
        return None
