"""Text that is put together from known values: names of layers, most often."""

from __future__ import annotations

import re

from lint_params.shape.value import Seq, Unknown, Value

_PLAIN = (str, int, float, bool)
#: ``%``, and what stands after the colon of ``{}``; short, as a width may ask for any memory.
_PERCENT = re.compile(r"([^%]|%%|%[-+0]?\d{0,2}[dis])*")
_SPEC = re.compile(r"[<>^]?[-+0]?\d{0,2}[ds]?")
_WIDE = re.compile(r"\d{3}")


def percent(text: str, values: Value) -> Value:
    """``text % values``."""
    given = values.items if isinstance(values, Seq) and values.kind == "tuple" else [values]
    if not _PERCENT.fullmatch(text) or not all(isinstance(value, _PLAIN) for value in given):
        return Unknown("text")
    try:
        return text % tuple(given)
    except (TypeError, ValueError):
        return Unknown("text")


def field(value: Value, spec: str) -> Value:
    """``f"{value:spec}"``."""
    if not isinstance(value, _PLAIN) or not _SPEC.fullmatch(spec):
        return Unknown("text")
    try:
        return format(value, spec)
    except (TypeError, ValueError):
        return Unknown("text")


def is_wide(text: str) -> bool:
    """Whether ``text.format`` may ask for much memory."""
    return bool(_WIDE.search(text))
