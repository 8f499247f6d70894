"""A Parameter with one value for each of something, added to all rows where each row has its own.

``self.head(x) + self.offsets`` of sizes (batch, 1) and (n_groups,) has n_groups columns. That may
be meant (the thresholds of an ordinal regression). It is not where forward is also given ``group``,
which would say what value is whose, and does nothing with it.
"""

from __future__ import annotations

import ast
import re

from lint_params.shape.context import Context
from lint_params.shape.sizes.dim import Poly, Size, Symbol
from lint_params.shape.value import Instance, Tensor
from lint_params.trees import walk

RULE = "parameter-not-indexed"
_COUNT = re.compile(r"^(n|num|nb|nr|number_of|count_of)_|_(count|num|number)$")
_NUMBER = re.compile(r"_(ids?|idx|index|indices|code|codes|number|numbers|no)$|_?idx$")


def check_looked_up(ctx: Context, column: Tensor, table: Tensor) -> None:
    """Raises Refuted where ``column`` gets all values of ``table`` although forward was told which."""
    if table.param is None or table.shape.lead or len(table.shape.dims) != 1:
        return
    shape = column.shape
    if column.param is not None or column.free or len(shape.dims) + bool(shape.lead) < 2:
        return
    if not shape.dims or ctx.resolve(shape.dims[-1]) != 1:
        return
    rows = ctx.resolve(table.shape.dims[0])
    module = ctx.instances[-1] if ctx.instances else None
    if not isinstance(module, Instance):
        return
    number = _numbers(module, rows)
    if number is not None:
        own = next((f"self.{name}" for name, value in module.attrs.items() if value is table), table.param)
        ctx.refute(
            RULE,
            "{name} adds all {got} values of " + own + " to each row, which has size {expected} there:"
            f" `{number}` says which of them is its own, and nothing reads it. Look it up:"
            f" `{own}[{number}].unsqueeze(-1)`",
            1, rows, table,
        )  # fmt: skip


def _numbers(module: Instance, rows: Size) -> str | None:
    """The argument of forward that counts what ``rows`` is the number of, if nothing reads it."""
    counted = _argument(rows)
    stem = _stem(_COUNT, counted) if counted is not None and _COUNT.search(counted) else None
    if stem is None:
        return None
    forward = next(
        (n for n in module.cls.node.body if isinstance(n, ast.FunctionDef) and n.name == "forward"), None
    )
    if forward is None:
        return None
    read = {n.id for statement in forward.body for n in walk(statement) if isinstance(n, ast.Name)}
    given = (arg.arg for arg in (*forward.args.posonlyargs, *forward.args.args, *forward.args.kwonlyargs))
    if {"locals", "vars"} & read:
        return None
    return next((arg for arg in given if arg not in read and _stem(_NUMBER, arg) == stem), None)


def _argument(size: Size) -> str | None:
    """The name of the constructor's argument, or of its attribute, that the size is."""
    if not isinstance(size, Poly) or len(size.atoms) != 1 or list(size.terms.values()) != [1]:
        return None
    (atom,) = size.atoms
    return atom.name.rpartition(".")[2] if isinstance(atom, Symbol) and atom.kind == "argument" else None


def _stem(affix: re.Pattern[str], name: str) -> str:
    """``n_groups`` and ``group_ids`` without what says that they count, in the singular."""
    bare = affix.sub("", name)
    return bare[:-3] + "y" if bare.endswith("ies") else bare.removesuffix("s")
