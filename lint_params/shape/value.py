"""The values that the interpreter computes with.

Python's own ``int``, ``float``, ``bool``, ``str``, ``None`` stand for themselves and ``Poly``
for a symbolic integer. Everything else is a class below. ``Unknown`` says why it is unknown.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from lint_params.shape.sizes.dim import Poly, Size, Symbol, symbol

if TYPE_CHECKING:
    from lint_params.project import SourceFile
    from lint_params.shape.ops import LayerSpec

Value = Any

#: The keyword that stands for ``**kwargs`` of which it is not known what they hold.
OPEN = "**"


class Origin(NamedTuple):
    """Where a value was made: ``text`` completes "20, ..." ("the output of fc1")."""

    line: int
    text: str
    path: str = ""
    built: Origin | None = None  # of the layer that made it


class Unknown:
    """A value that the interpreter cannot know; ``why`` is a short fixed phrase."""

    __slots__ = ("why",)

    def __init__(self, why: str) -> None:
        self.why = why

    def __repr__(self) -> str:
        return f"Unknown({self.why})"


#: Why a condition is open that compares whole shapes: either way of it goes with some shapes only.
SHAPES = "whether shapes are the same"


def is_refuted(value: Any) -> bool:
    """Whether a value is what is left of a call that does not fit: its cause is told already."""
    return isinstance(value, Unknown) and value.why == "refuted"


def asks_shapes(value: Any) -> bool:
    """Whether a condition is open because it compares whole shapes."""
    return isinstance(value, Unknown) and value.why == SHAPES


class Shape:
    """The sizes of a tensor as far as they are known; views that keep the shape share it.

    ``lead`` means that there may be any number of further sizes in front of ``dims``: nothing
    is known of ``Shape((), lead=True)``, and ``[..., n]`` is ``Shape((n,), lead=True)``. Use
    ``Context`` to learn more about a shape: it takes the knowledge back with the path.
    ``front`` holds the sizes counted from the front that were asked for while the rank was
    open (``x.shape[0]``), so that asking twice gives one symbol. ``family`` are shapes with the
    same sizes in front of their own last ``own``: what Linear makes of x has those of x. Of
    the sizes in ``front`` they share the first, which is taken for the batch; another may be
    one of their own. ``known`` is how many sizes each had when all of them had as many in front:
    one that a path left has lost some since, or has learned what the others have not.
    """

    __slots__ = ("dims", "lead", "front", "family", "own", "known")

    def __init__(self, dims: tuple[Size, ...], lead: bool = False) -> None:
        self.dims = dims
        self.lead = lead
        self.front: dict[int, Size] = {}
        self.family: list[Shape] = []
        self.own = self.known = len(dims)

    def behind(self, dims: tuple[Size, ...]) -> Shape:
        """A shape with ``dims`` in the place of all known sizes of this one."""
        new = Shape(dims, self.lead)
        if self.lead:
            if not self.family:
                self.known = len(self.dims)
                self.family = [self]
            new.known -= len(self.dims) - self.known
            new.family = self.family
            self.family.append(new)
        return new

    def __str__(self) -> str:
        return f"[{', '.join(['...'] * self.lead + [str(d) for d in self.dims])}]"


class Tensor:
    """A tensor value. ``param`` names it when it is a registered or fresh nn.Parameter.

    ``dtype``: "float", "int", "byte" (uint8, a mask where it is an index), "bool", "complex" or
    None where unknown.
    ``free``: it came in as an argument, so its sizes are the caller's to choose.
    ``of``: the tensors that it was made of and whose sizes it may have.
    """

    __slots__ = ("shape", "dtype", "origin", "param", "free", "of")

    def __init__(
        self,
        shape: Shape,
        dtype: str | None = None,
        origin: Origin | None = None,
        param: str | None = None,
        free: bool = False,
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self.origin = origin
        self.param = param
        self.free = free
        self.of: tuple[Tensor, ...] = ()

    def __repr__(self) -> str:
        return f"Tensor{self.shape}"


class NumpyArray(Tensor):
    """An array of numpy, whose methods do not all mean what a tensor's do."""

    __slots__ = ()

    @classmethod
    def like(cls, result: Value, *operands: Value) -> Value:
        """What is made of arrays, and of no tensor, is an array."""
        if result.__class__ is not Tensor or any(one.__class__ is Tensor for one in operands):
            return result
        if not any(isinstance(one, cls) for one in operands):
            return result
        return cls(result.shape, result.dtype, result.origin, result.param, result.free)


class Ratio:
    """A symbolic number that need not be whole: ``top / bottom``."""

    __slots__ = ("top", "bottom")

    def __init__(self, top: Size, bottom: Size) -> None:
        self.top = top
        self.bottom = bottom

    def __repr__(self) -> str:
        return f"({self.top})/({self.bottom})"


class AllPairs(Shape):
    """The shape of ``column - vector``: the differences of every prediction from every target.

    ``plain`` is the tensor of the differences themselves, of which a mean is what it would be of
    those of each prediction from its own target.
    """

    __slots__ = ("vector", "plain")

    def __init__(self, vector: Tensor, plain: Tensor) -> None:
        super().__init__(plain.shape.dims)
        self.vector = vector
        self.plain = plain


