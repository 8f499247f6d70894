"""A Module has an uninitialised parameter and nothing that gives it a shape.

``UninitializedParameter`` and ``UninitializedBuffer`` are placeholders: ``LazyModuleMixin`` gives
them their shape before the first forward, by calling ``initialize_parameters``. In a plain Module,
or where ``nn.Module`` stands before the mixin in the bases (then the mixin's ``__init__`` never runs,
because ``nn.Module.__init__`` does not call the next one), they stay empty and the first use fails.

Bad::

    import torch
    from torch import nn
    from torch.nn.modules.lazy import LazyModuleMixin

    class Projection(nn.Module, LazyModuleMixin):
        def __init__(self, out):
            super().__init__()
            self.out = out
            self.weight = nn.UninitializedParameter()

        def initialize_parameters(self, x):
            if self.has_uninitialized_params():
                self.weight.materialize((self.out, x.shape[-1]))
                nn.init.normal_(self.weight)

        def forward(self, x):
            return x @ self.weight.t()

Good::

    import torch
    from torch import nn
    from torch.nn.modules.lazy import LazyModuleMixin

    class Projection(LazyModuleMixin, nn.Module):
        def __init__(self, out):
            super().__init__()
            self.out = out
            self.weight = nn.UninitializedParameter()

        def initialize_parameters(self, x):
            if self.has_uninitialized_params():
                self.weight.materialize((self.out, x.shape[-1]))
                nn.init.normal_(self.weight)

        def forward(self, x):
            return x @ self.weight.t()

Run::

    assert Projection(3)(torch.randn(2, 4)).shape == (2, 3)

Says: Attempted to use an uninitialized parameter in

Silent when: some line materialises or replaces the parameter (a subclass or another file of the project may,
too; so does a state dict that is assigned), hands it to code that may set it up, or the whole module to anybody, or calls the mixin's ``__init__`` by
name; a base is not known.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Step, Verification

if TYPE_CHECKING:
    from lint_params.evidence import Run
    from lint_params.facts import ClassFacts, FileFacts

_TEXTS = ("uninitialized parameter",)


class UninitialisedOutsideLazy(Rule):
    code = "LP502"
    level = Level.ERROR
    words = ("Uninitialized",)

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for one in facts.lazy_classes:
            cls = one.cls
            if cls.is_lazy and one.late is not None and one.open:
                name, member = next(iter(one.open.items()))
                yield self.report(
                    facts,
                    one.late,
                    f"LazyModuleMixin stands after a Module in the bases of {cls.name}: its __init__ "
                    f"never runs and `{name}` stays uninitialised. Put LazyModuleMixin first",
                    trace=(Step(member.node.lineno, f"`{name}` is left without a shape"),),
                    subject=cls.qualname,
                    details={"lines": [member.node.lineno]},
                )
            elif not cls.is_lazy and one.filled is not None and one.open and not self._is_shaped_beside(facts, cls):
                for name, member in one.open.items():
                    hooked = one.called or cls.method("initialize_parameters") is None
                    if member.cls is not cls or (name in one.filled and hooked):
                        continue
                    mend = "derive the class from LazyModuleMixin (first) and materialise it in "
                    yield self.report(
                        facts,
                        member.node,
                        f"`self.{name}` has no shape and {cls.name} is no LazyModuleMixin, so nothing "
                        f"gives it one: {mend}`initialize_parameters`, or make it with its shape",
                        subject=cls.qualname,
                    )

    def _is_shaped_beside(self, facts: FileFacts, cls: ClassFacts) -> bool:
        """Whether a class or a function of another file may give the parameters their shapes."""
        return facts.is_subclassed_beside(cls.name) or facts.is_mentioned_beside(cls.name, "materialize")

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        failure = run.failure("construct", "forward", "script")
        if failure is not None and any(text in failure.text for text in _TEXTS):
            return run.confirmed_by(failure)
        for failure in run.tried:
            if any(text in failure.text for text in _TEXTS):
                return run.confirmed_by(failure)
        if run.ok("forward"):
            return run.refuted(finding, "forward ran")
        return None
