"""A Parameter or layer stands in the class body of a Module.

A class attribute is no attribute of the instance: torch does not register it, so it is never
trained, saved or moved, and all instances share it. Make it in ``__init__``.

Bad::

    import torch
    from torch import nn

    class Scale(nn.Module):
        weight = nn.Parameter(torch.ones(3))

        def forward(self, x):
            return x * self.weight

Good::

    import torch
    from torch import nn

    class Scale(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(3))

        def forward(self, x):
            return x * self.weight

Run::

    torch.optim.SGD(Scale().parameters(), lr=0.1)

Says: optimizer got an empty parameter list

Silent when: a method assigns the attribute to the instance, the class is no Module, the layer has
no parameters, or the body only annotates the name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Verification

if TYPE_CHECKING:
    from lint_params.evidence import Run
    from lint_params.facts import FileFacts


class ClassLevelParameter(Rule):
    code = "LP309"
    level = Level.ERROR
    words = ("class",)

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for cls in facts.module_classes:
            for name, members in cls.members.items():
                first = members[0]
                if first.how != "class" or len(members) > 1 or first.value is None:
                    continue
                kind = first.kind
                if kind.node is None or kind.annotated or cls.dynamic_members:
                    continue
                if not kind.is_parameter and facts.owns_parameters(first.value) is not True:
                    continue
                if not (kind.is_parameter or kind.is_module):
                    continue
                what = "Parameter" if kind.is_parameter else kind.describe()
                yield self.report(
                    facts,
                    first.node,
                    f"`{name}` is a {what} in the class body: it is not registered, trained or "
                    f"saved, and all instances share it; make it in __init__ as self.{name}",
                    subject=cls.qualname,
                    details={"attribute": name},
                )

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        name = finding.details["attribute"]
        hidden = [one for one in run.hidden_under(name) if one.class_level]
        if hidden:
            return run.confirmed(f"{name} belongs to the class and is not in parameters()")
        if run.ok("construct") and run.named(name):
            return run.refuted(finding, f"{name} is registered")
        return None
