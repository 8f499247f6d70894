"""Symbolic sizes: polynomials with integer coefficients over symbols, and ``same()``.

A size is a Python ``int`` or a ``Poly``. Polynomials are kept in canonical form, so equal
polynomials are equal objects by structure; whether two sizes are equal *numbers* is asked
of ``same`` alone, which answers YES, NO or MAYBE.

Assumption: a symbol is a whole number of at least ``Symbol.low`` (1 unless said otherwise):
sizes of tensors and layers are positive.
"""

from __future__ import annotations

from collections.abc import Callable
from math import gcd

from lint_params.shape.sizes.monomial import common_part, contains, divide, highest, lowest, multiplied, without
from lint_params.shape.sizes.poly import (
    MAX_TERMS,
    ONE,
    OPERATIONS,
    Answer,
    Atom,
    Monomial,
    Operation,
    Poly,
    Size,
    Symbol,
    of_atom,
    operation,
    sealed,
    symbol,
)

YES, NO, MAYBE = Answer.YES, Answer.NO, Answer.MAYBE


#: How many operations are replaced by what bounds them, for one bound.
_DEPTH = 3


def _build(terms: dict[Monomial, int]) -> Size:
    if 0 in terms.values():
        terms = {m: c for m, c in terms.items() if c}
    if not terms:
        return 0
    if len(terms) == 1 and ONE in terms:
        return terms[ONE]
    folded = _folded(Poly(terms))
    if isinstance(folded, Poly) and len(folded.terms) > MAX_TERMS:
        key = ("sum", folded)
        atom = OPERATIONS.get(key)
        if atom is None:
            # What is weaker than a long sum is as long: that is not asked, it would not end.
            high = lower(neg(folded), 0)
            atom = OPERATIONS[key] = sealed(lower(folded, 0), None if high is None else -high)
        return of_atom(atom)
    return folded


def _terms(size: Size) -> dict[Monomial, int]:
    if isinstance(size, int):
        return {ONE: size} if size else {}
    return size.terms


def add(a: Size, b: Size) -> Size:
    if isinstance(a, int) and isinstance(b, int):
        return a + b
    if a == 0:
        return b
    if b == 0:
        return a
    terms = dict(_terms(a))
    for monomial, factor in _terms(b).items():
        terms[monomial] = terms.get(monomial, 0) + factor
    return _build(terms)


def neg(a: Size) -> Size:
    return -a if isinstance(a, int) else Poly({m: -c for m, c in a.terms.items()})


def sub(a: Size, b: Size) -> Size:
    if isinstance(a, int) and isinstance(b, int):
        return a - b
    if b == 0:
        return a
    if a == b:
        return 0
    terms = dict(_terms(a))
    for monomial, factor in _terms(b).items():
        terms[monomial] = terms.get(monomial, 0) - factor
    return _build(terms)


def mul(a: Size, b: Size) -> Size:
    if isinstance(a, int) and isinstance(b, int):
        return a * b
    if a == 1:
        return b
    if b == 1:
        return a
    if a == 0 or b == 0:
        return 0
    terms: dict[Monomial, int] = {}
    for m1, c1 in _terms(a).items():
        for m2, c2 in _terms(b).items():
            monomial = multiplied(m1, m2)
            terms[monomial] = terms.get(monomial, 0) + c1 * c2
    return _build(terms)


def product(sizes: tuple[Size, ...] | list[Size]) -> Size:
    total: Size = 1
    for size in sizes:
        total = mul(total, size)
    return total


def power(a: Size, exponent: int) -> Size:
    if isinstance(a, int):
        return int(a**exponent)
    out: Size = 1
    for _ in range(min(exponent, 16)):
        out = mul(out, a)
    return out


