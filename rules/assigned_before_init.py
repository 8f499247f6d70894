"""A Parameter, layer or buffer is assigned before the parent's ``__init__`` has run.

``nn.Module.__init__`` creates the tables in which parameters, buffers and submodules are kept.
Until it has run there is nowhere to register them, and torch refuses. Plain numbers and tensors
are fine before it.

Bad::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self, dim):
            self.fc = nn.Linear(dim, dim)
            super().__init__()

        def forward(self, x):
            return self.fc(x)

Good::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.fc = nn.Linear(dim, dim)

        def forward(self, x):
            return self.fc(x)

Run::

    Net(4)(torch.randn(2, 4))

Says: cannot assign module before Module.__init__() call

Silent when: what is assigned is no Parameter, Module or buffer, some path has called a parent's
``__init__`` already, or none is ever called (then that is what is reported).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Step, Verification

if TYPE_CHECKING:
    from lint_params.evidence import Run
    from lint_params.facts import ClassFacts, FileFacts, Member

_WHAT = {"parameter": "a Parameter", "module": "a Module", "buffer": "a buffer"}
_REGISTER = ("register_parameter", "register_buffer", "add_module", "register_module")


class AssignedBeforeInit(Rule):
    code = "LP304"
    level = Level.ERROR
    words = ("__init__",)

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for cls in facts.module_classes:
            if not cls.parent_init_calls or cls.init is None:
                continue
            line = min(call.lineno for call in cls.parent_init_calls)
            for member in self._early(cls):
                what = member.how if member.how in _REGISTER else _WHAT.get(member.kind.what, "")
                place = member.node if member.scope is cls.init else self._call(cls, member)
                said = f"self.{member.name}" if member.name else "this"
                yield self.report(
                    facts,
                    place or member.node,
                    f"`{said}` is {what} and is set before the parent's `__init__` runs "
                    f"(line {line}): call `super().__init__()` first",
                    trace=(Step(line, "the parent's __init__ is called here"),),
                    subject=cls.qualname,
                    details={"lines": [member.node.lineno]},
                )

    def _early(self, cls: ClassFacts) -> Iterator[Member]:
        for members in [*cls.members.values(), cls.dynamic_members]:
            for member in members:
                registers = member.how in _REGISTER
                if member.how == "declared" or not (registers or member.kind.what in _WHAT):
                    continue
                if member.kind.what == "buffer" and not registers and not _is_buffer_call(member):
                    continue
                if member.before_super:
                    yield member
                elif member.scope is not cls.init and self._call(cls, member) is not None:
                    if not member.conditions:
                        yield member

    def _call(self, cls: ClassFacts, member: Member) -> ast.Call | None:
        """A call of the member's method that surely comes before the parent's ``__init__``."""
        assert cls.init is not None
        for call in cls.init.nodes(ast.Call):
            name = cls.facts.self_attribute(call.func)
            if name is not None and name == member.method and cls.facts.before_super(call):
                found = cls.method(name)
                if found is not None and found[1] is member.scope:
                    return call
        return None

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        lines = {*finding.details["lines"], finding.place.line}
        failure = run.failure_at(lines, "before Module.__init__() call", "has no attribute '_")
        if failure is not None:
            return run.confirmed_by(failure)
        if run.ok("construct"):
            return run.refuted(finding, "the constructor ran")
        return None


def _is_buffer_call(member: Member) -> bool:
    return isinstance(member.value, ast.Call) and member.kind.torch == "torch.nn.Buffer"
