"""The part of FileFacts about changes to Parameters: one line each, the work is elsewhere."""

from __future__ import annotations

import ast
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, cast

from lint_params.facts import beside, conditions
from lint_params.facts.held import uses
from lint_params.facts.members import Member
from lint_params.facts.parameters import data_writes as _data_writes
from lint_params.facts.parameters import device_uses, filled, judged, layer_fit, phases, surgery, tensor_uses
from lint_params.facts.parameters.data_writes import DataWrite
from lint_params.facts.torch_names import IN_PLACE_METHODS
from lint_params.facts.training import frozen, grad_mode
from lint_params.facts.value import aliasing, call_sites, dtypes, given, inputs, numbers, param_shapes, vectors
from lint_params.facts.value.inputs import InputSize
from lint_params.facts.value.kinds import Kind, join
from lint_params.facts.value.param_shapes import Sizes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.file import FileFacts
    from lint_params.facts.scope import Scope


class ParameterFacts:
    """Mixed into FileFacts."""

    @property
    def _all(self) -> FileFacts:
        return cast("FileFacts", self)

    @cached_property
    def data_writes(self) -> list[DataWrite]:
        """Every ``p.data = v`` where ``p`` surely is a Parameter."""
        return _data_writes.data_writes(self._all)

    @cached_property
    def named_calls(self) -> dict[str, list[ast.Call]]:
        """Calls of plain names, ``f(...)``, over the whole file."""
        found: dict[str, list[ast.Call]] = {}
        for call in self._all.nodes(ast.Call):
            if isinstance(call.func, ast.Name):
                found.setdefault(call.func.id, []).append(call)
        return found

    @cached_property
    def named_loads(self) -> Counter[str]:
        """How often each plain name is read, calls of it included, over the whole file."""
        names = self._all.nodes(ast.Name)
        return Counter(name.id for name in names if isinstance(name.ctx, ast.Load))

    @cached_property
    def _judged(self) -> dict[str, list[DataWrite]]:
        found: dict[str, list[DataWrite]] = {}
        for write in self.data_writes:
            found.setdefault(judged.judge(self._all, write), []).append(write)
        return found

    def data_writes_judged(self, word: str) -> list[DataWrite]:
        """Those that are this mistake: one word each, see ``judged``."""
        return self._judged.get(word, [])

    def sizes_from_input(self, value: ast.expr) -> list[InputSize]:
        """Sizes of a created tensor that come from the method's arguments."""
        return judged.sizes_from_input(self._all, value)

    def is_grown(self, write: DataWrite) -> bool:
        """``p.data = torch.cat([p.data, more])``."""
        return judged.grown(self._all, write)

    def is_masked(self, write: DataWrite) -> bool:
        """``p.data = p.data[p.data > 0]``."""
        return judged.masked(self._all, write)

    def breaks_layer(self, write: DataWrite) -> bool:
        """Whether a convolution's weight gets another number of axes, and the layer is called."""
        return layer_fit.breaks_layer(self._all, write)

    def outgrows_bias(self, write: DataWrite, *, grown: bool) -> str:
        """The bias that stays as it is where the weight gets other rows; "" if none surely does."""
        return layer_fit.outgrows_bias(self._all, write, grown=grown)

    def aliases(self, value: ast.expr) -> ast.expr | None:
        """The expand that makes elements of ``value`` share memory, if one surely does."""
        return aliasing.aliases(self._all, value)

    def sizes_of(self, expr: ast.expr) -> Sizes | None:
        """The sizes of a tensor as the source spells them (int, text, None); None: no rank."""
        return param_shapes.sizes_of(self._all, expr)

    def size(self, expr: ast.expr) -> int | str | None:
        """One size: a number, or the text of the expression."""
        return param_shapes.size(self._all, expr)

    count = staticmethod(param_shapes.count)
    differ = staticmethod(param_shapes.differ)
    shown = staticmethod(param_shapes.shown)

    def updates_layer_sizes(self, write: DataWrite) -> bool:
        """Whether the function of the write also sets ``layer.out_features`` and the like."""
        return surgery.updates_layer_sizes(self._all, write)

    def runs_after_optimizer(self, node: ast.AST) -> int | None:
        """The line of an optimizer that this file builds before the node runs."""
        return surgery.runs_after_optimizer(self._all, node)

    def is_whole(self, expr: ast.expr) -> bool:
        """Whether a number surely is an int."""
        return numbers.is_whole(self._all, expr)

    def is_number(self, expr: ast.expr) -> bool:
        """Whether a value surely is a Python number and no tensor."""
        return numbers.is_number(self._all, expr)

    def tensor_type(self, expr: ast.expr) -> str:
        """"int" (integers and bool), "float" or ""."""
        return dtypes.tensor_type(self._all, expr)

    def subject(self, node: ast.AST) -> str:
        """What to run to reach a node: its class, else its function, else the file ("")."""
        cls = self._all.class_around(node)
        return cls.qualname if cls is not None else self._all.scope_of(node).qualname

    def declared_kind(self, expr: ast.expr) -> Kind:
        """The kind of ``self.w`` as declared, whatever ``self.w += x`` makes of it; of any
        other expression its kind."""
        facts = self._all
        kind = facts.kind_of(expr)
        name, cls = facts.self_attribute(expr), facts.class_around(expr)
        if kind.known or name is None or cls is None or cls.method(name) is not None:
            return kind
        members = [m for m in cls.assignments(name) if not m.is_declaration and m.how != "augmented"]
        if not members and cls.kind(name).is_parameter:
            return cls.kind(name)
        local = facts.dotted_definitions(expr) if isinstance(expr, ast.Attribute) else ()
        if not members or any(one.how not in ("assign", "augmented") for one in local):
            return kind
        return join(member.kind for member in members).named(name, None)

    def phase(self, node: ast.AST) -> str:
        """"forward", "constructor", "method", "function" or "module"."""
        return phases.phase(self._all, node)

    def is_initialising(self, node: ast.AST) -> bool:
        """Whether the method around gives the first values, by its name."""
        return phases.is_initialising(self._all, node)

    def is_surgery(self, node: ast.AST) -> bool:
        """Whether the function around loads, converts or merges weights, by its name."""
        return phases.is_surgery(self._all, node)

    def is_conditional(self, node: ast.AST) -> bool:
        """Whether its function can end without running it."""
        return phases.is_conditional(self._all, node)

    def depends_on_state(self, node: ast.AST) -> bool:
        """Whether a branch decides over it, other than on ``self.training``."""
        return phases.depends_on_state(self._all, node)

    def in_every_forward(self, node: ast.AST) -> bool:
        """Whether every call of forward surely runs it."""
        return phases.in_every_forward(self._all, node)

    def input_sizes(self, expr: ast.expr) -> list[InputSize]:
        """The sizes of the function's arguments that an expression is made from."""
        return inputs.input_sizes(self._all, expr)

    def from_arguments(self, expr: ast.expr) -> bool:
        """Whether a value is computed from the function's own arguments."""
        return inputs.from_arguments(self._all, expr)

    def is_in_place_method(self, name: str) -> bool:
        """``copy_``, ``fill_`` ..."""
        return name in IN_PLACE_METHODS

    def is_pure_method(self, name: str) -> bool:
        """A tensor method that changes nothing and only returns a tensor."""
        return tensor_uses.is_pure_method(name)

    def is_pure_function(self, qualified: str) -> bool:
        """A torch function that changes nothing and only returns something."""
        return tensor_uses.is_pure_function(qualified)

    def may_work_in_place(self, call: ast.Call) -> bool:
        """Whether a function is told, or may be, to change what it is given (``inplace``)."""
        return tensor_uses.may_work_in_place(call, self._all.qualify(call.func) or "")

    def is_argument(self, name: ast.Name) -> bool:
        """Whether a name can only be an argument of its function (and not ``self``)."""
        return tensor_uses.is_argument(self._all, name)

    def value_given(self, call: ast.Call, scope: Scope, name: str) -> ast.expr | None:
        """What a call of the function gives the argument of that name; None where it does not show."""
        return call_sites.value_given(call, scope, name)

    def argument_values(self, name: ast.Name) -> list[ast.expr]:
        """An argument's default and what the calls in this file give; [] if not all is shown."""
        return call_sites.argument_values(self._all, name)

    def tied_to(self, value: ast.expr) -> ast.expr:
        """``b.weight`` of ``b.weight.data`` and of what else shares its memory."""
        return judged.tied_to(value)

    def default_of(self, name: ast.Name) -> list[ast.expr]:
        """[the default] of an argument, where nothing asks about it or assigns it before this use."""
        return call_sites.default_of(self._all, name)

    def function_named(self, name: ast.Name) -> Scope | None:
        """The function of this module that a name is, if it is bound once."""
        top = self._all.index.module
        scopes = [one for one in top.children if one.is_function and one.name == name.id]
        return scopes[0] if len(scopes) == 1 == len(top.bound.get(name.id, ())) else None

    def is_used_as_tensor(self, name: ast.Name) -> bool:
        """Whether the function also does with the name what only tensors can."""
        return tensor_uses.is_used_as_tensor(self._all, name)

    def goes_back(self, read: ast.expr) -> bool:
        """Whether what is read of a tensor is only counted up in the same place."""
        return tensor_uses.goes_back(self._all, read)

    def device_use(self, read: ast.expr) -> str:
        """What becomes of a tensor that stays where it was made: "used" (with the input), "moved",
        or "asked" (for its shape, a number, an index)."""
        return device_uses.device_use(self._all, read)

    def is_given_moved(self, target: ast.Attribute) -> bool:
        """``self.mean = self.mean.to(x.device)``."""
        return device_uses.is_given_moved(self._all, target)

    def is_moved(self, value: ast.expr | None) -> bool:
        """``self.curve.to("cuda")``, or a local name that some line has moved."""
        return device_uses.is_moved(self._all, value)

    def is_row(self, call: ast.Call) -> bool:
        """``torch.arange(...)``, ``torch.tensor([...])`` of numbers: one dimension."""
        return device_uses.is_row(self._all, call)

    def name_of(self, module: str) -> str | None:
        """The name under which the file imports a module (``torch``)."""
        for name, bound in self._all.names.bindings.items():
            if bound == module and name not in self._all.names.ambiguous:
                return name
        return None

    def grad_may_be_off(self, node: ast.AST, target: ast.expr) -> bool:
        """Whether gradients may be switched off where the node writes, here or by a caller."""
        return grad_mode.grad_may_be_off(self._all, node, target)

    def has_vectors(self, kind: Kind) -> bool:
        """Whether a module surely has parameters of one dimension."""
        return vectors.has_vectors(kind)

    def vector_names(self, kind: Kind) -> Iterator[str]:
        """The names of the parameters of a module that surely have one dimension."""
        return vectors.vector_names(kind)

    def is_frozen(self, kind: Kind) -> bool:
        """Whether a Parameter's gradient is, or may be, switched off."""
        return frozen.is_frozen(kind)

    def is_frozen_member(self, cls: ClassFacts, name: str, kind: Kind) -> bool:
        """The same of a member: its class may switch the gradient off later."""
        own = any(frozen.switches_off(one, [name]) for one in cls.mro)
        return own or frozen.is_frozen(kind) or frozen.is_frozen_outside(cls, name)

    def is_given_data(self, expr: ast.expr) -> bool:
        """Whether a tensor is made of numbers that an argument or a literal list gives."""
        return given.is_given_data(self._all, expr)

    def mentions(self, expr: ast.expr, target: ast.expr) -> bool:
        """Whether a value is computed from ``target``, local names followed."""
        return _data_writes.mentions(self._all, expr, target)

    def member_of(self, value: ast.expr) -> Member | None:
        """The ``self.<name>`` that a value is assigned to (or registered as), also by a local name
        that is for nothing else."""
        cls = self._all.class_around(value)
        places = (value, uses.only_use(self._all, value))
        for members in cls.members.values() if cls is not None else ():
            for member in members:
                if member.value is not None and any(member.value is place for place in places):
                    return member
        return None

    def holder_of(self, call: ast.expr) -> Member | None:
        """The member that a value goes into: directly, in a list, or in a ParameterList."""
        current: ast.AST | None = call
        while isinstance(current, ast.expr):
            member = self.member_of(current)
            if member is not None:
                return member
            current = self._all.parent(current)
            if isinstance(current, ast.Call):
                name = self._all.qualify(current.func)
                if name not in ("torch.nn.ParameterList", "torch.nn.ParameterDict"):
                    return None
            elif not isinstance(
                current, (ast.List, ast.ListComp, ast.Dict, ast.DictComp, ast.GeneratorExp)
            ):
                return None
        return None

    def comes_by(self, first: Member, then: Member) -> bool:
        """Whether one assignment has run wherever the other, further down in its method, runs."""
        before = first.scope is then.scope and first.node.lineno < then.node.lineno
        return before and conditions.comes_by(first.conditions, then.conditions)

    def receiver_of(self, call: ast.Call, given: ast.AST) -> tuple[FileFacts, list[ast.Name]] | None:
        """The file and the names that read an argument in the function that a call surely runs."""
        return call_sites.receiver_of(self._all, call, given)

    def is_filled(self, member: Member) -> bool:
        """Whether something writes, or may write, the values of a member."""
        return filled.is_filled(member.cls, member.name, member.value or member.node)

    def idle_filler(self, member: Member) -> str:
        """A method that would fill the member, but that nothing calls; "" if there is none."""
        return filled.idle_filler(member.cls, member.name)

    def is_set_beside(self, cls: str, name: str) -> bool:
        """Whether a file of the project sets the attribute of the class from outside."""
        return beside.is_set_beside(self._all, cls, name)

    def is_mentioned_beside(self, cls: str, word: str) -> bool:
        """Whether a file of the project that knows the class has the word."""
        return beside.is_mentioned_beside(self._all, cls, word)

    def is_mentioned_anywhere(self, word: str) -> bool:
        """Whether another file of the project has the word."""
        return beside.is_mentioned_anywhere(self._all, word)

    def is_subclassed_beside(self, name: str) -> bool:
        """Whether a file of the project has a class with this one as its base."""
        return beside.is_subclassed_beside(self._all, name)

    def is_given_later(self, member: Member) -> bool:
        """Whether other code than forward gives the attribute its real value."""
        return uses.is_given_later(member.cls, member.name, member.value or member.node)

    def uses_of(self, member: Member) -> list[ast.Attribute]:
        """The places of its class that read the attribute for its values."""
        return [
            use
            for use in uses.member_uses(member.cls, member.name)
            if not uses.is_idle(member.cls.facts, use)
        ]