class ShapeOf:
    """``x.shape`` of a tensor of open rank: sizes are looked up when they are asked for.

    ``drop`` sizes are cut off at the end (``x.shape[:-1]``). Inside a Seq or among the
    arguments of a call it stands for all of its sizes (``(*x.shape[:-1], n)``).
    """

    __slots__ = ("tensor", "drop")

    def __init__(self, tensor: Tensor, drop: int = 0) -> None:
        self.tensor = tensor
        self.drop = drop

    def __repr__(self) -> str:
        return f"ShapeOf({self.tensor!r})"


class DtypeOf:
    """``x.dtype`` as far as it is known: "float", "int", "byte", "bool", "complex" or None."""

    __slots__ = ("dtype",)

    def __init__(self, dtype: str | None) -> None:
        self.dtype = dtype

    def __repr__(self) -> str:
        return f"DtypeOf({self.dtype})"


class Real:
    """A number of which nothing is known but that it is one."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Real"


REAL = Real()


class Seq:
    """A list, tuple, torch.Size or set with known items; lists are mutable.

    ``names`` are the field names of a named tuple (``x.max(1).values``).
    """

    __slots__ = ("kind", "items", "names")

    def __init__(self, items: list[Value], kind: str = "list", names: tuple[str, ...] = ()) -> None:
        self.items = items
        self.kind = kind  # "list", "tuple", "size", "set"
        self.names = names

    def __repr__(self) -> str:
        return f"{self.kind}{self.items!r}"


class AnySeq:
    """A sequence of unknown length that becomes a ``Seq`` when somebody iterates over it.

    ``element(i)`` makes the i-th item; ``length`` is the symbol of its length.
    """

    __slots__ = ("name", "element", "length", "seq")

    def __init__(self, name: str, element: Callable[[int], Value], length: Poly) -> None:
        self.name = name
        self.element = element
        self.length = length
        self.seq: Seq | None = None


class Alike(AnySeq):
    """One whose items have the same shapes, so that the next one is known, whichever it is."""

    __slots__ = ()


class Items(dict[Any, Value]):
    """The items of a mapping. A key that only one of two paths has set holds ``PERHAPS``."""


#: In the place of a value: whether the mapping has that key is not decided.
PERHAPS = Unknown("perhaps no such key")


class Dict:
    """A mapping with known items; ``open`` where others may exist."""

    __slots__ = ("items", "_open", "default")

    def __init__(
        self,
        items: dict[Any, Value],
        open: bool = False,
        default: Callable[[Any], Value] | None = None,
    ) -> None:
        self.items = items if isinstance(items, Items) else Items(items)
        self._open = open
        self.default = default  # the value of a key of an open mapping (config["dim"])

    @property
    def open(self) -> bool:
        return self._open or any(value is PERHAPS for value in self.items.values())

    @open.setter
    def open(self, value: bool) -> None:
        self._open = value

    @property
    def closed(self) -> bool:
        """Whether it has no other keys than these, each of which it has, or perhaps."""
        return not self._open


class Choice:
    """One of a few values, by a condition that the source does not decide.

    ``sizes``: of classes, the numbers that were asked of them by name. Whichever class it is, it
    is the same one each time, and so is its number.
    """

    __slots__ = ("options", "sizes")

    def __init__(self, options: list[Value]) -> None:
        self.options = options
        self.sizes: dict[str, Value] = {}

    def __repr__(self) -> str:
        return f"Choice{self.options!r}"


class Layer:
    """An instance of a torch.nn class: ``args`` are its bound constructor arguments.

    ``attrs`` holds the attributes it makes (weight, in_features) and those set later;
    ``items`` its children where it is a container.
    """

    __slots__ = ("spec", "args", "attrs", "origin", "items", "called", "node", "token")

    def __init__(
        self,
        spec: LayerSpec,
        args: dict[str, Value],
        attrs: dict[str, Value],
        origin: Origin | None = None,
        items: dict[str, Value] | None = None,
    ) -> None:
        self.spec = spec
        self.args = args
        self.attrs = attrs
        self.origin = origin
        self.items = items
        self.called = False
        self.node: ast.AST | None = None  # the constructor call
        self.token: int | None = None  # see Instance

    def __repr__(self) -> str:
        return f"<{self.spec.name}>"


class Instance:
    """An object of a class of the project (a Module or any other)."""

    __slots__ = ("cls", "attrs", "origin", "items", "called", "node", "token")

    def __init__(self, cls: ClassRef, origin: Origin | None = None) -> None:
        self.cls = cls
        self.attrs: dict[str, Value] = {}
        self.origin = origin
        self.items: dict[str, Value] | None = None
        self.called = False
        self.node: ast.AST | None = None  # the constructor call
        self.token: int | None = None  # equal for modules built with the same arguments

    def __repr__(self) -> str:
        return f"<{self.cls.node.name} object>"


#: Arguments that may well be 0, unlike sizes.
_FROM_ZERO = re.compile(r"pad|offset|shift|start|idx|index|axis|skip|extra|overlap|trim|crop|margin")


def argument_size(name: str) -> Poly:
    """The symbol of an argument that is used as a number."""
    return symbol(name, low=0 if _FROM_ZERO.search(name) else 1)


class Config:
    """An argument of unknown type: used as a number it is a symbol, and its attributes and
    items (``cfg.dim``, ``hp["dim"]``) are such arguments in their turn."""

    __slots__ = ("name", "attrs", "_size", "seq")

    def __init__(self, name: str) -> None:
        self.name = name
        self.attrs: dict[Any, Value] = {}
        self._size: Poly | None = None
        self.seq: AnySeq | None = None

    @property
    def size(self) -> Poly:
        if self._size is None:
            self._size = argument_size(self.name)
        return self._size

    def attr(self, key: Any) -> Value:
        """The attribute or item of that name: always the same value for the same name."""
        if key not in self.attrs:
            text = f"{self.name}.{key}" if isinstance(key, str) else f"{self.name}[{key}]"
            self.attrs[key] = Config(text)
        return self.attrs[key]

    def __repr__(self) -> str:
        return f"Config({self.name})"


class Flag:
    """A symbolic truth value: one unknown bool, the same wherever it is asked."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class Splice:
    """Inside a list: one of several runs of items, by a condition that is not known."""

    __slots__ = ("options",)

    def __init__(self, options: list[list[Value]]) -> None:
        self.options = options


