"""A fan-based initialiser is given a tensor with fewer than two dimensions.

Xavier and Kaiming initialisation scale by the numbers of inputs and outputs, which a vector
does not have: torch raises for biases, for the weights of normalisation layers, and in a loop
over all parameters at the first bias that it meets. Orthogonal and sparse initialisation and the
identity are of matrices too.

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
(`p.view(1, -1)`, `p.unsqueeze(0)`); a test of `p.dim()` stands before it, or one of the name which no
vector that the module surely has passes.
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
_OF_MATRICES = tuple(f"torch.nn.init.{name}" for name in ("orthogonal_", "orthogonal", "sparse_", "eye_"))
_REFUSED = ("Fan in and fan out can not be computed", "Only tensors with 2 ")


_NORMS = ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "GroupNorm")


class FanInitOnVector(Rule):
    code = "LP108"
    level = Level.ERROR
    words = ("xavier_", "kaiming_", "orthogonal", "sparse_", "eye_")

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for call in facts.calls_of(*_FAN, *_OF_MATRICES):
            target = facts.argument(call, 0, "tensor")
            if target is None:
                continue
            function = ast.unparse(call.func).rpartition(".")[2]
            sizes = facts.sizes_of(target)
            if sizes is not None and len(sizes) < 2 and 0 not in sizes:
                if self._tested(facts, call) or self._has_none(facts, call, target):
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
        asked = [one for one in tests if one.what not in ("for", "while")]
        if [one.what for one in asked[:1]] != ["if"] or {one.what for one in asked[1:]} - {"else"}:
            return ""
        layers = [one.layer for one in facts.kind_of(target.value).every() if one.annotated]
        # What an earlier branch takes does not come here: only plain layers are told apart.
        earlier = [one.test for one in asked[1:] if one.test is not None and facts.asks_class(one.test)]
        if len(earlier) < len(asked) - 1 or any("Norm" in ast.unparse(test) for test in earlier):
            return ""
        vectors = (*_NORMS, "LayerNorm") if self._norms_vectors(facts) else _NORMS
        flat = [f"nn.{one}" for one in layers if one in vectors]
        here = [one for one in flat if facts.calls_of(f"torch.{one}")]  # of all that the test admits
        return (*here, *flat, "")[0]

    def _norms_vectors(self, facts: FileFacts) -> bool:
        """Whether the file makes LayerNorms, all of them over one dimension only."""
        made = facts.calls_of("torch.nn.LayerNorm")
        return bool(made) and all(facts.has_vectors(facts.kind_of(call)) for call in made)

    def _has_none(self, facts: FileFacts, call: ast.Call, target: ast.expr) -> bool:
        """``if m.bias is not None: xavier_uniform_(m.bias)`` where each such layer of the file is told to have
        no bias, or what is not known to be one."""
        if not isinstance(target, ast.Attribute) or target.attr != "bias":
            return False
        tests = [ast.unparse(one.test) for one in facts.conditions(call) if one.what == "if" and one.test is not None]
        if f"{ast.unparse(target)} is not None" not in tests:
            return False
        layers = [one.layer for one in facts.kind_of(target.value).every() if one.annotated and one.layer]
        made = facts.calls_of(*(f"torch.nn.{layer}" for layer in layers)) if layers else []
        told = [[one.value for one in layer.keywords if one.arg == "bias"] for layer in made]
        return bool(told) and all(one and not (isinstance(one[0], ast.Constant) and one[0].value) for one in told)

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
        return _goes_over_all(conditions[0].node) and facts.has_vectors(kind.owner)

    def _meets_named(self, facts: FileFacts, call: ast.Call, target: ast.expr) -> bool:
        """``if "bias" not in name: xavier(p)`` in a loop over named parameters, of which one surely is
        a vector and has a name that comes there."""
        around = facts.conditions(call)
        loops = [one for one in around if one.what == "for"]
        tests = [one for one in around if one.what not in ("for", "with")]
        if len(loops) != 1 or not tests or not isinstance(target, ast.Name):
            return False
        source, pair = loops[0].test, getattr(loops[0].node, "target", None)
        kind = facts.kind_of(target)
        if not isinstance(source, ast.Call) or not isinstance(pair, ast.Tuple) or kind.owner is None:
            return False
        if not ast.unparse(source.func).endswith(".named_parameters") or kind.member != "*":
            return False
        if not _goes_over_all(loops[0].node) or {one.what for one in tests} - {"if", "else"}:
            return False
        asked = ast.unparse(pair.elts[0])
        return any(
            all(_holds(one.test, asked, name) is (one.what == "if") for one in tests)
            for name in facts.vector_names(kind.owner)
            if _is_made_before(name, kind.owner, loops[0].node)
        )

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        lines = range(finding.place.line, finding.place.end_line + 1)
        failure = run.failure_at(lines, *_REFUSED, tried=True)
        if failure is not None:
            return run.confirmed_by(failure)
        if run.ran(finding):
            return run.refuted(finding, "the initialiser accepted the tensor")
        return None


def _goes_over_all(loop: ast.AST) -> bool:
    return not any(isinstance(part, (ast.Continue, ast.Break, ast.Try)) for part in ast.walk(loop))


def _is_made_before(name: str, owner: Kind, loop: ast.AST) -> bool:
    """Whether a member of that first name does not come only after a loop in the constructor."""
    members = owner.cls.members.get(name.partition(".")[0], []) if owner.cls is not None else []
    scope = owner.cls.facts.scope_of(loop) if owner.cls is not None and loop in owner.cls.facts.index.parents else None
    return all(
        member.cls.facts.scope_of(member.node) is not scope or member.node.lineno < getattr(loop, "lineno", 0)
        for member in members
    )


def _holds(test: ast.expr | None, asked: str, name: str) -> bool | None:
    """What a test says of a parameter of that name; None where it asks for something else."""
    if isinstance(test, ast.BoolOp):
        parts = [_holds(value, asked, name) for value in test.values]
        last = isinstance(test.op, ast.Or)  # the answer that one part alone can give
        return last if last in parts else None if None in parts else not last
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = _holds(test.operand, asked, name)
        return None if inner is None else not inner
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        word, over = _word(test.left), ast.unparse(test.comparators[0])
        if word is None and ast.unparse(test.left) == asked:
            word, over = _word(test.comparators[0]), asked
        elif isinstance(test.ops[0], (ast.Eq, ast.NotEq)) and over != asked:
            return None
        if word is None or over != asked:
            return None
        if isinstance(test.ops[0], (ast.Eq, ast.NotEq)):
            return (name == word) is isinstance(test.ops[0], ast.Eq)
        if isinstance(test.ops[0], (ast.In, ast.NotIn)) and _word(test.left) is not None:
            return (word in name) is isinstance(test.ops[0], ast.In)
        return None
    if isinstance(test, ast.Call) and isinstance(test.func, ast.Attribute) and len(test.args) == 1:
        word = _word(test.args[0])
        if ast.unparse(test.func.value) != asked or word is None:
            return None
        if test.func.attr == "endswith":
            return name.endswith(word)
        if test.func.attr == "startswith":
            return name.startswith(word)
    return None


def _word(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
