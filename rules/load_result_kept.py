"""What `load_state_dict` returns is taken for the model.

`model = Net().load_state_dict(state)` keeps a report of missing and unexpected keys; the model
with its loaded weights is gone. An optimizer's `load_state_dict` returns None.

Bad::

    import torch
    from torch import nn

    def restore(state):
        model = nn.Linear(3, 1).load_state_dict(state)
        model.eval()
        return model

Good::

    import torch
    from torch import nn

    def restore(state):
        model = nn.Linear(3, 1)
        model.load_state_dict(state)
        model.eval()
        return model

Run::

    restore(nn.Linear(3, 1).state_dict())

Says: object has no attribute 'eval'

Silent when: the result is only asked for its keys, unpacked, printed or handed on; the class has a
``load_state_dict`` of its own.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Step, Verification

if TYPE_CHECKING:
    from lint_params.evidence import Run
    from lint_params.facts import FileFacts

#: What is asked of a model or an optimizer, and never of a report.
_MODEL = frozenset(
    """
        eval train to cuda cpu half float parameters named_parameters modules children state_dict
        load_state_dict forward apply requires_grad_ step zero_grad param_groups named_modules
    """.split()
)


class LoadResultKept(Rule):
    code = "LP211"
    level = Level.ERROR
    words = ("load_state_dict",)

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for call in facts.nodes(ast.Call):
            func = call.func
            if not isinstance(func, ast.Attribute) or func.attr != "load_state_dict":
                continue
            cls = facts.kind_of(func.value).cls
            if cls is not None and (cls.method("load_state_dict") is not None or not cls.bases_complete):
                continue
            used = self._used_as_model(facts, call)
            if used is None:
                continue
            yield self.report(
                facts,
                call,
                "`load_state_dict` returns no model but the keys that did not fit: load into the model "
                "in a statement of its own",
                trace=(Step(used.lineno, "the result is used as the model here"),),
                subject=facts.subject(call),
            )

    def _used_as_model(self, facts: FileFacts, call: ast.Call) -> ast.Attribute | ast.Call | None:
        parent = facts.parent(call)
        if isinstance(parent, ast.Attribute):
            return parent if parent.attr in _MODEL else None
        given = facts.targets(parent)
        target = given[0] if len(given) == 1 else None
        if not isinstance(target, ast.Name):
            return None
        for name in facts.scope_of(call).nodes(ast.Name):
            if name.id != target.id or not isinstance(name.ctx, ast.Load):
                continue
            found = facts.definitions(name) or ()
            if len(found) != 1 or found[0].value is not call:
                continue
            use = facts.parent(name)
            if isinstance(use, ast.Call) and use.func is name:
                return use
            if isinstance(use, ast.Attribute) and use.attr in _MODEL:
                return use
        return None

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        lines = {step.line for step in finding.trace} | {finding.place.line}
        for failure in run.failures:
            if failure.passes(lines) and (
                "IncompatibleKeys' object" in failure.text or "'NoneType' object" in failure.text
            ):
                return run.confirmed_by(failure)
        return None
