"""Broadcasting: the shape of an operation on two tensors, element by element."""

from __future__ import annotations

from lint_params.shape.context import Context
from lint_params.shape.ops.arguments import (
    BROADCAST,
    came_from,
    is_scalar,
    number_kind,
    promote,
    with_number,
)
from lint_params.shape.ops.looked_up import check_looked_up
from lint_params.shape.sizes.dim import (
    NO,
    YES,
    Atom,
    Operation,
    Poly,
    Size,
    Symbol,
    same,
    widest,
)
from lint_params.shape.value import Shape, Tensor, Value


def broadcast(
    ctx: Context, a: Value, b: Value, rule: str = BROADCAST, dtype: str | None = None
) -> Value:
    """The result of an elementwise operation; an operator on two values calls this."""
    if not isinstance(a, Tensor):
        if not isinstance(b, Tensor):
            return ctx.unknown("no operand is a known tensor")
        if is_scalar(a):
            return ctx.same_shape(b, dtype or with_number(b.dtype, a))
    elif is_scalar(b):
        return ctx.same_shape(a, dtype or with_number(a.dtype, b))
    kind = dtype or promote(number_kind(a), number_kind(b))
    left = a.shape if isinstance(a, Tensor) else Shape((), True)
    right = b.shape if isinstance(b, Tensor) else Shape((), True)
    if left is right and isinstance(a, Tensor):
        return ctx.same_shape(a, kind)
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        check_looked_up(ctx, a, b)
        check_looked_up(ctx, b, a)
    dims = joined(ctx, left, right, rule, a, b)
    for x, shape, other in ((a, left, right), (b, right, left)):
        # The other adds nothing: what is learned of the result is learned of x.
        if (
            isinstance(x, Tensor)
            and not other.lead
            and len(other.dims) <= len(shape.dims)
            and all(ctx.resolve(d) == n for d, n in zip(shape.dims, dims))
        ):
            return Tensor(shape, kind, x.origin, None, x.free)
    return ctx.tensor(dims, lead=leading(left, right), dtype=kind)


def leading(a: Shape, b: Shape) -> bool | Shape:
    """Whether further sizes may come in front of the broadcast of two, and whose they are."""
    for one, other in ((a, b), (b, a)):
        if one.lead and not other.lead and len(other.dims) <= len(one.dims):
            return one
    if a.lead and b.lead and a.family and a.family is b.family and len(a.dims) == len(b.dims):
        return a
    return a.lead or b.lead


def joined(
    ctx: Context, left: Shape, right: Shape, rule: str = BROADCAST, a: Value = None, b: Value = None
) -> list[Size]:
    """The known last sizes of the two shapes broadcast together; raises Refuted."""
    out: list[Size] = []
    for index in range(-1, -max(len(left.dims), len(right.dims)) - 1, -1):
        one = ctx.resolve(left.dims[index]) if index >= -len(left.dims) else None
        two = ctx.resolve(right.dims[index]) if index >= -len(right.dims) else None
        if one is None or two is None:
            size, other = (two, left) if one is None else (one, right)
            assert size is not None
            # Against sizes that are not known one that is surely no 1 is taken to stay.
            may_be_one = size == 1 or _grade(size) < DECLARED
            out.append(ctx.fresh() if other.lead and may_be_one else size)
            continue
        new = joined_size(ctx, one, two)
        if new is None:
            here = came_from(a) if isinstance(a, Tensor) else ""
            ctx.refute(
                rule,
                f"{{name}} cannot broadcast size {{expected}}{here} against {{got}}{{source}}"
                f" in dimension {index}",
                one, two, b if isinstance(b, Tensor) else None,
            )  # fmt: skip
            raise AssertionError
        out.append(new)
    return out[::-1]


