"""A LazyModuleMixin class does not give all its parameters a shape.

Before the first forward the mixin calls ``initialize_parameters`` with forward's inputs. A class
without that method raises ``NotImplementedError``; one that forgets a parameter "has not been fully
initialized".

Bad::

    import torch
    from torch import nn
    from torch.nn.modules.lazy import LazyModuleMixin

    class Affine(LazyModuleMixin, nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.UninitializedParameter()
            self.bias = nn.UninitializedParameter()

        def initialize_parameters(self, x):
            if self.has_uninitialized_params():
                self.weight.materialize((x.shape[-1],))
                nn.init.ones_(self.weight)

        def forward(self, x):
            return x * self.weight + self.bias

Good::

    import torch
    from torch import nn
    from torch.nn.modules.lazy import LazyModuleMixin

    class Affine(LazyModuleMixin, nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.UninitializedParameter()
            self.bias = nn.UninitializedParameter()

        def initialize_parameters(self, x):
            if self.has_uninitialized_params():
                self.weight.materialize((x.shape[-1],))
                self.bias.materialize((x.shape[-1],))
                nn.init.ones_(self.weight)
                nn.init.zeros_(self.bias)

        def forward(self, x):
            return x * self.weight + self.bias

Run::

    assert Affine()(torch.randn(2, 4)).shape == (2, 4)

Says: has not been fully initialized

Silent when: what is materialised cannot be told (a loop, another module's parameter, a helper that
gets the parameter or the module), a base is not known, or the class has subclasses in the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Step, Verification

if TYPE_CHECKING:
    from lint_params.evidence import Run
    from lint_params.facts import FileFacts

_TEXTS = ("has not been fully initialized", "initialize_parameters is not implemented")


class LazyWithoutInitialize(Rule):
    code = "LP503"
    level = Level.ERROR
    words = ("LazyModuleMixin", "nn.Lazy", "LazyLinear")

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for one in facts.lazy_classes:
            cls = one.cls
            if not cls.is_lazy or one.late is not None:
                continue
            if not one.initialise:
                if one.open:
                    yield self.report(
                        facts,
                        cls.node,
                        f"{cls.name} is a LazyModuleMixin without `initialize_parameters`: the first "
                        "forward raises. Define it and materialise "
                        + ", ".join(f"`self.{name}`" for name in one.open),
                        subject=cls.qualname,
                    )
                continue
            if one.filled is None:
                continue
            found = cls.method("initialize_parameters")
            for name, member in one.open.items():
                if name not in one.filled and member.cls is cls and found is not None:
                    line = found[1].node.lineno  # type: ignore[union-attr]
                    yield self.report(
                        facts,
                        member.node,
                        f"`self.{name}` is never materialised: add "
                        f"`self.{name}.materialize(...)` to `initialize_parameters` (line {line})",
                        trace=(Step(line, "the first forward calls this"),),
                        subject=cls.qualname,
                    )

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        for failure in (*run.failures, *run.tried):
            if any(text in failure.text for text in _TEXTS):
                return run.confirmed_by(failure)
        if run.ok("forward"):
            return run.refuted(finding, "forward ran")
        return None
