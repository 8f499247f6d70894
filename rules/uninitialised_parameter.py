"""A Parameter is made over memory that nothing ever fills.

`torch.empty` and `torch.Tensor(n, m)` hand out whatever was in memory: zeros today, NaN or
1e30 tomorrow. Without an initialiser the model starts from that. A `reset_parameters` that
is defined but never called does not help.

Bad::

    import torch
    from torch import nn

    class Cosine(nn.Module):
        def __init__(self, dim, classes):
            super().__init__()
            self.weight = nn.Parameter(torch.empty(classes, dim))

        def reset_parameters(self):
            nn.init.xavier_uniform_(self.weight)

        def forward(self, x):
            return x @ self.weight.t()

Good::

    import torch
    from torch import nn

    class Cosine(nn.Module):
        def __init__(self, dim, classes):
            super().__init__()
            self.weight = nn.Parameter(torch.empty(classes, dim))
            self.reset_parameters()

        def reset_parameters(self):
            nn.init.xavier_uniform_(self.weight)

        def forward(self, x):
            return x @ self.weight.t()

Run::

    # With this switch torch writes NaN wherever memory is left unwritten.
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = True
    assert not Cosine(4, 3)(torch.ones(2, 4)).isnan().any(), "computed from unwritten memory"

Silent when: the file speaks of an `init_cfg`, by which MMEngine fills layers by name; any method
that runs on construction writes it, hands it or `self` to a helper, or goes over all parameters;
other code of the file, or a file of its package that uses the class, may do so (`apply`,
`init_weights`, a loop over modules or, in a script that imports it, over parameters, a write to an attribute of that name; of the package no other
file where the class has a reset method of its own, which leaves it out); a base class is not known,
the class is abstract, it loads its weights, the file always loads weights and trains nothing, it is
a test (`test_*.py`), or the Parameter takes no gradient.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Run, Verification

if TYPE_CHECKING:
    from lint_params.facts import FileFacts, Member


#: A configuration says by name what fills which layer.
_CONFIGURED = "init_cfg"

#: Functions and methods whose result is as good as the tensor that they are given.
_COMPUTES = frozenset(
    """abs add add_ clamp clamp_ clone cos div div_ divide exp exp_ log mul mul_ multiply neg pow sigmoid sin
    softmax sqrt square sub sub_ subtract tanh""".split()
)


class UninitialisedParameter(Rule):
    code = "LP104"
    level = Level.WARNING
    words = ("empty", "Tensor(")
    needs = frozenset({"containers"})

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        if facts.is_template or _CONFIGURED in facts.text:
            return
        if PurePath(facts.path).name.startswith("test_"):
            return  # what stands in for a layer in a test needs no values
        for call in facts.calls_of("torch.nn.Parameter"):
            how = self._unwritten(facts, call)
            member = facts.holder_of(call) if how else None
            if member is None or not member.name or member.how == "class":
                continue
            if not member.cls.is_module or facts.phase(call) != "constructor":
                continue
            if facts.is_filled(member) or self._only_loads(facts):
                continue
            yield self._finding(facts, call, member, how)
        for cls in facts.module_classes:
            for members in cls.members.values():
                yield from (one for member in members for one in self._made_elsewhere(facts, member))

    def _made_elsewhere(self, facts: FileFacts, member: Member) -> Iterator[Finding]:
        """``self.core = weight(n, m)`` of a function that returns the new Parameter."""
        value, made = member.value, member.kind.node
        if member.how != "assign" or not isinstance(value, ast.Call) or value is made or member.kind.optional:
            return
        if not member.kind.is_parameter or not isinstance(made, ast.Call) or member.kind.facts is None:
            return
        there = member.kind.facts
        if not isinstance(there.parent(made), ast.Return) or facts.phase(value) != "constructor":
            return
        how = self._unwritten(there, made)
        if how and not facts.is_filled(member) and not self._only_loads(facts):
            yield self._finding(facts, value, member, how)

    def _finding(self, facts: FileFacts, call: ast.Call, member: Member, how: str) -> Finding:
        idle = facts.idle_filler(member)
        why = f"`{idle}` would fill it, but nothing calls it" if idle else "nothing fills it"
        return self.report(
            facts,
            call,
            f"`{member.name}` is made over unwritten memory (`{how}`) and {why}: it starts as "
            + (
                f"garbage or NaN. Call `self.{idle}()` in the constructor"
                if idle
                else "garbage or NaN. Use torch.zeros or torch.randn, or an nn.init function"
            ),
            subject=facts.subject(call),
            details={"attribute": member.name},
        )

    def _only_loads(self, facts: FileFacts) -> bool:
        """Whether the file's code is inference: it loads weights, and nothing in it trains."""
        called = {node.attr for node in facts.nodes(ast.Attribute)}
        if called & {"backward", "step", "fit", "optim"}:
            return False
        loads = [node for node in facts.nodes(ast.Attribute) if node.attr == "load_state_dict"]
        return any(not self._on_request(facts, node) and not self._is_spelt_out(facts, node) for node in loads)

    def _is_spelt_out(self, facts: FileFacts, node: ast.Attribute) -> bool:
        """``self.fused.load_state_dict({"weight": torch.cat(...)})``: one layer of torch is given what
        others have."""
        call = facts.parent(node)
        given = call.args[0] if isinstance(call, ast.Call) and call.args else None
        keys = given.keys if isinstance(given, ast.Dict) else []
        whole = bool(keys) and all(isinstance(key, ast.Constant) for key in keys)
        return whole and facts.self_attribute(node.value) is not None and bool(facts.kind_of(node.value).layer)

    def _on_request(self, facts: FileFacts, node: ast.Attribute) -> bool:
        """``if weights is not None: model.load_state_dict(weights)`` of an argument that may be None:
        the model is there for training, too."""
        return any(
            one.what == "if" and one.test is not None
            and any(isinstance(name, ast.Name) and self._is_optional(facts, name) for name in ast.walk(one.test))
            for one in facts.conditions(node)
        )

    def _is_optional(self, facts: FileFacts, name: ast.Name) -> bool:
        found = facts.definitions(name) or ()
        return bool(found) and all(
            one.how == "argument"
            and (
                isinstance(one.value, ast.Constant) and not one.value.value
                or one.annotation is not None and "Optional" in ast.unparse(one.annotation)
            )
            for one in found
        )

    def _unwritten(self, facts: FileFacts, call: ast.Call) -> str:
        data = facts.argument(call, 0, "data")
        given = facts.argument(call, 1, "requires_grad")
        if data is None or any(keyword.arg is None for keyword in call.keywords):
            return ""
        if given is not None and not self._is_trained(facts, given):
            return ""
        source = self._source(facts, data)
        made = facts.creation(source)
        if made is None or not made.unwritten or made.data is not None or facts.tensor_type(data) == "int":
            return ""
        if made.dtype not in ("", "?", "torch.float32", "torch.float16", "torch.bfloat16"):
            return ""
        if isinstance(source, ast.Name) and not self._only_use(facts, source):
            return ""
        for keyword in made.node.keywords:
            if (
                keyword.arg in ("device", "out") and isinstance(keyword.value, ast.Constant)
                and keyword.value.value == "meta"
            ):
                return ""
        if made.shape is not None and 0 in [facts.size(part) for part in made.shape]:
            return ""
        if made.function.endswith("Tensor"):  # of one argument that may be data, or a size
            parts = made.shape or made.node.args
            if len(parts) == 1 and not facts.is_whole(parts[0]):
                return ""
        return ast.unparse(made.node.func) + "(...)"

    def _is_trained(self, facts: FileFacts, given: ast.expr) -> bool:
        """``requires_grad=True``, or an argument that is True unless somebody says otherwise."""
        found = facts.definitions(given) or () if isinstance(given, ast.Name) else ()
        values = [one.value for one in found if one.how == "argument"] or [given]
        return all(isinstance(one, ast.Constant) and one.value is True for one in values)

    def _source(self, facts: FileFacts, data: ast.expr) -> ast.expr:
        """``torch.empty(n) * k``: what is computed from garbage is garbage."""
        while True:
            if isinstance(data, ast.BinOp):
                left = facts.creation(self._source(facts, data.left))
                data = data.left if left is not None and left.unwritten else data.right
            elif isinstance(data, ast.UnaryOp) and isinstance(data.op, ast.USub):
                data = data.operand
            elif isinstance(data, ast.Call) and isinstance(data.func, ast.Attribute) and data.func.attr in _COMPUTES:
                of_torch = facts.qualify(data.func) == f"torch.{data.func.attr}"
                if of_torch and not data.args:
                    return data
                data = data.args[0] if of_torch else data.func.value
            else:
                return data

    def _only_use(self, facts: FileFacts, name: ast.Name) -> bool:
        """Whether a local tensor goes nowhere but into the Parameter."""
        uses = [
            node
            for node in facts.scope_of(name).nodes(ast.Name)
            if node.id == name.id and isinstance(node.ctx, ast.Load)
        ]
        return uses == [name]

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        name = str(finding.details.get("attribute") or "")
        tensors = [one for one in run.tensors("construct") if _is_of(one.name, name)]
        for parent in run.parents:
            if parent.built and not any(_is_of(one, name) for one in parent.unwritten):
                return run.refuted(finding, f"{parent.name} fills it")
        unbuilt = [parent.name for parent in run.parents if not parent.built]
        if unbuilt:
            return run.inconclusive("construct-failed", f"{unbuilt[-1]}, which may fill it")
        for tensor in tensors:
            if tensor.unwritten:
                return run.confirmed(f"{tensor.name} {tensor.shape} still is unwritten memory")
        if tensors:
            return run.refuted(finding, f"{name} is written by the constructor")
        return None


def _is_of(path: str, name: str) -> bool:
    """Whether a tensor is the attribute of this name, or one of the list that the attribute is."""
    return f".{name}." in f".{path}."
