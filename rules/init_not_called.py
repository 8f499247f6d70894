"""A Module's ``__init__`` never calls the parent's.

Without ``super().__init__()`` the Module has no tables for parameters and submodules: the first
layer that is assigned, or the first call, fails. A misspelled ``__init__`` (``__int__``,
``_init_``) is the same mistake seen from the other side: it never runs. So is a mixin before
the Module among the bases whose ``__init__`` ends the chain of ``super().__init__`` calls, a
``super(nn.Module, self)``, which looks above it, and a ``@dataclass`` whose ``__post_init__`` does
not call it.

Bad::

    import torch
    from torch import nn

    class Scale(nn.Module):
        def __init__(self, factor):
            self.factor = factor

        def forward(self, x):
            return x * self.factor

Good::

    import torch
    from torch import nn

    class Scale(nn.Module):
        def __init__(self, factor):
            super().__init__()
            self.factor = factor

        def forward(self, x):
            return x * self.factor

Run::

    Scale(2.0)(torch.randn(3))

Says: object has no attribute '_backward_hooks'

Silent when: any method that ``__init__`` calls does it, or a function that it hands the object to,
the instance takes over another one's ``__dict__``, the class makes its instances in ``__new__``, or
a base of it hands the object there to what may set it up, it has a metaclass, ``__init__`` only raises, is left open
(``...``), replaced, or decorated with what may set the Module up, a decorator writes the
constructor, an heir calls the ``__init__`` of another base by name, the class has its own
``__call__`` (or no ``forward``) and registers nothing, or the file is a template for other files.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Verification

if TYPE_CHECKING:
    from lint_params.evidence import Run
    from lint_params.facts import ClassFacts, FileFacts, Scope

_MISSPELLED = frozenset(
    "__int__ __inti__ __intit__ __iinit__ __initt__ __ini__ __nit__ _init_ __init_ _init__ "
    "___init___ ___init__ __init___ __Init__ __INIT__ __init".split()
)


class InitNotCalled(Rule):
    code = "LP305"
    level = Level.ERROR
    words = ("class",)

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for cls in facts.module_classes:
            if cls.init is None:
                yield from self._misspelled(facts, cls)
            if cls.may_be_set_up:
                continue
            if cls.init is None:
                yield from self._generated(facts, cls)
            elif self._never_calls(cls, cls.init):
                meant = _meant(cls.init)
                said = f" (`{ast.unparse(meant)}` does not)" if meant is not None else ""
                yield self.report(
                    facts,
                    facts.header(cls.init) if meant is None else meant,
                    f"`{cls.name}.__init__` never calls the parent's{said}: the Module cannot register "
                    "or run anything; begin it with `super().__init__()`",
                    subject=cls.qualname,
                )
            above = _silent_above(facts, cls)
            if above is not None:
                yield self.report(
                    facts,
                    above[1],
                    f"`{above[0].name}.__init__`, which this runs, never calls the parent's: the Module is never "
                    "set up; begin it with `super().__init__()`",
                    subject=cls.qualname,
                )
            mixin, base = _stops_at(cls)
            if mixin is not None:
                yield self.report(
                    facts,
                    base,
                    f"`super().__init__` of `{cls.name}` ends in `{mixin.name}.__init__`, which calls "
                    "no parent's: the Module is never set up. Call `super().__init__()` there, or name "
                    "the Module first",
                    subject=cls.qualname,
                )

    def _misspelled(self, facts: FileFacts, cls: ClassFacts) -> Iterator[Finding]:
        for name, scope in cls.methods.items():
            if name in cls.reached_from_init:
                continue  # a base calls it
            if name in _MISSPELLED and not _only_calls_parent(scope) and (_calls_parent(cls, scope) or _builds(cls, name)):
                yield self.report(
                    facts,
                    facts.header(scope),
                    f"`{name}` is not `__init__`: this constructor never runs when the Module is built; "
                    "write `__init__`",
                    subject=cls.qualname,
                )

    def _generated(self, facts: FileFacts, cls: ClassFacts) -> Iterator[Finding]:
        """The constructor that ``@dataclass`` writes calls no parent's; ``__post_init__`` has to."""
        post = cls.methods.get("__post_init__")
        if post is None or not _is_dataclass(cls):
            return
        runs = [found[1] for name in cls.reached_from("__post_init__") if (found := cls.method(name))]
        if any(_calls_parent(cls, part) or _takes_over(part) for one in runs for part in one.within()):
            return
        if any(node.attr == "__post_init__" for node in post.nodes(ast.Attribute)):
            return  # the one above may do it
        if _registers(cls, "__post_init__"):
            yield self.report(
                facts,
                facts.header(post),
                f"the constructor that `@dataclass` writes for `{cls.name}` never calls the parent's: begin "
                "`__post_init__` with `super().__init__()`",
                subject=cls.qualname,
            )

    def _never_calls(self, cls: ClassFacts, init: Scope) -> bool:
        if cls.may_be_wrapped:
            return False
        if any(isinstance(base, str) and "Mock" in base for base in cls.bases):
            return False
        if any(_set_up_beside(cls, heir) for heir in cls.subclasses):
            return False
        for name in cls.reached_from_init:
            found = cls.method(name)
            if found is not None and any(_calls_parent(found[0], one) for one in found[1].within()):
                # Only what this class itself runs counts: an inherited __init__ is the parent's.
                return False
        if any(_takes_over(one) or _hands_over(cls, one) for one in init.within()):
            return False
        body = [one for one in init.node.body if not _is_docstring(one)]
        if all(isinstance(one, ast.Raise) for one in body) and body:
            return False
        if any(_is_left_open(one) for one in init.node.body):
            return False  # a sketch of a class
        if all(isinstance(one, ast.Pass) for one in body) and cls.subclasses:
            return False
        runs = cls.method("forward") is not None or any(base != "Module" for base in cls.torch_bases)
        if _registers(cls) or (runs and cls.method("__call__") is None):
            return True
        return any(heir.facts is cls.facts and _leans_on(heir, cls) for heir in cls.subclasses)

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        name = finding.subject.rpartition(".")[2]
        for failure in run.failures:
            text = failure.text
            if f"'{name}' object has no attribute" in text or "Module.__init__()" in text:
                return run.confirmed_by(failure)
            if "never runs" in finding.message and (
                f"{name}() takes no arguments" in text or f"{name}.__init__() " in text
                or "Module.__init__() takes" in text
            ):
                return run.confirmed_by(failure)
        if "never runs" in finding.message and run.ok("construct") and not run.tensors("construct", "parameter"):
            return run.confirmed(f"{name} was built without that constructor, and has no Parameters")
        if run.ok("forward"):
            return run.refuted(finding, "the Module ran")
        return None


