"""``--shapes FILE``: the tables of its classes, drawn for people or as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from lint_params.shape.output.modules import ModuleRow
    from lint_params.shape.output.tables import ClassTable

#: Wide enough that nothing is folded where no terminal sets a width.
UNFOLDED = 100_000


def as_json(path: str, tables: list[ClassTable]) -> str:
    classes = [
        {
            "name": table.name,
            "line": table.line,
            "arguments": table.arguments,
            "assumed": table.assumed,
            "inputs": table.inputs,
            "output": table.output,
            "layers": [_object(depth, row) for m in table.modules for depth, row in m.walk()],
            "parameters": table.parameters,
            "parameters_at_defaults": table.parameters_at_defaults,
        }
        for table in tables
    ]
    return json.dumps({"version": 1, "path": path, "classes": classes}, indent=2)


def _object(depth: int, row: ModuleRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "depth": depth,
        "layer": row.type,
        "line": row.line,
        "outputs": list(row.outputs),
        "parameters": row.parameters,
        "repeats": row.repeats,
    }


def draw(path: str, tables: list[ClassTable], stream: TextIO, colour: bool) -> None:
    """A tree of modules a class, with colours and folded columns on a terminal only."""
    from rich.console import Console

    console = Console(
        file=stream,
        width=None if stream.isatty() else UNFOLDED,
        force_terminal=colour,
        no_color=not colour,
        highlight=False,
        markup=False,
        emoji=False,
    )
    with console.capture() as drawn:
        for number, table in enumerate(tables):
            if number:
                console.print()
            _draw(console, path, table)
    for line in drawn.get().splitlines():
        stream.write(line.rstrip() + "\n")  # columns are padded


def _draw(console: Console, path: str, table: ClassTable) -> None:
    from rich.text import Text

    arguments = ", ".join(f"{k}={v}" if v else k for k, v in table.arguments.items())
    head = Text(f"{table.name}({arguments})", style="bold")
    console.print(head.append(f"  {path}:{table.line}", style="not bold dim"))
    inputs = ", ".join(f"{name}: {shape}" for name, shape in table.inputs.items())
    console.print(f"  takes {inputs or 'no tensor that is known'}")
    if table.modules:
        console.print(_grid(table.modules))
    console.print(Text("  returns ").append(*_styled(table.output or "nothing that is known")))
    console.print(f"  {_count(table)}")


def _grid(rows: list[ModuleRow]) -> Table:
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, header_style="dim", show_edge=False)
    for title in ("  module", "type", "output", "parameters"):
        grid.add_column(title, overflow="fold")
    for row in rows:
        for depth, inner in row.walk(1):
            name = inner.name.rpartition(".")[2]
            outputs = Text()
            for i, output in enumerate(inner.outputs):
                outputs.append(" or " if i else "").append(*_styled(output))
            grid.add_row(
                Text("  " * depth + name + (f" ×{inner.repeats}" if inner.repeats > 1 else "")),
                Text(inner.type, style="cyan").append(f" (line {inner.line})", style="not bold dim"),
                outputs,
                Text("" if inner.parameters == "0" else inner.parameters),
            )
    return grid


def _styled(shape: str) -> tuple[str, str]:
    if shape.startswith("unknown (refuted"):
        return "does not fit", "bold red"
    return shape, "yellow" if shape.startswith("unknown") else "green"


def _count(table: ClassTable) -> str:
    text = f"{table.parameters} parameters"
    if table.parameters_at_defaults is not None and not table.parameters.isdecimal():
        text += f", {table.parameters_at_defaults:,} at the defaults"
    if table.assumed:
        text += " with " + ", ".join(f"{name} = {n}" for name, n in table.assumed.items())
    return text
