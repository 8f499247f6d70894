"""Where a value leaves the graph: what is computed from it gives no parameter a gradient."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lint_params.facts.members import argument
from lint_params.trees import last_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lint_params.facts.file import FileFacts
    from lint_params.facts.flow import Definition


@dataclass(frozen=True)
class Cut:
    """``node`` leaves the graph, as ``how`` says. ``leaf``: it asks for a gradient of its own."""

    node: ast.AST
    how: str
    leaf: bool = False


@dataclass(frozen=True)
class _Plain:
    """What never was in a graph: numbers, batches, labels, new tensors."""


_PLAIN = _Plain()
#: None where the value may be in a graph.
_State = Cut | _Plain | None

#: Tensors made from what they are given, by value.
_COPIES = frozenset(
    f"torch.{name}" for name in "tensor Tensor FloatTensor DoubleTensor HalfTensor scalar_tensor from_numpy".split()
)
_VARIABLE = ("torch.autograd.Variable", "torch.autograd.variable.Variable")
_MADE = frozenset(
    f"torch.{name}{like}"
    for name in "zeros ones full empty rand randn randint".split()
    for like in ("", "_like")
) | {"torch.arange", "torch.linspace", "torch.eye", "torch.randperm"}
#: Methods and functions whose result never has a gradient.
_WITHOUT = {
    "argmax": "gives positions, which have no gradient",
    "argmin": "gives positions, which have no gradient",
    "argsort": "gives positions, which have no gradient",
    "detach": "leaves the graph on purpose",
    "item": "gives a plain number",
    "tolist": "gives plain numbers",
    "numpy": "gives an array, which knows no gradient",
    "long": "gives whole numbers, which have no gradient",
    "int": "gives whole numbers, which have no gradient",
    "bool": "gives truth values, which have no gradient",
    "eq": "only compares, which has no gradient",
}
_CHOOSE = ("max", "min", "topk", "sort", "median", "mode", "kthvalue")
_POSITIONS = "what it gives second are positions, which have no gradient"
#: Of these, those that take no arguments.
_BARE = frozenset("detach item tolist long int bool".split())
_LOADERS = re.compile(r"load|data|batch|train|val|test|sample|pairs|(^|_)(dl|iter|it)(_|$)", re.IGNORECASE)
_LEARNED = re.compile(r"param|weight|layer|module|out|pred|logit|loss|feat|emb", re.IGNORECASE)
_LABELS = re.compile(r"^(y_true|gt|truth|ground_truth|(.*_)?(target|label)s?)$", re.IGNORECASE)
_WRAPPERS = ("builtins.enumerate", "builtins.zip", "builtins.range", "builtins.iter", "builtins.list", "builtins.next")
#: Operators as methods, and moves, which keep what they are given in the graph.
_KEEP = frozenset("cpu cuda to float double half bfloat16 type mean sum clone contiguous".split())


def cut_off(facts: FileFacts, loss: ast.expr) -> Cut | None:
    """Where a value of which ``backward`` is called has left the graph, if it surely has."""
    found = _Tracer(facts).state(loss, whole=True)
    if not isinstance(found, Cut):
        return None
    made_leaf = isinstance(loss, ast.Name) and _asks(facts, loss, _FLAGS)
    return replace(found, leaf=True) if made_leaf else found


class _Tracer:
    """Follows a value back, through names and what is computed."""

    def __init__(self, facts: FileFacts) -> None:
        self.facts = facts
        self._open: set[int] = set()  # expressions being followed, against loops

    def state(self, expr: ast.expr | None, whole: bool = False) -> _State:
        """``whole``: nothing is computed from the value yet, so that a leaf of its own is as lost."""
        if expr is None or id(expr) in self._open:
            return _PLAIN  # of a loop, which the other ways into it decide
        if len(self._open) > _DEPTH:
            return None
        self._open.add(id(expr))
        try:
            return self._state(expr, whole)
        finally:
            self._open.discard(id(expr))

    def _all(self, parts: Iterable[ast.expr | None]) -> _State:
        """Of what is computed from several: nothing of it may be in a graph."""
        return _together(self.state(part) for part in parts)

    def _state(self, expr: ast.expr, whole: bool) -> _State:
        if isinstance(expr, ast.Constant):
            return _PLAIN
        if isinstance(expr, ast.Name):
            return self._name(expr, whole)
        if isinstance(expr, ast.Call):
            return self._call(expr, whole)
        if isinstance(expr, ast.BinOp):
            return self._all((expr.left, expr.right))
        if isinstance(expr, ast.UnaryOp):
            return self.state(expr.operand)
        if isinstance(expr, ast.IfExp):
            return self._all((expr.body, expr.orelse))
        if isinstance(expr, (ast.List, ast.Tuple)):
            return self._all(expr.elts)
        if isinstance(expr, ast.Compare):
            sides = self._all((expr.left, *expr.comparators))
            return _PLAIN if isinstance(sides, _Plain) else Cut(expr, "a comparison has no gradient")
        if isinstance(expr, ast.Subscript):
            return self._part(expr)
        if isinstance(expr, ast.Attribute):
            return self._attribute(expr)
        return None

    def _name(self, name: ast.Name, whole: bool) -> _State:
        facts = self.facts
        found = facts.definitions(name)
        if not found or not whole and _asks(facts, name, (*_FLAGS, "retain_grad")) or _is_changed(facts, name):
            return None
        return _together(self._defined(name, one, whole) for one in found)

    def _defined(self, name: ast.Name, one: Definition, whole: bool) -> _State:
        if one.how == "augmented":
            before = [self._defined(name, other, False) for other in one.before]
            return _together([*before, self.state(one.value)])
        if one.how == "for":
            return _PLAIN if self._gives_data(one.value) else None
        if one.how == "argument":
            return _PLAIN if _LABELS.match(name.id) else None
        if one.how != "assign" or one.value is None:
            return None
        if one.path == (1,) and self._chooses(one.value):
            return Cut(one.value, f"`{_called(one.value)}`: {_POSITIONS}")
        if one.path:
            return self.state(one.value) if not isinstance(one.value, ast.Tuple) else None
        return self.state(one.value, whole)

    def _gives_data(self, source: ast.expr | None) -> bool:
        """Whether a loop goes over batches, as far as names say."""
        if isinstance(source, ast.Call):
            name = self.facts.qualify(source.func) or ""
            if name in _WRAPPERS or name.startswith("tqdm."):
                return all(map(self._gives_data, source.args)) if name != "builtins.range" else True
            return _is_of_data(last_name(source.func))
        if isinstance(source, ast.Constant):
            return True
        return source is not None and _is_of_data(last_name(source))

    def _chooses(self, value: ast.expr) -> bool:
        """``torch.max(x, 1)``, ``x.topk(3)``: values and positions."""
        if not isinstance(value, ast.Call) or not value.args and not value.keywords:
            return False
        name = self.facts.qualify(value.func)
        if name is not None:
            return name in {f"torch.{one}" for one in _CHOOSE} and len(value.args) + len(value.keywords) > 1
        return isinstance(value.func, ast.Attribute) and value.func.attr in _CHOOSE

    def _part(self, expr: ast.Subscript) -> _State:
        if self._chooses(expr.value) and isinstance(expr.slice, ast.Constant):
            if expr.slice.value == 1:
                return Cut(expr, f"`{_called(expr.value)}`: {_POSITIONS}")
        elif isinstance(expr.value, ast.Attribute):
            return None  # `outputs.data["loss"]`
        return self.state(expr.value)

    def _attribute(self, expr: ast.Attribute) -> _State:
        if expr.attr == "indices" and self._chooses(expr.value):
            return Cut(expr, f"`{_called(expr.value)}`: {_POSITIONS}")
        if expr.attr == "data" and isinstance(expr.value, (ast.Name, ast.Call)):
            inner = self.state(expr.value)
            known = inner is not None or self._is_computed(expr.value)
            return (inner or Cut(expr, "`.data` is outside of the graph")) if known else None
        if expr.attr in ("T", "mT", "values"):
            return self.state(expr.value)
        return _PLAIN if expr.attr in ("shape", "ndim", "dtype", "device") else None

    def _is_computed(self, expr: ast.expr) -> bool:
        """Whether a value is surely a tensor that somebody has computed."""
        facts = self.facts
        values = (facts.reach(expr) or []) if isinstance(expr, ast.Name) else [expr]
        return bool(values) and all(
            isinstance(one, ast.BinOp) or isinstance(one, ast.Call)
            and (facts.is_pure_function(facts.qualify(one.func) or "") or self._is_loss(one.func))
            for one in values
        )

    def _is_loss(self, func: ast.expr) -> bool:
        """A loss of torch, or another layer without parameters."""
        kind = self.facts.kind_of(func)
        return bool(kind.layer) and not kind.annotated and self.facts.owns_parameters(func) is False

    def _call(self, call: ast.Call, whole: bool) -> _State:
        facts = self.facts
        if any(isinstance(one, ast.Starred) for one in call.args) or any(not one.arg for one in call.keywords):
            return None
        name = facts.qualify(call.func)
        given = [*call.args, *(one.value for one in call.keywords)]
        if name in _COPIES or name in _VARIABLE:
            return self._new(call, name, whole)
        if name in _MADE:
            return None if argument(call, 99, "requires_grad") is not None else _PLAIN
        if name == "builtins.len":
            return _PLAIN
        if name in ("builtins.float", "builtins.int", "builtins.bool"):
            return _PLAIN if isinstance(self._all(given), _Plain) else Cut(call, f"`{name[9:]}()` gives a plain number")
        if name is not None and name.rpartition(".")[0] == "torch" and name[6:] in _WITHOUT:
            return _PLAIN if isinstance(self._all(given), _Plain) else Cut(call, f"`{name}` {_WITHOUT[name[6:]]}")
        known = name is not None and facts.is_pure_function(name) or self._is_loss(call.func)
        if known or facts.kind_of(call.func).is_module:
            if self._without_gradients(call):
                return Cut(call, "it is computed under torch.no_grad()")
            return self._all(given) if known else None
        if name is None and isinstance(call.func, ast.Attribute):
            return self._method(call, call.func, given, whole)
        return None

    def _new(self, call: ast.Call, name: str, whole: bool) -> _State:
        """``torch.tensor(values)``, ``Variable(values)``: a copy of the numbers."""
        content = self.state(argument(call, 0, "data", "value"))
        flag = argument(call, 99, "requires_grad")
        if flag is not None and not (isinstance(flag, ast.Constant) and isinstance(flag.value, bool)):
            return None
        leaf = flag is not None and flag.value
        if isinstance(content, _Plain) or leaf and not whole:
            return None if leaf else _PLAIN
        return Cut(call, f"`{last_name(call.func)}(...)` copies the numbers, without their graph", leaf=bool(leaf))

    def _method(self, call: ast.Call, func: ast.Attribute, given: list[ast.expr], whole: bool) -> _State:
        owner = func.value
        if func.attr in ("size", "numel", "dim"):
            return _PLAIN
        if func.attr == "requires_grad_":
            cut = self.state(owner) if whole else None
            return replace(cut, leaf=True) if isinstance(cut, Cut) else None
        if func.attr == "scale" and len(given) == 1 and "scaler" in last_name(owner).lower():
            return self.state(given[0], whole)
        if func.attr in _WITHOUT and self._may_be_tensor(owner) and not (given and func.attr in _BARE):
            inner = self.state(owner)
            return inner if isinstance(inner, _Plain) else Cut(call, f"`.{func.attr}()` {_WITHOUT[func.attr]}")
        if func.attr in _KEEP or func.attr in _CHOOSE or self.facts.is_pure_method(func.attr):
            return self._all((owner, *given))
        return None

    def _may_be_tensor(self, owner: ast.expr) -> bool:
        kind = self.facts.kind_of(owner)
        return kind.what in ("unknown", "tensor", "parameter", "buffer")

    def _without_gradients(self, call: ast.Call) -> bool:
        """Surely under no_grad, and nothing in between switches them on again."""
        facts = self.facts
        around = [one.test for one in facts.conditions(call) if one.what == "with" and one.test is not None]
        names = [facts.qualify(one.func if isinstance(one, ast.Call) else one) or "" for one in around]
        return facts.no_grad(call) and not any("enable" in one or "set_grad" in one for one in names)


#: Ways to tell a value that it requires a gradient.
_FLAGS = ("requires_grad", "requires_grad_")
#: How far a value is followed back.
_DEPTH = 40


def _is_of_data(name: str) -> bool:
    """``train_loader``, and not ``trainable_parameters``."""
    return bool(_LOADERS.search(name)) and not _LEARNED.search(name)


def _called(call: ast.expr) -> str:
    return last_name(call.func) if isinstance(call, ast.Call) else ""


def _together(states: Iterable[_State]) -> _State:
    """None as soon as one may be in a graph; where something has left it, that."""
    found: _State = _PLAIN
    for one in states:
        if one is None:
            return None
        if isinstance(one, Cut) and not isinstance(found, Cut):
            found = one
    return found


def _asks(facts: FileFacts, name: ast.Name, attributes: tuple[str, ...]) -> bool:
    """``x.requires_grad_()``, ``x.requires_grad = True``: a leaf that is to get a gradient."""
    return any(
        node.attr in attributes and isinstance(node.value, ast.Name) and node.value.id == name.id
        for node in facts.scope_of(name).nodes(ast.Attribute)
    )


def _is_changed(facts: FileFacts, name: ast.Name) -> bool:
    """``losses[i] = value``, ``total.add_(value)``: it has what was written into it."""
    return any(
        write.how not in ("bind", "augmented") and isinstance(write.target, ast.Name) and write.target.id == name.id
        for write in facts.writes_in(facts.scope_of(name))
    )
