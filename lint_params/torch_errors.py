"""What torch says where sizes do not fit: its texts, and the two numbers that they name."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from math import prod
from typing import Any

from lint_params.evidence import Failure

#: Texts that contain the two sizes themselves.
_PAIRS = tuple(
    re.compile(line.strip().replace("GOT", r"(?P<got>\d+)").replace("WANT", r"(?P<expected>\d+)"))
    for line in r"""
    shapes cannot be multiplied \(\d+xGOT and WANTx\d+\)
    to have WANT channels, but got GOT channels
    should contain GOT elements not WANT
    size of tensor a \(GOT\) must match the size of tensor b \(WANT\)
    expanded size of the tensor \(WANT\) must match the existing size \(GOT\)
    must be equal to input_size\. Expected WANT, got GOT
    [Ee]xpected size WANT but got size GOT
    must have same reduction dim, but got \[(?:\d+, )*GOT\] X \[WANT,
    inconsistent (?:input|hidden)_size: got GOT,? expected WANT
    expecting embedding dimension of WANT, but got GOT
    got input \(GOT\), mat \(\d+xWANT\)
    got input \(\d+\), mat \(\d+xWANT\), vec \(GOT\)
    weight of shape \[WANT\] and input of shape \[\d+, GOT
    normalized_shape=\[(?:\d+, )*WANT\].*input of size\[(?:\d+, )*GOT\]
    GOT (?:is )?not divisible by WANT
    num_channels=GOT and num_groups=WANT
    Expected .*batch2 tensor to be: \[\d+, WANT\] but got: \[\d+, GOT\]
    Expected tensor to have size WANT at dimension \d+, but got size GOT
    same number of columns\. X1: GOT X2: WANT
    has size WANT for operand \d+ which does not broadcast with previously seen size GOT
    Shape mismatch, GOT != WANT
    divide axis of length GOT in chunks of WANT
    """.splitlines()
    if line.strip()
)

_VIEW = re.compile(r"shape '\[([^\]]*)\]' is invalid for input of size (\d+)")

_UNFLATTENED = re.compile(r"sizes \[([^\]]*)\] don't multiply up to the size of dim \d+ \((\d+)\)")

_SECTIONS = re.compile(r"to sum exactly to (\d+) .*split_sizes=\[([\d, ]+)\]")

_LISTS = re.compile(r"\[([\d, ]+)\]|\(([\d, ]+)\)")

_SHAPE_TYPES = ("RuntimeError", "ValueError", "TypeError", "IndexError", "AssertionError", "EinopsError")

_SHAPE_TEXTS = (
    "shapes cannot be multiplied",
    "Shape mismatch, ",
    "channels, but got",
    "should contain",
    "must match",
    "is invalid for input of size",
    "don't multiply up to",
    "to match the convolution dimensions",
    "must be equal to input_size",
    "inconsistent input_size",
    "inconsistent hidden_size",
    "must have same reduction dim",
    "normalized_shape",
    "Expected hidden",
    "Expected size",
    "Expected target size",
    "Target size (",
    "batch or spatial sizes don't match",
    "size mismatch",
    "shape mismatch",
    "must be divisible",
    "divisible by",
    "not divisible",
    "split_with_sizes expects",
    "Sizes of tensors must match",
    "same number of dimensions",
    "same number of columns",
    "stack expects each tensor to be equal size",
    "Kernel size can't be greater",
    "kernel size can't be greater",
    "Output size is too small",
    "pad should be",
    "Padding_idx must be within",
    "Padding size should be less",
    "proj_size has to be smaller",
    "expanded size",
    "must broadcast",
    "not broadcastable",
    "does not broadcast",
    "doesn't match the broadcast shape",
    "not compatible",
    "is not compatible with input tensor",
    "dimension out of range",
    "Dimension out of range",
    "Expected number of channels",
    "number of channels in input",
    "expecting embedding dimension",
    "expected input",
    "Expected input",
    "inconsistent tensor size",
    "einsum(): ",
    "Given input size",
    "must be Tensor, not tuple",
    "invalid index of a 0-dim tensor",
    "too many indices for tensor",
    "too many values to unpack",
    "not enough values to unpack",
    "Expected 2D",
    "Expected 3D",
    "Expected 4D",
    "expected to be",
    "size of tensor",
    "shape '",
    "Shape mismatch",
    "batch1",
    "batch2",
    "mat1",
    "attn_mask",
)


def is_shape_error(failure: Failure) -> bool:
    """Whether torch complained of sizes that do not fit."""
    if failure.type not in _SHAPE_TYPES:
        return False
    return any(text in failure.text for text in _SHAPE_TEXTS)


_RANK_TEXTS = re.compile(
    r"[Dd]imension out of range|0-dim tensor|too many indices|values to unpack|number of dimensions|[Ee]xpected \dD|"
    r"dimension specified as|only batches of spatial|must have \d dimensions"
)


def is_rank_error(failure: Failure) -> bool:
    """An error about how many dimensions a tensor has: on made-up input it says nothing."""
    return bool(_RANK_TEXTS.search(failure.text))


def contradiction(text: str) -> list[tuple[int, int]]:
    """The pairs (got, expected) that a shape error names, without order among them."""
    pairs: list[tuple[int, int]] = []
    for pattern in _PAIRS:
        found = pattern.search(text)
        if found and found.groupdict().get("got") and found.groupdict().get("expected"):
            pairs.append((int(found["got"]), int(found["expected"])))
    view = _VIEW.search(text) or _UNFLATTENED.search(text)
    if view:
        wanted = [int(size) for size in view[1].split(",") if size.strip()]
        count = int(view[2])
        rest = prod(size for size in wanted if size > 0)
        pairs.append((count, rest))
    sections = _SECTIONS.search(text)
    if sections:
        pairs.append((int(sections[1]), sum(map(int, sections[2].split(",")))))
    shapes = [
        tuple(int(n) for n in (a or b).split(",") if n.strip()) for a, b in _LISTS.findall(text)
    ]
    for left in shapes:  # two shapes of equal rank that differ in one place
        for right in shapes:
            if len(left) == len(right):
                differ = [(a, b) for a, b in zip(left, right) if a != b]
                if len(differ) == 1:
                    pairs.append(differ[0])
    return pairs


def numbers(text: str) -> set[int]:
    return {int(number) for number in re.findall(r"\d+", text)}


def evaluated(size: Any, arguments: Mapping[str, Any]) -> int | None:
    """A size as a number: an int, or arithmetic over the constructor's int arguments."""
    if isinstance(size, bool):
        return None
    if isinstance(size, int):
        return size
    if not isinstance(size, str):
        return None
    try:
        return _arithmetic(ast.parse(size, mode="eval").body, arguments)
    except (SyntaxError, ValueError, ZeroDivisionError, KeyError, TypeError):
        return None


def _arithmetic(node: ast.expr, names: Mapping[str, Any]) -> int:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    if isinstance(node, (ast.Name, ast.Attribute)):
        value = names[ast.unparse(node)]
        if isinstance(value, int):
            return value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_arithmetic(node.operand, names)
    if isinstance(node, ast.BinOp):
        left, right = _arithmetic(node.left, names), _arithmetic(node.right, names)
        if isinstance(node.op, ast.Add):
            return left + right
        if isinstance(node.op, ast.Sub):
            return left - right
        if isinstance(node.op, ast.Mult):
            return left * right
        if isinstance(node.op, ast.FloorDiv):
            return left // right
        if isinstance(node.op, ast.Mod):
            return left % right
        if isinstance(node.op, ast.Pow) and 0 <= right < 16:
            return int(left**right)
    raise ValueError(node)
