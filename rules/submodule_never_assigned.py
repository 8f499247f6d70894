"""``forward`` calls an attribute that nothing ever defines.

A layer that was renamed, or forgotten, in ``__init__``: the class builds, and the first forward
fails. So does a Parameter, or a layer, that is read where the constructor forgot the ``self.``.

Bad::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.fc1 = nn.Linear(dim, dim)
            self.fc2 = nn.Linear(dim, dim)

        def forward(self, x):
            return self.fc3(torch.relu(self.fc1(x)))

Good::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.fc1 = nn.Linear(dim, dim)
            self.fc2 = nn.Linear(dim, dim)

        def forward(self, x):
            return self.fc2(torch.relu(self.fc1(x)))

Run::

    Net(4)(torch.randn(2, 4))

Says: 'Net' object has no attribute 'fc3'

Silent when: any base is not known, the class or a subclass in the file defines the name, a file of
the project sets the name from outside or has a subclass, names are computed where the object is built (``setattr``) or asked
for (``__getattr__``), ``hasattr`` or a flag of the instance is asked first (unless the constructor alone
settles the flag, the name is another one misspelt and no file of the project has it), the class is abstract (no constructor that builds
layers, ``Base`` or ``Mixin`` in its name, a method of its own, or one that forward calls, that
raises NotImplementedError whatever it is given), a decorator may add members, or anything in the file
assigns the attribute.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Step, Verification

if TYPE_CHECKING:
    from lint_params.evidence import Run
    from lint_params.facts import ClassFacts, FileFacts

_ABSTRACT = ("Base", "Abstract", "Mixin", "Interface", "Template", "Meta")


class SubmoduleNeverAssigned(Rule):
    code = "LP312"
    level = Level.ERROR
    words = ("forward",)

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for cls in facts.module_classes:
            reported: set[str] = set()
            yield from self._locals(facts, cls, reported)
            if not self._is_concrete(cls):
                continue
            for owner, scope in cls.called_from("forward"):
                if owner is not cls:
                    continue
                for inner in scope.within():
                    for call in inner.nodes(ast.Call):
                        name = facts.self_attribute(call.func) or _asked_by_name(facts, cls, call)
                        if name is None or name in reported:
                            continue
                        if cls.may_define(name) or self._is_set_elsewhere(facts, cls, name):
                            continue
                        if _is_asked(facts, cls, call, name) or facts.is_set_beside(cls.name, name):
                            continue
                        if facts.is_subclassed_beside(cls.name):
                            continue
                        if not _is_misspelt(cls, name) and _refuses(cls):
                            continue
                        if inner.is_function and facts.env(call) is None:
                            continue  # behind a return, where nobody comes by
                        reported.add(name)
                        yield self._finding(facts, cls, call, name)

    def _locals(self, facts: FileFacts, cls: ClassFacts, reported: set[str]) -> Iterator[Finding]:
        """``self.w`` where the constructor makes a local ``w``, and does nothing with it."""
        for one in facts.forgotten(cls) if not cls.may_be_wrapped else ():
            reported.add(one.name)
            line = one.made.lineno
            yield self.report(
                facts,
                one.read or one.made,
                f"`self.{one.name}` is read by {'a method' if one.read else 'a base class'}, but line {line} "
                f"only makes a local name of it: write `self.{one.name} = ...` there",
                trace=(Step(line, f"`{one.name}` is made here, and nothing uses it"),),
                subject=cls.qualname,
                details={"attribute": one.name, "made": line},
            )

    def _finding(
        self, facts: FileFacts, cls: ClassFacts, call: ast.Call, name: str
    ) -> Finding:
        near = _near(cls, name)
        hint = f"; did you mean `self.{near[0]}`?" if near else ""
        trace: tuple[Step, ...] = ()
        if near and near[0] in cls.members:
            line = cls.members[near[0]][0].node.lineno
            trace = (Step(line, f"`self.{near[0]}` is assigned here"),)
        return self.report(
            facts,
            call.func if facts.self_attribute(call.func) else call,
            f"`self.{name}` is called by forward, but neither {cls.name} nor a base of it ever "
            f"defines it{hint}",
            trace=trace,
            subject=cls.qualname,
            details={"attribute": name},
        )

    def _is_concrete(self, cls: ClassFacts) -> bool:
        """Whether instances of this very class are what runs."""
        if "forward" not in cls.methods or cls.may_be_wrapped:
            return False
        if any(word in cls.name for word in _ABSTRACT) or "torch.nn.Module" not in cls.outside_bases:
            return False
        built = cls.method("__init__")
        if built is None or not (
            any(m.kind.may_be("module", "parameter") for ms in cls.members.values() for m in ms)
            or any(_makes_layer(built[0].facts, call) for call in built[1].nodes(ast.Call))
        ):
            return False
        if any(scope.has_decorator("abstractmethod") for one in cls.mro for scope in one.methods.values()):
            return False
        runs = [(one.facts, scope) for start in ("forward", "__init__") for one, scope in cls.called_from(start)]
        own = [(cls.facts, scope) for scope in cls.methods.values()]  # what a base leaves open is no matter
        if any(_leaves_open(facts, node) for facts, scope in (*own, *runs) for node in scope.nodes(ast.Raise)):
            return False  # where nothing calls it
        bases = [(one.facts, scope) for one in cls.mro[1:] for name, scope in one.methods.items() if cls.method(name) == (one, scope)]
        raised = ((facts, node) for facts, scope in bases for node in scope.nodes(ast.Raise))
        return not any(_leaves_open(facts, node) and not _names_the_class(node) for facts, node in raised)

    def _is_set_elsewhere(self, facts: FileFacts, cls: ClassFacts, name: str) -> bool:
        for node in facts.nodes(ast.Attribute):
            if node.attr == name and not isinstance(node.ctx, ast.Load):
                if not _is_of_a_stranger(facts, cls, node):
                    return True
        for text in facts.nodes(ast.Constant):
            if text.value == name:
                return True  # setattr(model, "fc3", ...), hasattr ...
        return any(name in one.members or name in one.methods for one in cls.subclasses)

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        name = finding.details["attribute"]
        made = [c for c in run.created if c.line == finding.details.get("made") and c.phase == "construct"]
        held = {one.id for one in run.tensors("construct", "parameter")}
        if made and not any(one.id in held for one in made):
            return run.confirmed(f"the Parameters of the local {name} are not in parameters()")
        lines = range(finding.place.line, finding.place.end_line + 1)
        failure = run.failure_at(lines, f"has no attribute '{name}'", tried=True)
        if failure is not None:
            return run.confirmed_by(failure)
        return run.refuted(finding, f"{name} was there") if run.ran(finding) else None


def _refuses(cls: ClassFacts) -> bool:
    """Whether a method raises NotImplementedError for some arguments: an heir may know better."""
    return any(_is_not_implemented(node) for scope in cls.methods.values() for node in scope.nodes(ast.Raise))


def _is_not_implemented(node: ast.Raise) -> bool:
    return "NotImplemented" in ast.unparse(node)


def _leaves_open(facts: FileFacts, node: ast.Raise) -> bool:
    """``raise NotImplementedError`` for heirs to fill in, and no refusal of one argument."""
    if not _is_not_implemented(node):
        return False
    tests = [one.test for one in facts.conditions(node) if one.what in ("if", "else") and one.test is not None]
    return not any(_is_of_arguments(facts, test) for test in tests)


def _is_of_arguments(facts: FileFacts, test: ast.expr) -> bool:
    """``dilation > 1``: of what came in, and not of what the object or its class is."""
    names = [part for part in ast.walk(test) if isinstance(part, ast.Name)]
    return bool(names) and all(facts.is_argument(name) for name in names)


def _names_the_class(node: ast.Raise) -> bool:
    """``raise NotImplementedError(f"... for {self.__class__}")``: a class can do without."""
    return "__class__" in ast.unparse(node) or "type(self)" in ast.unparse(node)


def _asked_by_name(facts: FileFacts, cls: ClassFacts, call: ast.Call) -> str | None:
    """The first of ``getattr(self, f"up{i}")``, i running over some numbers, that there is not."""
    if facts.qualify(call.func) != "builtins.getattr" or len(call.args) != 2:
        return None
    owner, asked = call.args
    if not isinstance(owner, ast.Name) or owner.id != facts.scope_of(call).instance_name:
        return None
    if len([part for part in ast.walk(asked) if isinstance(part, ast.Name)]) != 1:
        return None  # of two that run together not every pair is met
    around = facts.conditions(call)
    leaves = (ast.Break, ast.Continue, ast.Return, ast.Try)
    if any(one.what != "for" or any(isinstance(part, leaves) for part in ast.walk(one.node)) for one in around):
        return None
    return next((str(word) for word in facts.words(asked) or () if not cls.may_define(str(word))), None)


def _makes_layer(facts: FileFacts, call: ast.Call) -> bool:
    """``fc = nn.Linear(...)`` where ``self.fc`` was meant makes a constructor of layers too."""
    kind = facts.kind_of(call)
    return kind.layer != "" or kind.is_parameter


def _is_of_a_stranger(facts: FileFacts, cls: ClassFacts, node: ast.Attribute) -> bool:
    """``self.name = ...`` in a class of the file that has no class in common with this one."""
    if facts.self_attribute(node) is None:
        return False
    other = facts.class_around(node)
    if other is None or any(base is None for one in other.mro for base in one.bases):
        return False
    return not any(other is one for one in cls.family)


def _is_asked(facts: FileFacts, cls: ClassFacts, node: ast.AST, name: str) -> bool:
    """Behind a flag of the instance (somebody else may set both, unless the constructor settles it and a
    public name is another one misspelt), a test that names the attribute, or inside ``try``."""
    for one in facts.conditions(node):
        if one.what in ("try", "except"):
            return True
        if one.test is None or one.what not in ("if", "else", "ifexp", "while"):
            continue
        if name in ast.unparse(one.test):
            return True
        for part in ast.walk(one.test):
            flag = facts.self_attribute(part)
            if flag is not None and flag != "training" and not _is_settled_and_misspelt(cls, flag, name):
                return True
    return False


def _is_settled_and_misspelt(cls: ClassFacts, flag: str, name: str) -> bool:
    """Whether nobody else sets the flag, or speaks of the name, which is another one ill written; other files
    are read last."""
    return _is_misspelt(cls, name) and _is_settled(cls, flag) and not cls.facts.is_mentioned_anywhere(name)


def _is_misspelt(cls: ClassFacts, name: str) -> bool:
    """Whether a public name is surely another one of the class, ill written."""
    return any(_digits(one) == _digits(name) for one in _near(cls, name, 0.85)) and not name.startswith("_")


def _near(cls: ClassFacts, name: str, cutoff: float = 0.6) -> list[str]:
    """The attribute that may be meant, if any is called much the same."""
    known = [one for base in cls.mro for one in [*base.members, *base.methods]]
    return difflib.get_close_matches(name, known, 1, cutoff)


def _digits(name: str) -> str:
    """``conv2`` is the sibling of ``conv1``, and no misspelling of it."""
    return "".join(filter(str.isdigit, name))


def _is_settled(cls: ClassFacts, flag: str) -> bool:
    """Whether a flag is decided in the constructor and nowhere else, by what came in: ``self.stride = stride``,
    ``self.fused = use_fused()``. One that begins as False or None, in any case, is for others to set."""
    members = [member for one in cls.mro for member in one.members.get(flag, ()) if not member.is_declaration]
    return (
        bool(members)
        and all(member.how == "assign" and member.method == "__init__" for member in members)
        and not all(isinstance(member.value, ast.Constant) for member in members)
        and not cls.facts.is_set_beside(cls.name, flag)
        and not any(one.dynamic_members for one in cls.subclasses)
    )
