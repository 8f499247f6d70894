"""Whether what a container keeps is looked after by hand: kept out of training, trained, copied or
tied by who goes through it. Nobody misses it in ``parameters()``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.facts.held.handed_on import own_uses
from lint_params.facts.training.frozen import switches_off_in
from lint_params.trees import last_name, switched_off, walk

if TYPE_CHECKING:
    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.file import FileFacts
    from lint_params.facts.value.kinds import Kind

#: Functions that freeze or copy what they are given, by their names.
_BY_HAND = re.compile("freez|frozen|deepcopy|requires_grad|no_grad")
#: Ways of going through a container.
_THROUGH = ("enumerate", "zip", "reversed", "list", "tuple", "iter", "sorted")
#: What becomes part of something else.
_PARTS = (ast.Starred, ast.List, ast.Tuple, ast.Dict, ast.comprehension, ast.AugAssign, ast.Return)
#: What is only counted or asked of parameters.
_COUNTED = ("sum", "len", "any", "all", "max", "min", "next", "print")


def is_set_aside(cls: ClassFacts, name: str) -> bool:
    """Whether some code of the file looks after what ``self.name`` holds, in the class or outside, or
    the class only ever runs it without gradients; or a property stands behind the name."""
    if any(child.name == name and child.is_function for one in cls.mro for child in one.scope.children):
        return True
    facts = cls.facts
    inside = {scope for one in (*cls.mro, *cls.subclasses) for scope in one.scope.within()}
    built = {found[1] for method in cls.reached_from_init if (found := cls.method(method)) is not None}
    running: list[bool] = []
    for there, scope, node in own_uses(cls, name):
        items = list(_items(there, node))
        if any(is_looked_after(there, item) for item in items):
            return True
        if scope not in built:
            running += [_is_without_gradient(there, item) for item in items]
    # Where another way has a ModuleList by the name, that one may be what learns.
    ways = any(member.kind.is_module_container for member in cls.assignments(name))
    if running and (any(running) if ways else all(running)):
        return True
    outside = (node for scope in facts.scopes if scope not in inside for node in scope.nodes(ast.Attribute))
    return any(
        is_looked_after(facts, item) for node in outside if node.attr == name for item in _items(facts, node)
    )


def is_looked_after(facts: FileFacts, item: ast.expr) -> bool:
    """Whether a layer, by the name that it has here, is frozen, copied, tied or trained by hand, or gets
    an attribute of its own."""
    above = facts.parent(item)
    if _is_kept(facts, item):
        return True
    if isinstance(above, ast.Call) and above.func is not item:
        found = facts.function_of(above)
        if found is not None and switches_off_in(found[0], found[1], []):
            return True
        return _BY_HAND.search(last_name(above.func)) is not None
    if not isinstance(above, ast.Attribute):
        return False
    if above.attr in ("eval", "requires_grad_"):
        return True
    if above.attr in ("weight", "bias"):
        return isinstance(above.ctx, ast.Store) or _is_kept(facts, above)
    return above.attr in ("parameters", "named_parameters") and _are_given_away(facts, above)


def _is_kept(facts: FileFacts, value: ast.expr) -> bool:
    """``self.first = value``."""
    above = facts.parent(value)
    return isinstance(above, ast.Assign) and any(facts.self_attribute(target) for target in above.targets)


def _are_given_away(facts: FileFacts, method: ast.Attribute) -> bool:
    """Whether the parameters of a layer become part of a list, or go to a call that does not only count them."""
    below: ast.AST = method
    for above in facts.ancestors(method):
        if isinstance(above, ast.Call) and above.func is not below:
            return last_name(above.func) not in _COUNTED
        if isinstance(above, _PARTS):
            return True
        if isinstance(above, ast.ListComp) and below is above.elt:
            return True
        if isinstance(above, ast.stmt):
            return False
        below = above
    return False


def _is_without_gradient(facts: FileFacts, item: ast.expr) -> bool:
    """Whether it runs under ``no_grad``, or what it gives is detached."""
    above = facts.parent(item)
    if isinstance(above, ast.Call) and above.func is item:
        method = facts.parent(above)
        if isinstance(method, ast.Attribute) and method.attr == "detach":
            return True
    return facts.no_grad(item) or any(
        one.what == "with" and isinstance(one.test, ast.Call) and last_name(one.test.func) == "set_grad_enabled"
        for one in facts.conditions(item)
    )


def _items(facts: FileFacts, container: ast.expr) -> Iterator[ast.expr]:
    """What stands for an item of a container: ``xs[i]``, ``xs.get(k)``, and the names of a loop over it."""
    below: ast.AST = container
    for above in facts.ancestors(container):
        if isinstance(above, ast.Attribute) and above.attr in ("values", "items", "get"):
            pass
        elif isinstance(above, ast.Call) and above.func is below:
            if isinstance(below, ast.Attribute) and below.attr == "get":
                yield above
                return
        elif isinstance(above, ast.Call) and last_name(above.func) in _THROUGH:
            pass
        elif isinstance(above, ast.Subscript) and above.value is below:
            if isinstance(above.ctx, ast.Load) and not isinstance(above.slice, ast.Slice):
                yield above
                return
        elif isinstance(above, (ast.For, ast.comprehension)) and above.iter is below:
            named = {one.id for one in walk(above.target) if isinstance(one, ast.Name)}
            around = facts.parent(above)
            places = above.body if isinstance(above, ast.For) else [around] if around is not None else []
            names = (n for n in walk(*places) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))
            yield from (n for n in names if n.id in named)
            return
        else:
            return
        below = above


def freezes_itself(kind: Kind) -> bool:
    """Whether a class of the project switches off gradients of its own, or runs without any."""
    for one in kind.cls.mro if kind.cls is not None else ():
        for scope in one.scope.within():
            if any(switched_off(node) is not None for node in scope.nodes(ast.Assign, ast.Call)):
                return True
        forward = one.methods.get("forward")
        node = forward.node if forward is not None else None
        if isinstance(node, ast.FunctionDef) and one.facts.no_grad(node.body[0]):
            return True
    return False
