"""A fan-based initialiser is given a tensor with fewer than two dimensions.

Xavier and Kaiming initialisation scale by the numbers of inputs and outputs, which a vector
does not have: torch raises for biases, for the weights of normalisation layers, and in a loop
over all parameters at the first bias that it meets.

Bad::

    import torch
    from torch import nn

    class Scorer(nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.attention = nn.Parameter(torch.empty(dim))
            nn.init.xavier_uniform_(self.attention)

        def forward(self, x):
            return (x * self.attention).sum(-1)

Good::

    import torch
    from torch import nn

    class Scorer(nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.attention = nn.Parameter(torch.empty(dim))
            nn.init.normal_(self.attention, std=0.02)

        def forward(self, x):
            return (x * self.attention).sum(-1)

Run::

    Scorer(4)(torch.randn(2, 4))

Says: Fan in and fan out can not be computed for tensor with fewer than 2 dimensions

Silent when: the number of dimensions is not certain; the vector is viewed as a matrix
(`p.view(1, -1)`, `p.unsqueeze(0)`); a test of `p.dim()` or of the name stands before it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Run, Verification

if TYPE_CHECKING:
    from lint_params.facts import FileFacts, Kind

_FAN = tuple(
    f"torch.nn.init.{name}"
    for kind in ("xavier", "kaiming")
    for name in (f"{kind}_uniform_", f"{kind}_normal_", f"{kind}_uniform", f"{kind}_normal")
)


_NORMS = ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "GroupNorm")


class FanInitOnVector(Rule):
    code = "LP108"
    level = Level.ERROR
    words = ("xavier_", "kaiming_")

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for call in facts.calls_of(*_FAN):
            target = facts.argument(call, 0, "tensor")
            if target is None:
                continue
            function = ast.unparse(call.func).rpartition(".")[2]
            sizes = facts.sizes_of(target)
            if sizes is not None and len(sizes) < 2 and 0 not in sizes:
                if self._tested(facts, call):
                    continue
                what = "no dimension" if not sizes else "one dimension"
                text = (
                    f"`{ast.unparse(target)}` has {what} {facts.shown(sizes)} and `{function}` needs "
                    "two: use nn.init.zeros_, normal_ or uniform_"
                )
            elif self._of_norm(facts, call, target):
                text = (
                    f"`{ast.unparse(target)}` of {self._of_norm(facts, call, target)} has one dimension and "
                    f"`{function}` needs two: leave the normalisation out, or test `dim() > 1` first"
                )
            elif self._meets_bias(facts, call, target) or self._meets_named(facts, call, target):
                text = (
                    f"this loop gives `{function}` parameters with one dimension too (biases, weights of "
                    "normalisation), and it needs two: test `p.dim() > 1` first"
                )
            else:
                continue
            yield self.report(
                facts,
                call,
                text,
                subject=facts.subject(call),
                details={"attribute": ast.unparse(target).removeprefix("self.")},
            )

    def _of_norm(self, facts: FileFacts, call: ast.Call, target: ast.expr) -> str:
        """``isinstance(m, (nn.Conv2d, nn.BatchNorm2d)): xavier(m.weight)``."""
        if not isinstance(target, ast.Attribute) or target.attr not in ("weight", "bias") or self._tested(facts, call):
            return ""
        tests = [one for one in facts.conditions(call) if one.what != "with"]
        if [one.what for one in tests if one.what not in ("for", "while")] != ["if"]:
            return ""
        layers = [one.layer for one in facts.kind_of(target.value).every() if one.annotated]
        return next((f"nn.{one}" for one in layers if one in _NORMS), "")

    def _tested(self, facts: FileFacts, call: ast.Call) -> bool:
        for condition in facts.conditions(call):
            if condition.what in ("if", "else", "ifexp", "while") and condition.test is not None:
                text = ast.unparse(condition.test)
                if any(word in text for word in ("dim", "shape", "size", "len(", "numel")):
                    return True
            if condition.what in ("try", "except"):
                return True
        return False

    def _meets_bias(self, facts: FileFacts, call: ast.Call, target: ast.expr) -> bool:
        """``for p in self.parameters(): xavier(p)`` over layers that surely have a bias."""
        conditions = facts.conditions(call)
        if not conditions or conditions[0].what != "for" or conditions[0].test is None:
            return False
        kind = facts.kind_of(target)
        source = conditions[0].test
        if not (kind.is_parameter and kind.member == "*" and kind.owner is not None):
            return False
        if not (isinstance(source, ast.Call) and isinstance(source.func, ast.Attribute)):
            return False
        return self._loop_meets(facts, conditions[0].node, source, kind.owner)

    def _meets_named(self, facts: FileFacts, call: ast.Call, target: ast.expr) -> bool:
        """``if name.endswith("weight"): xavier(p)`` in a loop over the parameters of one layer, whose
        parameter of that name is a vector."""
        around = facts.conditions(call)
        loops = [one for one in around if one.what == "for"]
        tests = [one for one in around if one.what != "for"]
        if len(loops) != 1 or len(tests) != 1 or tests[0].what != "if" or not isinstance(target, ast.Name):
            return False
        source, pair = loops[0].test, getattr(loops[0].node, "target", None)
        kind = facts.kind_of(target)
        if not isinstance(source, ast.Call) or not isinstance(pair, ast.Tuple) or kind.owner is None:
            return False
        if not ast.unparse(source.func).endswith(".named_parameters") or kind.member != "*":
            return False
        if not kind.owner.layer.endswith("Norm") or "weight" not in _asked_name(tests[0].test, pair.elts[0]):
            return False
        return self._loop_meets(facts, loops[0].node, source, kind.owner)

    def _loop_meets(self, facts: FileFacts, loop: ast.AST, source: ast.expr, owner: Kind) -> bool:
        if any(isinstance(part, (ast.Continue, ast.Try)) for part in ast.walk(loop)):
            return False
        return facts.has_vectors(owner)

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        lines = range(finding.place.line, finding.place.end_line + 1)
        failure = run.failure_at(lines, "Fan in and fan out can not be computed", tried=True)
        if failure is not None:
            return run.confirmed_by(failure)
        if run.ran(finding):
            return run.refuted(finding, "the initialiser accepted the tensor")
        return None


def _asked_name(test: ast.expr | None, name: ast.expr) -> tuple[str, ...]:
    """The words of ``name.endswith("weight")``, ``"weight" in name``, ``name == "weight"``."""
    text = ast.unparse(name)
    if isinstance(test, ast.Call) and ast.unparse(test.func) == f"{text}.endswith" and len(test.args) == 1:
        word: ast.expr = test.args[0]
    elif isinstance(test, ast.Compare) and len(test.ops) == 1:
        sides = (test.left, test.comparators[0])
        asked = sides[isinstance(test.ops[0], ast.In)]
        word = sides[not isinstance(test.ops[0], ast.In)]
        if not isinstance(test.ops[0], (ast.In, ast.Eq)) or ast.unparse(asked) != text:
            return ()
    else:
        return ()
    return (word.value,) if isinstance(word, ast.Constant) and isinstance(word.value, str) else ()
