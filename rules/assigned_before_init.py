"""A Parameter, layer or buffer is assigned before the parent's ``__init__`` has run.

``nn.Module.__init__`` creates the tables in which parameters, buffers and submodules are kept.
Until it has run there is nowhere to register them, and torch refuses. Plain numbers and tensors
are fine before it; to delete any is not. Where it runs a second time (``A.__init__(self)`` and then ``B.__init__(self)``,
both Modules) the tables are made anew, and what was registered in between is lost without a word.

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
#: What asks the tables of a Module.
_TABLES = frozenset(
    "parameters named_parameters modules named_modules children named_children buffers named_buffers "
    "state_dict apply".split()
)
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
                done = "is deleted" if member.how == "delete" else f"is {what} and is set"
                yield self.report(
                    facts,
                    place or member.node,
                    f"`{said}` {done} before the parent's `__init__` runs "
                    f"(line {line}): call `super().__init__()` first",
                    trace=(Step(line, "the parent's __init__ is called here"),),
                    subject=cls.qualname,
                    details={"lines": [member.node.lineno] if member.cls.facts is facts else []},
                )

            yield from self._asked(facts, cls, line)
            yield from self._lost(facts, cls)

    def _asked(self, facts: FileFacts, cls: ClassFacts, line: int) -> Iterator[Finding]:
        """``self.named_parameters()`` before there is anything to ask."""
        assert cls.init is not None
        for call in cls.init.nodes(ast.Call):
            name = facts.self_attribute(call.func)
            if name in _TABLES and cls.method(name) is None and facts.before_super(call):
                if any(one.what in ("try", "except") for one in facts.conditions(call)):
                    continue
                yield self.report(
                    facts,
                    call,
                    f"`self.{name}()` asks for what the parent's `__init__` has not made yet (line {line}): "
                    "call `super().__init__()` first",
                    trace=(Step(line, "the parent's __init__ is called here"),),
                    subject=cls.qualname,
                    details={"lines": [call.lineno]},
                )

    def _lost(self, facts: FileFacts, cls: ClassFacts) -> Iterator[Finding]:
        """Members that a second run of ``Module.__init__`` throws away."""
        calls = [c for c in cls.parent_init_calls if facts.scope_of(c) is cls.init and not facts.conditions(c)]
        calls = sorted((c for c in calls if _sets_up(facts, cls, c)), key=lambda call: call.lineno)
        for first, second in zip(calls, calls[1:]):
            names = sorted(_registered(facts, cls, first, second))
            if not names:
                continue
            shown = ", ".join(f"`{name}`" for name in names[:3])
            yield self.report(
                facts,
                second,
                f"this sets up the Module a second time: {shown} of line {first.lineno} and after, registered "
                "already, are lost; call every parent by one `super().__init__()`",
                trace=(Step(first.lineno, "the Module is set up here"),),
                subject=cls.qualname,
                details={"lines": [second.lineno], "lost": names},
            )
            return

    def _early(self, cls: ClassFacts) -> Iterator[Member]:
        every = [one for base in cls.mro for one in (*base.members.values(), base.dynamic_members)]
        for members in every:
            for member in members:
                if member.how == "delete" and not _surely_deletes(cls, member):
                    continue
                registers = member.how in (*_REGISTER, "delete")
                if member.how == "declared" or not (registers or member.kind.what in _WHAT):
                    continue
                if member.kind.what == "buffer" and not registers and not _is_buffer_call(member):
                    continue
                if member.kind.annotated and (_is_called(member) or _may_be_left_out(member)) or _goes_past(member):
                    continue
                if member.cls is cls and member.before_super:
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
        lost = finding.details.get("lost", [])
        if lost and run.ok("construct"):
            held = {tensor.name.partition(".")[0] for tensor in run.tensors("construct", "parameter")}
            gone = [name for name in lost if name not in held]
            if gone:
                return run.confirmed(f"{', '.join(gone)} are not in parameters()")
            return run.refuted(finding, "they are in parameters()")
        lines = {*finding.details["lines"], finding.place.line}
        failure = run.failure_at(lines, "before Module.__init__() call", "has no attribute '_")
        if failure is not None:
            return run.confirmed_by(failure)
        if run.ok("construct"):
            return run.refuted(finding, "the constructor ran")
        return None


def _surely_deletes(cls: ClassFacts, member: Member) -> bool:
    """``del self.head`` of the constructor itself: nothing is asked first, it is no property, and neither the class
    nor whoever makes its objects has a way of its own."""
    if cls.init is None or member.scope is not cls.init or member.conditions or cls.method(member.name) is not None:
        return False
    before = (call for call in cls.init.nodes(ast.Call) if call.lineno < member.node.lineno)
    handed = (arg for call in before for arg in call.args if isinstance(arg, ast.Name))
    if any(arg.id == cls.init.instance_name for arg in handed):
        return False  # to what may set it up
    return cls.method("__delattr__") is None and not cls.may_be_set_up


def _goes_past(member: Member) -> bool:
    """``self.__dict__["teacher"] = model`` registers nothing."""
    return member.how == "setattr" and isinstance(member.node, (ast.Assign, ast.AnnAssign))


def _is_called(member: Member) -> bool:
    """``block(in_channels=...)`` of an argument that is said to be a Module: it is a class of them."""
    value = member.value
    return isinstance(value, ast.Name) and any(
        isinstance(call.func, ast.Name) and call.func.id == value.id for call in member.scope.nodes(ast.Call)
    )


def _may_be_left_out(member: Member) -> bool:
    """An argument that is said to be a Module, and that is None or a class where nobody gives one."""
    value = member.value
    known = member.cls.facts.definitions(value) if isinstance(value, ast.Name) else None
    return member.kind.optional or any(one.how == "argument" and one.value is not None for one in known or ())


def _is_buffer_call(member: Member) -> bool:
    return isinstance(member.value, ast.Call) and member.kind.torch == "torch.nn.Buffer"


def _sets_up(facts: FileFacts, cls: ClassFacts, call: ast.Call) -> bool:
    """Whether a call of a parent's ``__init__`` surely comes to ``Module.__init__``."""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    if isinstance(owner, ast.Call):
        base = cls.bases[0] if cls.bases else None
        return base.startswith("torch.nn.") if isinstance(base, str) else _runs_up(base)
    if owner is None:
        return False
    return (facts.qualify(owner) or "").startswith("torch.nn.") or _runs_up(facts.class_of(owner))


