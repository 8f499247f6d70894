"""A Parameter is reshaped through `.data`.

`p.data = p.data.reshape(...)` (view, flatten, squeeze, unsqueeze, t, transpose, permute ...)
swaps the memory under a Parameter that others already know by its old shape. A reshape that
needs another number of elements raises at once. One that keeps the number is accepted in
silence, and breaks later: gradients and the optimizer's state keep the old shape, a tied
Parameter and the layer's own sizes do not follow, a live graph refuses its gradient.
`p.data.unsqueeze_(0)` and `p.data.resize_(...)` change only a temporary alias: nothing at all.

Bad::

    import torch
    from torch import nn

    class Mix(nn.Module):
        def __init__(self, dim, heads):
            super().__init__()
            self.heads = heads
            self.weight = nn.Parameter(torch.randn(dim, dim))

        def forward(self, x):
            self.weight.data = self.weight.data.view(self.heads, -1)
            return x @ self.weight.view(x.shape[-1], -1)

Good::

    import torch
    from torch import nn

    class Mix(nn.Module):
        def __init__(self, dim, heads):
            super().__init__()
            self.heads = heads
            self.weight = nn.Parameter(torch.randn(dim, dim))

        def forward(self, x):
            weight = self.weight.view(self.heads, -1)
            return x @ weight.view(x.shape[-1], -1)

Run::

    model = Mix(6, 2)
    optimizer = torch.optim.Adam(model.parameters())
    optimizer.zero_grad()
    before = model.weight.shape
    model(torch.randn(4, 6)).sum().backward()
    optimizer.step()
    assert model.weight.shape == before, "the Parameter changed its shape"

Silent when: the new shape is surely the old one (`view_as(p)`, `view(p.shape)`, two
transposes, `view(1, self.dim)` of what was built with `dim`); the gradient gets the new shape, too; the constructor reshapes a Parameter that it has just made (no layer's weight), with
the same number of elements;
a function that by its name loads, converts, merges or exports weights does it (unless a convolution
that is called gets a weight of another number of axes); the owner of `.data` is not surely a Parameter.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Run, Verification

if TYPE_CHECKING:
    from lint_params.facts import FileFacts
    from lint_params.facts.parameters.data_writes import DataWrite

_ALIAS = ("resize_", "unsqueeze_", "squeeze_", "t_", "transpose_", "swapaxes_", "swapdims_")


class DataReshape(Rule):
    code = "LP201"
    level = Level.ERROR
    words = (".data", '"data"', "'data'")

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        found = list(facts.data_writes_judged("reshape"))
        turned = Counter((_written(facts, one.value), facts.scope_of(one.node)) for one in found)
        for write in found:
            if turned[_written(facts, write.value), facts.scope_of(write.node)] > 1 and write.turns:
                continue  # turned, and turned back
            message = self._message(facts, write)
            if message:
                yield self._found(facts, write.node, write.name, message, turns=write.turns)
        for other in facts.writes:
            if other.how != "method" or other.through != "data" or other.method not in _ALIAS:
                continue
            func = other.node.func if isinstance(other.node, ast.Call) else None
            owner = func.value if isinstance(func, ast.Attribute) else None
            if isinstance(owner, ast.Attribute) and owner.value is other.target:
                parent = facts.parent(other.node)
                if isinstance(parent, ast.Expr) and facts.kind_of(other.target).is_parameter:
                    name = ast.unparse(other.target)
                    yield self._found(
                        facts,
                        other.node,
                        name,
                        f"`{name}.data.{other.method}(...)` reshapes a temporary alias: `{name}` keeps "
                        "its shape. Declare the Parameter with its final shape",
                    )

    def _found(
        self, facts: FileFacts, node: ast.AST, name: str, message: str, *, turns: bool = False
    ) -> Finding:
        return self.report(
            facts,
            node,
            message,
            subject=facts.subject(node),
            details={"attribute": name.removeprefix("self."), "turns": turns},
        )

    def _message(self, facts: FileFacts, write: DataWrite) -> str:
        before, after = write.before, write.after
        if before is not None and before == after and None not in before and not write.turns:
            return ""
        name, how = write.name, write.how
        old, new = facts.count(before), facts.count(after)
        if old is not None and old != 0 and new is not None and old != new:
            assert after is not None
            return (
                f"`{name}` has {_elements(old)} and cannot become {facts.shown(after)} by `.{how}`. "
                "Declare the Parameter with its final shape"
            )
        if (
            old == 1 and after is not None and any(size != 1 for size in after)
            and (write.phase == "forward" or any(type(n) is int and n > 1 for n in after))
        ):
            return (
                f"`{name}` is declared with one element, which no `.{how}` can turn into "
                f"{facts.shown(after)}. Declare the Parameter with its final shape, or use a "
                "Lazy layer or nn.UninitializedParameter where the input decides it"
            )
        if write.phase == "forward":
            if facts.is_frozen(write.parameter) or self._may_fit(facts, write):
                return ""
            return (
                f"`{name}` is reshaped through `.data` while the model runs: gradients, optimizer "
                f"state and ties keep the old shape. Use the result instead "
                f"(`w = {name}.{how}(...)`) or declare the Parameter with its final shape"
            )
        if write.phase == "constructor" and _is_of_layer(write) or facts.breaks_layer(write):
            assert before is not None and after is not None
            return (
                f"`{name}` is reshaped through `.data`: the layer was built for "
                f"{facts.shown(before)} and cannot work with {facts.shown(after)}. Build it with "
                "the sizes that are meant"
            )
        if write.phase == "constructor" or facts.is_surgery(write.node) or facts.is_frozen(write.parameter):
            return ""
        if self._turns_gradient(facts, write):
            return ""
        return (
            f"`{name}` is reshaped through `.data`: an optimizer that holds it, its gradient, its "
            "ties and the layer's own sizes keep the old shape. Make a new nn.Parameter of the "
            "right shape before the optimizer is built"
        )

    def _turns_gradient(self, facts: FileFacts, write: DataWrite) -> bool:
        """Whether the function gives the gradient the new shape, too: it knows who holds the old one."""
        return any(
            node.attr == "grad" and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == write.name
            for node in facts.scope_of(write.node).nodes(ast.Attribute)
        )

    def _may_fit(self, facts: FileFacts, write: DataWrite) -> bool:
        """``view(1, self.dim)`` of what is ``(1, dim)``: the attribute is the argument of that name."""
        before, after = write.before, write.after
        if before is None or after is None or write.turns or len(before) != len(after):
            return False
        return all(a is not None and str(a) == str(b).removeprefix("self.") for a, b in zip(before, after))

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        lines = range(finding.place.line, finding.place.end_line + 1)
        failure = run.failure_at(lines, "is invalid for input of size", "shape", "size", "dim")
        if failure is not None:
            return run.confirmed_by(failure)
        writes = run.writes_at(finding)
        for write in writes:
            if write.new_shape != write.old_shape:
                later = run.failure("forward", "backward", "forward2", "step", "batch")
                text = f"{write.name or 'the Parameter'} went from {write.old_shape} to {write.new_shape}"
                return run.confirmed(f"{text}; then {later}" if later is not None else text)
        if any(write.restrided for write in writes) or finding.details.get("turns") and any(
            len(write.new_shape) > 1 for write in writes
        ):
            return run.confirmed("the shape is the same, but the elements change their places")
        if writes:  # what `view(-1, n)` gives depends on the sizes of this run
            return run.inconclusive("degenerate-input", "at these sizes the shape stays the same")
        return None


def _is_of_layer(write: DataWrite) -> bool:
    """A weight of one of torch's layers that gets other sizes than the layer was built with."""
    owner = write.parameter.owner
    before, after = write.before, write.after
    if before is None or after is None or owner is None or not owner.gives_tensor:
        return False
    turned = write.turns and before != after and sorted(map(str, before)) == sorted(map(str, after))
    return turned or len(before) != len(after)


def _elements(number: int) -> str:
    return "1 element" if number == 1 else f"{number} elements"


def _written(facts: FileFacts, value: ast.expr) -> str:
    """The text of a value, also where it has a name first."""
    values = facts.reach(value) or []
    return ast.unparse(values[0] if len(values) == 1 else value)
