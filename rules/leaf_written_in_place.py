"""A trainable Parameter is written in place while gradients are recorded.

`self.weight += x`, `self.weight[0] = 0`, `self.weight.clamp_(0)`, `nn.ReLU(inplace=True)(self.weight)`:
torch refuses to change a leaf that autograd is watching, and every view of it. Initialising, clamping or copying weights
belongs under `torch.no_grad()`; arithmetic in forward needs a new tensor.

Bad::

    import torch
    from torch import nn

    class Padded(nn.Module):
        def __init__(self, n, dim):
            super().__init__()
            self.table = nn.Parameter(torch.randn(n, dim))
            self.table[0] = 0

        def forward(self, i):
            return self.table[i]

Good::

    import torch
    from torch import nn

    class Padded(nn.Module):
        def __init__(self, n, dim):
            super().__init__()
            self.table = nn.Parameter(torch.randn(n, dim))
            with torch.no_grad():
                self.table[0] = 0

        def forward(self, i):
            return self.table[i]

Run::

    Padded(4, 3)(torch.tensor([1, 2]))

Says: a view of a leaf Variable that requires grad is being used in an in-place operation.

Silent when: it is under `no_grad`, `inference_mode` or a decorator or a context manager that
may do that; a caller in this file is, or nobody in this file calls the function (unless it, or the function that
calls it, runs the backward pass itself); it goes through
`.data` or `.detach()`; the Parameter has `requires_grad=False`, or may have, also from outside; the function of
`torch.nn.init` does it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Run, Verification

if TYPE_CHECKING:
    from lint_params.facts import FileFacts, Kind
    from lint_params.facts.writes import Write

_HOW = {
    "augmented": "by an augmented assignment",
    "item": "by item assignment",
    "item-augmented": "by item assignment",
    "out": "as `out=`",
    "call": "by `{}`, which works in place",
}

#: What surely shares the memory of the Parameter, and its history.
_VIEWS = tuple(f"torch.Tensor.{name}" for name in "view t transpose permute squeeze unsqueeze narrow select".split())


def _is_for_others(facts: FileFacts, node: ast.AST) -> bool:
    """Whether it stands in a function that only other files call: they may turn gradients off."""
    if facts.phase(node) != "function":
        return False
    scope = facts.scope_of(node)
    if any(one.attr in ("grad", "backward") for one in scope.nodes(ast.Attribute)):
        return False  # they are on
    return not any(one.id == scope.name for one in facts.nodes(ast.Name))


def _only_if_asked(facts: FileFacts, node: ast.AST) -> bool:
    """Whether it runs only where a flag is given that is off by default, and that no code of the file
    turns on (``forward(x, init=False)``): who does may turn gradients off, too."""
    if _is_asked_for(facts, node):
        return True
    scope = facts.scope_of(node)
    calls = [one for one in facts.nodes(ast.Call) if getattr(one.func, "attr", "") == scope.name]
    return facts.phase(node) == "method" and bool(calls) and all(_is_asked_for(facts, one) for one in calls)


def _is_asked_for(facts: FileFacts, node: ast.AST) -> bool:
    tests = [one.test for one in facts.conditions(node) if one.what == "if" and one.test is not None]
    names = {part.id for test in tests for part in ast.walk(test) if isinstance(part, ast.Name)}
    given = facts.scope_of(node).node
    if not isinstance(given, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    plain = [*given.args.posonlyargs, *given.args.args]
    flags = dict(zip([one.arg for one in reversed(plain)], reversed(given.args.defaults)))
    flags.update((one.arg, off) for one, off in zip(given.args.kwonlyargs, given.args.kw_defaults) if off is not None)
    off = {name for name, one in flags.items() if isinstance(one, ast.Constant) and one.value in (False, None)}
    turned = {one.arg for call in facts.nodes(ast.Call) for one in call.keywords if one.arg in off & names}
    return bool(off & names - turned)


def _end(write: Write) -> tuple[int, int]:
    """Of methods in a chain the first one that runs comes first."""
    return write.node.end_lineno or 0, write.node.end_col_offset or 0


def _viewed(facts: FileFacts, kind: Kind) -> Kind:
    """The Parameter of which a local name is a view: ``b = self.conv.bias.view(3, -1)``."""
    while kind.is_tensor and kind.same_data and kind.origin is not None and kind.torch in _VIEWS:
        if kind.facts is not facts or kind.node is None or facts.no_grad(kind.node):
            break
        kind = kind.origin
    return kind


def _shown(kind: Kind, given: Kind) -> str:
    """``self.conv.bias``, of which the view is taken."""
    while given.origin is not None and given.origin is not kind:
        given = given.origin
    func = given.node.func if isinstance(given.node, ast.Call) else None
    return ast.unparse(func.value) if isinstance(func, ast.Attribute) else kind.describe()


class LeafWrittenInPlace(Rule):
    code = "LP205"
    level = Level.ERROR
    words = ("Parameter", "parameters", "nn")

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        told: set[tuple[ast.stmt | None, str]] = set()
        for write in sorted([*facts.writes, *facts.written_by_calls], key=_end):
            if write.through or (write.how != "method" and write.how not in _HOW):
                continue
            if write.method == "requires_grad_" or write.method.startswith("__"):
                continue
            if write.how == "out" and not _is_of_torch(facts, write.node):
                continue  # a function that only has an argument of that name
            given = facts.declared_kind(write.target)
            kind = _viewed(facts, given)
            if not kind.is_parameter or kind.is_uninitialised or facts.is_frozen(kind):
                continue
            if facts.grad_may_be_off(write.node, write.target) or _is_for_others(facts, write.node):
                continue
            if facts.phase(write.node) in ("forward", "method") and _only_if_asked(facts, write.node):
                continue
            name = ast.unparse(write.target)
            what = "a Parameter" if kind is given else f"a view of the Parameter `{_shown(kind, given)}`"
            if (facts.statement(write.node), name) in told:
                continue  # `p.mul_(0.9).add_(q)`: it ends at the first of them
            told.add((facts.statement(write.node), name))
            how = _HOW.get(write.how, "").format(write.method) or f"by `.{write.method}()`"
            forward = facts.phase(write.node) == "forward"
            cure = (
                "In forward make a new tensor instead"
                if forward
                else "Do it under `with torch.no_grad():`"
            )
            leaf = "a view of a leaf" if kind is not given or write.view or write.how.startswith("item") else "a leaf"
            yield self.report(
                facts,
                write.node,
                f"`{name}` is {what} and is written in place {how}: torch refuses to change "
                f"{leaf} that requires grad. {cure}",
                subject=facts.subject(write.node),
                details={"attribute": name.removeprefix("self.")},
            )

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        lines = range(finding.place.line, finding.place.end_line + 1)
        texts = "leaf Variable", "don't support automatic differentiation", "modified inplace"
        failure = run.failure_at(lines, *texts, tried=True)
        if failure is not None:
            return run.confirmed_by(failure)
        if run.ran(finding):
            return run.refuted(finding, "the line ran and torch raised nothing")
        return None


def _is_of_torch(facts: FileFacts, call: ast.stmt | ast.Call) -> bool:
    return isinstance(call, ast.Call) and (facts.qualify(call.func) or "").startswith("torch.")
