"""How a tensor was made: by which function, with which sizes, of which type, written or not."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lint_params.facts.members import argument
from lint_params.facts.torch_names import CREATORS, UNWRITTEN
from lint_params.facts.value.call_sites import is_none_by_default
from lint_params.trees import is_none

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts
    from lint_params.facts.value.kinds import Kind

#: Methods after which the tensor still is what the creator made, -> the dtype they give.
_KEEP = {
    "to": "",
    "cuda": "",
    "cpu": "",
    "contiguous": "",
    "clone": "",
    "requires_grad_": "",
    "pin_memory": "",
    "float": "torch.float32",
    "double": "torch.float64",
    "half": "torch.float16",
    "bfloat16": "torch.bfloat16",
    "long": "torch.int64",
    "int": "torch.int32",
    "short": "torch.int16",
    "bool": "torch.bool",
}
_TYPES = {
    "DoubleTensor": "torch.float64",
    "HalfTensor": "torch.float16",
    "BFloat16Tensor": "torch.bfloat16",
    "LongTensor": "torch.int64",
    "IntTensor": "torch.int32",
    "ShortTensor": "torch.int16",
    "CharTensor": "torch.int8",
    "ByteTensor": "torch.uint8",
    "BoolTensor": "torch.bool",
}
_INTEGER = ("int64", "int32", "int16", "int8", "uint8", "bool", "long", "int", "short")


@dataclass(frozen=True)
class Creation:
    """``function`` is qualified; ``shape`` the size expressions, [] for a 0-dim tensor, None
    where the source does not spell them. ``dtype`` is ``torch.float32`` ... or "" if not
    known. ``unwritten``: the memory holds whatever was there. ``data``: what it was made
    from (``torch.tensor(data)``). ``like``: the tensor whose shape it has.
    """

    function: str
    node: ast.Call
    shape: tuple[ast.expr, ...] | None = None
    dtype: str = ""
    unwritten: bool = False
    data: ast.expr | None = None
    like: ast.expr | None = None
    requires_grad: ast.expr | None = None

    @property
    def is_integer(self) -> bool:
        """Surely of an integer or bool type, for which torch computes no gradients."""
        return self.dtype.rpartition(".")[2] in _INTEGER


def creation_of(facts: FileFacts, expr: ast.expr, depth: int = 0) -> Creation | None:
    """The creation behind an expression, through local names and ``.to()``-like methods."""
    if depth > 8:
        return None
    if isinstance(expr, ast.Name):
        values = facts.reach(expr)
        if values is None or len(values) != 1 or values[0] is expr:
            return None
        return creation_of(facts, values[0], depth + 1)
    if not isinstance(expr, ast.Call):
        return None
    name = facts.qualify(expr.func)
    if name is not None and name in CREATORS:
        return _created(facts, expr, name)
    if isinstance(expr.func, ast.Attribute) and expr.func.attr in _KEEP and name is None:
        inner = creation_of(facts, expr.func.value, depth + 1)
        if inner is None:
            return None
        dtype = _KEEP[expr.func.attr]
        if expr.func.attr == "to":
            dtype = _to_type(facts, expr, inner.dtype)
        return replace(inner, dtype=dtype or inner.dtype)
    return _returned(facts, expr, depth)


def _returned(facts: FileFacts, call: ast.Call, depth: int) -> Creation | None:
    """What a function of the project makes and returns; its sizes are names of over there."""
    found = facts.function_of(call)
    if found is None or found[1].decorators or found[1].nodes(ast.Yield, ast.YieldFrom):
        return None
    values = [one.value for one in found[1].nodes(ast.Return)]
    if len(values) != 1 or values[0] is None:
        return None
    made = creation_of(found[0], values[0], depth + 1)
    if made is None:
        return None
    at_once = made.unwritten and values[0] is made.node
    return replace(made, shape=None, data=None, like=None, unwritten=at_once)


def _to_type(facts: FileFacts, call: ast.Call, before: str) -> str:
    for one in [*call.args, *(k.value for k in call.keywords if k.arg == "dtype")]:
        name = facts.qualify(one)
        if name is not None and name.startswith("torch."):
            return name
        if not isinstance(one, ast.Constant):
            return ""  # a device or a type: not known, and ``before`` may not hold
    return before


def _created(facts: FileFacts, call: ast.Call, name: str) -> Creation:
    style, last = CREATORS[name], name.rpartition(".")[2]
    keywords = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    dtype = _dtype(facts, keywords.get("dtype"), last)
    made = Creation(name, call, dtype=dtype, requires_grad=keywords.get("requires_grad"))
    if any(keyword.arg is None for keyword in call.keywords):
        if style != "size" or not call.args:
            return made
        dtype = dtype or "?"  # torch.empty(n, m, **factory_kwargs): the type may be in there
    if style == "size":
        legacy = last.endswith("Tensor")
        shape, data = _sizes(facts, call, last)
        if legacy and not call.args and not {"size", "data"} & {*keywords}:
            shape = (ast.Constant(0),)
        unwritten = name in UNWRITTEN and (not legacy or (shape is not None and data is None))
        if last == "full" and not dtype:
            fill = argument(call, 1, "fill_value")
            dtype = _value_type(fill) if fill is not None else ""
        elif last == "randint" and not dtype:
            dtype = "torch.int64"
        return replace(made, shape=shape, unwritten=unwritten, data=data, dtype=dtype)
    if style == "data":
        data = argument(call, 0, "data")
        dtype = dtype or (_data_type(data) if last != "from_numpy" and data is not None else "")
        return replace(made, shape=_data_shape(facts, data), data=data, dtype=dtype)
    if style == "like":
        like = argument(call, 0, "input")
        return replace(made, like=like, unwritten=name in UNWRITTEN)
    if style == "range" and last in ("arange", "range", "randperm"):
        ends = [argument(call, place, word) for place, word in enumerate(("start", "end", "step"))]
        types = {_value_type(end) for end in ends if end is not None}
        if not dtype and last == "randperm":
            dtype = "torch.int64"
        elif not dtype and last == "arange" and types == {"torch.int64"}:
            dtype = "torch.int64"
        shape = (ends[0],) if len(call.args) == 1 and ends[0] is not None else None
        return replace(made, shape=shape, dtype=dtype)
    if style == "range":
        steps = argument(call, 2, "steps")
        return replace(made, shape=(steps,) if steps is not None else None)
    sides = [arg for arg in call.args[:2]]
    return replace(made, shape=(sides[0], sides[-1]) if sides else None)


def _sizes(
    facts: FileFacts, call: ast.Call, last: str
) -> tuple[tuple[ast.expr, ...] | None, ast.expr | None]:
    """(shape, data) of ``f(2, 3)``, ``f((2, 3))``, ``f(size=...)``; legacy types take data."""
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    place = {"randint": len(call.args) - 1, "normal": 2}.get(last, 0)
    size: ast.expr | None = keywords.get("size") or keywords.get("shape")
    if size is None and last in ("full", "empty_strided", "randint", "normal"):
        size = argument(call, place, "size")
    if size is None and "data" in keywords:
        return _data_shape(facts, keywords["data"]), keywords["data"]
    if size is None:
        args = call.args
        if len(args) == 1 and not last.endswith("Tensor"):
            size = args[0]
        elif len(args) == 1:
            # torch.Tensor((2, 3)) is data; torch.Tensor(n) is a size unless n is data.
            if isinstance(args[0], (ast.List, ast.Tuple)):
                return _data_shape(facts, args[0]), args[0]
            if (
                facts.kind_of(args[0]).what == "number" or isinstance(args[0], ast.BinOp)
                or facts.is_whole(args[0])
            ):
                return (args[0],), None
            return None, None
        else:
            if any(isinstance(arg, ast.Starred) for arg in args):
                return None, None
            return tuple(args), None
    if isinstance(size, (ast.Tuple, ast.List)):
        if any(isinstance(part, ast.Starred) for part in size.elts):
            return None, None
        return tuple(size.elts), None
    if isinstance(size, ast.Constant) and isinstance(size.value, int):
        return (size,), None
    if isinstance(size, ast.Starred):
        return None, None
    if facts.kind_of(size).what != "number" and not facts.is_whole(size):
        return None, None  # may be a torch.Size
    return (size,), None


def _data_shape(facts: FileFacts, data: ast.expr | None) -> tuple[ast.expr, ...] | None:
    """The shape of a literal list of lists; [] of a number, literal or worked out."""
    if isinstance(data, ast.Constant) and isinstance(data.value, (int, float)):
        return ()
    if isinstance(data, ast.UnaryOp):
        return _data_shape(facts, data.operand)
    if isinstance(data, (ast.BinOp, ast.Call)) and facts.is_number(data):
        return ()
    if isinstance(data, (ast.List, ast.Tuple)):
        if any(isinstance(part, ast.Starred) for part in data.elts):
            return None
        if not data.elts:
            return (ast.Constant(0),)
        inner = _data_shape(facts, data.elts[0])
        return None if inner is None else (ast.Constant(len(data.elts)), *inner)
    return None


def _dtype(facts: FileFacts, given: ast.expr | None, last: str) -> str:
    if given is not None:
        name = facts.qualify(given) or ""
        builtin = {"builtins.int": "torch.int64", "builtins.bool": "torch.bool"}
        name = builtin.get(name, "torch.float32" if name == "builtins.float" else name)
        return name if name.startswith("torch.") else "?"
    return _TYPES.get(last, "")


def _value_type(value: ast.expr | None) -> str:
    """The type torch infers for one literal number; "" where the value is not written out."""
    if isinstance(value, ast.UnaryOp) and isinstance(value.op, (ast.USub, ast.UAdd)):
        return _value_type(value.operand)
    if isinstance(value, ast.Constant):
        if isinstance(value.value, bool):
            return "torch.bool"
        if isinstance(value.value, int):
            return "torch.int64"
        if isinstance(value.value, float):
            return "torch.float32"
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        return {"int": "torch.int64", "len": "torch.int64", "float": "torch.float32"}.get(
            value.func.id, ""
        )
    return ""


def _data_type(data: ast.expr) -> str:
    if isinstance(data, (ast.List, ast.Tuple)):
        types = {_data_type(part) for part in data.elts}
        if "" in types:
            return ""
        if "torch.float32" in types or not types:
            return "torch.float32"
        return "torch.int64" if "torch.int64" in types else "torch.bool"
    return _value_type(data)


def on_default_device(kind: Kind) -> bool:
    """A tensor computed only from a creation function that was given no device."""
    while kind.what == "tensor" and kind.origin is not None:
        if kind.torch in ("torch.Tensor.to", "torch.Tensor.cuda", "torch.Tensor.type_as"):
            return False
        kind = first_of(kind.origin)
    if kind.what != "tensor":
        return False
    call = kind.node
    if kind.torch not in CREATORS or not isinstance(call, ast.Call):
        return False
    if CREATORS[kind.torch] == "like" or kind.torch in ("torch.as_tensor", "torch.from_numpy"):
        return kind.torch in ("torch.as_tensor", "torch.from_numpy")
    placed = [keyword for keyword in call.keywords if keyword.arg in ("device", None)]
    return not placed or kind.facts is not None and _by_factory(kind.facts, call)


def first_of(kind: Kind) -> Kind:
    """The first of several tensors, which have to be on one device to be joined."""
    parts = kind.node.elts if isinstance(kind.node, (ast.List, ast.Tuple)) else []
    if kind.what in ("list", "tuple") and parts and kind.facts is not None:
        return kind.facts.kind_of(parts[0])
    return kind.element or kind if kind.what == "tuple" else kind


def _by_factory(facts: FileFacts, call: ast.Call) -> bool:
    """``device=device, dtype=dtype``, or ``**kwargs`` of the two, of arguments that are None by default:
    it is made where the layers beside it are, and these go on to other devices."""
    given = _given_by_name(facts, call)
    return given.keys() >= {"device", "dtype"} and all(
        isinstance(given[name], ast.Name) and is_none_by_default(facts, given[name]) for name in ("device", "dtype")
    )


def leaves_type(facts: FileFacts, call: ast.Call) -> bool:
    """Whether the type is that of torch as long as nobody asks for another: ``dtype=dtype`` of an argument that is
    None by default."""
    given = _given_by_name(facts, call)
    if "" in given or "dtype" not in given:
        return "" not in given
    return is_none_by_default(facts, given["dtype"]) or _is_looked_for(given["dtype"])


def _is_looked_for(value: ast.expr) -> bool:
    """``kwargs.get("dtype")``, which is None where there is none."""
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Attribute) or value.func.attr != "get":
        return False
    return all(is_none(other) for other in value.args[1:])


def _given_by_name(facts: FileFacts, call: ast.Call) -> dict[str, ast.expr]:
    """The keywords of a call, with those of dicts that are unpacked; "" for one that is not shown."""
    given: dict[str, ast.expr] = {}
    for keyword in call.keywords:
        values = facts.reach(keyword.value) if keyword.arg is None else None
        if values is not None and len(values) == 1 and isinstance(values[0], ast.Dict):
            given |= {str(getattr(key, "value", "")): value for key, value in zip(values[0].keys, values[0].values)}
        else:
            given[keyword.arg or ""] = keyword.value
    return given
