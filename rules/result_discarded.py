"""The result of a tensor operation is dropped.

`x.unsqueeze(1)`, `labels.to(device)`, `weight.clamp(0)` return a new tensor and leave the old
one as it is. As a statement of its own such a line does nothing; what follows uses the old
shape, device or values.

Bad::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv1d(1, 4, 3)

        def forward(self, x):
            x.unsqueeze(1)
            return self.conv(x)

Good::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv1d(1, 4, 3)

        def forward(self, x):
            x = x.unsqueeze(1)
            return self.conv(x)

Run::

    Net()(torch.randn(2, 8))

Says: to have 1 channels, but got 2 channels instead

Silent when: the object is not surely a tensor (Modules and batches move in place, `view()` of
a graph, `set.add`); `out=` is given, or `inplace`, by name or by its place; the call stands in a try, under a
context manager that is not torch's (a test that expects an error), or in code that measures; its
tensors are made for it alone (a GPU is kept busy); it
ends a cell of a notebook, or of a script that was one, where its value is shown.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Fix, Level, Rule, Run, Verification

if TYPE_CHECKING:
    from lint_params.facts import FileFacts

_TENSORS = ("parameter", "buffer", "tensor")
#: Methods that only tensors have, by which an argument of forward is known as one.
_ONLY_TENSORS = frozenset(
    """
        unsqueeze squeeze permute masked_fill contiguous softmax log_softmax index_select
        masked_select type_as expand_as view_as unflatten repeat_interleave detach clamp
    """.split()
)
_MOVES = ("to", "cuda", "cpu", "float", "half", "double", "long", "bfloat16", "int", "bool")
_MEASURES = re.compile(r"bench|warm|profile|test|check|measure|time|speed|main|trace|export", re.IGNORECASE)
_BENCHES = re.compile(r"bench|profil", re.IGNORECASE)


#: What stands above the next cell of a script that is, or was, a notebook.
_NEXT_CELL = re.compile(r"#\s?%%|#\s?In\s?\[|#{20,}")

#: Methods by which any argument is known as a tensor.
_ONLY_TENSORS_ANYWHERE = frozenset(
    "index_fill index_add index_copy index_put masked_fill masked_scatter scatter_add scatter_reduce".split()
)
#: Ways to another shape, which also an array gives as a result, where they are told two sizes or more.
_SHAPED = frozenset("view reshape transpose".split())
#: Methods that only show a tensor in another way.
_VIEWS = frozenset("view view_as reshape squeeze unsqueeze flatten expand expand_as t transpose permute detach".split())
#: Functions that are called for what becomes of the one tensor that they are given first.
_CHANGES = frozenset(
    "clamp clip nan_to_num normalize pad squeeze unsqueeze transpose permute flatten masked_fill".split()
)
#: Methods that never give a view of what they are called on, nor the tensor itself.
_RECKONS = frozenset("mul multiply add sub div true_divide pow abs neg exp log sqrt sign clamp lerp addcmul".split())
_TENSOR_WORDS = ("dim", "keepdim", "start_dim", "end_dim")


def _is_output(facts: FileFacts, expr: ast.expr, depth: int = 0) -> bool:
    """Whether a value is what layers of the instance give, is made with torch, or is computed from that."""
    if depth > 6:
        return False
    if isinstance(expr, ast.Name):
        values = facts.reach(expr)
        return bool(values) and all(one is not expr and _is_output(facts, one, depth + 1) for one in values or ())
    if isinstance(expr, ast.BinOp):
        return any(
            facts.kind_of(side).what in _TENSORS or _is_output(facts, side, depth + 1)
            for side in (expr.left, expr.right)
        )
    if not isinstance(expr, ast.Call):
        return False
    if facts.self_attribute(expr.func) is not None or (facts.qualify(expr.func) or "").startswith("torch."):
        return True
    func = expr.func
    if not isinstance(func, ast.Attribute) or not facts.is_pure_method(func.attr):
        return False
    argument = isinstance(func.value, ast.Name) and facts.is_argument(func.value) and len(expr.args) > 1
    return argument or _is_output(facts, func.value, depth + 1)


def _is_seen_after_change(call: ast.Call) -> bool:
    """``scale.copy_(x).view_as(y)``, ``mask.scatter_(1, i, 1).float()``: the change is made, and nothing
    is lost with another look at it."""
    func = call.func
    changed = func.value if isinstance(func, ast.Attribute) and func.attr in (*_VIEWS, *_MOVES) else None
    method = changed.func if isinstance(changed, ast.Call) else None
    return isinstance(method, ast.Attribute) and method.attr.endswith("_") and not method.attr.endswith("__")


def _is_weight(facts: FileFacts, owner: ast.expr) -> bool:
    """``m.weight`` or ``m.weight.data`` of what surely is some Module: a tensor under any name."""
    if isinstance(owner, ast.Attribute) and owner.attr == "data":
        owner = owner.value
    if not isinstance(owner, ast.Attribute) or owner.attr not in ("weight", "bias"):
        return False
    return facts.kind_of(owner.value).is_module and not facts.kind_of(owner).known


def _is_result(facts: FileFacts, owner: ast.expr) -> bool:
    """``p.data.mul(decay)`` before ``.add_(q)``: a new tensor is changed in place, and nobody has it."""
    if not isinstance(owner, ast.Call) or not isinstance(owner.func, ast.Attribute) or owner.func.attr not in _RECKONS:
        return False
    return facts.kind_of(owner.func.value).what in _TENSORS and facts.qualify(owner.func) is None


def _is_once_tensor(facts: FileFacts, owner: ast.Name) -> bool:
    """``h = torch.zeros(...)`` before the loop in which a model goes on giving the same name."""
    scope = facts.scope_of(owner)
    begun = [
        one.value
        for one in scope.assignments
        if any(getattr(target, "id", "") == owner.id for target in facts.targets(one))
    ]
    return any(value is not None and facts.creation(value) is not None for value in begun)


def _is_for_nothing(facts: FileFacts, statement: ast.Expr, call: ast.Call) -> bool:
    """``torch.mm(x, y)`` of tensors that are made for it and read nowhere else: it is the work that is
    wanted, to warm up or to measure something."""
    func = call.func
    given = [*call.args, *([] if facts.qualify(func) or not isinstance(func, ast.Attribute) else [func.value])]
    tensors = [one for one in given if facts.kind_of(one).what in _TENSORS]
    return bool(tensors) and all(_is_thrown_away(facts, statement, one) for one in tensors)


def _is_thrown_away(facts: FileFacts, statement: ast.Expr, tensor: ast.expr) -> bool:
    """Whether a tensor is made in the statement, or has a name that no other statement reads."""
    if isinstance(tensor, ast.Call):
        return facts.creation(tensor) is not None
    if not isinstance(tensor, ast.Name) or facts.is_argument(tensor):
        return False
    values = facts.reach(tensor)
    scope = facts.scope_of(tensor)
    return bool(values) and all(facts.creation(one) is not None for one in values or ()) and not any(
        node.id == tensor.id and isinstance(node.ctx, ast.Load) and facts.statement(node) is not statement
        for inner in scope.within()
        for node in inner.nodes(ast.Name)
    )


def _ends_cell(facts: FileFacts, statement: ast.Expr) -> bool:
    """``weights.sum(dim=1)`` as the last of a script, or before a gap or a mark of its own code."""
    if not isinstance(facts.parent(statement), ast.Module):
        return False
    end = statement.end_lineno or statement.lineno
    below = [line.strip() for line in facts.ast_lines[end : end + 3]]
    gap = next((i for i, line in enumerate(below) if line), len(below))
    return gap >= 2 or gap == len(below) or _NEXT_CELL.match(below[gap]) is not None


def _shown(call: ast.Call) -> str:
    """The call in a few words, never cut in the middle: ``scores.masked_fill(...)``."""
    func = ast.unparse(call.func)
    texts = (ast.unparse(call), f"{func}(...)", f"....{func.rpartition('.')[2]}(...)")
    return next((text for text in texts if len(text) <= 50), texts[-1])


class ResultDiscarded(Rule):
    code = "LP208"
    level = Level.ERROR
    words = ("torch",)

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for statement in facts.nodes(ast.Expr):
            call = statement.value
            if not isinstance(call, ast.Call) or self._meant(facts, call) or _ends_cell(facts, statement):
                continue
            shown = self._dropped(facts, call)
            if not shown or _is_for_nothing(facts, statement, call):
                continue
            owner = call.func.value if isinstance(call.func, ast.Attribute) else None
            cure, fix = "use or assign it", None
            if facts.qualify(call.func) is not None and call.args:
                owner = call.args[0]
            if isinstance(owner, (ast.Name, ast.Attribute)):
                name, text = ast.unparse(owner), facts.source_of(call)
                raw = isinstance(owner, ast.Attribute) and owner.attr == "data"
                if facts.kind_of(owner).is_parameter or _is_weight(facts, owner) and not raw:
                    cure = "keep the Parameter and use the result, or change it in place under no_grad"
                else:
                    whole = shown == ast.unparse(call)
                    cure = f"write `{name} = {shown}`" if whole else f"assign the result to `{name}`"
                    if call.lineno == call.end_lineno:
                        fix = Fix(facts.place(statement), f"{name} = {text}", "assign the result")
            said = f"`{shown}` returns a new tensor, and it is dropped: {cure}"
            if isinstance(call.func, ast.Attribute) and call.func.attr.endswith("_") and isinstance(owner, ast.Call):
                first = ast.unparse(owner.func)
                said = (
                    f"`{first}(...)` returns a new tensor, which `{call.func.attr}` changes and nobody has: "
                    f"write `{first}_(...)`"
                )
            yield self.report(
                facts,
                statement,
                said,
                fix=fix,
                subject=facts.subject(statement),
            )

    def _dropped(self, facts: FileFacts, call: ast.Call) -> str:
        shown = _shown(call)
        name = facts.qualify(call.func)
        if name is not None:
            inside = facts.phase(call) == "forward" or (
                bool(call.args) and facts.kind_of(call.args[0]).what in _TENSORS
            ) or self._goes_on(facts, call, name)
            return shown if inside and facts.is_pure_function(name) else ""
        if not isinstance(call.func, ast.Attribute):
            return ""
        method, owner = call.func.attr, call.func.value
        if method.endswith("_") and not method.startswith("_"):
            return shown if _is_result(facts, owner) else ""
        kind = facts.kind_of(owner)
        if method == "type" and call.args and kind.what in _TENSORS and not kind.member:
            return shown  # without an argument it only tells which
        if not facts.is_pure_method(method) or _is_seen_after_change(call):
            return ""
        if _is_weight(facts, owner) and method not in _MOVES:
            return shown
        if kind.what in _TENSORS and not (kind.is_parameter and kind.member == "*" and method in _MOVES):
            return shown
        if any(one.what not in (*_TENSORS, "unknown") for one in kind.every()) or not isinstance(owner, ast.Name):
            return ""
        if method in _ONLY_TENSORS_ANYWHERE and facts.is_argument(owner):
            return shown
        if method in _ONLY_TENSORS and _is_once_tensor(facts, owner):
            return shown
        only = method in _ONLY_TENSORS or any(word.arg in _TENSOR_WORDS for word in call.keywords)
        if method in _SHAPED and len(call.args) > 1 and facts.phase(call) == "forward" and _is_output(facts, owner):
            return shown
        if only and facts.phase(call) == "forward":
            # A state that a model hands out may cut its history in place.
            if facts.is_argument(owner) or (method != "detach" and _is_output(facts, owner)):
                return shown
        return shown if facts.is_used_as_tensor(owner) else ""

    def _goes_on(self, facts: FileFacts, call: ast.Call, name: str) -> bool:
        """Whether a method of a Module drops ``torch.clamp(x, -1, 1)`` and goes on with ``x``."""
        cls, given = facts.class_around(call), call.args[0] if call.args else None
        if cls is None or not cls.is_module or not isinstance(given, ast.Name):
            return False
        if name.removeprefix("torch.").removeprefix("nn.functional.") not in _CHANGES:
            return False
        found = facts.definitions(given)
        return bool(found) and any(
            use.id == given.id and use.lineno > (call.end_lineno or 0) and facts.definitions(use) == found
            for use in facts.scope_of(call).nodes(ast.Name)
            if isinstance(use.ctx, ast.Load)
        )

    def _meant(self, facts: FileFacts, call: ast.Call) -> bool:
        if any(keyword.arg in (None, "out") for keyword in call.keywords) or facts.may_work_in_place(call):
            return True
        for condition in facts.conditions(call):
            if condition.what in ("try", "except", "function"):
                return True
            if condition.what == "with" and condition.test is not None:
                target = condition.test.func if isinstance(condition.test, ast.Call) else condition.test
                name = facts.qualify(target) or ""
                if not name.startswith("torch.") or "profiler" in name:
                    return True
        scope = facts.scope_of(call)
        return bool(_MEASURES.search(scope.name) or _BENCHES.search(scope.qualname))

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        probes = run.probes_at(finding, "discarded")
        for probe in probes:
            if not probe.same:
                said = probe.text or "the line returned another tensor"
                return run.confirmed(f"{said}, which nobody took")
        if probes:
            return run.refuted(finding, "the line changed its object in place")
        return None
