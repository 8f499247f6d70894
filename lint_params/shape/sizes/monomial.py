"""Monomials: products of powers of atoms, in the order of the atoms."""

from __future__ import annotations

from lint_params.shape.sizes.poly import ONE, Atom, Monomial, Poly


def multiplied(a: Monomial, b: Monomial) -> Monomial:
    if not a:
        return b
    if not b:
        return a
    if a[-1][0].order < b[0][0].order:
        return a + b
    if b[-1][0].order < a[0][0].order:
        return b + a
    powers = dict(a)
    for atom, power in b:
        powers[atom] = powers.get(atom, 0) + power
    return tuple(sorted(powers.items(), key=lambda item: item[0].order))


def without(monomial: Monomial, atom: Atom, count: int) -> Monomial:
    """The monomial with one power of the atom less."""
    return tuple((a, p - 1) if a == atom else (a, p) for a, p in monomial if a != atom or p > 1)


def contains(monomial: Monomial, part: Monomial) -> bool:
    if not part:
        return True
    if len(part) > len(monomial):
        return False
    for atom, count in part:
        for one, power in monomial:
            if one is atom:
                if power < count:
                    return False
                break
        else:
            return False
    return True


def divide(monomial: Monomial, part: Monomial) -> Monomial:
    powers = dict(monomial)
    for atom, count in part:
        powers[atom] -= count
    return tuple((a, p) for a, p in sorted(powers.items(), key=lambda i: i[0].order) if p)


def lowest(monomial: Monomial) -> int | None:
    """A proved lower bound of the number, or None where an atom may be negative."""
    out = 1
    for atom, count in monomial:
        if atom.low is None or atom.low < 0:
            return None
        out *= int(atom.low**count)
    return out


def highest(monomial: Monomial) -> int | None:
    """A proved upper bound of the number, or None where an atom has none."""
    out = 1
    for atom, count in monomial:
        if atom.high is None or atom.low is None or atom.low < 0:
            return None
        out *= int(atom.high**count)
    return out


def common_part(poly: Poly) -> Monomial:
    """The largest monomial that divides every term."""
    powers: dict[Atom, int] | None = None
    for monomial in poly.terms:
        here = dict(monomial)
        if powers is None:
            powers = here
        else:
            powers = {a: min(p, here[a]) for a, p in powers.items() if a in here}
        if not powers:
            return ONE
    return tuple(sorted((powers or {}).items(), key=lambda item: item[0].order))
