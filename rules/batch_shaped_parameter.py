"""A Parameter has the input's batch size or length in its shape.

Weights belong to the model, not to one batch. A Parameter (or its `.data`) that is given the
batch size fails on the next batch of another size, most often the last one of an epoch, at
evaluation with one sample, or on two GPUs; given in forward, it also loses what was learned.

Bad::

    import torch
    from torch import nn

    class Tagger(nn.Module):
        def __init__(self, n_in, hidden, batch_size):
            super().__init__()
            self.rnn = nn.GRU(n_in, hidden, batch_first=True)
            self.h0 = nn.Parameter(torch.zeros(1, batch_size, hidden))

        def forward(self, x):
            outputs, state = self.rnn(x, self.h0)
            return outputs

Good::

    import torch
    from torch import nn

    class Tagger(nn.Module):
        def __init__(self, n_in, hidden, batch_size):
            super().__init__()
            self.rnn = nn.GRU(n_in, hidden, batch_first=True)
            self.h0 = nn.Parameter(torch.zeros(1, 1, hidden))

        def forward(self, x):
            outputs, state = self.rnn(x, self.h0.expand(-1, x.shape[0], -1).contiguous())
            return outputs

Run::

    model = Tagger(3, 4, batch_size=8)
    model(torch.randn(8, 5, 3))
    model(torch.randn(2, 5, 3))

Says: Expected hidden size (1, 2, 4), got [1, 8, 4]

Silent when: the Parameter with a batch dimension is itself what is fitted (one latent or pose
for each sample) and never meets forward's input; the size is a feature size.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Run, Step, Verification

if TYPE_CHECKING:
    from lint_params.facts import FileFacts
    from lint_params.facts.members import Member

_BATCH = re.compile(r"(^|_|\.)(batch_?size|batchsize|bsz|bs|mini_?batch(_?size)?|n_?batch|batch)$", re.IGNORECASE)
_JOINS = ("cat", "concat", "stack", "matmul", "bmm", "add", "mul", "einsum", "hstack", "vstack")
_RECURRENT = ("LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell")


class BatchShapedParameter(Rule):
    code = "LP103"
    level = Level.ERROR
    words = ("batch", "bs", "shape", "size", "len")

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for write in facts.data_writes_judged("batch"):
            given = [s for s in facts.sizes_from_input(write.value) if s.is_batch or s.is_sequence]
            what = "batch size" if given[0].is_batch else "length"
            yield self.report(
                facts,
                write.node,
                f"`{write.name}` takes its shape from the {what} of `{given[0].name}`: the next "
                f"batch of another size fails, and what was learned is lost. Give it a size of 1 "
                "there and expand it where it is used",
                subject=facts.subject(write.node),
                details={"attribute": write.name.removeprefix("self."), "size": what},
            )
        for call in facts.calls_of("torch.nn.Parameter"):
            member = facts.member_of(call)
            found = self._declared(facts, call) if member is not None and member.name else None
            if found is None or member is None or facts.phase(call) != "constructor":
                continue
            use = self._meets_input(facts, member)
            if use is not None:
                yield self.report(
                    facts,
                    call,
                    f"`{member.name}` has the batch size (`{found}`) in its shape and meets the "
                    f"input in line {use.lineno}: a batch of another size fails. Give it a size of 1 "
                    "there and expand it where it is used",
                    trace=(Step(use.lineno, f"{member.name} is used together with the input"),),
                    subject=facts.subject(call),
                    details={"attribute": member.name},
                )

    def _declared(self, facts: FileFacts, call: ast.Call) -> str | None:
        """The size of the declared tensor that is the batch size, by its name."""
        data = facts.argument(call, 0, "data")
        sizes = facts.sizes_of(data) if data is not None else None
        for size in sizes or ():
            if isinstance(size, str) and _BATCH.search(size):
                return size
        return None

    def _meets_input(self, facts: FileFacts, member: Member) -> ast.expr | None:
        """Where forward combines the Parameter, as it is, with what it is given."""
        for use in facts.uses_of(member):
            home = member.cls.facts
            if home is not facts or facts.phase(use) != "forward":
                continue
            node: ast.expr = use
            parent = facts.parent(node)
            if isinstance(parent, (ast.Tuple, ast.List)):
                node, parent = parent, facts.parent(parent)
            if any(isinstance(target, ast.Name) for target in facts.targets(parent)[:1]):
                continue
            if isinstance(parent, ast.BinOp) and node is use:
                other = parent.right if parent.left is node else parent.left
                if facts.from_arguments(other):
                    return use
            if isinstance(parent, ast.Call) and node in parent.args:
                others = [arg for arg in parent.args if arg is not node]
                if (
                    facts.kind_of(parent.func).layer in _RECURRENT
                    and any(facts.from_arguments(arg) for arg in others)
                ):
                    return use
                name = facts.qualify(parent.func) or ""
                if name.startswith("torch.") and name.rpartition(".")[2] in _JOINS:
                    parts = node.elts if isinstance(node, (ast.Tuple, ast.List)) else others
                    if any(facts.from_arguments(p) for p in parts if p is not use):
                        return use
        return None

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        for write in run.writes_at(finding, "batch"):
            if write.new_shape != write.old_shape:
                return run.confirmed(
                    f"with one row more {write.name or 'the Parameter'} went from "
                    f"{write.old_shape} to {write.new_shape}"
                )
        failure = run.failure("batch")
        if failure is not None and run.ok("forward"):
            return run.confirmed(f"with one row more in the batch: {failure}")
        tensor = run.tensor(str(finding.details["attribute"]), "forward")
        if tensor is not None and 1 in tensor.shape:
            return run.inconclusive("degenerate-input", "a size of 1 fits every batch")
        if run.ok("batch") and finding.details.get("size") != "length":  # only the batch grew
            return run.refuted(finding, "a batch with one row more runs as well")
        return None
