"""A notebook: cells that are no Python, values that a cell shows, places in terms of a cell."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import replace

from lint_params.parse import parse
from lint_params.rule import Finding, Place, Step
from lint_params.source import Cell, Source, Unreadable, shown_path

_LINE = re.compile(r"(?<![\w.])line (\d+)\b")
#: With this setting of IPython a cell shows all its values, not the last one only.
_ALL_SHOWN = re.compile(r"ast_node_interactivity\s*=\s*['\"]all['\"]")


def without_bad_cells(source: Source) -> tuple[Source, list[tuple[str, Unreadable]]]:
    """The notebook with the cells that are no Python blanked out, and what is wrong with those."""
    texts, problems = [], []
    for cell in source.cells:
        text = cell.text
        try:
            parse(text)
        except Unreadable as problem:
            problems.append((shown_path(source.path, cell), problem))
            text = "\n" * text.count("\n")
        texts.append(text)
    return replace(source, text="".join(texts)), problems


def show_last_values(tree: ast.Module, source: Source) -> None:
    """A value at the end of a cell is shown and kept as ``_``: it is not dropped."""
    every = _ALL_SHOWN.search(source.text) is not None
    cell: Cell | None = None
    for i in range(len(tree.body) - 1, -1, -1):
        statement = tree.body[i]
        before, cell = cell, source.cell_at(statement.lineno)
        if isinstance(statement, ast.Expr) and cell is not None and (every or cell is not before):
            if not _silenced(statement, source, cell):
                name = ast.copy_location(ast.Name("_", ast.Store()), statement)
                tree.body[i] = ast.copy_location(ast.Assign([name], statement.value), statement)


def _silenced(statement: ast.Expr, source: Source, cell: Cell) -> bool:
    """A semicolon behind a value tells the notebook not to show it."""
    lines = cell.text.split("\n")
    last = lines[(statement.end_lineno or statement.lineno) - cell.first].encode()
    return last[statement.end_col_offset :].lstrip().startswith(b";")


def in_cell(finding: Finding, source: Source) -> Finding:
    """A finding of the joined notebook, said in terms of its cell."""
    cell = source.cell_at(finding.place.line)
    if cell is None:
        return finding
    shift = cell.first - 1
    place, fix = finding.place, finding.fix
    return replace(
        finding,
        path=shown_path(finding.path, cell),
        place=_moved(place, shift),
        message=_LINE.sub(lambda m: _line_in_cell(int(m[1]), source, cell), finding.message),
        fix=replace(fix, place=_moved(fix.place, shift)) if fix else None,
        trace=tuple(_steps_in_cells(finding.trace, source, cell)),
    )


def _line_in_cell(line: int, source: Source, cell: Cell) -> str:
    other = source.cell_at(line) or cell
    said = f"line {line - other.first + 1}"
    return said if other is cell else f"cell {other.number}, {said}"


def _steps_in_cells(steps: Iterable[Step], source: Source, cell: Cell) -> Iterable[Step]:
    for step in steps:
        other = source.cell_at(step.line)
        if other is not None and other is not cell:
            yield Step(step.line - other.first + 1, f"(cell {other.number}) {step.text}")
        else:
            yield Step(step.line - cell.first + 1, step.text)


def _moved(place: Place, shift: int) -> Place:
    return replace(place, line=place.line - shift, end_line=place.end_line - shift)
