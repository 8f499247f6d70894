"""What calls do in the story of a script: which function runs, and what is not read."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from lint_params.facts.parameters.lazy import runs_itself
from lint_params.facts.story.known import Arguments
from lint_params.facts.story.methods import Methods
from lint_params.facts.story.things import MISSING, NOTHING, OTHER, Thing, Value
from lint_params.facts.value.decorators import leaves_result
from lint_params.facts.value.kinds import Kind

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts
    from lint_params.facts.scope import Scope

#: A helper with such a name may bring the optimizer up to date.
_MENDS = re.compile(
    r"optim|param_group|regist|add_param|rebuild|refresh|reset|prepare", re.IGNORECASE
)


class Calls(Methods):
    """The part of a Story that finds out what is called."""

    def call(self, node: ast.Call) -> Value:
        func = node.func
        self.copies.called(self, node)
        name = self.facts.qualify(func)
        owners: Value = ()
        callee: Value = ()
        if isinstance(func, ast.Attribute) and name is None:
            owners = self.value(func.value)
        elif name is None or (isinstance(func, ast.Name) and func.id in self.s.env):
            callee = self.value(func)
        given = self._arguments(node)
        if name is not None and not callee:
            known = self.known_call(node, name, given)
            if known is not None:
                return known
        if isinstance(func, ast.Attribute) and name is None:
            known = self.method_call(node, func, owners, given)
            if known is not None:
                return known
        for one in callee:
            if one.what == "function":
                return self.function(node, one, given)
            if one.what == "module":
                self.run(one)
                return NOTHING
            if one.what == "unknown" and one is not OTHER:
                self.run(one)
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

    # -- the project's functions -------------------------------------------------------------
    def function(self, node: ast.Call, one: Thing, given: Arguments) -> Value:
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
        return value if all(leaves_result(facts, one) for one in scope.decorators) else NOTHING

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
                        self.s.ran |= {one} if runs_itself(cls) else frozenset()
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

    def _outside(self, node: ast.Call, owners: Value, given: Arguments) -> Value:
        """Code that the story cannot read may run modules and mend optimizers."""
        func = node.func
        name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
        seen = [one for value in given.every for one in value if one is not OTHER]
        optimizers = [one for one in seen if one.what == "optimizer"]
        for one in seen:  # a group, or a new Parameter together with the optimizer, may be put in
            self.regrouped(one)
            if one.what == "parameter":
                for holder in optimizers:
                    self.mend(holder)
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
