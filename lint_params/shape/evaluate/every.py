"""All modules below one, where code changes them: a loop over ``modules()``, ``apply(fn)``."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lint_params.shape.check import Obligation, Verdict
from lint_params.shape.evaluate.children import children
from lint_params.shape.evaluate.objects import set_attr
from lint_params.shape.sizes.dim import NO, same
from lint_params.shape.value import Function, Instance, Layer, Origin, Unknown, Value
from lint_params.trees import walk

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter

#: So many modules are changed one by one.
MOST = 64


def below(owner: Any) -> list[tuple[str, Value]]:
    """All modules of a tree by their dotted names, each once, the owner first."""
    found: dict[int, tuple[str, Value]] = {}
    todo = [("", owner)]
    while todo:
        name, module = todo.pop()
        if id(module) not in found:
            found[id(module)] = name, module
            inner = [(f"{name}.{k}" if name else str(k), v) for k, v in children(module)]
            todo.extend(pair for pair in reversed(inner) if isinstance(pair[1], (Layer, Instance)))
    return list(found.values())


def inside(
    obligations: list[Obligation], one: Value, sound: Sequence[Value]
) -> Iterator[Obligation]:
    """What surely does not fit between two layers that one module has and the ``sound`` ones, among
    which it is chosen, have not: whatever it was chosen for, it does not work."""
    own = _built(one) - {origin for other in sound for origin in _built(other)}
    for o in obligations if own else ():
        if fits_never(o) and o.source is not None and {o.built, o.source.built} <= own:
            yield o


def fits_never(o: Obligation) -> bool:
    """Whether two sizes were refuted that are never the same."""
    if o.verdict is not Verdict.REFUTED or o.counts_dimensions or o.expected is None or o.got is None:
        return False
    return same(o.expected, o.got) is NO


def is_identity(module: Value) -> bool:
    """What stands where a layer is left out."""
    return isinstance(module, Layer) and module.spec.name == "torch.nn.Identity"


def _built(owner: Value) -> set[Origin | None]:
    """Where the modules of a tree, or of a list of them, were built."""
    owners = owner if isinstance(owner, list) else [owner]
    return {m.origin for o in owners if isinstance(o, (Layer, Instance)) for _, m in below(o)}


def given_to(name: str, *body: ast.AST) -> set[str]:
    """The attributes that code gives to the object of that name, itself or by ``setattr``."""
    found = set()
    for part in walk(*body):
        if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store) and _is(part.value, name):
            found.add(part.attr)
        elif isinstance(part, ast.Call) and len(part.args) == 3 and _is(part.args[0], name):
            if _is(part.func, "setattr") and isinstance(part.args[1], ast.Constant):
                found.add(str(part.args[1].value))
    return found


def _is(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _handed_on(name: str, *body: ast.AST) -> bool:
    """Whether code calls a function of the project's, or of somebody's, with the object itself."""
    return any(
        isinstance(part, ast.Call)
        and isinstance(part.func, ast.Name)
        and not hasattr(builtins, part.func.id)
        and any(_is(arg, name) for arg in part.args)
        for part in walk(*body)
    )


def forget(it: Interpreter, modules: list[tuple[str, Value]], names: set[str]) -> None:
    """What each module has under these names is not known any more."""
    for _, module in modules:
        for name in names & module.attrs.keys():
            set_attr(it, module, name, Unknown("changed with all modules"))


def apply(it: Interpreter, owner: Any, fn: Value) -> None:
    """``owner.apply(fn)``: most functions only fill weights, and are not run for it."""
    if not isinstance(fn, Function):
        return
    spec = fn.node.args
    names = [arg.arg for arg in (*spec.posonlyargs, *spec.args)][fn.bound is not None :]
    body = [fn.node.body] if isinstance(fn.node, ast.Lambda) else fn.node.body
    changed = given_to(names[0], *body) if names else set()
    modules = below(owner) if changed or (names and _handed_on(names[0], *body)) else []
    if len(modules) > MOST:
        forget(it, modules, changed)
        return
    for _, module in reversed(modules):
        it.call(fn, [module], {}, it.ctx.node, "apply")
