"""Modules and Parameters that take part in a training loop and that no optimizer holds."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lint_params.facts.beside import is_mentioned_beside, is_subclassed_beside
from lint_params.facts.members import argument
from lint_params.facts.training.trained import is_backward, trains
from lint_params.facts.training.untrained_uses import LOADED, is_harmless, only_computes, uses
from lint_params.facts.value.call_sites import value_given
from lint_params.names import dotted
from lint_params.trees import targets

if TYPE_CHECKING:
    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.file import FileFacts
    from lint_params.facts.scope import Scope
    from lint_params.facts.training.optimizers import Optimizer

_MOVES = ("to", "cuda", "cpu", "float", "half", "double", "train")
_APART = ("teacher", "target", "ema", "frozen", "pretrained", "vgg", "lpips", "clip", "reference")


@dataclass(frozen=True, eq=False)
class Untrained:
    """``name`` (a variable, or ``self.x``) is made at ``made`` and called in a training loop."""

    name: str
    made: ast.expr
    call: ast.expr
    optimizer: Optimizer


def untrained_modules(facts: FileFacts) -> list[Untrained]:
    found: list[Untrained] = []
    for scope in facts.functions:
        if scope.owner is None:
            found += _in_function(facts, scope)
    for cls in facts.classes:
        found += _in_class(facts, cls)
    return found


def _in_function(facts: FileFacts, scope: Scope) -> Iterator[Untrained]:
    optimizers = [one for one in facts.optimizers if one.scope is scope]
    held = _held(facts, optimizers, [scope]) if optimizers else None
    if held is None or scope.children and any(s.is_function for s in scope.children) and scope.parent:
        return
    made: dict[str, list[ast.expr]] = {}
    for node in scope.assignments:
        if len(targets(node)) != 1 or node.value is None:
            continue
        target = targets(node)[0]
        pairs = [(target, node.value)]
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = list(zip(target.elts, node.value.elts))
        for name, value in pairs:
            if isinstance(name, ast.Name) and not (isinstance(value, ast.Constant) and pairs[0][0] is not target):
                made.setdefault(name.id, []).append(value)
    others = [one for one in facts.optimizers if one.scope is not scope and scope.parent is None]
    given = {dotted(owner) for one in others for owner in (*one.owners, *one.single)}
    made = {name: values for name, values in made.items() if name not in given}  # a function trains it first
    yield from _missing(facts, made, held, optimizers, [scope], _loops(scope))


def _in_class(facts: FileFacts, cls: ClassFacts) -> Iterator[Untrained]:
    """A trainer (no Module itself), or a LightningModule."""
    lightning = any("lightning" in base.lower() for base in cls.outside_bases)
    if (cls.is_module and not lightning) or cls.subclasses or cls.init is None:
        return
    if len(cls.mro) > 1 or (cls.outside_bases - {"builtins.object", "object"} and not lightning):
        return
    scopes = list(cls.scope.within())
    optimizers = [one for one in facts.optimizers if one.scope in scopes]
    held = _held(facts, optimizers, scopes) if optimizers else None
    if held is None or is_subclassed_beside(facts, cls.name) or is_mentioned_beside(facts, cls.name, "optim"):
        return
    made = {
        f"self.{name}": [m.value for m in members if m.value is not None]
        for name, members in cls.members.items()
        if all(m.how == "assign" and m.scope.name in cls.surely_built_by and not m.conditions for m in members)
    }
    loops: list[list[ast.stmt]] = []
    for method in cls.scope.children:
        if method.is_function:
            step = lightning and method.name == "training_step"
            if step or any(is_backward(call) for call in method.nodes(ast.Call)):
                loops.append(method.node.body)
    yield from _missing(facts, made, held, optimizers, scopes, loops)


def _held(facts: FileFacts, optimizers: list[Optimizer], scopes: list[Scope]) -> set[str] | None:
    """The dotted names whose parameters are held; None: not all is known."""
    names: set[str] = set()
    for one in optimizers:
        if one.given is None or not (one.owners or one.single):
            return None
        if not one.complete and not _only_trainable(facts, one.given):
            return None
        for owner in [*one.owners, *one.single]:
            name = dotted(owner)
            if name is None:
                return None
            names.add(name)
    for scope in scopes:
        for call in scope.nodes(ast.Call):
            func = call.func
            last = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
            if last == "add_param_group" or ("optim" in last.lower() and not _is_torch(facts, call)):
                return None
            if last in ("SGD", "Adam", "AdamW", "Optimizer") and not _is_torch(facts, call):
                return None
    return names


def _is_torch(facts: FileFacts, call: ast.Call) -> bool:
    return (facts.qualify(call.func) or "").startswith("torch.")


def _only_trainable(facts: FileFacts, given: ast.expr) -> bool:
    """``filter(lambda p: p.requires_grad, m.parameters())`` and comprehensions of that kind."""
    if isinstance(given, ast.Call) and facts.qualify(given.func) == "builtins.filter":
        first = given.args[0]
        return isinstance(first, ast.Lambda) and getattr(first.body, "attr", "") == "requires_grad"
    if isinstance(given, (ast.ListComp, ast.GeneratorExp)):
        tests = [test for one in given.generators for test in one.ifs]
        return all(getattr(test, "attr", "") == "requires_grad" for test in tests)
    return False


def _missing(
    facts: FileFacts,
    made: dict[str, list[ast.expr]],
    held: set[str],
    optimizers: list[Optimizer],
    scopes: list[Scope],
    loops: Iterable[list[ast.stmt]],
) -> Iterator[Untrained]:
    loops = list(loops)
    for name, values in made.items():
        fresh = [value for value in values if not _is_move(value, name)]
        if len(fresh) != 1 or any(_overlap(name, other) for other in held):
            continue
        copied = _copy_of(facts, fresh[0], held)
        single = _trainable_parameter(facts, fresh[0])
        if any(word in name.lower() for word in _APART) or not (copied or single or _fresh(facts, fresh[0])):
            continue
        harmless = only_computes if single else is_harmless
        others = [use for scope in scopes for use in uses(scope, name) if not harmless(facts, use)]
        helpers = [_helper(facts, use) for use in others]
        if single and others or not all(helpers):
            continue
        for helper in helpers:
            if helper is not None and _trains_both(facts, *helper, name, held):
                yield Untrained(name, fresh[0], helper[0], _to_blame(optimizers))
                break
        for body in loops if not helpers else ():
            call = trains(facts, body, name)
            if call is None:
                continue
            # Where only Parameters are trained (a picture, a prompt), what they go through is not meant.
            beside = [one for other in held if (one := trains(facts, body, other)) is not None]
            if any(single or isinstance(one, ast.Call) for one in beside) or (copied and _steps(body)):
                yield Untrained(name, fresh[0], call, _to_blame(optimizers))
                break


def _helper(facts: FileFacts, use: ast.expr) -> tuple[ast.Call, FileFacts, Scope] | None:
    """The call ``train_step(x, encoder, decoder)`` that gets a module, and the function that it runs,
    where that does nothing else with the module either and makes no optimizer of its own."""
    call = facts.parent(use)
    if isinstance(call, ast.keyword):
        call = facts.parent(call)
    found = facts.function_of(call) if isinstance(call, ast.Call) and call.func is not use else None
    if not isinstance(call, ast.Call) or found is None or found[1].decorators or found[1].children:
        return None
    there, scope = found
    names = [arg.arg for arg in scope.arguments if value_given(call, scope, arg.arg) is use]
    written = [node.id for node in scope.nodes(ast.Name) if not isinstance(node.ctx, ast.Load)]
    if len(names) != 1 or names[0] in written:
        return None
    if any(one.scope is scope for one in there.optimizers) or _held(there, [], [scope]) is None:
        return None
    return (call, there, scope) if all(is_harmless(there, one) for one in uses(scope, names[0])) else None


def _trains_both(
    facts: FileFacts, call: ast.Call, there: FileFacts, scope: Scope, name: str, held: set[str]
) -> bool:
    """Whether the helper steps after a backward that reaches the module and another one that is held;
    what a Parameter that is trained alone goes through is not meant."""
    body = scope.node.body
    if not _steps(body) or not any(is_backward(one) for one in scope.nodes(ast.Call)):
        return False
    reached = {
        dotted(value)
        for arg in scope.arguments
        if (value := value_given(call, scope, arg.arg)) is not None
        and isinstance(trains(there, body, arg.arg), ast.Call)
    }
    return name in reached and not reached.isdisjoint(held)


def _to_blame(optimizers: list[Optimizer]) -> Optimizer:
    """The first that is given something twice, or only what another one has already; else the
    first."""
    seen: set[str] = set()
    for one in optimizers:
        given = [dotted(owner) or "" for owner in [*one.owners, *one.single]]
        names = set(given)
        if names <= seen or len(names) < len(given):
            return one
        seen |= names
    return optimizers[0]


def _copy_of(facts: FileFacts, value: ast.expr, held: set[str]) -> bool:
    """``copy.deepcopy(model)`` of a model that the optimizer holds: the copy it does not."""
    called = facts.qualify(value.func) if isinstance(value, ast.Call) else None
    return (
        called == "copy.deepcopy"
        and isinstance(value, ast.Call)
        and bool(value.args)
        and dotted(value.args[0]) in held
    )


def _steps(body: list[ast.stmt]) -> bool:
    """Whether an optimizer steps in these statements."""
    calls = (node for one in body for node in ast.walk(one) if isinstance(node, ast.Call))
    return any(isinstance(c.func, ast.Attribute) and c.func.attr == "step" for c in calls)


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(other + ".") or other.startswith(one + ".")


def _is_move(value: ast.expr, name: str) -> bool:
    """``net = net.to(device)``."""
    func = value.func if isinstance(value, ast.Call) else None
    return isinstance(func, ast.Attribute) and func.attr in _MOVES and dotted(func.value) == name


def _fresh(facts: FileFacts, value: ast.expr) -> bool:
    """A module with parameters that is made here, untrained: nothing is loaded."""
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        if value.func.attr not in _MOVES or facts.qualify(value.func) is not None:
            break
        value = value.func.value
    if not isinstance(value, ast.Call):
        return False
    if isinstance(value.func, ast.Attribute) and facts.qualify(value.func) is None:
        return False  # .eval(), .requires_grad_(False)
    kind = facts.kind_of(value)
    if not kind.is_module or kind.optional or facts.owns_parameters(value) is not True:
        return False
    for arg in [*value.args, *(keyword.value for keyword in value.keywords)]:
        if isinstance(arg, ast.Constant) and isinstance(arg.value, str) and kind.cls is not None:
            return False
        if facts.kind_of(arg).may_be("module") and kind.cls is not None:
            return False  # it may be the very module that is trained
    if any("train" in (k.arg or "") or k.arg in ("weights", None) for k in value.keywords):
        return False
    for one in kind.cls.mro if kind.cls is not None else ():
        for scope in one.scope.within():
            for node in scope.nodes(ast.Attribute):
                if node.attr in LOADED or node.attr in ("requires_grad", "requires_grad_", "no_grad"):
                    return False
    return True


def _trainable_parameter(facts: FileFacts, value: ast.expr) -> bool:
    """``nn.Parameter(...)`` that is to be trained."""
    if not isinstance(value, ast.Call) or facts.qualify(value.func) != "torch.nn.Parameter":
        return False
    flag = argument(value, 1, "requires_grad")
    return flag is None or isinstance(flag, ast.Constant) and flag.value is True


def _loops(scope: Scope) -> Iterator[list[ast.stmt]]:
    for each in scope.nodes(ast.For):
        yield each.body
    for loop in scope.nodes(ast.While):
        yield loop.body
