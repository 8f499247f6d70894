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

from torch import nn


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
    items: bool = False  # what takes it is given its items, one by one
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
    function = tree_of(getattr(type(module), method, None))
    if function is None or depth > 8:
        return {}
    names = [arg.arg for arg in function.args.args[1:] + function.args.kwonlyargs]
    from lint_params.verify.made_up.reader import Reader

    needs: dict[str, Need] = {}
    for name in names:
        need = Reader(module, function, name, depth).need()
        if need is not None:
            needs[name] = need
    return needs


def rank_of(module: nn.Module, name: str, method: str = "forward") -> int:
    """The rank that forward's own code takes the input to have, 0 if it does not say."""
    function = tree_of(getattr(type(module), method, None))
    if function is None:
        return 0
    exact, least = 0, 0
    for node in _before_rebound(function, name, module):
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
            if name_of(node.func.value) == name:
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
            elif name_of(node.value) == name and isinstance(node.slice, ast.Tuple):
                plain = [e for e in node.slice.elts if not _is_none(e)]
                if not any(isinstance(e, ast.Constant) and e.value is ... for e in plain):
                    least = max(least, len(plain))
    return exact or least or _rank_of_results(function)


def _rank_of_results(function: ast.FunctionDef) -> int:
    """``self.norm(x).transpose(1, 2)``: most layers keep the rank, views do not."""
    least = 0
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and name_of(node.func) == "rearrange":
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


def _before_rebound(
    function: ast.FunctionDef, name: str, module: nn.Module
) -> Iterator[ast.AST]:
    """The nodes of the statements up to the first that gives the name another value."""
    for statement in statements(function.body):
        yield from own_nodes(statement)
        if isinstance(statement, ast.Assign) and any(
            name_of(node) == name for target in statement.targets for node in ast.walk(target)
        ):
            if not _keeps_rank(statement.value, name, module):
                return


def _keeps_rank(value: ast.expr, name: str, module: nn.Module) -> bool:
    """``x = self.fc(x)``: these layers change the last size only."""
    if not isinstance(value, ast.Call) or [name_of(arg) for arg in value.args] != [name]:
        return False
    func = value.func
    if not isinstance(func, ast.Attribute) or name_of(func.value) != "self":
        return False
    layer = getattr(module, func.attr, None)
    return isinstance(layer, (nn.Linear, nn.LayerNorm, nn.Dropout, nn.Identity, nn.ReLU, nn.GELU))


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_size(node: ast.expr, name: str) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr in ("shape", "size")
        and name_of(node.value) == name
    )


def name_of(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def tree_of(function: Any) -> ast.FunctionDef | None:
    try:
        source = textwrap.dedent(inspect.getsource(inspect.unwrap(function)))
        node = ast.parse(source).body[0]
    except (OSError, TypeError, SyntaxError, IndexError, RecursionError, MemoryError):
        return None
    return node if isinstance(node, ast.FunctionDef) else None


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        for field_name in ("body", "orelse", "finalbody"):
            inner = getattr(statement, field_name, None)
            if isinstance(inner, list):
                yield from statements(inner)


def own_nodes(statement: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a statement without the statements nested in it."""
    yield statement
    for child in ast.iter_child_nodes(statement):
        if not isinstance(child, ast.stmt):
            yield from own_nodes(child)
