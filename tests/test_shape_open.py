"""Knowing less never refutes: every accepted example with tensors of which less is known."""

from __future__ import annotations

import ast
from typing import Any

import pytest
import torch
from shape_examples import PRELUDE, Symbolic, real
from test_shape_ops import ACCEPTS

from lint_params.project import SourceFile
from lint_params.shape.evaluate.scope import FileScope, Scope
from lint_params.shape.value import Seq, Shape, Tensor, Value


class _Open(ast.NodeTransformer):
    """``zeros(2, 3, 4)`` becomes a tensor of which the last ``known`` sizes are known."""

    def __init__(self, scope: Scope, known: int, free: bool) -> None:
        self.scope = scope
        self.known = known
        self.free = free

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if not (isinstance(node.func, ast.Name) and node.func.id in ("zeros", "ints")):
            self.generic_visit(node)
            return node
        sizes = [ast.literal_eval(a) for a in node.args]
        last = tuple(sizes[max(0, len(sizes) - self.known) :]) if self.known else ()
        dtype = "float" if node.func.id == "zeros" else "int"
        name = f"open{len(self.scope.vars)}"
        self.scope.vars[name] = Tensor(Shape(last, lead=True), dtype, free=self.free)
        return ast.copy_location(ast.Name(name, ast.Load()), node)


def opened(text: str, known: int, free: bool) -> tuple[Symbolic, Value]:
    run = Symbolic()
    file = SourceFile("<example>", "example", ast.parse(PRELUDE))
    run.interpreter.current = file
    scope = Scope(FileScope(file))
    node = _Open(scope, known, free).visit(ast.parse(text, mode="eval").body)
    return run, run.interpreter.eval(node, scope)


def contradicts(run: Symbolic, mine: Value, actual: Any, ranks: bool) -> bool:
    """Whether a known size is another than torch's, counted from the end."""
    if isinstance(actual, torch.Tensor) and isinstance(mine, Tensor):
        dims = [run.number(d) for d in mine.shape.dims]
        if ranks and (
            len(dims) > actual.dim() or (not mine.shape.lead and len(dims) != actual.dim())
        ):
            return True
        pairs = zip(reversed(dims), reversed(actual.shape))
        return any(isinstance(d, int) and d != n for d, n in pairs)
    if isinstance(actual, (tuple, list)) and isinstance(mine, Seq):
        return any(contradicts(run, m, a, ranks) for m, a in zip(mine.items, actual))
    return False


@pytest.mark.parametrize(("name", "text"), ACCEPTS)
def test_tensors_of_unknown_rank(name: str, text: str) -> None:
    actual = real(text)
    for known in (0, 1, 2, 3):
        run, value = opened(text, known, free=False)
        assert not run.refuted(), (known, run.refuted()[0].text)
        assert not contradicts(run, value, actual, ranks=True), known


@pytest.mark.parametrize(("name", "text"), ACCEPTS)
def test_free_inputs(name: str, text: str) -> None:
    """Their rank may be taken to be the batched one, so only refutation counts."""
    for known in (0, 1, 2, 3):
        run, _ = opened(text, known, free=True)
        assert not run.refuted(), (known, run.refuted()[0].text)
