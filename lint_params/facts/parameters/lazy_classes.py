"""How a class keeps the promises of LazyModuleMixin: what it leaves without a shape, and
whether the mixin is set up at all."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lint_params.facts.classes import LAZY_MIXIN
from lint_params.facts.parameters.fill_all import is_looked_at
from lint_params.facts.parameters.renewed import comes_from_itself
from lint_params.facts.value.functions import super_call
from lint_params.trees import last_name

if TYPE_CHECKING:
    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.file import FileFacts
    from lint_params.facts.members import Member


#: Who gets the Module and gives it nothing.
_ASKS = frozenset(f"builtins.{name}" for name in "super setattr isinstance getattr hasattr type id str len".split())
_SETS_UP = re.compile(r"init|material|lazy|build|make|creat|set|fill|infer", re.IGNORECASE)
#: Initialisers write into what has its shape already.
_INITIALISES = re.compile(r"^((trunc|xavier|kaiming)_)?(normal|uniform|zeros|ones|constant|orthogonal)_$")
#: Kinds of values in whose stead a parameter stands only in another branch.
_NO_PARAMETER = ("none", "number")


@dataclass(frozen=True, eq=False)
class LazyClass:
    """``open`` are the members that are given an uninitialised parameter or buffer and
    nothing else; ``filled`` the names that some line materialises, None: not all are known."""

    cls: ClassFacts
    open: dict[str, Member]
    filled: set[str] | None
    initialise: bool  # some class of the project, or a torch lazy layer, has initialize_parameters
    called: bool  # initialize_parameters is called by the class's own code
    late: ast.expr | None  # the mixin's place in the bases, where it comes after a Module


def lazy_class(cls: ClassFacts) -> LazyClass | None:
    """None where the class, what it inherits, or what inherits it is not all known."""
    if not cls.is_module or not cls.bases_complete:
        return None
    if any(not one.bases_complete or one.is_lazy or one.dynamic_members for one in cls.subclasses):
        return None
    opened: dict[str, Member] = {}
    for one in cls.mro:
        if any(member.kind.what not in (*_NO_PARAMETER, "module") for member in one.dynamic_members):
            return None
        for name, members in one.members.items():
            given = [m for m in members if not m.is_declaration and m.kind.what not in _NO_PARAMETER]
            if given and all(_uninitialised(m) for m in given):
                opened.setdefault(name, given[0])
    for name, first in list(opened.items()):
        below = [m for one in cls.subclasses for m in one.members.get(name, ())]
        others = [m for m in (*cls.assignments(name), *below) if not (m.is_declaration or m.kind.what in _NO_PARAMETER)]
        if any(not (_is_placeholder(m) or _comes_before(m, first) or comes_from_itself(m)) for m in others):
            del opened[name]
    torch_lazy = any(base.startswith("Lazy") for base in cls.torch_bases)
    initialise = torch_lazy or cls.method("initialize_parameters") is not None
    return LazyClass(cls, opened, _filled(cls), initialise, _called(cls), _late(cls))


def _is_placeholder(member: Member) -> bool:
    """Whether it is given one that is new: what a function makes of its own may have a shape."""
    facts = member.cls.facts
    parts = ast.walk(member.value) if member.value is not None else ()
    return _uninitialised(member) and not any(
        isinstance(part, ast.Attribute) and facts.self_attribute(part) == member.name for part in parts
    )


def _comes_before(other: Member, first: Member) -> bool:
    """Whether a base's constructor makes it, which has run where the class makes it anew."""
    if other.method != "__init__" or first.method != "__init__" or other.cls is first.cls:
        return False
    if first.conditions or other.cls not in first.cls.mro or other.scope.method is not other.scope:
        return False
    return any(
        super_call(call) == "__init__" and call.lineno < first.node.lineno for call in first.scope.nodes(ast.Call)
    )


def _uninitialised(member: Member) -> bool:
    kind = member.kind
    origin = kind.origin
    return kind.is_uninitialised or (origin is not None and origin.is_uninitialised)