def _folded(poly: Poly) -> Size:
    """Rewrite ``b * (a // b)`` to ``a - a % b``, so that whole parts meet their wholes."""
    for monomial, factor in poly.terms.items():
        for atom, count in monomial:
            if not atom.depth or not isinstance(atom, Operation) or atom.name != "//":
                continue
            whole, by = atom.args
            if isinstance(by, int):
                if by != 0 and factor % by == 0:
                    rest = without(monomial, atom, count)
                    others = {m: c for m, c in poly.terms.items() if m != monomial}
                    left = Poly({rest: factor // by}) if rest else factor // by
                    return add(_build(others), mul(left, sub(whole, modulo(whole, by))))
                continue
            if len(by.terms) != 1:
                continue
            ((divisor, coefficient),) = by.terms.items()
            if factor % coefficient:
                continue
            rest = without(monomial, atom, count)
            if not contains(rest, divisor):
                continue
            others = {m: c for m, c in poly.terms.items() if m != monomial}
            left_monomial = divide(rest, divisor)
            left_factor = factor // coefficient
            times: Size = Poly({left_monomial: left_factor}) if left_monomial else left_factor
            return add(_build(others), mul(times, sub(whole, modulo(whole, by))))
    return poly


def quotient(a: Size, b: Size) -> Size | None:
    """a / b where b is one monomial that divides every term of a, else None."""
    if isinstance(b, int):
        if b == 0:
            return None
        if isinstance(a, int):
            return a // b if a % b == 0 else None
        if all(c % b == 0 for c in a.terms.values()):
            return _build({m: c // b for m, c in a.terms.items()})
        return None
    if a == b:
        return 1
    if isinstance(a, int):
        return 0 if a == 0 else None
    if len(b.terms) == 1:
        ((divisor, coefficient),) = b.terms.items()
        if all(c % coefficient == 0 and contains(m, divisor) for m, c in a.terms.items()):
            return _build({divide(m, divisor): c // coefficient for m, c in a.terms.items()})
        return None
    # a = k * b for a whole k, or a = m * b for one monomial m
    m_a, c_a = next(iter(a.terms.items()))
    for m_b, c_b in b.terms.items():
        if c_a % c_b == 0 and contains(m_a, m_b):
            times = _build({divide(m_a, m_b): c_a // c_b})
            if sub(a, mul(times, b)) == 0:
                return times
    return None


def cancel(a: Size, b: Size, positive: bool = False) -> tuple[Size, Size]:
    """a and b without the factors that both have as monomials: the quotient stays.

    ``positive``: only factors that are surely no 0, so that equal stays equal.
    """
    terms = {**_terms(a), **_terms(b)}
    if not terms:
        return a, b
    shared = 0
    for size in (a, b):
        for factor in _terms(size).values():
            shared = gcd(shared, factor)
    common = common_part(Poly(terms))
    if positive:
        common = tuple((atom, count) for atom, count in common if (atom.low or 0) > 0)
    if shared <= 1 and not common:
        return a, b
    one, two = (
        _build({divide(m, common): c // shared for m, c in _terms(size).items()})
        for size in (a, b)
    )
    return one, two


def floordiv(a: Size, b: Size) -> Size:
    """Floor division; the part of ``a`` that ``b`` divides comes out exactly."""
    if isinstance(a, int) and isinstance(b, int):
        return a // b if b else opaque("//", a, b)
    if b == 1:
        return a
    if b == 0:
        return opaque("//", a, b)
    exact = quotient(a, b)
    if exact is not None:
        return exact
    if isinstance(a, Poly) and isinstance(b, Poly):  # floor(x k / (y k)) = floor(x / y) for positive k
        one, two = cancel(a, b, positive=True)
        if two != b and _positive(two):
            return floordiv(one, two)
    whole, rest = _split(a, b)
    if rest == 0:
        return whole
    if isinstance(rest, int) and isinstance(b, int):
        return add(whole, rest // b)
    if isinstance(rest, Poly) and isinstance(b, int) and b > 1:
        if _below_zero(rest):  # one form for what is rounded up: floor(-x / b) = -floor((x + b - 1) / b)
            return sub(whole, floordiv(add(neg(rest), b - 1), b))
        constant = rest.terms.get(ONE, 0)
        whole, rest = add(whole, constant // b), add(rest, constant % b - constant)
    # floor((floor(x / p) + c) / q) = floor((x + c p) / (p q)) for positive whole p and q
    constant = rest.terms.get(ONE, 0) if isinstance(rest, Poly) else 0
    terms = [term for term in rest.terms.items() if term[0]] if isinstance(rest, Poly) else []
    if len(terms) == 1:
        ((monomial, factor),) = terms
        if factor == 1 and len(monomial) == 1 and monomial[0][1] == 1:
            inner = monomial[0][0]
            if isinstance(inner, Operation) and inner.name == "//" and _positive(inner.args[1], b):
                moved = add(inner.args[0], mul(constant, inner.args[1]))
                return add(whole, floordiv(moved, mul(inner.args[1], b)))
    floor = of_atom(operation("//", (rest, b), low=_floor_low(rest, b)))
    return add(whole, floor)


def modulo(a: Size, b: Size) -> Size:
    if isinstance(a, int) and isinstance(b, int):
        return a % b if b else opaque("%", a, b)
    if b == 1:
        return 0
    _, rest = _split(a, b)
    if rest == 0:
        return 0
    if isinstance(rest, int) and isinstance(b, int):
        return rest % b
    if isinstance(rest, Poly) and isinstance(b, int) and b > 1:
        if _below_zero(rest):  # -x mod b = b - 1 - (x + b - 1) mod b
            return sub(b - 1, modulo(add(neg(rest), b - 1), b))
        constant = rest.terms.get(ONE, 0)
        rest = add(rest, constant % b - constant)
    high = b - 1 if isinstance(b, int) and b > 0 else None
    return of_atom(operation("%", (rest, b), low=0 if _positive(b) else None, high=high))


def _split(a: Size, b: Size) -> tuple[Size, Size]:
    """a = whole * b + rest, with every term of a that b divides in whole."""
    whole: Size = 0
    rest: Size = 0
    for monomial, factor in _terms(a).items():
        term = _build({monomial: factor})
        part = quotient(term, b)
        if part is None and isinstance(b, int) and b > 1 and abs(factor) >= b and monomial:
            part = _build({monomial: factor // b})
            term_rest = _build({monomial: factor % b})
            whole, rest = add(whole, part), add(rest, term_rest)
        elif part is None:
            rest = add(rest, term)
        else:
            whole = add(whole, part)
    if isinstance(rest, Poly) and isinstance(b, Poly) and rest == b:
        return add(whole, 1), 0
    return whole, rest


def _below_zero(size: Poly) -> bool:
    """Whether all of a sum but its number is taken away."""
    return all(factor < 0 for monomial, factor in size.terms.items() if monomial)


def _positive(*sizes: Size) -> bool:
    return all((lower(size) or 0) >= 1 for size in sizes)


def _floor_low(a: Size, b: Size) -> int | None:
    low = lower(a)
    if low is None or not _positive(b):
        return None
    if isinstance(b, int):
        return low // b
    return 0 if low >= 0 else None


def opaque(name: str, *args: Size, low: int | None = None) -> Size:
    """A function of sizes that is not expanded: equal names and arguments, equal numbers."""
    return of_atom(operation(name, args, low))


def minimum(a: Size, b: Size) -> Size:
    return _extreme("min", a, b)


def maximum(a: Size, b: Size) -> Size:
    return _extreme("max", a, b)


def widest(a: Size, b: Size) -> Size:
    """The size that two sizes broadcast to, given that they do: one of them, or both."""
    if a == b or b == 1:
        return a
    if a == 1:
        return b
    if isinstance(a, int) and isinstance(b, int):
        return max(a, b)
    for whole, part in ((a, b), (b, a)):
        if (
            same(whole, 1) is NO
            or _is_with("min", part, whole)
            or _is_with("broadcast", whole, part)
        ):
            return whole
    lows = [low for low in (lower(a), lower(b)) if low is not None]
    first, second = sorted((a, b), key=_rank)
    return of_atom(operation("broadcast", (first, second), min(lows) if len(lows) == 2 else None))


def _is_with(name: str, size: Size, arg: Size) -> bool:
    """Whether ``size`` is the operation ``name`` of ``arg`` and something else."""
    if isinstance(size, int) or len(size.terms) != 1:
        return False
    ((monomial, factor),) = size.terms.items()
    if factor != 1 or len(monomial) != 1 or monomial[0][1] != 1:
        return False
    atom = monomial[0][0]
    return isinstance(atom, Operation) and atom.name == name and arg in atom.args


def _extreme(name: str, a: Size, b: Size) -> Size:
    if isinstance(a, int) and isinstance(b, int):
        return min(a, b) if name == "min" else max(a, b)
    if a == b:
        return a
    order = at_least(a, b)  # a >= b?
    if order is YES:
        return b if name == "min" else a
    if at_least(b, a) is YES:
        return a if name == "min" else b
    first, second = sorted((a, b), key=_rank)
    lows = [low for low in (lower(a), lower(b)) if low is not None]
    low = (
        (min(lows) if len(lows) == 2 else None) if name == "min" else (max(lows) if lows else None)
    )
    return of_atom(operation(name, (first, second), low))


def _rank(size: Size) -> tuple[int, ...]:
    """An order for the arguments of a symmetric operation."""
    if isinstance(size, int):
        return (0, size)
    return (
        1,
        *sorted(atom.order for atom in size.atoms),
        len(size.terms),
        *sorted(size.terms.values()),
    )


def lower(size: Size, _depth: int = _DEPTH) -> int | None:
    """A proved lower bound of the number, or None."""
    if isinstance(size, int):
        return size
    if _depth < _DEPTH:
        return _lower(size, _depth)
    if size.low is None or size.low[1] != Atom.raised:
        size.low = (_lower(size, _depth), Atom.raised)
    return size.low[0]


def _lower(size: Poly, _depth: int) -> int | None:
    best = _bound(size)
    if (best is not None and best > 0) or not _depth:
        return best
    for weaker in _weaker(size):
        bound = lower(weaker, _depth - 1)
        if bound is not None and (best is None or bound > best):
            best = bound
    return best


def upper(size: Size) -> int | None:
    """A proved upper bound of the number, or None."""
    bound = lower(neg(size))
    return None if bound is None else -bound


def _weaker(poly: Poly) -> list[Size]:
    """Sizes that are at most this one: an operation replaced by what bounds it.

    a - a // 2 >= a - (a - 1), and max(a, b) - a >= a - a.
    """
    for monomial, factor in poly.terms.items():
        for atom, count in monomial:
            if not atom.depth or not isinstance(atom, Operation) or count != 1:
                continue
            bounds = _above(atom) if factor < 0 else _below(atom)
            if not bounds:
                continue
            rest = without(monomial, atom, count)
            if lowest(rest) is None:
                continue
            others = {m: c for m, c in poly.terms.items() if m != monomial}
            return [add(_build(others), mul(_build({rest: factor}), bound)) for bound in bounds]
    return []


def _above(atom: Operation) -> list[Size]:
    """Sizes that the operation never exceeds."""
    if atom.name == "min":
        return list(atom.args)
    if atom.name not in ("//", "%"):
        return []
    a, b = atom.args
    if not _positive(b):
        return []
    if atom.name == "%":
        return [sub(b, 1), a] if (_bound(a) or -1) >= 0 else [sub(b, 1)]
    low = _bound(a)
    if low is None or low < 0:
        return [-1] if (_bound(neg(a)) or 0) >= 1 else []
    return [sub(a, 1)] if low >= 1 and (_bound(b) or 0) >= 2 else [a]


def _below(atom: Operation) -> list[Size]:
    """Sizes that the operation always reaches."""
    return list(atom.args) if atom.name == "max" else []


def _bound(size: Size) -> int | None:
    if isinstance(size, int):
        return size
    total = 0
    # x*y - x >= 0 for y >= 1: a negative term is paid for by a positive multiple of it
    budget = {m: c for m, c in size.terms.items() if c > 0}
    for monomial, factor in size.terms.items() if len(budget) < len(size.terms) else ():
        if factor > 0:
            continue
        owed = -factor
        for other in list(budget) if monomial else ():
            if owed and budget[other] and other != monomial and contains(other, monomial):
                times, least = lowest(divide(other, monomial)) or 0, lowest(monomial)
                if times >= 1 and least is not None:
                    paid = min(owed, budget[other])
                    budget[other] -= paid
                    owed -= paid
                    total += paid * (times - 1) * max(least, 0)
        if owed:
            high = highest(monomial)
            if high is None:
                return None
            total -= owed * high
    for monomial, factor in budget.items():
        if factor:
            low = lowest(monomial)
            if low is None:
                return None
            total += factor * low
    return total


def same(a: Size, b: Size) -> Answer:
    """Whether two sizes are one number: for all values of the symbols, for none, or unknown."""
    if isinstance(a, int) and isinstance(b, int):
        return YES if a == b else NO
    if a == b:
        return YES
    difference = sub(a, b)
    if isinstance(difference, int):
        return YES if difference == 0 else NO
    if _never_zero(difference):
        return NO
    parts = _unfolded(difference)
    return NO if parts is not None and _never_zero(parts) else MAYBE


def _unfolded(poly: Poly) -> Poly | None:
    """The same with ``a % b`` written as ``a - a // b * b``, where a quotient of the two stands
    beside it: a + -a % 2 is twice half of it, rounded up."""
    rest = next(
        (a for a in poly.atoms if isinstance(a, Operation) and a.name == "%" and a.low == 0), None
    )
    floor = rest and next(
        (a for a in poly.atoms if isinstance(a, Operation) and a.name == "//" and a.args == rest.args), None
    )
    if rest is None or floor is None:
        return None
    whole, by = rest.args
    total: dict[Monomial, int] = {}
    for monomial, factor in poly.terms.items():
        if monomial != ((rest, 1),):
            if any(atom is rest for atom, _ in monomial):
                return None
            total[monomial] = total.get(monomial, 0) + factor
            continue
        minus = {multiplied(m, ((floor, 1),)): -c for m, c in _terms(by).items()}
        for m, c in (*_terms(whole).items(), *minus.items()):
            total[m] = total.get(m, 0) + factor * c
    total = {m: c for m, c in total.items() if c}
    return Poly(total) if total else None


def _never_zero(poly: Poly) -> bool:
    common = ONE if ONE in poly.terms else common_part(poly)
    if common and (lowest(common) or 0) >= 1:
        poly_or_int = _build({divide(m, common): c for m, c in poly.terms.items()})
        if isinstance(poly_or_int, int):
            return poly_or_int != 0
        poly = poly_or_int
    low = lower(poly)
    if low is not None and low > 0:
        return True
    high = upper(poly)
    if high is not None and high < 0:
        return True
    constant = poly.terms.get(ONE, 0)
    if constant:
        shared = 0
        for monomial, factor in poly.terms.items():
            if monomial:
                shared = gcd(shared, factor)
        return shared > 1 and constant % shared != 0
    return False


def at_least(a: Size, b: Size) -> Answer:
    """Whether a >= b always, never, or unknown."""
    difference = sub(a, b)
    low = lower(difference)
    if low is not None and low >= 0:
        return YES
    high = upper(difference)
    if high is not None and high < 0:
        return NO
    return MAYBE


def substitute(size: Size, value_of: Callable[[Atom], Size | None]) -> Size:
    """Replace atoms by sizes (None keeps the atom), inside operations too."""
    if isinstance(size, int):
        return size
    changed = False
    replaced: dict[Atom, Size] = {}
    for atom in size.atoms:
        new = value_of(atom)
        if new is None and isinstance(atom, Operation):
            args = tuple(substitute(arg, value_of) for arg in atom.args)
            if args != atom.args:
                new = apply(atom.name, args)
        if new is None:
            replaced[atom] = of_atom(atom)
        else:
            replaced[atom] = new
            changed = True
    if not changed:
        return size
    total: Size = 0
    for monomial, factor in size.terms.items():
        term: Size = factor
        for atom, count in monomial:
            term = mul(term, power(replaced[atom], count))
        total = add(total, term)
    return total


def apply(name: str, args: tuple[Size, ...]) -> Size:
    """Rebuild an operation from its name, evaluating what can be evaluated."""
    if name == "//":
        return floordiv(*args)
    if name == "%":
        return modulo(*args)
    if name == "min":
        return minimum(*args)
    if name == "max":
        return maximum(*args)
    if name == "broadcast":
        return widest(*args)
    return opaque(name, *args)


__all__ = [
    "MAYBE",
    "NO",
    "ONE",
    "YES",
    "Answer",
    "Atom",
    "Monomial",
    "Operation",
    "Poly",
    "Size",
    "Symbol",
    "add",
    "apply",
    "at_least",
    "cancel",
    "floordiv",
    "lower",
    "maximum",
    "minimum",
    "modulo",
    "mul",
    "neg",
    "of_atom",
    "opaque",
    "operation",
    "power",
    "product",
    "same",
    "sub",
    "substitute",
    "symbol",
    "upper",
    "widest",
]