def _is_left_open(statement: ast.stmt) -> bool:
    """``...`` in the place of code."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and statement.value.value is Ellipsis
    )


def _stops_at(cls: ClassFacts) -> tuple[ClassFacts | None, ast.AST]:
    """The class before the Module, itself none, whose ``__init__`` runs and calls no other;
    and the base through which it comes."""
    init = cls.methods.get("__init__")
    nobody = (None, cls.node)
    if cls.scope.decorators or (init is not None and not _only_super(init)):
        return nobody
    if not (_registers(cls) or cls.method("forward") is not None):
        return nobody
    for base, node in zip(cls.bases, cls.node.bases, strict=True):
        if base is None or isinstance(base, str) or base.is_module:
            return nobody  # typing.Generic and the like hand on; a Module is what was wanted
        if not base.bases_complete or base.scope.decorators:
            return nobody
        for one in base.mro:
            found = one.methods.get("__init__")
            if found is not None:
                silent = not any(_calls_parent(one, part) for part in one.scope.within())
                return (one, node) if silent and not _takes_over(found) else nobody
    return nobody


def _silent_above(facts: FileFacts, cls: ClassFacts) -> tuple[ClassFacts, ast.Call] | None:
    """The Module of another file whose ``__init__`` this one's ``super().__init__()`` runs, and which
    calls no other."""
    above = next((one for one in cls.mro[1:] if one.init is not None), None)
    if above is None or above.facts is facts or above.scope.decorators or not _leans_on(cls, above):
        return None
    if above.init is None or not above.bases_complete or len(above.bases) != 1 or above.may_be_set_up:
        return None
    runs = [found for name in above.reached_from_init if (found := above.method(name))]
    if any(_calls_parent(one, part) or _takes_over(part) for one, scope in runs for part in scope.within()):
        return None
    return above, cls.parent_init_calls[0]


def _leans_on(heir: ClassFacts, above: ClassFacts) -> bool:
    """Whether the one ``super().__init__()`` of a Module that registers something ends in the
    ``__init__`` of ``above``, and nothing else can set it up."""
    if heir.init is None or len(heir.parent_init_calls) != 1 or heir.scope.decorators or len(heir.bases) != 1:
        return False
    if next((one for one in heir.mro[1:] if one.init is not None), None) is not above:
        return False
    calls = [found for name in heir.reached_from_init if (found := heir.method(name)) and found[0] is not above]
    if sum(_calls_parent(one, part) for one, scope in calls for part in scope.within()) != 1:
        return False
    return _registers(heir) and not heir.may_be_set_up and not heir.facts.conditions(heir.parent_init_calls[0])


def _set_up_beside(cls: ClassFacts, heir: ClassFacts) -> bool:
    """Whether an heir calls the ``__init__`` of another base by name, too: the class is a mixin."""
    init = heir.methods.get("__init__")
    named = [node.value for node in init.nodes(ast.Attribute) if node.attr == "__init__"] if init else []
    classes = [owner for owner in named if heir.facts.qualify(owner) is not None]
    return any(heir.facts.class_of(owner) is not cls for owner in classes)


def _only_super(init: Scope) -> bool:
    """Whether every ``__init__`` that it calls is ``super().__init__``, and there is one."""
    owners = [node.value for node in init.nodes(ast.Attribute) if node.attr == "__init__"]
    return bool(owners) and all(
        isinstance(owner, ast.Call)
        and isinstance(owner.func, ast.Name)
        and owner.func.id == "super"
        and not owner.args
        for owner in owners
    )


def _is_dataclass(cls: ClassFacts) -> bool:
    """Whether ``@dataclass`` is its only decorator, and writes the constructor."""
    if len(cls.node.decorator_list) != 1:
        return False
    decorator = cls.node.decorator_list[0]
    named = decorator.func if isinstance(decorator, ast.Call) else decorator
    off = isinstance(decorator, ast.Call) and any(one.arg in ("init", None) for one in decorator.keywords)
    return cls.facts.qualify(named) == "dataclasses.dataclass" and not off


def _registers(cls: ClassFacts, entry: str = "__init__") -> bool:
    """Whether its constructor assigns something that only a built Module can hold."""
    return any(
        member.kind.what in ("module", "parameter")
        or member.how in ("register_parameter", "register_buffer", "add_module")
        for members in [*cls.members.values(), cls.dynamic_members]
        for member in members
        if member.method in cls.reached_from(entry)
    )


def _meant(init: Scope) -> ast.expr | None:
    """The line that was to call the parent's: ``super().__init__`` without the call, ``super(Net).__init__()``."""
    for node in init.nodes(ast.Attribute):
        if node.attr == "__init__" and isinstance(node.value, ast.Call):
            parent = init.index.parents.get(node)
            return parent if isinstance(parent, ast.Call) else node
    return None


