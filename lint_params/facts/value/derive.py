"""A Parameter that was made and, in the same breath, turned into a plain tensor."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lint_params.facts.torch_names import COMPUTED, CREATORS, IN_PLACE_METHODS, NEW_TENSOR_METHODS
from lint_params.facts.value.creation import Creation, creation_of, leaves_type

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts

_MAKERS = ("torch.nn.Parameter", "torch.nn.UninitializedParameter")
#: Methods that give back the Parameter itself where it already is what they ask for.
_NO_OPS = ("contiguous", "cpu", "requires_grad_", "share_memory_", "pin_memory")
#: Methods that give another type, and which.
_CASTS = {"double": "torch.float64", "half": "torch.float16", "bfloat16": "torch.bfloat16"}
#: The types that people ask for, by one name each.
_SAME = {
    "torch.double": "torch.float64", "torch.half": "torch.float16", "torch.float": "torch.float32",
    "torch.float64": "torch.float64", "torch.float16": "torch.float16", "torch.float32": "torch.float32",
    "torch.bfloat16": "torch.bfloat16",
}  # fmt: skip
#: Asked for on purpose: the plain tensor is the point.
_ON_PURPOSE = ("detach", "numpy", "item", "tolist", "size", "dim", "numel", "backward")


@dataclass(frozen=True)
class Transformed:
    """``parameter`` is the ``nn.Parameter(...)`` call, ``by`` the expression that made a
    plain tensor of it, ``how`` a few words for it (".cuda()", "* ...")."""

    parameter: ast.Call
    by: ast.expr
    how: str


def transformed(facts: FileFacts, expr: ast.expr, depth: int = 0) -> Transformed | None:
    """What ``expr`` made of a fresh Parameter; None if it is one still, or is none."""
    step = _step(facts, expr)
    if step is None or depth > 12:
        return None
    for inner, how in step:
        if is_fresh(facts, inner):
            assert isinstance(inner, ast.Call)
            if how:
                return Transformed(inner, expr, how)
            continue
        below = transformed(facts, inner, depth + 1)
        if below is not None:
            return below
        if how and _passes(facts, inner, depth + 1):
            fresh = _fresh_below(facts, inner)
            if fresh is not None:
                return Transformed(fresh, expr, how)
    return None


def is_fresh(facts: FileFacts, expr: ast.expr) -> bool:
    """``nn.Parameter(...)`` itself."""
    return isinstance(expr, ast.Call) and facts.qualify(expr.func) in _MAKERS


def _passes(facts: FileFacts, expr: ast.expr, depth: int) -> bool:
    return transformed(facts, expr, depth) is None and _fresh_below(facts, expr) is not None


def _fresh_below(facts: FileFacts, expr: ast.expr, depth: int = 0) -> ast.Call | None:
    """The Parameter that an expression still is: ``nn.Parameter(...).requires_grad_()``."""
    if is_fresh(facts, expr):
        assert isinstance(expr, ast.Call)
        return expr
    step = _step(facts, expr)
    if step is None or depth > 12 or len(step) != 1 or step[0][1]:
        return None
    return _fresh_below(facts, step[0][0], depth + 1)


def _step(facts: FileFacts, expr: ast.expr) -> list[tuple[ast.expr, str]] | None:
    """The operands that may be the Parameter, each with what is done to it ("" nothing)."""
    if isinstance(expr, ast.BinOp):
        how = _OPERATORS.get(type(expr.op), "arithmetic")
        return [(expr.left, f"`{how} ...`"), (expr.right, f"`... {how}`")]
    if isinstance(expr, ast.UnaryOp) and isinstance(expr.op, ast.USub):
        return [(expr.operand, "`-`")]
    if isinstance(expr, ast.Subscript):
        return [(expr.value, "indexing")]
    if isinstance(expr, ast.IfExp):
        return [(expr.body, ""), (expr.orelse, "")]
    if isinstance(expr, ast.Attribute) and expr.attr in ("T", "mT", "H", "mH"):
        return [(expr.value, f"`.{expr.attr}`")]
    if isinstance(expr, ast.Name):
        return _only_use(facts, expr)
    if not isinstance(expr, ast.Call):
        return None
    name = facts.qualify(expr.func)
    if name is not None:
        home, _, last = name.rpartition(".")
        if home == "torch.nn.init" and expr.args:
            return [(expr.args[0], "")]
        if (home == "torch" and last in COMPUTED) or home == "torch.nn.functional":
            return [(arg, f"`{last}(...)`") for arg in expr.args[:2]]
        return None
    if isinstance(expr.func, ast.Attribute):
        method = expr.func.attr
        if method in IN_PLACE_METHODS or method in _NO_OPS:
            return [(expr.func.value, "")]
        if method == "float" and _is_float(facts, expr.func.value):
            return [(expr.func.value, "")]
        if method in _CASTS and _may_be_of(facts, expr.func.value, _CASTS[method]):
            return [(expr.func.value, "")]
        if method == "to" and len(expr.args) == 1 and not expr.keywords:
            asked = facts.qualify(expr.args[0]) or ""
            if asked in _SAME and _may_be_of(facts, expr.func.value, asked):
                return [(expr.func.value, "")]
        if method in ("to", "cuda") and _is_there(facts, expr):
            return [(expr.func.value, "")]
        if method in NEW_TENSOR_METHODS and method not in _ON_PURPOSE:
            return [(expr.func.value, f"`.{method}()`")]
    return None


_OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.MatMult: "@", ast.Pow: "**"}


def _is_float(facts: FileFacts, expr: ast.expr) -> bool:
    """Whether ``.float()`` would change nothing: data of the default type, or not known."""
    fresh = _fresh_below(facts, expr)
    data = facts.argument(fresh, 0, "data") if fresh is not None else None
    made = creation_of(facts, data) if data is not None else None
    if made is None:
        return True
    if made.function in ("torch.from_numpy", "torch.as_tensor") and made.dtype == "":
        return False  # numpy's own default is float64
    return made.dtype in ("", "?", "torch.float32", "torch.float")


def _may_be_of(facts: FileFacts, expr: ast.expr, asked: str) -> bool:
    """Whether the data may be of that type already: then ``.double()`` gives back the Parameter itself."""
    fresh = _fresh_below(facts, expr)
    data = facts.argument(fresh, 0, "data") if fresh is not None else None
    if data is None:
        return False
    parts = [part for one in _made_of(facts, data) for part in ast.walk(one) if isinstance(part, ast.Call)]
    casts = ("to", "type", "type_as", *_CASTS)
    if any(isinstance(part.func, ast.Attribute) and part.func.attr in casts for part in parts):
        return True
    made = [one for one in (creation_of(facts, part) for part in parts) if one is not None]
    return not made or any(_type_of(facts, one) in (_SAME.get(asked, asked), "?") for one in made)


def _type_of(facts: FileFacts, made: Creation) -> str:
    """The type of what a creation function gives; "?" where it is that of numbers from elsewhere."""
    if made.dtype not in ("", "?"):
        return _SAME.get(made.dtype, made.dtype)
    if not leaves_type(facts, made.node) or made.function in ("torch.from_numpy", "torch.as_tensor"):
        return "?"
    data = made.data if made.function == "torch.tensor" else None
    return "torch.float32" if data is None or _is_a_number(facts, data) else "?"


def _is_a_number(facts: FileFacts, data: ast.expr) -> bool:
    """``3.0``, or an argument that is a number by default."""
    found = facts.definitions(data) if isinstance(data, ast.Name) else None
    if found and all(one.how == "argument" and isinstance(one.value, ast.Constant) for one in found):
        return all(isinstance(getattr(one.value, "value", None), (int, float)) for one in found)
    return facts.is_number(data)


def _is_there(facts: FileFacts, moved: ast.Call) -> bool:
    """Whether ``.to(device)`` may find nothing to move: the data is no new tensor on the CPU, but
    somebody's, or moved already (``nn.Parameter(data.to(device)).to(device)``)."""
    assert isinstance(moved.func, ast.Attribute)
    fresh = _fresh_below(facts, moved.func.value)
    data = facts.argument(fresh, 0, "data") if fresh is not None else None
    if data is None:
        return False
    parts = [part for one in _made_of(facts, data) for part in ast.walk(one) if isinstance(part, ast.Call)]
    placed = any(keyword.arg == "device" for part in parts for keyword in part.keywords)
    carried = any(isinstance(part.func, ast.Attribute) and part.func.attr in ("to", "cuda") for part in parts)
    return placed or carried or not any(facts.qualify(part.func) in CREATORS for part in parts)


def _made_of(facts: FileFacts, data: ast.expr) -> list[ast.expr]:
    """What an expression may stand for, and what the names inside of that do."""
    found = list(facts.reach(data) or [data])
    names = [part for one in found for part in ast.walk(one) if isinstance(part, ast.Name)]
    return found + [one for name in names for one in facts.reach(name) or [] if one not in found]


def _only_use(facts: FileFacts, name: ast.Name) -> list[tuple[ast.expr, str]] | None:
    """The value of a local name that is used for nothing else than to fill it."""
    found = facts.definitions(name)
    if not found or any(one.how != "assign" or one.path or one.value in (None, name) for one in found):
        return None
    for other in facts.scope_of(name).nodes(ast.Name):
        if other is name or other.id != name.id or not isinstance(other.ctx, ast.Load):
            continue
        if not any(one in (facts.definitions(other) or found) for one in found):
            continue  # the name holds something else by then, or before
        parent = facts.parent(other)
        if isinstance(parent, ast.Attribute):
            continue  # its methods, its data, its shape
        if isinstance(parent, ast.Call) and (facts.qualify(parent.func) or "").startswith(
            "torch.nn.init."
        ):
            continue
        return None
    return [(one.value, "") for one in found if one.value is not None]
