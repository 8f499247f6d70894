"""Functions and methods of tensors: examples and random expressions, symbolically and with torch."""

from __future__ import annotations

import warnings
from random import Random
from typing import Any

import einops
import pytest
import torch
from einops.layers.torch import EinMix, Rearrange, Reduce
from expressions import FAMILIES
from symbolic import Refused, Runner, Size, T, Undecided, shape

from lint_params.shape import ops
from lint_params.shape.value import Shape, Tensor

torch.set_num_threads(1)
ops.load()

MODULES = """attributes create einops einsum elementwise expand fft index joining linalg matmul
    permute reduce select splitting view""".split()  # noqa: SIM905
SPECS = [
    (name, spec)
    for table in (ops.FUNCTIONS, ops.LAYERS)
    for name, spec in sorted(table.items())
    if getattr(spec, "call", getattr(spec, "forward", None)).__module__.rpartition(".")[2] in MODULES
]
ACCEPTS = sorted({text for _, spec in SPECS for text in spec.accepts})
REJECTS = sorted({text for _, spec in SPECS for text in spec.rejects})
KINDS = {torch.bool: "bool", torch.int64: "int", torch.float32: "float", torch.complex64: "complex"}


def torch_shape(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return tuple(value.shape)
    if isinstance(value, (list, tuple)):
        return [torch_shape(v) for v in value]
    return value


def on(device: str, text: str) -> Any:
    scope = {
        "torch": torch,
        "nn": torch.nn,
        "F": torch.nn.functional,
        "einops": einops,
        "Rearrange": Rearrange,
        "Reduce": Reduce,
        "EinMix": EinMix,
        "zeros": lambda *sizes: torch.zeros(sizes),
        "ints": lambda *sizes: torch.zeros(sizes, dtype=torch.int64),
        "n": lambda size: size,
    }
    with torch.device(device), warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        return eval(text, scope)


def real(text: str) -> Any:
    """What torch gives, or the error it raises; the CPU decides, for meta does not check all."""
    try:
        return on("cpu", text)
    except Exception as error:
        return error


def kinds(value: Any) -> list[str | None]:
    """The dtypes of the tensors in a result."""
    if isinstance(value, torch.Tensor):
        return [KINDS.get(value.dtype)]
    if isinstance(value, T) and isinstance(value.value, Tensor):
        return [value.value.dtype]
    return [k for v in value for k in kinds(v)] if isinstance(value, (list, tuple)) else []


@pytest.mark.parametrize("text", ACCEPTS)
def test_accepted_with_the_shape_and_dtype_of_torch(text: str) -> None:
    mine = eval(text, Runner().names())
    try:
        actual = on("meta", text)
    except NotImplementedError:  # no meta kernel
        actual = on("cpu", text)
    assert shape(mine) == torch_shape(actual)
    for guess, kind in zip(kinds(mine), kinds(actual)):
        assert guess is None or kind is None or guess == kind


@pytest.mark.parametrize("text", REJECTS)
def test_refused_by_both(text: str) -> None:
    try:
        value = on("meta", text)
    except Exception as error:
        assert str(error)
    else:
        pytest.fail(f"torch gives {value}")
    with pytest.raises(Refused):
        eval(text, Runner().names())


def test_every_name_exists() -> None:
    roots = {"torch": torch, "Tensor": torch.Tensor, "einops": einops, "operator": __import__("operator")}
    for name, _ in SPECS:
        first, *rest = name.split(".")
        found: Any = roots[first]
        if first == "torch":  # what newer versions took away may stay
            assert rest
            continue
        for part in rest:
            assert hasattr(found, part), name
            found = getattr(found, part)


def expressions(family: str, count: int, seed: int) -> list[str]:
    r = Random(f"{family}{seed}")
    return [FAMILIES[family](r) for _ in range(count)]


def symbolic(text: str, runner: Runner, number: Any, zeros: Any = None) -> Any:
    """The shapes that an expression has, or the exception with which it ends."""
    names = {**runner.names(), "n": number}
    if zeros is not None:
        names["zeros"] = zeros
    try:
        return shape(eval(text, names))
    except (Refused, Undecided) as error:
        return error


@pytest.mark.parametrize("family", FAMILIES)
def test_agrees_with_torch_on_numbers(family: str) -> None:
    for text in expressions(family, 400, 1):
        actual, mine = real(text), symbolic(text, Runner(), lambda n: n)
        if isinstance(actual, Exception):
            assert isinstance(mine, Refused), (text, str(actual), mine)
        else:
            assert mine == torch_shape(actual), text


def fits(mine: Any, actual: Any) -> bool:
    """Whether a shape that may hold unknowns does not contradict torch's."""
    if isinstance(mine, Undecided) or mine == "?":
        return True
    if isinstance(mine, list):
        return isinstance(actual, list) and len(mine) == len(actual) and all(map(fits, mine, actual))
    if isinstance(mine, tuple):
        if not isinstance(actual, tuple):
            return False
        if mine[:1] == ("?",):
            mine = mine[1:]
            if len(mine) > len(actual):
                return False
            actual = actual[len(actual) - len(mine) :]
        return len(mine) == len(actual) and all(not isinstance(m, int) or m == a for m, a in zip(mine, actual))
    return not isinstance(mine, (int, float)) or mine == actual


def fewer_chunks(text: str, actual: Any) -> bool:
    """x.chunk(3) of an unknown size is taken to give three; torch gives fewer of a small one."""
    return ".chunk(" in text and f".chunk({len(actual)}," not in text


@pytest.mark.parametrize("family", FAMILIES)
def test_symbols_never_contradict_torch(family: str) -> None:
    """Refused symbolically means refused by torch; else the shape is torch's once numbers are put in."""
    solved = 0
    r = Random(family)
    for text in expressions(family, 400, 2):
        actual = real(text)
        runner = Runner()
        mine = symbolic(text, runner, lambda n: runner.symbol(n) if r.random() < 0.7 else n)
        if isinstance(actual, Exception) or fewer_chunks(text, actual):
            continue
        assert not isinstance(mine, Refused), (text, mine)
        assert fits(mine, torch_shape(actual)), (text, mine, torch_shape(actual))
        solved += mine == torch_shape(actual)
    assert solved > 60  # most are known in full, not just not contradicted


@pytest.mark.parametrize("family", FAMILIES)
def test_open_ranks_never_contradict_torch(family: str) -> None:
    """The same with tensors of which only the last sizes, or none at all, are known."""
    r = Random(family)
    for text in expressions(family, 400, 3):
        actual = real(text)
        if isinstance(actual, Exception) or fewer_chunks(text, actual):
            continue
        runner = Runner()

        def open_zeros(*sizes: Any) -> Any:
            keep = r.randint(0, len(sizes))
            kept = tuple(s.poly if isinstance(s, Size) else s for s in sizes[keep:])
            return T(runner, Tensor(Shape(kept, keep > 0), "float", free=r.random() < 0.5))

        mine = symbolic(text, runner, lambda n: n, open_zeros)
        assert not isinstance(mine, Refused), (text, mine)
        assert fits(mine, torch_shape(actual)), (text, mine, torch_shape(actual))
