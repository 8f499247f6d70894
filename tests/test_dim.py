"""Laws of sizes, by enumeration: what dim.py says of symbols holds for all small numbers."""

from __future__ import annotations

import time
from itertools import product
from random import Random

import pytest

from lint_params.shape.sizes import dim
from lint_params.shape.sizes.dim import MAYBE, NO, YES, Size
from lint_params.shape.sizes.unlikely import leaves_one, only_if_one

TOP = 5  # symbols range over 1..TOP
NAMES = "abc"
#: name of an operation: on sizes, and on numbers
OPERATIONS = {
    "add": (dim.add, lambda x, y: x + y),
    "sub": (dim.sub, lambda x, y: x - y),
    "mul": (dim.mul, lambda x, y: x * y),
    "floordiv": (dim.floordiv, lambda x, y: x // y),
    "modulo": (dim.modulo, lambda x, y: x % y),
    "minimum": (dim.minimum, min),
    "maximum": (dim.maximum, max),
}


class Expression:
    """A size together with its number for every assignment; None where it divides by zero."""

    def __init__(self, size: Size, numbers: list[int | None]) -> None:
        self.size = size
        self.numbers = numbers


ASSIGNMENTS = list(product(range(1, TOP + 1), repeat=len(NAMES)))


def leaves() -> tuple[list[dim.Symbol], list[Expression]]:
    symbols = [dim.Symbol(name) for name in NAMES]
    out = [
        Expression(dim.of_atom(s), [values[i] for values in ASSIGNMENTS])
        for i, s in enumerate(symbols)
    ]
    return symbols, out


def constant(number: int) -> Expression:
    return Expression(number, [number] * len(ASSIGNMENTS))


def combine(name: str, a: Expression, b: Expression) -> Expression:
    sized, counted = OPERATIONS[name]
    numbers = [
        None
        if x is None or y is None or (y == 0 and name in ("floordiv", "modulo"))
        else counted(x, y)
        for x, y in zip(a.numbers, b.numbers)
    ]
    return Expression(sized(a.size, b.size), numbers)


def some(r: Random, base: list[Expression], depth: int) -> Expression:
    if depth == 0 or r.random() < 0.15:
        return r.choice(base) if r.random() < 0.7 else constant(r.randint(0, 6))
    name = r.choice([*OPERATIONS, "add", "sub", "mul", "mul"])
    right = some(r, base, depth - 1)
    if name in ("floordiv", "modulo") and r.random() < 0.6:
        right = constant(r.randint(1, 5)) if r.random() < 0.6 else r.choice(base)
    return combine(name, some(r, base, depth - 1), right)


def numbers_of(symbols: list[dim.Symbol], size: Size) -> list[int | dim.Poly]:
    return [dim.substitute(size, dict(zip(symbols, values)).get) for values in ASSIGNMENTS]


def sealed(size: Size) -> bool:
    """Whether it has grown past use: such a size is one unknown number."""
    return "a large size" in str(size)


def pairs(
    seed: int, count: int, depth: int = 3
) -> list[tuple[list[dim.Symbol], Expression, Expression]]:
    r = Random(seed)
    out = []
    for _ in range(count):
        symbols, base = leaves()
        a = some(r, base, r.randint(0, depth))
        b = some(r, base, r.randint(0, depth))
        if r.random() < 0.3:  # near each other, so that the answer is no easy one
            b = combine(r.choice(["add", "sub", "minimum", "maximum"]), a, b)
        out.append((symbols, a, b))
    return out


@pytest.mark.parametrize("seed", range(4))
def test_sizes_are_the_numbers_that_they_stand_for(seed: int) -> None:
    for symbols, a, _ in pairs(seed, 150):
        for found, number in zip(numbers_of(symbols, a.size), a.numbers):
            assert number is None or sealed(a.size) or found == number, a.size


@pytest.mark.parametrize("seed", range(4))
def test_same_answers_yes_and_no_only_where_it_is_so(seed: int) -> None:
    for _, a, b in pairs(seed, 300):
        answer = dim.same(a.size, b.size)
        assert dim.same(b.size, a.size) is answer or MAYBE in (dim.same(b.size, a.size), answer)
        equal = [x == y for x, y in zip(a.numbers, b.numbers) if x is not None and y is not None]
        assert answer is not YES or all(equal), (a.size, b.size)
        assert answer is not NO or not any(equal), (a.size, b.size)


@pytest.mark.parametrize("seed", range(4))
def test_bounds_and_order(seed: int) -> None:
    for _, a, b in pairs(seed, 300):
        known = [x for x in a.numbers if x is not None]
        low, high = dim.lower(a.size), dim.upper(a.size)
        assert low is None or all(low <= x for x in known), a.size
        assert high is None or all(high >= x for x in known), a.size
        order = dim.at_least(a.size, b.size)
        more = [x >= y for x, y in zip(a.numbers, b.numbers) if x is not None and y is not None]
        assert order is not YES or all(more), (a.size, b.size)
        assert order is not NO or not any(more), (a.size, b.size)


@pytest.mark.parametrize("seed", range(4))
def test_cancel_keeps_the_quotient(seed: int) -> None:
    r = Random(seed)
    for symbols, a, b in pairs(seed, 150, depth=2):
        factor = some(r, [a, b], 1)
        one, two = dim.mul(a.size, factor.size), dim.mul(b.size, factor.size)
        x, y = dim.cancel(one, two)
        left, right = dim.mul(x, two), dim.mul(y, one)
        if not sealed(left) and not sealed(right):
            assert numbers_of(symbols, left) == numbers_of(symbols, right), (one, two)


def test_widest_is_what_broadcasting_gives() -> None:
    r = Random(5)
    for symbols, a, b in pairs(6, 300):
        if r.random() < 0.5:
            b = combine("minimum", a, b)
        wide = numbers_of(symbols, dim.widest(a.size, b.size))
        for x, y, found in zip(a.numbers, b.numbers, wide):
            if x is None or y is None or x < 1 or y < 1:
                continue  # no sizes
            if x == y or 1 in (x, y):
                assert found == max(x, y), (a.size, b.size)


def test_sizes_that_are_one_number_only_where_an_argument_is_one() -> None:
    width, heads = dim.symbol("width"), dim.symbol("heads")
    once = dim.symbol("times", default=1)
    seen, grey = dim.symbol("size", "input"), dim.symbol("image_dims[0]")
    for other in (dim.mul(heads, width), dim.mul(2, dim.mul(heads, width)), dim.floordiv(width, heads)):
        assert only_if_one(width, other) and only_if_one(other, width), str(other)
    for other in (heads, dim.mul(once, width), dim.mul(seen, width), dim.mul(grey, width), dim.floordiv(width, once), dim.add(width, heads)):
        assert not only_if_one(width, other), str(other)
    cut = dim.mul(dim.floordiv(width, heads), heads)
    assert only_if_one(1, cut) and only_if_one(cut, 1)
    assert not only_if_one(2, cut) and not only_if_one(1, width)
    assert not only_if_one(1, dim.mul(dim.floordiv(width, once), once))


def test_at_least_one_of_sixteen_is_all_only_of_one() -> None:
    width, skip = dim.symbol("width", default=64), dim.symbol("skip_width", low=0)
    for whole in (width, skip):
        part = dim.maximum(1, dim.floordiv(whole, 16))
        assert only_if_one(whole, part) and only_if_one(part, whole)
    by, once, seen = dim.symbol("by", default=16), dim.symbol("times", default=1), dim.symbol("size", "input")
    assert only_if_one(width, dim.maximum(1, dim.floordiv(width, by)))
    assert not only_if_one(width, dim.maximum(1, dim.floordiv(width, once)))
    for whole in (once, seen):
        assert not only_if_one(whole, dim.maximum(1, dim.floordiv(whole, 16)))
    assert not only_if_one(width, dim.maximum(1, dim.floordiv(skip, 16)))
    assert not only_if_one(width, dim.maximum(2, dim.floordiv(width, 16)))


def test_a_rest_of_one_needs_a_divisor_of_one() -> None:
    heads, width = (dim.symbol(name, "argument", 1) for name in ("heads", "width"))
    whole = dim.add(dim.mul(heads, width), 1)
    assert leaves_one(dim.modulo(whole, heads))
    assert leaves_one(dim.modulo(1, heads))
    head = dim.floordiv(width, heads)
    assert leaves_one(dim.modulo(dim.add(head, 1), head))
    for rest in (dim.modulo(width, heads), dim.modulo(2, heads), dim.modulo(1, dim.symbol("n", "input", 1)), 1):
        assert not leaves_one(rest), str(rest)


def test_equal_sizes_are_one_number_however_they_are_written() -> None:
    (a, b, c) = (e.size for e in leaves()[1])
    add, mul, sub = dim.add, dim.mul, dim.sub
    assert mul(add(a, b), c) == add(mul(c, b), mul(a, c))
    assert sub(mul(add(a, 1), add(a, 1)), mul(a, a)) == add(mul(2, a), 1)
    assert dim.floordiv(mul(a, b), b) == a
    assert dim.mul(dim.floordiv(a, b), b) == sub(a, dim.modulo(a, b))
    assert dim.modulo(mul(6, a), 3) == 0
    assert dim.floordiv(dim.floordiv(a, 2), 3) == dim.floordiv(a, 6)


def decided() -> list[tuple[str, Size, Size, object]]:
    (a, b, c) = (e.size for e in leaves()[1])
    half = dim.floordiv(a, 2)
    quotient = dim.floordiv(a, b)
    return [
        ("a and a + 1", a, dim.add(a, 1), NO),
        ("a and 2 a", a, dim.mul(2, a), NO),
        ("a b and 3 a b", dim.mul(a, b), dim.mul(3, dim.mul(a, b)), NO),
        ("4 a and 6", dim.mul(4, a), 6, NO),
        ("a rounded up to even and half of it", dim.sub(a, dim.modulo(dim.neg(a), -2)), half, MAYBE),
        ("twice the half, rounded up, and the half", dim.add(a, dim.modulo(dim.neg(a), 2)),
         dim.neg(dim.floordiv(dim.neg(a), 2)), NO),
        ("a quarter rounded up, in two ways", dim.neg(dim.floordiv(dim.neg(a), 4)),
         dim.add(dim.floordiv(dim.sub(a, 1), 4), 1), YES),
        ("a padded to a multiple, in two ways", dim.add(a, dim.modulo(dim.neg(a), 7)),
         dim.mul(7, dim.floordiv(dim.add(a, 6), 7)), YES),
        ("half of a half, both rounded up, and a quarter", dim.floordiv(dim.add(dim.floordiv(dim.add(a, 1), 2), 1), 2),
         dim.neg(dim.floordiv(dim.neg(a), 4)), YES),
        ("a less its rest and its quotient", dim.sub(a, dim.modulo(a, b)), quotient, MAYBE),
        ("a and b", a, b, MAYBE),
        ("a and 3", a, 3, MAYBE),
        ("a and 0", a, 0, NO),
        ("2 a + 1 and 2 b", dim.add(dim.mul(2, a), 1), dim.mul(2, b), NO),
        ("a and a // 2", a, half, NO),
        ("a b c and a b (c + 1)", dim.product([a, b, c]), dim.product([a, b, dim.add(c, 1)]), NO),
        ("a // b and a // b + 1", quotient, dim.add(quotient, 1), NO),
        ("a + b and b + a", dim.add(a, b), dim.add(b, a), YES),
        ("a % 4 and 4", dim.modulo(a, 4), 4, NO),
    ]


@pytest.mark.parametrize(("what", "x", "y", "answer"), decided())
def test_what_models_need_is_decided(what: str, x: Size, y: Size, answer: object) -> None:
    assert dim.same(x, y) is answer, what


def ordered() -> list[tuple[str, Size, Size]]:
    (a, b, _) = (e.size for e in leaves()[1])
    half = dim.floordiv(a, 2)
    return [
        ("a and a // 2", a, half),
        ("a and a % b", a, dim.modulo(a, b)),
        ("b and a % b", b, dim.modulo(a, b)),
        ("a and min(a, b)", a, dim.minimum(a, b)),
        ("max(a, b) and b", dim.maximum(a, b), b),
        ("a b and a", dim.mul(a, b), a),
        ("a and 1", a, 1),
        ("a // 2 and 0", half, 0),
        ("a + b and min(a, b)", dim.add(a, b), dim.minimum(a, b)),
        ("a and a // b", a, dim.floordiv(a, b)),
    ]


@pytest.mark.parametrize(("what", "x", "y"), ordered())
def test_order_that_slices_need_is_decided(what: str, x: Size, y: Size) -> None:
    assert dim.at_least(x, y) is YES, what


def test_a_long_sum_of_quotients_ends() -> None:
    """Bounding it by what it is made of would ask for the bounds of sums as long as itself."""
    began = time.process_time()
    total: Size = 1
    for name in "abcde":
        a = dim.of_atom(dim.Symbol(name))
        halves = dim.add(dim.floordiv(dim.sub(a, 1), 2), 1)
        total = dim.mul(total, dim.sub(halves, dim.floordiv(dim.add(a, 7), 3)))
    dim.lower(total)
    assert time.process_time() - began < 1
