"""Which layers of a class follow each other directly in forward, nothing in between that would
treat their units differently."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.file import FileFacts

#: Where each unit is treated like every other one.
_ALIKE = frozenset(
    """
        relu relu_ relu6 tanh sigmoid gelu silu elu leaky_relu softplus selu mish hardtanh
        contiguous float flatten
    """.split()
)
ALIKE_LAYERS = frozenset(
    "ReLU ReLU6 Tanh Sigmoid GELU SiLU ELU LeakyReLU Softplus SELU Mish Identity Hardtanh".split()  # noqa: SIM905
)


def consecutive(
    cls: ClassFacts, layers: Collection[str], constant: Callable[[FileFacts, ast.expr], bool]
) -> list[tuple[str, str]]:
    """Pairs of members of which the second takes the output of the first; ``constant`` says
    whether a bias that is added in between is the same for all units."""
    found = cls.method("forward")
    if found is None:
        return []
    home, scope = found
    tracer = _Tracer(cls, home.facts, layers, constant)
    for call in scope.nodes(ast.Call, ast.BinOp):
        tracer.source(call, 0)
    return tracer.pairs


class _Tracer:
    """Follows values of forward back to the layer that gave them."""

    def __init__(
        self,
        cls: ClassFacts,
        facts: FileFacts,
        layers: Collection[str],
        constant: Callable[[FileFacts, ast.expr], bool],
    ) -> None:
        self.cls, self.facts, self.layers, self.constant = cls, facts, layers, constant
        self.pairs: list[tuple[str, str]] = []
        self._known: dict[ast.AST, str | None] = {}

    def source(self, expr: ast.AST | None, depth: int) -> str | None:
        """The layer of which ``expr`` is the output, each unit treated alike since."""
        if expr is None or depth > 30:
            return None
        if expr not in self._known:
            self._known[expr] = None
            self._known[expr] = self._source(expr, depth + 1)
        return self._known[expr]

    def _source(self, expr: ast.AST, depth: int) -> str | None:
        if isinstance(expr, ast.Name):
            values = self.facts.reach(expr)
            return self.source(values[0], depth) if values and len(values) == 1 else None
        if isinstance(expr, ast.BinOp):
            if isinstance(expr.op, ast.MatMult):
                return self._product(expr.left, expr.right, depth)
            if isinstance(expr.op, ast.Add) and self._plain(expr.right):
                return self.source(expr.left, depth)
            return None
        if not isinstance(expr, ast.Call):
            return None
        func = expr.func
        name = self.facts.self_attribute(func)
        first = expr.args[0] if expr.args else None
        if name is not None:
            if name in self.layers and not self.cls.kind(name).is_parameter:
                return self._layer(name, first, depth)
            if self.cls.kind(name).layer in ALIKE_LAYERS:
                return self.source(first, depth)
            return None
        qualified = self.facts.qualify(func)
        if qualified in ("torch.matmul", "torch.mm") and len(expr.args) == 2:
            return self._product(expr.args[0], expr.args[1], depth)
        if qualified is not None:
            last = qualified.rpartition(".")[2]
            return self.source(first, depth) if qualified.startswith("torch.") and last in _ALIKE else None
        if isinstance(func, ast.Attribute) and func.attr in _ALIKE:
            return self.source(func.value, depth)
        if isinstance(func, ast.Call) and first is not None:  # nn.ReLU()(x)
            return self.source(first, depth) if self.facts.kind_of(func).layer in ALIKE_LAYERS else None
        return None

    def _layer(self, name: str, given: ast.AST | None, depth: int) -> str:
        before = self.source(given, depth)
        if before is not None:
            self.pairs.append((before, name))
        return name

    def _product(self, left: ast.expr, right: ast.expr, depth: int) -> str | None:
        name = self.facts.self_attribute(right)
        if name is not None and name in self.layers and self.cls.kind(name).is_parameter:
            return self._layer(name, left, depth)
        return None

    def _plain(self, expr: ast.expr) -> bool:
        """A bias that is the same for all units."""
        if isinstance(expr, ast.Constant):
            return True
        name = self.facts.self_attribute(expr)
        if name is None:
            return False
        members = [m for m in self.cls.assignments(name) if not m.is_declaration]
        return len(members) == 1 and members[0].value is not None and self.constant(
            members[0].cls.facts, members[0].value
        )
