"""Two layers are tied by `.data`, which ties memory and not the Parameter.

After `decoder.weight.data = encoder.weight.data` there still are two Parameters over one
tensor: the optimizer steps both (Adam moves it twice as far), a checkpoint holds it twice, and
the tie is lost without a word on `.double()`, `.to(dtype)`, deepcopy and load.

Bad::

    import torch
    from torch import nn

    class Tied(nn.Module):
        def __init__(self, words, dim):
            super().__init__()
            self.embed = nn.Embedding(words, dim)
            self.head = nn.Linear(dim, words, bias=False)
            self.head.weight.data = self.embed.weight.data

        def forward(self, i):
            return self.head(self.embed(i))

Good::

    import torch
    from torch import nn

    class Tied(nn.Module):
        def __init__(self, words, dim):
            super().__init__()
            self.embed = nn.Embedding(words, dim)
            self.head = nn.Linear(dim, words, bias=False)
            self.head.weight = self.embed.weight

        def forward(self, i):
            return self.head(self.embed(i))

Run::

    model = Tied(5, 3).double()
    same = model.head.weight.data_ptr() == model.embed.weight.data_ptr()
    assert same, "the tie is lost"

Silent when: a copy is made (`.clone()`, `.copy_()`); code that by its name loads, copies,
synchronises, updates or converts does it (and does not also tie), or a loop over parameters; one of the two is not
surely a Parameter.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Fix, Level, Rule, Run, Verification

if TYPE_CHECKING:
    from lint_params.facts import FileFacts

_TIES = re.compile(r"(^|_)ti(e|ed|es|ing)(_|$)", re.IGNORECASE)
_COPIES = re.compile(r"update|ema|momentum|clone|set_|assign|replace|init_from|from_|resize", re.IGNORECASE)


class TieThroughData(Rule):
    code = "LP204"
    level = Level.WARNING
    words = (".data",)

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for write in facts.data_writes_judged("tie"):
            around = facts.scope_of(write.node).name
            if (facts.is_surgery(write.node) or _COPIES.search(around)) and not _TIES.search(around):
                continue
            if any(one.what in ("for", "while") for one in facts.conditions(write.node)):
                continue
            if facts.updates_layer_sizes(write):
                continue  # one layer takes the place of the other
            if self._takes_over(facts, write.node):
                continue
            source = facts.tied_to(write.value)
            text = facts.source_of(source)
            fix = None
            node = write.node
            better = f"Write `{write.name} = {text}`"
            value = write.value
            if value is not source and not (isinstance(value, ast.Attribute) and value.value is source):
                better = f"Compute with `{text}` itself where it is used"
            elif isinstance(node, ast.Assign) and len(node.targets) == 1:
                fix = Fix(facts.place(node), f"{write.name} = {text}", "tie the Parameter itself")
            yield self.report(
                facts,
                node,
                f"`{write.name}` and `{text}` share memory but stay two Parameters: the tie is lost on "
                f".to(dtype), deepcopy or load. {better}, or copy the values with `.copy_()`",
                fix=fix,
                subject=facts.subject(node),
                details={"attribute": write.name.removeprefix("self.")},
            )

    def _takes_over(self, facts: FileFacts, node: ast.AST) -> bool:
        """Whether a layer made in this function, and returned, gets the memory of an argument."""
        if not isinstance(node, ast.Assign):
            return False
        new, old = _root(node.targets[0]), _root(node.value)
        scope = facts.scope_of(node)
        given = getattr(scope.node, "args", None)
        return (
            new not in (None, "self")
            and isinstance(given, ast.arguments)
            and any(arg.arg == old for arg in (*given.posonlyargs, *given.args, *given.kwonlyargs))
            and any(
                isinstance(part, ast.Name) and part.id == new
                for one in scope.nodes(ast.Return)
                if one.value is not None
                for part in ast.walk(one.value)
            )
        )

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        name = str(finding.details.get("attribute") or "")
        written = {write.id for write in run.writes_at(finding, "construct")}
        made = run.tensors("construct", "parameter")
        one = run.tensor(name, "construct") or next((t for t in made if t.id in written), None)
        twins = [
            other
            for other in made
            if one is not None and other.id != one.id and other.address == one.address
        ]
        if one is not None and twins:
            after, twin = run.tensor(one.name, "convert"), run.tensor(twins[0].name, "convert")
            if after is not None and twin is not None and after.address != twin.address:
                return run.confirmed(f"{one.name} and {twin.name} share memory only until .double()")
            return run.confirmed(f"{one.name} and {twins[0].name} are two Parameters over one memory")
        if one is not None and written:
            return run.refuted(finding, f"{one.name} shares no memory")
        return None


def _root(node: ast.expr) -> str | None:
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None