class More(Splice):
    """Inside a list: any number of items of which nothing is known."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__([[Unknown("items of unknown number")]])


class Modules:
    """``owner.modules()`` or ``named_modules()``: all modules below it, itself first."""

    __slots__ = ("owner", "named")

    def __init__(self, owner: Layer | Instance, named: bool) -> None:
        self.owner = owner
        self.named = named


class External:
    """A name outside the project, by its canonical dotted name (``torch.nn.Linear``)."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, External) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"External({self.name})"


class ClassRef:
    """A class of the project; ``scope`` is the call that made it, if one did."""

    __slots__ = ("node", "file", "scope", "attrs", "identity")

    def __init__(self, node: ast.ClassDef, file: SourceFile, scope: Any = None) -> None:
        self.node = node
        self.file = file
        self.scope = scope
        self.attrs: dict[str, Value] = {}
        #: Equal for one class, however often it is looked up: each call makes a class of its own.
        self.identity: Any = node if scope is None else (node, scope)


def as_set(items: list[Value]) -> Value:
    """A set of values, each once; of what may be equal nobody knows how many there are."""
    once: dict[Any, Value] = {}
    for item in items:
        plain = item is None or isinstance(item, (int, float, str))
        if not plain and not isinstance(item, (External, ClassRef)):
            return Seq(list(items), "set") if len(items) < 2 else Unknown("a set of values that may be equal")
        once[item if plain else getattr(item, "name", id(item))] = item
    return Seq(list(once.values()), "set")


class Function:
    """A function, lambda or method of the project; ``bound`` is its ``self`` or class."""

    __slots__ = ("node", "file", "scope", "bound", "owner", "plain", "fixed")

    def __init__(
        self,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
        file: SourceFile,
        scope: Any = None,
        bound: Value = None,
        owner: ClassRef | None = None,
    ) -> None:
        self.node = node
        self.file = file
        self.scope = scope
        self.bound = bound
        self.owner = owner
        self.plain = False  # as a decorator gets it: its own decorators are left out
        self.fixed: dict[str, Value] = {}  # defaults as they were where it was defined


class Native:
    """A callable that the interpreter implements (a method of a value)."""

    __slots__ = ("name", "call")

    def __init__(self, name: str, call: Callable[..., Value]) -> None:
        self.name = name
        self.call = call


class Parser:
    """An ``argparse.ArgumentParser`` with the values that its options have by default."""

    __slots__ = ("options",)

    def __init__(self) -> None:
        self.options: dict[str, Value] = {}


class Partial(Native):
    """``functools.partial``: ``given`` are its attributes ``func``, ``args`` and ``keywords``."""

    __slots__ = ("given",)

    def __init__(self, call: Callable[..., Value], given: dict[str, Value]) -> None:
        super().__init__("partial", call)
        self.given = given


def is_size(value: Value) -> bool:
    """Whether the value is a whole number, known or symbolic (bool is not)."""
    return isinstance(value, Poly) or (isinstance(value, int) and not isinstance(value, bool))


def as_size(value: Value) -> Size | None:
    """The value as a size, or None."""
    if isinstance(value, Poly):
        return value
    if isinstance(value, int):
        return int(value)  # of a bool, too
    return value.size if isinstance(value, Config) else None


def only_symbol(size: Size) -> Symbol | None:
    """The symbol that the size is, if it is nothing but one symbol."""
    if isinstance(size, int) or len(size.terms) != 1:
        return None
    ((monomial, factor),) = size.terms.items()
    if factor == 1 and len(monomial) == 1 and monomial[0][1] == 1:
        atom = monomial[0][0]
        return atom if isinstance(atom, Symbol) else None
    return None
