"""The name that a loop gives each parameter is given the new value, and the parameter stays as it was.

`for p in net.parameters(): p = p - lr * p.grad` computes a new tensor and calls it `p` until the next
round: no weight has changed. The value has to be written into the parameter, without gradients.

Bad::

    import torch
    from torch import nn

    def sgd(net: nn.Module, lr: float):
        with torch.no_grad():
            for p in net.parameters():
                p = p - lr * p.grad

Good::

    import torch
    from torch import nn

    def sgd(net: nn.Module, lr: float):
        with torch.no_grad():
            for p in net.parameters():
                p -= lr * p.grad

Run::

    net = nn.Linear(3, 2)
    before = [p.clone() for p in net.parameters()]
    net(torch.randn(4, 3)).sum().backward()
    sgd(net, 0.1)
    assert not any(torch.equal(p, old) for p, old in zip(net.parameters(), before)), "no weight has changed"

Silent when: the new value is read again, in the loop or after it; a function or a method that works in
place makes it; it is not sure that the loop goes over the parameters or buffers of a Module.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Run, Verification

if TYPE_CHECKING:
    from lint_params.facts import FileFacts


class LoopNameRebound(Rule):
    code = "LP213"
    level = Level.ERROR
    words = ("parameters", "buffers")

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for statement in facts.nodes(ast.Assign):
            target = statement.targets[0]
            if len(statement.targets) > 1 or not isinstance(target, ast.Name):
                continue
            old = _own_value(statement.value, target.id)
            if old is None or not _is_new(facts, statement.value) or not _names_loop(facts, statement, target.id):
                continue
            kind = facts.kind_of(old)
            if kind.what not in ("parameter", "buffer") or kind.member != "*" or _is_read(facts, statement, target.id):
                continue
            yield self.report(
                facts,
                statement,
                f"`{target.id}` is the name of a new tensor from here on, and the {kind.what} stays as it was: "
                f"write into it, `{target.id}.copy_(...)` under torch.no_grad()",
                subject=facts.subject(statement),
            )

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        for probe in run.probes_at(finding, "renamed"):
            return run.confirmed(f"{probe.text}, and nothing was written into the old one")
        return None


def _own_value(value: ast.expr, name: str) -> ast.Name | None:
    """The name itself, in what it is given."""
    return next((one for one in ast.walk(value) if isinstance(one, ast.Name) and one.id == name), None)


def _is_new(facts: FileFacts, value: ast.expr) -> bool:
    """Whether a value is computed, with no side effect."""
    if isinstance(value, ast.BinOp):
        return True
    if not isinstance(value, ast.Call) or any(one.arg == "out" for one in value.keywords):
        return False
    name = facts.qualify(value.func)
    if name is not None:
        return facts.is_pure_function(name)
    return isinstance(value.func, ast.Attribute) and facts.is_pure_method(value.func.attr)


def _names_loop(facts: FileFacts, statement: ast.stmt, name: str) -> bool:
    """Whether the loop next around gives the name its values."""
    loop = next((one for one in facts.ancestors(statement) if isinstance(one, (ast.For, ast.While))), None)
    return isinstance(loop, ast.For) and any(
        isinstance(one, ast.Name) and one.id == name for one in ast.walk(loop.target)
    )


def _is_read(facts: FileFacts, statement: ast.Assign, name: str) -> bool:
    """Whether anything reads the name once it has the new value."""
    scope = facts.scope_of(statement)
    if any(one.id == name for inner in scope.within() if inner is not scope for one in inner.nodes(ast.Name)):
        return True  # a function made here may
    return any(
        use.id == name and isinstance(use.ctx, ast.Load)
        and any(one.node is statement for one in facts.definitions(use) or ())
        for use in scope.nodes(ast.Name)
    )
