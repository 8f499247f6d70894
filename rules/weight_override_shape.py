"""A weight is replaced by a tensor of another shape than the layer needs.

`nn.Linear(i, o).weight` has the shape `(o, i)`: the transpose of what one writes on paper. An
override is accepted whatever its shape, so the mistake shows in the first forward, or, where
the two numbers happen to be equal, never.

Bad::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(5, 2)
            self.fc.weight = nn.Parameter(torch.randn(5, 2))

        def forward(self, x):
            return self.fc(x)

Good::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(5, 2)
            self.fc.weight = nn.Parameter(torch.randn(2, 5))

        def forward(self, x):
            return self.fc(x)

Run::

    Net()(torch.randn(4, 5))

Says: mat1 and mat2 shapes cannot be multiplied (4x5 and 2x5)

Silent when: the new tensor's shape is not known for certain; when the layer's own sizes are set
along with the weight (`conv.in_channels = 1`, pruning, growing a head); when the code asks for the
number of dimensions of that weight (`conv.weight.dim()`) and so takes both; when only the number of
rows is another, and the bias has as many or is gone; when only the width of the input is another,
and what the layer is called with fits the new weight or is not known; when it is the old weight
with some of its columns (`fc.weight[:, keep]`).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Run, ShapeRule, Verification

if TYPE_CHECKING:
    from lint_params.facts import FileFacts

#: What a convolution says of a weight that has lost or gained a dimension.
_RANK = ("weight should have", "to match the convolution dimensions")


#: How backward says that a gradient and its Parameter are not of one shape.
_IN_BACKWARD = ("invalid gradient", "TensorAccessor expected")


class WeightOverrideShape(ShapeRule):
    code = "LP407"
    level = Level.ERROR
    words = ("torch",)
    needs = frozenset({"backward"})

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        asked = {one for node in facts.nodes(ast.Attribute) if node.attr in ("dim", "ndim") for one in _layer(node.value)}
        prepared = {
            node.lineno for node in facts.nodes(ast.Assign) for target in node.targets if asked.intersection(_layer(target))
        }
        prepared |= {node.lineno for node in facts.nodes(ast.Assign) if _reads_less(node)}
        yield from (one for one in super().check(facts) if one.place.line not in prepared)

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        backward = run.failure("backward")
        if backward is not None and run.ok("forward") and run.created_at(finding):
            if any(text in backward.text for text in _IN_BACKWARD):
                return run.confirmed(f"forward takes it, backward does not: {backward}")
        found = super().verify(run, finding)
        failure = run.failure("forward")
        if found is not None or failure is None:
            return found
        # The layer is called on another line: torch's words must speak of this very tensor.
        for made in run.created_at(finding):
            sizes = [str(size) for size in made.shape]
            shown = [f"[{', '.join(sizes)}]", "x".join(sizes), "x".join(reversed(sizes))]
            said = [*(shown if len(sizes) > 1 else []), *_RANK]
            if any(text in failure.text for text in said):
                return run.confirmed(f"a Parameter of shape {made.shape} is made; then {failure}")
        return None


def _reads_less(node: ast.Assign) -> bool:
    """``fc.weight = nn.Parameter(fc.weight[:, keep])``: what reads some of its inputs only is pruned
    on purpose."""
    targets = [ast.unparse(one) for one in node.targets if isinstance(one, ast.Attribute)]
    for cut in ast.walk(node.value):
        if not isinstance(cut, ast.Subscript) or not isinstance(cut.slice, ast.Tuple):
            continue
        rows = cut.slice.elts[0] if cut.slice.elts else None
        if isinstance(rows, ast.Slice) and rows.lower is rows.upper is rows.step is None:
            if ast.unparse(cut.value).replace(".detach()", "").removesuffix(".data") in targets:
                return True
    return False


def _layer(weight: ast.expr) -> list[str]:
    """``conv`` of ``model.conv.weight``."""
    owner = weight.value if isinstance(weight, ast.Attribute) and weight.attr == "weight" else None
    return [owner.attr] if isinstance(owner, ast.Attribute) else []
