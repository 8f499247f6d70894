"""einsum: letters, ellipsis, implicit output and the form with lists of numbers."""

from __future__ import annotations

import re

from lint_params.shape.context import Context
from lint_params.shape.ops import function
from lint_params.shape.ops.arguments import PRODUCT, came_from, promote, whole
from lint_params.shape.ops.broadcast import joined, joined_size
from lint_params.shape.sizes.dim import NO, Size, same
from lint_params.shape.value import Seq, Shape, Tensor, Value

DOTS = "..."
Term = list[str]


@function("torch.einsum",
          accepts=["torch.einsum('bid,bjd->bij', zeros(2, 3, 4), zeros(2, 5, 4))", "torch.einsum('ij->ji', zeros(2, 3))",
                   "torch.einsum('ij,jk', zeros(2, 3), zeros(3, 4))", "torch.einsum('...ij,...jk->...ik', zeros(5, 2, 3), zeros(3, 4))",
                   "torch.einsum('b i d, b j d -> b i j', [zeros(2, 3, 4), zeros(2, 5, 4)])", "torch.einsum('ii->i', zeros(3, 3))",
                   "torch.einsum(zeros(2, 3), [0, 1], zeros(3, 4), [1, 2], [0, 2])", "torch.einsum('ij->', zeros(2, 3))",
                   "torch.einsum('bi,bi->b', zeros(2, 1), zeros(2, 3))", "torch.einsum('i,j->ij', zeros(2), zeros(3))",
                   "torch.einsum('...i->...', zeros(2, 3))", "torch.einsum('ba', zeros(2, 3))",
                   "torch.einsum('nchw,oc->nohw', zeros(2, 3, 4, 5), zeros(6, 3))"],
          rejects=["torch.einsum('bid,bjd->bij', zeros(2, 3, 4), zeros(2, 5, 3))", "torch.einsum('bid,bjd->bij', zeros(2, 3, 4), zeros(5, 4))",
                   "torch.einsum('ij->ji', zeros(2, 3, 4))", "torch.einsum('ii->i', zeros(3, 2))",
                   "torch.einsum('...ij,...jk->...ik', zeros(5, 2, 3), zeros(6, 3, 4))"])  # fmt: skip
def einsum(ctx: Context, *args: Value, **kwargs: Value) -> Value:
    equation = kwargs.get("equation", args[0] if args else None)
    operands = list(args) if "equation" in kwargs else list(args[1:])
    if isinstance(equation, str):
        if len(operands) == 1 and isinstance(operands[0], Seq):
            operands = operands[0].items
        terms, result = parse(equation)
    else:
        operands, terms, result = _number_form(ctx, list(args))
    if terms is None:
        return ctx.unknown_tensor()
    return contracted(ctx, terms, result, operands)


