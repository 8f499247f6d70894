"""Where the two sizes of a mismatch come from: back over the operations to what made them.

``self.fc3`` gets 40 features "from the output of view"; what a reader mends is the layer that
made them, or the one from which the size of an input was learned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from lint_params.shape.check import Obligation, Verdict
from lint_params.shape.sizes.dim import Atom, Poly, Size, product
from lint_params.shape.value import Layer, Origin, Seq, Tensor, Value

if TYPE_CHECKING:
    from lint_params.shape.context import Context

#: So many operations are followed back.
FURTHEST = 100


class Step(NamedTuple):
    """One place on the way of a size."""

    path: str
    line: int
    text: str


def remember(result: Value, operands: Sequence[Tensor], layer: Layer | None) -> None:
    """Note what a result was made of. A layer with weights makes sizes of its own."""
    if isinstance(result, Seq):
        for item in result.items:
            if item.__class__ is Tensor:
                remember(item, operands, layer)
    elif result.__class__ is Tensor and not result.of:
        if not any(x is result for x in operands):
            weights = layer is not None and layer.spec.params is not None
            result.of = tuple(x for x in operands if not weights or x.shape is result.shape)


def tensors(values: Sequence[Value]) -> list[Tensor]:
    """The tensors among the arguments of an operation, those in lists too."""
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif value.__class__ is Seq:
            found.extend(item for item in value.items if item.__class__ is Tensor)
    return found


def steps(ctx: Context, sizes: Sequence[Size | None], operands: Sequence[Tensor]) -> tuple[Step, ...]:
    """What a reader is told of the first operand that has each of the sizes."""
    out: list[Step] = []
    for size in sizes:
        if size is not None:
            x = next((x for x in operands if _has(ctx, x, size)), None)
            out += _of_factors(ctx, operands, size) if x is None else _of_maker(ctx, x, size)
    return tuple(dict.fromkeys(out))


def _of_factors(ctx: Context, operands: Sequence[Tensor], size: Size) -> list[Step]:
    """What a reader is told of the sizes whose product a size is: 9216 of 256, 6 and 6."""
    for x in operands:
        dims = [ctx.resolve(d) for d in x.shape.dims]
        ends = combinations(range(len(dims) + 1), 2)
        runs = [dims[first:last] for first, last in ends if last - first > 1]
        apart = [list(pair) for pair in combinations(dims, 2)]  # "b h n d -> b n (h d)"
        for run in (*runs, *apart):
            if product(run) == size:
                return [step for d in dict.fromkeys(run) for step in _of_maker(ctx, x, d)]
    return []


def _has(ctx: Context, x: Tensor, size: Size) -> bool:
    return any(ctx.resolve(d) == size for d in x.shape.dims)


def _has_part(ctx: Context, x: Tensor, size: Size) -> bool:
    """Whether the size may be a part of one of x, or a product with it: (h d) of h and d."""
    for d in map(ctx.resolve, x.shape.dims):
        if isinstance(size, int):
            if isinstance(d, int) and size > 1 and d % size == 0 and d:
                return True
        elif isinstance(d, Poly) and _symbols(size) <= _symbols(d):
            return True
    return False


def _symbols(size: Poly) -> set[Atom]:
    return {atom for atom in size.deep if not atom.depth}


def _back(ctx: Context, x: Tensor, size: Size, has: Callable[[Context, Tensor, Size], bool]) -> Tensor:
    """The first tensor on the way to x that has the size already."""
    for _ in range(FURTHEST):
        before = next((t for t in x.of if has(ctx, t, size)), None)
        if before is None:
            break
        x = before
    return x


def _of_maker(ctx: Context, x: Tensor, size: Size) -> list[Step]:
    maker = _back(ctx, x, size, _has)
    found = _told(ctx, maker, size, "is the size of")
    source = _back(ctx, maker, size, _has_part)
    if source is maker:
        return [*_of_factors(ctx, maker.of, size), *found]
    return [*_told(ctx, source, size, "comes from"), *found]


def _told(ctx: Context, x: Tensor, size: Size, how: str) -> list[Step]:
    learned = _learned(ctx, x, size)
    if learned is not None:
        line = getattr(learned.node, "lineno", 0)
        taken = f"{learned.name} takes {size} here, so its input has them"
        return [*_built(learned.name, learned.built), Step(learned.path, line, taken)]
    if x.origin is None:
        return []
    line, text, path, built = x.origin
    if x.param is not None:
        return [Step(path, line, f"{size} {how} the Parameter that is made here")]
    return [*_built(text.removeprefix("the output of "), built), Step(path, line, f"{size} {how} {text}")]


def _built(name: str, origin: Origin | None) -> list[Step]:
    return [] if origin is None else [Step(origin.path, origin.line, f"{name} is built here")]


def _learned(ctx: Context, x: Tensor, size: Size) -> Obligation | None:
    """The first use from which the size was learned, counted from either end."""
    atoms: set[Atom] = set()
    for d in x.shape.dims:
        if isinstance(d, Poly) and ctx.resolve(d) == size:
            atoms |= {a for a in d.atoms if a in ctx.bound}
    for o in ctx.obligations if atoms else ():
        if o.verdict in (Verdict.FREE, Verdict.UNKNOWN):
            for side in (o.expected, o.got):
                if isinstance(side, Poly) and not atoms.isdisjoint(side.atoms):
                    return o
            if o.expected == size and isinstance(o.got, Poly) and o.got.atoms <= ctx.bound.keys():
                return o
    return None

