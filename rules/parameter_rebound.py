"""A registered Parameter, layer or buffer is given a value that torch refuses.

Once ``self.w`` is a Parameter, the name only takes a Parameter or None: assigning the result of
a computation raises; a buffer takes no number, list or numpy array. To change the value write
into it under ``torch.no_grad()``; to use a computed value give it another name.

Bad::

    import torch
    from torch import nn

    class Cell(nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.beta = nn.Parameter(torch.full((dim,), 0.9))

        def forward(self, x):
            with torch.no_grad():
                self.beta = self.beta.clamp(0, 1)
            return x * self.beta

Good::

    import torch
    from torch import nn

    class Cell(nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.beta = nn.Parameter(torch.full((dim,), 0.9))

        def forward(self, x):
            with torch.no_grad():
                self.beta.clamp_(0, 1)
            return x * self.beta

Run::

    Cell(4)(torch.randn(2, 4))

Says: cannot assign 'torch.FloatTensor' as parameter 'beta' (torch.nn.Parameter or None expected)

Silent when: the name is a Parameter on one branch and a tensor on the other, it is deleted in
between, it is a property, the call may give back the Parameter itself (``.to(device)``), or the
new value is not known.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Step, Verification

if TYPE_CHECKING:
    from lint_params.evidence import Run
    from lint_params.facts import ClassFacts, FileFacts, Kind, Member

_REGISTERED = ("parameter", "module", "buffer")
_PLAIN = ("function", "string", "list", "tuple", "dict", "set")
_ARRAYS = tuple(f"numpy.{name}" for name in "array asarray zeros ones full arange linspace stack concatenate".split())
_NO_OPS = frozenset("to float cpu contiguous type type_as requires_grad_ pin_memory cuda".split())
#: What takes a layer's weight away or makes it a computed value.
_REWRITES = (
    *(f"torch.nn.utils.{name}" for name in "weight_norm spectral_norm remove_ parametr prune fus stateless".split()),
    "torch.ao.",
    "torch.quantization",
)


class ParameterRebound(Rule):
    code = "LP306"
    level = Level.ERROR
    words = ("Parameter", "register_buffer", "nn", "Module")

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for cls in facts.module_classes:
            for name, members in cls.members.items():
                yield from self._attribute(facts, cls, name, members)
        if not any(name.startswith(_REWRITES) for name in facts.calls):
            yield from self._of_others(facts)

    def _attribute(
        self, facts: FileFacts, cls: ClassFacts, name: str, members: list[Member]
    ) -> Iterator[Finding]:
        everything = cls.assignments(name)
        if len(everything) < 2 or any(member.how == "delete" for member in everything) or cls.is_property(name):
            return
        first = next((m for m in everything if self._registers(m)), None)
        always = first is not None
        first = first or self._on_some_branch(everything)
        if first is None:
            return
        declared = {"register_parameter": "parameter", "register_buffer": "buffer"}
        kind = declared.get(first.how, first.kind.what)

        def refused(member: Member) -> bool:
            return self._refused(kind, member) or _is_its_output(facts, everything, member)

        if not any(m.how == "assign" and refused(m) for m in members if m is not first):
            return
        if _removes(cls, name):
            return
        for member in members:
            if member is first or member.how != "assign" or not refused(member):
                continue
            if not (always or facts.comes_by(first, member) or _needs_itself(facts, member)):
                continue
            if member.scope is first.scope and member.node.lineno <= first.node.lineno:
                continue
            if member.method == "__init__" and first.cls is not cls and member.before_super:
                continue
            what = {"parameter": "a Parameter", "module": "a Module"}.get(kind, "a buffer")
            advice = {
                "parameter": "write into it under torch.no_grad() "
                "(copy_, clamp_, ...) or use another name",
                "module": "use another name, or a layer",
            }.get(kind, "a buffer takes a tensor or None")
            number = member.value is not None and facts.is_number(member.value)
            what_given = "function" if _is_function(member) else member.kind.what
            said = "a number" if number else f"a {what_given}" if what_given in _PLAIN else "a plain tensor"
            if member.value is not None and _is_array(facts, member.value):
                said = "a numpy array"
            trace = (Step(first.node.lineno, f"`self.{name}` is registered here"),)
            yield self.report(
                facts,
                member.node,
                f"`self.{name}` is {what} and cannot be given {said}: {advice}",
                trace=trace if first.cls is cls else (),
                subject=cls.qualname,
                details={"attribute": name},
            )

    def _on_some_branch(self, everything: list[Member]) -> Member | None:
        """One that registers under a condition, where everything else leaves None or nothing."""
        made = [m for m in everything if m.method == "__init__" and m.how != "declared"]
        sure = [m for m in made if self._registers(m, conditions=True)]
        kinds = {m.kind.what for m in sure if m.kind.what != "none"}
        others = [m for m in made if m not in sure and not any(m.cls.facts.comes_by(one, m) for one in sure)]
        if not sure or len(kinds) > 1 or any(m.kind.what != "none" for m in others):
            return None
        return next((m for m in sure if m.kind.what != "none"), sure[0])

    def _registers(self, member: Member, conditions: bool = False) -> bool:
        """Surely registered in every instance: in ``__init__``, under no condition."""
        if member.method != "__init__" or (member.conditions and not conditions):
            return False
        if member.how in ("register_parameter", "register_buffer"):
            return True
        if member.how not in ("assign", "add_module", "register_module"):
            return False
        kind = member.kind
        return kind.what in _REGISTERED and (conditions or not kind.optional) and not _is_weak(kind, member)

    def _refused(self, registered: str, member: Member) -> bool:
        facts = member.cls.facts
        if member.value is not None and (facts.is_number(member.value) or _is_array(facts, member.value)):
            return True
        if registered == "buffer":
            plain = member.kind.what in _PLAIN and not member.kind.annotated and not member.kind.optional
            return plain or _is_function(member)
        if registered == "parameter" and isinstance(member.value, ast.BinOp):
            return True  # whatever the two are: no Parameter comes out
        if member.kind.annotated or member.kind.optional or _may_be_itself(facts, member.value):
            return False
        return member.kind.is_tensor or member.kind.what in _PLAIN or _is_function(member)

    def _of_others(self, facts: FileFacts) -> Iterator[Finding]:
        """``model.fc.weight = torch.zeros(...)``, ``setattr(self.fc, "weight", w)``."""
        for owner, name, value, node in _given_to_others(facts):
            if facts.self_attribute(value) == name or _may_be_itself(facts, value):
                continue
            kind, given = facts.kind_of(owner), facts.kind_of(value)
            computed = _is_computed_from(owner, name, value)
            if not all(self._is_parameter_of(facts, one, name, computed) for one in kind.every()):
                continue
            if _is_taken_away(facts, name):
                continue
            if not computed and (not given.is_tensor or given.annotated):
                continue
            yield self.report(
                facts,
                node,
                f"`{ast.unparse(owner)}.{name}` is a Parameter and cannot be given a plain tensor: wrap "
                "it in nn.Parameter(...), or copy into it under torch.no_grad()",
                subject=facts.subject_of(node),
                details={"attribute": name},
            )

    def _is_parameter_of(self, facts: FileFacts, owner: Kind, name: str, annotated: bool = False) -> bool:
        """Whether a layer of torch, or a Module of the project, surely has this Parameter; of what is
        only ``annotated`` as one, if that is enough."""
        if owner.layer:  # every Parameter of a torch layer is called so
            known = "weight" in name or "bias" in name
            return known and not owner.layer.startswith("Lazy") and facts.is_parameter_of(owner, name)
        cls = owner.cls if owner.is_module and (annotated or not owner.annotated) else None
        if cls is None or owner.annotated and any(name in one.members for one in cls.subclasses):
            return False
        if any(m.how == "delete" for m in cls.assignments(name)) or _removes(cls, name):
            return False
        return any(self._registers(m) and m.kind.is_parameter for m in cls.assignments(name))

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        failure = run.failure_at(
            range(finding.place.line, finding.place.end_line + 1), "cannot assign"
        )
        if failure is not None:
            return run.confirmed_by(failure)
        return run.refuted(finding, "the assignment went through") if run.ran(finding) else None


def _given_to_others(facts: FileFacts) -> Iterator[tuple[ast.expr, str, ast.expr, ast.AST]]:
    """Owner, name, value and place of what attributes of other objects are given."""
    for write in facts.writes:
        target = write.target
        if write.how == "bind" and not write.through and write.value is not None:
            if isinstance(target, ast.Attribute) and not facts.self_attribute(target):
                yield target.value, target.attr, write.value, write.node
    for call in facts.calls_of("builtins.setattr"):
        owner = call.args[0] if len(call.args) == 3 else None
        if owner is not None and not (
            isinstance(owner, ast.Name) and owner.id == facts.scope_of(call).instance_name
        ):
            names = facts.words(call.args[1]) or ()
            yield from ((owner, str(name), call.args[2], call) for name in names[:1])


def _is_computed_from(owner: ast.expr, name: str, value: ast.expr) -> bool:
    """``fast.w = fast.w - lr * grad``: whatever comes out is no Parameter."""
    if not isinstance(value, ast.BinOp):
        return False
    whole = f"{ast.unparse(owner)}.{name}"
    return whole in (ast.unparse(value.left), ast.unparse(value.right))


def _is_taken_away(facts: FileFacts, name: str) -> bool:
    """Whether the file takes Parameters of that name from their tables, of whatever object."""
    if any(_may_name(facts, call, name, True) for call in facts.calls_of("builtins.delattr")):
        return True
    return any(
        node.attr in ("_parameters", "__dict__") and not _only_reads(facts, node)
        or node.attr == name and isinstance(node.ctx, ast.Del)
        for node in facts.nodes(ast.Attribute)
    )


def _is_function(member: Member) -> bool:
    """``self.act = torch.tanh`` over a layer."""
    name = member.cls.facts.qualify(member.value) if member.value is not None else None
    return name is not None and member.cls.facts.is_pure_function(name)


def _is_array(facts: FileFacts, value: ast.expr) -> bool:
    """``t.cpu().numpy()``, ``np.zeros(n)``, here or under a local name."""
    values = facts.reach(value) if isinstance(value, ast.Name) else [value]
    return bool(values) and all(isinstance(one, ast.Call) and _gives_array(facts, one) for one in values or ())


def _gives_array(facts: FileFacts, call: ast.Call) -> bool:
    """Whatever has a method ``numpy``, a tensor comes out only of what the project has written."""
    if isinstance(call.func, ast.Attribute) and call.func.attr == "numpy":
        return not facts.kind_of(call.func.value).may_be("module", "object")
    return facts.qualify(call.func) in _ARRAYS


def _is_its_output(facts: FileFacts, everything: list[Member], member: Member) -> bool:
    """``self.norm = self.norm(x)``, where the layer is, or may be, one of torch's that return a tensor."""
    called = member.value.func if isinstance(member.value, ast.Call) else None
    own = called is not None and facts.self_attribute(called) == member.name
    return own and member.cls.facts is facts and any(
        one.method == "__init__" and kind.gives_tensor for one in everything for kind in one.kind.every()
    )


