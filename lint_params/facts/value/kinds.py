"""What a value is, as far as the source says."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lint_params.facts.torch_names import LAYERS, LAZY_LAYERS, TENSOR_LAYERS

if TYPE_CHECKING:
    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.file import FileFacts

_CONTAINERS = ("list", "tuple", "dict", "set", "iterator")


@dataclass(frozen=True, eq=False)
class Kind:
    """What a value is; ``what`` is one of

    parameter, buffer, tensor, module, object (instance of a plain class of the project),
    optimizer, list, tuple, dict, set, iterator, number, string, none, class, function,
    choice (one of ``choices``), unknown.

    ``torch`` is the qualified name of its torch class, or, for a tensor, of the function
    that made it. ``cls`` is its class in the project. ``node`` is the expression that made
    it, in the file ``facts``. ``owner`` and ``member`` say whose attribute it is.
    ``element`` is what iterating (or ``.values()``) yields, ``items`` the parts of a tuple.
    ``origin`` is the parameter or tensor that a tensor was computed from (``same_data``:
    and shares memory with). ``annotated``: only an annotation or isinstance says so.
    """

    what: str = "unknown"
    node: ast.AST | None = None
    facts: FileFacts | None = None
    torch: str = ""
    cls: ClassFacts | None = None
    member: str = ""
    owner: Kind | None = None
    element: Kind | None = None
    items: tuple[Kind, ...] | None = None
    choices: tuple[Kind, ...] = ()
    origin: Kind | None = None
    same_data: bool = False
    annotated: bool = False
    optional: bool = False

    @property
    def known(self) -> bool:
        return self.what not in ("unknown", "choice")

    @property
    def is_parameter(self) -> bool:
        """Surely a Parameter (also an UninitializedParameter)."""
        return self.what == "parameter"

    @property
    def is_uninitialised(self) -> bool:
        """Surely an UninitializedParameter or UninitializedBuffer, as constructed."""
        return self.torch in ("torch.nn.UninitializedParameter", "torch.nn.UninitializedBuffer")

    @property
    def is_tensor(self) -> bool:
        """Surely a plain tensor: neither Parameter nor buffer."""
        return self.what == "tensor"

    @property
    def is_module(self) -> bool:
        """Surely an instance of a Module."""
        return self.what == "module"

    @property
    def is_container(self) -> bool:
        """A plain Python container or iterator."""
        return self.what in _CONTAINERS

    @property
    def is_module_container(self) -> bool:
        """ModuleList, ModuleDict, Sequential, ParameterList or ParameterDict."""
        return self.torch in MODULE_CONTAINERS

    @property
    def layer(self) -> str:
        """``Linear`` for an nn.Linear; "" for what is not exactly a torch.nn layer."""
        name = self.torch.rpartition(".")[2]
        return name if self.what == "module" and name in LAYERS and not self.cls else ""

    @property
    def gives_tensor(self) -> bool:
        """A torch layer whose call surely gives one tensor."""
        return self.layer in TENSOR_LAYERS and not self.annotated

    @property
    def is_lazy(self) -> bool:
        """A torch lazy layer, or a project class with LazyModuleMixin."""
        if self.cls is not None:
            return self.what == "module" and self.cls.is_lazy
        return self.layer in LAZY_LAYERS

    def may_be(self, *what: str) -> bool:
        """Whether it is, or may be on some path, one of these."""
        if self.what in what:
            return True
        return any(choice.may_be(*what) for choice in self.choices)

    def every(self) -> Iterable[Kind]:
        """The alternatives: itself unless it is a choice."""
        return self.choices or (self,)

    @property
    def with_data(self) -> Kind:
        """What it is where it has a ``.data``: a number or None of another branch has none."""
        return join(one for one in self.every() if one.what not in ("number", "none")) if self.choices else self

    def named(self, member: str, owner: Kind | None) -> Kind:
        return replace(self, member=member, owner=owner)

    def describe(self) -> str:
        """A few words for a message: "nn.Linear", "Parameter", "Encoder"."""
        if self.cls is not None:
            return self.cls.name
        if self.torch.startswith("torch.nn."):
            return "nn." + self.torch.rpartition(".")[2]
        return self.torch or self.what


MODULE_CONTAINERS = frozenset(
    f"torch.nn.{name}"
    for name in ("ModuleList", "ModuleDict", "Sequential", "ParameterList", "ParameterDict")
)
UNKNOWN = Kind()
NONE = Kind("none")
NUMBER = Kind("number")
STRING = Kind("string")
TENSOR = Kind("tensor")


def join(kinds: Iterable[Kind]) -> Kind:
    """One kind for all alternatives: the common one, a choice, or unknown if any is."""
    flat: list[Kind] = []
    for kind in kinds:
        for one in kind.every():
            if not any(one is other for other in flat):
                flat.append(one)
    if len(flat) == 1:
        return flat[0]
    if not flat:
        return UNKNOWN
    some = [kind for kind in flat if kind.what != "none"]
    if not some:
        return flat[0]
    first = some[0]
    if all(same(first, other) for other in some[1:]):
        if first.element is not None and len(some) > 1:
            first = replace(first, element=join(k.element for k in some if k.element))
        if first.items is not None and len(some) > 1:
            first = replace(first, items=_in_each_place([kind.items for kind in some if kind.items is not None]))
        return replace(first, optional=True) if len(some) < len(flat) else first
    return Kind("choice", choices=tuple(flat))


def _in_each_place(items: list[tuple[Kind, ...]]) -> tuple[Kind, ...] | None:
    """What ``return 0, 0`` and ``return weight, bias`` give for each of two names."""
    if len({len(one) for one in items}) > 1:
        return None
    return tuple(join(place) for place in zip(*items))


def same(one: Kind, other: Kind) -> bool:
    """Equal in everything that a rule would ask, apart from where it was made."""
    return (
        one.what == other.what
        and one.torch == other.torch
        and one.cls is other.cls
        and one.member == other.member
        and (one.items is None) == (other.items is None)
    )

