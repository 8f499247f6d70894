"""What the interpreter knows, for people: ``--shapes FILE`` and ``--why FILE:LINE``."""

from __future__ import annotations

import ast
import json
from dataclasses import asdict, dataclass, field
from typing import Any

from lint_params.project import Project, SourceFile
from lint_params.shape.analyse import check_file
from lint_params.shape.context import Context
from lint_params.shape.count import at_defaults, parameter_count
from lint_params.shape.interpreter import Interpreter
from lint_params.shape.runs import Checked
from lint_params.shape.shown import shown
from lint_params.shape.value import Value


@dataclass
class LayerRow:
    """One call of a torch layer: its output in symbols, its parameters as a polynomial."""

    name: str
    layer: str
    line: int
    output: str
    parameters: str


@dataclass
class ClassTable:
    """One Module class, layer by layer, as its forward calls them."""

    name: str
    line: int
    arguments: list[str]
    layers: list[LayerRow] = field(default_factory=list)
    output: str = ""
    parameters: str = ""
    parameters_at_defaults: int | None = None


def _parsed(path: str, text: str) -> tuple[SourceFile, Project]:
    project = Project()
    return project.add(path, ast.parse(text)), project


# -- --shapes -------------------------------------------------------------------------------


def shapes_report(path: str, text: str, as_json: bool = False) -> str:
    """Every Module class of a file: layers, output shapes, parameter counts. Nothing is run."""
    tables = shape_tables(path, text)
    if as_json:
        return json.dumps(
            {"version": 1, "path": path, "classes": [asdict(t) for t in tables]}, indent=2
        )
    if not tables:
        return f"{path}: no nn.Module class"
    return "\n\n".join(_drawn(path, table) for table in tables)


def shape_tables(path: str, text: str) -> list[ClassTable]:
    file, project = _parsed(path, text)
    it = Interpreter(project)
    it.log = []
    tables: list[ClassTable] = []
    start = 0
    for run in check_file(file, project, it):
        log, start = it.log[start:], len(it.log)
        if run.how == "sizes" and isinstance(run.root, ast.ClassDef):
            tables.append(_table(it.ctx, run, log))
    return tables


def _table(ctx: Context, run: Checked, log: list[Any]) -> ClassTable:
    root = run.root
    assert isinstance(root, ast.ClassDef)
    table = ClassTable(
        run.subject, root.lineno, [_argument(k, v) for k, v in run.arguments.items()]
    )
    seen: set[tuple[str, str]] = set()
    for name, layer, output in log:
        if layer.spec.name.startswith("torch.nn.Sequential") or (name, output) in seen:
            continue
        seen.add((name, output))
        table.layers.append(
            LayerRow(
                name.removeprefix("self."),
                layer.spec.short,
                layer.origin.line if layer.origin is not None else 0,
                output,
                str(parameter_count(ctx, layer, set())),
            )
        )
    if run.outputs:
        table.output = shown(run.outputs[0][1])
    if run.parameters is not None:
        table.parameters = str(run.parameters)
        table.parameters_at_defaults = at_defaults(run.parameters)
    return table


def _argument(name: str, value: Value) -> str:
    text = str(value) if isinstance(value, (int, float, str, bool, type(None))) else ""
    return f"{name}={text}" if text else name


def _drawn(path: str, table: ClassTable) -> str:
    head = f"{table.name}({', '.join(table.arguments)})"
    lines = [f"{head}  {path}:{table.line}"]
    rows = [("layer", "type", "output", "parameters")]
    rows += [(r.name, f"{r.layer} (line {r.line})", r.output, r.parameters) for r in table.layers]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths)]
        lines.append("  " + "  ".join([*cells, row[3]]).rstrip())
    lines.append(f"  returns {table.output or 'nothing that is known'}")
    count = f"  {table.parameters or '0'} parameters"
    if (
        table.parameters_at_defaults is not None
        and str(table.parameters_at_defaults) != table.parameters
    ):
        count += f", {table.parameters_at_defaults:,} at the defaults"
    lines.append(count)
    return "\n".join(lines)


# -- --why ----------------------------------------------------------------------------------

_HOW = {
    "sizes": "with sizes as symbols",
    "open": "with nothing taken for granted",
    "defaults": "with the default arguments",
    "module code": "in the module's own code",
    "function": "in this function",
}


def why_report(path: str, text: str, line: int, as_json: bool = False) -> str:
    """What was proved, refuted or left unknown on a line, and why."""
    file, project = _parsed(path, text)
    it = Interpreter(project)
    it.watch = (path, line)
    facts: list[dict[str, Any]] = []
    notes: list[str] = []
    for run in check_file(file, project, it):
        for o in run.obligations:
            built = o.built is not None and o.built.path == path and o.built.line == line
            if o.path == path and (getattr(o.node, "lineno", 0) == line or built):
                facts.append(
                    {
                        "rule": o.rule,
                        "verdict": o.verdict.value,
                        "name": o.name,
                        "expected": None if o.expected is None else str(o.expected),
                        "got": None if o.got is None else str(o.got),
                        "why": o.why,
                        "subject": run.subject,
                        "how": _HOW.get(run.how, run.how),
                    }
                )
        if run.exhausted and run.root is not None:
            first, last = getattr(run.root, "lineno", 0), getattr(run.root, "end_lineno", 0)
            if first <= line <= last:
                notes.append(f"{run.subject}: too many steps, what is left of it is unknown")
    facts = [f for i, f in enumerate(facts) if f not in facts[:i]]
    calls = list(dict.fromkeys(it.watched))
    if as_json:
        out = {
            "version": 1,
            "path": path,
            "line": line,
            "obligations": facts,
            "calls": calls,
            "notes": notes,
        }
        return json.dumps(out, indent=2)
    lines = [_sentence(f) for f in facts] + [f"value: {call}" for call in calls] + notes
    if not lines:
        lines = [
            "nothing here is checked: no layer is called or built on this line, or it is never reached"
        ]
    return "\n".join(f"{path}:{line}: {text}" for text in lines)


def _sentence(fact: dict[str, Any]) -> str:
    sizes = (
        f"needs {fact['expected']}, gets {fact['got']}" if fact["expected"] else "sizes not known"
    )
    why = f" ({fact['why']})" if fact["why"] else ""
    where = f" in {fact['subject']}" if fact["subject"] else ""
    return f"{fact['verdict']}: {fact['name']} [{fact['rule']}] {sizes}{why}, {fact['how']}{where}"


__all__ = ["shape_tables", "shapes_report", "why_report"]
