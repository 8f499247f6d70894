"""Sizes that are one number only where an author's own size is 1: he would not name it then.

``n_head * dim`` and ``dim`` can be equal; that a class was written for it nobody believes.
"""

from __future__ import annotations

import re

from lint_params.shape.sizes.dim import NO, Atom, Operation, Poly, Size, Symbol, quotient, same, sub, substitute


def only_if_one(a: Size, b: Size) -> bool:
    """Whether two sizes are one number only where arguments of the author's are 1 that he would
    not name for it, ``n_head * dim`` and ``dim``, or where both are 0."""
    if _part_of(a, b) or _part_of(b, a) or _at_least_a_part(a, b) or _at_least_a_part(b, a):
        return True
    if isinstance(a, int) or isinstance(b, int):
        return _cut_to_one(a, b) or _cut_to_one(b, a) or (1 in (a, b) and (is_inner_width(a) or is_inner_width(b)))
    times = quotient(a, b) or quotient(b, a)
    if isinstance(times, int):  # twice another: one number only where both are 0
        return times > 1 and all(_named(atom) for atom in (*a.deep, *b.deep) if isinstance(atom, Symbol))
    if not isinstance(times, Poly) or len(times.terms) != 1:
        return False
    ((monomial, factor),) = times.terms.items()
    return factor >= 1 and all(_named(atom) for atom, _ in monomial)


def apart_without_rest(a: Size, b: Size) -> bool:
    """``dim`` and ``dim // heads * heads * 3``: one number only where heads leaves two thirds of dim."""

    def no_rest(atom: Atom) -> Size | None:
        if not isinstance(atom, Operation) or atom.name != "%":
            return None
        return 0 if all(isinstance(part, Poly) and _is_argument(part) for part in atom.args) else None

    whole = substitute(a, no_rest), substitute(b, no_rest)
    if whole == (a, b) or not all(isinstance(size, Poly) and len(size.terms) == 1 for size in whole):
        return False
    return same(*whole) is NO and all(_named(atom) for size in whole if isinstance(size, Poly) for atom in size.deep)


def _is_argument(size: Poly) -> bool:
    """An argument of the author's as it stands."""
    return set(size.terms.values()) == {1} and len(size.terms) == 1 and all(map(_named, size.atoms))


def _cut_to_one(one: Size, whole: Size) -> bool:
    """1 and ``dim // heads * heads``: what heads divides is 1 only where heads is."""
    if one != 1 or isinstance(whole, int):
        return False
    rests = [a for a in whole.atoms if isinstance(a, Operation) and a.name == "%"]
    return any(
        isinstance(rest.args[1], Poly)
        and all(map(_named, rest.args[1].atoms))
        and substitute(whole, lambda atom, it=rest: it.args[0] if atom == it else None) == 0  # type: ignore[misc]
        for rest in rests
    )


#: Widths of what is inside a net, which are never 1, as those of what comes in, goes out or conditions it may be.
_WIDTH = re.compile(r"^(hidden|d_model|d_ff|n_embd|(hidden|embed|embedding|model|token|ff|mlp|attn|inner)_(size|dim))$")


def is_inner_width(size: Size, more: str = "") -> bool:
    """Whether a size is the width of something inside a net, by the name of the argument; ``more``: another
    such name."""
    if isinstance(size, int) or len(size.terms) != 1 or not all(map(_named, size.atoms)):
        return False
    names = [atom.name.rpartition(".")[2] for atom in size.atoms if isinstance(atom, Symbol)]
    return any(_WIDTH.search(name) or name == more for name in names)


def one_for_many(one: Size, many: Size) -> bool:
    """Whether a single element is to make up a whole width, ``dim`` among them."""
    return one == 1 and is_inner_width(many, "dim")


def leaves_one(rest: Size) -> bool:
    """Whether the rest of a division is 1 unless the author's divisor is: ``(3 * h * d + 1) % h``."""
    if isinstance(rest, int) or len(rest.terms) != 1:
        return False
    ((monomial, factor),) = rest.terms.items()
    atom = monomial[0][0]
    if factor != 1 or len(monomial) != 1 or not isinstance(atom, Operation) or atom.name != "%":
        return False
    one, by = atom.args
    return one == 1 and isinstance(by, Poly) and len(by.terms) == 1 and all(map(_named_part, by.atoms))


def _named_part(atom: Atom) -> bool:
    """``heads``, or ``dim // heads``: with either being 1 nobody reckons."""
    if isinstance(atom, Operation) and atom.name == "//":
        whole, by = atom.args
        parts = (by,) if isinstance(whole, int) else (whole, by)
        return all(isinstance(arg, Poly) and all(map(_named, arg.atoms)) for arg in parts)
    return _named(atom)


def _only(size: Size, name: str) -> Operation | None:
    """The operation of that name that the size is, if it is nothing else."""
    if isinstance(size, int) or len(size.terms) != 1:
        return None
    ((monomial, factor),) = size.terms.items()
    atom = monomial[0][0] if factor == 1 and len(monomial) == 1 and monomial[0][1] == 1 else None
    return atom if isinstance(atom, Operation) and atom.name == name else None


def _part_of(part: Size, whole: Size) -> bool:
    """``dim // heads`` and ``dim``: one number only where heads is 1; so it is with half of dim,
    rounded up, where dim is."""
    atom = _only(part, "//")
    if atom is None:
        return False
    by = atom.args[1]
    if isinstance(by, int):
        more = sub(atom.args[0], whole)
        one = isinstance(whole, Poly) and len(whole.terms) == 1 and all(map(_size_of_author, whole.atoms))
        return one and isinstance(more, int) and 1 <= more < by
    return sub(atom.args[0], whole) == 0 and all(_named(a) for a in by.atoms) and len(by.terms) == 1


def _at_least_a_part(part: Size, whole: Size) -> bool:
    """``max(1, dim // 16)`` and ``dim``: one number only where dim is 1, or what it is divided by."""
    atom = _only(part, "max")
    if atom is None or 1 not in atom.args or isinstance(whole, int) or len(whole.terms) != 1:
        return False
    floor = _only(atom.args[0] if atom.args[1] == 1 else atom.args[1], "//")
    return (
        floor is not None
        and floor.args[0] == whole
        and no_one(floor.args[1])
        and all(map(_size_of_author, whole.atoms))
    )


def no_one(size: Size) -> bool:
    """Whether a size is no 1: a number, or arguments of the author's that nobody gives as 1."""
    if isinstance(size, int):
        return size > 1
    return len(size.terms) == 1 and all(map(_named, size.atoms))


def _size_of_author(atom: Atom) -> bool:
    """An argument that nobody gives as 1; it may be 0."""
    return (
        isinstance(atom, Symbol)
        and atom.kind == "argument"
        and atom.low in (0, 1)
        and atom.default != 1
    )


def _named(atom: Atom) -> bool:
    """An argument that is 1 in no real use, as the first of a shape is: the channels of a picture."""
    if not isinstance(atom, Symbol) or atom.kind != "argument" or atom.low != 1:
        return False
    return atom.default != 1 and not atom.name.endswith("[0]")
