"""Inputs for forward: from the file's calls, from what the first layers want, by repair.

Sizes that are free are pairwise distinct primes, so that no two agree by accident. A size
that was changed to please a message of torch is recorded. Child only.
"""

# The linted code may raise anything, anywhere:
# ruff: noqa: BLE001, S112
from __future__ import annotations

import ast
import copy
import inspect
import re
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn

from lint_params.shape.runs.taken import Taken
from lint_params.verify.made_up import naming, needs, shared
from lint_params.verify.made_up.arguments import evaluated
from lint_params.verify.made_up.calls import Call, brief, signature
from lint_params.verify.made_up.hints import Hints
from lint_params.verify.made_up.scopes import called
from lint_params.verify.made_up.source_facts import FileView
from lint_params.verify.made_up.symbols import BATCH, LENGTH, SIDE, UNKNOWN, fitted

#: Stands for "something, not None".
GIVEN = object()


@dataclass
class Inputs:
    args: list[Any]
    kwargs: dict[str, Any] = field(default_factory=dict)
    origin: str = "synthesised"
    repaired: tuple[str, ...] = ()
    resized: tuple[int, ...] = ()  # sizes that these put in
    names: list[str] = field(default_factory=list)
    said: tuple[str, ...] = ()  # what the source demands of them

    def fresh(self, device: str) -> tuple[list[Any], dict[str, Any]]:
        """Copies, so that a forward that changes its input spoils one call only."""
        return moved(self.args, device), moved(self.kwargs, device)

    def shapes(self) -> tuple[tuple[int, ...], ...]:
        return tuple(tuple(value.shape) for value in flat([self.args, self.kwargs]) if value.dim())

    def text(self) -> str:
        parts = [brief(value) for value in self.args]
        return ", ".join(parts + [f"{k}={brief(v)}" for k, v in self.kwargs.items()])


def of_author(args: list[Any], kwargs: dict[str, Any], obstacles: tuple[str, ...]) -> Inputs:
    """What the project itself gives; its sizes prove nothing where there is an obstacle."""
    given = Inputs(args, kwargs, "config", obstacles)
    sizes = {size for shape in given.shapes() for size in shape}
    return replace(given, resized=tuple(sizes) if obstacles else ())


def moved(value: Any, device: str) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().clone().to(device)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(moved(item, device) for item in value))
    if isinstance(value, (list, tuple)):
        return type(value)(moved(item, device) for item in value)
    if type(value) is dict:
        return {key: moved(item, device) for key, item in value.items()}
    try:
        return copy.copy(value)
    except Exception:
        return value


