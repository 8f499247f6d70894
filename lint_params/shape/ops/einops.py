"""einops: rearrange, reduce and repeat, and the grammar of their patterns."""

from __future__ import annotations

import re
from functools import lru_cache

from lint_params.shape.context import Context
from lint_params.shape.ops import function
from lint_params.shape.ops.arguments import VIEW, front, tensors
from lint_params.shape.ops.einsum import DOTS
from lint_params.shape.ops.joining import stack
from lint_params.shape.sizes.dim import (
    NO,
    YES,
    Size,
    cancel,
    floordiv,
    modulo,
    mul,
    product,
    same,
)
from lint_params.shape.sizes.unlikely import leaves_one, no_one
from lint_params.shape.value import OPEN, Seq, Tensor, Value

Group = tuple[str, ...]  # names, numbers as text and "..." that share one axis
Side = tuple[Group, ...]


@lru_cache(maxsize=4096)
def parse(pattern: str) -> tuple[Side, Side] | None:
    """Both sides of a pattern as groups; None where it is no pattern."""
    left, arrow, right = pattern.partition("->")
    if not arrow:
        return None
    one, two = side(left), side(right)
    return None if one is None or two is None else (one, two)


def side(text: str) -> Side | None:
    groups: list[Group] = []
    inside: list[str] | None = None
    for token in re.findall(r"\.\.\.|…|[()]|[A-Za-z_]\w*|\d+|\S", text):
        if token == "(":
            if inside is not None:
                return None
            inside = []
        elif token == ")":
            if inside is None:
                return None
            # A one makes (...), which is one axis, differ from the bare ellipsis.
            groups.append((*inside, "1") if inside == [DOTS] else tuple(inside))
            inside = None
        elif token in ("...", "…") or token.isalnum() or token.isidentifier():
            token = DOTS if token == "…" else token
            if inside is not None:
                inside.append(token)
            else:
                groups.append((token,))
        else:
            return None
    return None if inside is not None else tuple(groups)


def _names(groups: Side) -> list[str]:
    return [name for group in groups for name in group if not name.isdigit()]


class _Sizes:
    """What each name stands for: given with the call or read off the tensor."""

    def __init__(self, ctx: Context, axes: dict[str, Value]) -> None:
        self.of: dict[str, Size] = {}
        for name, value in axes.items():
            size = ctx.size(value)
            if size is not None:
                self.of[name] = size
        self.given = set(axes)
        self.dots: tuple[Size, ...] | None = None  # None: nobody knows how many

    def get(self, name: str) -> Size | None:
        return int(name) if name.isdigit() else self.of.get(name)


def rearranged(ctx: Context, x: Value, pattern: Value, axes: dict[str, Value], op: str) -> Value:
    """The tensor in the order and sizes of the right side."""
    if isinstance(x, Seq):
        x = stack(ctx, x) if tensors(x) is not None else ctx.unknown_tensor()
    if not isinstance(x, Tensor):
        x = ctx.unknown_tensor()
    parsed = parse(pattern) if isinstance(pattern, str) else None
    if parsed is None:
        return ctx.unknown_tensor(x.dtype)
    left, right = parsed
    text = pattern.replace("{", "{{").replace("}", "}}")
    if OPEN in axes:  # any of them may be given
        named = dict.fromkeys(_names((*left, *right)), axes[OPEN])
        axes = named | {name: size for name, size in axes.items() if name != OPEN}
    _check_names(ctx, text, left, right, axes, op)
    sizes = _Sizes(ctx, axes)
    read(ctx, x, left, sizes, text)
    return write(ctx, x, left, right, sizes)


def _check_names(
    ctx: Context, text: str, left: Side, right: Side, axes: dict[str, Value], op: str
) -> None:
    one, two = _names(left), _names(right)
    if len(set(one)) < len(one) or len(set(two)) < len(two):
        ctx.refute(VIEW, f"{{name}}: a name stands twice on one side of '{text}'")
    lost, new = set(one) - set(two), set(two) - set(one)
    if op == "rearrange" and (lost | new):
        ctx.refute(VIEW, f"{{name}}: {_listing(lost | new)} stands on one side of '{text}' only")
    if op == "reduce" and new or op == "repeat" and (lost or new - set(axes) - {DOTS}):
        ctx.refute(
            VIEW,
            f"{{name}}: {_listing(new if op == 'reduce' else lost or new)} of '{text}' has no size",
        )


