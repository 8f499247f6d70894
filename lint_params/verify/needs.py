"""What the first layer that receives an input wants it to be. Child only."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy


@dataclass(frozen=True)
class Need:
    """``kind``: features (last size), image (channels and ``nd`` spatial sizes), ids, like."""

    kind: str
    size: int = 0
    nd: int = 0
    rank: int = 0  # 0: any that fits
    batch_first: bool = True
    joined: bool = False  # it reaches the layer only together with other tensors
    picked: int = 0  # x[:, i]: so many picks
    guessed: bool = False  # read off a Parameter's shape, which may itself be the mistake


_BATCH_NORMS = {nn.BatchNorm1d: 0, nn.BatchNorm2d: 2, nn.BatchNorm3d: 3}


def of_module(module: nn.Module, depth: int = 0) -> Need | None:
    """The need of a layer, of the first layer of a Sequential, or of a Module's forward."""
    if depth > 8:
        return None
    if isinstance(module, nn.modules.lazy.LazyModuleMixin):
        return _lazy(module)
    if isinstance(module, nn.Linear):
        return Need("features", module.in_features)
    if isinstance(module, nn.modules.conv._ConvNd):
        return Need("image", module.in_channels, nd=len(module.kernel_size))
    if isinstance(module, (nn.Embedding, nn.EmbeddingBag)):
        return Need("ids", module.num_embeddings)
    if isinstance(module, nn.RNNBase):
        return Need("features", module.input_size, rank=3, batch_first=module.batch_first)
    if isinstance(module, nn.RNNCellBase):
        return Need("features", module.input_size, rank=2)
    if isinstance(module, nn.LayerNorm):
        return Need("features", module.normalized_shape[-1])
    for kind, nd in _BATCH_NORMS.items():
        if isinstance(module, kind) and module.num_features:
            return (
                Need("image", module.num_features, nd=nd)
                if nd
                else Need("features", module.num_features, rank=2)
            )
    if isinstance(module, nn.GroupNorm):
        return Need("image", module.num_channels, nd=2)
    if isinstance(module, nn.MultiheadAttention):
        return Need("features", module.embed_dim, rank=3, batch_first=module.batch_first)
    if isinstance(module, (nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)):
        inner = module.self_attn
        return Need("features", inner.embed_dim, rank=3, batch_first=inner.batch_first)
    if isinstance(module, (nn.TransformerEncoder, nn.TransformerDecoder)):
        return of_module(module.layers[0], depth + 1)
    if isinstance(module, (nn.Sequential, nn.ModuleList)):
        before: nn.Module | None = None
        for child in module:
            found = of_module(child, depth + 1)
            if found is not None:
                return _rearranged(before, found) if before is not None else found
            if type(child).__name__ == "Rearrange":
                before = before or child
        return None
    if type(module).__module__.startswith("torch."):
        return None
    found_need = of_forward(module, depth + 1)
    return next(iter(found_need.values()), None)