def parse(equation: str) -> tuple[list[Term] | None, Term | None]:
    """The letters of each operand and of the result (None where it is implied)."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    if not re.fullmatch(r"[A-Za-z.,]*", left) or not re.fullmatch(r"[A-Za-z.]*", right):
        return None, None
    terms = [_letters(t) for t in left.split(",")]
    return terms, _letters(right) if arrow else None


def _letters(text: str) -> Term:
    return re.findall(r"\.\.\.|[A-Za-z]", text)


def _number_form(
    ctx: Context, args: list[Value]
) -> tuple[list[Value], list[Term] | None, Term | None]:
    """``einsum(x, [0, 1], y, [1, 2], [0, 2])``."""
    result: Term | None = None
    if len(args) % 2:
        result = _numbers(ctx, args.pop())
        if result is None:
            return [], None, None
    operands, lists = args[::2], [_numbers(ctx, a) for a in args[1::2]]
    if any(one is None for one in lists):
        return [], None, None
    return operands, [one for one in lists if one is not None], result


def _numbers(ctx: Context, value: Value) -> Term | None:
    if not isinstance(value, Seq):
        return None
    numbers = [DOTS if i is Ellipsis else whole(ctx, i) for i in value.items]
    if any(n is None for n in numbers):
        return None
    return [n if isinstance(n, str) else chr(int(n or 0) + 0x4E00) for n in numbers]


def contracted(
    ctx: Context, terms: list[Term], result: Term | None, operands: list[Value]
) -> Value:
    """The result of the sum over the letters that ``result`` does not name."""
    if len(terms) != len(operands):
        if all(isinstance(o, Tensor) for o in operands):
            ctx.refute(
                PRODUCT, "{name}: {expected} terms for {got} operands", len(terms), len(operands)
            )
        return ctx.unknown_tensor()
    sizes: dict[str, Size] = {}
    seen: dict[str, Tensor] = {}
    rest = Shape(())
    kind: str | None = operands[0].dtype if operands and isinstance(operands[0], Tensor) else None
    for term, x in zip(terms, operands):
        if not isinstance(x, Tensor):
            rest = Shape((), True) if DOTS in term else rest
            continue
        kind = promote(kind, x.dtype)
        for letter, size in _assigned(ctx, term, x):
            old = sizes.get(letter)
            if old is None:
                sizes[letter], seen[letter] = size, x
                continue
            new = joined_size(ctx, ctx.resolve(old), ctx.resolve(size))
            if new is None:
                ctx.refute(
                    PRODUCT,
                    f"{{name}}: '{letter}' is {{expected}}{came_from(seen[letter])} and {{got}}{{source}}",
                    old, size, x,
                )  # fmt: skip
                raise AssertionError
            if new is not old:
                sizes[letter] = new
        if DOTS in term:
            part = _dots(ctx, term, x)
            rest = Shape(tuple(joined(ctx, rest, part, PRODUCT, None, x)), rest.lead or part.lead)
    if result is None:
        result = _implied(terms)
    out: list[Size] = []
    lead = False
    for letter in result:
        if letter != DOTS:
            out.append(ctx.resolve(sizes[letter]) if letter in sizes else ctx.fresh())
        elif rest.lead:
            out, lead = list(rest.dims), True
        else:
            out += rest.dims
    return ctx.tensor(out, lead=lead, dtype=kind)


def _assigned(ctx: Context, term: Term, x: Tensor) -> list[tuple[str, Size]]:
    """Each letter of the term with its size in x."""
    letters = [t for t in term if t != DOTS]
    if DOTS not in term:
        dims = ctx.of_rank(x, len(letters))
        if dims is None:
            ctx.refute(
                PRODUCT, "{name}: {expected} letters for {got} dimensions{source}",
                len(letters), len(x.shape.dims), x,
            )  # fmt: skip
            raise AssertionError
        pairs = list(zip(letters, dims))
        _diagonal(ctx, pairs, x)
        return pairs
    at = term.index(DOTS)
    if not x.shape.lead and len(x.shape.dims) < len(letters):
        ctx.refute(
            PRODUCT, "{name}: {expected} letters for {got} dimensions{source}",
            len(letters), len(x.shape.dims), x,
        )  # fmt: skip
    behind = len(term) - at - 1
    last = ctx.last(x, behind)
    assert last is not None
    pairs = list(zip(term[at + 1 :], last))
    if not x.shape.lead:
        pairs += list(zip(term[:at], (ctx.resolve(d) for d in x.shape.dims)))
    return pairs


def _diagonal(ctx: Context, pairs: list[tuple[str, Size]], x: Tensor) -> None:
    """A letter twice in one term takes the diagonal: both sizes must be equal."""
    first: dict[str, Size] = {}
    for letter, size in pairs:
        if letter in first and same(first[letter], size) is NO:
            ctx.refute(
                PRODUCT,
                f"{{name}}: '{letter}' is {{expected}} and {{got}}{{source}}",
                first[letter],
                size,
                x,
            )
        first[letter] = size


def _dots(ctx: Context, term: Term, x: Tensor) -> Shape:
    """The sizes of x that the ellipsis stands for."""
    at = term.index(DOTS)
    behind = len(term) - at - 1
    dims = tuple(ctx.resolve(d) for d in x.shape.dims)
    if x.shape.lead:
        return Shape(dims[: len(dims) - behind] if at == 0 else (), True)
    return Shape(dims[at : len(dims) - behind])


def _implied(terms: list[Term]) -> Term:
    """Letters that occur once, in order of the alphabet, behind the ellipsis."""
    every = [letter for term in terms for letter in term]
    once = sorted(letter for letter in set(every) if letter != DOTS and every.count(letter) == 1)
    # Capital letters come first in torch as in ASCII.
    return [DOTS, *once] if DOTS in every else list(once)