def joined_size(ctx: Context, a: Size, b: Size) -> Size | None:
    """The size that two sizes broadcast to; None where torch surely refuses them."""
    if a is b or a == b:
        return a
    if a == 1:
        return b
    if b == 1:
        return a
    answer = same(a, b)
    if answer is YES:
        return a
    one, two = same(a, 1), same(b, 1)  # may a, may b be 1?
    if one is NO and two is NO:
        if answer is NO:
            return None
        ctx.learn_equal(a, b)
        return b if isinstance(b, int) else ctx.resolve(a)
    if answer is NO and (one is NO or declared(a)) and (two is NO or declared(b)):
        return None  # dim against 2 * dim: fits only where the author's dim is 1
    if one is NO or two is YES:
        return a
    if two is NO or one is YES:
        return b
    first, second = _grade(a), _grade(b)
    if first != second and max(first, second) == DECLARED:
        return a if first > second else b
    return widest(a, b)  # a mask's size may be 1 as well as that of what it masks


def declared(size: Size) -> bool:
    """Whether a size is made of the constructor's own arguments: it is 1 in no real use."""
    return isinstance(size, Poly) and all(
        factor > 0 and all(_declared_atom(atom) for atom, _ in monomial)
        for monomial, factor in size.terms.items()
    )


def _declared_atom(atom: Atom) -> bool:
    if isinstance(atom, Symbol):
        return atom.kind == "argument" and atom.low == 1
    return (
        isinstance(atom, Operation)
        and atom.name == "//"
        and all(isinstance(arg, int) or declared(arg) for arg in atom.args)
    )


#: The grade of a number and of sizes that the author has named.
DECLARED = 3


def _grade(size: Size) -> int:
    """How sure it is that a size is no 1: declared sizes before inputs before unknown ones."""
    if isinstance(size, int):
        return DECLARED
    grade = DECLARED
    for atom in size.atoms:
        if isinstance(atom, Operation) and atom.name in ("//", "%", "min", "max", "broadcast"):
            parts = [_grade(arg) for arg in atom.args if isinstance(arg, Poly)]
            grade = min([grade, *parts])
        elif isinstance(atom, Symbol) and atom.kind in ("argument", "count"):
            continue
        else:
            grade = min(grade, 2 if isinstance(atom, Symbol) and atom.kind == "input" else 1)
    return grade


def stays(ctx: Context, x: Tensor, other: Value) -> None:
    """``x op= other`` writes into x: the broadcast shape must be that of x."""
    if not isinstance(other, Tensor):
        return
    joined(ctx, x.shape, other.shape, BROADCAST, x, other)
    mine = [ctx.resolve(d) for d in x.shape.dims]
    theirs = [ctx.resolve(d) for d in other.shape.dims]
    if not x.shape.lead and len(theirs) > len(mine):
        ctx.refute(
            BROADCAST,
            "{name} cannot write {got} dimensions{source} into a tensor of {expected}",
            len(mine), len(theirs), other,
        )  # fmt: skip
    for one, two in zip(reversed(mine), reversed(theirs)):
        if same(one, 1) is YES and same(two, 1) is NO:
            ctx.refute(
                BROADCAST,
                "{name} cannot write size {got}{source} into size {expected}",
                one,
                two,
                other,
            )


def beside_column(ctx: Context, a: Tensor, b: Tensor) -> Tensor | None:
    """The one of them that is a vector where the other is a column of as many samples, more than one."""
    column, vector = sorted((a, b), key=lambda x: -len(x.shape.dims))
    tall, long = ctx.dims(column), ctx.dims(vector)
    if tall is None or long is None or len(tall) != 2 or len(long) != 1 or tall[1] != 1:
        return None
    return vector if ctx.compare(tall[0], long[0]) is YES and ctx.compare(long[0], 1) is NO else None


def all_pairs(ctx: Context, of: str, vector: Tensor) -> None:
    """Refuses what a loss makes of a column and a vector."""
    text = (
        of + " [{expected}, 1] and [{got}]{source}, which broadcast to [{expected}, {got}]: every "
        "prediction is compared with every target. Bring both to one shape, by `.squeeze(-1)` say"
    )
    ctx.refute("loss-broadcast", text, vector.shape.dims[0], vector.shape.dims[0], vector)
