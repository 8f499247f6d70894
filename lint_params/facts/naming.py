"""Where things stand and what names mean: scopes, classes, qualified names."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar, cast

from lint_params.facts import conditions as _conditions
from lint_params.facts.asked import asked_class_name, asked_type
from lint_params.facts.classes import ClassFacts
from lint_params.facts.conditions import Condition
from lint_params.facts.scope import Index, Scope
from lint_params.facts.source_view import SourceView
from lint_params.facts.torch_names import LAYERS
from lint_params.names import canonical, dotted, imported
from lint_params.trees import targets

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts

N = TypeVar("N", bound=ast.AST)
_BUILTINS = frozenset(dir(builtins))


class Naming(SourceView):
    """The part of FileFacts that resolves names."""

    index: Index

    @property
    def _all(self) -> FileFacts:
        return cast("FileFacts", self)

    @cached_property
    def _qualified(self) -> dict[str, str | None]:
        return {}

    @cached_property
    def _origins(self) -> dict[str, str]:
        return {}

    @cached_property
    def _classes(self) -> dict[str, ClassFacts | None]:
        return {}

    @cached_property
    def _class_nodes(self) -> dict[ast.AST, ClassFacts]:
        return {}

    # -- scopes and nodes --------------------------------------------------------------
    @cached_property
    def scopes(self) -> list[Scope]:
        """The module, every class body and every function."""
        return list(self.index.module.within())

    @property
    def functions(self) -> list[Scope]:
        """Every scope whose statements run: functions, methods and the module's own body."""
        return [scope for scope in self.scopes if not scope.is_class]

    def nodes(self, *types: type[N]) -> Iterator[N]:
        """All nodes of these types in the whole file, scope by scope."""
        for scope in self.scopes:
            yield from scope.nodes(*types)

    def scope_of(self, node: ast.AST) -> Scope:
        return self.index.scope_of(node)

    def statement(self, node: ast.AST) -> ast.stmt | None:
        return self.index.statement(node)

    def parent(self, node: ast.AST) -> ast.AST | None:
        return self.index.parents.get(node)

    @staticmethod
    def targets(statement: ast.AST | None) -> list[ast.expr]:
        """What an assignment, annotated or not, gives its value to; [] for anything else."""
        return targets(statement)

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Parents up to and including the function, class or module around the node."""
        return self.index.ancestors(node)

    def conditions(self, node: ast.AST) -> list[Condition]:
        """The ifs, loops, withs and tries between a node and its function, innermost first."""
        return _conditions.conditions(self._all, node)

    def asks_class(self, test: ast.expr) -> bool:
        """Whether a test asks of what class something is: ``isinstance``, ``type``, or by its name."""
        return asked_type(test)[0] is not None or asked_class_name(test, self._all.env(test) or {}) is not None

    def no_grad(self, node: ast.AST) -> bool:
        """Whether the node surely runs under ``torch.no_grad`` or ``inference_mode``."""
        return _conditions.no_grad(self._all, node)

    def scope_with_argument(self, node: ast.arg) -> Scope | None:
        return self._argument_scopes.get(node)

    @cached_property
    def _argument_scopes(self) -> dict[ast.arg, Scope]:
        return {arg: scope for scope in self.scopes for arg in scope.arguments}

    # -- classes -----------------------------------------------------------------------
    @cached_property
    def classes(self) -> list[ClassFacts]:
        """All classes of the file, nested ones too."""
        return [self._class(scope) for scope in self.scopes if scope.is_class]

    @cached_property
    def module_classes(self) -> list[ClassFacts]:
        """The classes that surely are nn.Modules; none in a template for other files."""
        return [] if self.is_template else [cls for cls in self.classes if cls.is_module]

    def _class(self, scope: Scope) -> ClassFacts:
        found = self._class_nodes.get(scope.node)
        if found is None:
            found = self._class_nodes[scope.node] = ClassFacts(self._all, scope)
        return found

    def class_at(self, node: ast.AST) -> ClassFacts | None:
        """The class that a ``class`` statement defines (of another file: a top-level one)."""
        self.index.module.children  # noqa: B018 - the walk registers the scopes
        scope = self.index.scopes.get(node)
        return self._class(scope) if scope is not None and scope.is_class else None

    def class_around(self, node: ast.AST) -> ClassFacts | None:
        """The class in whose method or body the node stands."""
        scope: Scope | None = self.scope_of(node)
        while scope is not None:
            if scope.is_class:
                return self._class(scope)
            scope = scope.parent
        return None

    def class_of(self, expr: ast.expr) -> ClassFacts | None:
        """The class of the project that an expression names, here or in another file."""
        text = dotted(expr)
        if text is None:
            return None
        head = text.partition(".")[0]
        scope = self._binder(expr, head)
        if scope is not None:
            bound = scope.bound.get(head, [])
            if len(bound) == 1 and text == head and isinstance(bound[0], ast.ClassDef):
                return self.class_at(bound[0])
            if not all(isinstance(one, (ast.Import, ast.ImportFrom)) for one in bound):
                alias = self._alias(scope, head)
                return self.class_of(alias) if alias is not None and text == head else None
        qualified = self.qualify(expr)
        if qualified is None:
            return None
        return self._class_named(qualified)

    def _class_named(self, qualified: str) -> ClassFacts | None:
        if qualified.startswith(("torch.", "builtins.", "numpy.", "typing.")):
            return None
        if qualified not in self._classes:
            found = self.project.resolve(qualified, self.source)
            cls = None
            if found is not None:
                other = self._all.other(found[0])
                if isinstance(found[1], ast.ClassDef):
                    cls = other.class_at(found[1])
                elif isinstance(found[1], (ast.Name, ast.Attribute)) and other is not self._all:
                    cls = other.class_of(found[1])
            self._classes[qualified] = cls
        return self._classes[qualified]

    # -- names -------------------------------------------------------------------------
    def qualify(self, expr: ast.expr) -> str | None:
        """The canonical qualified name of an expression, as seen from where it stands.

        Local imports and aliases are followed, shadowed names are None. Builtins come back
        as ``builtins.len``, the file's own names as ``<module>.<name>``.
        """
        text = dotted(expr)
        if text is None:
            return None
        return self._qualified_from(text, self._binder(expr, text.partition(".")[0]))

    def qualify_in(self, expr: ast.expr, scope: Scope) -> str | None:
        """``qualify`` of an expression that is known to stand in ``scope``."""
        text = dotted(expr)
        if text is None:
            return None
        return self._qualified_from(text, scope.binder(text.partition(".")[0]))

    def _qualified_from(self, text: str, scope: Scope | None) -> str | None:
        if scope is None:
            return self._qualify_global(text)
        head, _, rest = text.partition(".")
        bound = scope.bound[head]
        base: str | None = None
        if all(isinstance(one, (ast.Import, ast.ImportFrom)) for one in bound):
            targets = {
                target
                for one in bound
                for name, target in imported(one, self._package)  # type: ignore[arg-type]
                if name == head
            }
            base = targets.pop() if len(targets) == 1 else None
        elif not rest or len(bound) == 1:
            alias = self._alias(scope, head)
            base = self.qualify(alias) if alias is not None else None
        if base is None:
            return None
        return self._outside(canonical(f"{base}.{rest}" if rest else base))

    @cached_property
    def _package(self) -> str:
        source = self.source
        return source.module if source.is_package else source.module.rpartition(".")[0]

    def _alias(self, scope: Scope, name: str) -> ast.expr | None:
        """``Linear = nn.Linear`` as the only binding of a local name."""
        bound = scope.bound.get(name, [])
        if len(bound) != 1 or not isinstance(bound[0], ast.Name):
            return None
        statement = self.index.parents.get(bound[0])
        if isinstance(statement, ast.Assign) and isinstance(
            statement.value, (ast.Name, ast.Attribute)
        ):
            head = dotted(statement.value)
            if head is not None and head.partition(".")[0] != name:
                return statement.value
        return None

    def _binder(self, expr: ast.expr, head: str) -> Scope | None:
        """The function or class scope that binds a name where ``expr`` stands; else None."""
        node: ast.AST = expr
        while not isinstance(node, ast.Name):
            node = node.value  # type: ignore[attr-defined]
        return self.scope_of(node).binder(head)

    def _qualify_global(self, text: str) -> str | None:
        if text in self._qualified:
            return self._qualified[text]
        head = text.partition(".")[0]
        bound = self.names.bindings.get(head)
        found = self.names.qualify(text)
        if isinstance(bound, ast.expr) and head != text and dotted(bound) is None:
            found = None  # an attribute of a value: layer.weight of ``layer = nn.Linear(...)``
        elif found is None and bound is None:
            found = self._starred(text, head)
        elif found is not None:
            found = self._outside(found)
        self._qualified[text] = found
        return found

    def _starred(self, text: str, head: str) -> str | None:
        if head in _BUILTINS:  # before looking through what may be a whole library
            return f"builtins.{text}"
        for star in self.names.stars:
            if star == "torch.nn" and (head in LAYERS or head == "Parameter"):
                return canonical(f"{star}.{text}")
            if self.project.resolve(f"{star}.{head}", self.source) is not None:
                return f"{star}.{text}"
        return None

    def _outside(self, qualified: str) -> str:
        """A name re-exported by a file of the project is told by its origin."""
        if qualified in self._origins:
            return self._origins[qualified]
        if qualified.startswith(("torch", "builtins.", "numpy", "typing.")):
            return qualified
        origin = self._origins[qualified] = (
            self.project.external(qualified, self.source) or qualified
        )
        return origin

    def module_value(self, name: str) -> ast.expr | None:
        """The expression of a module-level name that is bound once."""
        bound = self.names.bindings.get(name)
        if name in self.names.ambiguous or not isinstance(bound, ast.expr):
            return None
        return bound
