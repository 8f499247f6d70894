"""A Parameter's values are replaced while the model runs.

`self.weight.data = torch.randn(...)`, or an initialiser that runs in every forward: whatever
the optimizer has learned is overwritten at the next call, in silence. The optimizer, its
moments and a graph that is still alive keep believing in the old tensor, and under compile or
export the write is refused or lost.

Bad::

    import torch
    from torch import nn

    class Noisy(nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(dim, dim))

        def forward(self, x):
            self.weight.data = torch.randn(4, 4)
            return x @ self.weight

Good::

    import torch
    from torch import nn

    class Noisy(nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(dim, dim))

        def forward(self, x):
            noise = torch.randn(4, 4)
            return x @ (self.weight + noise)

Run::

    model = Noisy(4)
    before = model.weight.detach().clone()
    model(torch.ones(2, 4))
    assert torch.equal(model.weight, before), "forward overwrote the weight"

Silent when: the new values are made from the old ones (clamping, renormalising, masking; not where
what other Parameters give is added) or from the module's own buffers (moving averages); a condition
decides, as in initialisation by the first batch; the Parameter takes no gradient.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Run, Verification

if TYPE_CHECKING:
    from lint_params.facts import ClassFacts, FileFacts, Kind
    from lint_params.facts.writes import Write

_RESETS = ("reset_parameters", "_reset_parameters", "init_weights", "_init_weights", "weight_init")
_FRESH = ("normal_", "uniform_", "zero_", "fill_", "random_", "bernoulli_", "exponential_")


def _is_of_layer(facts: FileFacts, cls: ClassFacts, target: ast.Attribute, kind: Kind) -> bool:
    """Whether ``self.norm.weight`` surely is there before forward: of a torch layer that the
    constructor makes, with its options left as they are, and from which nobody takes it away."""
    layer, owner = facts.self_attribute(target.value), kind.owner
    if layer is None or owner is None or not owner.layer or not isinstance(owner.node, ast.Call):
        return False
    members = [m for m in cls.assignments(layer) if not m.is_declaration]
    if len(members) != 1 or members[0].method not in cls.surely_built_by:
        return False
    if facts.owns_parameters(target.value) is not True or facts.no_grad(facts.scope_of(target).node.body[0]):
        return False
    options = ("bias", "affine", "elementwise_affine")
    if any(keyword.arg in options or keyword.arg is None for keyword in owner.node.keywords):
        return False
    taken = (write.target for write in facts.writes if write.how == "delete")
    return not any(isinstance(one, ast.Attribute) and one.attr == target.attr for one in taken)


def _added(write: Write) -> ast.expr | None:
    """``x`` of ``p.data += x``, ``p.data = p.data + x`` and ``-``."""
    value = write.value
    if write.through != "data" or write.view or not isinstance(write.node, (ast.Assign, ast.AugAssign)):
        return None
    if isinstance(write.node, ast.AugAssign):
        return value if isinstance(write.node.op, (ast.Add, ast.Sub)) else None
    if write.how != "bind" or not isinstance(value, ast.BinOp) or not isinstance(value.op, (ast.Add, ast.Sub)):
        return None
    own = ast.unparse(write.target)
    return value.right if ast.unparse(value.left) in (own, f"{own}.data") else None


def _learned(facts: FileFacts, expr: ast.expr, depth: int = 0) -> list[str]:
    """The Parameters with gradients that a value is computed from; [] where it is cut off from one."""
    found: list[str] = []
    for part in ast.walk(expr):
        if isinstance(part, ast.Attribute) and part.attr in ("data", "grad", "detach", "item"):
            return []
        if isinstance(part, ast.Attribute) and facts.kind_of(part).is_parameter:
            found += [] if facts.is_frozen(facts.kind_of(part)) else [ast.unparse(part)]
        elif isinstance(part, ast.Call) and facts.self_attribute(part.func) and depth < 2:
            called = facts.function_of(part)
            returned = list(called[1].nodes(ast.Return)) if called is not None and called[0] is facts else []
            if len(returned) == 1 and returned[0].value is not None:
                found += _learned(facts, returned[0].value, depth + 1)
    return found


class DataReplacedInForward(Rule):
    code = "LP203"
    level = Level.ERROR
    words = (".data", "init", "reset", "_(", "Parameter")

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for write in facts.data_writes_judged("replace"):
            if facts.is_frozen(write.parameter) or facts.depends_on_state(write.node):
                continue
            yield self._found(
                facts,
                write.node,
                write.name,
                f"`{write.name}.data` is replaced while the model runs: what was learned is "
                "overwritten at the next call. Keep the Parameter and use the new tensor in the "
                "computation, or register a buffer",
            )
        yield from self._rebound(facts)
        yield from self._merged(facts)
        for other in facts.writes:
            method = other.how == "method" and other.method in _FRESH and other.through == "data"
            if other.view or not (method or other.how == "init"):
                continue
            kind = facts.declared_kind(other.target)
            if not kind.is_parameter or not facts.in_every_forward(other.node):
                continue
            if facts.is_frozen(kind) or kind.is_uninitialised:
                continue
            around = facts.scope_of(other.node).method
            if around is not None and around.name in _RESETS:
                continue  # the call of it is reported
            name = ast.unparse(other.target)
            if facts.self_attribute(other.target) is None and kind.owner is None:
                continue
            if kind.owner is not None and kind.owner.member == "" and kind.owner.node is not None:
                continue  # a layer made right here and filled by hand: nothing was learned
            yield self._found(
                facts,
                other.node,
                name,
                f"`{name}` is initialised anew in every forward (`{other.method}`): what was learned "
                "is overwritten at each call. Initialise it in the constructor",
            )
        yield from self._of_parts(facts)
        for scope in facts.functions:
            for call in scope.nodes(ast.Call):
                called = facts.self_attribute(call.func)
                if called not in _RESETS or not facts.in_every_forward(call):
                    continue
                method_found = facts.function_of(call)
                if method_found is not None and self._initialises(*method_found):
                    yield self._found(
                        facts,
                        call,
                        "",
                        f"`self.{called}()` runs in every forward: what was learned is overwritten "
                        "at each call. Call it in the constructor",
                    )

    def _of_parts(self, facts: FileFacts) -> Iterator[Finding]:
        """``self.head.reset_parameters()``, ``self.net.apply(init)``."""
        for scope in facts.functions:
            for call in scope.nodes(ast.Call):
                func = call.func
                if not isinstance(func, ast.Attribute) or func.attr not in ("reset_parameters", "apply"):
                    continue
                if facts.self_attribute(func.value) is None or not facts.kind_of(func.value).is_module:
                    continue
                if not facts.in_every_forward(call):
                    continue
                if func.attr == "reset_parameters":
                    resets = bool(facts.kind_of(func.value).layer)
                else:
                    given = call.args[0] if call.args else None
                    found = facts.function_named(given) if isinstance(given, ast.Name) else None
                    resets = found is not None and self._initialises(facts, found)
                if resets:
                    yield self._found(
                        facts,
                        call,
                        "",
                        f"`{ast.unparse(call)}` runs in every forward: what was learned is overwritten "
                        "at each call. Call it in the constructor",
                    )

    def _merged(self, facts: FileFacts) -> Iterator[Finding]:
        """``self.base.weight.data += self.b @ self.a`` in every forward: what is added takes no gradient."""
        for write in facts.writes:
            added = _added(write)
            if added is None or not facts.declared_kind(write.target).is_parameter or facts.no_grad(write.node):
                continue
            if not facts.in_every_forward(write.node) or facts.depends_on_state(write.node):
                continue
            learned, name = _learned(facts, added), ast.unparse(write.target)
            again = [one for one in facts.writes_in(write.scope) if ast.unparse(one.target) == name]
            if learned and name not in learned and len(again) == 1:  # also taken away again, perhaps
                yield self._found(
                    facts,
                    write.node,
                    name,
                    f"`{name}.data` gets what `{learned[0]}` gives added in every forward: it grows at each "
                    f"call, and no gradient comes to `{learned[0]}`. Add in the computation instead",
                    learned=learned,
                )

    def _rebound(self, facts: FileFacts) -> Iterator[Finding]:
        """``self.w = nn.Parameter(...)`` in every forward: another one than the optimizer holds."""
        for write in facts.writes:
            if write.how != "bind" or write.through or not isinstance(write.target, ast.Attribute):
                continue
            if write.value is None or not facts.kind_of(write.value).is_parameter:
                continue
            kind = facts.declared_kind(write.target)
            if not kind.is_parameter or not facts.in_every_forward(write.node):
                continue
            cls = facts.class_around(write.node)
            fresh = facts.kind_of(write.value).node is write.value
            if not fresh or cls is None or cls.trains_in_forward or facts.is_frozen(kind):
                continue
            if facts.self_attribute(write.target) is not None:
                first = [m for m in cls.assignments(write.target.attr) if m.node is not write.node]
                held = bool(first) and not any(m.how == "delete" for m in first)
            else:
                held = _is_of_layer(facts, cls, write.target, kind) and not facts.is_frozen(facts.kind_of(write.value))
            if held:
                name = ast.unparse(write.target)
                yield self._found(
                    facts,
                    write.node,
                    name,
                    f"`{name}` becomes a new Parameter in every forward, and an optimizer keeps the "
                    "one that it was given: write into it under torch.no_grad() instead",
                )

    def _initialises(self, facts: FileFacts, scope: object) -> bool:
        return any(
            write.how == "init" or (write.method in _FRESH and write.how == "method")
            for write in facts.writes_in(scope)  # type: ignore[arg-type]
            if facts.declared_kind(write.target).is_parameter
        )

    def _found(
        self, facts: FileFacts, node: ast.AST, name: str, message: str, learned: Sequence[str] = ()
    ) -> Finding:
        return self.report(
            facts,
            node,
            message,
            subject=facts.subject(node),
            details={"attribute": name.removeprefix("self."), "learned": [one.removeprefix("self.") for one in learned]},
        )

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        lines = range(finding.place.line, finding.place.end_line + 1)
        failure = run.failure_at(lines)
        if failure is not None:
            return run.confirmed_by(failure)
        for name in finding.details.get("learned", ()):
            learned = run.tensor(name, "backward")
            if learned is not None and learned.grad == "none":
                return run.confirmed(f"{name} has no gradient after backward")
        for write in run.writes_at(finding, "forward", "forward2", "batch"):
            if not write.same_storage:
                return run.confirmed(
                    f"forward put another tensor under {write.name or 'the Parameter'}"
                )
        name = str(finding.details.get("attribute") or "")
        before, after = run.tensor(name, "construct"), run.tensor(name, "forward")
        if name and before is not None and after is not None:
            if before.checksum != after.checksum:
                return run.confirmed(f"forward changed the values of {name}")
            if not run.writes_at(finding):  # `clamp_` may have found nothing to clamp
                return run.inconclusive("degenerate-input", f"{name} kept its values this time")
            return run.refuted(finding, f"forward left {name} as it was")
        if before is None or after is None:  # a part that the loop or the call names otherwise
            changed = [
                one.name
                for one in run.tensors("forward", "parameter")
                if (old := run.tensor(one.name, "construct")) is not None
                and old.checksum != one.checksum
            ]
            if changed:
                return run.confirmed(f"forward changed the values of {', '.join(changed[:3])}")
        return None
