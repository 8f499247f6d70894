"""A Parameter of integers or booleans that is to be trained.

torch computes gradients only for floating point and complex numbers, so a trainable
Parameter over `torch.arange(10)`, `torch.tensor(1)`, a mask or `.long()` data is refused. So is
`requires_grad` on such a tensor, and such a tensor as the `.data` of a trainable Parameter.

Bad::

    import torch
    from torch import nn

    class Bins(nn.Module):
        def __init__(self, n_bins: int):
            super().__init__()
            self.centres = nn.Parameter(torch.arange(n_bins))

        def forward(self, x):
            return x.unsqueeze(-1) - self.centres

Good::

    import torch
    from torch import nn

    class Bins(nn.Module):
        def __init__(self, n_bins: int):
            super().__init__()
            self.centres = nn.Parameter(torch.arange(n_bins).float())

        def forward(self, x):
            return x.unsqueeze(-1) - self.centres

Run::

    Bins(4)(torch.randn(3))

Says: Only Tensors of floating point and complex dtype can require gradients

Silent when: `requires_grad=False` (quantised weights, indices); the type is not certain, as
for `torch.arange(start, stop)` of values that may be floats; what is given as `.data` belongs to
a module that nobody here makes, which may be frozen.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Fix, Level, Rule, Run, Verification

if TYPE_CHECKING:
    from lint_params.facts import FileFacts


class IntegerParameter(Rule):
    code = "LP106"
    level = Level.ERROR
    words = ("Parameter", "requires_grad", ".data")

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        yield from self._parameters(facts)
        for call in facts.nodes(ast.Call):
            owner = _asked(facts, call)
            if owner is not None and facts.tensor_type(owner) == "int":
                yield self.report(
                    facts,
                    call,
                    "a tensor of integers or booleans cannot take gradients: make it floating point "
                    "first, or leave requires_grad off",
                    subject=facts.subject(call),
                )
        for write in facts.data_writes_judged("integer"):
            yield self.report(
                facts,
                write.node,
                f"`{write.name}` takes gradients, and its data cannot become integers: convert back "
                "to floating point, or set `requires_grad = False` first",
                subject=facts.subject(write.node),
            )

    def _parameters(self, facts: FileFacts) -> Iterator[Finding]:
        for call in facts.calls_of("torch.nn.Parameter"):
            data = facts.argument(call, 0, "data")
            given = facts.argument(call, 1, "requires_grad")
            if data is None or any(keyword.arg is None for keyword in call.keywords):
                continue
            if given is not None and not (isinstance(given, ast.Constant) and given.value is True):
                continue
            if facts.tensor_type(data) != "int":
                continue
            member = facts.member_of(call)
            text = facts.source_of(data)
            simple = isinstance(data, (ast.Call, ast.Name, ast.Attribute, ast.Subscript))
            replacement = f"{text}.float()" if simple else f"({text}).float()"
            how, what = f"make it floating point (`{replacement}`)", "convert to float"
            if given is None and _is_stored_so(facts, data):
                replacement = f"{text}, requires_grad=False"
                how, what = "give it `requires_grad=False`", "do not train it"
            one_line = data.lineno == data.end_lineno
            yield self.report(
                facts,
                call,
                f"a Parameter of integers or booleans cannot take gradients: {how}, or register a buffer "
                "if it is not to be trained",
                fix=Fix(facts.place(data), replacement, what) if one_line else None,
                subject=facts.subject(call),
                details={"attribute": member.name if member is not None else ""},
            )

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        lines = range(finding.place.line, finding.place.end_line + 1)
        failure = run.failure_at(
            lines, "Only Tensors of floating point", "only Tensors of floating point", "must be floating"
        )
        if failure is not None:
            return run.confirmed_by(failure)
        made = [one for one in run.created_at(finding) if one.direct]
        if made:
            return run.refuted(finding, f"the Parameter is of type {made[0].dtype}")
        return None


#: Types that nobody takes by accident: codes of a quantised weight, masks.
_STORED = ("int8", "uint8", "bool", "bool_")
_METHODS = ("bool", "char", "byte")


def _is_stored_so(facts: FileFacts, data: ast.expr) -> bool:
    """Whether the tensor is a mask, or of small integers by its own word: made floats, it would be
    trained, which nobody meant."""
    found = facts.definitions(data) if isinstance(data, ast.Name) else None
    if found and len(found) == 1 and found[0].how == "assign" and not found[0].path and found[0].value is not None:
        data = found[0].value
    if isinstance(data, ast.Compare):
        return True
    if not isinstance(data, ast.Call):
        return False
    if isinstance(data.func, ast.Attribute) and data.func.attr in _METHODS:
        return True
    said = [*data.args, *(word.value for word in data.keywords)]
    return any(isinstance(one, ast.Attribute) and one.attr in _STORED for one in said)


def _asked(facts: FileFacts, call: ast.Call) -> ast.expr | None:
    """The tensor of which a call asks gradients: ``t.requires_grad_()``, ``f(requires_grad=True)``."""
    if isinstance(call.func, ast.Attribute) and call.func.attr == "requires_grad_":
        given = facts.argument(call, 0, "requires_grad")
        if given is None or (isinstance(given, ast.Constant) and given.value is True):
            return call.func.value
        return None
    for keyword in call.keywords:
        if keyword.arg == "requires_grad" and isinstance(keyword.value, ast.Constant):
            made = facts.creation(call) if keyword.value.value is True else None
            return call if made is not None and made.node is call else None
    return None
