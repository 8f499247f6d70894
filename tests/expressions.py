"""Random torch expressions by family, right and wrong ones; ``n(3)`` is a size that may be a symbol."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

Sizes = list[int]


def tensor(sizes: Sizes, make: str = "zeros") -> str:
    return f"{make}({', '.join(f'n({s})' for s in sizes)})"


def some_sizes(r: Random, low: int = 0, high: int = 4, top: int = 4) -> Sizes:
    return [r.randint(1, top) for _ in range(r.randint(low, high))]


def some_axis(r: Random, rank: int) -> int:
    """An axis that mostly exists."""
    if r.random() < 0.1 or rank == 0:
        return r.randint(-rank - 1, rank)
    return r.randint(-rank, rank - 1)


def listed(numbers: Sizes) -> str:
    return ", ".join(f"n({s})" if s >= 0 else str(s) for s in numbers)


def view(r: Random) -> str:
    sizes = some_sizes(r, 1)
    total = math.prod(sizes)
    target: Sizes = []
    left = total
    for _ in range(r.randint(0, 3)):
        by = r.choice([d for d in range(1, left + 1) if left % d == 0])
        target.append(by)
        left //= by
    target.append(left)
    r.shuffle(target)
    if r.random() < 0.5:
        target[r.randrange(len(target))] = -1
    if r.random() < 0.25:
        target[r.randrange(len(target))] = r.randint(1, 7)
    how = r.choice(["view", "reshape"])
    return f"{tensor(sizes)}.{how}({listed(target)})"


def moved(r: Random) -> str:
    sizes = some_sizes(r, 1)
    x, rank = tensor(sizes), len(sizes)
    order = list(range(rank))
    r.shuffle(order)
    if r.random() < 0.2:
        order.append(r.randint(0, rank))
    return r.choice(
        [
            f"{x}.permute({', '.join(str(o - r.choice([0, 0, rank])) for o in order)})",
            f"{x}.transpose({some_axis(r, rank)}, {some_axis(r, rank)})",
            f"{x}.unsqueeze({r.randint(-rank - 2, rank + 1)})",
            f"{x}.squeeze({some_axis(r, rank)})",
            f"{x}.flatten({some_axis(r, rank)}, {some_axis(r, rank)})",
            f"{x}.flatten({some_axis(r, rank)})",
            f"{x}.movedim({some_axis(r, rank)}, {some_axis(r, rank)})",
            f"{x}.unflatten({some_axis(r, rank)}, (n({r.randint(1, 3)}), -1))",
            f"{x}.select({some_axis(r, rank)}, {r.randint(-3, 3)})",
            f"{x}.narrow({some_axis(r, rank)}, {r.randint(0, 2)}, n({r.randint(1, 3)}))",
            f"{x}.unfold({some_axis(r, rank)}, n({r.randint(1, 3)}), {r.randint(1, 2)})",
            f"{x}.mT" if rank > 1 else f"{x}.t()",
            f"{x}.diagonal(0, {some_axis(r, rank)}, {some_axis(r, rank)})",
        ]
    )


def repeated(r: Random) -> str:
    sizes = some_sizes(r, 0, 3)
    x = tensor(sizes)
    new = [r.randint(1, 4) if r.random() < 0.2 else s for s in sizes]
    extra = some_sizes(r, 0, 2)
    wanted = [
        -1 if r.random() < 0.2 else n if s == 1 or r.random() < 0.2 else s
        for s, n in zip(sizes, new)
    ]
    times = some_sizes(r, max(0, len(sizes) - 1), len(sizes) + 2, 3) or [1]
    return r.choice(
        [
            f"{x}.expand({listed(extra + wanted) or 1})",
            f"{x}.repeat({listed(times)})",
            f"{x}.tile(({listed(times)},))",
            f"{x}.repeat_interleave(n({r.randint(1, 3)}), dim={some_axis(r, len(sizes))})",
            f"torch.broadcast_to({x}, ({listed(extra + sizes) or '1'},))",
        ]
    )


def joined(r: Random) -> str:
    sizes = some_sizes(r, 0, 3)
    axis = some_axis(r, len(sizes))
    parts = []
    how = r.choice(["cat", "cat", "stack", "hstack", "vstack", "dstack"])
    for _ in range(r.randint(1, 3)):
        part = list(sizes)
        if how != "stack" and sizes and -len(sizes) <= axis < len(sizes) and r.random() < 0.7:
            part[axis] = r.randint(1, 4)
        if r.random() < 0.1:
            part = some_sizes(r, 0, 3)
        parts.append(tensor(part))
    dim = f", dim={axis}" if how in ("cat", "stack") else ""
    return f"torch.{how}([{', '.join(parts)}]{dim})"


def divided(r: Random) -> str:
    sizes = some_sizes(r, 1, 3, 7)
    x, axis = tensor(sizes), some_axis(r, len(sizes))
    whole = sizes[axis] if -len(sizes) <= axis < len(sizes) else 3
    cut = r.randint(0, whole)
    sections = [s for s in (cut, whole - cut + (r.random() < 0.2)) if s]
    return r.choice(
        [
            f"{x}.split(n({r.randint(1, 4)}), {axis})",
            f"{x}.split([{listed(sections)}], {axis})",
            f"{x}.chunk({r.randint(1, 4)}, {axis})",
            f"{x}.unbind({axis})",
            f"{x}.tensor_split({r.randint(1, 4)}, {axis})",
            f"{x}.tensor_split(({r.randint(0, 3)}, {r.randint(0, 5)}), {axis})",
        ]
    )


def indexed(r: Random) -> str:
    sizes = some_sizes(r, 0, 4)
    items: list[str] = []
    for _ in range(r.randint(1, 4)):
        kind = r.choice("iisssnet[")
        if kind == "i":
            items.append(str(r.randint(-4, 3)))
        elif kind == "s":
            bound = [r.choice(["", str(r.randint(-5, 5)), f"n({r.randint(1, 4)})"]) for _ in "ab"]
            items.append(":".join(bound) + r.choice(["", "", ":2"]))
        elif kind == "n":
            items.append("None")
        elif kind == "e" and "..." not in items:
            items.append("...")
        elif kind == "t":
            items.append(tensor(some_sizes(r, 0, 2, 2), "ints"))
        elif kind == "[":
            items.append(r.choice(["[0]", "[0, 0]"]))
    return f"{tensor(sizes)}[{', '.join(items) or ':' if sizes else '...'}]"


def reduced(r: Random) -> str:
    sizes = some_sizes(r, 0, 4)
    x, rank = tensor(sizes), len(sizes)
    axis = some_axis(r, rank)
    two = f"({axis}, {some_axis(r, rank)})"
    keep = r.choice(["", ", keepdim=True"])
    return r.choice(
        [
            f"{x}.sum({axis}{keep})",
            f"{x}.mean(dim={two}{keep})",
            f"{x}.amax({two}{keep})",
            f"{x}.max({axis}{keep})",
            f"{x}.argmax({axis}{keep})",
            f"{x}.std({axis}{keep})",
            f"{x}.norm(dim={axis}{keep})",
            f"{x}.cumsum({axis})",
            f"{x}.logsumexp({axis}{keep})",
            f"{x}.topk(1, {axis})",
            f"{x}.prod({axis}{keep})",
            f"{x}.sum()",
        ]
    )


def product(r: Random) -> str:
    shared = r.randint(1, 4)
    batch = some_sizes(r, 0, 2, 3)
    left = [*batch, r.randint(1, 4), shared] if r.random() < 0.8 else [shared]
    right = [shared, r.randint(1, 4)] if r.random() < 0.8 else [shared]
    if r.random() < 0.5 and len(right) == 2:
        right = [*batch, *right]
    for sizes in (left, right):
        if r.random() < 0.12:
            sizes[r.randrange(len(sizes))] = r.randint(1, 4)
    how = r.choice(
        ["torch.matmul", "torch.matmul", "torch.bmm", "torch.mm", "torch.inner", "torch.tensordot"]
    )
    extra = ", dims=1" if how == "torch.tensordot" else ""
    return f"{how}({tensor(left)}, {tensor(right)}{extra})"


def einsum(r: Random) -> str:
    sizes = {letter: r.randint(1, 4) for letter in "abcd"}
    dots = r.random() < 0.3
    terms, operands = [], []
    rest = some_sizes(r, 0, 2, 3)
    for _ in range(r.randint(1, 3)):
        letters = r.sample("abcd", r.randint(1, 3))
        own = [sizes[letter] for letter in letters]
        if r.random() < 0.1:
            own[r.randrange(len(own))] = r.randint(1, 4)
        if r.random() < 0.05:
            own.append(2)
        terms.append(("..." if dots else "") + "".join(letters))
        operands.append(tensor((rest if dots else []) + own))
    every = sorted({letter for term in terms for letter in term if letter != "."})
    out = r.sample(every, r.randint(0, len(every)))
    arrow = "" if r.random() < 0.2 else "->" + ("..." if dots else "") + "".join(out)
    return f"torch.einsum('{','.join(terms)}{arrow}', {', '.join(operands)})"


def broadcast(r: Random) -> str:
    base = some_sizes(r, 0, 4)

    def other() -> str:
        sizes = [s if r.random() < 0.75 else 1 for s in base]
        if sizes and r.random() < 0.15:
            sizes[r.randrange(len(sizes))] = r.randint(1, 4)
        return tensor(sizes[r.randint(0, len(sizes)) :] if r.random() < 0.4 else sizes)

    return r.choice(
        [
            f"{other()} + {other()}",
            f"{other()} * {other()} - {other()}",
            f"torch.where({other()} > 0, {other()}, {other()})",
            f"torch.lerp({other()}, {other()}, 0.5)",
            f"{other()}.masked_fill({other()} > 0, 1.0)",
            f"torch.addcmul({other()}, {other()}, {other()})",
            f"{other()}.add_({other()})",
            f"{other()}.copy_({other()})",
            f"{other()}.expand_as({other()})",
        ]
    )


def chosen(r: Random) -> str:
    sizes = some_sizes(r, 1, 3)
    x, axis = tensor(sizes), some_axis(r, len(sizes))
    near = [max(1, s - r.randint(0, 1)) for s in sizes]
    if r.random() < 0.3:
        near[r.randrange(len(near))] += 1
    return r.choice(
        [
            f"{x}.gather({axis}, {tensor(near, 'ints')})",
            f"{x}.index_select({axis}, {tensor([r.randint(1, 4)], 'ints')})",
            f"{x}.scatter({axis}, {tensor(near, 'ints')}, 1.0)",
            f"{x}.take_along_dim({tensor(near, 'ints')}, {axis})",
            f"{x}.topk({r.randint(1, 3)}, {axis})",
            f"torch.fft.rfft({x}, dim={axis})",
            f"torch.cdist({tensor([2, *sizes])}, {tensor([2, *near])})",
        ]
    )


def einops(r: Random) -> str:
    sizes = {letter: r.randint(1, 4) for letter in "abcd"}
    letters = r.sample("abcd", r.randint(1, 4))
    groups: list[list[str]] = []
    for letter in letters:
        if groups and r.random() < 0.3:
            groups[-1].append(letter)
        else:
            groups.append([letter])
    given = [letter for group in groups for letter in group[1:]]
    dims = [math.prod(sizes[letter] for letter in group) for group in groups]
    if r.random() < 0.2:
        dims[r.randrange(len(dims))] += 1
    if r.random() < 0.1:
        dims.append(2)
    dots = r.random() < 0.2
    if dots:
        dims = some_sizes(r, 0, 2, 3) + dims
    how = r.choice(["rearrange", "reduce", "repeat"])
    right = r.sample(letters, len(letters))
    if how == "reduce":
        right = right[: r.randint(0, len(right))]
    right_text = " ".join(right) if r.random() < 0.5 or not right else f"({' '.join(right)})"
    if how == "repeat":
        right_text += " e"
        sizes["e"] = r.randint(1, 3)
        given.append("e")
    left_text = " ".join(g[0] if len(g) == 1 else f"({' '.join(g)})" for g in groups)
    start = "... " if dots else ""
    kwargs = "".join(f", {letter}=n({sizes[letter]})" for letter in given)
    reduction = ", 'mean'" if how == "reduce" else ""
    return f"einops.{how}({tensor(dims)}, '{start}{left_text} -> {start}{right_text}'{reduction}{kwargs})"


FAMILIES: dict[str, Callable[[Random], str]] = {
    one.__name__: one
    for one in (
        view, moved, repeated, joined, divided, indexed, reduced, product, einsum, broadcast, chosen, einops,
    )
}  # fmt: skip
