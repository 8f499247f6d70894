"""The modules of one built class as a tree, with what their calls gave: for ``--shapes``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from lint_params.shape.evaluate.classes import is_module_class
from lint_params.shape.evaluate.interpreter import Interpreter
from lint_params.shape.output.count import parameter_count
from lint_params.shape.value import Choice, Instance, Layer, Tensor, Value

#: (text of the call, module, its output in words), in the order in which calls ended.
Log = list[tuple[str, Any, str]]


@dataclass(frozen=True)
class ModuleRow:
    """One module or Parameter below a class.

    ``name`` is its path as in ``named_modules()``; ``outputs`` are its output shapes in symbols,
    each once, in the order of the calls (a Parameter's own shape); ``parameters`` is their
    number, children included; ``repeats`` counts siblings in a row that are alike in all this.
    """

    name: str
    type: str
    line: int
    outputs: tuple[str, ...] = ()
    parameters: str = "0"
    repeats: int = 1
    children: tuple[ModuleRow, ...] = ()
    first: float = field(default=float("inf"), compare=False, repr=False)  # when it was called

    def walk(self, depth: int = 0) -> Iterator[tuple[int, ModuleRow]]:
        yield depth, self
        for child in self.children:
            yield from child.walk(depth + 1)


def module_rows(it: Interpreter, root: Instance, log: Log) -> list[ModuleRow]:
    """What ``root`` registers, in the order in which forward calls it."""
    calls: dict[int, list[tuple[int, str]]] = {}
    for order, (_, module, output) in enumerate(log):
        calls.setdefault(id(module), []).append((order, output))
    return list(_children(it, root, "", calls, {id(root)}))


def _children(
    it: Interpreter,
    owner: Value,
    path: str,
    calls: dict[int, list[tuple[int, str]]],
    seen: set[int],
) -> tuple[ModuleRow, ...]:
    rows: list[ModuleRow] = []
    for name, value in _registered(it, owner):
        if isinstance(value, Tensor):
            rows.append(_parameter(it, path + name, value))
        elif id(value) not in seen:  # a tied module is shown once, as named_modules() does
            seen.add(id(value))
            children = _children(it, value, f"{path}{name}.", calls, seen)
            rows.append(_row(it, path + name, value, calls.get(id(value), []), children))
    rows.sort(key=lambda row: row.first)  # stable: what is never called stays last, in order
    return tuple(_merged(rows))


def _registered(it: Interpreter, owner: Value) -> Iterator[tuple[str, Value]]:
    """Names and values of the modules and Parameters that a module holds."""
    held = dict(owner.attrs) if isinstance(owner, Instance) else {}
    if isinstance(owner, (Instance, Layer)):
        held.update(owner.items or {})
    for name, value in held.items():
        if name.startswith("__"):  # our own notes
            continue
        for option in value.options if isinstance(value, Choice) else [value]:
            parameter = isinstance(option, Tensor) and option.param is not None
            module = isinstance(option, Instance) and is_module_class(it, option.cls)
            if parameter or module or isinstance(option, Layer):
                yield name, option


def _parameter(it: Interpreter, name: str, value: Tensor) -> ModuleRow:
    line = value.origin.line if value.origin is not None else 0
    count = parameter_count(it.ctx, value, set())
    return ModuleRow(name, "Parameter", line, (str(value.shape),), str(count), first=-1)


def _row(
    it: Interpreter,
    name: str,
    value: Layer | Instance,
    made: list[tuple[int, str]],
    children: tuple[ModuleRow, ...],
) -> ModuleRow:
    kind = value.spec.short if isinstance(value, Layer) else value.cls.node.name
    begun = [order for order, _ in made[:1]] + [child.first for child in children]
    return ModuleRow(
        name,
        kind,
        value.origin.line if value.origin is not None else 0,
        tuple(dict.fromkeys(output for _, output in made)),
        str(parameter_count(it.ctx, value, set())),
        children=children,
        first=min((order for order in begun if order >= 0), default=float("inf")),
    )


def _merged(rows: list[ModuleRow]) -> Iterator[ModuleRow]:
    """Runs of siblings that are alike but for their names, as one row each."""
    run: list[ModuleRow] = []
    for row in rows:
        if run and _bare(row) != _bare(run[0]):
            yield _one(run)
            run = []
        run.append(row)
    if run:
        yield _one(run)


def _bare(row: ModuleRow) -> ModuleRow:
    """The row without the names in it."""
    return replace(row, name="", children=tuple(map(_bare, row.children)))


def _one(run: list[ModuleRow]) -> ModuleRow:
    if len(run) == 1:
        return run[0]
    last = run[-1].name.rpartition(".")[2]
    return replace(run[0], name=f"{run[0].name}-{last}", repeats=len(run))
