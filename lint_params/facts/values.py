"""What values are: kinds, local data flow, and what they were made from."""

from __future__ import annotations

import ast
from functools import cached_property

from lint_params.facts.flow import SUPER, Definition, Env, Flow, bind, narrow
from lint_params.facts.held.owners import kind_owns
from lint_params.facts.naming import Naming
from lint_params.facts.scope import Scope
from lint_params.facts.torch_names import MODULE_ATTRIBUTES
from lint_params.facts.value.calls import made
from lint_params.facts.value.contents import Item, items_of
from lint_params.facts.value.creation import Creation, creation_of, first_of, on_default_device
from lint_params.facts.value.derive import Transformed, transformed
from lint_params.facts.value.infer import infer, torch_member
from lint_params.facts.value.kinds import UNKNOWN, Kind
from lint_params.facts.value.meta import made_on_meta
from lint_params.facts.value.words import Word, words
from lint_params.names import dotted
from lint_params.trees import last_name

_DEPTH = 40


class Values(Naming):
    """The part of FileFacts that follows values."""

    _depth = 0

    @cached_property
    def _kinds(self) -> dict[ast.AST, Kind]:
        return {}

    @cached_property
    def defined(self) -> dict[Definition, Kind]:
        """The kinds of definitions that have been asked for (kept by ``infer``)."""
        return {}

    @cached_property
    def _flows(self) -> dict[Scope, Flow]:
        return {}

    # -- values ------------------------------------------------------------------------
    def kind_of(self, expr: ast.expr) -> Kind:
        """What an expression of this file is; unknown where the source does not say."""
        kind = self._kinds.get(expr)
        if kind is None:
            if self._depth > _DEPTH:
                return UNKNOWN
            self._kinds[expr] = UNKNOWN  # while it is being worked out
            self._depth += 1
            try:
                kind = infer(self._all, expr)
            finally:
                self._depth -= 1
            self._kinds[expr] = kind
        return kind

    def flow(self, scope: Scope) -> Flow:
        found = self._flows.get(scope)
        if found is None:
            found = self._flows[scope] = Flow(scope)
        return found

    def env(self, node: ast.AST) -> Env | None:
        """What every local name can be when the statement around the node begins."""
        scope = self.scope_of(node)
        return None if scope.is_class else self.flow(scope).at(self.statement(node))

    def definitions(self, name: ast.Name) -> tuple[Definition, ...] | None:
        """The definitions of a local name that can reach this use; None: it is not local.

        () where nothing is known. Names of comprehensions and lambdas are followed too.
        """
        inner = self._inner_definition(name)
        if inner is not None:
            return inner
        scope = self._binder(name, name.id)
        if scope is None:
            module = self.index.module
            if self.scope_of(name) is module and name.id in module.bound:
                env = self.env(name)
                return env.get(name.id, ()) if env is not None else ()
            return None
        if scope is not self.scope_of(name):
            # Seen from a nested function: every definition counts.
            flow = self.flow(scope) if not scope.is_class else None
            bound = scope.bound[name.id]
            if flow is None or flow.end is None or len(bound) > 1:
                return ()
            return flow.end.get(name.id, ())
        env = self.env(name)
        return env.get(name.id, ()) if env is not None else ()

    def dotted_definitions(self, node: ast.Attribute) -> tuple[Definition, ...]:
        """Definitions of ``self.x`` or ``a.b`` made earlier in the same function, if surely."""
        text = dotted(node)
        if text is None or isinstance(node.ctx, ast.Store):
            return ()
        env = self.env(node)
        return env.get(text, ()) if env is not None else ()

    def _inner_definition(self, name: ast.Name) -> tuple[Definition, ...] | None:
        below: ast.AST = name
        for parent in self.index.ancestors(name):
            if isinstance(parent, ast.Lambda):
                args = parent.args
                every = [*args.posonlyargs, *args.args, *args.kwonlyargs]
                if any(one.arg == name.id for one in every):
                    return ()
            elif isinstance(
                parent, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
            ):
                for generator in reversed(parent.generators):
                    if generator is below:
                        continue
                    env: Env = {}
                    bind(env, generator.target, generator.iter, generator, "for")
                    if name.id in env:
                        for test in generator.ifs:
                            env = narrow(test, env, generator, True)
                        return env[name.id]
            elif isinstance(parent, ast.stmt):
                return None
            below = parent
        return None

    def target_of(self, value: ast.expr) -> str:
        """What a value is assigned to: ``x``, ``.x`` for an attribute x, else ""."""
        parent = self.parent(value)
        targets = parent.targets if isinstance(parent, ast.Assign) else []
        if isinstance(parent, ast.AnnAssign):
            targets = [parent.target]
        for target in targets:
            if isinstance(target, ast.Name):
                return target.id
            if isinstance(target, ast.Attribute):
                return f".{target.attr}"
        return ""

    def reach(self, expr: ast.expr, passed: frozenset[ast.expr] = frozenset()) -> list[ast.expr] | None:
        """The expressions whose value ``expr`` can have, local names followed.

        ``[expr]`` for anything but a name or a cast of one; None where some path is not known. ``passed``: the
        names on the way there, which a loop may come back to and learn nothing.
        """
        if not isinstance(expr, ast.Name):
            inside = self.uncast(expr)
            return [expr] if inside is expr else self.reach(inside, passed)
        if expr in passed:
            return []
        found = self.definitions(expr)
        if found is None:
            value = self.module_value(expr.id)
            return [value] if value is not None else None
        values: list[ast.expr] = []
        for one in found:
            if one.how != "assign" or one.path or one.value is None or one.value is expr:
                return None
            inner = self.reach(one.value, passed | {expr})
            if inner is None:
                return None
            values += inner
        return values if passed else values or None

    def uncast(self, expr: ast.expr) -> ast.expr:
        """``x`` of ``typing.cast(Tensor, x)``, else the expression itself."""
        if isinstance(expr, ast.Call) and len(expr.args) == 2 and last_name(expr.func) == "cast":
            if self.qualify(expr.func) == "typing.cast":
                return expr.args[1]
        return expr

    def creation(self, expr: ast.expr) -> Creation | None:
        """How the tensor was made: function, sizes, dtype, written or not; None: not known."""
        return creation_of(self._all, expr)

    def made_on_default_device(self, kind: Kind) -> bool:
        """Whether a tensor comes from a creation function that was given no device."""
        return on_default_device(kind)

    def root(self, kind: Kind) -> Kind:
        """The tensor that another was computed from, at the end; of several the first."""
        while kind.origin is not None:
            kind = first_of(kind.origin)
        return kind

    def made_on_meta(self, call: ast.Call) -> bool:
        """Whether a layer is made without memory, on the meta device."""
        return made_on_meta(self._all, call)

    def owns_parameters(self, module: ast.expr | Kind) -> bool | None:
        """Whether a module, or what an expression gives, has trainable parameters; None: not known."""
        return kind_owns(self.kind_of(module) if isinstance(module, ast.expr) else module)

    def transformed(self, expr: ast.expr) -> Transformed | None:
        """The fresh ``nn.Parameter(...)`` of which ``expr`` makes a plain tensor, if it does."""
        return transformed(self._all, expr)

    def items_of(self, expr: ast.expr) -> list[Item]:
        """What a list, tuple, dict or set holds, with what is added to a local name later."""
        return items_of(self._all, expr)

    def words(self, expr: ast.expr | None) -> list[Word] | None:
        """All strings or whole numbers that an expression can be; None: not all are shown."""
        return words(self._all, expr)

    def made(self, expr: ast.expr) -> Kind:
        """What an expression makes, also where it calls an argument that is left at its default."""
        return made(self._all, expr)

    def before_super(self, node: ast.AST) -> bool:
        """Whether a node of ``__init__`` surely runs before the parent's ``__init__``."""
        env = self.env(node)
        return env is not None and all(one.how == "start" for one in env.get(SUPER, ()))

    @staticmethod
    def is_parameter_of(owner: Kind, name: str) -> bool:
        """Whether ``name`` is a registered Parameter name of this torch layer."""
        return torch_member(owner, name).is_parameter

    @staticmethod
    def is_module_attribute(name: str) -> bool:
        """Whether every nn.Module has an attribute of this name."""
        return name in MODULE_ATTRIBUTES