def _rearranged(layer: nn.Module, need: Need) -> Need:
    """What an einops ``Rearrange`` before a layer makes of its need."""
    left = str(getattr(layer, "pattern", "")).partition("->")[0]
    axes = re.findall(r"\([^)]*\)|\S+", left)
    known = getattr(layer, "axes_lengths", {})
    lengths = dict(known) if isinstance(known, (dict, list, tuple)) else {}
    count = prod(int(v) for v in lengths.values())
    if len(axes) >= 4 and need.kind == "features" and count and need.size % count == 0:
        return Need("image", need.size // count, nd=len(axes) - 2)
    return replace(need, rank=len(axes))


def _lazy(module: nn.Module) -> Need | None:
    name = type(module).__name__
    if name == "LazyLinear":
        return Need("features", 24)
    for nd in (1, 2, 3):
        if name.endswith(f"{nd}d"):
            return Need("image", 3, nd=nd)
    return Need("features", 24)


def of_forward(module: nn.Module, depth: int = 0, method: str = "forward") -> dict[str, Need]:
    """The needs of forward's parameters, by name, as far as its source shows them."""
    function = _tree(getattr(type(module), method, None))
    if function is None or depth > 8:
        return {}
    names = [arg.arg for arg in function.args.args[1:] + function.args.kwonlyargs]
    needs: dict[str, Need] = {}
    for name in names:
        need = _Reader(module, function, name, depth).need()
        if need is not None:
            needs[name] = need
    return needs


def rank_of(module: nn.Module, name: str, method: str = "forward") -> int:
    """The rank that forward's own code takes the input to have, 0 if it does not say."""
    function = _tree(getattr(type(module), method, None))
    if function is None:
        return 0
    exact, least = 0, 0
    for node in _before_rebound(function, name):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], (ast.Tuple, ast.List)):
            value = node.value
            if isinstance(value, ast.Call):
                value = value.func
            if _is_size(value, name):
                starred = any(isinstance(e, ast.Starred) for e in node.targets[0].elts)
                if not starred:
                    exact = exact or len(node.targets[0].elts)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            numbers = [
                arg.value
                for arg in node.args
                if isinstance(arg, ast.Constant) and isinstance(arg.value, int)
            ]
            if _name(node.func.value) == name:
                if node.func.attr == "permute" and len(numbers) > 1:
                    exact = exact or len(numbers)
                elif node.func.attr in ("size", "transpose", "unbind", "flatten", "select"):
                    least = max([least, *(n + 1 for n in numbers if n > 0)])
                elif node.func.attr in ("unbind",):
                    for word in node.keywords:
                        if word.arg == "dim" and isinstance(word.value, ast.Constant):
                            least = max(least, int(word.value.value or 0) + 2)  # type: ignore[arg-type]
        elif isinstance(node, ast.Subscript):
            if _is_size(node.value, name) and isinstance(node.slice, ast.Constant):
                index = node.slice.value
                least = max(least, index + 1 if isinstance(index, int) and index >= 0 else 0)
            elif _name(node.value) == name and isinstance(node.slice, ast.Tuple):
                plain = [e for e in node.slice.elts if not _is_none(e)]
                if not any(isinstance(e, ast.Constant) and e.value is ... for e in plain):
                    least = max(least, len(plain))
    return exact or least or _rank_of_results(function)


def _rank_of_results(function: ast.FunctionDef) -> int:
    """``self.norm(x).transpose(1, 2)``: most layers keep the rank, views do not."""
    least = 0
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and _name(node.func) == "rearrange":
            for arg in node.args:
                if isinstance(arg, ast.Constant) and isinstance(arg.value, str):
                    return len(re.findall(r"\([^)]*\)|\S+", arg.value.partition("->")[0]))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in ("view", "reshape", "unsqueeze", "flatten", "stack", "rearrange"):
                return 0
            numbers = [
                arg.value
                for arg in node.args
                if isinstance(arg, ast.Constant) and isinstance(arg.value, int)
            ]
            if node.func.attr in ("transpose", "permute") and isinstance(node.func.value, ast.Call):
                least = max([least, *(number + 1 for number in numbers)])
    return least


def _before_rebound(function: ast.FunctionDef, name: str) -> Iterator[ast.AST]:
    """The nodes of the statements up to the first that gives the name another value."""
    for statement in _statements(function.body):
        yield from _own(statement)
        if isinstance(statement, ast.Assign) and any(
            _name(node) == name for target in statement.targets for node in ast.walk(target)
        ):
            return


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_size(node: ast.expr, name: str) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr in ("shape", "size")
        and _name(node.value) == name
    )


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _tree(function: Any) -> ast.FunctionDef | None:
    try:
        source = textwrap.dedent(inspect.getsource(inspect.unwrap(function)))
        node = ast.parse(source).body[0]
    except (OSError, TypeError, SyntaxError, IndexError):
        return None
    return node if isinstance(node, ast.FunctionDef) else None


