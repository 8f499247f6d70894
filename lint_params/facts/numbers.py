"""Whole numbers and the types of tensors, as far as the source shows them."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from lint_params.facts.members import argument

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts
    from lint_params.facts.scope import Scope

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
_SIZE_CALLS = ("torch.zeros", "torch.ones", "torch.empty", "torch.randn", "torch.rand")
#: Arguments that hold one number by the way everybody calls them; a plain "size" may be a tuple.
_COUNTS = re.compile(
    r"^(n|num|number)_|^d_model$|(^|_)(dims?|features|channels|heads|classes|units|hidden|"
    r"hidden_size|vocab_size|embed_size|embedding_dim|bins|experts|layers)$"
)
_DTYPES = ("int64", "int32", "int16", "int8", "uint8", "bool", "long", "int", "short", "uint16")


def is_whole(facts: FileFacts, expr: ast.expr, depth: int = 0) -> bool:
    """Whether a number surely is an int."""
    if depth > 8:
        return False
    if isinstance(expr, ast.Constant):
        return type(expr.value) is int
    if isinstance(expr, ast.UnaryOp):
        return is_whole(facts, expr.operand, depth + 1)
    if isinstance(expr, ast.BinOp):
        if isinstance(expr.op, (ast.Div, ast.Pow, ast.MatMult)):
            return False
        return is_whole(facts, expr.left, depth + 1) and is_whole(facts, expr.right, depth + 1)
    if isinstance(expr, ast.IfExp):
        return is_whole(facts, expr.body, depth + 1) and is_whole(facts, expr.orelse, depth + 1)
    if isinstance(expr, ast.Call):
        name = facts.qualify(expr.func)
        if name in ("builtins.int", "builtins.len", "math.prod", "math.ceil", "math.floor"):
            return True
        if name in ("builtins.max", "builtins.min", "builtins.abs", "builtins.sum"):
            return bool(expr.args) and all(is_whole(facts, arg, depth + 1) for arg in expr.args)
        method = expr.func.attr if isinstance(expr.func, ast.Attribute) else ""
        return name is None and method in ("size", "dim", "numel") and not expr.keywords
    if isinstance(expr, ast.Subscript):
        return isinstance(expr.value, ast.Attribute) and expr.value.attr == "shape"
    if isinstance(expr, ast.Name):
        found = facts.definitions(expr)
        if found is None:
            value = facts.module_value(expr.id)
            return value is not None and is_whole(facts, value, depth + 1)
        return bool(found) and all(_defined_whole(facts, expr, one, depth) for one in found)
    if isinstance(expr, ast.Attribute):
        for one in facts.dotted_definitions(expr):
            if one.how != "assign" or one.path or one.value is None or one.value is expr:
                return False
            return is_whole(facts, one.value, depth + 1)
        return _member_whole(facts, expr, depth)
    return False


def _member_whole(facts: FileFacts, expr: ast.Attribute, depth: int) -> bool:
    """``self.n`` of which every assignment in the class is a whole number."""
    name, cls = facts.self_attribute(expr), facts.class_around(expr)
    members = cls.assignments(name) if name is not None and cls is not None else []
    return bool(members) and all(
        member.how == "assign"
        and member.value is not None
        and is_whole(member.cls.facts, member.value, depth + 1)
        for member in members
    )


def _defined_whole(facts: FileFacts, use: ast.Name, one: object, depth: int) -> bool:
    how, value = getattr(one, "how", ""), getattr(one, "value", None)
    if how == "argument":
        annotation = getattr(one, "annotation", None)
        if annotation is not None:
            return facts.qualify(annotation) == "builtins.int"
        if (
            isinstance(value, ast.Constant) and value.value is not None
            and type(value.value) is not int
        ):
            return False
        return bool(_COUNTS.search(use.id)) or _is_size(facts, use.id, facts.scope_of(use))
    if how == "assign" and value is not None and value is not use and not getattr(one, "path", ()):
        return is_whole(facts, value, depth + 1)
    return False


def _is_size(facts: FileFacts, name: str, scope: Scope) -> bool:
    """Whether the function also uses a name where only a whole number fits."""
    for node in scope.nodes(ast.Name):
        if node.id != name or not isinstance(node.ctx, ast.Load):
            continue
        parent = facts.parent(node)
        inside = isinstance(parent, ast.Tuple)
        if inside:
            parent = facts.parent(parent)  # type: ignore[arg-type]
        if not isinstance(parent, ast.Call) or parent.func is node:
            continue
        called = facts.qualify(parent.func) or ""
        if called == "builtins.range":
            return True
        if called in _SIZE_CALLS and (inside or len(parent.args) > 1):
            return True  # alone it may be a whole torch.Size
        if called == "torch.full" and parent.args and _within(parent.args[0], node):
            return True
        if called.startswith("torch.nn.") and called.rpartition(".")[2] in (
            "Linear", "Embedding", "Conv1d", "Conv2d", "Conv3d", "LSTM", "GRU", "BatchNorm1d",
            "BatchNorm2d", "LayerNorm", "LazyLinear",
        ):  # fmt: skip
            return bool(parent.args) and node in parent.args[:2]
    return False


def _within(outer: ast.expr, inner: ast.AST) -> bool:
    return any(part is inner for part in ast.walk(outer))


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
    given: ast.expr | None = None
    for keyword in call.keywords:
        if keyword.arg == "dtype":
            given = keyword.value
        elif keyword.arg is None:
            return ""
    if given is not None:
        return _dtype(facts, given)
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
        return tensor_type(facts, owner, depth + 1) if method in _KEEP else ""
    home, _, last = name.rpartition(".")
    made = facts.creation(call)
    if made is not None and made.node is call and made.dtype not in ("", "?"):
        return "int" if made.is_integer else "float"
    if home == "torch":
        return _torch_type(facts, call, last, depth)
    if home == "numpy":
        if last in ("arange", "full"):
            numbers = call.args[1:2] if last == "full" else call.args
            return "int" if numbers and all(is_whole(facts, one) for one in numbers) else ""
        if last in ("array", "asarray") and call.args:
            return "int" if _whole_data(facts, call.args[0]) else ""
        return "int" if last == "argsort" else ""
    return ""


def _torch_type(facts: FileFacts, call: ast.Call, last: str, depth: int) -> str:
    if last == "arange":
        numbers = [*call.args, *(k.value for k in call.keywords if k.arg in ("start", "end", "step"))]
        return "int" if numbers and all(is_whole(facts, one) for one in numbers) else ""
    if last in ("randint", "randperm", "argmax", "argsort", "nonzero", "bincount", "LongTensor"):
        return "int"
    if last in ("tensor", "as_tensor", "from_numpy"):
        data = argument(call, 0, "data", "obj")
        if data is None:
            return ""
        if last != "from_numpy" and _whole_data(facts, data):
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
        return ""
    if last in _KEEP and call.args:
        return tensor_type(facts, call.args[0], depth + 1)
    if last in ("eq", "ne", "gt", "lt", "ge", "le"):
        return "int"
    return ""


def _whole_data(facts: FileFacts, data: ast.expr) -> bool:
    if isinstance(data, (ast.List, ast.Tuple)):
        return bool(data.elts) and all(_whole_data(facts, part) for part in data.elts)
    if isinstance(data, ast.Constant):
        return isinstance(data.value, int)
    if isinstance(data, ast.ListComp):
        return is_whole(facts, data.elt)
    if isinstance(data, ast.Call) and facts.qualify(data.func) in ("builtins.range", "builtins.list"):
        inner = data.args[0] if data.args else None
        if facts.qualify(data.func) == "builtins.range":
            return True
        return inner is not None and _whole_data(facts, inner)
    if isinstance(data, ast.Name):
        values = facts.reach(data)
        if values and all(
            isinstance(v, (ast.List, ast.Tuple, ast.Constant)) and _whole_data(facts, v)
            for v in values
        ):
            return True
    return is_whole(facts, data)


def _dtype(facts: FileFacts, given: ast.expr) -> str:
    name = facts.qualify(given) or ""
    last = name.rpartition(".")[2]
    if name in ("builtins.int", "builtins.bool"):
        return "int"
    if name.startswith(("torch.", "numpy.")):
        return "int" if last in _DTYPES else "float" if "float" in last else ""
    return ""
