"""A method is named but not called: `optimizer.step` as a statement.

Without the parentheses the line only looks the method up. Nothing fails: the optimizer never
steps, gradients pile up, the model stays in training mode. An optimizer that is given `model.parameters` itself
says that a method is not iterable.

Bad::

    import torch
    from torch import nn

    def fit(model, x, y, steps):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(steps):
            optimizer.zero_grad()
            nn.functional.mse_loss(model(x), y).backward()
            optimizer.step

Good::

    import torch
    from torch import nn

    def fit(model, x, y, steps):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(steps):
            optimizer.zero_grad()
            nn.functional.mse_loss(model(x), y).backward()
            optimizer.step()

Run::

    model = nn.Linear(3, 1)
    before = model.weight.detach().clone()
    fit(model, torch.randn(8, 3), torch.randn(8, 1), 3)
    assert not torch.equal(model.weight, before), "nothing was trained"

Silent when: the statement stands in a ``try`` (it asks whether the attribute is there), or the name
is no method of modules, optimizers, schedulers or tensors.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Fix, Level, Rule

if TYPE_CHECKING:
    from lint_params.evidence import Run, Verification
    from lint_params.facts import FileFacts

#: Names that are methods wherever torch's own objects have them.
_EVERYWHERE = frozenset(["backward", "zero_grad", "step"])
_MODULES = frozenset(
    """
        train eval cuda cpu half double bfloat16 requires_grad_ reset_parameters share_memory
        flatten_parameters init_weights
    """.split()
)


class MethodNotCalled(Rule):
    code = "LP210"
    level = Level.ERROR

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for statement in facts.nodes(ast.Expr):
            method = statement.value
            if not isinstance(method, ast.Attribute) or not self._is_method(facts, method):
                continue
            if any(one.what in ("try", "except") for one in facts.conditions(statement)):
                continue
            text = ast.unparse(method)
            yield self.report(
                facts,
                statement,
                f"`{text}` is only looked up, nothing is done: write `{text}()`",
                fix=self._fix(facts, method, text),
                subject=facts.subject(statement),
            )

        for one in facts.optimizers:
            given = one.given
            if not isinstance(given, ast.Attribute) or given.attr not in ("parameters", "named_parameters"):
                continue
            kind = facts.kind_of(given.value)
            own = kind.cls is not None and kind.cls.kind(given.attr).known
            if not kind.is_module or own or (kind.cls is not None and kind.cls.is_property(given.attr)):
                continue
            text = ast.unparse(given)
            yield self.report(
                facts,
                given,
                f"`{text}` is a method and gives no parameters until it is called: write `{text}()`",
                fix=self._fix(facts, given, text),
                subject=facts.subject(given),
            )

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        probes = run.probes_at(finding, "looked-up")
        for probe in probes:
            if probe.same:
                return run.confirmed(probe.text)
        if probes:
            return run.refuted(finding, probes[0].text)
        return run.failed_or_ran(finding, "'method' object is not iterable")

    def _fix(self, facts: FileFacts, method: ast.Attribute, text: str) -> Fix | None:
        if method.lineno != method.end_lineno:
            return None
        return Fix(facts.place(method), f"{text}()", "call it", safe=False)

    def _is_method(self, facts: FileFacts, method: ast.Attribute) -> bool:
        kind = facts.kind_of(method.value)
        if kind.what in ("parameter", "buffer", "tensor"):
            return facts.is_in_place_method(method.attr) or method.attr == "backward"
        if kind.cls is not None and kind.cls.is_property(method.attr):
            return False
        if method.attr in _EVERYWHERE:
            return facts.qualify(method) is None
        return kind.is_module and method.attr in _MODULES