def _is_weak(kind: Kind, member: Member) -> bool:
    """Said only by an annotation of a constructor argument: may be None or a subclass."""
    return kind.annotated or (kind.what == "buffer" and kind.torch != "torch.nn.Buffer")


def _may_be_itself(facts: FileFacts, value: ast.expr | None) -> bool:
    """``w.to(device)``, here or as what a function returns: the same Parameter if nothing is to do."""
    if value is None or _is_made(facts, value):
        return False
    home, _, method = facts.kind_of(value).torch.rpartition(".")
    if home == "torch.Tensor" and method in _NO_OPS:
        return True
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in _NO_OPS


def _is_made(facts: FileFacts, value: ast.expr) -> bool:
    """``torch.from_numpy(vectors).float()``: a new tensor, whatever of its kind it becomes."""
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in _NO_OPS:
        value = value.func.value
    return facts.creation(value) is not None and not facts.kind_of(value).is_parameter


def _needs_itself(facts: FileFacts, member: Member) -> bool:
    """``self.w = self.w * k``: where there is no ``self.w``, or None, this fails before."""
    parts = list(ast.walk(member.value)) if member.value is not None else []
    if any(isinstance(part, (ast.IfExp, ast.BoolOp)) for part in parts):
        return False
    return any(
        isinstance(part, ast.Attribute) and part.attr == member.name and facts.self_attribute(part) == member.name
        for part in parts
    )


