"""The types of tensors, as far as the source shows them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lint_params.facts.members import argument
from lint_params.facts.value.numbers import is_whole, whole_data

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts

#: Methods that keep the type of a tensor.
_KEEP = frozenset(
    """
        view view_as reshape reshape_as expand expand_as repeat tile flatten squeeze unsqueeze t
        transpose permute contiguous clone detach cuda cpu flip roll abs neg clamp sort unbind
        chunk repeat_interleave index_select gather cumsum sum prod requires_grad_ unflatten
        movedim tril triu pin_memory narrow select fill_ copy_ add_ sub_ mul_ zero_ masked_fill
        ravel
    """.split()
)
_CASTS = {
    "long": "int", "int": "int", "short": "int", "char": "int", "byte": "int", "bool": "int",
    "argmax": "int", "argmin": "int", "argsort": "int", "nonzero": "int", "bincount": "int",
    "float": "float", "double": "float", "half": "float", "bfloat16": "float", "mean": "float",
    "exp": "float", "log": "float", "sqrt": "float", "softmax": "float", "sigmoid": "float",
    "norm": "float", "std": "float", "var": "float", "normal_": "float", "uniform_": "float",
    "eq": "int", "ne": "int", "lt": "int", "gt": "int", "le": "int", "ge": "int",
    "isnan": "int", "logical_not": "int",
}  # fmt: skip
_NUMPY_WHOLE = ("argsort", "argmax", "argmin", "bincount", "digitize", "searchsorted")
#: Functions of torch and of torch.nn.functional whose result is of whole numbers or bools.
_WHOLE = frozenset(
    """
        randint randperm argmax argmin argsort nonzero bincount LongTensor one_hot bucketize
        searchsorted tril_indices triu_indices eq ne gt lt ge le isnan isinf isfinite
        logical_and logical_or logical_not
    """.split()
)
_DTYPES = ("int64", "int32", "int16", "int8", "uint8", "bool", "long", "int", "short", "uint16")


def tensor_type(facts: FileFacts, expr: ast.expr, depth: int = 0) -> str:
    """"int" (integers and bool), "float" or "" where the source does not say."""
    if depth > 10:
        return ""
    if isinstance(expr, ast.Name):
        values = facts.reach(expr)
        types = {tensor_type(facts, v, depth + 1) for v in values or () if v is not expr}
        return types.pop() if len(types) == 1 else ""
    if isinstance(expr, ast.Compare):
        known = (facts.kind_of(expr.left).is_tensor, facts.kind_of(expr.comparators[0]).is_tensor)
        return "int" if any(known) and not isinstance(expr.ops[0], (ast.Is, ast.IsNot)) else ""
    if isinstance(expr, ast.UnaryOp):
        return tensor_type(facts, expr.operand, depth + 1)
    if isinstance(expr, ast.Subscript):
        return tensor_type(facts, expr.value, depth + 1)
    if isinstance(expr, ast.Attribute) and expr.attr in ("T", "data", "mT"):
        return tensor_type(facts, expr.value, depth + 1)
    if isinstance(expr, ast.BinOp):
        if isinstance(expr.op, (ast.Div, ast.Pow, ast.MatMult)):
            return ""
        sides = []
        for side in (expr.left, expr.right):
            sides.append("int" if is_whole(facts, side) else tensor_type(facts, side, depth + 1))
        return "int" if sides == ["int", "int"] else ""
    if isinstance(expr, ast.Call):
        return _call_type(facts, expr, depth)
    return ""


def _call_type(facts: FileFacts, call: ast.Call, depth: int) -> str:
    name = facts.qualify(call.func)
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    if "dtype" in named:
        return _dtype(facts, named["dtype"])
    if None in named:
        return ""  # the type may be in there
    if name is None:
        if not isinstance(call.func, ast.Attribute):
            return ""
        method, owner = call.func.attr, call.func.value
        if method in _CASTS:
            return _CASTS[method] if facts.kind_of(owner).what != "module" else ""
        if method == "to":
            types = {_dtype(facts, arg) for arg in call.args if facts.qualify(arg)}
            return types.pop() if len(types) == 1 else ""
        if method == "astype":
            return _dtype(facts, call.args[0]) if call.args else ""
        if method in _KEEP:
            return tensor_type(facts, owner, depth + 1)
        return _returned_type(facts, call, depth)
    home, _, last = name.rpartition(".")
    made = facts.creation(call)
    if made is not None and made.node is call and made.dtype not in ("", "?"):
        return "int" if made.is_integer else "float"
    if home in ("torch", "torch.nn.functional"):
        return _torch_type(facts, call, last, depth)
    if home == "numpy":
        if last in ("arange", "full"):
            numbers = call.args[1:2] if last == "full" else call.args
            return "int" if numbers and all(is_whole(facts, one) for one in numbers) else ""
        if last in ("array", "asarray") and call.args:
            return "int" if whole_data(facts, call.args[0]) else ""
        return "int" if last in _NUMPY_WHOLE else ""
    if home == "numpy.random":
        return "int" if last == "randint" else ""
    return _returned_type(facts, call, depth)


def _returned_type(facts: FileFacts, call: ast.Call, depth: int) -> str:
    """Of what a function of the project returns, if all its returns agree."""
    found = facts.function_of(call)
    if found is None or found[1].nodes(ast.Yield, ast.YieldFrom) or found[1].decorators:
        return ""
    other, scope = found
    returns = [one.value for one in scope.nodes(ast.Return)]
    types = {tensor_type(other, one, depth + 1) if one is not None else "" for one in returns}
    return types.pop() if len(types) == 1 else ""


def _torch_type(facts: FileFacts, call: ast.Call, last: str, depth: int) -> str:
    if last == "arange":
        numbers = [*call.args, *(k.value for k in call.keywords if k.arg in ("start", "end", "step"))]
        return "int" if numbers and all(is_whole(facts, one) for one in numbers) else ""
    if last in _WHOLE:
        return "int"
    if last in ("tensor", "as_tensor", "from_numpy"):
        data = argument(call, 0, "data", "obj")
        if data is None:
            return ""
        if last != "from_numpy" and whole_data(facts, data):
            return "int"
        return tensor_type(facts, data, depth + 1)
    if last == "full":
        fill = argument(call, 1, "fill_value")
        return "int" if fill is not None and is_whole(facts, fill) else ""
    if last.endswith("_like") and call.args and last not in ("full_like",):
        return tensor_type(facts, call.args[0], depth + 1)
    if last in ("cat", "stack", "vstack", "hstack") and call.args:
        parts = call.args[0]
        if isinstance(parts, (ast.List, ast.Tuple)) and parts.elts:
            types = {tensor_type(facts, part, depth + 1) for part in parts.elts}
            return types.pop() if len(types) == 1 else ""
        return tensor_type(facts, parts, depth + 1)
    if last == "meshgrid":
        types = {tensor_type(facts, part, depth + 1) for part in call.args}
        return types.pop() if len(types) == 1 else ""
    if last in _KEEP and call.args:
        return tensor_type(facts, call.args[0], depth + 1)
    return ""


def _dtype(facts: FileFacts, given: ast.expr) -> str:
    name = facts.qualify(given) or ""
    last = name.rpartition(".")[2]
    if name in ("builtins.int", "builtins.bool"):
        return "int"
    if name.startswith(("torch.", "numpy.")):
        return "int" if last in _DTYPES else "float" if "float" in last else ""
    return ""
