"""The device of this process's run, for arguments that are made up. Child only.

A Parameter that ``.to(device)`` leaves where it is shows nothing, so the device is one that the
model is not built on.
"""

from __future__ import annotations

_device = "cpu"


def set_device(name: str) -> None:
    global _device
    _device = name


def device_name() -> str:
    return _device
