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
from lint_params.shape.context import Context
from lint_params.shape.ops.view import reshaped
from lint_params.shape.sizes.dim import mul, symbol
from lint_params.shape.value import Shape, Tensor

torch.set_num_threads(1)
ops.load()

MODULES = """attributes create einops einops_more einsum elementwise expand fft index joining linalg matmul
    permute reduce select splitting view""".split()  # noqa: SIM905
SPECS = [
    (name, spec)
    for table in (ops.FUNCTIONS, ops.LAYERS)
    for name, spec in sorted(table.items())
    if getattr(spec, "call", getattr(spec, "forward", None)).__module__.rpartition(".")[2]
    in MODULES
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
    roots = {
        "torch": torch,
        "Tensor": torch.Tensor,
        "einops": einops,
        "operator": __import__("operator"),
    }
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
        return (
            isinstance(actual, list) and len(mine) == len(actual) and all(map(fits, mine, actual))
        )
    if isinstance(mine, tuple):
        if not isinstance(actual, tuple):
            return False
        if mine[:1] == ("?",):
            mine = mine[1:]
            if len(mine) > len(actual):
                return False
            actual = actual[len(actual) - len(mine) :]
        return len(mine) == len(actual) and all(
            not isinstance(m, int) or m == a for m, a in zip(mine, actual)
        )
    return not isinstance(mine, (int, float)) or mine == actual


def other_chunks(text: str, actual: Any) -> bool:
    """x.chunk(3) of an unknown size is taken to give three equal ones; torch may give others."""
    if ".chunk(" not in text:
        return False
    return f".chunk({len(actual)}," not in text or len({part.shape for part in actual}) > 1


@pytest.mark.parametrize("family", FAMILIES)
def test_symbols_never_contradict_torch(family: str) -> None:
    """Refused symbolically means refused by torch; else the shape is torch's once numbers are put in.

    1 stays a number: what fits only where an argument that has a name is 1 is refused on purpose.
    """
    solved = 0
    r = Random(family)
    for text in expressions(family, 400, 2):
        actual = real(text)
        runner = Runner()
        mine = symbolic(text, runner, lambda n: runner.symbol(n) if r.random() < 0.7 and n > 1 else n)
        if isinstance(actual, Exception) or other_chunks(text, actual):
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
        if isinstance(actual, Exception) or other_chunks(text, actual):
            continue
        runner = Runner()

        def open_zeros(*sizes: Any) -> Any:
            keep = r.randint(0, len(sizes))
            kept = tuple(s.poly if isinstance(s, Size) else s for s in sizes[keep:])
            return T(runner, Tensor(Shape(kept, keep > 0), "float", free=r.random() < 0.5))

        mine = symbolic(text, runner, lambda n: n, open_zeros)
        assert not isinstance(mine, Refused), (text, mine)
        assert fits(mine, torch_shape(actual)), (text, mine, torch_shape(actual))


STEPS = [
    "y = y.transpose(-1, -2)", "y = y.unsqueeze(-1)", "y = y.squeeze(-1)", "y = y.flatten(-2)", "y = y + x",
    "y = x * y", "y = y.mean(-1)", "y = y.sum(-2, keepdim=True)", "y = torch.cat([y, y], -1)",
    "y = y.chunk(2, -1)[0]", "y = y[..., :1]", "y = y[..., None, :]", "y = y[:, 0]", "y = y.flatten(1)",
    "y = y.permute(*order(y))", "x = x.permute(*order(x))", "z = x.reshape(x.shape[0], -1)",
    "y = y @ torch.zeros(y.shape[-1], 3)", "z = x.shape[0]; y = y.reshape(z, -1)",
    "y = torch.stack([y, y], -1)", "y = y.unsqueeze(0)", "y = y.transpose(0, 1)",
    "y = torch.where(y > 0, y, x)", "y = y @ x", "y = y.expand_as(x)", "y = torch.cat([x, y], 1)",
    "y = y.sum(1)", "y = y.unbind(-1)[0]", "y = y.repeat(1, 1, 2)", "y = y.movedim(-1, -2)",
    "y = y.view(*y.shape[:-1], 1, -1)", "y = y.unflatten(-1, (1, -1))", "x = x.squeeze(1)",
    "y = y.diagonal(0, -1, -2)", "y = y.masked_fill(x > 0, 0)", "y = y.reshape(x.shape)",
    "y = torch.einsum('...i,ij->...j', y, torch.zeros(y.shape[-1], 2))",
    "y = einops.rearrange(y, 'b n d -> b d n')", "y = einops.rearrange(y, '... d -> ... 1 d')",
]  # fmt: skip


class Permutation:
    """The same order of axes for the tensor of torch and for its stand-in."""

    def __init__(self, r: Random) -> None:
        self.r = r
        self.last: list[int] = []

    def drawn(self, x: torch.Tensor) -> list[int]:
        self.last = self.r.sample(range(x.dim()), x.dim())
        return self.last

    def again(self, x: Any) -> list[int]:
        return self.last


@pytest.mark.parametrize("seed", range(4))
def test_programs_on_open_ranks_never_contradict_torch(seed: int) -> None:
    """What is learned of y late holds of x, from which it was made, and the other way round."""
    r = Random(seed)
    ran = 0
    for _ in range(400):
        sizes = [r.randint(1, 4) for _ in range(r.randint(1, 4))]
        keep = r.randint(0, len(sizes))
        runner, order = Runner(), Permutation(r)
        x = T(runner, Tensor(Shape(tuple(sizes[keep:]), keep > 0), "float", free=True))
        known = {**runner.names(), "x": x, "y": x, "order": order.again}
        zeros = torch.zeros(sizes)
        actual = {"torch": torch, "einops": einops, "x": zeros, "y": zeros, "order": order.drawn}
        program: list[str] = []
        for _ in range(r.randint(1, 6)):
            program.append(r.choice(STEPS))
            try:
                exec(program[-1], actual)
            except Exception:  # noqa: BLE001 - torch refuses: nothing to compare
                break
            if actual["y"].dim() == 0:  # type: ignore[attr-defined]
                break  # a scalar takes -1 for an axis, which here means that there is one
            try:
                exec(program[-1], known)
            except (Undecided, TypeError):
                break
            ran += 1
            for name in "xy":
                mine, theirs = shape(known[name]), torch_shape(actual[name])
                assert fits(mine, theirs), (sizes, keep, program, name, mine, theirs)
    assert ran > 500


def test_an_open_rank_is_learned_by_all_that_share_it() -> None:
    runner = Runner()
    scope = {**runner.names(), "x": T(runner, Tensor(Shape((), True), "float", free=True))}
    exec(
        """
q, k, v = nn.Linear(16, 48)(x).chunk(3, dim=-1)
size = q.shape[0]
q, k, v = [einops.rearrange(t, 'b n (h d) -> b h n d', h=4) for t in (q, k, v)]
out = einops.rearrange((q @ k.transpose(-1, -2)).softmax(-1) @ v, 'b h n d -> b n (h d)')
flat = nn.Linear(16, 16)(out).view(size, -1)
""",
        scope,
    )
    assert str(shape(scope["x"])) == str(shape(scope["out"]))
    batch, tokens, width = shape(scope["out"])
    assert (width, shape(scope["q"])) == (16, (batch, 4, tokens, 4))
    assert str(shape(scope["flat"])) == str((batch, mul(16, tokens)))


def test_rows_of_nothing_are_no_mistake_of_ours() -> None:
    """[batch, 4] to (-1, 0): torch cannot tell how many rows there are, nor can we."""
    ctx = Context()
    x = ctx.tensor([symbol("batch", "input", 1), 4])
    assert len(reshaped(ctx, x, (-1, 0)).shape.dims) == 2
