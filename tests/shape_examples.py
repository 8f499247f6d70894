"""Runs one expression symbolically and with real torch, and compares what comes out."""

from __future__ import annotations

import ast
import contextlib
import warnings
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from lint_params.shape import ops
from lint_params.shape.call import build_layer, call_function, call_layer
from lint_params.shape.check import Obligation, Verdict
from lint_params.shape.context import Context
from lint_params.shape.dim import Poly, Symbol, substitute
from lint_params.shape.value import (
    External,
    Layer,
    Native,
    Seq,
    Shape,
    Tensor,
    Unknown,
    Value,
)

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
    """Evaluates an expression over torch with the ops; ``S(n)`` is a symbol whose number is n."""

    def __init__(self) -> None:
        ops.load()
        self.ctx = Context()
        self.numbers: dict[Any, int] = {}

    def run(self, text: str) -> Value:
        return self.value(ast.parse(text, mode="eval").body)

    def refuted(self) -> list[Obligation]:
        return [o for o in self.ctx.obligations if o.verdict is Verdict.REFUTED]

    def number(self, size: Any) -> Any:
        """The size with the symbols' numbers put in; still a Poly where something is unknown."""
        return substitute(self.ctx.resolve(size), self.numbers.get)

    def value(self, node: ast.expr) -> Value:
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.UnaryOp):
            return -self.value(node.operand)
        if isinstance(node, (ast.Tuple, ast.List)):
            kind = "tuple" if isinstance(node, ast.Tuple) else "list"
            return Seq([self.value(item) for item in node.elts], kind)
        if isinstance(node, ast.Name):
            names = {"torch": "torch", "nn": "torch.nn", "F": "torch.nn.functional"}
            return External(names.get(node.id, node.id))
        if isinstance(node, ast.Attribute):
            return self.attribute(self.value(node.value), node.attr)
        if isinstance(node, ast.Subscript):
            index = self.value(node.slice)
            value = self.value(node.value)
            return value.items[index] if isinstance(value, Seq) else Unknown("subscript")
        if isinstance(node, ast.Call):
            self.ctx.node = node
            self.ctx.callee = ast.unparse(node.func)
            args = [self.value(a) for a in node.args]
            kwargs = {str(k.arg): self.value(k.value) for k in node.keywords}
            return self.call(self.value(node.func), args, kwargs)
        raise NotImplementedError(ast.dump(node))

    def attribute(self, value: Value, name: str) -> Value:
        if isinstance(value, External):
            return External(f"{value.name}.{name}")
        if isinstance(value, Layer):
            if name in ("eval", "train", "double"):
                return Native(name, lambda a, k: value)
            return value.attrs.get(name, Unknown(name))
        if isinstance(value, Tensor):
            spec = ops.FUNCTIONS.get(f"Tensor.{name}")
            return Native(name, lambda a, k: call_function(self.ctx, spec, [value, *a], k)) if spec else Unknown(name)
        return Unknown(name)

    def call(self, callee: Value, args: list[Value], kwargs: dict[str, Value]) -> Value:
        if isinstance(callee, Layer):
            return call_layer(self.ctx, callee, args, kwargs)
        if isinstance(callee, Native):
            return callee.call(args, kwargs)
        if not isinstance(callee, External):
            return Unknown("callee")
        if callee.name in ("zeros", "ints"):
            return Tensor(Shape(tuple(args)), "float" if callee.name == "zeros" else "int")
        if callee.name == "S":
            symbol = Symbol(f"s{len(self.numbers)}", "argument")
            self.numbers[symbol] = args[0]
            return Poly({((symbol, 1),): 1})
        if callee.name in ops.LAYERS:
            return build_layer(self.ctx, ops.LAYERS[callee.name], args, kwargs, None)
        if callee.name in ops.FUNCTIONS:
            return call_function(self.ctx, ops.FUNCTIONS[callee.name], args, kwargs)
        return Unknown(callee.name)


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
        return [d for i, (s, a) in enumerate(parts) for d in differences(s, a, number, f"{path}[{i}]")]
    if isinstance(actual, nn.Module):
        if not isinstance(symbolic, Layer) or symbolic.spec.short != type(actual).__name__:
            return [f"{path}: {symbolic!r} for a {type(actual).__name__}"]
        return []
    if isinstance(symbolic, Unknown) and actual is not None:
        return [f"{path}: unknown for {actual!r}"]
    symbolic = number(symbolic) if isinstance(symbolic, Poly) else symbolic
    return [] if symbolic == actual else [f"{path}: {symbolic!r} is not {actual!r}"]


@contextlib.contextmanager
def quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