def _only_calls_parent(scope: Scope) -> bool:
    """``def __int__(self, dim): super().__init__(dim)``: the parent's own constructor does as much."""
    statements = scope.node.body if isinstance(scope.node, ast.FunctionDef) else []
    body = [one for one in statements if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))]
    only = body[0] if len(body) == 1 else None
    call = only.value if isinstance(only, ast.Expr) else None
    given = [*call.args, *(word.value for word in call.keywords)] if isinstance(call, ast.Call) else []
    handed_on = all(isinstance(one, (ast.Name, ast.Starred)) for one in given)
    return handed_on and isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "__init__"


def _calls_parent(cls: ClassFacts, scope: Scope) -> bool:
    """Anything that looks like calling another ``__init__``, also through ``partial``; not that of
    a class which is known to go no further."""
    for node in scope.nodes(ast.Attribute):
        if node.attr in ("__init__", "__setstate__"):
            if not isinstance(node.value, ast.Name) or node.value.id != scope.instance_name:
                parent = scope.index.parents.get(node)
                if isinstance(parent, ast.Expr):  # `super().__init__` without the call
                    continue
                if not _goes_past(cls, node.value) and not _is_dead_end(cls.facts.class_of(node.value)):
                    return True
    return False


def _goes_past(cls: ClassFacts, owner: ast.expr) -> bool:
    """``super(Net)``, which is bound to no object, and ``super(nn.Module, self)``, which looks
    above the Module."""
    if not isinstance(owner, ast.Call) or not isinstance(owner.func, ast.Name) or owner.func.id != "super":
        return False
    beyond = bool(owner.args) and cls.facts.qualify(owner.args[0]) == "torch.nn.Module"
    return len(owner.args) == 1 or beyond


def _is_dead_end(cls: ClassFacts | None) -> bool:
    """A plain class of the project whose own ``__init__`` calls no other."""
    if cls is None or cls.is_module or not cls.bases_complete or cls.scope.decorators:
        return False
    found = cls.method("__init__")
    return found is not None and not any(
        node.attr in ("__init__", "__dict__") for one in found[1].within() for node in one.nodes(ast.Attribute)
    )


def _hands_over(cls: ClassFacts, scope: Scope) -> bool:
    """``prepare(self)``, a function of the project that calls an ``__init__``."""
    for call in scope.nodes(ast.Call):
        if any(isinstance(arg, ast.Name) and arg.id == scope.instance_name for arg in call.args):
            found = cls.facts.function_of(call)
            if found is not None and any(node.attr == "__init__" for node in found[1].nodes(ast.Attribute)):
                return True
    return False


def _takes_over(scope: Scope) -> bool:
    """``self.__dict__ = other.__dict__``, ``self.__dict__.update(...)``, ``self.__class__ =``."""
    asked = {id(node.value) for node in scope.nodes(ast.Attribute) if node.attr in ("__name__", "__qualname__")}
    return any(
        node.attr in ("__dict__", "__class__", "__setattr__", "__setstate__") and id(node) not in asked
        for node in scope.nodes(ast.Attribute)
    )


def _builds(cls: ClassFacts, name: str) -> bool:
    return any(
        member.method == name and member.kind.what in ("module", "parameter")
        for members in cls.members.values()
        for member in members
    )


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