def _removes(cls: ClassFacts, name: str) -> bool:
    """``delattr(self, name)``, ``self._parameters.pop(name)``, weight_norm and the like."""
    for one in cls.mro:
        for called, calls in one.facts.calls.items():
            if called.startswith(_REWRITES) or called == "builtins.delattr":
                if any(_may_name(one.facts, call, name, cls.facts is one.facts) for call in calls):
                    return True
        for scope in one.scope.within():
            for node in scope.nodes(ast.Attribute):
                if node.attr in ("_parameters", "_buffers", "_modules", "__dict__"):
                    if one.facts.self_attribute(node) and not _only_reads(one.facts, node):
                        return True
                if node.attr in ("__setattr__", "__delattr__"):
                    return True
    return any("__setattr__" in one.methods or one.is_wrapped for one in cls.mro)


def _only_reads(facts: FileFacts, table: ast.Attribute) -> bool:
    """``name in self.__dict__``, ``self._modules.items()``: nothing is taken out."""
    parent = facts.parent(table)
    if isinstance(parent, ast.Subscript):
        return parent.slice is table or isinstance(parent.ctx, ast.Load)
    if isinstance(parent, ast.Attribute):
        return parent.attr in ("get", "keys", "values", "items")
    return isinstance(parent, (ast.Compare, ast.comprehension, ast.For))


def _may_name(facts: FileFacts, call: ast.Call, name: str, here: bool) -> bool:
    """Whether a call that takes a Parameter away may take this one: of this object, or of one that is
    not ``self`` in the same file; the name is written out, computed, or left at "weight"."""
    owner = call.args[0] if call.args else None
    own = isinstance(owner, ast.Name) and owner.id == facts.scope_of(call).instance_name
    if not own and not (here and isinstance(owner, ast.Name)):
        return False
    given = [*call.args[1:], *(keyword.value for keyword in call.keywords)]
    words = [one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    computed = any(not isinstance(one, ast.Constant) for one in given[:1])
    return computed or name in (words or ["weight"])
