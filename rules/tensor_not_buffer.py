"""A plain tensor attribute that forward uses is no buffer.

``model.cuda()`` moves Parameters and buffers, not plain tensors: on the GPU forward fails, and
the tensor is missing from ``state_dict``, so statistics that were gathered in it are lost when
the model is saved. Use ``register_buffer`` (``persistent=False`` for constants).

Bad::

    import torch
    from torch import nn

    class Normalise(nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.mean = torch.zeros(dim)

        def forward(self, x):
            return x - self.mean

Good::

    import torch
    from torch import nn

    class Normalise(nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.register_buffer("mean", torch.zeros(dim))

        def forward(self, x):
            return x - self.mean

Run::

    model = Normalise(4)
    assert "mean" in model.state_dict()
    model.to("meta")(torch.zeros(2, 4, device="meta"))

Silent when: forward moves the tensor where it uses it (``.to(x.device)``, ``type_as``), it only
indexes, meets what has come to the CPU, is read as a number or asked for its shape, is 0-dim and constant, is made on a given
device (not on that of the layers beside it, ``device=None, dtype=None``), goes to code that is
not read or that moves it, or the class moves its tensors itself (``_apply``, ``to``, ``cuda``).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Step, Verification

if TYPE_CHECKING:
    from lint_params.evidence import Run
    from lint_params.facts import ClassFacts, FileFacts, Member, Scope

_OWN = ("_apply", "to", "cuda")
#: Losses whose ``weight`` has a number for each class.
_WEIGHED = tuple(f"torch.nn.functional.{name}" for name in ("cross_entropy", "nll_loss", "multi_margin_loss"))


class TensorNotBuffer(Rule):
    code = "LP310"
    level = Level.WARNING
    words = ("forward",)

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for cls in facts.module_classes:
            if any(_moves(one, name) for one in cls.mro for name in _OWN if name in one.methods):
                continue
            scopes = [scope for owner, scope in cls.called_from("forward") if owner is cls]
            for name, members in cls.members.items():
                first = self._plain(facts, cls, name, members)
                if first is None:
                    continue
                read = self._read(facts, cls, name, scopes)
                if read is None:
                    continue
                kept = any(scope is m.scope for m in members for scope in scopes)
                if not kept and self._is_number(facts, first) and not _weighs_classes(facts, read):
                    continue
                lost = "its updates are lost when the model is saved, and " if kept else ""
                cure = f'use self.register_buffer("{name}", ...)'
                if _asks_gradients(first.value) or self._is_initialised(cls, name):
                    lost, cure = "no optimizer gets it, and ", "make it an nn.Parameter"
                yield self.report(
                    facts,
                    first.node,
                    f"`self.{name}` is a plain tensor that forward uses: {lost}it stays behind "
                    f"when the model moves to a GPU; {cure}",
                    trace=(Step(read.lineno, f"forward uses `self.{name}` here"),),
                    subject=cls.qualname,
                    details={"attribute": name},
                )

    def _plain(self, facts: FileFacts, cls: ClassFacts, name: str, members: list[Member]) -> Member | None:
        """The first tensor, on no device, where every assignment, here and in bases, gives one, or in its
        stead None or a number."""
        none = ("assign", "register_parameter")
        given = [m for m in members if m.how != "declared" and not (m.how in none and m.kind.what == "none")]
        if len(given) > 1 and not _asks_for_types(cls):
            given = [m for m in given if m.kind.what != "number" or not m.conditions]
        first = given[0] if given else None
        if first is None or len(cls.assignments(name)) != len(members) or not first.kind.known:
            return None
        if first.method not in cls.reached_from_init or any(m.how != "assign" for m in given):
            return None
        if first.method != "__init__" and _is_looked_after(cls):
            return None
        if any(not m.kind.may_be("tensor", "unknown", "none") for m in given):
            return None
        if any(facts.is_moved(member.value) for member in given[1:]):
            return None
        return first if facts.made_on_default_device(first.kind) else None

    def _is_initialised(self, cls: ClassFacts, name: str) -> bool:
        """``nn.init.normal_(self.w)``: a weight."""
        facts = cls.facts
        return any(
            write.how == "init" and facts.self_attribute(write.target) == name
            for method in cls.scope.children if method.is_function
            for write in facts.writes_in(method)
        )

    def _is_number(self, facts: FileFacts, member: Member) -> bool:
        kind = facts.root(member.kind)
        made = facts.creation(kind.node) if isinstance(kind.node, ast.Call) else None
        if made is None or member.value is not None and _is_difference(facts, member.value):
            return True
        # torch.tensor(x) of an x that is not written out is most often a number.
        listed = isinstance(made.data, (ast.List, ast.Tuple, ast.ListComp))
        return made.shape == () or (made.shape is None and made.data is not None and not listed)

    def _read(
        self, facts: FileFacts, cls: ClassFacts, name: str, scopes: list[Scope]
    ) -> ast.Attribute | None:
        """A use in forward that needs the tensor where the input is; None if it is moved."""
        found: ast.Attribute | None = None
        for top in scopes:
            for scope in top.within():
                for node in scope.nodes(ast.Attribute):
                    if node.attr != name or facts.self_attribute(node) != name:
                        continue
                    if not isinstance(node.ctx, ast.Load):
                        if facts.is_given_moved(node):
                            return None
                        continue
                    use = "asked" if facts.goes_back(node) else facts.device_use(node)
                    if use == "moved":
                        return None
                    if use == "used" and found is None and not _is_made_here(facts, node):
                        found = node
        return found

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        name = finding.details["attribute"]
        failure = run.left_behind()
        if failure is not None and failure.passes(step.line for step in finding.trace):
            return run.confirmed_by(failure)
        kept = {t.kind for phase in ("construct", "forward") for t in run.named(name, phase)}
        if "attribute" in kept:
            return run.confirmed(f"{name} is a plain tensor, absent from buffers() and state_dict()")
        if kept:
            return run.refuted(finding, f"{name} is registered")
        return None


def _asks_for_types(cls: ClassFacts) -> bool:
    """Whether a class asks what it has: ``isinstance(self.scale, float)``, ``torch.is_tensor(...)``."""
    calls = (call for scope in cls.scope.within() for call in scope.nodes(ast.Call))
    return any(ast.unparse(call.func).endswith(("isinstance", "is_tensor")) for call in calls)


def _is_looked_after(cls: ClassFacts) -> bool:
    """Whether a base that runs the method may choose the device around it, or go over what it made."""
    scopes = [scope for one in cls.mro[1:] for scope in one.scope.within()]
    words = ("__dict__", "__setattr__", "register_buffer", "register_parameter")
    return any(
        bool(scope.nodes(ast.With))
        or any(node.attr in words or node.attr.endswith("_hook") for node in scope.nodes(ast.Attribute))
        or any(node.id in ("vars", "setattr", "dir") for node in scope.nodes(ast.Name))
        for scope in scopes
    )


def _moves(cls: ClassFacts, name: str) -> bool:
    """Whether a ``to`` of a class's own may move what is no buffer: one that only asks questions
    before it calls ``super().to(...)`` does not."""
    method = cls.methods[name]
    calls = method.nodes(ast.Call)
    if name == "_apply" or not any(cls.facts.super_call(call) == name for call in calls):
        return True
    if any(not isinstance(node.ctx, ast.Load) or node.attr == "__dict__" for node in method.nodes(ast.Attribute)):
        return True
    return any(_hands_itself(method, call) for call in calls if cls.facts.super_call(call) is None)


def _hands_itself(method: Scope, call: ast.Call) -> bool:
    """Whether a call may do anything to the object: one of its own methods, or one that is given it."""
    called = call.func
    if isinstance(called, ast.Name) and called.id in ("isinstance", "getattr", "hasattr", "type", "super"):
        return False
    given = [called.value if isinstance(called, ast.Attribute) else called, *call.args, *(k.value for k in call.keywords)]
    return any(isinstance(one, ast.Name) and one.id == method.instance_name for one in given)


def _weighs_classes(facts: FileFacts, read: ast.Attribute) -> bool:
    """``F.cross_entropy(scores, y, weight=self.w)``: one number for each class, never one for all."""
    keyword = facts.parent(read)
    call = facts.parent(keyword) if isinstance(keyword, ast.keyword) and keyword.arg == "weight" else None
    return isinstance(call, ast.Call) and facts.qualify(call.func) in _WEIGHED


def _is_made_here(facts: FileFacts, read: ast.Attribute) -> bool:
    """Whether the same function gives the attribute another tensor first, in any case or in this one."""
    around = {(one.what, one.node) for one in facts.conditions(read)}
    return any(
        node.attr == read.attr
        and not isinstance(node.ctx, ast.Load)
        and node.lineno < read.lineno
        and facts.self_attribute(node) is not None
        and {(one.what, one.node) for one in facts.conditions(node)} <= around
        and not isinstance(facts.parent(node), ast.AugAssign)
        for node in facts.scope_of(read).nodes(ast.Attribute)
    )


def _is_difference(facts: FileFacts, value: ast.expr) -> bool:
    """``k * (row[1] - row[0])``: numbers of a row, and what is reckoned from them."""
    if isinstance(value, ast.BinOp):
        return _is_difference(facts, value.left) and _is_difference(facts, value.right)
    if isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Constant):
        rows = facts.reach(value.value) or [value.value]
        return type(value.slice.value) is int and all(isinstance(r, ast.Call) and facts.is_row(r) for r in rows)
    return not facts.kind_of(value).may_be("tensor", "buffer", "parameter")


def _asks_gradients(value: ast.expr | None) -> bool:
    """``torch.zeros(n, requires_grad=True)``: it is meant to be trained."""
    return value is not None and any(
        isinstance(part, ast.keyword) and part.arg == "requires_grad"
        and isinstance(part.value, ast.Constant) and part.value.value is True
        for part in ast.walk(value)
    )
