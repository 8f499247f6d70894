"""What calls do in the story of a script."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lint_params.facts.infer import instance_of, is_optimizer
from lint_params.facts.kinds import Kind
from lint_params.facts.story_expr import Expressions
from lint_params.facts.things import MISSING, NOTHING, OTHER, Thing, Value, union
from lint_params.facts.torch_names import (
    IN_PLACE_METHODS,
    MODULE_RETURNS_SELF,
    NEW_TENSOR_METHODS,
)

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts
    from lint_params.facts.scope import Scope

_DISPLAYS = ("list", "tuple", "set", "sorted", "frozenset", "dict")
_REDUCERS = ("sum", "any", "all", "max", "min")
_LAZY_ITERATORS = ("iter", "filter", "map", "zip", "enumerate", "reversed")
_HARMLESS = ("isinstance", "type", "id", "hasattr", "repr", "print", "str", "callable", "hash")
_CHAINS = ("itertools.chain", "itertools.chain.from_iterable", "itertools.islice", "itertools.tee")
_WRAPPERS = (
    "torch.nn.DataParallel",
    "torch.nn.parallel.DistributedDataParallel",
    "torch.nn.parallel.DataParallel",
    "torch.compile",
    "torch.distributed.fsdp.FullyShardedDataParallel",
)
#: What torch refuses while a lazy layer has no weights: how to call it in a message.
_REFUSERS = {
    "torch.nn.parallel.DistributedDataParallel": "DistributedDataParallel",
    "torch.jit.script": "torch.jit.script",
    "torch.jit.trace": "torch.jit.trace",
    "torch.export.export": "torch.export",
    "torch.onnx.export": "torch.onnx.export",
}
_CONSUMERS = (
    "torch.nn.utils.clip_grad_norm_",
    "torch.nn.utils.clip_grad_norm",
    "torch.nn.utils.clip_grad_value_",
    "torch.nn.utils.get_total_norm",
    "torch.nn.utils.clip_grads_with_norm_",
    "torch.nn.utils.parameters_to_vector",
    "torch.nn.utils.convert_parameters.parameters_to_vector",
    "torch.nn.utils.clip_grad.clip_grad_norm_",
    "torch.nn.utils.clip_grad.clip_grad_value_",
    "torch.nn.ParameterList",
    "torch.nn.ModuleList",
    "torch.stack",
    "torch.cat",
)
#: Optimizers of other libraries are told by the last word of their name.
_OPTIMIZER = re.compile(
    r"(?:^|[a-z0-9_])(?:Adam|AdamW|SGD|RMSprop|Adagrad|Lion|Lamb|LAMB|Adafactor|RAdam|NAdam|LARS"
    r"|AdaBelief|Sophia\w*|Optimizer|AdamW8bit|Adam8bit|Ranger|Muon|Prodigy|Adan)$"
)
#: A helper with such a name may bring the optimizer up to date.
_MENDS = re.compile(r"optim|param_group|regist|add_param|rebuild|refresh|reset|prepare|update_opt", re.IGNORECASE)
_RUNS = ("forward", "load_state_dict", "initialize_parameters", "has_uninitialized_params")
_PREPARE = ("prepare", "setup", "prepare_model", "prepare_optimizer", "setup_module", "initialize")
#: Methods of a tensor that an uninitialised parameter refuses (measured on torch 2.13).
_ASKS = (
    IN_PLACE_METHODS
    | NEW_TENSOR_METHODS
    | frozenset(
        ["numel", "nelement", "dim", "ndimension", "stride", "element_size", "mean", "sum", "data_ptr", "tolist", "item", "numpy", "share_memory_", "requires_grad_", "type", "is_contiguous", "storage", "untyped_storage", "register_hook"]
    )
) - frozenset(["copy_", "cpu", "cuda", "to", "half", "float", "double", "bfloat16", "detach_"])


@dataclass
class Arguments:
    """The values given to a call; ``starred`` where some of them are not told apart."""

    given: list[Value] = field(default_factory=list)
    named: dict[str, Value] = field(default_factory=dict)
    starred: bool = False

    @property
    def every(self) -> list[Value]:
        return [*self.given, *self.named.values()]

    def get(self, place: int, *names: str) -> Value:
        if place < len(self.given) and not self.starred:
            return self.given[place]
        for name in names:
            if name in self.named:
                return self.named[name]
        return NOTHING


class Calls(Expressions):
    """The part of a Story that knows what is called."""

    def call(self, node: ast.Call) -> Value:
        func = node.func
        name = self.facts.qualify(func)
        owners: Value = ()
        callee: Value = ()
        if isinstance(func, ast.Attribute) and name is None:
            owners = self.value(func.value)
        elif name is None or (isinstance(func, ast.Name) and func.id in self.s.env):
            callee = self.value(func)
        given = self._arguments(node)
        if name is not None and not callee:
            known = self._known(node, name, given)
            if known is not None:
                return known
        if isinstance(func, ast.Attribute) and name is None:
            known = self._method(node, func, owners, given)
            if known is not None:
                return known
        for one in callee:
            if one.what == "function":
                return self._function(node, one, given)
            if one.what == "module":
                self.run(one)
                return NOTHING
        return self._project(node, owners, given)

    def _arguments(self, node: ast.Call) -> Arguments:
        found = Arguments()
        for arg in node.args:
            if isinstance(arg, ast.Starred):
                value = self.value(arg.value)
                self.consume(value, arg.value, "the unpacking *")
                found.starred = True
                found.given.append(self.element_of(value, arg.value))
                for one in value:
                    found.given += one.items
            else:
                found.given.append(self.value(arg))
        for keyword in node.keywords:
            value = self.value(keyword.value)
            if keyword.arg is None:
                found.starred = True
            else:
                found.named[keyword.arg] = value
        return found

    # -- functions that are known by name ---------------------------------------------------
    def _known(self, node: ast.Call, name: str, given: Arguments) -> Value | None:
        if name.startswith("builtins."):
            return self._builtin(node, name[9:], given)
        if name in _CHAINS:
            return self._derived(node, given, name.rpartition(".")[2])
        if name in ("copy.deepcopy", "copy.copy"):
            return self._copied(node, given.get(0))
        if name.startswith("torch."):
            return self._torch(node, name, given)
        last = name.rpartition(".")[2]
        first = given.get(0, "params")
        if (
            _OPTIMIZER.search(last)
            and self.facts.class_of(node.func) is None
            and any(self._holds_parameters(one) for one in first)
        ):
            return (self._optimizer(node, name, first),)
        if "clip_grad" in last:
            self.consume(given.get(0), node, f"{last}()")
            return NOTHING
        return None

    def _holds_parameters(self, one: Thing) -> bool:
        if one.holds:
            return True
        return any(self._holds_parameters(part) for value in one.items for part in value)

    def _optimizer(self, node: ast.Call, name: str, value: Value) -> Thing:
        last = name.rpartition(".")[2]
        self._consume_deep(value, node, f"the optimizer {last}")
        return self.build(node, name, value)

    def _consume_deep(self, value: Value, node: ast.AST, by: str) -> None:
        """Streams, and those in a list of groups."""
        self.consume(value, node, by)
        for one in value:
            if one.what in ("list", "tuple"):
                for item in [*one.items, one.element]:
                    groups = tuple(part for part in item if part.what == "group")
                    self.consume(groups, node, by)

    def _builtin(self, node: ast.Call, name: str, given: Arguments) -> Value | None:
        first = given.get(0)
        if name in _DISPLAYS:
            made = Thing("dict" if name == "dict" else "list", made=self.moment(node))
            self.consume(first, node, f"{name}()")
            for one in first:
                made.holds += one.holds
                made.items += one.items if one.what in ("list", "tuple") else []
                made.element = union(made.element, self.element_of((one,), node))
                made.complete = made.complete and one.complete and one is not OTHER
            if made.holds:
                self.hold(made)
            return (made,)
        if name in _REDUCERS:
            if len(node.args) == 1:
                self.consume(first, node, f"{name}()", whole=name not in ("any", "all"))
            return NOTHING
        if name in _LAZY_ITERATORS:
            return self._derived(node, given, name)
        if name == "next":
            self.consume(first, node, "next()", whole=False)
            return self.element_of(first, node)
        if name in ("len", "float", "bool"):
            self.operated(first, node, f"{name}()")
            return NOTHING
        if name == "isinstance" and "Uninitialized" in ast.unparse(node):
            self.asked(first)
        if name in _HARMLESS:
            return NOTHING
        if name == "setattr" and len(given.given) == 3:
            for owner in first:
                self.set_attribute(owner, self._text(given.get(1), node.args[1]), given.get(2), node)
            return NOTHING
        if name == "getattr" and len(given.given) >= 2:
            value: Value = ()
            for owner in first:
                key = self._text(given.get(1), node.args[1])
                value = union(value, self.attribute(owner, key, node))
            return value or NOTHING
        if name == "super":
            return NOTHING
        return NOTHING

    def _text(self, value: Value, node: ast.expr) -> str:
        if len(value) == 1 and isinstance(value[0].constant, str):
            return value[0].constant
        return f"[{ast.unparse(node)}]"

    def _derived(self, node: ast.Call, given: Arguments, name: str) -> Value:
        """An iterator over iterators: it takes their items when it is used itself."""
        made = Thing("stream", made=self.moment(node))
        parts = given.given
        filtered = name == "islice"
        if name == "filter":
            parts = given.given[1:]
            filtered = not self._keeps_trained(node)
        elif name == "map":
            function, parts = given.get(0), given.given[1:]
            for one in function:
                if one.what == "function":
                    inner = [self.element_of(part, node) for part in parts]
                    made.element = self._function(node, one, Arguments(inner))
        elements: list[Value] = []
        for part in parts:
            made.sources += tuple(one for one in part if one.what == "stream")
            elements.append(self.element_of(part, node))
            for one in part:
                made.complete = made.complete and one.complete and one is not OTHER
                if name != "map":
                    made.holds += one.holds
        if name == "from_iterable" or (name == "chain" and given.starred):
            for one in [one for element in elements for one in element]:
                made.holds += one.holds
                made.element = union(made.element, self.element_of((one,), node))
        elif name == "zip":
            made.element = (Thing("tuple", items=elements),)
        elif name == "enumerate":
            made.element = (Thing("tuple", items=[NOTHING, *elements]),)
        elif name != "map":
            for element in elements:
                made.element = union(made.element, element)
        if filtered:
            from lint_params.facts.things import Hold

            made.holds = [Hold(held.owner, "part") for held in made.holds]
        if name == "tee":
            self.consume(given.get(0), node, "tee()")
            copies = [Thing("stream", made=made.made, element=made.element) for _ in range(2)]
            for one in copies:
                one.holds = made.holds
            return (Thing("tuple", items=[(one,) for one in copies]),)
        return (made,)

    def _keeps_trained(self, node: ast.Call) -> bool:
        """``filter(lambda p: p.requires_grad, ...)``."""
        first = node.args[0] if node.args else None
        return isinstance(first, ast.Lambda) and self.asks_gradient(first.body)

    def _copied(self, node: ast.Call, value: Value) -> Value:
        copies = []
        for one in value:
            if one.what != "module":
                return NOTHING
            made = Thing("module", one.kind, self.moment(node), fresh=one.fresh)
            made.items, made.frozen = one.items, one.frozen
            if self.has_run(one):
                self.s.ran |= {made}
            copies.append(made)
        return tuple(copies) or NOTHING

    def _torch(self, node: ast.Call, name: str, given: Arguments) -> Value:
        first = given.get(0, "module", "model", "parameters", "params", "tensor")
        if is_optimizer(name):
            value = given.get(0, "params")
            if name.endswith(".Adagrad"):
                self._refused_list(value, node, "Adagrad")
            return (self._optimizer(node, name, value),)
        last = name.rpartition(".")[2]
        if last == "is_lazy":
            self.asked(first)
        if name in _REFUSERS:
            self.refused(first, node, _REFUSERS[name])
        if name in _WRAPPERS:
            return first
        if name in _CONSUMERS or last.startswith("clip_grad"):
            if last == "parameters_to_vector":
                self._refused_list(first, node, "parameters_to_vector")
            self.consume(first, node, f"{last}()")
        elif name == "torch.autograd.grad":
            self.consume(given.get(1, "inputs"), node, "autograd.grad()")
        elif name.startswith("torch.nn.init."):
            self.operated(first, node, f"init.{last}")
        elif name in ("torch.save", "torch.manual_seed", "torch.is_tensor"):
            return NOTHING
        if name in ("torch.nn.Parameter", "torch.nn.UninitializedParameter"):
            made = Thing("parameter", instance_of(name), self.moment(node), fresh=True)
            flag = given.get(1 if name.endswith(".Parameter") else 0, "requires_grad")
            made.frozen = any(one.constant is not True for one in flag if one is not OTHER)
            return (made,)
        kind = self.facts.kind_of(node)
        if kind.what == "module":
            made = Thing("module", kind, self.moment(node), fresh=name.startswith("torch.nn."))
            made.items = [v for v in given.given if any(one.what == "module" for one in v)]
            if last in ("ModuleList", "Sequential", "ModuleDict") and node.args:
                inner = [p for v in given.given for one in v for p in (*one.items, one.element)]
                made.items += [v for v in inner if any(one.what == "module" for one in v)]
            for value in made.items:
                for one in value:
                    if one is not OTHER:
                        one.inside.append(made)
            return (made,)
        if name.startswith(("torch.nn.functional.", "torch.nn.utils.")) or name.count(".") == 1:
            for value in given.every:
                self.operated(value, node, f"{last}()")
        return NOTHING

    def _refused_list(self, value: Value, node: ast.AST, how: str) -> None:
        for one in value:
            for held in one.holds:
                if held.how == "all":
                    self.refused((held.owner,), node, how)

    # -- methods --------------------------------------------------------------------------
    def _method(
        self, node: ast.Call, func: ast.Attribute, owners: Value, given: Arguments
    ) -> Value | None:
        name = func.attr
        if name in ("add_param_group",):
            self.heal()
            for value in given.every:
                self.consume(value, node, "add_param_group()")
            return NOTHING
        if name == "step":
            for one in owners:
                self.use(one, node)
            for value in given.every:  # scaler.step(optimizer)
                for one in value:
                    self.use(one, node)
            return NOTHING
        grows = name in ("append", "add", "insert", "extend", "update")
        if grows and any(one.what in ("list", "dict", "tuple") for one in owners):
            added = given.given[-1] if given.given else NOTHING
            extend = name in ("extend", "update")
            if extend:
                self.consume(added, node, f"{name}()")
            self.grow(owners, added, node, extend)
            return NOTHING
        own = self._own_method(owners, name)
        if own is not None:
            return own if isinstance(own, tuple) else None
        if name in ("parameters", "named_parameters", "modules", "children", "named_modules",
                    "named_children"):  # fmt: skip
            return self._members(node, owners, name)
        if name in ("values", "items") and owners and all(one.what == "dict" for one in owners):
            element = self.element_of(owners, node)
            if name == "items":
                element = (Thing("tuple", items=[NOTHING, element]),)
            return (Thing("list", element=element, holds=owners[0].holds),)
        if name == "clip_grad_norm_" or name.startswith("clip_grad"):
            self.consume(given.get(0, "parameters"), node, f"{name}()")
            return NOTHING
        if name in _PREPARE and len(given.given) > 1 and not given.starred:
            return (Thing("tuple", items=given.given),)
        if name in _PREPARE and len(given.given) == 1 and not given.starred:
            return given.given[0]
        if name in _ASKS:
            self.operated(owners, node, f"{name}()")
        result: Value = ()
        for one in owners:
            found = self._of_thing(node, one, name, given)
            if found is None:
                return None
            result = union(result, found)
        return result or None

    def _own_method(self, owners: Value, name: str) -> Value | bool | None:
        """True where the class of an owner defines the method itself."""
        for one in owners:
            if one.kind.cls is not None and one.kind.cls.method(name) is not None:
                return True
            stored = self.s.fields.get((one, name))
            if stored is not None and any(part.what != "module" for part in stored):
                return True
        return None

    def _members(self, node: ast.Call, owners: Value, name: str) -> Value | None:
        """``m.parameters()`` and its like: a fresh stream each time."""
        made = Thing("stream", made=self.moment(node))
        if not owners or any(not self._may_be_module(one) for one in owners):
            return None
        from lint_params.facts.things import Hold

        for one in owners:
            what = "parameter" if name.endswith("parameters") else "module"
            part = self.anything_in(one, what)
            part.made = made.made
            if name.startswith("named_"):
                part = Thing("tuple", items=[NOTHING, (part,)])
            made.element = union(made.element, (part,))
            if what == "parameter" and one is not OTHER:
                made.holds.append(Hold(one, "all"))
        if OTHER in owners:
            made.complete = False
        return (made,)

    def _may_be_module(self, one: Thing) -> bool:
        if one.what in ("module", "optimizer"):
            return one.what == "module"
        if one.what not in ("unknown", "object") or one.kind.what == "object":
            return False
        return not self.home_defines_parameters()

    def home_defines_parameters(self) -> bool:
        """A class of the file that is no Module has a method of that name (micrograd ...)."""
        return any(
            "parameters" in cls.methods and not cls.is_module for cls in self.facts.classes
        )

    def _of_thing(self, node: ast.Call, one: Thing, name: str, given: Arguments) -> Value | None:
        if one.what == "parameter":
            if name == "materialize":
                self.s.ran |= {one}
                return (one,)
            return (one,) if name in ("requires_grad_", "to", "cuda", "cpu", "float") else NOTHING
        if one.what == "optimizer":
            return NOTHING
        if one.what in ("stream", "list", "tuple", "constant", "function", "group", "dict"):
            return NOTHING
        if name == "requires_grad_":
            flag = given.get(0, "requires_grad")
            if not any(value.constant is True for value in flag) and (node.args or node.keywords):
                self.freeze(one)
            return (one,)
        if name == "share_memory":
            self.refused((one,), node, "share_memory()")
            return (one,)
        if name in _RUNS:
            self.run(one)
            return NOTHING
        if name == "apply" and one.what == "module":
            self._apply(node, one, given)
            return (one,)
        if name in ("add_module", "register_module", "register_parameter") and node.args:
            self.set_attribute(one, self._text(given.get(0), node.args[0]), given.get(1), node)
            return NOTHING
        if name in ("append", "insert", "extend") and one.what in ("module", "unknown"):
            if one.what == "unknown" and not self._covered(one):
                return NOTHING
            self.put(one, f"[{name}]", given.given[-1] if given.given else NOTHING, node)
            return NOTHING
        if name in MODULE_RETURNS_SELF or name in ("to", "cuda", "cpu", "train", "eval"):
            return (one,)
        if one.what == "module" and one.kind.cls is None and one.kind.layer:
            return NOTHING
        child = one.children.get(name)
        stored = self.s.fields.get((one, name), (child,) if child is not None else ())
        for part in stored:
            if part.what == "function":
                return self._function(node, part, given)
        self.run_part(one, name)
        return None

    def _covered(self, one: Thing) -> bool:
        return any(
            one.lies_in(held.owner) for holder in self.s.holders for held in holder.holds
        )

    def asked(self, value: Value) -> None:
        """The code asks whether a parameter is lazy: it knows what it does."""
        for one in value:
            owner = one.lazy_of or one.parent or one
            self.s.ran |= {owner}

    def run(self, one: Thing) -> None:
        """A module's forward runs: its lazy layers are made."""
        self.s.ran |= {one}
        self.s.called |= {one}

    def run_part(self, one: Thing, name: str) -> None:
        """``self.net(x)``, ``model.encode(x)``: that part, or all that the method may run."""
        part = one.children.get(name)
        stored = self.s.fields.get((one, name), ())
        self.run(part if part is not None else one)
        for each in stored:
            self.run(each)

    def _apply(self, node: ast.Call, one: Thing, given: Arguments) -> None:
        part = self.anything_in(one, "module")
        part.made = self.moment(node)
        for function in given.get(0, "fn"):
            if function.what == "function":
                self._function(node, function, Arguments([(part,)]))
        target = node.args[0] if node.args else None
        found = self.facts.function_of(_as_call(target)) if target is not None else None
        if found is not None and not any(f.what == "function" for f in given.get(0, "fn")):
            facts, scope = found
            bound = [] if scope.self_name is None else [NOTHING]
            env = self.bind_arguments(facts, scope.node, [*bound, (part,)], {})  # type: ignore[arg-type]
            self.enter(facts, scope, env, node)

    # -- the project's functions -------------------------------------------------------------
    def _function(self, node: ast.Call, one: Thing, given: Arguments) -> Value:
        assert one.function is not None
        facts, scope = one.function
        if isinstance(scope, ast.Lambda):
            env = self.bind_arguments(facts, scope, given.given, given.named)
            kept = self.s.env
            self.s.env = {**(one.env or {}), **kept, **env}
            try:
                return self.value(scope.body)
            finally:
                self.s.env = kept
        env = self.bind_arguments(facts, scope.node, given.given, given.named)  # type: ignore[arg-type]
        return self._enter(node, facts, scope, env, {**(one.env or {}), **self.s.env})

    def _project(self, node: ast.Call, owners: Value, given: Arguments) -> Value:
        made = self._constructed(node, given)
        if made is not None:
            return made
        found = self._callee(node, owners)
        if found is not None and not given.starred:
            facts, scope, bound = found
            values = [*([bound] if bound is not None else []), *given.given]
            env = self.bind_arguments(facts, scope.node, values, given.named)  # type: ignore[arg-type]
            return self._enter(node, facts, scope, env, None)
        return self._outside(node, owners, given)

    def _enter(self, node, facts, scope, env, outer) -> Value:  # type: ignore[no-untyped-def]
        if isinstance(scope.node, ast.AsyncFunctionDef):
            return NOTHING
        if scope.nodes(ast.Yield, ast.YieldFrom):
            if scope.has_decorator("contextmanager"):
                return NOTHING
            made = Thing("stream", made=self.moment(node), complete=False)
            return (made,)
        if scope.has_decorator("property", "cached_property"):
            return NOTHING
        value: Value = self.enter(facts, scope, env, node, outer)
        return value

    def _callee(self, node: ast.Call, owners: Value) -> tuple[FileFacts, Scope, Value | None] | None:
        func = node.func
        bound: Value | None = None
        if isinstance(func, ast.Attribute) and owners:
            if len(owners) == 1 and owners[0].kind.cls is not None:
                method = owners[0].kind.cls.method(func.attr)
                if method is None:
                    return None
                cls, scope = method
                if func.attr in ("forward", "__call__"):
                    return None
                bound = (owners[0],) if scope.self_name is not None else None
                return cls.facts, scope, bound
            return None
        found = self.facts.function_of(node)
        if found is None:
            return None
        if found[1].self_name is not None:
            # super().method(): the same object
            instance = self.facts.scope_of(node).instance_name
            bound = self.s.env.get(instance or "", NOTHING)
        return found[0], found[1], bound

    def _constructed(self, node: ast.Call, given: Arguments) -> Value | None:
        kind = self.facts.kind_of(node.func)
        if kind.what != "class":
            callee = self.value(node.func) if isinstance(node.func, ast.Name) else ()
            kind = callee[0].kind if len(callee) == 1 and callee[0].what == "class" else kind
        cls = kind.cls
        if kind.what == "class" and cls is None and kind.torch:
            return self._torch(node, kind.torch, given)
        if kind.what != "class" or cls is None:
            return None
        if cls.is_module:
            made = Thing("module", Kind("module", node, self.facts, cls=cls), self.moment(node))
            made.fresh = True
            for value in given.every:
                for one in value:
                    if one.what == "module":
                        one.inside.append(made)
                        self.s.ran |= {one} if self._runs(made) else frozenset()
            return (made,)
        made = Thing("object", Kind("object", node, self.facts, cls=cls), self.moment(node))
        made.fresh = True
        found = cls.method("__init__")
        if found is not None and not given.starred:
            home, scope = found
            values = [(made,), *given.given]
            env = self.bind_arguments(home.facts, scope.node, values, given.named)  # type: ignore[arg-type]
            self.enter(home.facts, scope, env, node)
        else:
            self._outside(node, (), given)
        return (made,)

    def _runs(self, made: Thing) -> bool:
        from lint_params.facts.lazy import runs_itself

        return made.kind.cls is not None and runs_itself(made.kind.cls)

    def _outside(self, node: ast.Call, owners: Value, given: Arguments) -> Value:
        """Code that the story cannot read may run modules and mend optimizers."""
        func = node.func
        name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
        seen = [one for value in given.every for one in value if one is not OTHER]
        optimizers = [one for one in seen if one.what == "optimizer"]
        if _MENDS.search(name) and seen:
            for one in optimizers or [None]:  # type: ignore[list-item]
                self.heal(one)
        for one in seen:
            if one.what in ("module", "object", "unknown"):
                self.s.ran |= {one}
                self.s.called |= {one}
        for one in optimizers:
            self.use(one, node)
        for one in owners:
            if one.what in ("module", "object") and one is not OTHER:
                self.s.ran |= {one}
        if any(one.constant is MISSING for one in seen) or owners:
            return (Thing("unknown", made=self.moment(node)),)
        return (Thing("unknown", self.facts.kind_of(node), self.moment(node)),)


def _as_call(target: ast.expr) -> ast.Call:
    call = ast.Call(func=target, args=[], keywords=[])
    return ast.copy_location(call, target)
