"""How a size is written in a message."""

from __future__ import annotations

#: A size of more characters is cut: nobody reads it.
LONGEST = 90


def short(size: object) -> str:
    text = str(size)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