def _listing(names: set[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names))


def read(ctx: Context, x: Tensor, left: Side, sizes: _Sizes, text: str) -> None:
    """Learn the sizes of the names of the left side from x."""
    dots = next((i for i, group in enumerate(left) if DOTS in group), None)
    if dots is None:
        dims = ctx.of_rank(x, len(left))
        if dims is None:
            ctx.refute(
                VIEW, f"{{name}}: '{text}' wants {{expected}} dimensions but gets {{got}}{{source}}",
                len(left), len(x.shape.dims), x,
            )  # fmt: skip
            raise AssertionError
        for group, size in zip(left, dims):
            _divide(ctx, x, group, ctx.resolve(size), sizes, text)
        return
    behind = len(left) - dots - 1
    rank = ctx.rank(x)
    if rank is not None and rank < len(left) - 1:
        ctx.refute(
            VIEW, f"{{name}}: '{text}' wants at least {{expected}} dimensions but gets {{got}}{{source}}",
            len(left) - 1, rank, x,
        )  # fmt: skip
    last = ctx.last(x, behind)
    assert last is not None
    for index, group in enumerate(left[:dots]):
        _divide(ctx, x, group, front(ctx, x, index), sizes, text)
    for group, size in zip(left[dots + 1 :], last):
        _divide(ctx, x, group, size, sizes, text)
    if rank is not None:
        sizes.dots = tuple(ctx.resolve(d) for d in x.shape.dims[dots : rank - behind])


def _divide(ctx: Context, x: Tensor, group: Group, total: Size, sizes: _Sizes, text: str) -> None:
    """``total`` is the product of the names of a group."""
    missing = [name for name in group if sizes.get(name) is None]
    rest = product([size for size in (sizes.get(name) for name in group) if size is not None])
    shown = " ".join(group) if len(group) == 1 else f"({' '.join(group)})"
    if not missing and rest == 1 and x.param is not None and no_one(total):
        ctx.refute(  # it fits only where the author's dim is 1
            VIEW, f"{{name}}: '{shown}' of '{text}' is {{expected}} but the size is {{got}}{{source}}", 1, total, x
        )
    if not missing:
        ctx.need(
            VIEW, rest, total, f"{{name}}: '{shown}' of '{text}' is {{expected}} but the size is {{got}}{{source}}",
            tensor=x,
        )  # fmt: skip
        return
    if len(missing) > 1:
        unsaid = [name for name in missing if name not in sizes.given]
        if len(unsaid) > 1:
            ctx.refute(
                VIEW,
                f"{{name}}: the sizes of {_listing(set(unsaid))} of '{text}' cannot be inferred",
            )
        for name in missing:
            sizes.of[name] = ctx.fresh(name, low=1)
        return
    if rest == 1:
        sizes.of[missing[0]] = total
        return
    whole, part = cancel(total, rest)
    left = modulo(whole, part)
    answer = same(left, 0)
    if answer is NO or leaves_one(left):
        ctx.refute(
            VIEW, f"{{name}}: size {{got}}{{source}} is no multiple of {{expected}} in '{shown}' of '{text}'",
            rest, total, x,
        )  # fmt: skip
    if answer is not YES:
        ctx.learn_equal(left, 0)
        whole, part = ctx.resolve(whole), ctx.resolve(part)
    sizes.of[missing[0]] = floordiv(whole, part)


