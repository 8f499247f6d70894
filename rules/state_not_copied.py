"""The best weights are kept as a reference, so training goes on changing them.

`state_dict()` copies nothing: its tensors are the model's own. A `best = model.state_dict()` kept
in the training loop follows every later step, and loading it back restores nothing.

Bad::

    import torch
    from torch import nn

    def fit(model, x, y, steps):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        best, state = float("inf"), None
        for _ in range(steps):
            loss = nn.functional.mse_loss(model(x), y)
            if loss.item() < best:
                best = loss.item()
                state = model.state_dict()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.load_state_dict(state)
        return best

Good::

    import copy

    import torch
    from torch import nn

    def fit(model, x, y, steps):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        best, state = float("inf"), None
        for _ in range(steps):
            loss = nn.functional.mse_loss(model(x), y)
            if loss.item() < best:
                best = loss.item()
                state = copy.deepcopy(model.state_dict())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.load_state_dict(state)
        return best

Run::

    model, x, y = nn.Linear(3, 1), torch.randn(8, 3), torch.randn(8, 1)
    best = fit(model, x, y, 5)
    assert abs(nn.functional.mse_loss(model(x), y).item() - best) < 1e-6, "not the best weights"

Silent when: the state is copied, saved to a file or sent on; it is not loaded into the same model
again; nothing in the loop trains, or the loop ends there.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Step

if TYPE_CHECKING:
    from lint_params.evidence import Run, Verification
    from lint_params.facts import FileFacts, Scope

#: What is called beside a model: losses and scores.
_JUDGES = re.compile(r"loss|crit|score|metric|accuracy|eval|valid", re.IGNORECASE)
_TRAINS = ("step", "backward", "train", "train_epoch", "train_one_epoch", "fit")


class StateNotCopied(Rule):
    code = "LP212"
    level = Level.ERROR
    words = ("state_dict",)

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for call in facts.nodes(ast.Call):
            func, parent = call.func, facts.parent(call)
            if not isinstance(func, ast.Attribute) or func.attr != "state_dict" or call.args:
                continue
            given = facts.targets(parent)
            if not isinstance(parent, ast.stmt) or len(given) != 1 or _plans(func.value):
                continue
            kept, model = ast.unparse(given[0]), ast.unparse(func.value)
            scopes = self._scopes(facts, call, kept)
            loaded = self._loaded(facts, scopes, call, kept)
            around = facts.class_around(call)
            if loaded is None and around is not None:
                loaded = self._loaded_outside(facts, call, kept, model)
                scopes = [one for one in around.scope.within() if one.is_function]
            if loaded is None or _is_the_last(facts, parent) or not self._stays(facts, scopes, call, kept):
                continue
            if _is_saved(facts, call, kept) or _is_another(facts, call) or _is_another(facts, loaded) or _is_read_again(facts, scopes, given[0]):
                continue
            yield self.report(
                facts,
                call,
                f"`{kept}` keeps the tensors of `{model}` themselves, which training goes on changing: "
                f"use `copy.deepcopy({model}.state_dict())`",
                trace=(Step(loaded.lineno, "it is loaded back here"),),
                subject=facts.subject(call),
            )

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        loaded = run.loaded_at(finding)
        for one in loaded:
            if one.changed:
                return run.confirmed(
                    f"{one.changed[0]!r} of the kept state has changed since, as it is the memory of the "
                    f"{one.model} itself: loading it restored nothing"
                )
        if any(not one.shared for one in loaded):
            return run.refuted(finding, "the kept state has memory of its own")
        return None

    def _in_training_loop(self, facts: FileFacts, call: ast.Call) -> bool:
        """Whether a loop around the line also trains."""
        for loop in facts.ancestors(call):
            if isinstance(loop, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                return False
            if isinstance(loop, (ast.For, ast.While)) and _trains(loop):
                return True
        return False

    def _scopes(self, facts: FileFacts, call: ast.Call, kept: str) -> list[Scope]:
        """The function with its training loop; for an attribute, the other methods of the class."""
        scope, cls = facts.scope_of(call), facts.class_around(call)
        if self._in_training_loop(facts, call):
            return [scope]
        again = self._loaded(facts, [scope], call, kept)
        if again is not None and again.lineno > call.lineno and self._in_training_loop(facts, again):
            return [scope]  # the weights to begin with, for every fold
        if again is not None and self._trained_between(facts, call, again):
            return [scope]  # to go back to what was before a trial
        if cls is None or not kept.startswith("self.") or facts.conditions(call) == []:
            return []
        return [one for one in cls.scope.within() if one.is_function]

    def _trained_between(self, facts: FileFacts, call: ast.Call, load: ast.Call) -> bool:
        """Whether the block of both surely trains the model between them."""
        between = _between(facts, call, load) or []
        calls = [part for one in between for part in ast.walk(one) if isinstance(part, ast.Call)]
        own = [one.func for one in calls if isinstance(one.func, ast.Name) or facts.self_attribute(one.func)]
        called = [ast.unparse(func) for func in own if not (facts.qualify(func) or "").startswith(("builtins.", "torch."))]
        models = {name for name in called if not _JUDGES.search(name)}
        return models == {ast.unparse(call.func.value)} and any(map(_steps, between))  # type: ignore[attr-defined]

    def _loaded(self, facts: FileFacts, scopes: list[Scope], call: ast.Call, kept: str) -> ast.Call | None:
        """``model.load_state_dict(kept)``, where what ``call`` gave can be loaded."""
        model = ast.unparse(call.func.value)  # type: ignore[attr-defined]
        for other in (one for scope in scopes for one in scope.nodes(ast.Call)):
            func = other.func
            if isinstance(func, ast.Attribute) and func.attr == "load_state_dict" and other.args:
                if ast.unparse(func.value) == model and ast.unparse(other.args[0]) == kept:
                    if self._comes_to(facts, call, other) and not self._at_once(facts, call, other):
                        return other
        return None

    def _comes_to(self, facts: FileFacts, call: ast.Call, load: ast.Call) -> bool:
        """Whether the load can run after the call: it stands below, in a loop around both, or in
        another function."""
        if load.lineno > call.lineno or facts.scope_of(load) is not facts.scope_of(call):
            return True
        around = [one for one in facts.ancestors(call) if isinstance(one, (ast.For, ast.While))]
        return any(one in around for one in facts.ancestors(load))

    def _at_once(self, facts: FileFacts, call: ast.Call, load: ast.Call) -> bool:
        """Whether both stand in one block and nothing trains between: a state that goes from an old
        optimizer, say, to the new one."""
        between = _between(facts, call, load)
        return between is not None and not any(map(_trains, between))

    def _loaded_outside(self, facts: FileFacts, call: ast.Call, kept: str, model: str) -> ast.Call | None:
        """``model.load_state_dict(stopper.state)`` by who has the object that keeps it."""
        cls, name = facts.class_around(call), kept.removeprefix("self.")
        if cls is None or name == kept or not facts.conditions(call):
            return None
        for other in facts.nodes(ast.Call):
            func, given = other.func, other.args[0] if other.args else None
            if not isinstance(func, ast.Attribute) or func.attr != "load_state_dict":
                continue
            if isinstance(given, ast.Attribute) and given.attr == name and ast.unparse(func.value) == model:
                if facts.kind_of(given.value).cls is cls and facts.class_around(other) is not cls:
                    return other
        return None

    def _stays(self, facts: FileFacts, scopes: list[Scope], call: ast.Call, kept: str) -> bool:
        """Whether nothing copies it after all: it is only assigned, and loaded."""
        # A copy takes the place of a first state as soon as one round was better.
        copied = self._in_training_loop(facts, call)
        names: list[ast.Name | ast.Attribute] = []
        for one in scopes:
            names += [*one.nodes(ast.Name), *one.nodes(ast.Attribute)]
        for other in names:
            if ast.unparse(other) != kept:
                continue
            parent = facts.parent(other)
            if isinstance(other.ctx, ast.Store):
                value = getattr(parent, "value", None) if facts.targets(parent) else None
                if not (isinstance(value, ast.Constant) or isinstance(parent, ast.Tuple) or _is_state(value, copied)):
                    return False
            elif isinstance(parent, ast.Call):
                called = getattr(parent.func, "attr", getattr(parent.func, "id", ""))
                if called not in ("load_state_dict", "save", "print", "len"):
                    return False
            elif not isinstance(parent, (ast.Compare, ast.Return)):
                return False
        return True


def _is_the_last(facts: FileFacts, statement: ast.stmt) -> bool:
    """``best = model.state_dict(); break``: nothing trains it any more."""
    block = getattr(facts.parent(statement), "body", None)
    below = block[block.index(statement) + 1 :] if isinstance(block, list) and statement in block else []
    return any(isinstance(one, (ast.Break, ast.Return)) for one in below)


def _plans(owner: ast.expr) -> bool:
    """Whether it is a scheduler, whose state is made of numbers."""
    return "sched" in ast.unparse(owner).rpartition(".")[2].lower()


def _is_another(facts: FileFacts, call: ast.Call) -> bool:
    """Whether the loop around makes the model anew each time: nothing trains the one that is kept, or
    another one gets the state."""
    root = call.func
    while isinstance(root, (ast.Attribute, ast.Subscript, ast.Call)):
        root = root.func if isinstance(root, ast.Call) else root.value
    loop = next((one for one in facts.ancestors(call) if isinstance(one, (ast.For, ast.While))), None)
    return loop is not None and isinstance(root, ast.Name) and any(
        isinstance(part, ast.Name) and part.id == root.id and isinstance(part.ctx, ast.Store)
        for part in ast.walk(loop)
    )


def _is_saved(facts: FileFacts, call: ast.Call, kept: str) -> bool:
    """``self.model.save(path)`` below: the state is kept in a part of what goes to a file."""
    return any(
        isinstance(other.func, ast.Attribute) and other.func.attr.startswith("save")
        and other.lineno > call.lineno and kept.startswith(f"{ast.unparse(other.func.value)}.")
        and kept.count(".") > 1
        for other in facts.scope_of(call).nodes(ast.Call)
    )


def _is_read_again(facts: FileFacts, scopes: list[Scope], target: ast.expr) -> bool:
    """``self.states = torch.load(path)``: the item is of what comes from there when it is loaded."""
    owner = ast.unparse(target.value) if isinstance(target, ast.Subscript) else ""
    for other in (node for one in scopes for node in one.nodes(ast.Name, ast.Attribute) if owner):
        if not isinstance(getattr(other, "ctx", None), ast.Store) or ast.unparse(other) != owner:
            continue
        statement = facts.parent(other)
        value = getattr(statement, "value", None) if facts.targets(statement) else None
        empty = isinstance(value, ast.Call) and facts.qualify(value.func) == "builtins.dict"
        if not isinstance(value, (ast.Constant, ast.Dict)) and not empty:
            return True
    return False


def _trains(node: ast.AST) -> bool:
    return any(
        isinstance(part, ast.Call) and getattr(part.func, "attr", getattr(part.func, "id", "")) in _TRAINS
        for part in ast.walk(node)
    )


def _steps(node: ast.AST) -> bool:
    """Whether an optimizer surely is somewhere in it: ``optimizer.step()``."""
    return any(
        isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr == "step"
        and re.search(r"opt|solver|trainer", ast.unparse(part.func.value), re.IGNORECASE) is not None
        for part in ast.walk(node)
    )


def _is_state(value: ast.AST | None, copied: bool) -> bool:
    """``model.state_dict()``, which the name holds at other times, with ``copied`` also a copy of it."""
    inner = value.args[0] if copied and isinstance(value, ast.Call) and len(value.args) == 1 else value
    return isinstance(inner, ast.Call) and getattr(inner.func, "attr", "") == "state_dict" and not inner.args


def _between(facts: FileFacts, first: ast.Call, second: ast.Call) -> list[ast.AST] | None:
    """The statements between those of two calls of one block; None if the first does not stand above."""
    one, two = facts.parent(first), facts.parent(second)
    for block in _blocks(facts.parent(one)) if one is not None and two is not None else ():
        if one in block and two in block and block.index(one) < block.index(two):
            return block[block.index(one) + 1 : block.index(two)]
    return None


def _blocks(node: ast.AST | None) -> list[list[ast.AST]]:
    """The lists of statements of a statement."""
    fields = [getattr(node, name, None) for name in ("body", "orelse", "finalbody")]
    return [block for block in fields if isinstance(block, list)]
