"""A method of a tensor is assigned to, where it was to be called.

`self.weight.data.copy_ = pretrained` copies nothing: it hangs an attribute on a temporary
object. The line runs, the weights stay what they were.

Bad::

    import torch
    from torch import nn

    def load(layer: nn.Linear, pretrained: torch.Tensor):
        layer.weight.data.copy_ = pretrained

Good::

    import torch
    from torch import nn

    def load(layer: nn.Linear, pretrained: torch.Tensor):
        layer.weight.data.copy_(pretrained)

Run::

    layer = nn.Linear(3, 2)
    load(layer, torch.ones(2, 3))
    assert layer.weight.eq(1).all(), "nothing was copied"

Silent when: the owner is no tensor (a class that has such a method, `torch.Tensor` itself when
it is patched); the name is no method of tensors.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Fix, Level, Rule, Run, Verification

if TYPE_CHECKING:
    from lint_params.facts import FileFacts

_TENSORS = ("parameter", "buffer", "tensor")
_SURELY = ("data", "grad", "weight", "bias")


class DataMethodOverwritten(Rule):
    code = "LP206"
    level = Level.ERROR
    words = ("_ =", "_=")

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for node in facts.nodes(ast.Assign):
            for target in node.targets:
                if not isinstance(target, ast.Attribute) or not facts.is_in_place_method(target.attr):
                    continue
                if not self._is_tensor(facts, target.value):
                    continue
                call = f"{facts.source_of(target)}({facts.source_of(node.value)})"
                one_line = node.lineno == node.end_lineno and len(node.targets) == 1
                fix = Fix(facts.place(node), call, "call the method") if one_line else None
                yield self.report(
                    facts,
                    node,
                    f"`{ast.unparse(target)} = ...` overwrites a method and changes no value: call it, "
                    f"`{ast.unparse(target)}(...)`",
                    fix=fix,
                    subject=facts.subject(node),
                    details={"attribute": ast.unparse(target.value).removeprefix("self.")},
                )

    def _is_tensor(self, facts: FileFacts, owner: ast.expr) -> bool:
        kind = facts.kind_of(owner)
        if kind.what in _TENSORS:
            return True
        if kind.what != "unknown" or not isinstance(owner, ast.Attribute):
            return False
        # layer.weight.data of a layer that nobody here knows: what else would that be?
        below = owner.value
        return owner.attr in ("data", "grad") and (
            isinstance(below, ast.Attribute) and below.attr in _SURELY
        )

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        probes = run.probes_at(finding, "shadowed")
        if probes:
            return run.confirmed(probes[0].text or "a method of the tensor was overwritten")
        return None
