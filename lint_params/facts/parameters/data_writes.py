"""``p.data = v``: what it does to the Parameter, so that exactly one rule speaks of it."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lint_params.facts.parameters.phases import phase
from lint_params.facts.value.kinds import Kind
from lint_params.facts.value.param_shapes import Sizes, sizes_of
from lint_params.facts.writes import Write
from lint_params.names import dotted
from lint_params.trees import is_none

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts

_RESHAPES = frozenset(
    """
        reshape view flatten ravel squeeze unsqueeze t transpose permute swapaxes swapdims
        movedim moveaxis unflatten adjoint resize_ squeeze_ unsqueeze_ t_ transpose_ swapaxes_
        rearrange
    """.split()
)
_TURNS = frozenset(
    """
        t transpose permute swapaxes swapdims movedim moveaxis adjoint T mT H mH t_ transpose_
        swapaxes_ rearrange
    """.split()
)
_EXPANDS = frozenset(["expand", "expand_as", "broadcast_to"])
_NEUTRAL = frozenset(
    """
        clone contiguous detach to cuda cpu float double half bfloat16 type type_as
        requires_grad_ detach_ pin_memory share_memory_
    """.split()
)
_LIKE = frozenset(["view_as", "reshape_as"])
_FORM = frozenset(["shape", "size", "numel", "dim", "ndim", "dtype", "device", "layout"])


@dataclass(frozen=True)
class Step:
    """One transform on the way from the Parameter to its new data."""

    method: str
    node: ast.expr
    args: tuple[ast.expr, ...] = ()


@dataclass(frozen=True, eq=False)
class DataWrite:
    """One ``p.data = v`` whose ``p`` surely is a Parameter.

    ``steps``: where ``v`` is ``p``'s own data, the shape methods applied to it, first to
    last; None where it is anything else. ``itself``: ``v`` is computed from ``p`` at all.
    ``before`` and ``after``: the sizes, where the source spells them. ``phase`` as in
    ``phases``. ``cls`` is the class around.
    """

    write: Write
    parameter: Kind
    name: str
    value: ast.expr
    phase: str
    steps: tuple[Step, ...] | None = None
    itself: bool = False
    before: Sizes | None = None
    after: Sizes | None = None

    @property
    def node(self) -> ast.stmt | ast.Call:
        return self.write.node

    @property
    def reshapes(self) -> bool:
        """The Parameter's own data under another shape."""
        return bool(self.steps) and all(s.method not in _EXPANDS for s in self.steps or ())

    @property
    def expands(self) -> bool:
        """The Parameter's own data with memory shared between elements."""
        return any(step.method in _EXPANDS for step in self.steps or ())

    @property
    def turns(self) -> bool:
        """Whether elements change their place: also an equal shape is another tensor then."""
        return any(step.method in _TURNS for step in self.steps or ())

    @property
    def how(self) -> str:
        """The transforms as a reader would say them: ``.reshape(...)``."""
        return ".".join(step.method for step in self.steps or ())


def data_writes(facts: FileFacts) -> list[DataWrite]:
    """Every ``p.data = v`` of the file on what surely is a Parameter."""
    found = []
    for write in facts.writes:
        if write.how == "bind" and write.through == "data" and write.value is not None:
            known = facts.kind_of(write.target)
            kind = known.with_data
            if kind is not known and phase(facts, write.node) != "forward":
                continue  # a method of what is a number otherwise is for whoever knows which it is
            if kind.is_parameter and not kind.is_uninitialised:
                found.append(_made(facts, write, kind, write.value))
    return found


def _made(facts: FileFacts, write: Write, kind: Kind, value: ast.expr) -> DataWrite:
    name = dotted(write.target) or ast.unparse(write.target)
    steps = own_steps(facts, value, write.target)
    before = sizes_of(facts, write.target)
    after = sizes_of(facts, value)
    return DataWrite(
        write=write,
        parameter=kind,
        name=name,
        value=value,
        phase=phase(facts, write.node),
        steps=None if steps is None else tuple(_without_pairs(facts, steps, write.target)),
        itself=steps is not None or mentions(facts, value, write.target),
        before=before,
        after=after,
    )


def own_steps(
    facts: FileFacts, expr: ast.expr, target: ast.expr, depth: int = 0
) -> list[Step] | None:
    """The transforms between ``target`` and ``expr``; None if ``expr`` is not its own data."""
    if depth > 12:
        return None
    if is_same(expr, target):
        return []
    if isinstance(expr, ast.Name):
        values = facts.reach(expr)
        if values is None or len(values) != 1 or values[0] is expr:
            return None
        return own_steps(facts, values[0], target, depth + 1)
    if isinstance(expr, ast.NamedExpr):
        return own_steps(facts, expr.value, target, depth + 1)
    if isinstance(expr, ast.Attribute) and expr.attr in ("data", "T", "mT", "H", "mH"):
        below = own_steps(facts, expr.value, target, depth + 1)
        if below is None or expr.attr == "data":
            return below
        return [*below, Step(expr.attr, expr)]
    if isinstance(expr, ast.Subscript) and _adds_dims(expr.slice):
        below = own_steps(facts, expr.value, target, depth + 1)
        return None if below is None else [*below, Step("[None]", expr)]
    if not isinstance(expr, ast.Call):
        return None
    name = facts.qualify(expr.func)
    if name is not None:
        home, _, method = name.rpartition(".")
        if home not in ("torch", "einops") or not expr.args:
            return None
        return _step(facts, method, expr.args[0], expr.args[1:], expr, target, depth)
    if isinstance(expr.func, ast.Attribute):
        owner = expr.func.value
        return _step(facts, expr.func.attr, owner, expr.args, expr, target, depth)
    return None