def flat(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from flat(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from flat(item)
    elif hasattr(value, "__dataclass_fields__"):
        for item in vars(value).values():
            yield from flat(item)


def more_rows(value: Any, batch: int) -> Any:
    """The same input with one row more wherever the batch size stands first."""
    if isinstance(value, torch.Tensor):
        if value.dim() and value.shape[0] == batch:
            return torch.cat([value, value[:1]], dim=0)
        return value
    if isinstance(value, (list, tuple)):
        return type(value)(more_rows(item, batch) for item in value)
    if isinstance(value, dict):
        return {key: more_rows(item, batch) for key, item in value.items()}
    return value


def from_calls(module: nn.Module, view: FileView, built: Call) -> Iterator[Inputs]:
    """``model(torch.randn(...))`` in a file, where ``model`` was built by this very call.

    An object of the class that was built with other arguments takes other inputs.
    """
    kind = type(module).__name__
    for node in view.scopes.every_call if kind in view.scopes.calls else ():
        if not (node.args or node.keywords):
            continue
        func = node.func
        made = func if isinstance(func, ast.Call) else None  # Net()(x)
        if isinstance(func, ast.Name):
            made = view.assigned_call(func.id, node)
        if made is None or called(made) != kind or view.meant_to_fail(node):
            continue
        if made is not built.node and not _same(made, built, view):
            continue
        try:
            args = [view.value(arg) for arg in node.args if not isinstance(arg, ast.Starred)]
            kwargs = {word.arg: view.value(word.value) for word in node.keywords if word.arg}
        except Exception:
            continue
        if args and not any(True for _ in flat([args, kwargs])):
            continue
        yield Inputs(args, kwargs, "call site")


def _same(made: ast.Call, built: Call, view: FileView) -> bool:
    call = evaluated(made, view)
    return call is not None and call.text == built.text


_SIDE = re.compile(r"(img|image|input|crop)_?(size|res|dim|resolution)|resolution")
_LENGTH = re.compile(r"max_?len|seq_?len|block_size|context|max_pos|n_ctx|num_patches")


_HEIGHT = re.compile(r"((img|image|input|crop|in|frame|max)_?)?(h|height|H)")
_BROAD = re.compile(r"((img|image|input|crop|in|frame|max)_?)?(w|width|W)")


def side_of(sizes: dict[str, Any]) -> tuple[int, int]:
    """Height and width of a picture."""
    fit = {name: value for name, value in sizes.items() if isinstance(value, int) and 4 <= value <= 512}
    high = next((value for name, value in fit.items() if _HEIGHT.fullmatch(name)), 0)
    broad = next((value for name, value in fit.items() if _BROAD.fullmatch(name)), 0)
    if high and broad:
        return high, broad
    side = next((value for name, value in fit.items() if _SIDE.search(name.lower())), SIDE)
    return side, side


def length_of(sizes: dict[str, Any]) -> int:
    """Shorter than any stated maximum length."""
    for name, value in sizes.items():
        if isinstance(value, int) and value > 0 and _LENGTH.search(name.lower()):
            exact = re.search("seq_?len|num_patches", name.lower())
            return value if exact else min(LENGTH, value)
    return LENGTH


def by_source(
    module: nn.Module, guess: Inputs, taken: Taken, arguments: Mapping[str, Any]
) -> Inputs | None:
    """What was made up, as the source says that it must be; None if it says nothing new.

    Where it is a Parameter's own shape that asks for a size, the constructor's word for the
    input counts more: the shape may be the mistake.
    """
    wants = needs.of_forward(module)
    shares = shared.parts(wants, {**whole_numbers(module), **arguments})
    mine = [
        name if name not in shares and not (name in wants and wants[name].guessed) else ""
        for name in guess.names
    ]
    args, said = fitted(guess.args, mine, taken, arguments)
    return replace(guess, args=args, said=tuple(said)) if said else None


def synthesised(module: nn.Module, sizes: dict[str, Any], method: str = "forward") -> Inputs:
    """One made-up input for each parameter of forward that has no default."""
    found = signature(getattr(type(module), method, None) or module.forward)
    if found is None:
        return Inputs([])
    wants = needs.of_forward(module, method=method)
    sizes = {**whole_numbers(module), **sizes}
    wants.update(shared.parts(wants, sizes))
    side, length = side_of(sizes), length_of(sizes)
    if any(_grid(p) for p in found.parameters.values()):  # so many tokens as the grid has places
        sizes["seq_len"] = length = GRID[0] * GRID[1]
    if isinstance(module, (nn.Sequential,)) or type(module).__module__.startswith("torch."):
        need = needs.of_module(module)
        first = tensor(need or needs.Need("features", UNKNOWN), 0, side, length)
        return Inputs([first], names=["input"])
    args: list[Any] = []
    names: list[str] = []
    words: dict[str, Any] = {}
    for index, param in enumerate(list(found.parameters.values())):
        if param.name == "self" and index == 0:
            continue
        if param.kind in (param.VAR_POSITIONAL, param.VAR_KEYWORD):
            if param.kind is param.VAR_POSITIONAL and not args:
                each = [tensor(need, 0, side, length) for need in shared.each(module, param.name, method)]
                args += each or [tensor(_first_need(module), 0, side, length)]
                names += [param.name] * len(args)
            continue
        if param.default is not param.empty:
            continue
        rank = needs.rank_of(module, param.name, method)
        if param.kind is param.KEYWORD_ONLY:
            words[param.name] = _argument(module, param, wants.get(param.name), rank, sizes, args)
            continue
        args.append(_argument(module, param, wants.get(param.name), rank, sizes, args))
        names.append(param.name)
    if not args and not words:
        args, names = _leading(module, list(found.parameters.values()), wants, sizes, method)
    return Inputs(args, words, names=names)


def whole_numbers(module: nn.Module) -> dict[str, Any]:
    return {name: value for name, value in vars(module).items() if type(value) is int}


def with_words(module: nn.Module, given: Inputs, words: Mapping[str, Any]) -> Inputs:
    """The same with these arguments of forward; one that is only to be there is made up."""
    found = signature(module.forward)
    args, kwargs = list(given.args), dict(given.kwargs)
    for name, value in words.items():
        if isinstance(value, (bool, int, float, str, type(None))):
            if name in given.names:
                args[given.names.index(name)] = value
            else:
                kwargs[name] = value
        elif value is GIVEN and name not in given.names and found is not None:
            wants = needs.of_forward(module)
            wants.update(shared.parts(wants, whole_numbers(module)))
            need, rank = wants.get(name), needs.rank_of(module, name)
            kwargs[name] = _argument(module, found.parameters[name], need, rank, {}, args)
    return replace(given, args=args, kwargs=kwargs)


def _leading(
    module: nn.Module,
    parameters: list[inspect.Parameter],
    wants: dict[str, needs.Need],
    sizes: dict[str, Any],
    method: str,
) -> tuple[list[Any], list[str]]:
    """Where every parameter has a default, the first is the input all the same."""
    for param in parameters:
        kinds = (param.POSITIONAL_ONLY, param.POSITIONAL_OR_KEYWORD)
        if param.kind in kinds and param.name != "self" and param.default is None:
            rank = needs.rank_of(module, param.name, method)
            made = _argument(module, param, wants.get(param.name), rank, sizes, [])
            return [made], [param.name]
    return [], []


#: Height and width of a picture that comes as a row of tokens.
GRID = (6, 10)


#: One number for each row: how far a diffusion is.
_STEP = re.compile(r"t|time|timesteps?|sigma|noise_level")


def with_steps(given: Inputs) -> Inputs | None:
    """The same with one number a row where the name says so; None if that changes nothing."""
    args = [
        torch.arange(BATCH) if _STEP.fullmatch(name.lower()) and isinstance(arg, torch.Tensor) else arg
        for name, arg in zip(given.names, given.args)
    ]
    other = replace(given, args=args)
    return other if len(args) == len(given.args) and other.shapes() != given.shapes() else None


def _grid(param: inspect.Parameter) -> bool:
    """``H``, ``feat_size``, ``hw_shape``: the caller says how the tokens lie."""
    if param.default is not param.empty:
        return False
    name = param.name.lower()
    pair = re.fullmatch(r"(hw|feat|input|x|spatial|patch|grid)_?(size|shape|resolution)|hw", name)
    return param.name in ("H", "W") or pair is not None


_INPUT_SIZE = re.compile(
    r"(in|input|inp)_?(features?|dims?|size|channels?|ch|units|width|neurons)|n_(in|inputs?)|d_in|in_|nin"
    r"|num_inputs|fan_in"
)


def _named_size(sizes: dict[str, Any]) -> int:
    """What the constructor itself calls the size of its input."""
    for name, value in sizes.items():
        if _INPUT_SIZE.fullmatch(name.lower()) and isinstance(value, int) and value > 0:
            return value
    return 0


def _first_need(module: nn.Module) -> needs.Need:
    for child in module.modules():
        if child is not module and not list(child.children()):
            need = needs.of_module(child)
            if need is not None:
                return need
    return needs.Need("features", UNKNOWN)


def _argument(
    module: nn.Module,
    param: inspect.Parameter,
    need: needs.Need | None,
    rank: int,
    sizes: dict[str, Any],
    before: list[Any],
) -> Any:
    name = param.name.lower()
    side, length = side_of(sizes), length_of(sizes)
    kind = param.annotation
    mapping = _mapping(module, param.name, side, length)
    if mapping:
        return mapping
    beside = shared.each(module, param.name)
    if beside:
        return [tensor(one, 0, side, length) for one in beside]
    if _grid(param) and before:
        return {"h": GRID[0], "w": GRID[1]}.get(name, GRID)
    if kind in (int, "int"):
        return length
    if kind in (float, "float"):
        return 0.5
    if kind in (bool, "bool"):
        return False
    if re.fullmatch(r".*(lengths?|lens)", name):  # that fit where either size is the rows' count
        return torch.full((BATCH,), min(BATCH, length))
    if need is not None and need.guessed:
        named = _named_size(sizes)
        need = replace(need, size=named) if named else need
    if need is not None and not need.joined:
        made = tensor(need, rank, side, length)
        if typing.get_origin(kind) in (list, tuple):
            return list(made[:2]) if shared.stacked(module, param.name) else [made, made.clone()]
        return made
    first = before[0] if before and isinstance(before[0], torch.Tensor) else None
    if re.fullmatch(r".*(mask|padding).*", name):
        return None if first is None else torch.ones(first.shape[:2], dtype=torch.bool)
    if re.fullmatch(r"(hidden|h|hx|state|states|h0|hc|cache|past.*|memory_mask)", name) and before:
        return None
    if re.fullmatch(r"(y|labels?|targets?|target_ids|tgt|class_labels?)", name):
        top = next((v for k, v in sizes.items() if re.search("class|label|tag", k) and v), 2)
        return torch.arange(BATCH) % max(1, min(int(top), BATCH))
    if re.fullmatch(r".*(adj|adjacency).*", name) and first is not None:
        return torch.ones(first.shape[0], first.shape[0])
    if re.fullmatch(r".*edge_?index.*", name):
        return torch.tensor([[0, 1, 2, 3], [1, 2, 3, 0]])
    if _STEP.fullmatch(name):
        return torch.arange(BATCH)
    if re.fullmatch(r".*(ids|idx|tokens|indices|index|group|groups|users?|items?|src|words)", name):
        return torch.randint(0, 2, (BATCH,) if rank == 1 or first is not None else (BATCH, length))
    stem = name.rstrip("s")
    for key, value in sizes.items():  # views -> view_ch, dense -> n_dense
        if len(stem) > 2 and stem in key.lower() and isinstance(value, int) and 0 < value < 4096:
            if need is not None and need.items:
                return torch.randn(ITEMS, BATCH, value)
            shape = (BATCH, value) if rank < 3 else (BATCH, length, value)
            return torch.randn(shape)
    if need is not None:
        return tensor(need, rank, side, length)
    if first is not None and first.is_floating_point():
        return torch.randn(first.shape)
    need = _first_need(module)
    return tensor(need, rank, side, length)


def _mapping(module: nn.Module, name: str, side: tuple[int, int], length: int) -> dict[str, torch.Tensor]:
    """``for key, x in inputs.items(): self.encoders[key](x)``: a tensor for each of the encoders."""
    function = needs.tree_of(getattr(type(module), "forward", None))
    if function is None or not Hints(function, name, function).attributes & naming.OF_MAPPINGS:
        return {}
    for node in ast.walk(function):
        held = getattr(module, getattr(node.value, "attr", ""), None) if isinstance(node, ast.Subscript) else None
        if isinstance(held, (dict, nn.ModuleDict)) and all(isinstance(each, nn.Module) for each in held.values()):
            wanted = {key: needs.of_module(each) or _first_need(module) for key, each in held.items()}
            return {key: tensor(need, 0, side, length) for key, need in wanted.items()}
    return {}


#: As many steps has what is taken item by item.
ITEMS = 3


def tensor(need: needs.Need, rank: int, side: tuple[int, int], length: int) -> torch.Tensor:
    """A tensor that satisfies a need at a rank (0: the least that fits)."""
    if need.items:
        few = min(need.size, 2) if need.kind == "ids" else need.size  # each may have its own table
        one = tensor(replace(need, items=False, size=few), max(rank - 1, 0), side, length)
        return torch.stack([one] * ITEMS)
    size = max(need.size, 1)
    if need.kind == "image":
        if rank == 5 and need.nd == 2:
            return torch.randn(BATCH, 3, size, *side)
        if need.nd == 0 or rank == 2:
            return torch.randn(BATCH, size)
        spatial = {1: (2 * side[1],), 2: side, 3: (8, 16, 16)}.get(need.nd, (4,) * need.nd)
        return torch.randn(BATCH, size, *spatial)
    if need.kind == "ids":
        high = max(1, min(size, 1 << 20))
        if need.picked:
            return torch.randint(0, high, (BATCH, need.picked))
        shape = (BATCH,) if (rank or need.rank) == 1 else (BATCH, length)
        return torch.randint(0, high, shape)
    rank = rank or need.rank or 2
    if need.picked:
        return torch.randn(BATCH, need.picked, size)
    middle = {1: (), 2: (BATCH,), 3: (BATCH, length), 4: (BATCH, 3, length)}.get(rank, (BATCH,))
    return torch.randn(*middle, size)
