"""Code outside of a class, in its file and in scripts, that may fill its Parameters."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from lint_params.facts.beside import importers
from lint_params.facts.parameters.fill_all import visits
from lint_params.facts.parameters.filled_by import EVERYTHING, INITS, is_filled_by, is_of_class
from lint_params.facts.parameters.reads import is_read
from lint_params.facts.parameters.unnamed import fills_unnamed, loop_over
from lint_params.trees import last_name

if TYPE_CHECKING:
    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.file import FileFacts

#: Methods that are there to set values.
FOR_THE_CONSTRUCTOR = re.compile(r"init|reset|build|setup|fill", re.IGNORECASE)
_SETS_PARAMETERS = re.compile(r"(init|reset)\w*_(param|weight)", re.IGNORECASE)
_ASKING = ("builtins.isinstance", "builtins.type", "builtins.hasattr")


def is_filled_around(cls: ClassFacts, family: list[ClassFacts], name: str) -> bool:
    """Whether other code of the file, or a script that imports it, may initialise instances."""
    facts = cls.facts
    own = {scope for one in family for scope in one.scope.within()}
    called = called_elsewhere(facts)
    for scope in facts.scopes:
        method = scope.method
        mine = scope in own
        if mine and (method is None or method.name not in called):
            continue
        if fills_unnamed(facts, scope, family, name):
            return True
        for call in scope.nodes(ast.Call):
            func = call.func
            if isinstance(func, ast.Attribute) and func.attr in (*EVERYTHING, "state_dict"):
                loop = loop_over(facts, call)
                if loop is not None and not (_names_others(facts, call, name) or _only_forgets(facts, loop)):
                    return True
        if mine:
            continue
        instance = scope.instance_name if scope.is_function else None
        for node in scope.nodes(ast.Attribute):
            if node.attr in INITS and _is_foreign(facts, node, cls, name):
                return True
            if isinstance(node.value, ast.Name) and node.value.id == instance:
                continue  # another class speaks of its own attribute of that name
            if node.attr == name and _touches(facts, node):
                return True
    return any(is_filled_by(script, name, cls) for script in importers(facts))


def is_left_out(cls: ClassFacts, name: str) -> bool:
    """Whether the class sets its Parameters itself, by a method of its own that the constructor
    runs, and this is none of them: nobody else is asked to."""
    facts = cls.facts
    run = {method: scope for method, scope in cls.methods.items() if method in cls.reached_from_init}
    return any(_SETS_PARAMETERS.search(method) for method in run) or any(
        write.how == "init" and facts.self_attribute(write.target) not in (None, name)
        for method, scope in run.items()
        if method != "__init__" and FOR_THE_CONSTRUCTOR.search(method)
        for write in facts.writes_in(scope)
    )


def called_elsewhere(facts: FileFacts) -> set[str]:
    """Names of methods that the file calls on something that is not ``self``."""
    found = set()
    for scope in facts.scopes:
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


def _is_foreign(facts: FileFacts, node: ast.Attribute, cls: ClassFacts, name: str) -> bool:
    """Whether ``x.apply(f)`` or ``x.init_weights()`` runs code that this file does not show;
    what it does show is read for what it touches."""
    call = facts.parent(node)
    if not isinstance(call, ast.Call) or call.func is not node or is_of_class(node):
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
    if is_read(facts, node):
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
                if above.attr == name or called or _goes_further(facts, above):
                    return False
            elif not (isinstance(above, ast.Call) and facts.qualify(above.func) in _ASKING and above.args[0] is part):
                return False
            elif facts.qualify(above.func) == "builtins.hasattr" and _word(above.args[1]) in ("", name):
                return False
    return True


def _goes_further(facts: FileFacts, layer: ast.Attribute) -> bool:
    """Whether ``m.attn`` is handed to what may go over all that it has, or its tables are read."""
    above = facts.parent(layer)
    if isinstance(above, ast.Attribute):
        return above.attr in (*EVERYTHING, *INITS, "_parameters", "_modules", "__dict__")
    if not isinstance(above, ast.Call) or layer not in above.args:
        return False
    return last_name(above.func)[-1:] != "_" and (facts.qualify(above.func) or "") not in _ASKING


def _only_forgets(facts: FileFacts, loop: ast.AST) -> bool:
    """``for m in net.modules(): if isinstance(m, Wrapper): m.reset()`` of a class of the file whose
    ``reset`` sets attributes of its own to constants, and nothing else."""
    only = loop.body[0] if isinstance(loop, ast.For) and len(loop.body) == 1 else None
    done = only.body[0] if isinstance(only, ast.If) and len(only.body) == 1 and not only.orelse else None
    test = only.test if isinstance(only, ast.If) else None
    call = done.value if isinstance(done, ast.Expr) else None
    if not isinstance(test, ast.Call) or facts.qualify(test.func) != "builtins.isinstance" or len(test.args) != 2:
        return False
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return False
    cls = facts.class_of(test.args[1])
    found = cls.method(call.func.attr) if cls is not None and cls.bases_complete and not cls.subclasses else None
    if found is None or ast.unparse(call.func.value) != ast.unparse(test.args[0]):
        return False
    body = getattr(found[1].node, "body", [])
    return all(isinstance(one, ast.Assign) and isinstance(one.value, ast.Constant) for one in body)


def _word(given: ast.expr) -> str:
    return str(given.value) if isinstance(given, ast.Constant) else ""
