"""What calls that are known by name do in the story of a script: Python's own functions,
torch's, and the optimizers of other libraries."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

from lint_params.facts.story.expr import Expressions
from lint_params.facts.story.things import NOTHING, OTHER, Hold, Thing, Value, union
from lint_params.facts.value.infer import instance_of, is_optimizer

_DISPLAYS = ("list", "tuple", "set", "sorted", "frozenset", "dict")
_REDUCERS = ("sum", "any", "all", "max", "min")
_LAZY_ITERATORS = ("iter", "filter", "map", "zip", "enumerate", "reversed")
_HARMLESS = ("isinstance", "type", "id", "hasattr", "repr", "print", "str", "callable", "hash")
_CHAINS = ("itertools.chain", "itertools.chain.from_iterable", "itertools.islice", "itertools.tee")
_WRAPPERS = (
    "torch.nn.DataParallel",
    "torch.nn.parallel.DistributedDataParallel",
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
#: Functions that look at the weights of the layer that they are given.
_SHAPED = re.compile(
    r"torch\.nn\.utils\.(weight_norm|spectral_norm|parametrizations\.|prune\.(l1|random|ln)_)"
)
#: Layers made around given weights, which do not train unless somebody says so.
_OF_WEIGHTS = ("torch.nn.Embedding.from_pretrained", "torch.nn.EmbeddingBag.from_pretrained")
_CONSUMERS = (
    "torch.nn.utils.clip_grad_norm_",
    "torch.nn.utils.clip_grad_norm",
    "torch.nn.utils.clip_grad_value_",
    "torch.nn.utils.get_total_norm",
    "torch.nn.utils.clip_grads_with_norm_",
    "torch.nn.utils.parameters_to_vector",
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


class KnownCalls(Expressions):
    """The part of a Story that knows Python's and torch's functions."""

    def function(self, node: ast.Call, one: Thing, given: Arguments) -> Value:
        """Run a function of the project that a name holds."""
        raise NotImplementedError

    def asked(self, value: Value) -> None:
        """The code asks whether a parameter is lazy: it knows what it does."""
        for one in value:
            owner = one.lazy_of or one.parent or one
            self.s.ran |= {owner}

    def known_call(self, node: ast.Call, name: str, given: Arguments) -> Value | None:
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
                    self.consume(groups, node, by, choice=len(value) > 1)

    def _builtin(self, node: ast.Call, name: str, given: Arguments) -> Value | None:
        first = given.get(0)
        if name in _DISPLAYS:
            made = Thing("dict" if name == "dict" else "list", made=self.moment(node))
            self.consume(first, node, f"{name}()")
            for one in first:
                made.holds += one.holds
                made.items += one.items if one.what in ("list", "tuple") else []
                inner = self._values_of(one, node) if name == "dict" else self.element_of((one,), node)
                made.element = union(made.element, inner)
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
                self.set_attribute(owner, self.text_of(given.get(1), node.args[1]), given.get(2), node)
            return NOTHING
        if name == "getattr" and len(given.given) >= 2:
            value: Value = ()
            for owner in first:
                key = self.text_of(given.get(1), node.args[1])
                value = union(value, self.attribute(owner, key, node))
            return value or NOTHING
        if name == "super":
            return NOTHING
        return NOTHING

    def _values_of(self, one: Thing, node: ast.AST) -> Value:
        """What ``dict(one)`` has under its keys: the second of each pair."""
        parts = self.parts_of((one,), node)
        return parts if one.what == "dict" else self.item(parts, 1)

    def text_of(self, value: Value, node: ast.expr) -> str:
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
                    made.element = self.function(node, one, Arguments(inner))
        elements: list[Value] = []
        for place, part in enumerate(parts):
            if name != "zip" or part not in parts[:place] or not all(map(_is_turned_by_hand, part)):
                made.sources += (tuple(one for one in part if one.what == "stream"),)
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
            made.holds = [Hold(held.owner, "part") for held in made.holds]
        elif name == "filter":
            made.holds = [Hold(held.owner, held.how, True) for held in made.holds]
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
            if one.what != "module" and not (one.what == "unknown" and one is not OTHER):
                return NOTHING
            made = Thing(one.what, one.kind, self.moment(node), fresh=one.fresh)
            made.items, made.frozen = one.items, one.frozen
            made.copied = one
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
        if _SHAPED.match(name):
            self.refused(first, node, last)
        if last == "weight_norm" and len(node.args) == 1 and len(first) == 1:  # two new ones in its place
            made = Thing("parameter", instance_of("torch.nn.Parameter"), self.moment(node), fresh=True)
            self.put(first[0], "weight", (made,), node)
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
        if name in _OF_WEIGHTS:
            made = Thing("module", instance_of(name.rpartition(".")[0]), self.moment(node), fresh=True)
            flag = given.get(1, "freeze")
            made.frozen = len(flag) != 1 or flag[0].constant is not False
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


def _is_turned_by_hand(one: Thing) -> bool:
    """``it = iter(xs)``: that ``zip(it, it)`` takes its items by twos is known to who wrote it."""
    node = one.made.node if one.made is not None else None
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") == "iter"
