"""`p.data = ...` gives a Parameter another shape.

torch accepts it without a word. The layer's own sizes, its bias, the optimizer's moments,
ties and checkpoints keep the old shape, so it fails later: in forward, or in
`optimizer.step()` far away from the line that did it. Boolean indexing (`w[w > 0]`) is a
common way in: its result has one dimension.

Bad::

    import torch
    from torch import nn

    def prune(layer: nn.Linear, limit):
        mask = layer.weight.data.abs() > limit
        layer.weight.data = layer.weight.data[mask]

Good::

    import torch
    from torch import nn

    def prune(layer: nn.Linear, limit):
        mask = layer.weight.data.abs() > limit
        layer.weight.data = layer.weight.data * mask

Run::

    model = nn.Linear(6, 4)
    prune(model, 0.1)
    model(torch.randn(2, 6))

Says: mat2 must be a matrix, got 1-D tensor

Silent when: the new shape is, or may be, the old one; the constructor does it with its own
Parameter; a surgery updates the layer's sizes as well (`fc.out_features = ...`) and no
optimizer of this file was built before; a function that loads or converts weights does it; a
layer's weight is cut or grown by rows and its bias may be too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Run, Step, Verification

if TYPE_CHECKING:
    from lint_params.facts import FileFacts
    from lint_params.facts.parameters.data_writes import DataWrite


class DataNewShape(Rule):
    code = "LP202"
    level = Level.ERROR
    words = (".data",)

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        spoken = {write.node: False for write in facts.data_writes}
        for word in ("", "replace", "tie"):
            spoken.update({write.node: True for write in facts.data_writes_judged(word)})
        for write in facts.data_writes_judged("resize"):
            why = self._why(facts, write)
            spoken[write.node] = not why and not facts.sizes_from_input(write.value)
            if why:
                yield self.report(
                    facts,
                    write.node,
                    f"`{write.name}` gets another shape: {why}. Make a new nn.Parameter of the right "
                    "shape before the optimizer is built, or keep the shape",
                    subject=facts.subject(write.node),
                    details={"attribute": write.name.removeprefix("self.")},
                )

        yield from self._refuted(facts, spoken)

    def _refuted(self, facts: FileFacts, free: dict[ast.stmt | ast.Call, bool]) -> Iterator[Finding]:
        """What the symbolic interpreter knows beyond the plain sizes in the source; ``free``
        says of which writes no rule has spoken yet."""
        if not any(free.values()):
            return
        for mismatch in facts.shapes.refuted(self.name):
            statement = facts.statement(mismatch.node)
            write = next((one for one in facts.data_writes if one.node is statement), None)
            if write is None or not free.get(write.node) or facts.is_frozen(write.parameter):
                continue
            if write.phase == "constructor" and facts.self_attribute(write.write.target) is not None:
                continue
            books = facts.is_surgery(write.node) or facts.updates_layer_sizes(write)
            if books and not facts.runs_after_optimizer(write.node):
                continue
            yield self.report(
                facts,
                write.node,
                f"`{write.name}` gets another shape: {mismatch.message}. Give it a tensor of its own "
                "shape, or build the layer with the sizes that are meant",
                trace=tuple(Step(line, text) for line, text in mismatch.trace),
                subject=mismatch.subject,
                details={**mismatch.details, "attribute": write.name.removeprefix("self.")},
            )

    def _why(self, facts: FileFacts, write: DataWrite) -> str:
        if facts.is_masked(write):
            return "boolean indexing returns one dimension (multiply by the mask instead)"
        if write.phase == "forward":
            if facts.is_frozen(write.parameter):
                return ""
            given = facts.sizes_from_input(write.value)
            if given:
                return f"the new one is that of the input `{given[0].name}`, so it may change with every call"
            return self._shapes(facts, write) or "it grows while the model runs"
        own = write.write.target
        if write.phase == "constructor" and facts.self_attribute(own) is not None:
            return ""
        if facts.breaks_layer(write):
            return self._shapes(facts, write)
        grown = facts.is_grown(write)
        if grown or facts.is_surgery(write.node) or facts.updates_layer_sizes(write):
            late = facts.runs_after_optimizer(write.node)
            if late:
                return f"the optimizer of line {late} keeps moments of the old one"
        if facts.is_surgery(write.node) or facts.updates_layer_sizes(write):
            return ""
        if grown or write.itself and len(write.before or ()) == len(write.after or ()):
            bias = facts.outgrows_bias(write, grown=grown)  # else all of it may be cut or grown alike
            return f"it has other rows than `{bias}`, which stays as it is" if bias else ""
        return self._shapes(facts, write)

    def _shapes(self, facts: FileFacts, write: DataWrite) -> str:
        before, after = write.before, write.after
        if before is None or after is None or not facts.differ(before, after):
            return ""
        return f"{facts.shown(before)} becomes {facts.shown(after)}"

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        writes = run.writes_at(finding)
        for write in writes:
            if write.new_shape != write.old_shape:
                later = run.failure("forward", "backward", "forward2", "step", "batch", "script")
                text = f"{write.name or 'the Parameter'} went from {write.old_shape} to {write.new_shape}"
                return run.confirmed(f"{text}; then {later}" if later is not None else text)
        if any(len(set(one.old_shape)) < len(one.old_shape) for one in run.writes_at(finding)):
            return run.inconclusive("degenerate-input", "equal sizes: another shape looks the same")
        if writes:
            return run.refuted(finding, "every write kept the Parameter's shape")
        return None