def _runs_up(cls: ClassFacts | None) -> bool:
    if cls is None or not cls.is_module or not cls.bases_complete:
        return False
    found = cls.method("__init__")
    if found is None:
        return True
    return any(not found[0].facts.conditions(call) for call in found[0].parent_init_calls)


def _registered(facts: FileFacts, cls: ClassFacts, first: ast.Call, second: ast.Call) -> set[str]:
    """What is registered by the first call, or between the two, and not after them."""
    names = set()
    for name, members in cls.members.items():
        own = [m for m in members if m.scope is cls.init and not m.is_declaration]
        if any(m.node.lineno > second.lineno for m in own):
            continue
        between = [m for m in own if first.lineno < m.node.lineno < second.lineno]
        if any(m.how in _REGISTER or m.kind.what in ("parameter", "module") for m in between):
            names.add(name)
    owner = first.func.value if isinstance(first.func, ast.Attribute) else None
    above = facts.class_of(owner) if owner is not None and not isinstance(owner, ast.Call) else None
    later = second.func.value if isinstance(second.func, ast.Attribute) else None
    other = facts.class_of(later) if later is not None and not isinstance(later, ast.Call) else None
    if above is not None and other is not None and above is not other and not isinstance(owner, ast.Call):
        if above not in other.mro:
            names |= {
                name
                for name, members in above.members.items()
                if not other.assignments(name) and name not in cls.members
                and any(
                    m.method == "__init__" and not m.conditions and m.kind.what in ("parameter", "module")
                    for m in members
                )
            }
    return names
