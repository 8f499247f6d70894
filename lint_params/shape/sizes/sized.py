"""Arguments that hold a size, by the names that everybody gives them."""

from __future__ import annotations

import re

_SIZED = re.compile(
    r"(^|\.)(num|n|d)_\w+$|(size|length|len|channels?|features?|width|height|units|heads|hidden"
    r"|classes|groups|experts|vocab|embd|ndim|\w_dim)$"
)
_ALONE = re.compile(r"(^|\.)(n|d|c|dim|inner|outer)$")


def holds_size(name: str) -> bool:
    """Whether an argument of that name is a size and nothing else; a ``dim`` may be an axis."""
    return bool(_SIZED.search(name))


def may_hold_size(name: str) -> bool:
    """The same, where it can be no axis."""
    return holds_size(name) or bool(_ALONE.search(name))
