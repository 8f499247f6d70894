"""Evaluating one expression: what the ops' examples and tests use."""

from __future__ import annotations

import ast

from lint_params.project import SourceFile
from lint_params.shape.check import Obligation
from lint_params.shape.evaluate.interpreter import Interpreter
from lint_params.shape.evaluate.scope import FileScope, Scope
from lint_params.shape.value import Value

_PRELUDE = """
import einops
import torch
import torch.nn.functional as F
from einops.layers.torch import Rearrange, Reduce, EinMix
from torch import nn

def zeros(*sizes):
    return torch.zeros(sizes)

def ints(*sizes):
    return torch.zeros(sizes, dtype=torch.long)
"""


def evaluate(text: str) -> tuple[Value, list[Obligation]]:
    """The value of an expression over ``torch``, ``nn``, ``F``, ``zeros()`` and ``ints()``."""
    it = Interpreter()
    file = SourceFile("<example>", "example", ast.parse(_PRELUDE))
    it.current = file
    value = it.eval(ast.parse(text, mode="eval").body, Scope(FileScope(file)))
    return value, it.ctx.obligations
