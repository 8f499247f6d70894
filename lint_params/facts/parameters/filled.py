"""Who writes values into a Parameter that was made over unwritten memory?"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from lint_params.facts.beside import importers
from lint_params.facts.held.uses import member_uses
from lint_params.facts.parameters.fill_all import reaches_all, visits
from lint_params.facts.value.decorators import gives_back

if TYPE_CHECKING:
    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.file import FileFacts
    from lint_params.facts.scope import Scope

#: Reads that leave the values alone.
_READS = frozenset("""
    size shape dim ndim device dtype numel requires_grad element_size clone sum mean norm abs
""".split())
#: What gives a view: a write into it is one into the Parameter.
_SAME_MEMORY = ("data", "detach", "T", "t", "view", "transpose", "unsqueeze", "squeeze", "flatten")
_EVERYTHING = ("modules", "named_modules", "parameters", "named_parameters", "children")
_INITS = frozenset(["apply", "init_weights", "_init_weights", "post_init", "initialize_weights"])
#: Methods that are there to set values; what others fill, their caller asks for.
_FOR_THE_CONSTRUCTOR = re.compile(r"init|reset|build|setup|fill", re.IGNORECASE)
_SETS_PARAMETERS = re.compile(r"(init|reset)\w*_(param|weight)", re.IGNORECASE)
_KNOWN_BASES = ("lightning.",)
_ASKING = ("builtins.isinstance", "builtins.type", "builtins.hasattr")


def is_filled(cls: ClassFacts, name: str, made: ast.AST) -> bool:
    """Whether something fills ``self.<name>``, or may: False only when surely nothing does."""
    family = _family(cls)
    if any(_is_open(one) for one in family) or _in_reach_of_others(cls, name):
        return True
    running = set()
    for one in family:
        running |= one.reached_from_init
        if any(base != "Module" for base in one.torch_bases):
            running |= {"reset_parameters", "_reset_parameters", "flatten_parameters"}
    called = _called_elsewhere(cls)
    for one in family:
        for scope in _methods(one):
            ran = (scope.method or scope).name in running
            if ran and reaches_all(one.facts, scope, cls, name, made):
                return True
    for use in member_uses(cls, name):
        facts = _home(family, use)
        if facts is None or _is_read(facts, use):
            continue
        method = facts.scope_of(use).method
        if method is None:
            return True
        if facts.phase(use) == "forward":
            if _is_written(facts, use):
                return True
        elif method.name in running or method.name in called or facts.is_surgery(use):
            return True
        elif _is_written(facts, use) and not _FOR_THE_CONSTRUCTOR.search(method.name):
            return True
    return _is_given(cls, name, made)


def idle_filler(cls: ClassFacts, name: str) -> str:
    """A method that would fill it, but that nothing calls."""
    for use in member_uses(cls, name):
        method = cls.facts.scope_of(use).method
        if (
            method is not None and method.owner is cls.scope and cls.facts.phase(use) == "method"
            and (_is_written(cls.facts, use) or _is_handed_on(cls.facts, use))
        ):
            return method.name
    return ""


def _is_given(cls: ClassFacts, name: str, made: ast.AST) -> bool:
    """Whether a method puts another Parameter in its place: who uses the class is to call it."""
    return any(
        member.how == "assign"
        and made not in (member.value, member.node)
        and member.method not in (None, "", "__init__")
        and not _FOR_THE_CONSTRUCTOR.search(member.method or "")
        for member in cls.assignments(name)
    )


def _is_handed_on(facts: FileFacts, use: ast.expr) -> bool:
    parent = facts.parent(use)
    return isinstance(parent, ast.Call) and use in parent.args


def _family(cls: ClassFacts) -> list[ClassFacts]:
    found = list(cls.mro)
    return found + [one for one in cls.subclasses if one not in found]


def _home(family: list[ClassFacts], use: ast.AST) -> FileFacts | None:
    for one in family:
        if use in one.facts.index.parents:
            return one.facts
    return None


def _is_open(cls: ClassFacts) -> bool:
    """Whether there are bases that nobody here can read, or the class is abstract."""
    if not cls.bases_complete:
        known = [base for base in cls.outside_bases if base.startswith(_KNOWN_BASES)]
        if len(known) != len(cls.outside_bases) or any(b is None for b in cls.bases):
            return True
    if not all(gives_back(cls.facts, one) for one in cls.node.decorator_list):
        return True
    return any(scope.has_decorator("abstractmethod") for scope in cls.methods.values())


def _methods(cls: ClassFacts) -> list[Scope]:
    return [scope for scope in cls.scope.within() if scope.is_function]


def _is_read(facts: FileFacts, use: ast.expr) -> bool:
    parent = facts.parent(use)
    while isinstance(parent, ast.Attribute) and parent.attr in _SAME_MEMORY:
        call = facts.parent(parent)
        called = isinstance(call, ast.Call) and call.func is parent
        parent = facts.parent(call) if called and call is not None else call
    if isinstance(parent, ast.Attribute):
        return parent.attr in _READS
    if isinstance(parent, ast.Call) and use in parent.args:
        return (facts.qualify(parent.func) or "").startswith("torch.nn.init._calculate")
    return isinstance(parent, ast.Compare) and any(
        isinstance(op, (ast.Is, ast.IsNot)) for op in parent.ops
    )


def _is_written(facts: FileFacts, use: ast.expr) -> bool:
    scope = facts.scope_of(use)
    return any(
        part is use
        for write in facts.writes_in(scope)
        for part in ast.walk(write.target)
        if write.how not in ("grow", "delete")
    )


def _called_elsewhere(cls: ClassFacts) -> set[str]:
    """Names of methods that the file calls on something that is not ``self``."""
    found = set()
    for scope in cls.facts.scopes:
        instance = scope.instance_name if scope.is_function else None
        for node in scope.nodes(ast.Attribute):
            if isinstance(node.value, ast.Name) and node.value.id == instance:
                continue
            if (
                isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Name)
                and node.value.func.id == "super"
            ):
                continue
            found.add(node.attr)
    return found


def _in_reach_of_others(cls: ClassFacts, name: str) -> bool:
    """Whether other code of the file, or of the folder, may initialise instances."""
    facts = cls.facts
    own = {scope for one in _family(cls) for scope in one.scope.within()}
    for scope in facts.scopes:
        if scope in own:
            continue
        instance = scope.instance_name if scope.is_function else None
        for node in scope.nodes(ast.Attribute):
            if node.attr in _INITS and _is_foreign(facts, node, cls, name):
                return True
            if isinstance(node.value, ast.Name) and node.value.id == instance:
                continue  # another class speaks of its own attribute of that name
            if node.attr == name and _touches(facts, node):
                return True
        for call in scope.nodes(ast.Call):
            func = call.func
            if not isinstance(func, ast.Attribute) or func.attr not in _EVERYTHING:
                continue
            if _is_looped(facts, call) and not _names_others(facts, call, name):
                return True
    if any(_is_filled_by(script, name) for script in importers(facts)):
        return True
    return facts.may_use_beside(cls.name) and not _is_left_out(cls, name)


def _is_filled_by(script: ast.Module, name: str) -> bool:
    """Whether the script speaks of an attribute of that name, or goes over all that a model has."""
    for node in ast.walk(script):
        if isinstance(node, ast.Attribute) and node.attr in (*_INITS, name):
            return True
        if isinstance(node, ast.For) and isinstance(node.iter, ast.Call):
            if getattr(node.iter.func, "attr", "") in _EVERYTHING and _sets(node):
                return True
    return False


def _is_left_out(cls: ClassFacts, name: str) -> bool:
    """Whether the class sets its Parameters itself, by a method of its own that the constructor
    runs, and this is none of them: nobody else is asked to."""
    facts = cls.facts
    run = {method: scope for method, scope in cls.methods.items() if method in cls.reached_from_init}
    return any(_SETS_PARAMETERS.search(method) for method in run) or any(
        write.how == "init" and facts.self_attribute(write.target) not in (None, name)
        for method, scope in run.items()
        if method != "__init__" and _FOR_THE_CONSTRUCTOR.search(method)
        for write in facts.writes_in(scope)
    )


def _is_foreign(facts: FileFacts, node: ast.Attribute, cls: ClassFacts, name: str) -> bool:
    """Whether ``x.apply(f)`` or ``x.init_weights()`` runs code that this file does not show;
    what it does show is read for what it touches."""
    call = facts.parent(node)
    if not isinstance(call, ast.Call) or call.func is not node:
        return False
    shown = {scope.name for scope in facts.scopes if scope.is_function}
    if node.attr != "apply":
        return not shown & {"_init_weights", "init_weights", "initialize_weights"}
    given = call.args[0] if call.args else None
    if isinstance(given, ast.Lambda):
        return False
    if isinstance(given, ast.Call):
        given = given.args[0] if given.args else given.func
    last = getattr(given, "attr", getattr(given, "id", ""))
    return last not in shown and (given is None or visits(facts, given, cls, name) is not False)


def _touches(facts: FileFacts, node: ast.Attribute) -> bool:
    """Whether an attribute of that name is written, or handed to a call."""
    if _is_read(facts, node):
        return False
    parent = facts.parent(node)
    return isinstance(node.ctx, ast.Store) or isinstance(
        parent, (ast.Attribute, ast.Call, ast.Assign, ast.List, ast.Tuple, ast.Subscript)
    )


def _names_others(facts: FileFacts, call: ast.Call, name: str) -> bool:
    """``for m in self.modules()`` that speaks of attributes of ``m`` by name, and of no such name."""
    loop = facts.parent(call)
    func = call.func
    if not isinstance(func, ast.Attribute) or func.attr not in ("modules", "children"):
        return False
    if not isinstance(loop, ast.For) or not isinstance(loop.target, ast.Name):
        return False
    for part in ast.walk(loop):
        if isinstance(part, ast.Name) and part.id == loop.target.id and part is not loop.target:
            above = facts.parent(part)
            if isinstance(above, ast.Attribute):
                below = facts.parent(above)
                called = isinstance(below, ast.Call) and below.func is above
                if above.attr == name or called:
                    return False
            elif not (isinstance(above, ast.Call) and facts.qualify(above.func) in _ASKING and above.args[0] is part):
                return False
            elif facts.qualify(above.func) == "builtins.hasattr" and _word(above.args[1]) in ("", name):
                return False
    return True


def _word(given: ast.expr) -> str:
    return str(given.value) if isinstance(given, ast.Constant) else ""


def _is_looped(facts: FileFacts, call: ast.Call) -> bool:
    """Whether all parameters are gone through, and something is done to them."""
    parent = facts.parent(call)
    return isinstance(parent, ast.For) and _sets(parent)


def _sets(loop: ast.For) -> bool:
    for part in ast.walk(loop):
        if isinstance(part, ast.Call):
            last = getattr(part.func, "attr", getattr(part.func, "id", ""))
            if last.endswith("_") or "init" in last or "reset" in last or last in ("copy", "setattr"):
                return True
    return False
