"""Writes down the state of a model as plain data. Child only."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from lint_params import evidence
from lint_params.verify.run.tensors import address_of, is_uninitialised, shape_of

#: torch.nn.Module keeps its own state in these; what they hold is not the author's.
_OWN = frozenset(vars(nn.Module()))
_SMALL = 1 << 22


def tensors(root: nn.Module, keep: list[Any]) -> tuple[evidence.Tensor, ...]:
    """Every parameter, buffer and plain tensor attribute, by each of its names."""
    rows = []
    for prefix, module in root.named_modules(remove_duplicate=False):
        dot = f"{prefix}." if prefix else ""
        for name, param in module._parameters.items():
            if param is not None:
                rows.append(_tensor(dot + name, param, "parameter"))
                keep.append(param)
        for name, buffer in module._buffers.items():
            if buffer is not None:
                rows.append(_tensor(dot + name, buffer, "buffer"))
                keep.append(buffer)
        for name, value in list(vars(module).items()):
            if name not in _OWN and isinstance(value, torch.Tensor):
                rows.append(_tensor(dot + name, value, "attribute"))
                keep.append(value)
    return tuple(rows)


def _tensor(name: str, value: torch.Tensor, kind: str) -> evidence.Tensor:
    if is_uninitialised(value):
        return evidence.Tensor(name=name, id=id(value), kind="uninitialised", is_parameter=True)
    strided = value.layout == torch.strided
    stored = 0
    if strided and value.element_size():
        try:
            stored = value.untyped_storage().nbytes() // value.element_size()
        except (RuntimeError, NotImplementedError):
            stored = 0
    finite, unwritten, total = _values(value)
    return evidence.Tensor(
        name=name,
        id=id(value),
        kind=kind,
        shape=shape_of(value),
        stride=tuple(value.stride()) if strided else (),
        elements=value.numel(),
        stored=stored,
        address=address_of(value) if strided else 0,
        dtype=str(value.dtype).removeprefix("torch."),
        device=value.device.type,
        is_parameter=isinstance(value, nn.Parameter),
        requires_grad=value.requires_grad,
        is_leaf=value.is_leaf,
        grad_fn=type(value.grad_fn).__name__ if value.grad_fn is not None else "",
        version=value._version if not value.is_inference() else 0,
        grad=_grad(value) if value.is_leaf else "none",
        unwritten=unwritten,
        finite=finite,
        checksum=total,
        extra=tuple(sorted(key for key in vars(value) if isinstance(key, str)))
        if hasattr(value, "__dict__")
        else (),
    )


def _values(value: torch.Tensor) -> tuple[bool, bool, float]:
    """Finite?, still marked as never written?, a sum that moves when a value does."""
    if value.device.type == "meta" or not value.numel() or value.numel() > _SMALL:
        return True, False, 0.0
    try:
        flat = value.detach()
        if flat.is_complex():
            flat = torch.view_as_real(flat)
        if flat.is_floating_point():
            wide = flat.double()
            clean = wide.nan_to_num(0.0, 0.0, 0.0)
            total = float(clean.sum() + 1.7 * clean.square().sum())
            return bool(wide.isfinite().all()), bool(wide.isnan().any()), total
        if flat.dtype == torch.bool:
            return True, False, float(flat.sum())
        top = torch.iinfo(flat.dtype).max
        return True, bool((flat == top).all()) and top > 127, float(flat.double().sum())
    except (RuntimeError, TypeError, NotImplementedError):
        return True, False, 0.0


def _grad(value: torch.Tensor) -> str:
    grad = value.grad
    if grad is None:
        return "none"
    if grad.device.type == "meta":
        return "nonzero"
    grad = grad.coalesce().values() if grad.is_sparse else grad
    if not bool(grad.isfinite().all()):
        return "nan"
    return "nonzero" if bool((grad != 0).any()) else "zero"


def modules(root: nn.Module, calls: dict[int, int]) -> tuple[evidence.Module, ...]:
    return tuple(
        evidence.Module(
            name=name,
            type=type(module).__name__,
            id=id(module),
            own_parameters=sum(1 for p in module._parameters.values() if p is not None),
            training=bool(module.__dict__.get("training", True)),
            calls=calls.get(id(module), 0),
            requires_grad_set="requires_grad" in vars(module),
        )
        for name, module in root.named_modules(remove_duplicate=False)
    )


def hidden(root: nn.Module, home: str) -> tuple[evidence.Hidden, ...]:
    """Parameters and Modules behind attributes where torch does not look.

    ``home`` is the module name of the linted file: only objects of its own classes (and
    plain containers) are searched, so that a borrowed library object does not count.
    """
    known = {id(param) for param in root.parameters()}
    rows = []
    for prefix, module in root.named_modules():
        dot = f"{prefix}." if prefix else ""
        registered = {id(child) for child in module._modules.values()}
        for name, value in list(vars(module).items()):
            if name in _OWN or id(value) in registered:
                continue
            row = _hidden_in(f"{dot}{name}", value, known, home)
            if row is not None:
                rows.append(row)
        for base in type(module).__mro__:
            if base.__module__.startswith("torch"):
                continue
            for name, value in list(vars(base).items()):
                if isinstance(value, (nn.Parameter, nn.Module)):
                    row = _hidden_in(f"{dot}{name}", value, known, home, class_level=True)
                    if row is not None:
                        rows.append(row)
    return tuple(rows)


def _hidden_in(
    attribute: str, value: Any, known: set[int], home: str, class_level: bool = False
) -> evidence.Hidden | None:
    found: dict[int, str] = {}
    kinds: set[str] = set()
    for path, item in _leaves(value, home):
        if isinstance(item, nn.Parameter):
            if id(item) not in known:
                found.setdefault(id(item), attribute + path)
                kinds.add("Parameter")
        else:
            for name, param in item.named_parameters():
                if id(param) not in known:
                    found.setdefault(id(param), f"{attribute}{path}.{name}")
                    kinds.add("Module")
    if not found:
        return None
    return evidence.Hidden(
        attribute=attribute,
        holder=_holder(value),
        kind="Module" if "Module" in kinds else "Parameter",
        count=len(found),
        ids=tuple(found)[:50],
        names=tuple(found.values())[:50],
        class_level=class_level,
    )


def _holder(value: Any) -> str:
    for kind in (list, tuple, dict, set):
        if isinstance(value, kind):
            return kind.__name__
    return type(value).__name__ if isinstance(value, (nn.Module, nn.Parameter)) else "object"


def _leaves(value: Any, home: str, path: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """The Parameters and Modules in nested containers and in objects of the file's classes."""
    if isinstance(value, (nn.Parameter, nn.Module)):
        yield path, value
    elif depth > 4:
        return
    elif isinstance(value, dict):
        for key, item in list(value.items())[:200]:
            yield from _leaves(item, home, f"{path}[{key!r}]", depth + 1)
    elif isinstance(value, (list, tuple, set, frozenset, deque)):
        for index, item in enumerate(list(value)[:200]):
            yield from _leaves(item, home, f"{path}[{index}]", depth + 1)
    elif type(value).__module__ == home and hasattr(value, "__dict__"):
        for name, item in list(vars(value).items())[:200]:
            yield from _leaves(item, home, f"{path}.{name}", depth + 1)


def spread(root: nn.Module) -> dict[str, float]:
    """How far the units of each matrix are apart: 0 where all are alike.

    A unit is a row of ``nn.Linear`` and a column of ``x @ w``: the lesser of the two counts.
    """
    found: dict[str, float] = {}
    for name, param in root.named_parameters():
        value = param.detach()
        if value.dim() > 1 and value.numel() and math.isfinite(float(value.sum())):
            axes = (0, 1) if value.dim() == 2 else (0,)
            apart = (value - value.narrow(axis, 0, 1) for axis in axes if value.shape[axis] > 1)
            found[name] = min((float(each.abs().max()) for each in apart), default=0.0)
    return found
