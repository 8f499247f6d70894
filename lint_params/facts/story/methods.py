"""What methods do in the story of a script: of modules, parameters, optimizers, containers."""

from __future__ import annotations

import ast

from lint_params.facts.story.known import Arguments, KnownCalls
from lint_params.facts.story.things import NOTHING, OTHER, Hold, Thing, Value, union
from lint_params.facts.torch_names import (
    IN_PLACE_METHODS,
    MODULE_RETURNS_SELF,
    NEW_TENSOR_METHODS,
)

_RUNS = ("forward", "load_state_dict", "initialize_parameters", "has_uninitialized_params")
_PREPARE = ("prepare", "setup", "prepare_model", "prepare_optimizer", "setup_module", "initialize")
#: Methods of a tensor that an uninitialised parameter refuses (measured on torch 2.13).
_ASKS = (
    IN_PLACE_METHODS
    | NEW_TENSOR_METHODS
    | frozenset(
        """
            numel nelement dim ndimension stride element_size mean sum data_ptr tolist item
            numpy share_memory_ requires_grad_ type is_contiguous storage untyped_storage
            register_hook
        """.split()
    )
) - frozenset(["copy_", "cpu", "cuda", "to", "half", "float", "double", "bfloat16", "detach_"])
_LISTS = ("parameters", "modules", "children")


def _is_past_one(node: ast.Call) -> bool:
    """``size(1)``: what has no shape yet says that it has one dimension, of size 0."""
    given = node.args[0] if node.args else None
    place = -1 if isinstance(given, ast.UnaryOp) and isinstance(given.op, ast.USub) else 1
    given = given.operand if isinstance(given, ast.UnaryOp) else given
    value = given.value if isinstance(given, ast.Constant) else None
    return isinstance(value, int) and value * place not in (0, -1)


class Methods(KnownCalls):
    """The part of a Story that knows what methods do."""

    def method_call(
        self, node: ast.Call, func: ast.Attribute, owners: Value, given: Arguments
    ) -> Value | None:
        name = func.attr
        if name in ("add_param_group",):
            self.heal()
            for value in given.every:
                self.add_group(owners, value)
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
        if grows:
            for one in owners:
                for key in [[f"[{word.arg!r}]"] for word in node.keywords if word.arg] or [[]]:
                    self.regrouped(one, *key)
        own = self._own_method(owners, name)
        if own is not None:
            return own if isinstance(own, tuple) else None
        if name.removeprefix("named_") in _LISTS:
            return self._members(node, owners, name)
        if name in ("values", "items") and owners and all(one.what == "dict" for one in owners):
            element = self.parts_of(owners, node)
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
        if name in _ASKS or name == "size" and _is_past_one(node):
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
        if name.endswith("children") and (node.args or node.keywords):
            return None  # a Module's takes nothing: these are a process's, or a tree's
        for one in owners:
            what = "parameter" if name.endswith("parameters") else "module"
            part = self.anything_in(one, what)
            part.made = made.made
            if name.startswith("named_"):
                part = Thing("tuple", items=[NOTHING, (part,)])
            made.element = union(made.element, (part,))
            if what == "parameter" and one is not OTHER:
                made.holds.append(Hold(one, "all", whole=not (node.args or node.keywords)))
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
            if name == "requires_grad_" and not (node.args or node.keywords):
                self.unfreeze(one, node)
            elif name == "requires_grad_":
                flag = given.get(0, "requires_grad")
                self.set_attribute(one, "requires_grad", flag, node)
            return (one,) if name in ("requires_grad_", "to", "cuda", "cpu", "float") else NOTHING
        if one.what == "optimizer":
            return NOTHING
        if one.what in ("stream", "list", "tuple", "constant", "function", "group", "dict"):
            return NOTHING
        if name == "requires_grad_":
            flag = given.get(0, "requires_grad")
            given_one = bool(node.args or node.keywords)
            if given_one and not any(value.constant is True for value in flag):
                self.freeze(one, node, surely=all(value.constant is False for value in flag))
            else:
                self.unfreeze(one, node)
            return (one,)
        if name == "share_memory":
            self.refused((one,), node, "share_memory()")
            return (one,)
        if name == "state_dict":
            part = self.anything_in(one, "parameter")
            part.made = self.moment(node)
            return (Thing("dict", element=(part,)),)
        if name in _RUNS:
            self.run(one)
            return NOTHING
        if name in ("pop", "insert"):
            self.not_lazy(one)
        if name == "apply" and one.what == "module":
            self._apply(node, one, given)
            return (one,)
        if name in ("add_module", "register_module", "register_parameter") and node.args:
            self.set_attribute(one, self.text_of(given.get(0), node.args[0]), given.get(1), node)
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
                return self.function(node, part, given)
        self.run_part(one, name)
        return None

    def _covered(self, one: Thing) -> bool:
        return any(
            one.lies_in(held.owner) for holder in self.s.holders for held in holder.holds
        )

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
                self.function(node, function, Arguments([(part,)]))
        target = node.args[0] if node.args else None
        found = self.facts.function_of(_as_call(target)) if target is not None else None
        if found is not None and not any(f.what == "function" for f in given.get(0, "fn")):
            facts, scope = found
            bound = [] if scope.self_name is None else [NOTHING]
            env = self.bind_arguments(facts, scope.node, [*bound, (part,)], {})  # type: ignore[arg-type]
            self.enter(facts, scope, env, node)


def _as_call(target: ast.expr) -> ast.Call:
    call = ast.Call(func=target, args=[], keywords=[])
    return ast.copy_location(call, target)
