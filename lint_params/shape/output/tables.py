"""Every Module class of a file, layer by layer: what ``--shapes FILE`` shows. Nothing is run."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lint_params.project import Project
from lint_params.shape.evaluate.interpreter import Interpreter
from lint_params.shape.evaluate.shown import shown
from lint_params.shape.output.count import parameter_count
from lint_params.shape.output.modules import Log, ModuleRow, module_rows
from lint_params.shape.sizes.dim import Symbol
from lint_params.shape.value import Instance, Shape, Tensor, Value, as_size, only_symbol

if TYPE_CHECKING:
    from lint_params.shape.runs.one_class import Checked


@dataclass
class ClassTable:
    """One Module class: what it is built from, what it takes and gives, what it holds.

    ``arguments`` maps the constructor's arguments to their defaults in words ("" for none),
    ``assumed`` those that were taken to be a number because the structure depends on them.
    ``parameters`` is a polynomial over the others; ``parameters_at_defaults`` its value where
    every argument in it has a default.
    """

    name: str
    line: int
    arguments: dict[str, str] = field(default_factory=dict)
    assumed: dict[str, int] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    output: str = ""
    modules: list[ModuleRow] = field(default_factory=list)
    parameters: str = ""
    parameters_at_defaults: int | None = None


def class_tables(path: str, text: str) -> list[ClassTable]:
    """The tables of a file's Module classes, in their order."""
    from lint_params.shape.runs.analyse import check_file

    project = Project()
    it = Interpreter(project)
    it.log = []
    runs = check_file(project.add(path, ast.parse(text)), project, it)
    return [run.table for run in runs if run.table is not None and run.how == "sizes"]


def class_table(it: Interpreter, run: Checked, instance: Instance, log: Log) -> ClassTable:
    """The table of a run that has just built and called a class."""
    count = parameter_count(it.ctx, instance, set())
    table = ClassTable(
        run.subject,
        getattr(run.root, "lineno", 0),
        {name: _default(value) for name, value in run.arguments.items()},
        {name: n for name, value in run.arguments.items() if (n := _assumed(it, value)) is not None},
        {name: _learned(it, x) for name, x in run.inputs.items() if isinstance(x, Tensor)},
        shown(run.outputs[0][1]) if run.outputs else "",
        module_rows(it, instance, log),
        str(count),
    )
    if all(table.arguments[name] for name in table.assumed):
        table.parameters_at_defaults = count.at_defaults
    return table


def _learned(it: Interpreter, x: Tensor) -> str:
    """The shape of an input, with what forward has shown of it."""
    return str(Shape(tuple(it.ctx.resolve(d) for d in x.shape.dims), x.shape.lead))


def _default(value: Value) -> str:
    symbol = _symbol(value)
    if symbol is not None:
        return "" if symbol.default is None else str(symbol.default)
    return repr(value) if value is None or isinstance(value, (int, float, str)) else ""


def _assumed(it: Interpreter, value: Value) -> int | None:
    symbol = _symbol(value)
    known = it.ctx.bound.get(symbol) if symbol is not None else None
    return known if isinstance(known, int) else None


def _symbol(value: Value) -> Symbol | None:
    """The symbol that stands for an argument."""
    size = as_size(value)
    return None if size is None else only_symbol(size)