def write(ctx: Context, x: Tensor, left: Side, right: Side, sizes: _Sizes) -> Tensor:
    """A tensor of the sizes of the right side."""
    out: list[Size] = []
    lead = False
    before: list[Size] = []
    for group in right:
        if group == (DOTS,) and sizes.dots is not None:
            out += sizes.dots
        elif group == (DOTS,):
            lead, before, out = True, out, []
            if left[0] == (DOTS,) and not before:
                out = [ctx.resolve(d) for d in x.shape.dims[: len(x.shape.dims) - len(left) + 1]]
        else:
            total: Size = 1
            for name in group:
                if name == DOTS:
                    size = ctx.fresh(low=1) if sizes.dots is None else product(sizes.dots)
                else:
                    known = sizes.get(name)
                    size = ctx.fresh(name, low=1) if known is None else known
                total = mul(total, ctx.resolve(size))
            out.append(total)
    result = ctx.tensor(out, lead=lead, like=x)
    if lead:
        result.shape.front = dict(enumerate(before))
    return result


@function("einops.rearrange",
          accepts=["einops.rearrange(zeros(2, 3, 4), 'b c d -> b (c d)')", "einops.rearrange(zeros(2, 12), 'b (h d) -> b h d', h=3)",
                   "einops.rearrange(zeros(2, 3, 8, 8), 'b c (h p1) (w p2) -> b (h w) (p1 p2 c)', p1=2, p2=4)",
                   "einops.rearrange(zeros(2, 3, 4, 5), 'b ... d -> b (...) d')", "einops.rearrange(zeros(2, 3), '... d -> ... 1 d')",
                   "einops.rearrange([zeros(2, 3), zeros(2, 3)], 'n b d -> b n d')", "einops.rearrange(zeros(2, 1, 3), 'b 1 d -> b d')",
                   "einops.rearrange(zeros(2, 3), 'b d -> b () d')", "einops.rearrange(zeros(2, 3), 'b c -> (b c)')"],
          rejects=["einops.rearrange(zeros(2, 3, 4), 'b c -> c b')", "einops.rearrange(zeros(2, 10), 'b (h d) -> b h d', h=3)",
                   "einops.rearrange(zeros(2, 3), 'b 1 -> b')", "einops.rearrange(zeros(2, 3), 'b c -> b c d')",
                   "einops.rearrange(zeros(2, 12), 'b (h d) -> b h d', h=3, d=5)", "einops.rearrange(zeros(2), 'a b ... -> a b ...')"])  # fmt: skip
def rearrange(ctx: Context, tensor: Value, pattern: Value, **axes_lengths: Value) -> Value:
    return rearranged(ctx, tensor, pattern, axes_lengths, "rearrange")


@function("einops.reduce",
          accepts=["einops.reduce(zeros(2, 3, 4), 'b n d -> b d', 'mean')", "einops.reduce(zeros(2, 3, 8, 8), 'b c (h 2) (w 2) -> b c h w', 'max')",
                   "einops.reduce(zeros(2, 3, 4), 'b c d -> b 1 d', 'sum')", "einops.reduce(zeros(2, 3), '... d -> ...', 'sum')"],
          rejects=["einops.reduce(zeros(2, 3), 'b n d -> b d', 'mean')", "einops.reduce(zeros(2, 3, 7, 8), 'b c (h 2) w -> b c h w', 'max')"])  # fmt: skip
def reduce(
    ctx: Context, tensor: Value, pattern: Value, reduction: Value, **axes_lengths: Value
) -> Value:
    return rearranged(ctx, tensor, pattern, axes_lengths, "reduce")


@function("einops.repeat",
          accepts=["einops.repeat(zeros(3), 'd -> b d', b=4)", "einops.repeat(zeros(1, 2, 3), '1 n d -> b n d', b=5)",
                   "einops.repeat(zeros(2, 3), 'h w -> (h 2) (w 2)')", "einops.repeat(zeros(2, 3), '... d -> ... r d', r=4)",
                   "einops.repeat(zeros(2, 3), 'b d -> b d 3')"],
          rejects=["einops.repeat(zeros(2, 3), '1 d -> b d', b=4)", "einops.repeat(zeros(2, 3), 'b d -> b d c')"])  # fmt: skip
def repeat(ctx: Context, tensor: Value, pattern: Value, **axes_lengths: Value) -> Value:
    return rearranged(ctx, tensor, pattern, axes_lengths, "repeat")
