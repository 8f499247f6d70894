"""Symbols, operations and the polynomials over them, in canonical form.

The arithmetic is in ``dim``, which is what the rest of the house imports.
"""

from __future__ import annotations

from enum import Enum
from typing import Union


class Answer(Enum):
    YES = "yes"
    NO = "no"
    MAYBE = "maybe"


class Atom:
    """What a polynomial is built over: a symbol, or an operation that does not expand.

    Atoms are compared by identity; ``order`` numbers them for the canonical form.
    """

    __slots__ = ("order", "low", "high", "depth", "deep", "poly")
    _count = 0
    #: How often an atom's bound has been raised: what was concluded from it may be more now.
    raised = 0

    low: int | None
    high: int | None
    depth: int  # how deep operations are nested in it; a symbol has none
    deep: frozenset[Atom]  # itself and the atoms inside it
    poly: Poly | None  # itself as a size, once somebody has asked

    def __init__(self, low: int | None, high: int | None = None) -> None:
        Atom._count += 1
        self.order = Atom._count
        self.depth = 0
        self.deep = frozenset((self,))
        self.poly = None
        self.low = low
        self.high = high

    def raise_low(self, low: int) -> None:
        """A better lower bound has shown itself."""
        self.low = low
        Atom.raised += 1

    @staticmethod
    def latest() -> int:
        """The order of the atom made last: later ones are larger."""
        return Atom._count


class Symbol(Atom):
    """A whole number that the source does not tell.

    ``kind``: "argument" of a constructor or function, "input" (a size of a free tensor),
    "count" (a length), "pieces" (a number of parts) or "opaque" (one unknown value; no bounds
    unless given). ``default`` is the value that the source gives it when nobody says otherwise.
    """

    __slots__ = ("name", "kind", "default")

    def __init__(
        self, name: str, kind: str = "argument", low: int | None = 1, default: int | None = None
    ) -> None:
        super().__init__(low)
        self.name = name
        self.kind = kind
        self.default = default

    def __str__(self) -> str:
        return self.name

    __repr__ = __str__


class Operation(Atom):
    """``floor(a / b)``, ``a mod b``, ``min``, ``max`` or another function of sizes.

    Made by ``operation``, so that equal names and arguments are one object.
    """

    __slots__ = ("name", "args")

    def __init__(
        self, name: str, args: tuple[Size, ...], low: int | None, high: int | None
    ) -> None:
        super().__init__(low, high)
        self.name = name
        self.args = args
        inner = [arg for arg in args if isinstance(arg, Poly)]
        self.depth = 1 + max((a.depth for arg in inner for a in arg.atoms), default=0)
        self.deep = self.deep.union(*(arg.deep for arg in inner))

    def __str__(self) -> str:
        if not self.args:
            return f"<{self.name}>"
        if self.name in ("//", "%"):
            left, right = (_bracketed(a) for a in self.args)
            return f"{left} {self.name} {right}" if self.name == "%" else f"{left}//{right}"
        return f"{self.name}({', '.join(str(a) for a in self.args)})"

    __repr__ = __str__


#: Sizes that nest or sum more than this are kept as one number that is not looked into.
MAX_DEPTH = 8
MAX_TERMS = 40

OPERATIONS: dict[tuple[object, ...], Operation] = {}


def operation(
    name: str, args: tuple[Size, ...], low: int | None = None, high: int | None = None
) -> Operation:
    """The one atom for this operation on these arguments."""
    key = (name, *args)
    atom = OPERATIONS.get(key)
    if atom is None:
        if len(OPERATIONS) > 200_000:  # of files long done
            OPERATIONS.clear()
        atom = Operation(name, args, low, high)
        if atom.depth > MAX_DEPTH:
            atom = sealed(low, high)
        OPERATIONS[key] = atom
    return atom


def sealed(low: int | None, high: int | None = None) -> Operation:
    """An atom that is not looked into: what it stands for has grown past use."""
    return Operation("a large size", (), low, high)


Monomial = tuple[tuple[Atom, int], ...]  # atoms with their powers, sorted by order
ONE: Monomial = ()


class Poly:
    """A polynomial that is no constant. ``terms`` maps monomials to non-zero integers."""

    __slots__ = ("terms", "_hash", "_atoms", "_text", "_deep", "low")

    def __init__(self, terms: dict[Monomial, int]) -> None:
        self.terms = terms
        self._hash: int | None = None
        self._atoms: frozenset[Atom] | None = None
        self._text: str | None = None
        self._deep: frozenset[Atom] | None = None
        #: What ``lower`` found and what ``Atom.raised`` was then.
        self.low: tuple[int | None, int] | None = None

    def __eq__(self, other: object) -> bool:
        """One canonical form; for equality of the numbers ask ``same``."""
        return self is other or (other.__class__ is Poly and self.terms == other.terms)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self.terms.items()))
        return self._hash

    @property
    def atoms(self) -> frozenset[Atom]:
        if self._atoms is None:
            self._atoms = frozenset(a for m in self.terms for a, _ in m)
        return self._atoms

    @property
    def deep(self) -> frozenset[Atom]:
        """Its atoms and all that stand inside them."""
        if self._deep is None:
            self._deep = frozenset().union(*(a.deep for m in self.terms for a, _ in m))
        return self._deep

    def __str__(self) -> str:
        if self._text is None:
            self._text = self._spelled()
        return self._text

    def _spelled(self) -> str:
        parts: list[str] = []
        for monomial, factor in sorted(self.terms.items(), key=lambda t: (-len(t[0]), str(t[0]))):
            text = "*".join(
                (f"({a})" if isinstance(a, Operation) and a.name in ("//", "%") else str(a))
                + (f"**{p}" if p != 1 else "")
                for a, p in monomial
            )
            if not text:
                text = str(abs(factor))
            elif abs(factor) != 1:
                text = f"{abs(factor)}*{text}"
            if parts:
                parts.append(f" {'-' if factor < 0 else '+'} {text}")
            else:
                parts.append(f"-{text}" if factor < 0 else text)
        out = "".join(parts)
        if (
            len(self.terms) == 1
            and len(self.atoms) == 1
            and out.startswith("(")
            and out.endswith(")")
        ):
            return out[1:-1]
        return out

    __repr__ = __str__


Size = Union[int, Poly]  # noqa: UP007  (Python 3.10 evaluates aliases)


def _bracketed(size: Size) -> str:
    text = str(size)
    return f"({text})" if not isinstance(size, int) and not text.isidentifier() else text


def symbol(
    name: str, kind: str = "argument", low: int | None = 1, default: int | None = None
) -> Poly:
    """A fresh symbol as a size."""
    return of_atom(Symbol(name, kind, low, default))


def of_atom(atom: Atom) -> Poly:
    if atom.poly is None:
        atom.poly = Poly({((atom, 1),): 1})
    return atom.poly
