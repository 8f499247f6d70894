"""Values are changed through `.data`, behind autograd's back.

`p.data.normal_()` and `p.data *= k` work, but the version counter of `p` does not move: where
a graph is still alive, backward computes wrong gradients without a word. Under
`torch.no_grad()` the same write is noticed. `torch.nn.init` functions switch gradients off
themselves and need no `.data`.

Bad::

    import torch
    from torch import nn

    def shrink(layer: nn.Linear):
        layer.weight.data.mul_(0.5)

Good::

    import torch
    from torch import nn

    def shrink(layer: nn.Linear):
        with torch.no_grad():
            layer.weight.mul_(0.5)

Run::

    layer = nn.Linear(3, 2)
    before = layer.weight._version
    shrink(layer)
    assert layer.weight._version > before, "autograd did not notice the write"

Silent when: the owner of `.data` is not surely a Parameter; it is already under `no_grad`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Fix, Level, Rule, Run, Verification

if TYPE_CHECKING:
    from lint_params.facts import FileFacts
    from lint_params.facts.writes import Write

#: What puts a tensor that is computed in the place of a layer's weight.
_REPARAMETRISES = frozenset(["weight_norm", "spectral_norm", "orthogonal", "register_parametrization"])


class DataInPlace(Rule):
    code = "LP209"
    level = Level.ADVICE
    words = (".data",)

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        told: set[tuple[int, int, str]] = set()
        for write in facts.writes:
            if write.through != "data" or write.how not in (
                "method", "init", "augmented", "item", "item-augmented",
            ):  # fmt: skip
                continue
            if not facts.kind_of(write.target).is_parameter or facts.no_grad(write.node):
                continue
            name = ast.unparse(write.target)
            place = (getattr(write.node, "lineno", 0), getattr(write.node, "col_offset", 0), name)
            if place in told or self._is_made_of_others(facts, write):
                continue
            told.add(place)  # `p.data.mul_(a).add_(q)` writes twice
            if write.how == "init":
                text = f"nn.init functions need no `.data`: write `{write.method}({name}, ...)`"
            else:
                text = (
                    f"`{name}` is changed through `.data`, which autograd does not notice: write "
                    f"`{name}` itself under `with torch.no_grad():`"
                )
            yield self.report(
                facts,
                write.node,
                text,
                fix=self._fix(facts, write),
                subject=facts.subject(write.node),
                details={"attribute": name.removeprefix("self.")},
            )

    def _is_made_of_others(self, facts: FileFacts, write: Write) -> bool:
        """Whether the file gives layers a ``weight`` that is no Parameter, but made of others at each call."""
        if not isinstance(write.target, ast.Attribute) or write.target.attr != "weight":
            return False
        called = {getattr(node, "attr", getattr(node, "id", "")) for node in facts.nodes(ast.Name, ast.Attribute)}
        return bool(called & _REPARAMETRISES)

    def _fix(self, facts: FileFacts, write: Write) -> Fix | None:
        """The statement without ``.data``, under no_grad where that is needed."""
        node = write.node
        parent = node if isinstance(node, ast.stmt) else facts.parent(node)
        if not isinstance(parent, (ast.Expr, ast.AugAssign, ast.Assign)):
            return None
        if parent.lineno != parent.end_lineno or ast.unparse(parent).count(".data") != 1:
            return None
        text = facts.source_of(parent).replace(".data", "", 1)
        if write.how == "init":
            return Fix(facts.place(parent), text, "drop `.data`", safe=True)
        torch = facts.name_of("torch")
        place = facts.place(parent)
        before = facts.line(place.line)[: place.column - 1]
        if torch is None or before.strip():
            return None
        replacement = f"with {torch}.no_grad():\n{before}    {text}"
        safe = facts.phase(node) == "constructor"
        return Fix(place, replacement, "write under no_grad", safe=safe)

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        if run.ran(finding):
            return run.confirmed("the line ran: the write went past autograd's version counter")
        return None
