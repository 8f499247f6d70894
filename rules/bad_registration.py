"""A registration that torch refuses, or a call of a container that cannot be called.

``register_parameter`` takes a Parameter, not a tensor; a registered name has no dot and is not
empty; ``register_buffer``, ``register_parameter`` and ``add_module`` refuse a name that is
already an attribute, as a ModuleDict refuses ``"keys"``; a trainable Parameter that is registered
as a buffer is in no ``parameters()``; ``ModuleList``, ``ModuleDict`` and ``ParameterList`` hold things and have
no ``forward``.

Bad::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.register_parameter("scale", torch.ones(dim))

        def forward(self, x):
            return x * self.scale

Good::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.register_parameter("scale", nn.Parameter(torch.ones(dim)))

        def forward(self, x):
            return x * self.scale

Run::

    Net(4)(torch.randn(2, 4))

Says: (torch.nn.Parameter or None required)

Silent when: the value or the name is not known, the attribute is set on another branch, is
deleted first, or was registered by the same call before; a class with its own ``forward`` derives
from the container.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Step, Verification

if TYPE_CHECKING:
    from lint_params.evidence import Run
    from lint_params.facts import ClassFacts, FileFacts, Member

_UNCALLABLE = ("ModuleList", "ModuleDict", "ParameterList", "ParameterDict")
_KEYED = ("torch.nn.ModuleDict", "torch.nn.ParameterDict")
_STORE = {
    "register_parameter": "parameter",
    "register_buffer": "buffer",
    "add_module": "module",
    "register_module": "module",
}
_NO_BUFFER = ("list", "tuple", "dict", "set", "number", "string")


class BadRegistration(Rule):
    code = "LP311"
    level = Level.ERROR
    words = ("register_", "add_module", "ModuleList", "ModuleDict", "ParameterList",
             "ParameterDict")

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for cls in facts.module_classes:
            for members in [*cls.members.values(), cls.dynamic_members]:
                for member in members:
                    if member.how in _STORE and isinstance(member.node, ast.Call):
                        yield from self._registration(facts, cls, member, member.node)
        for call in facts.calls_of(*_KEYED):
            yield from self._keys(facts, call)
        yield from self._called(facts)

    def _registration(
        self, facts: FileFacts, cls: ClassFacts, member: Member, call: ast.Call
    ) -> Iterator[Finding]:
        name = facts.argument(call, 0, "name")
        what = _STORE[member.how]
        if name is not None and (problem := _bad_word(facts, name) or _dotted_part(facts, cls, call, name)):
            yield self._finding(facts, cls, call, f"a {what}'s name {problem}", member.name)
            return
        if member.how == "register_parameter" and member.value is not None:
            given = facts.kind_of(member.value)
            if given.is_tensor and not given.annotated:  # a Parameter is a tensor
                yield self._finding(
                    facts,
                    cls,
                    call,
                    f"`register_parameter` takes a Parameter: wrap the tensor of "
                    f"`{member.name or facts.source_of(member.value)}` in nn.Parameter(...)",
                    member.name,
                )
                return
        if member.how == "register_buffer" and isinstance(member.value, ast.Call) and _trains(cls, member.value):
            message = f"{_AS_BUFFER} keeps it out of parameters(): it is never trained; "
            yield self._finding(facts, cls, call, message + "use `register_parameter`, or a plain tensor", member.name)
            return
        plain = facts.kind_of(member.value) if member.value is not None else None
        if member.how == "register_buffer" and plain is not None and plain.what in _NO_BUFFER:
            if not plain.optional and not plain.annotated:
                message = f"`register_buffer` takes a tensor, and this is a {plain.what}: use torch.tensor(...)"
                yield self._finding(facts, cls, call, message, member.name)
                return
        if member.name:
            yield from self._taken(facts, cls, member, call)

    def _taken(
        self, facts: FileFacts, cls: ClassFacts, member: Member, call: ast.Call
    ) -> Iterator[Finding]:
        """The name is an attribute already: a method, a class attribute or an assignment."""
        if any(one.how == "delete" for one in cls.assignments(member.name)):
            return
        if _is_guarded(facts, call):
            return
        if cls.is_property(member.name):
            return  # torch asks it, and what it reads may not be there yet
        method = cls.method(member.name)
        advice = "choose another name"
        if method is not None:
            said, line = "a method of the class", facts.line_of(method[1])
            own = method[0] is cls
        elif facts.is_module_attribute(member.name):
            said, line, own = "an attribute of every Module", 0, False
        else:
            others = cls.assignments(member.name)
            earlier = next((m for m in others if self._comes_first(m, member)), None)
            if earlier is None or _is_registered_too(others, earlier, member):
                return
            kind = "set in the class body" if earlier.how == "class" else "assigned before"
            said, line, own = kind, earlier.node.lineno, True
            advice = "assign nothing to it before"
        yield self._finding(
            facts,
            cls,
            call,
            f"`{member.name}` is {said}, so it cannot be registered as a {_STORE[member.how]}: "
            f"{advice}",
            member.name,
            (Step(line, f"`{member.name}` is {said}"),) if own and line else (),
        )

    def _comes_first(self, earlier: Member, member: Member) -> bool:
        """Whether ``earlier`` surely leaves a plain attribute where ``member`` registers."""
        if earlier.how == "class":
            return True
        if earlier is member or earlier.how != "assign":
            return False
        if earlier.scope is not member.scope:
            if not self._calls_after(earlier, member) and not _called_first(earlier, member):
                return False
        elif not member.cls.facts.comes_by(earlier, member):
            return False
        kind = earlier.kind
        if kind.what == _STORE[member.how]:
            return False  # registered already, under the same table: replaced
        return kind.known and not kind.annotated

    def _calls_after(self, earlier: Member, member: Member) -> bool:
        """Whether the constructor sets the attribute, and then runs the method that registers,
        for the first time."""
        facts, init = member.cls.facts, member.cls.init
        if init is None or earlier.scope is not init or earlier.conditions or member.conditions:
            return False
        if member.scope.owner is not member.cls.scope:
            return False
        calls = [call for call in init.nodes(ast.Call) if facts.self_attribute(call.func) == member.method]
        first = min(calls, key=lambda call: call.lineno, default=None)
        return first is not None and first.lineno > earlier.node.lineno and not facts.conditions(first)

    def _keys(self, facts: FileFacts, call: ast.Call) -> Iterator[Finding]:
        given = call.args[0] if call.args else None
        keys = [given.key] if isinstance(given, ast.DictComp) else getattr(given, "keys", ())
        of_modules = facts.kind_of(call).torch == "torch.nn.ModuleDict"
        for key in keys:
            problem = _bad_word(facts, key) if key is not None else ""
            taken = of_modules and _taken_key(facts, key)
            if taken:
                problem = f"`{taken}` is one of a ModuleDict already"
            if key is not None and problem:
                yield self.report(
                    facts,
                    key,
                    f"a key of {facts.kind_of(call).describe()} becomes an attribute name and "
                    f"{problem}",
                    subject=facts.subject_of(call),
                )

    def _called(self, facts: FileFacts) -> Iterator[Finding]:
        for call in self._suspects(facts):
            kind = facts.declared_kind(call.func)
            if kind.layer not in _UNCALLABLE or kind.annotated:  # None cannot be called either
                continue
            better = "one of its items"
            if kind.layer == "ModuleList":
                better = "nn.Sequential, or loop over it"
            yield self.report(
                facts,
                call,
                f"`{ast.unparse(call.func)}` is an nn.{kind.layer}, which has no forward: call "
                f"{better}",
                subject=facts.subject_of(call),
            )

    def _suspects(self, facts: FileFacts) -> Iterator[ast.Call]:
        """Calls of attributes and local names that are given such a container anywhere."""
        made = facts.calls_of(*(f"torch.nn.{name}" for name in _UNCALLABLE))
        names = {facts.target_of(call) for call in made}
        for cls in facts.module_classes:
            for base in cls.mro:
                names.update(f".{name}" for name in base.submodules)
        for call in facts.nodes(ast.Call) if names else ():
            func = call.func
            if isinstance(func, ast.Name) and func.id in names:
                yield call
            elif isinstance(func, ast.Attribute) and f".{func.attr}" in names:
                yield call

    def _verify_lost(self, run: Run, finding: Finding) -> Verification | None:
        name = str(finding.details.get("attribute") or "")
        if not name or not run.ok("construct"):
            return None
        if any(one.name.rpartition(".")[2] == name for one in run.tensors("construct", "parameter")):
            return run.refuted(finding, f"{name} is in parameters()")
        return run.confirmed(f"{name} is not in parameters()")

    def _finding(
        self,
        facts: FileFacts,
        cls: ClassFacts,
        call: ast.Call,
        message: str,
        name: str,
        trace: tuple[Step, ...] = (),
    ) -> Finding:
        details = {"attribute": name}
        return self.report(
            facts, call, message, trace=trace, subject=cls.qualname, details=details
        )

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        if finding.message.startswith(_AS_BUFFER):
            return self._verify_lost(run, finding)
        failure = run.failure_at(
            range(finding.place.line, finding.place.end_line + 1),
            "cannot assign",
            "already exists",
            't contain "."',
            't be empty string',
            'is missing the required "forward" function',
            "should not be called",
            "not callable",
        )
        if failure is not None:
            return run.confirmed_by(failure)
        return run.refuted(finding, "torch took it") if run.ran(finding) else None


#: What a ModuleDict has besides the attributes of every Module (read off torch 2.13).
_OF_DICTS = ("keys", "values", "items", "pop", "clear", "update")


def _taken_key(facts: FileFacts, key: ast.expr | None) -> str:
    """A key that is the name of a method or an attribute."""
    words = [str(word) for word in facts.words(key) or ()]
    return next((one for one in words if one in _OF_DICTS or facts.is_module_attribute(one)), "")


#: How the message on a Parameter that is registered as a buffer begins.
_AS_BUFFER = "`register_buffer` of a Parameter"


def _bad_word(facts: FileFacts, name: ast.expr) -> str:
    """What is wrong with a name, whatever a local variable for it holds."""
    problems = [_bad_name(facts, one) for one in facts.reach(name) or ()]
    return problems[0] if problems and all(problems) else ""


def _bad_name(facts: FileFacts, name: ast.expr) -> str:
    if isinstance(name, ast.Constant) and isinstance(name.value, str):
        if name.value == "":
            return "cannot be empty"
        return "cannot contain a dot" if "." in name.value else ""
    if isinstance(name, ast.JoinedStr):
        texts = [part.value for part in name.values if isinstance(part, ast.Constant)]
        if any("." in str(text) for text in texts):
            return "cannot contain a dot"
    if isinstance(name, ast.BinOp) and isinstance(name.op, ast.Add):
        return _bad_side(facts, name.left) or _bad_side(facts, name.right)
    if isinstance(name, ast.BinOp) and isinstance(name.op, ast.Mod):
        return _bad_side(facts, name.left, "%.")  # "%.2f" is no dot in the name
    if isinstance(name, ast.Call) and isinstance(name.func, ast.Attribute) and name.func.attr == "format":
        return _bad_side(facts, name.func.value, ":.")
    return ""


def _dotted_part(facts: FileFacts, cls: ClassFacts, call: ast.Call, name: ast.expr) -> str:
    """``self.register_buffer(f"{n}_mean", p)`` in a loop over named parameters of which one surely
    lies in a submodule: ``0.weight``."""
    around = facts.conditions(call)
    loop = around[0].node if around and {one.what for one in around} == {"for"} else None
    pair, source = getattr(loop, "target", None), getattr(loop, "iter", None)
    if not isinstance(pair, ast.Tuple) or not isinstance(pair.elts[0], ast.Name) or not isinstance(source, ast.Call):
        return ""
    func = source.func
    if not isinstance(func, ast.Attribute) or func.attr != "named_parameters" or source.args or source.keywords:
        return ""
    if isinstance(loop, ast.For) and any(isinstance(part, (ast.Continue, ast.Break)) for part in ast.walk(loop)):
        return ""
    parts = [part for one in facts.reach(name) or [name] for part in _joined(one)]
    whole = [one for one in parts if isinstance(one, ast.Name) and one.id == pair.elts[0].id]
    if not any([one.node for one in facts.definitions(part) or ()] == [loop] for part in whole):
        return ""
    kinds = [facts.kind_of(value) for value in _owners(facts, cls, func.value)]
    if kinds and all(any("." in one for one in facts.vector_names(kind)) for kind in kinds):
        return f"cannot contain a dot, as `{pair.elts[0].id}` does for what lies in a submodule"
    return ""


def _joined(name: ast.expr) -> list[ast.expr]:
    """What a name is put together from, each part as it is."""
    if isinstance(name, ast.JoinedStr):
        return [part.value for part in name.values if isinstance(part, ast.FormattedValue)]
    if isinstance(name, ast.BinOp) and isinstance(name.op, ast.Add):
        return [*_joined(name.left), *_joined(name.right)]
    return [name]


def _owners(facts: FileFacts, cls: ClassFacts, owner: ast.expr) -> list[ast.expr]:
    """What the model is whose parameters are named; of an argument, all that the file gives."""
    members = cls.assignments(facts.self_attribute(owner) or "")
    given = members[0].value if len(members) == 1 else None
    values = facts.argument_values(given) if isinstance(given, ast.Name) and members[0].cls.facts is facts else []
    return values or [owner]


def _bad_side(facts: FileFacts, name: ast.expr, but: str = "") -> str:
    if but and isinstance(name, ast.Constant) and but in str(name.value):
        return ""
    problem = _bad_name(facts, name)
    return problem if "dot" in problem else ""


def _trains(cls: ClassFacts, made: ast.Call) -> bool:
    """``nn.Parameter(...)`` whose gradients are left on, in a class that freezes and loads nothing."""
    facts = cls.facts
    fixed = ("requires_grad", "requires_grad_", "load", "load_state_dict", "eval", "from_pretrained")
    if any(node.attr in fixed for scope in cls.scope.within() for node in scope.nodes(ast.Attribute)):
        return False
    return facts.qualify(made.func) == "torch.nn.Parameter" and facts.argument(made, 1, "requires_grad") is None


def _is_registered_too(others: list[Member], earlier: Member, member: Member) -> bool:
    """Whether construction puts the name into the same table before: None there keeps it registered."""
    what = _STORE[member.how]
    rest = [one for one in others if one is not earlier and one is not member and _may_precede(one, earlier)]
    computed = (one for cls in member.cls.mro for one in cls.dynamic_members)
    return any(one.kind.what == what or _STORE.get(one.how) == what for one in (*rest, *computed))


def _may_precede(one: Member, other: Member) -> bool:
    """Whether one may have run while the object is made when the other does."""
    if one.scope is other.scope:
        return one.node.lineno < other.node.lineno or any(c.what in ("for", "while") for c in one.conditions)
    return one.cls is not other.cls or one.method in other.cls.reached_from_init


def _called_first(earlier: Member, member: Member) -> bool:
    """Whether the constructor calls the method that sets the attribute, its own or one of a base,
    before it registers the name."""
    cls = member.cls
    if cls.init is None or member.scope is not cls.init or earlier.conditions:
        return False
    found = cls.method(earlier.method or "")
    if found is None or found[1] is not earlier.scope:
        return False
    return any(
        cls.facts.self_attribute(call.func) == earlier.method
        and call.lineno < member.node.lineno
        and not cls.facts.conditions(call)
        for call in cls.init.nodes(ast.Call)
    )


def _is_guarded(facts: FileFacts, call: ast.Call) -> bool:
    """Behind ``hasattr`` or inside ``try``: the author knows."""
    for one in facts.conditions(call):
        if one.what in ("try", "except") or (
            one.test is not None and "hasattr" in ast.unparse(one.test)
        ):
            return True
    return False
