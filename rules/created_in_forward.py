"""A layer with parameters, or a Parameter, is made while the model runs.

What ``forward`` makes is new: random weights that no optimizer holds. A layer made on every call
is other random weights each time; one that is made on the first call (``if self.proj is None``)
comes after the optimizer was built from ``parameters()`` and is never trained, and a checkpoint
that holds it does not load. Make it in ``__init__``, or use a lazy layer and run one batch before
the optimizer is built.

Bad::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.dim = dim

        def forward(self, x):
            return nn.Linear(self.dim, self.dim)(x)

Good::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.fc = nn.Linear(dim, dim)

        def forward(self, x):
            return self.fc(x)

Run::

    model, x = Net(4), torch.randn(2, 4)
    assert torch.equal(model(x), model(x))

Silent when: the layer has no parameters (Softmax, Dropout, losses, ``affine=False``), the same
function fills its weights or freezes it, it is made on the meta device or for ``functional_call``,
gradients are off, the method runs in the constructor
as well or is decorated (it may be kept), it is the ``initialize_parameters`` of a lazy Module,
forward builds the optimizer too or asks for gradients (a fit of its own), the file runs a made-up batch
for its own sake before there is an optimizer, a method that forward need not call registers
it by a computed name (a model that a first batch builds) or makes a layer of the constructor again
(who knows its size may call it before), or the class has its own ``__setattr__``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Step, Verification

if TYPE_CHECKING:
    from lint_params.evidence import Run
    from lint_params.facts import ClassFacts, FileFacts, Kind, Scope


class CreatedInForward(Rule):
    code = "LP307"
    level = Level.ERROR
    words = ("forward",)

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        seen: set[ast.AST] = set()
        for cls in facts.module_classes:
            forward = cls.method("forward")
            if forward is None or forward[0].facts.no_grad(forward[1].node.body[0]):
                continue
            if cls.trains_in_forward or any("__setattr__" in one.methods for one in cls.mro):
                continue
            run = cls.called_from("forward")
            cached = [s.name for _, s in run if s.name != "forward" and self._may_cache(s)]
            built = {id(s) for name in ("__init__", *cached) for _, s in cls.called_from(name)}
            for owner, scope in run:
                if owner.facts is not facts or id(scope) in built or scope.node in seen:
                    continue
                if scope.name == "initialize_parameters" or facts.no_grad(scope.node.body[0]):
                    continue
                seen.add(scope.node)
                for inner in scope.within():
                    yield from self._scope(facts, cls, inner, seen)
                    yield from self._of_other_files(facts, cls, inner, seen)

    def _scope(
        self, facts: FileFacts, cls: ClassFacts, scope: Scope, seen: set[ast.AST]
    ) -> Iterator[Finding]:
        for call in scope.nodes(ast.Call):
            if call in seen or not self._constructs(facts, call):
                continue
            kind = facts.kind_of(call)
            if kind.node is not call or facts.no_grad(call):
                continue
            if any(condition.what == "function" for condition in facts.conditions(call)):
                continue
            if kind.is_parameter and self._trains(call):
                if self._is_frozen(facts, call) or self._replaces(facts, cls, scope, call):
                    continue
                if self._is_kept_weight(facts, cls, call):
                    continue
            elif not (kind.is_module and self._is_layer(facts, call, kind)):
                continue
            if self._is_inside_other(facts, call) or self._is_for_others(facts, scope, call):
                continue
            if self._is_set_up_by_data(facts, cls, scope, call) or self._is_set_up_by_others(facts, cls, scope, call):
                continue
            if self._kept_as(facts, call) and not facts.in_every_forward(call) and self._is_run_first(facts, cls):
                continue
            seen.add(call)
            yield self._finding(facts, cls, scope, call, kind)

    def _of_other_files(
        self, facts: FileFacts, cls: ClassFacts, scope: Scope, seen: set[ast.AST]
    ) -> Iterator[Finding]:
        """``dense(x, 16)`` of a function that makes a layer and applies it at once."""
        for call in scope.nodes(ast.Call):
            found = facts.function_of(call) if facts.qualify(call.func) and call not in seen else None
            if found is None or found[0] is facts or found[1].owner is not None or found[1].decorators:
                continue
            there, function = found
            if facts.no_grad(call) or there.no_grad(function.node.body[0]):
                continue
            made = [one.func for one in function.nodes(ast.Call) if isinstance(one.func, ast.Call)]
            layers = [one for one in made if self._constructs(there, one) and not there.conditions(one)]
            kinds = [(one, there.kind_of(one)) for one in layers if there.kind_of(one).node is one]
            if any(kind.is_module and self._is_layer(there, one, kind) for one, kind in kinds):
                seen.add(call)
                yield self._finding(facts, cls, scope, call, next(kind for _, kind in kinds if kind.is_module))

    def _finding(
        self, facts: FileFacts, cls: ClassFacts, scope: Scope, call: ast.Call, kind: Kind
    ) -> Finding:
        name = self._kept_as(facts, call)
        what = "Parameter" if kind.is_parameter else kind.describe()
        if name is not None and not facts.in_every_forward(call):
            message = (
                f"`self.{name}` is made by the first forward: an optimizer built before does not "
                f"hold it and a checkpoint with it does not load; make the {what} in __init__ or "
                "use a lazy layer and run a batch before the optimizer is built"
            )
        elif kind.is_parameter and self._is_copy(facts, call):
            message = (
                "this Parameter is another one after each forward that comes here: no optimizer that "
                "was built before holds it; make it in __init__"
            )
        else:
            message = (
                f"this {what} is made anew on every forward: its new weights are never "
                "trained; make it in __init__"
            )
        trace: tuple[Step, ...] = ()
        if scope.name != "forward":
            trace = (Step(facts.line_of(scope), f"{scope.name} is called while forward runs"),)
        return self.report(
            facts, call, message, trace=trace, subject=cls.qualname, details={"attribute": name}
        )

    def _is_set_up_by_data(self, facts: FileFacts, cls: ClassFacts, scope: Scope, call: ast.Call) -> bool:
        """``if not self.ready: self.create(x)``, where ``create`` or who calls it registers by computed
        names: a model that a first batch builds, and whose optimizer comes after it."""
        if scope.name == "forward" or facts.in_every_forward(call):
            return False
        names = {scope.name} | {
            name for name, one in cls.methods.items()
            if any(node.attr == scope.name and facts.self_attribute(node) for node in one.nodes(ast.Attribute))
        }
        return any(one.method in names and one.how != "register_buffer" for one in cls.dynamic_members)

    def _is_set_up_by_others(self, facts: FileFacts, cls: ClassFacts, scope: Scope, call: ast.Call) -> bool:
        """``if not self.ready: self.set_in_features(x.shape[-1])``, where a layer of the constructor is
        made again: whoever knows the size calls the method before there is an optimizer."""
        name = self._kept_as(facts, call)
        if name is None or scope.name == "forward" or scope.name.startswith("_") or facts.in_every_forward(call):
            return False
        return any(one.scope.name == "__init__" and one.kind.is_module for one in cls.assignments(name))

    def _is_run_first(self, facts: FileFacts, cls: ClassFacts) -> bool:
        """``net(torch.zeros(1, 3, 32, 32))`` for its own sake in the same file: it has its layers before
        there is an optimizer."""
        for statement in facts.nodes(ast.Expr):
            call = statement.value
            given = call.args[0] if isinstance(call, ast.Call) and call.args else None
            if isinstance(call, ast.Call) and given is not None and facts.creation(given) is not None:
                if facts.kind_of(call.func).cls is cls:
                    return True
        return False

    def _is_copy(self, facts: FileFacts, call: ast.Call) -> bool:
        """``nn.Parameter(self.weights[k].to(device))``: what is there already, and nothing random."""
        data = facts.argument(call, 0, "data")
        return data is not None and facts.creation(data) is None

    def _trains(self, call: ast.Call) -> bool:
        for keyword in call.keywords:
            if keyword.arg == "requires_grad":
                return isinstance(keyword.value, ast.Constant) and keyword.value.value is True
        return len(call.args) < 2

    def _constructs(self, facts: FileFacts, call: ast.Call) -> bool:
        """Whether a class may be called here: quick, before anything is worked out."""
        name = facts.qualify(call.func)
        if name is None:
            return isinstance(call.func, ast.Name)
        if name.startswith("torch."):
            return name.count(".") == 2 and name.startswith("torch.nn.")
        return not name.startswith("builtins.") and facts.class_of(call.func) is not None

    def _may_cache(self, scope: Scope) -> bool:
        """Whether a decorator (``@cached_property``, ``@singleton``) may run it only once."""
        known = ("no_grad", "autocast", "override", "staticmethod", "classmethod", "property")
        return len(scope.decorators) > sum(scope.has_decorator(name) for name in known)

    def _is_frozen(self, facts: FileFacts, call: ast.Call) -> bool:
        """``self.w = nn.Parameter(...)`` and then ``self.w.requires_grad = False``."""
        given = facts.targets(facts.parent(call))
        if not given:
            return False
        target = ast.unparse(given[0])
        return any(
            node.attr in ("requires_grad", "requires_grad_", "detach_")
            and ast.unparse(node.value) == target
            for node in facts.scope_of(call).nodes(ast.Attribute)
        )

    def _is_layer(self, facts: FileFacts, call: ast.Call, kind: Kind) -> bool:
        if kind.annotated or facts.owns_parameters(call) is not True:
            return False
        if kind.is_module_container and not self._makes(facts, call):
            return False
        return not (self._is_filled(facts, call) or facts.made_on_meta(call) or self._is_template(facts, call))

    def _is_template(self, facts: FileFacts, call: ast.Call) -> bool:
        """``functional_call(layer, {"weight": self.w}, x)``: it only says what is computed, with weights that
        are kept elsewhere."""
        parent = facts.parent(call)
        given = facts.targets(parent)
        names = [one.id for one in given if isinstance(one, ast.Name)]
        return any(
            getattr(use.func, "attr", getattr(use.func, "id", "")) == "functional_call" and bool(use.args)
            and (use.args[0] is call or isinstance(use.args[0], ast.Name) and use.args[0].id in names)
            for inner in facts.scope_of(call).within()
            for use in inner.nodes(ast.Call)
        )

    def _makes(self, facts: FileFacts, container: ast.Call) -> bool:
        """Whether a layer is made for the container in the call itself: ``nn.Sequential(self.a, self.b)``
        only puts those that are there in a row, and what is appended to a list is reported there."""
        return any(
            isinstance(part, ast.Call) and part is not container and facts.kind_of(part).node is part
            and facts.kind_of(part).is_module and facts.owns_parameters(part) is True
            for given in (*container.args, *(keyword.value for keyword in container.keywords))
            for part in ast.walk(given)
        )

    def _replaces(
        self, facts: FileFacts, cls: ClassFacts, scope: Scope, call: ast.Call
    ) -> bool:
        """Whether a Parameter takes the place of a registered one, or is only wrapped to be
        handed on (that is another rule's, or no mistake)."""
        name = self._kept_as(facts, call)
        if name is not None:
            return any(
                member.kind.may_be("parameter", "unknown") and member.node is not None
                and member.scope is not scope
                for member in cls.assignments(name)
                if not member.is_declaration
            )
        parent = facts.parent(call)
        if given := facts.targets(parent):
            return not isinstance(given[0], ast.Name)  # other.weight = nn.Parameter(...)
        return not isinstance(parent, (ast.BinOp, ast.Return, ast.Call))

    def _is_kept_weight(self, facts: FileFacts, cls: ClassFacts, call: ast.Call) -> bool:
        """``if self._flat is None: self._flat = nn.Parameter(self.weight.flatten(1))``: a weight that
        is there already, kept in another form."""
        data = facts.argument(call, 0, "data")
        if data is None or facts.in_every_forward(call):
            return False
        parts = [part for one in facts.reach(data) or [data] for part in ast.walk(one)]
        parts += [p for name in parts if isinstance(name, ast.Name) for v in facts.reach(name) or () for p in ast.walk(v)]
        read = [part for part in parts if isinstance(part, (ast.Attribute, ast.Subscript))]
        own = [cls.kind(name) for name in map(facts.self_attribute, read) if name]  # of a mixin's user
        listed = [kind.element for kind in own if kind.element is not None]
        return any(kind.is_parameter for kind in (*map(facts.kind_of, read), *own, *listed))

    def _kept_as(self, facts: FileFacts, call: ast.Call) -> str | None:
        """``x`` where the call's result goes to ``self.x``, also through ``.to(device)``, or is
        registered under that name."""
        node: ast.AST = call
        parent = facts.parent(node)
        while isinstance(parent, (ast.Attribute, ast.Call)) and (
            not isinstance(parent, ast.Call) or parent.func is node
        ):
            node, parent = parent, facts.parent(parent)
        for target in facts.targets(parent):
            name = facts.self_attribute(target.value if isinstance(target, ast.Subscript) else target)
            if name is not None and target is not node:
                return name
        if isinstance(parent, ast.Call) and facts.self_attribute(parent.func) in _REGISTERS and len(parent.args) == 2:
            key = parent.args[0]
            return str(key.value) if isinstance(key, ast.Constant) and parent.args[1] is node else None
        return None

    def _is_filled(self, facts: FileFacts, call: ast.Call) -> bool:
        """Whether the new layer's weights are set by hand, loaded or frozen right there."""
        parent = facts.parent(call)
        while isinstance(parent, (ast.Attribute, ast.Call)):
            if isinstance(parent, ast.Attribute) and parent.attr in _SETS:
                return True
            parent = facts.parent(parent)
        given = facts.targets(parent)
        if not given or not isinstance(given[0], (ast.Name, ast.Attribute)):
            return False
        text = ast.unparse(given[0])
        for node in facts.scope_of(call).nodes(ast.Attribute):
            if node.attr in _SETS and ast.unparse(node.value).startswith(text):
                stored = not isinstance(node.ctx, ast.Load) or node.attr not in _READ
                if stored or self._is_written(facts, node):
                    return True
        return False

    def _is_written(self, facts: FileFacts, node: ast.Attribute) -> bool:
        """``layer.weight.data = ...``, ``layer.weight.copy_(...)``, ``init.ones_(layer.weight)``."""
        parent = facts.parent(node)
        if isinstance(parent, ast.Attribute):
            return not isinstance(parent.ctx, ast.Load) or parent.attr.endswith("_") or (
                parent.attr == "data"
            )
        # What only reads a weight gives a result, and somebody takes it.
        return isinstance(parent, ast.Call) and node in parent.args and isinstance(facts.parent(parent), ast.Expr)

    def _is_for_others(self, facts: FileFacts, scope: Scope, call: ast.Call) -> bool:
        """Whether a plain function only makes the layer, and a caller keeps or fills it."""
        returned = [value for one in scope.nodes(ast.Return) if one.value for value in facts.reach(one.value) or ()]
        if scope.owner is not None or not any(value is call for value in returned):
            return False
        callers = facts.named_calls.get(scope.name, [])
        return any(
            self._kept_as(facts, one) or self._is_filled(facts, one) or self._is_registered(facts, one) for one in callers
        )

    def _is_registered(self, facts: FileFacts, call: ast.Call) -> bool:
        """Whether the function around gives the object attributes by computed names: ``setattr(self, f"flow_{i}", flow)``."""
        cls = facts.class_around(call)
        scope = facts.scope_of(call)
        return cls is not None and any(one.scope is scope and one.how != "register_buffer" for one in cls.dynamic_members)

    def _is_inside_other(self, facts: FileFacts, call: ast.Call) -> bool:
        """``nn.Sequential(nn.Linear(...), ...)``: the outer call is the one to report."""
        for parent in facts.ancestors(call):
            if isinstance(parent, ast.stmt):
                return False
            if isinstance(parent, ast.Call) and facts.kind_of(parent).node is parent:
                kind = facts.kind_of(parent)
                if kind.is_module and facts.owns_parameters(parent) is True:
                    return True
        return False

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        made = run.created_under(finding, "forward", "forward2", "batch")
        if made:
            shapes = ", ".join(str(one.shape) for one in made[:3])
            return run.confirmed(
                f"{len(made)} new Parameters {shapes} were made while forward ran, after the "
                "optimizer was built"
            )
        if run.ok("forward"):
            return run.refuted(finding, "no Parameter was made while forward ran")
        return None


_REGISTERS = ("register_parameter", "add_module", "register_module")
_READ = ("weight", "bias")
_SETS = (
    "weight", "bias", "load_state_dict", "requires_grad_", "requires_grad", "eval", "parameters",
    "copy_", "apply", "init_weights", "reset_parameters",
)
