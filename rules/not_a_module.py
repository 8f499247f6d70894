"""A container of Modules is given something that is no Module.

`nn.ModuleList`, `nn.ModuleDict`, `nn.Sequential` and `add_module` take instances of Modules and
refuse everything else: a list of layers (the inner one has to be a ModuleList too), a function
such as `F.relu`, a class that was not called, a tensor or a Parameter.

Bad::

    import torch
    from torch import nn

    class Stages(nn.Module):
        def __init__(self, dim, depth):
            super().__init__()
            stages = []
            for _ in range(2):
                stages.append([nn.Linear(dim, dim) for _ in range(depth)])
            self.stages = nn.ModuleList(stages)

        def forward(self, x):
            for stage in self.stages:
                for layer in stage:
                    x = layer(x)
            return x

Good::

    import torch
    from torch import nn

    class Stages(nn.Module):
        def __init__(self, dim, depth):
            super().__init__()
            stages = []
            for _ in range(2):
                stages.append(nn.ModuleList([nn.Linear(dim, dim) for _ in range(depth)]))
            self.stages = nn.ModuleList(stages)

        def forward(self, x):
            for stage in self.stages:
                for layer in stage:
                    x = layer(x)
            return x

Run::

    Stages(4, 2)(torch.randn(2, 4))

Says: list is not a Module subclass

Silent when: what is given is not known, or may be a Module on some path; `None`, which a ModuleList
takes; the container is a class of the project's own.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Verification

if TYPE_CHECKING:
    from lint_params.evidence import Run
    from lint_params.facts import FileFacts

_PLAIN = {
    "list": "a list", "tuple": "a tuple", "set": "a set", "dict": "a dict", "number": "a number",
    "string": "a string", "tensor": "a tensor", "parameter": "a Parameter", "buffer": "a tensor",
    "function": "a function",
}  # fmt: skip
_CONTAINERS = ("torch.nn.ModuleList", "torch.nn.ModuleDict", "torch.nn.Sequential")
_ADDS = {"append": 0, "insert": 1, "add_module": 1, "register_module": 1}


class NotAModule(Rule):
    code = "LP313"
    level = Level.ERROR
    words = ("ModuleList", "ModuleDict", "Sequential", "add_module")

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for part, holder in self._parts(facts):
            what = _wrong(facts, part)
            if what:
                yield self.report(
                    facts,
                    part,
                    f"{holder} takes Modules, and this is {what}{_cure(what, holder)}",
                    subject=facts.subject_of(part),
                )

    def _parts(self, facts: FileFacts) -> Iterator[tuple[ast.expr, str]]:
        for call in facts.calls_of(*_CONTAINERS):
            name = "nn." + (facts.qualify(call.func) or "").rpartition(".")[2]
            if name == "nn.Sequential":
                parts = _items(facts, ast.Tuple(call.args, ast.Load()))
                if not (len(parts) == 1 and _is_ordered(facts, parts[0])):
                    yield from ((part, name) for part in parts)
                continue
            given = facts.argument(call, 0, "modules")
            if given is not None and (name != "nn.ModuleDict" or _is_dict(facts, given)):
                yield from ((part, name) for part in _items(facts, given))
        for call in facts.nodes(ast.Call):
            func = call.func
            if not isinstance(func, ast.Attribute) or func.attr not in _ADDS:
                continue
            owner = facts.kind_of(func.value)
            if owner.torch in _CONTAINERS and owner.is_module and not owner.cls and not owner.annotated:
                name = "nn." + owner.torch.rpartition(".")[2]
            elif func.attr.endswith("_module") and owner.is_module:
                name = f"`{func.attr}`"
            else:
                continue
            given = facts.argument(call, _ADDS[func.attr], "module")
            if given is not None:
                yield given, name

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        for failure in run.failures:
            if "is not a Module subclass" in failure.text:
                return run.confirmed_by(failure)
        if run.arguments_from == "synthesised":  # with others it may be another item that is kept
            return run.inconclusive("degenerate-input", "the arguments were made up")
        return run.refuted(finding, "torch took it") if run.ran(finding) else None


def _cure(what: str, holder: str) -> str:
    """What to write instead."""
    if what == "a list" and holder == "nn.Sequential":
        return ": unpack it, nn.Sequential(*layers)"
    if what == "a list":
        return ": make the inner one a ModuleList too"
    if what == "a function":
        return ": use a layer such as nn.ReLU()"
    return ": call it" if what.startswith("the class") else ""


def _is_ordered(facts: FileFacts, given: ast.expr) -> bool:
    """``nn.Sequential(OrderedDict(...))``, or something that may be one."""
    kind = facts.kind_of(given)
    if isinstance(given, ast.Dict | ast.DictComp) or kind.what != "dict":
        return kind.what == "choice"
    return True


def _is_dict(facts: FileFacts, given: ast.expr) -> bool:
    """A dict as written; a ModuleDict also takes pairs."""
    return all(isinstance(one, ast.Dict | ast.DictComp) for one in facts.reach(given) or [given])


def _items(facts: FileFacts, expr: ast.expr, depth: int = 0) -> list[ast.expr]:
    """What a list, tuple or dict holds, each as written; local lists with what is appended."""
    if depth > 4:
        return []
    if isinstance(expr, (ast.List, ast.Tuple)):
        found: list[ast.expr] = []
        for part in expr.elts:
            inner = isinstance(part, ast.Starred)
            found += _items(facts, part.value, depth + 1) if inner else [part]  # type: ignore[attr-defined]
        return found
    if isinstance(expr, (ast.ListComp, ast.GeneratorExp)):
        return [expr.elt]
    if isinstance(expr, ast.Dict):
        found = []
        for key, part in zip(expr.keys, expr.values):  # `**other` has no key
            found += [part] if key is not None else _items(facts, part, depth + 1)
        return found
    if isinstance(expr, ast.DictComp):
        return [expr.value]
    if isinstance(expr, ast.BinOp) and isinstance(expr.op, ast.Add):
        return _items(facts, expr.left, depth + 1) + _items(facts, expr.right, depth + 1)
    if isinstance(expr, ast.Subscript) and isinstance(expr.slice, ast.Slice):
        return _items(facts, expr.value, depth + 1)
    if isinstance(expr, ast.Name):
        values = facts.reach(expr)
        if values is None or any(value is expr for value in values):
            return []
        found = [part for value in values for part in _items(facts, value, depth + 1)]
        for write in facts.writes_in(facts.scope_of(expr)):
            same = isinstance(write.target, ast.Name) and write.target.id == expr.id
            if same and write.how == "grow" and write.method == "append" and write.value is not None:
                found.append(write.value)
        return found
    return []


def _wrong(facts: FileFacts, part: ast.expr) -> str:
    """What a value is, where it surely is no Module."""
    kind = facts.kind_of(part)
    if kind.optional or kind.annotated:
        return ""
    if kind.what in _PLAIN:
        return _PLAIN[kind.what]
    if kind.what == "iterator" and isinstance(part, ast.GeneratorExp):
        return "a generator"
    if kind.what == "class":
        is_module = kind.cls.is_module if kind.cls is not None else kind.torch.startswith("torch.nn.")
        return f"the class {kind.describe()} itself" if is_module else ""
    name = facts.qualify(part) or ""
    home, _, last = name.rpartition(".")
    if home == "torch.nn.functional" or (home == "torch" and facts.is_pure_function(name)):
        return "a function" if last[:1].islower() else ""
    return ""
