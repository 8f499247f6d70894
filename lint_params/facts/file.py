"""FileFacts: the one door through which rules read a file."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

from lint_params.facts import conditions as _conditions
from lint_params.facts.classes import ClassFacts
from lint_params.facts.conditions import Condition
from lint_params.facts.contents import Item, items_of
from lint_params.facts.creation import Creation, creation_of, on_default_device
from lint_params.facts.derive import Transformed, transformed
from lint_params.facts.flow import SUPER, Definition, Env, Flow, bind, narrow
from lint_params.facts.functions import function_of, returned_kind, super_call
from lint_params.facts.hidden import Hidden, read_hidden
from lint_params.facts.infer import infer, torch_member
from lint_params.facts.kinds import UNKNOWN, Kind
from lint_params.facts.members import argument
from lint_params.facts.optimizers import Optimizer, read_optimizers
from lint_params.facts.owners import owns_parameters
from lint_params.facts.parameter_facts import ParameterFacts
from lint_params.facts.scope import Index, Scope
from lint_params.facts.torch_names import LAYERS, MODULE_ATTRIBUTES
from lint_params.facts.writes import Write, read_writes
from lint_params.names import Names, canonical, dotted, imported
from lint_params.project import Project, SourceFile
from lint_params.rule import Place

if TYPE_CHECKING:
    from lint_params.facts.stories import Stories
    from lint_params.shape.findings import ShapeFacts

N = TypeVar("N", bound=ast.AST)
_BUILTINS = frozenset(dir(builtins))
_PROJECTS: WeakKeyDictionary[Project, dict[str, FileFacts]] = WeakKeyDictionary()
_DEPTH = 40


class FileFacts(ParameterFacts):
    """What rules read about one file. Everything is worked out when first asked for."""

    def __init__(
        self, path: str, text: str, tree: ast.Module, project: Project | None = None
    ) -> None:
        self.path = path
        self.text = text
        self.tree = tree
        self.project = project if project is not None else Project()
        self.source = self.project.add(path, tree)
        self._start()

    @classmethod
    def of(cls, source: SourceFile, project: Project) -> FileFacts:
        """The facts of another file of the project, made at most once."""
        known = _PROJECTS.setdefault(project, {})
        found = known.get(source.path)
        if found is None or found.tree is not source.tree:
            found = cls.__new__(cls)
            found.path, found.text, found.tree = source.path, "", source.tree
            found.project, found.source = project, source
            found._start()
        return found

    def _start(self) -> None:
        _PROJECTS.setdefault(self.project, {})[self.source.path] = self
        self.index = Index(self.tree)
        self._kinds: dict[ast.AST, Kind] = {}
        self.defined: dict[Definition, Kind] = {}
        self._class_nodes: dict[ast.AST, ClassFacts] = {}
        self._flows: dict[Scope, Flow] = {}
        self._qualified: dict[str, str | None] = {}
        self._classes: dict[str, ClassFacts | None] = {}
        self._depth = 0

    argument = staticmethod(argument)

    # -- the source --------------------------------------------------------------------
    @property
    def names(self) -> Names:
        """The module-level names (imports, definitions) of this file."""
        return self.source.names

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines(keepends=True)

    def place(self, node: ast.AST) -> Place:
        """The source range of a node, in characters from 1 (ast counts utf-8 bytes from 0)."""
        line, end = node.lineno, node.end_lineno or node.lineno  # type: ignore[attr-defined]
        start, stop = node.col_offset, node.end_col_offset or 0  # type: ignore[attr-defined]
        return Place(line, self._column(line, start), end, self._column(end, stop))

    def _column(self, line: int, offset: int) -> int:
        text = self.ast_lines[line - 1] if line <= len(self.ast_lines) else ""
        if text.isascii():
            return offset + 1
        return len(text.encode()[:offset].decode(errors="replace")) + 1

    @cached_property
    def ast_lines(self) -> list[str]:
        """Lines as Python's tokenizer counts them (form feeds and \\x1c end no line)."""
        return self.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")

    def line(self, number: int) -> str:
        """A line of the source, from 1; "" beyond the end."""
        return self.ast_lines[number - 1] if 0 < number <= len(self.ast_lines) else ""

    def source_of(self, node: ast.AST) -> str:
        """The text of a node; ``ast.unparse`` where the source is not at hand."""
        if self.text:
            place = self.place(node)
            if place.line == place.end_line:
                return self.line(place.line)[place.column - 1 : place.end_column - 1]
        return ast.unparse(node)

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

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Parents up to and including the function, class or module around the node."""
        return self.index.ancestors(node)

    def conditions(self, node: ast.AST) -> list[Condition]:
        """The ifs, loops, withs and tries between a node and its function, innermost first."""
        return _conditions.conditions(self, node)

    def no_grad(self, node: ast.AST) -> bool:
        """Whether the node surely runs under ``torch.no_grad`` or ``inference_mode``."""
        return _conditions.no_grad(self, node)

    def scope_with_argument(self, node: ast.arg) -> Scope | None:
        return self._argument_scopes.get(node)

    @cached_property
    def _argument_scopes(self) -> dict[ast.arg, Scope]:
        return {arg: scope for scope in self.scopes for arg in scope.arguments}

    # -- shapes ------------------------------------------------------------------------
    @cached_property
    def shapes(self) -> ShapeFacts:
        """What the symbolic interpreter refuted in this file, by rule name."""
        from lint_params.shape.findings import ShapeFacts  # only files that need it pay

        return ShapeFacts(self.source, self.project)

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
            found = self._class_nodes[scope.node] = ClassFacts(self, scope)
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
                other = self if found[0] is self.source else FileFacts.of(found[0], self.project)
                if isinstance(found[1], ast.ClassDef):
                    cls = other.class_at(found[1])
                elif isinstance(found[1], (ast.Name, ast.Attribute)) and other is not self:
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
        head, _, rest = text.partition(".")
        scope = self._binder(expr, head)
        if scope is None:
            return self._qualify_global(text)
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
        scope: Scope | None = self.scope_of(node)
        first = True
        while scope is not None and scope.parent is not None:
            if (first or not scope.is_class) and head in scope.bound:
                return scope
            first = False
            scope = scope.parent
        return None

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
        for star in self.names.stars:
            if star == "torch.nn" and (head in LAYERS or head == "Parameter"):
                return canonical(f"{star}.{text}")
            if self.project.resolve(f"{star}.{head}", self.source) is not None:
                return f"{star}.{text}"
        if head in _BUILTINS and not self.names.stars:
            return f"builtins.{text}"
        return f"builtins.{text}" if head in _BUILTINS else None

    def _outside(self, qualified: str) -> str:
        """A name re-exported by a file of the project is told by its origin."""
        if qualified.startswith(("torch", "builtins.", "numpy", "typing.")):
            return qualified
        return self.project.external(qualified, self.source) or qualified

    def module_value(self, name: str) -> ast.expr | None:
        """The expression of a module-level name that is bound once."""
        bound = self.names.bindings.get(name)
        if name in self.names.ambiguous or not isinstance(bound, ast.expr):
            return None
        return bound

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
                kind = infer(self, expr)
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

    def reach(self, expr: ast.expr) -> list[ast.expr] | None:
        """The expressions whose value ``expr`` can have, local names followed.

        ``[expr]`` for anything but a name; None where some path is not known.
        """
        if not isinstance(expr, ast.Name):
            return [expr]
        found = self.definitions(expr)
        if found is None:
            value = self.module_value(expr.id)
            return [value] if value is not None else None
        values: list[ast.expr] = []
        for one in found:
            if one.how != "assign" or one.path or one.value is None or one.value is expr:
                return None
            inner = self.reach(one.value) if one.value is not expr else None
            if inner is None:
                return None
            values += inner
        return values or None

    def creation(self, expr: ast.expr) -> Creation | None:
        """How the tensor was made: function, sizes, dtype, written or not; None: not known."""
        return creation_of(self, expr)

    def made_on_default_device(self, kind: Kind) -> bool:
        """Whether a tensor comes from a creation function that was given no device."""
        return on_default_device(kind)

    def owns_parameters(self, expr: ast.expr) -> bool | None:
        """Whether a module expression has trainable parameters; None: not known."""
        return owns_parameters(self, expr)

    def transformed(self, expr: ast.expr) -> Transformed | None:
        """The fresh ``nn.Parameter(...)`` of which ``expr`` makes a plain tensor, if it does."""
        return transformed(self, expr)

    def items_of(self, expr: ast.expr) -> list[Item]:
        """What a list, tuple, dict or set holds, with what is added to a local name later."""
        return items_of(self, expr)

    @cached_property
    def hidden(self) -> list[Hidden]:
        """Parameters and layers that a Module keeps in plain containers and plain objects."""
        return read_hidden(self)

    @property
    def is_template(self) -> bool:
        """A source from which other files are generated (``modular_*.py`` of transformers):
        its classes are not the ones that run."""
        return self.path.replace("\\", "/").rpartition("/")[2].startswith("modular_")

    @cached_property
    def optimizers(self) -> list[Optimizer]:
        """Every torch optimizer that the file builds, in source order."""
        return read_optimizers(self)

    @cached_property
    def stories(self) -> Stories:
        """What happens in the order in which it runs: streams, stale optimizers, lazy layers."""
        from lint_params.facts.stories import Stories

        return Stories(self)

    # -- calls -------------------------------------------------------------------------
    @cached_property
    def calls(self) -> dict[str, list[ast.Call]]:
        """Calls by the qualified name of what is called."""
        found: dict[str, list[ast.Call]] = {}
        for call in self.nodes(ast.Call):
            name = self.qualify(call.func)
            if name is not None:
                found.setdefault(name, []).append(call)
        return found

    def calls_of(self, *qualified: str) -> list[ast.Call]:
        """Calls of these qualified names, by name."""
        return [call for name in qualified for call in self.calls.get(name, ())]

    def function_of(self, call: ast.Call) -> tuple[FileFacts, Scope] | None:
        """The function or method of the project that a call runs."""
        return function_of(self, call)

    def returned(self, call: ast.Call) -> Kind:
        """What the called function of the project returns."""
        return returned_kind(self, call)

    def super_call(self, call: ast.Call) -> str | None:
        return super_call(call)

    def before_super(self, node: ast.AST) -> bool:
        """Whether a node of ``__init__`` surely runs before the parent's ``__init__``."""
        env = self.env(node)
        return env is not None and all(one.how == "start" for one in env.get(SUPER, ()))

    def header(self, scope: Scope) -> ast.AST:
        """A node over the name of a function: where a finding about all of it stands."""
        node = scope.node
        assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        text = self.line(node.lineno)
        start = len(text[: text.find(scope.name)].encode()) if scope.name in text else 0
        stop = start + len(scope.name.encode())
        return ast.Name(
            scope.name,
            lineno=node.lineno,
            col_offset=start,
            end_lineno=node.lineno,
            end_col_offset=stop,
        )

    def subject_of(self, node: ast.AST) -> str:
        """What to run to reach a node: its Module class, else its function, "" for the module."""
        cls = self.class_around(node)
        if cls is not None:
            return cls.qualname
        scope = self.scope_of(node)
        while scope.parent is not None and scope.parent.is_function:
            scope = scope.parent
        return scope.qualname

    @staticmethod
    def is_parameter_of(owner: Kind, name: str) -> bool:
        """Whether ``name`` is a registered Parameter name of this torch layer."""
        return torch_member(owner, name).is_parameter

    @staticmethod
    def is_module_attribute(name: str) -> bool:
        """Whether every nn.Module has an attribute of this name."""
        return name in MODULE_ATTRIBUTES

    # -- self --------------------------------------------------------------------------
    def self_reads(self, scope: Scope) -> list[str]:
        """Attributes of the instance that a method (or a function in it) reads or calls."""
        instance = scope.instance_name
        if instance is None:
            return []
        return [
            node.attr
            for node in scope.nodes(ast.Attribute)
            if isinstance(node.value, ast.Name)
            and node.value.id == instance
            and isinstance(node.ctx, ast.Load)
        ]

    def self_attribute(self, node: ast.AST) -> str | None:
        """``x`` for ``self.x`` in a method, else None."""
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == self.scope_of(node).instance_name:
                return node.attr
        return None

    # -- writes ------------------------------------------------------------------------
    @cached_property
    def _writes(self) -> dict[Scope, list[Write]]:
        return {}

    def writes_in(self, scope: Scope) -> list[Write]:
        """What the statements of one scope write."""
        if scope not in self._writes:
            self._writes[scope] = read_writes(self, scope)
        return self._writes[scope]

    @cached_property
    def writes(self) -> list[Write]:
        """Everything that the file writes: rebinding, items, ``.data``, in-place calls ..."""
        return [write for scope in self.functions for write in self.writes_in(scope)]
