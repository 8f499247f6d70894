"""Inputs that forward takes together: parts of what is joined, one for each of several layers. Child only."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any

from torch import nn

from lint_params.verify.made_up import needs
from lint_params.verify.made_up.needs import Need, name_of

#: So many inputs are joined, at most, and so many sizes of the constructor are tried for them.
_JOINED, _SIZES = 3, 12


def parts(wants: Mapping[str, Need], sizes: Mapping[str, Any]) -> dict[str, Need]:
    """``cat([h, x])``: the sizes of the constructor that together are what the layer takes."""
    joined = {name: want for name, want in wants.items() if want.joined and want.size}
    found: dict[str, Need] = {}
    for size in {want.size for want in joined.values()}:
        names = [name for name, want in joined.items() if want.size == size]
        for name, part in zip(names, _parts(size, names, sizes)):
            found[name] = replace(joined[name], size=part, joined=False)
    return found


def _parts(total: int, names: list[str], sizes: Mapping[str, Any]) -> list[int]:
    if not 1 < len(names) <= _JOINED:
        return []
    given = [(key, size) for key, size in sizes.items() if type(size) is int and 0 < size < total][:_SIZES]
    fit = [way for way in product(given, repeat=len(names)) if sum(size for _, size in way) == total]
    if not fit:
        return [total // len(names)] * len(names) if total % len(names) == 0 else []
    best = max(fit, key=lambda way: (len(set(way)), sum(map(_akin, names, (key for key, _ in way)))))
    return [size for _, size in best]


def _akin(name: str, key: str) -> int:
    """How much an input's name has of a size's: ``h`` and ``hidden_dim``, ``x`` and ``in_dim``."""
    name, key = name.lower(), key.lower()
    if key.startswith("in") and name.startswith(("x", "in")):
        return 2
    return 2 if name in key or key.startswith(name[:3]) else int(key.startswith(name[:1]))


def each(module: nn.Module, name: str, method: str = "forward") -> list[Need]:
    """``for layer, x in zip(self.layers, xs)``: what each of the layers takes."""
    function = needs.tree_of(getattr(type(module), method, None))
    for node in ast.walk(function) if function is not None else ():
        if not isinstance(node, ast.Call) or name_of(node.func) != "zip":
            continue
        if not any(name_of(arg) == name for arg in node.args):
            continue
        for arg in node.args:
            held = getattr(module, getattr(arg, "attr", ""), None)
            wanted = [needs.of_module(one) for one in held] if isinstance(held, nn.ModuleList) else []
            if wanted and all(wanted):
                return [want for want in wanted if want is not None]
    return []


def stacked(module: nn.Module, name: str) -> bool:
    """``torch.stack(images)``: the items are no batches."""
    function = needs.tree_of(getattr(type(module), "forward", None))
    return function is not None and any(
        isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "stack" and node.args
        and name_of(node.args[0]) == name
        for node in ast.walk(function)
    )
