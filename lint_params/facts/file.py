"""FileFacts: the one door through which rules read a file."""

from __future__ import annotations

import ast
from functools import cached_property
from typing import TYPE_CHECKING

from lint_params.facts.held.forgotten import Forgotten, forgotten
from lint_params.facts.held.hidden import Hidden, read_hidden
from lint_params.facts.held.only_copied import OnlyCopied, only_copied
from lint_params.facts.held.unused import Unused, unused_members
from lint_params.facts.members import argument
from lint_params.facts.parameter_facts import ParameterFacts
from lint_params.facts.parameters.lazy_classes import LazyClass, lazy_class
from lint_params.facts.scope import Index, Scope
from lint_params.facts.training.cut_off import Cut, cut_off
from lint_params.facts.training.flags import Flag, flags_misspelt, flags_set
from lint_params.facts.training.optimizers import Optimizer, read_optimizers
from lint_params.facts.training.untrained import Untrained, untrained_modules
from lint_params.facts.value.constants import Symmetric, symmetric_layers
from lint_params.facts.value.functions import function_of, returned_kind, super_call
from lint_params.facts.value.kinds import Kind
from lint_params.facts.values import Values
from lint_params.facts.writes import Write, read_writes, written_by_calls
from lint_params.project import Project, SourceFile

if TYPE_CHECKING:
    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.story.stories import Stories
    from lint_params.shape.output.findings import ShapeFacts


class FileFacts(Values, ParameterFacts):
    """What rules read about one file. Everything is worked out when first asked for.

    Its parts: ``SourceView`` (text), ``Naming`` (scopes, classes, names), ``Values`` (kinds,
    data flow), ``ParameterFacts`` (changes to Parameters), and here what the file calls,
    writes and builds.
    """

    def __init__(
        self, path: str, text: str, tree: ast.Module, project: Project | None = None
    ) -> None:
        self.project = project if project is not None else Project()
        self._start(path, text, tree, self.project.add(path, tree))

    def other(self, source: SourceFile) -> FileFacts:
        """The facts of another file of the project, made at most once."""
        known = self.project.facts.get(source.path)
        if isinstance(known, FileFacts) and known.tree is source.tree:
            return known
        made = FileFacts.__new__(FileFacts)
        made.project = self.project
        made._start(source.path, "", source.tree, source)
        return made

    def _start(self, path: str, text: str, tree: ast.Module, source: SourceFile) -> None:
        self.path, self.text, self.tree, self.source = path, text, tree, source
        self.project.facts[source.path] = self
        self.index = Index(tree)

    def rest(self) -> None:
        """Its own rules are done: other files ask for its classes, functions and kinds only."""
        for own in ("shapes", "stories"):
            vars(self).pop(own, None)

    def release(self) -> None:
        """Let go of everything: facts and trees that refer to each other in circles would
        otherwise wait for the garbage collector, which has to look at all that is alive."""
        self.index.release()
        vars(self).clear()

    argument = staticmethod(argument)

    # -- shapes ------------------------------------------------------------------------
    @cached_property
    def shapes(self) -> ShapeFacts:
        """What the symbolic interpreter refuted in this file, by rule name."""
        from lint_params.shape.output.findings import ShapeFacts  # only files that need it pay

        return ShapeFacts(self.source, self.project)

    @cached_property
    def hidden(self) -> list[Hidden]:
        """Parameters and layers that a Module keeps in plain containers and plain objects."""
        return read_hidden(self)

    def forgotten(self, cls: ClassFacts) -> list[Forgotten]:
        """Layers and Parameters that the constructor makes as local names, read as attributes."""
        return forgotten(self, cls)

    @cached_property
    def optimizers(self) -> list[Optimizer]:
        """Every torch optimizer that the file builds, in source order."""
        return read_optimizers(self)

    @cached_property
    def stories(self) -> Stories:
        """What happens in the order in which it runs: streams, stale optimizers, lazy layers."""
        from lint_params.facts.story.stories import Stories

        return Stories(self)

    @cached_property
    def lazy_classes(self) -> list[LazyClass]:
        """How the classes of the file deal with uninitialised parameters, where it is certain."""
        return [one for one in map(lazy_class, self.module_classes) if one is not None]

    @cached_property
    def symmetric_layers(self) -> list[Symmetric]:
        """Layers of constant weights that feed layers of constant weights."""
        return symmetric_layers(self)

    @cached_property
    def untrained_modules(self) -> list[Untrained]:
        """Modules that take part in training and that no optimizer holds."""
        return untrained_modules(self)

    @cached_property
    def only_copied(self) -> list[OnlyCopied]:
        """Parameters that forward reads outside of the graph, and nobody inside of it."""
        return only_copied(self)

    def cut_off(self, loss: ast.expr) -> Cut | None:
        """Where a value of which ``backward`` is called has surely left the graph."""
        return cut_off(self, loss)

    @cached_property
    def unused_members(self) -> list[Unused]:
        """Parameters and layers that no code of the project mentions again."""
        return unused_members(self)

    def flags_set(self, name: str) -> list[Flag]:
        """Where an attribute such as ``requires_grad`` is set, and on what."""
        return flags_set(self, name)

    def flags_misspelt(self, name: str) -> list[Flag]:
        """Where what nearly is that attribute is set, and nobody reads it."""
        return flags_misspelt(self, name)

    # -- calls -------------------------------------------------------------------------
    @cached_property
    def calls(self) -> dict[str, list[ast.Call]]:
        """Calls by the qualified name of what is called."""
        found: dict[str, list[ast.Call]] = {}
        for scope in self.scopes:
            for call in scope.nodes(ast.Call):
                name = self.qualify_in(call.func, scope)
                if name is not None:
                    found.setdefault(name, []).append(call)
        return found

    def calls_of(self, *qualified: str) -> list[ast.Call]:
        """Calls of these qualified names, by name."""
        return [call for name in qualified for call in self.calls.get(name, ())]

    def function_of(self, call: ast.Call) -> tuple[FileFacts, Scope] | None:
        """The function or method of the project that a call runs."""
        return function_of(self, call)

    def function_behind(self, name: ast.expr) -> tuple[FileFacts, Scope] | None:
        """The function of the project that a name stands for, as that of a decorator."""
        return function_of(self, ast.Call(name, [], []))

    def returned(self, call: ast.Call) -> Kind:
        """What the called function of the project returns."""
        return returned_kind(self, call)

    def super_call(self, call: ast.Call) -> str | None:
        return super_call(call)

    def subject_of(self, node: ast.AST) -> str:
        """What to run to reach a node: its Module class, else its function, "" for the module."""
        cls = self.class_around(node)
        if cls is not None:
            return cls.qualname
        scope = self.scope_of(node)
        while scope.parent is not None and scope.parent.is_function:
            scope = scope.parent
        return scope.qualname

    # -- self --------------------------------------------------------------------------
    def self_reads(self, scope: Scope) -> list[str]:
        """Attributes of the instance that a method (or a function in it) reads or calls."""
        known = self._self_reads.get(scope)
        if known is None:
            known = self._self_reads[scope] = self._read_of_self(scope)
        return known

    @cached_property
    def _self_reads(self) -> dict[Scope, list[str]]:
        return {}

    def _read_of_self(self, scope: Scope) -> list[str]:
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

    @property
    def written_by_calls(self) -> list[Write]:
        """What layers and functions change that work in place."""
        return written_by_calls(self)
