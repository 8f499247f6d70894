"""Small questions about tensors and errors. Child only."""

from __future__ import annotations

import errno
import re
from typing import Any

import torch

#: Reasons that stand for a limit of the process: it is reached once.
LIMITS = ("timeout", "out-of-memory")


def seeded(seed: int = 0) -> None:
    """The same random numbers again; where no GPU has started, without preparing for one."""
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)


def is_uninitialised(value: Any) -> bool:
    """Whether this is a lazy parameter or buffer that has no shape yet."""
    return torch.nn.parameter.is_lazy(value)


def reason_of(error: BaseException) -> str:
    """The fixed reason of an error that says nothing about the code, else ""."""
    text = str(error)
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, MemoryError) or "can't allocate memory" in text or "out of memory" in text:
        return "out-of-memory"
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return "out-of-memory"
    if "Torch not compiled with CUDA" in text or "Found no NVIDIA driver" in text:
        return "needs-device"
    if "cudaGetDeviceCount" in text or "CUDA initialization" in text:
        return "needs-device"
    if "No CUDA GPUs are available" in text or "deserialize object on a CUDA device" in text:
        return "needs-device"
    if isinstance(error, NotImplementedError) and re.search(r"not support.* on CPU\b", text):
        return "needs-device"
    if isinstance(error, PermissionError) or "Network is unreachable" in text:
        return "sandbox-denied"
    if "Temporary failure in name resolution" in text or "Name or service not known" in text:
        return "sandbox-denied"
    if isinstance(error, SystemExit):
        return "crashed"
    return ""


def shape_of(value: Any) -> tuple[int, ...]:
    if is_uninitialised(value) or not isinstance(value, torch.Tensor):
        return ()
    return tuple(value.shape)


def address_of(value: torch.Tensor) -> int:
    try:
        return value.untyped_storage().data_ptr()
    except (RuntimeError, NotImplementedError, ValueError):
        return 0


def strides_of(value: Any) -> tuple[int, ...]:
    if is_uninitialised(value) or value.layout != torch.strided:
        return ()
    return tuple(value.stride())


def overlapping(value: Any) -> bool:
    if not isinstance(value, torch.Tensor):
        return False
    try:
        return any(step == 0 and size > 1 for step, size in zip(value.stride(), value.shape))
    except (RuntimeError, ValueError):
        return False


def reaches_parameter(value: torch.Tensor) -> bool:
    """Whether ``backward`` of a tensor gives a Parameter a gradient."""
    if value.grad_fn is None:
        return isinstance(value, torch.nn.Parameter)
    seen: set[Any] = set()
    todo: list[Any] = [value.grad_fn]
    while todo:
        node = todo.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if isinstance(getattr(node, "variable", None), torch.nn.Parameter):
            return True
        todo += [before for before, _ in node.next_functions]
    return False


def fingerprint(value: torch.Tensor) -> tuple[Any, ...]:
    """Changes when the tensor is changed in place."""
    try:
        total = 0.0
        if value.device.type != "meta" and value.numel() and value.numel() < 1 << 22:
            total = float(value.detach().double().nan_to_num().sum())
        grad = value.requires_grad
        return (value._version, tuple(value.shape), value.stride(), value.dtype, total, grad)
    except (RuntimeError, ValueError, TypeError):
        return (value._version,)