def _filled(cls: ClassFacts) -> set[str] | None:
    """Attributes that a line of the class materialises; None where it cannot be told."""
    found: set[str] = set()
    for one in (*cls.mro, *cls.subclasses):
        for scope in one.scope.within():
            for call in scope.nodes(ast.Call):
                func = call.func
                if isinstance(func, ast.Attribute) and func.attr == "materialize":
                    name = one.facts.self_attribute(func.value)
                    if name is None:
                        return None
                    found.add(name)
                if _sets_hook(one.facts, call):
                    return None
                for arg in [*call.args, *(keyword.value for keyword in call.keywords)]:
                    # Whoever gets it may give it its shape.
                    name = one.facts.self_attribute(arg)
                    if name is not None and not _only_computes(one.facts, call):
                        found.add(name)
                    if not isinstance(arg, ast.Name) or arg.id != scope.instance_name:
                        continue
                    if one.facts.qualify(func) not in _ASKS and not is_looked_at(one.facts, call, arg):
                        return None
    if any(base.startswith("Lazy") for base in cls.torch_bases) or any(map(_assigns, cls.facts.nodes(ast.Call))):
        return None
    return found | _filled_from_outside(cls)


def _sets_hook(facts: FileFacts, call: ast.Call) -> bool:
    """Whether a function that is no method of the module runs before its forward."""
    hook = last_name(call.func) == "register_forward_pre_hook"
    return hook and not (call.args and facts.self_attribute(call.args[0]))


def _assigns(call: ast.Call) -> bool:
    """``model.load_state_dict(weights, assign=True)`` puts other parameters in the place of its own."""
    return any(keyword.arg == "assign" for keyword in call.keywords)


def _filled_from_outside(cls: ClassFacts) -> set[str]:
    """Attributes that other code of the file materialises: ``self.scale.weight.materialize((dim,))``."""
    owners = (
        call.func.value
        for call in cls.facts.nodes(ast.Call)
        if isinstance(call.func, ast.Attribute) and call.func.attr == "materialize"
    )
    return {one.attr for one in owners if isinstance(one, ast.Attribute) and cls.facts.self_attribute(one) is None}


def _only_computes(facts: FileFacts, call: ast.Call) -> bool:
    """Whether a call works with what it is given: a function of torch or einops, or any that forward
    calls, unless its name says that it sets something up."""
    last = last_name(call.func)
    if (facts.qualify(call.func) or "").startswith(("torch.", "einops.")) or _INITIALISES.search(last):
        return True
    return facts.phase(call) == "forward" and _SETS_UP.search(last) is None


def _called(cls: ClassFacts) -> bool:
    for one in cls.mro:
        for scope in one.scope.within():
            for call in scope.nodes(ast.Call):
                if scope.name != "initialize_parameters" and _starts(call.func):
                    return True
    return False


def _starts(func: ast.expr) -> bool:
    return isinstance(func, ast.Attribute) and func.attr in (
        "initialize_parameters",
        "register_forward_pre_hook",
        "_infer_parameters",
    )


def _late(cls: ClassFacts) -> ast.expr | None:
    """The base that brings the mixin, where a Module stands before it and hides its __init__."""
    for one in cls.mro:
        for scope in one.scope.children:
            for call in scope.nodes(ast.Call):
                func = call.func
                named = one.facts.qualify(func.value) if isinstance(func, ast.Attribute) else None
                if named in LAZY_MIXIN and getattr(func, "attr", "") == "__init__":
                    return None  # called by name
        if "call_super_init" in one.members:
            return None
    module = False
    for base, expr in zip(cls.bases, cls.node.bases):
        if isinstance(base, str) and base in LAZY_MIXIN:
            return expr if module else None
        if isinstance(base, str):
            module = module or base.startswith("torch.nn.")
        elif base is not None:
            if base.is_lazy:
                return None
            module = module or base.is_module
    return None
