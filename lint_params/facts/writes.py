"""What is written where: rebinding, items, ``.data``, in-place methods, containers."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lint_params.facts.members import argument
from lint_params.facts.torch_names import IN_PLACE_METHODS, INITIALISERS, INPLACE_ARGUMENT

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts
    from lint_params.facts.scope import Scope

_GROW = {"append", "extend", "insert", "add", "update", "setdefault", "appendleft"}
#: Attributes of a tensor through which a write reaches the tensor itself.
_THROUGH = ("data", "grad", "T", "mT", "H")


@dataclass(frozen=True, eq=False)
class Write:
    """One write.

    ``target`` is what is changed: for ``p.data = v``, ``p.data[i] = v``, ``p.data.zero_()``
    it is ``p`` and ``through`` is "data" (likewise "grad"); views taken on the way
    (``p[0].zero_()``, ``p.view(-1).zero_()``) are told by ``view``.

    ``how``: "bind" (``t = v``; of an attribute or name), "augmented" (``t += v``), "item"
    (``t[i] = v``), "item-augmented", "method" (``t.zero_()``; ``method`` says which), "init"
    (``nn.init.zeros_(t)``), "grow" (``t.append(v)``), "out" (``out=t``), "delete"; of those that
    are asked for apart "call".
    """

    target: ast.expr
    how: str
    node: ast.stmt | ast.Call
    scope: Scope
    value: ast.expr | None = None
    through: str = ""
    method: str = ""
    view: bool = False


def read_writes(facts: FileFacts, scope: Scope) -> list[Write]:
    """Writes of one scope, in no particular order but that of the source for each kind."""
    found: list[Write] = []
    for node in scope.nodes(ast.Assign):
        for target in node.targets:
            found += _stores(facts, target, node.value, node, scope)
    for note in scope.nodes(ast.AnnAssign):
        if note.value is not None:
            found += _stores(facts, note.target, note.value, note, scope)
    for change in scope.nodes(ast.AugAssign):
        how = "item-augmented" if isinstance(change.target, ast.Subscript) else "augmented"
        found.append(_made(facts, change.target, how, change, scope, change.value))
    for gone in scope.nodes(ast.Delete):
        found += [_made(facts, target, "delete", gone, scope, None) for target in gone.targets]
    for call in scope.nodes(ast.Call):
        func = call.func
        if isinstance(func, ast.Attribute):
            if func.attr in IN_PLACE_METHODS:
                if call.args and func.attr in INITIALISERS and _is_init(facts, func):
                    found.append(_made(facts, call.args[0], "init", call, scope, None, func.attr))
                else:
                    value = call.args[0] if call.args else None
                    found.append(_made(facts, func.value, "method", call, scope, value, func.attr))
            elif func.attr in INITIALISERS and call.args and _is_init(facts, func):
                found.append(_made(facts, call.args[0], "init", call, scope, None, func.attr))
            elif func.attr in _GROW and (call.args or call.keywords):
                value = call.args[-1] if call.args else None
                found.append(Write(func.value, "grow", call, scope, value, method=func.attr))
        elif isinstance(func, ast.Name) and func.id.endswith("_") and call.args:
            if _is_init(facts, func):
                last = (facts.qualify(func) or "").rpartition(".")[2]
                found.append(_made(facts, call.args[0], "init", call, scope, None, last))
        for keyword in call.keywords:
            if keyword.arg == "out" and not isinstance(keyword.value, ast.Constant):
                found.append(_made(facts, keyword.value, "out", call, scope, None))
    return found


def written_by_calls(facts: FileFacts) -> list[Write]:
    """What a layer or a function changes that works in place: ``nn.ReLU(inplace=True)(t)``,
    ``F.relu(t, inplace=True)``, ``torch.relu_(t)``; how is "call"."""
    found: list[tuple[ast.Call, str]] = []
    layers: list[ast.Call] = []
    for name, calls in facts.calls.items():
        home, _, last = name.rpartition(".")
        if home == "torch.nn" and last in _IN_PLACE_LAYERS:
            layers += [one for one in calls if _asks_in_place(one, _IN_PLACE_LAYERS[last])]
        elif home == "torch.nn.functional" and last in _IN_PLACE_FUNCTIONS:
            found += [(one, last) for one in calls if _asks_in_place(one, INPLACE_ARGUMENT[last])]
        elif home in ("torch", "torch.nn.functional") and f"{last[:-1]}_" in IN_PLACE_METHODS and last[-1:] == "_":
            found += [(one, last) for one in calls]
    for call in facts.nodes(ast.Call) if layers else ():
        made = facts.kind_of(call.func).node
        if call.args and any(made is one for one in layers):
            found.append((call, facts.kind_of(call.func).layer))
    return [
        _made(facts, call.args[0], "call", call, facts.scope_of(call), None, how) for call, how in found if call.args
    ]


def _asks_in_place(call: ast.Call, place: int) -> bool:
    given = argument(call, place, "inplace")
    return isinstance(given, ast.Constant) and given.value is True


#: Where ``inplace`` stands among the arguments of an activation that then refuses a leaf.
_IN_PLACE_LAYERS = {
    **dict.fromkeys("ReLU ReLU6 SELU SiLU Mish Hardswish Hardsigmoid".split(), 0),  # noqa: SIM905
    **dict.fromkeys("LeakyReLU ELU CELU".split(), 1),  # noqa: SIM905
    **dict.fromkeys("Hardtanh Threshold RReLU".split(), 2),  # noqa: SIM905
}
_IN_PLACE_FUNCTIONS = frozenset(
    "celu elu hardsigmoid hardswish leaky_relu mish relu relu6 rrelu selu silu threshold".split()  # noqa: SIM905
)


def _is_init(facts: FileFacts, func: ast.expr) -> bool:
    return is_initialiser(facts.qualify(func) or "")


def is_initialiser(qualified: str) -> bool:
    """``torch.nn.init.zeros_``, and what is called like that in a library that is known."""
    if not qualified.startswith(("torch.nn.init.", "timm.", "torch.nn.utils.")):
        return False
    last = qualified.rpartition(".")[2]
    return last in INITIALISERS or last.endswith("_")


def _stores(
    facts: FileFacts, target: ast.expr, value: ast.expr | None, node: ast.stmt, scope: Scope
) -> list[Write]:
    if isinstance(target, (ast.Tuple, ast.List)):
        parts: list[Write] = []
        written = isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts)
        for place, part in enumerate(target.elts):
            inner = value.elts[place] if written else None  # type: ignore[union-attr]
            parts += _stores(facts, part, inner, node, scope)
        return parts
    if isinstance(target, ast.Starred):
        return _stores(facts, target.value, None, node, scope)
    how = "item" if isinstance(target, ast.Subscript) else "bind"
    return [_made(facts, target, how, node, scope, value)]


def _made(
    facts: FileFacts,
    target: ast.expr,
    how: str,
    node: ast.stmt | ast.Call,
    scope: Scope,
    value: ast.expr | None,
    method: str = "",
) -> Write:
    """The write with ``.data``, items and views peeled off its target."""
    through, view, current = "", False, target
    if how in ("item", "item-augmented") and isinstance(current, ast.Subscript):
        current = current.value
    bare = how in ("bind", "delete")
    while True:
        if isinstance(current, ast.Attribute) and current.attr in _THROUGH:
            if current.attr in ("data", "grad"):
                through = current.attr
            else:
                view = True
            current = current.value
            if bare:
                break
        elif not bare and isinstance(current, ast.Subscript):
            # An item of a list is another tensor; an item of a tensor is a view of it.
            if facts.kind_of(current.value).what not in ("parameter", "buffer", "tensor"):
                break
            if not _gives_view(facts, current.slice):
                break
            view = True
            current = current.value
        elif (
            not bare
            and isinstance(current, ast.Call)
            and isinstance(current.func, ast.Attribute)
            and (current.func.attr in _VIEWS or current.func.attr in IN_PLACE_METHODS)
        ):
            if current.func.attr == "detach":
                through = through or "detach"
            elif current.func.attr in _VIEWS:
                view = True
            current = current.func.value
        else:
            break
    return Write(current, how, node, scope, value, through, method, view)


def _gives_view(facts: FileFacts, index: ast.expr) -> bool:
    """Whether an index surely gives a view: one that is a tensor, or a list, gives a copy."""
    if isinstance(index, ast.Tuple):
        return all(_gives_view(facts, part) for part in index.elts)
    if isinstance(index, (ast.Slice, ast.Constant)):
        return True
    return facts.kind_of(index).what == "number"


_VIEWS = frozenset(
    "view view_as transpose permute t unsqueeze squeeze expand narrow select diagonal "
    "movedim flatten detach".split()
)