def _step(
    facts: FileFacts,
    method: str,
    owner: ast.expr,
    args: list[ast.expr],
    call: ast.Call,
    target: ast.expr,
    depth: int,
) -> list[Step] | None:
    neutral = method in _NEUTRAL or method in _LIKE
    if not neutral and method not in _RESHAPES and method not in _EXPANDS:
        return None
    below = own_steps(facts, owner, target, depth + 1)
    if below is None:
        return None
    given = [*args, *(keyword.value for keyword in call.keywords)]
    if method in _LIKE:
        same = len(given) == 1 and own_steps(facts, given[0], target, depth + 1) == []
        return [] if same else [*below, Step(method, call, tuple(given))]
    if neutral or (method == "view" and _is_dtype(facts, given)):
        return below
    if method in ("view", "reshape") and _own_shape(facts, given, target, depth):
        return []
    return [*below, Step(method, call, tuple(given))]


def _own_shape(
    facts: FileFacts, given: list[ast.expr], target: ast.expr, depth: int
) -> bool:
    """Whether sizes are the Parameter's own: ``p.shape``, ``*p.size()``, ``shape = p.shape``."""
    if len(given) != 1 or depth > 12:
        return False
    part = given[0].value if isinstance(given[0], ast.Starred) else given[0]
    if isinstance(part, ast.Name):
        values = facts.reach(part)
        if values is None or len(values) != 1 or values[0] is part:
            return False
        return _own_shape(facts, values, target, depth + 1)
    if isinstance(part, ast.Attribute) and part.attr == "shape":
        return own_steps(facts, part.value, target, depth + 1) == []
    if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and not part.args:
        return part.func.attr == "size" and own_steps(facts, part.func.value, target, depth + 1) == []
    return False


def _is_dtype(facts: FileFacts, given: list[ast.expr]) -> bool:
    if len(given) != 1:
        return False
    name = facts.qualify(given[0])
    return name is not None and name.startswith("torch.")


def _without_pairs(facts: FileFacts, steps: list[Step], target: ast.expr) -> list[Step]:
    """Transforms without those that cancel: ``.t() ... .t()``."""
    left: list[Step] = []
    for step in steps:
        if left and step.method in ("t", "T", "mT", "transpose", "swapaxes"):
            before = left[-1]
            texts = [sorted(ast.unparse(arg) for arg in one.args) for one in (before, step)]
            if before.method == step.method and texts[0] == texts[1]:
                left.pop()
                continue
        left.append(step)
    return left


def _adds_dims(index: ast.expr) -> bool:
    """``[None]``, ``[:, None]``, ``[..., None]``: new dimensions and nothing else."""
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    new = [p for p in parts if is_none(p)]
    whole = [
        p
        for p in parts
        if (isinstance(p, ast.Constant) and p.value is Ellipsis)
        or (isinstance(p, ast.Slice) and p.lower is None and p.upper is None and p.step is None)
    ]
    return bool(new) and len(new) + len(whole) == len(parts)


def is_same(expr: ast.expr, target: ast.expr) -> bool:
    """The same dotted name (or the same text)."""
    if expr is target:
        return True
    if type(expr) is not type(target):
        return False
    return ast.unparse(expr) == ast.unparse(target)


def mentions(facts: FileFacts, expr: ast.expr, target: ast.expr) -> bool:
    """Whether a value is computed from the values of ``target`` (its shape or type are none)."""
    text = ast.unparse(target)
    todo: list[tuple[ast.AST, int]] = [(expr, 0)]
    seen: set[ast.AST] = set()
    while todo:
        node, depth = todo.pop()
        if node in seen:
            continue
        seen.add(node)
        if isinstance(node, ast.Attribute) and node.attr in _FORM:
            continue
        if isinstance(node, ast.Call) and (facts.qualify(node.func) or "").endswith("_like"):
            todo += [(given, depth) for given in [*node.args[1:], *node.keywords]]
            continue
        if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)) and ast.unparse(node) == text:
            return True
        if isinstance(node, ast.Name) and depth < 8:
            for one in facts.definitions(node) or ():
                if one.value is not None and one.how in ("assign", "augmented", "for"):
                    todo.append((one.value, depth + 1))
                todo += [(b.value, depth + 1) for b in one.before if b.value is not None]
        todo += [(child, depth) for child in ast.iter_child_nodes(node)]
    return False
