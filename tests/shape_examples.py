"""Runs one expression symbolically and with real torch, and compares what comes out."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from lint_params.project import SourceFile
from lint_params.shape.check import Obligation, Verdict
from lint_params.shape.evaluate.interpret import _PRELUDE as PRELUDE
from lint_params.shape.evaluate.interpreter import Interpreter
from lint_params.shape.evaluate.scope import FileScope, Scope
from lint_params.shape.sizes.dim import Poly, Symbol, of_atom, substitute
from lint_params.shape.value import Layer, Seq, Tensor, Unknown, Value, only_symbol

torch.set_num_threads(1)

KINDS = {
    torch.float32: "float",
    torch.float64: "float",
    torch.int64: "int",
    torch.int32: "int",
    torch.bool: "bool",
    torch.complex64: "complex",
}


class Symbolic:
    """Evaluates an expression as the linter does; ``S(n)`` is a symbol whose number is n."""

    def __init__(self) -> None:
        self.interpreter = Interpreter()
        self.ctx = self.interpreter.ctx
        self.numbers: dict[Any, int] = {}

    def run(self, text: str) -> Value:
        file = SourceFile("<example>", "example", ast.parse(PRELUDE))
        self.interpreter.current = file
        scope = Scope(FileScope(file))
        node = _Symbols(self, scope).visit(ast.parse(text, mode="eval").body)
        return self.interpreter.eval(node, scope)

    def call(self, layer: Layer, x: str) -> Value:
        """The layer called on this path with the tensor that ``x`` makes."""
        name = f"layer{id(layer)}"
        file = SourceFile("<example>", "example", ast.parse(PRELUDE))
        scope = Scope(FileScope(file))
        scope.vars[name] = layer
        return self.interpreter.eval(ast.parse(f"{name}({x})", mode="eval").body, scope)

    def refuted(self) -> list[Obligation]:
        return [o for o in self.ctx.obligations if o.verdict is Verdict.REFUTED]

    def number(self, size: Any) -> Any:
        """The size with the symbols' numbers put in; still a Poly where something is unknown."""
        numbers = {}
        for symbol, number in self.numbers.items():
            numbers[symbol] = number
            weaker = self.ctx.bound.get(symbol)  # the symbol of a padding may stand for 0
            alone = None if weaker is None else only_symbol(weaker)
            if alone is not None and alone not in self.numbers:
                numbers[alone] = number
        return substitute(self.ctx.resolve(size), numbers.get)


class _Symbols(ast.NodeTransformer):
    """``S(n)`` becomes a name that is bound to a fresh symbol."""

    def __init__(self, run: Symbolic, scope: Scope) -> None:
        self.run = run
        self.scope = scope

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if not (isinstance(node.func, ast.Name) and node.func.id == "S"):
            self.generic_visit(node)
            return node
        name = f"s{len(self.run.numbers)}"
        symbol = Symbol(name, "argument")
        self.run.numbers[symbol] = ast.literal_eval(node.args[0])
        self.scope.vars[name] = of_atom(symbol)
        return ast.copy_location(ast.Name(name, ast.Load()), node)


def _scope() -> dict[str, Any]:
    return {
        "torch": torch,
        "nn": nn,
        "F": F,
        "zeros": lambda *sizes: torch.zeros(sizes),
        "ints": lambda *sizes: torch.zeros(sizes, dtype=torch.int64),
        "S": lambda n: n,
    }


def _evaluate(text: str, device: str) -> Any:
    with warnings.catch_warnings(), torch.no_grad(), torch.device(device):
        warnings.simplefilter("ignore")
        return eval(compile(ast.parse(text, mode="eval"), "<example>", "eval"), _scope())


def evaluate_real(text: str) -> Any:
    """The value of the expression with torch, on the CPU."""
    return _evaluate(text, "cpu")


def real(text: str) -> Any:
    """The value with torch: on the meta device, on the CPU where meta cannot."""
    try:
        return _evaluate(text, "meta")
    except Exception:  # noqa: BLE001 - meta lacks some kernels; the CPU decides
        return _evaluate(text, "cpu")


def refusal(text: str) -> Exception | None:
    """The error that torch raises, on the meta device or the CPU (meta does not check all)."""
    for device in ("meta", "cpu"):
        try:
            _evaluate(text, device)
        except Exception as error:  # noqa: BLE001 - whatever torch raises is its refusal
            return error
    return None


def differences(
    symbolic: Value, actual: Any, number: Callable[[Any], Any], path: str = "value"
) -> list[str]:
    """Where a symbolic value contradicts torch's, or does not tell what it should."""
    if isinstance(actual, torch.Tensor):
        if not isinstance(symbolic, Tensor):
            return [f"{path}: {symbolic!r} for a tensor {list(actual.shape)}"]
        if symbolic.shape.lead:
            return [f"{path}: open rank"]
        dims = [number(d) for d in symbolic.shape.dims]
        out = []
        if len(dims) != actual.dim() or any(
            isinstance(d, int) and d != n for d, n in zip(dims, actual.shape)
        ):
            out.append(f"{path}: {dims} is not {list(actual.shape)}")
        elif any(not isinstance(d, int) for d in dims):
            out.append(f"{path}: unknown sizes in {dims} for {list(actual.shape)}")
        if symbolic.dtype is not None and symbolic.dtype != KINDS[actual.dtype]:
            out.append(f"{path}: {symbolic.dtype} is not {actual.dtype}")
        return out
    if isinstance(actual, (tuple, list)):
        if not isinstance(symbolic, Seq) or len(symbolic.items) != len(actual):
            return [f"{path}: {symbolic!r} for {len(actual)} items"]
        parts = zip(symbolic.items, actual)
        return [
            d for i, (s, a) in enumerate(parts) for d in differences(s, a, number, f"{path}[{i}]")
        ]
    if isinstance(actual, nn.Module):
        if not isinstance(symbolic, Layer) or symbolic.spec.short != type(actual).__name__:
            return [f"{path}: {symbolic!r} for a {type(actual).__name__}"]
        return []
    if isinstance(symbolic, Unknown) and actual is not None:
        return [f"{path}: unknown for {actual!r}"]
    symbolic = number(symbolic) if isinstance(symbolic, Poly) else symbolic
    return [] if symbolic == actual else [f"{path}: {symbolic!r} is not {actual!r}"]
