"""Layers are kept in a plain list, dict or tuple, or by an object that is no Module.

A Module registers the layers that are its attributes, not those inside a Python container (its
own, a base's or a mixin's) or inside an attribute of some other object (a dataclass, too) or of a
closure. Their parameters are missing from ``parameters()``: never trained, saved or moved to the
GPU, and ``eval()`` does not reach them. Use
``nn.ModuleList``, ``nn.ModuleDict`` or ``nn.Sequential``, or make the helper an ``nn.Module``.

Bad::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self, depth, dim):
            super().__init__()
            self.layers = []
            for _ in range(depth):
                self.layers.append(nn.Linear(dim, dim))

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            return x

Good::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self, depth, dim):
            super().__init__()
            self.layers = nn.ModuleList()
            for _ in range(depth):
                self.layers.append(nn.Linear(dim, dim))

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            return x

Run::

    torch.optim.SGD(Net(3, 4).parameters(), lr=0.1)

Says: optimizer got an empty parameter list

Silent when: the list is registered afterwards (``nn.ModuleList(self.layers)``, a loop over
``add_module``, ``setattr``), unpacked into attributes or given to an optimizer, its layers are attributes
already or come from outside (unless each call of the class writes them out), they are frozen, have
no parameters (losses, activations), only ever run without gradients, copied, tied or trained by who
goes through them, a list of one, or an object that is given one, hides a frozen
network on purpose, the wrapper or helper object freezes what it holds, a ``__getattr__`` or a property
goes by the attribute, or the class answers ``parameters()`` itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Step, Verification

if TYPE_CHECKING:
    from lint_params.evidence import Run
    from lint_params.facts import FileFacts


class ModulesInContainer(Rule):
    code = "LP303"
    level = Level.ERROR
    words = ("nn", "Module")

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for held in facts.hidden:
            if held.what != "module":
                continue
            better = "nn.ModuleDict" if held.holder == "dict" else "nn.ModuleList"
            where = f"a plain {held.holder}"
            if held.holder == "object":
                where, better = f"a {held.helper}, which is no Module", "nn.Module as its base"
            elif held.holder == "function":
                where, better = "a function", "an attribute for each layer"
            yield self.report(
                facts,
                held.place or held.member.node,
                f"`{held.shown}` keeps layers in {where}: their parameters are not "
                f"registered, trained, saved or moved; use {better}",
                trace=tuple(Step(line, text) for line, text in held.trace),
                subject=held.cls.qualname,
                details={
                    "attribute": held.pattern,
                    "elsewhere": held.place is not None,
                    "made": [line for line, _ in held.trace] if held.holder == "function" else [],
                },
            )

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        name = finding.details["attribute"]
        hidden = [one for one in run.hidden_under(name) if one.count]
        if hidden:
            names = ", ".join(hidden[0].names[:3])
            return run.confirmed(
                f"{sum(one.count for one in hidden)} Parameters under {name} ({names}) are not in "
                "parameters()"
            )
        made = [c for c in run.created if c.line in finding.details["made"]]
        if made:
            held = {one.id for one in run.tensors("construct", "parameter")}
            lost = [one for one in made if one.phase == "construct" and one.id not in held]
            return run.confirmed(f"{len(lost)} Parameters of {name} are not in parameters()") if (
                lost
            ) else None
        if finding.details.get("elsewhere") and run.arguments_from == "synthesised":
            return run.inconclusive("degenerate-input", "the arguments were made up: it may be empty")
        if run.ok("construct") and not finding.details["made"]:
            return run.refuted(finding, f"nothing under {name} is missing from parameters()")
        return None