class _Reader:
    """Follows one parameter through a function until something that owns weights takes it."""

    def __init__(self, module: nn.Module, function: ast.FunctionDef, name: str, depth: int) -> None:
        self.module = module
        self.function = function
        self.name = name
        self.depth = depth
        self.alive = {name}

    def need(self) -> Need | None:
        for statement in _statements(self.function.body):
            found = self._in(statement)
            if found is not None:
                return found
            if isinstance(statement, ast.Assign):
                mentions = self._mentions(statement.value)
                for target in statement.targets:
                    for node in ast.walk(target):
                        if isinstance(node, ast.Name):
                            if mentions:
                                self.alive.add(node.id)
                            elif node.id != self.name:
                                self.alive.discard(node.id)
        return None

    def _mentions(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Attribute) and node.attr in ("shape", "device", "dtype"):
            return False
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("size", "dim", "new_zeros", "numel")
        ):
            return any(self._mentions(arg) for arg in node.args)
        if isinstance(node, ast.Name):
            return node.id in self.alive
        return any(self._mentions(child) for child in ast.iter_child_nodes(node))

    def _in(self, statement: ast.AST) -> Need | None:
        """Innermost use first, in the order of the text."""
        best: tuple[int, int, Need] | None = None
        for node in _own(statement):
            found: Need | None = None
            if isinstance(node, ast.Call):
                found = self._call(node)
            elif isinstance(node, ast.BinOp):
                found = self._operator(node)
            if found is not None:
                size = sum(1 for _ in ast.walk(node))
                if best is None or size < best[0]:
                    best = (size, 0, found)
        return best[2] if best else None

    def _call(self, node: ast.Call) -> Need | None:
        taken = [arg for arg in node.args if self._mentions(arg)]
        taken += [word.value for word in node.keywords if self._mentions(word.value)]
        if not taken:
            return None
        joined = self._joined(taken[0])
        func = node.func
        if isinstance(func, ast.Attribute) and _name(func.value) == "self":
            target = getattr(self.module, func.attr, None)
            if target is None or isinstance(target, nn.Module):
                return (
                    self._adjust(of_module(target, self.depth + 1), taken[0], joined)
                    if (target is not None)
                    else None
                )
            if inspect.ismethod(target):
                index = (
                    next(i for i, a in enumerate([*node.args]) if a is taken[0])
                    if (taken[0] in node.args)
                    else 0
                )
                inner = _tree(target)
                if inner is None:
                    return None
                names = [arg.arg for arg in inner.args.args if arg.arg != "self"]
                if index < len(names) and self.depth < 8:
                    return _Reader(self.module, inner, names[index], self.depth + 1).need()
            return None
        for module in self._callee(func):
            return self._adjust(of_module(module, self.depth + 1), taken[0], joined)
        called = func.attr if isinstance(func, ast.Attribute) else _name(func)
        if called in ("linear", "matmul", "mm", "bmm", "embedding", "conv2d", "conv1d"):
            operands = [*node.args]
            if isinstance(func, ast.Attribute) and self._mentions(func.value):
                operands.insert(0, func.value)
            if len(operands) > 1 and not joined:
                return self._weight(called, operands[0], operands[1])
        return None

    def _callee(self, func: ast.expr) -> Iterator[nn.Module]:
        """``layer(x)`` in a loop over ``self.layers``, ``self.blocks[0](x)``."""
        if isinstance(func, ast.Subscript):
            value = self._object(func.value)
            if isinstance(value, (nn.ModuleList, nn.Sequential)) and len(value):
                yield value[0]
            elif isinstance(value, nn.ModuleDict) and len(value):
                yield next(iter(value.values()))
        elif isinstance(func, ast.Name):
            for node in ast.walk(self.function):
                if isinstance(node, (ast.For, ast.comprehension)):
                    position = _position(node.target, func.id)
                    if position is None:
                        continue
                    value = self._looped(node.iter, position)
                    several = isinstance(value, (nn.ModuleList, nn.Sequential, list, tuple))
                    if several and len(value) and isinstance(value[0], nn.Module):
                        yield value[0]
                elif isinstance(node, ast.Assign) and any(
                    _name(target) == func.id for target in node.targets
                ):
                    value = self._object(node.value)
                    if isinstance(value, nn.Module):
                        yield value

    def _looped(self, node: ast.expr, position: int) -> Any:
        if isinstance(node, ast.Call) and _name(node.func) in ("enumerate", "zip", "reversed"):
            args = node.args
            if _name(node.func) == "enumerate":
                inner = args[0]
                if isinstance(inner, ast.Call):
                    return self._looped(inner, max(position - 1, 0))
                return self._object(inner)
            return self._object(args[min(position, len(args) - 1)])
        return self._object(node)

    def _object(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Name):
            return self.module if node.id == "self" else None
        if isinstance(node, ast.Attribute):
            owner = self._object(node.value)
            return getattr(owner, node.attr, None) if owner is not None else None
        if isinstance(node, ast.Subscript):
            value = self._object(node.value)
            if isinstance(value, (nn.ModuleList, nn.Sequential)) and len(value):
                return value[0]
        return None

    def _joined(self, node: ast.AST) -> bool:
        return any(
            isinstance(inner, ast.Call)
            and isinstance(inner.func, (ast.Attribute, ast.Name))
            and (getattr(inner.func, "attr", "") or getattr(inner.func, "id", ""))
            in ("cat", "concat", "concatenate", "hstack", "stack")
            for inner in ast.walk(node)
        )

    def _adjust(self, need: Need | None, arg: ast.AST, joined: bool) -> Need | None:
        if need is None:
            return None
        for node in ast.walk(arg):  # x[:, i] with i of a loop: one column a pick
            if (
                isinstance(node, ast.Subscript)
                and _name(node.value) in self.alive
                and isinstance(node.slice, ast.Tuple)
                and not isinstance(node.slice.elts[-1], ast.Slice)
            ):
                need = replace(need, picked=max(need.picked, self._picks(node.slice.elts[-1])))
        for node in ast.walk(arg):  # z.view(z.size(0), -1, 1, 1): flat before
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                ones = [isinstance(a, ast.Constant) and a.value == 1 for a in node.args[-need.nd :]]
                if node.func.attr in ("view", "reshape") and need.nd and ones and all(ones):
                    need = replace(need, nd=0, rank=2)
        return replace(need, joined=need.joined or joined)

    def _picks(self, index: ast.expr) -> int:
        if isinstance(index, ast.Constant) and isinstance(index.value, int):
            highest = 0
            for node in ast.walk(self.function):
                if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple):
                    last = node.slice.elts[-1]
                    if isinstance(last, ast.Constant) and isinstance(last.value, int):
                        highest = max(highest, last.value)
            return highest + 1
        for node in ast.walk(self.function):
            if not isinstance(node, (ast.For, ast.comprehension)):
                continue
            if _position(node.target, _name(index)) is not None:
                value = self._looped(node.iter, 1)
                if isinstance(value, (nn.ModuleList, nn.Sequential)):
                    return len(value)
        return 1

    def _operator(self, node: ast.BinOp) -> Need | None:
        for ours, other in ((node.left, node.right), (node.right, node.left)):
            if not self._mentions(ours) or self._joined(ours):
                continue
            if any(isinstance(inner, ast.Call) for inner in ast.walk(ours)):
                continue
            if isinstance(node.op, ast.MatMult) and ours is node.left:
                return self._weight("matmul", ours, other)
            if isinstance(node.op, (ast.Add, ast.Mult, ast.Sub, ast.Div)):
                weight = self._object(other)
                if isinstance(weight, nn.Parameter) and weight.dim() and _known(weight):
                    return _broadcast(weight)
        return None

    def _weight(self, called: str, ours: ast.expr, other: ast.expr) -> Need | None:
        turned = False
        while isinstance(other, ast.Call) and isinstance(other.func, ast.Attribute):
            turned ^= other.func.attr in ("t", "transpose")
            other = other.func.value
        if isinstance(other, ast.Attribute) and other.attr in ("T", "mT"):
            turned, other = not turned, other.value
        if isinstance(other, ast.BinOp):
            other = other.left
        weight = self._object(other)
        if not isinstance(weight, torch.Tensor) or not _known(weight) or not weight.dim():
            return None
        if called == "embedding":
            return None
        if called.startswith("conv") and weight.dim() > 2:
            return Need("image", weight.shape[1], nd=weight.dim() - 2)
        if called == "linear":
            turned = not turned
        if not self._mentions(ours):
            return None
        size = weight.shape[-1] if turned or weight.dim() == 1 else weight.shape[-2]
        return Need("features", int(size), rank=3 if called == "bmm" else 0, guessed=True)


def _known(weight: torch.Tensor) -> bool:
    return not is_lazy(weight)


def _broadcast(weight: torch.Tensor) -> Need | None:
    shape = [int(size) for size in weight.shape]
    while len(shape) > 1 and shape[0] == 1:
        shape.pop(0)
    if len(shape) > 1 and all(size == 1 for size in shape[1:]):
        return Need("image", shape[0], nd=len(shape) - 1)
    return Need("features", shape[-1]) if shape[-1] > 1 else None


def _position(target: ast.expr, name: str) -> int | None:
    if isinstance(target, ast.Tuple):
        flat: list[ast.expr] = []
        for element in target.elts:
            flat += element.elts if isinstance(element, ast.Tuple) else [element]
        for index, element in enumerate(flat):
            if _name(element) == name:
                return index
        return None
    return 0 if name and _name(target) == name else None


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        for field_name in ("body", "orelse", "finalbody"):
            inner = getattr(statement, field_name, None)
            if isinstance(inner, list):
                yield from _statements(inner)


def _own(statement: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a statement without the statements nested in it."""
    yield statement
    for child in ast.iter_child_nodes(statement):
        if not isinstance(child, ast.stmt):
            yield from _own(child)
