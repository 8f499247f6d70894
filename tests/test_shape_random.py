"""Random layers on random inputs: what torch does and what the ops say never contradict.

Each case runs three times: with torch, with the numbers themselves, and with a symbol for every
``S(n)``, whose result is compared once the numbers are put in.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import pytest
from shape_examples import Symbolic, differences, evaluate_real

CASES = 150


def sizes(*numbers: int) -> str:
    return ", ".join(f"S({n})" for n in numbers)


def zeros(*numbers: int, kind: str = "zeros") -> str:
    return f"{kind}({sizes(*numbers)})"


def near(rng: random.Random, number: int) -> int:
    """Mostly the number itself, at times another: a mismatch."""
    return number if rng.random() < 0.85 else max(1, number + rng.choice((-2, -1, 1, 2, number)))


def spatial(rng: random.Random, n: int, low: int = 3, high: int = 12) -> list[int]:
    return [rng.randint(low, high) for _ in range(n)]


def batch(rng: random.Random) -> list[int]:
    return [rng.randint(1, 3)] if rng.random() < 0.8 else []


def per_axis(rng: random.Random, n: int, choices: tuple[int, ...]) -> str:
    if rng.random() < 0.5:
        return f"S({rng.choice(choices)})"
    return f"({', '.join(f'S({rng.choice(choices)})' for _ in range(n))},)"


def convolution(rng: random.Random) -> str:
    n = rng.choice((1, 2, 3))
    groups = rng.choice((1, 1, 1, 2, 3))
    into, out = groups * rng.randint(1, 4), groups * rng.randint(1, 4)
    x = zeros(*batch(rng), near(rng, into), *spatial(rng, n))
    kernel, dilation = per_axis(rng, n, (1, 2, 3, 4)), per_axis(rng, n, (1, 1, 1, 2))
    padding = rng.choice([per_axis(rng, n, (0, 1, 2)), "'same'", "'valid'"])
    stride = "1" if padding == "'same'" else per_axis(rng, n, (1, 2, 3))
    layer = f"nn.Conv{n}d(S({into}), S({out}), {kernel}, {stride}, {padding}, {dilation}, {groups})"
    return f"{layer}({x})"


def transposed(rng: random.Random) -> str:
    n = rng.choice((1, 2, 3))
    groups = rng.choice((1, 1, 2))
    into, out = groups * rng.randint(1, 4), groups * rng.randint(1, 4)
    x = zeros(*batch(rng), near(rng, into), *spatial(rng, n, 2, 6))
    kernel, padding = per_axis(rng, n, (1, 2, 3, 4)), per_axis(rng, n, (0, 0, 1))
    stride, more = per_axis(rng, n, (1, 2, 3)), per_axis(rng, n, (0, 0, 0, 1))
    layer = f"nn.ConvTranspose{n}d(S({into}), S({out}), {kernel}, {stride}, {padding}, {more}, {groups})"
    return f"{layer}({x})"


def pooling(rng: random.Random) -> str:
    n = rng.choice((1, 2, 3))
    kind = rng.choice(("Max", "Avg", "LP", "AdaptiveAvg", "AdaptiveMax"))
    rank = rng.random()
    front = [*batch(rng), rng.randint(1, 3)] if rank < 0.95 else []
    x = zeros(*front, *spatial(rng, n, 4, 13))
    if kind.startswith("Adaptive"):
        return f"nn.{kind}Pool{n}d({per_axis(rng, n, (1, 2, 5))})({x})"
    ceil = f"ceil_mode={rng.random() < 0.5}"
    if kind == "LP":
        kernel = per_axis(rng, n, (1, 2, 3, 5)) if n > 1 else f"S({rng.randint(1, 5)})"
        stride = rng.choice(["None", f"S({rng.randint(1, 3)})"])
        return f"nn.LPPool{n}d(2, {kernel}, {stride}, {ceil})({x})"
    kernel = per_axis(rng, n, (1, 2, 3, 5))
    stride = rng.choice(["None", per_axis(rng, n, (1, 2, 3))])
    padding = per_axis(rng, n, (0, 0, 1, 2)) if rng.random() < 0.5 else "0"
    dilation = f", dilation={per_axis(rng, n, (1, 2))}" if kind == "Max" else ""
    return f"nn.{kind}Pool{n}d({kernel}, {stride}, {padding}, {ceil}{dilation})({x})"


def padding(rng: random.Random) -> str:
    n = rng.choice((1, 2, 3))
    kind = rng.choice(("Reflection", "Replication", "Circular", "Zero", "Constant"))
    pads = ", ".join(f"S({rng.choice((0, 1, 2, 3, 5))})" for _ in range(2 * n))
    how = f"({pads})" if rng.random() < 0.7 else f"S({rng.choice((0, 1, 2, 4))})"
    value = ", 0.5" if kind == "Constant" else ""
    x = zeros(*batch(rng), rng.randint(1, 3), *spatial(rng, n, 2, 7))
    return f"nn.{kind}Pad{n}d({how}{value})({x})"


def norm(rng: random.Random) -> str:
    n = rng.choice((1, 2, 3))
    kind = rng.choice(("Batch", "Instance", "Layer", "RMS", "Group", "Group"))
    channels = rng.randint(1, 4) * 2
    rest = spatial(rng, n, 2, 5)
    more = rng.choice(("", ", affine=False", ", affine=True"))
    front = batch(rng) or ([2] if kind in ("Batch", "Group") else [])
    if kind == "Batch":
        rest = rest if rng.random() < 0.9 else rest[1:]
        return (
            f"nn.BatchNorm{n}d(S({near(rng, channels)}){more}).eval()({zeros(2, channels, *rest)})"
        )
    if kind == "Instance":
        return (
            f"nn.InstanceNorm{n}d(S({near(rng, channels)}){more})({zeros(*front, channels, *rest)})"
        )
    if kind == "Group":
        groups = rng.choice((1, 2, channels, 3))
        return f"nn.GroupNorm({groups}, S({near(rng, channels)}){more})({zeros(*front, channels, *rest)})"
    last = rest[-rng.randint(1, len(rest)) :]
    shape = (
        f"S({near(rng, last[-1])})"
        if len(last) == 1
        else f"[{sizes(*last[:-1], near(rng, last[-1]))}]"
    )
    return f"nn.{kind}Norm({shape})({zeros(*front, *rest)})"


def recurrent(rng: random.Random) -> str:
    kind = rng.choice(("RNN", "LSTM", "GRU"))
    into, hidden, layers = rng.randint(2, 5), rng.randint(2, 5), rng.randint(1, 3)
    both, first = rng.random() < 0.5, rng.random() < 0.5
    projected = rng.randint(1, hidden) if kind == "LSTM" and rng.random() < 0.3 else 0
    steps, count = rng.randint(1, 4), rng.randint(1, 3)
    batched = rng.random() < 0.8
    shape = ([count, steps] if first else [steps, count]) if batched else [steps]
    args = f"S({into}), S({hidden}), S({layers}), batch_first={first}, bidirectional={both}"
    layer = f"nn.{kind}({args}{f', proj_size={projected}' if projected else ''})"
    x = zeros(*shape, near(rng, into))
    if rng.random() < 0.5:
        return f"{layer}({x})"
    rows = near(rng, layers * (1 + both))
    middle = [near(rng, count)] if batched else []
    states = [zeros(rows, *middle, near(rng, projected or hidden))]
    if kind == "LSTM":
        states.append(zeros(rows, *middle, hidden))
        return f"{layer}({x}, ({', '.join(states)}))"
    return f"{layer}({x}, {states[0]})"


def cell(rng: random.Random) -> str:
    kind = rng.choice(("RNN", "LSTM", "GRU"))
    into, hidden, count = rng.randint(2, 5), rng.randint(2, 5), rng.randint(1, 3)
    front = [count] if rng.random() < 0.8 else []
    layer = f"nn.{kind}Cell(S({into}), S({hidden}))"
    x = zeros(*front, near(rng, into))
    if rng.random() < 0.5 or not front:
        return f"{layer}({x})"
    state = zeros(near(rng, count), near(rng, hidden))
    return f"{layer}({x}, {f'({state}, {zeros(count, hidden)})' if kind == 'LSTM' else state})"


def attention(rng: random.Random) -> str:
    heads = rng.choice((1, 2, 4))
    width = heads * rng.randint(1, 3)
    count, targets, sources = rng.randint(1, 3), rng.randint(1, 4), rng.randint(1, 4)
    first, batched = rng.random() < 0.5, rng.random() < 0.8
    of_key, of_value = (rng.choice((width, width, 3)) for _ in range(2))

    def tensor(length: int, last: int) -> str:
        middle = [length] if not batched else [count, length] if first else [length, count]
        return zeros(*middle, last)

    kind = rng.random()
    if kind < 0.6:
        more = f"kdim=S({of_key}), vdim=S({of_value}), batch_first={first}"
        layer = f"nn.MultiheadAttention(S({width}), {rng.choice((heads, heads, heads, 5))}, {more})"
        mask = ""
        if rng.random() < 0.4:
            mask = f", attn_mask={zeros(near(rng, targets), near(rng, sources))}"
        query, key = tensor(targets, near(rng, width)), tensor(sources, near(rng, of_key))
        weights = f"average_attn_weights={rng.random() < 0.7}"
        return f"{layer}({query}, {key}, {tensor(near(rng, sources), of_value)}, {weights}{mask})"
    if kind < 0.8:
        layer = f"nn.TransformerEncoderLayer(S({width}), {heads}, S(4), batch_first={first})"
        return f"{layer}({tensor(targets, near(rng, width))})"
    layer = f"nn.TransformerDecoderLayer(S({width}), {heads}, S(4), batch_first={first})"
    return f"{layer}({tensor(targets, width)}, {tensor(sources, near(rng, width))})"


def dot_product(rng: random.Random) -> str:
    front = spatial(rng, rng.randint(0, 2), 1, 3)
    width, targets, sources = rng.randint(1, 4), rng.randint(1, 4), rng.randint(1, 4)
    key_front = [near(rng, f) for f in front]
    query, key = zeros(*front, targets, width), zeros(*key_front, sources, near(rng, width))
    value = zeros(*key_front, near(rng, sources), rng.randint(1, 4))
    mask = f", {zeros(near(rng, targets), sources)}" if rng.random() < 0.3 else ""
    return f"F.scaled_dot_product_attention({query}, {key}, {value}{mask})"


def embedding(rng: random.Random) -> str:
    count, width = rng.randint(2, 6), rng.randint(1, 5)
    shape = spatial(rng, rng.randint(1, 3), 1, 4)
    if rng.random() < 0.6:
        row = rng.choice(("None", f"S({rng.randint(0, 7)})", str(-rng.randint(1, 7))))
        return (
            f"nn.Embedding(S({count}), S({width}), padding_idx={row})({zeros(*shape, kind='ints')})"
        )
    if rng.random() < 0.5:
        return f"nn.EmbeddingBag(S({count}), S({width}))({zeros(*shape, kind='ints')})"
    last = rng.random() < 0.5
    layer = f"nn.EmbeddingBag(S({count}), S({width}), include_last_offset={last})"
    return f"{layer}({zeros(4, kind='ints')}, {zeros(rng.randint(1, 4), kind='ints')})"


def folding(rng: random.Random) -> str:
    kernel, stride = per_axis(rng, 2, (1, 2, 3)), per_axis(rng, 2, (1, 2))
    pad = per_axis(rng, 2, (0, 1))
    channels, high, wide = rng.randint(1, 3), rng.randint(2, 6), rng.randint(2, 6)
    if rng.random() < 0.5:
        return (
            f"nn.Unfold({kernel}, 1, {pad}, {stride})({zeros(*batch(rng), channels, high, wide)})"
        )
    k, s = rng.randint(1, 3), rng.randint(1, 2)
    places = ((high - k) // s + 1) * ((wide - k) // s + 1)
    columns = near(rng, channels * k * k)
    x = zeros(*batch(rng), columns, near(rng, max(places, 1)))
    return f"nn.Fold((S({high}), S({wide})), S({k}), stride=S({s}))({x})"


def pixels(rng: random.Random) -> str:
    by = rng.randint(1, 3)
    front = spatial(rng, rng.randint(0, 2), 1, 3)
    high, wide = rng.randint(1, 3), rng.randint(1, 3)
    kind = rng.random()
    if kind < 0.4:
        return f"nn.PixelShuffle(S({by}))({zeros(*front, near(rng, 2 * by * by), high, wide)})"
    if kind < 0.8:
        return f"nn.PixelUnshuffle(S({by}))({zeros(*front, 2, near(rng, high * by), wide * by)})"
    return f"nn.ChannelShuffle(S({by}))({zeros(2, near(rng, 2 * by), *front, high)})"


def resizing(rng: random.Random) -> str:
    n = rng.choice((1, 2, 3))
    x = zeros(rng.randint(1, 2), rng.randint(1, 3), *spatial(rng, n, 2, 9))
    mode = rng.choice(("nearest", "area", "linear", "bilinear", "trilinear", "bicubic"))
    if rng.random() < 0.7:
        mode = {1: "linear", 2: "bilinear", 3: "trilinear"}[n]
    if rng.random() < 0.5:
        wanted = n if rng.random() < 0.9 else rng.choice((1, 2, 3))
        size = per_axis(rng, wanted, (1, 3, 8))
        return f"nn.Upsample({size}, mode={mode!r})({x})"
    factor = rng.choice(("2", "0.5", "1.5", "3.0", "0.3", "1.7", f"({', '.join(['2.5'] * n)},)"))
    return f"nn.Upsample(scale_factor={factor}, mode={mode!r})({x})"


def activation(rng: random.Random) -> str:
    shape = spatial(rng, rng.randint(1, 4), 1, 6)
    kind = rng.choice(("GLU", "Softmax", "PReLU", "Flatten", "Cosine", "Pairwise", "Bilinear"))
    dim = rng.randint(-4, 3)
    if kind in ("GLU", "Softmax"):
        return f"nn.{kind}({dim})({zeros(*shape)})"
    if kind == "PReLU":
        channels = shape[1] if len(shape) > 1 else 1
        return f"nn.PReLU({rng.choice((1, near(rng, channels)))})({zeros(*shape)})"
    if kind == "Flatten":
        return f"nn.Flatten({rng.randint(-2, 2)}, {rng.randint(-2, 3)})({zeros(*shape)})"
    if kind == "Bilinear":
        layer = f"nn.Bilinear(S({near(rng, shape[-1])}), S(3), S(4))"
        return f"{layer}({zeros(*shape)}, {zeros(*shape[:-1], near(rng, 3))})"
    other = [rng.choice((n, n, n, 1, n + 1)) for n in shape][rng.choice((0, 0, 0, 1)) :] or [1]
    name = f"CosineSimilarity({dim})" if kind == "Cosine" else "PairwiseDistance()"
    return f"nn.{name}({zeros(*shape)}, {zeros(*other)})"


def loss(rng: random.Random) -> str:
    how = f"reduction={rng.choice(('none', 'none', 'mean', 'sum'))!r}"
    shape = [rng.randint(1, 4), rng.randint(1, 5), *spatial(rng, rng.randint(0, 2), 1, 4)]
    kind = rng.choice(("pair", "same", "class", "rows", "margin"))
    if kind == "pair":
        name = rng.choice(
            (
                "L1",
                "MSE",
                "SmoothL1",
                "Huber",
                "SoftMargin",
                "KLDiv",
                "HingeEmbedding",
                "PoissonNLL",
            )
        )
        other = [rng.choice((n, n, n, 1, n + 1)) for n in shape][rng.choice((0, 0, 1)) :]
        return f"nn.{name}Loss({how})({zeros(*shape)}, {zeros(*other)})"
    if kind == "same":
        name = rng.choice(("BCE", "BCEWithLogits"))
        other = [near(rng, n) for n in shape][rng.choice((0, 0, 0, 0, 1)) :]
        return f"nn.{name}Loss({how})({zeros(*shape)}, {zeros(*other)})"
    if kind == "class":
        name = rng.choice(("CrossEntropy", "NLL"))
        labels = [near(rng, shape[0]), *(near(rng, n) for n in shape[2:])]
        if rng.random() < 0.2 and name == "CrossEntropy":
            return f"nn.CrossEntropyLoss({how})({zeros(*shape)}, {zeros(*[near(rng, n) for n in shape])})"
        return f"nn.{name}Loss({how})({zeros(*shape)}, {zeros(*labels, kind='ints')})"
    if kind == "rows":
        other = [near(rng, n) for n in shape[:2]]
        return f"nn.MultiLabelMarginLoss({how})({zeros(*shape[:2])}, {zeros(*other, kind='ints')})"
    one, two, three = (zeros(*(rng.choice((n, n, n, n, 1)) for n in shape)) for _ in range(3))
    name = rng.choice(("TripletMargin", "MarginRanking"))
    return f"nn.{name}Loss({how})({one}, {two}, {three})"


FAMILIES: list[Callable[[random.Random], str]] = [
    convolution, transposed, pooling, padding, norm, recurrent, cell, attention, dot_product, embedding,
    folding, pixels, resizing, activation, loss,
]  # fmt: skip

#: What torch refuses and the ops let pass, as torch says it, and why.
NOT_A_MATTER_OF_SHAPES = {
    "Expected more than 1": "a norm in training mode needs more than one value",
    "smaller than kernel size": "average pooling in 3 dimensions wants an input larger than its kernel"
    " even where the padding makes it so",
    "Calculated output size per channel": "an output of no elements, which some kernels let pass",
    "doesn't match the broadcast shape": "SoftMarginLoss writes into a tensor of the input's shape",
}
#: What some device lets pass: the kernel for the CPU reads beyond the shorter of key and value.
REFUSED_ELSEWHERE = {"parameter-product-mismatch": "takes a value of {expected} positions"}


def outcome(text: str) -> object:
    plain = re.sub(r"S\((-?\d+)\)", r"\1", text)
    try:
        return evaluate_real(plain)  # the meta device does not check all
    except Exception as error:  # noqa: BLE001 - whatever torch raises is its refusal
        return error


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.__name__)
def test_agrees_with_torch(family: Callable[[random.Random], str]) -> None:
    rng = random.Random(f"{family.__name__}")
    known = told = refused = 0
    for _ in range(CASES):
        text = family(rng)
        plain = re.sub(r"S\((-?\d+)\)", r"\1", text)
        expected = outcome(text)
        numbers, symbols = Symbolic(), Symbolic()
        value, other = numbers.run(plain), symbols.run(text)
        if isinstance(expected, Exception):
            refused += 1
            excused = any(part in str(expected) for part in NOT_A_MATTER_OF_SHAPES)
            assert numbers.refuted() or excused, f"{plain}: torch says {expected}"
            continue
        if any(REFUSED_ELSEWHERE.get(o.rule, "\0") in o.text for o in numbers.refuted()):
            continue
        assert not numbers.refuted(), f"{plain}: {numbers.refuted()[0].text}"
        assert not symbols.refuted(), f"{text}: {symbols.refuted()[0].text}"
        assert not differences(value, expected, numbers.number), plain
        found = differences(other, expected, symbols.number)
        assert not [line for line in found if "unknown sizes" not in line], text
        known += not found
        told += 1
    assert told > CASES // 4
    assert refused > 1
    # A result whose sizes are all known in symbols is the rule.
    assert known >= 0.75 * told, f"{known} of {told}"


def test_the_generators_reach_what_they_name() -> None:
    rng = random.Random(1)
    text = " ".join(convolution(rng) for _ in range(40))
    assert all(part in text for part in ("Conv1d", "Conv2d", "Conv3d", "'same'", "'valid'"))
