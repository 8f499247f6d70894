"""Bytes to text: PEP 263, BOM, newlines and notebooks, and the way back to bytes."""

from __future__ import annotations

import codecs
import io
import json
import re
import tokenize
from dataclasses import dataclass
from typing import Any

#: Python's own idea of a line end; str.splitlines also breaks at form feeds and the like.
LINE_END = re.compile(r"\r\n|\r|\n")
#: What only IPython reads: a command, or a question about a name; and what a command gave, kept.
_MAGIC = re.compile(
    r"(\s*)([!?]|%+[A-Za-z]|%*[\w.*]+\?{1,2}\s*$"
    r"|(pip3?|conda|ls|cd|cp|mv|rm|mkdir|cat)(\s+-+[a-z-]+)*\s+(?!(is|in|if|and|or|not|for)\b)[\w./~])"
)
_KEPT_MAGIC = re.compile(r"(\s*[\w., ()]+=\s*)[!%]+(?=[\w./~{$-])")


class Unreadable(Exception):
    """A file whose text cannot be had; ``line`` and ``column`` say where, from 1."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.message, self.line, self.column = message, line, column


@dataclass(frozen=True)
class Cell:
    """A code cell: its number among all cells, and its lines in the notebook's joined text."""

    number: int
    first: int
    text: str

    @property
    def last(self) -> int:
        return self.first + max(1, len(lines_of(self.text))) - 1


@dataclass(frozen=True)
class Source:
    """The text of one file as Python reads it; a notebook's is that of its cells, joined.

    Newlines are kept, so that a fix writes back what it did not touch.
    """

    path: str
    text: str
    encoding: str = "utf-8"
    bom: bool = False
    cells: tuple[Cell, ...] = ()

    def encode(self, text: str) -> bytes:
        """``text`` as the file would hold it."""
        return (codecs.BOM_UTF8 if self.bom else b"") + text.encode(self.encoding)

    def cell_at(self, line: int) -> Cell | None:
        """The notebook cell that holds a line of the joined text."""
        return next((cell for cell in self.cells if cell.first <= line <= cell.last), None)


def lines_of(text: str) -> list[str]:
    """The lines of ``text`` with their ends, split where Python splits them."""
    lines, start = [], 0
    for match in LINE_END.finditer(text):
        lines.append(text[start : match.end()])
        start = match.end()
    if start < len(text):
        lines.append(text[start:])
    return lines


def decode(path: str, data: bytes) -> Source:
    """The text of a Python file, or Unreadable with the place of what is wrong."""
    bom = data.startswith(codecs.BOM_UTF8)
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError as error:
        if "invalid or missing encoding" not in str(error):
            raise Unreadable(_without_place(str(error))) from None
        encoding = "utf-8"  # not UTF-8 in the first lines already: the decoding below says where
    body = data[len(codecs.BOM_UTF8) :] if bom else data
    encoding = "utf-8" if bom else encoding
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        good = body[: error.start].decode(encoding, "replace")
        line, column = _end_of(good)
        reason = f"not valid {encoding}: byte 0x{body[error.start]:02x} ({error.reason})"
        raise Unreadable(reason, line, column) from None
    except UnicodeError as error:
        raise Unreadable(f"not valid {encoding}: {error}") from None
    except LookupError:  # a codec of bytes, such as rot13
        raise Unreadable(f"not a text encoding: {encoding}") from None
    nul = text.find("\0")
    if nul >= 0:
        raise Unreadable("contains a NUL byte", *_end_of(text[:nul]))
    return Source(path, text, encoding, bom)


def read_notebook(path: str, data: bytes) -> Source:
    """The Python code cells of a notebook, joined: a later cell sees an earlier one's imports."""
    try:
        book = json.loads(data.decode("utf-8-sig"))
        raw = book["cells"] if "cells" in book else book["worksheets"][0]["cells"]
        language = book.get("metadata", {}).get("kernelspec", {}).get("language", "python")
        texts = [
            (number, _cell_text(cell))
            for number, cell in enumerate(raw, 1)
            if cell.get("cell_type") == "code"
        ]
    except RecursionError:
        raise Unreadable("not a notebook: nested too deeply") from None
    except json.JSONDecodeError as error:
        raise Unreadable(f"not a notebook: {error.msg}", error.lineno, error.colno) from None
    except UnicodeDecodeError as error:
        raise Unreadable(f"not a notebook: {error}") from None
    except (KeyError, IndexError, TypeError, AttributeError):
        raise Unreadable("not a notebook: it has no list of cells with their source") from None
    cells: list[Cell] = []
    line = 1
    for number, text in texts if language == "python" else ():
        text = text if text.endswith("\n") else text + "\n"
        cells.append(Cell(number, line, text))
        line += len(lines_of(text))
    return Source(path, "".join(cell.text for cell in cells), cells=tuple(cells))


def read(path: str, data: bytes) -> Source:
    """The source in a file's bytes, by the file's extension."""
    return read_notebook(path, data) if path.endswith(".ipynb") else decode(path, data)


def shown_path(path: str, cell: Cell) -> str:
    return f"{path}:cell {cell.number}"


def split_cell(path: str) -> tuple[str, int | None]:
    """A shown path as the file and, for a notebook, the number of the cell."""
    file, mark, cell = path.rpartition(".ipynb:cell ")
    return (f"{file}.ipynb", int(cell)) if mark and cell.isdigit() else (path, None)


def _cell_text(cell: dict[str, Any]) -> str:
    """A cell's code, line by line; of IPython's own lines only that something stands there.

    A cell magic that hands the whole cell to another program leaves nothing to read, and what
    indents the first line of a cell means nothing.
    """
    source = cell.get("source", cell.get("input", ""))
    text = source if isinstance(source, str) else "".join(source)
    if re.match(r"\s*%%(?!time|capture|prun)", text):
        return ""
    lines = lines_of(text)
    indent = re.match(r"[ \t]*", lines[0] if lines else "")[0]  # type: ignore[index]
    command = False
    for i, line in enumerate(lines):
        line = line.removeprefix(indent)
        body = line.rstrip("\r\n")
        magic, kept = _MAGIC.match(body), _KEPT_MAGIC.match(body)
        if command:
            line = line[len(body) :]
        elif magic is not None:
            line = f"{magic[1]}pass{line[len(body):]}"
        elif kept is not None:
            line = f"{kept[1]}get_ipython(){line[len(body):]}"
        command = (command or magic is not None or kept is not None) and body.endswith("\\")
        lines[i] = line
    return "".join(lines)


def _end_of(text: str) -> tuple[int, int]:
    """Line and column, from 1, just after ``text``."""
    ends = list(LINE_END.finditer(text))
    return len(ends) + 1, len(text) - (ends[-1].end() if ends else 0) + 1


def _without_place(message: str) -> str:
    """Python's message without the file name that some versions put into it."""
    return re.sub(r" (for|in) '.*'$", "", message)
