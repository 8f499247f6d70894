"""Tables in Markdown, and where they stand in a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The first column is text, the others are numbers."""
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def megabytes(size: float) -> str:
    return f"{size / 1e6:.0f}"


def seconds(value: float) -> str:
    """Three figures are more than a measurement on a busy machine gives."""
    return f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 20 else f"{value:.0f}"


def between(page: str, name: str) -> str:
    """What stands between the markers of a name."""
    return page.partition(_mark(name))[2].partition(_end(name))[0]


def replaced(page: str, name: str, text: str) -> str:
    """The page with the text between the markers of a name; KeyError without markers."""
    before, mark, rest = page.partition(_mark(name))
    _, end, after = rest.partition(_end(name))
    if not mark or not end:
        raise KeyError(name)
    return before + mark + text + end + after


def write(path: Path, name: str, text: str) -> None:
    path.write_text(replaced(path.read_text(encoding="utf-8"), name, text), encoding="utf-8")


def _mark(name: str) -> str:
    return f"<!-- {name}: generated, see tests/{name}.py -->\n"


def _end(name: str) -> str:
    return f"<!-- end of {name} -->\n"
