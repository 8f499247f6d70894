"""The layers of an ``nn.Sequential`` that is written out, and which of them feed each other."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lint_params.facts.value.consecutive import ALIKE_LAYERS
from lint_params.facts.value.kinds import UNKNOWN, Kind

if TYPE_CHECKING:
    from collections.abc import Container

    from lint_params.facts.classes import ClassFacts

_INIT = ("weight", "bias")


def sequences(cls: ClassFacts) -> dict[str, list[Kind]]:
    """Attribute to the layers of ``self.net = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), ...)``, where
    the class does nothing with it but call it, apply functions to it, and write to the weights of one
    that it names."""
    found: dict[str, list[Kind]] = {}
    for name in {name for one in cls.mro for name in one.members}:
        made = cls.assignments(name)
        call = made[0].value if len(made) == 1 and made[0].how == "assign" else None
        if not isinstance(call, ast.Call) or made[0].conditions or not call.args or call.keywords:
            continue
        facts = made[0].cls.facts
        written = all(isinstance(arg, ast.Call) for arg in call.args)
        if written and facts.qualify(call.func) == "torch.nn.Sequential" and _is_only_called(cls, name):
            kinds = [facts.kind_of(arg) for arg in call.args]
            # A layer that weight_norm was given computes its weight: a write to that has no effect.
            found[name] = [kind if kind.node is arg else UNKNOWN for kind, arg in zip(kinds, call.args)]
    return found


def fed(name: str, kinds: list[Kind], layers: Container[str]) -> list[tuple[str, str]]:
    """Pairs of ``layers`` of one Sequential of which the second takes the output of the first."""
    pairs: list[tuple[str, str]] = []
    before = ""
    for place, kind in enumerate(kinds):
        here = f"{name}.{place}"
        if here in layers:
            pairs += [(before, here)] if before else []
            before = here
        elif kind.layer not in ALIKE_LAYERS:
            before = ""
    return pairs


def placed(cls: ClassFacts, owner: ast.expr, known: dict[str, list[Kind]]) -> str:
    """``net.2`` for ``self.net[2]`` or ``self.net[-1]``; "" for anything else."""
    if not isinstance(owner, ast.Subscript):
        return ""
    name = cls.facts.self_attribute(owner.value)
    try:
        place = ast.literal_eval(owner.slice)
    except (ValueError, TypeError, SyntaxError):
        return ""
    if name not in known or type(place) is not int or not -len(known[name]) <= place < len(known[name]):
        return ""
    return f"{name}.{place % len(known[name])}"


def _is_only_called(cls: ClassFacts, name: str) -> bool:
    called = False
    for one in [*cls.mro, *cls.subclasses]:
        for scope in one.scope.within():
            writes = [write.target for write in one.facts.writes_in(scope)]
            for node in scope.nodes(ast.Attribute):
                if one.facts.self_attribute(node) != name or not isinstance(node.ctx, ast.Load):
                    continue
                parent = one.facts.parent(node)
                if isinstance(parent, ast.Call) and parent.func is node:
                    called = True
                    continue
                applies = isinstance(parent, ast.Attribute) and parent.attr == "apply"
                if applies and isinstance(one.facts.parent(parent), ast.Call):  # type: ignore[arg-type]
                    continue  # which function it is given is looked at there
                weight = one.facts.parent(parent) if isinstance(parent, ast.Subscript) else None
                if not any(weight is target for target in writes) or getattr(weight, "attr", "") not in _INIT:
                    return False
    return called
