"""len, range, zip, enumerate and what else makes or reads sequences and mappings."""

from __future__ import annotations

import ast
import itertools
import math
from typing import TYPE_CHECKING, Any

from lint_params.shape.evaluate.arithmetic import binary
from lint_params.shape.evaluate.iterate import any_sequence, concrete_count, known_items
from lint_params.shape.evaluate.objects import get_attr
from lint_params.shape.evaluate.truth import truth
from lint_params.shape.sizes import dim
from lint_params.shape.value import (
    OPEN,
    SHAPES,
    Alike,
    AnySeq,
    Choice,
    Config,
    Dict,
    Instance,
    Layer,
    More,
    Seq,
    ShapeOf,
    Splice,
    Tensor,
    Unknown,
    Value,
    as_set,
    asks_shapes,
    is_size,
)

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter
from lint_params.shape.python import EXTERNALS, How, external

#: More combinations than this are not written out.
MAX_PRODUCT = 1000

# -- sequences ------------------------------------------------------------------------------


@external("builtins.len")
def _len(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    value = args[0]
    if isinstance(value, Choice):
        return it.each(value, lambda v: _len(it, [v], {}))
    if isinstance(value, Config):
        value = any_sequence(value)
    if isinstance(value, AnySeq):
        return it.ctx.resolve(value.length)
    if isinstance(value, Tensor):
        dims = it.ctx.dims(value)
        return dims[0] if dims else it.ctx.fresh("len", "input", 0)
    if isinstance(value, ShapeOf):
        return Unknown("rank")
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Dict):
        return Unknown("length") if value.open else len(value.items)
    if isinstance(value, Instance) and value.items is None:
        return it.call(get_attr(it, value, "__len__"), [], {}, it.ctx.node, "__len__")
    items = known_items(it, value)
    return Unknown("length") if items is None else len(items)


@external("builtins.range")
def _range(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    sizes = [it.ctx.size(a) for a in args]
    if any(s is None for s in sizes):
        return Unknown("range")
    start: Value = sizes[0] if len(sizes) > 1 else 0
    stop: Value = sizes[1] if len(sizes) > 1 else sizes[0]
    step: Value = sizes[2] if len(sizes) > 2 else 1
    if step == 0:
        return Unknown("range")
    if all(isinstance(s, int) for s in (start, stop, step)):
        numbers = range(start, stop, step)
        return Seq(list(numbers)) if len(numbers) <= 256 else Unknown("long range")
    count = concrete_count(it, dim.neg(dim.floordiv(dim.sub(start, stop), step)))
    most = dim.upper(dim.sub(stop, start)) if isinstance(step, int) and step > 1 else None
    if count is not None and most is not None:
        count = min(count, -(-most // step))  # a guess knows no bound
    if count is None or count > 256:
        return Unknown("range")
    start, step = it.ctx.resolve(start), it.ctx.resolve(step)
    return Seq([it.ctx.resolve(dim.add(start, dim.mul(i, step))) for i in range(max(count, 0))])


@external("builtins.enumerate")
def _enumerate(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    start = args[1] if len(args) > 1 else kwargs.get("start", 0)
    if isinstance(args[0], Seq | Layer | Instance) and not isinstance(start, Unknown):
        spliced = _spliced(args[0])
        if spliced is not None:
            return _numbered(spliced)
    items = known_items(it, args[0])
    if items is None:
        return Unknown("sequence of unknown length")
    return Seq([Seq([binary(it, ast.Add, i, start), v], "tuple") for i, v in enumerate(items)])


def _spliced(value: Any) -> list[Value] | None:
    items = list(value.items.values()) if isinstance(value.items, dict) else value.items
    return items if items is not None and any(isinstance(i, Splice) for i in items) else None


def _numbered(items: list[Value]) -> Value:
    """Behind the first conditional item the numbers are not known."""
    out: list[Value] = []
    sure = True
    for i, item in enumerate(items):
        if isinstance(item, More):
            sure = False
            out.append(item)
        elif isinstance(item, Splice):
            sure = False
            out.append(
                Splice([[Seq([Unknown("index"), v], "tuple") for v in o] for o in item.options])
            )
        else:
            out.append(Seq([i if sure else Unknown("index"), item], "tuple"))
    return Seq(out)


@external("builtins.zip", "itertools.zip_longest")
def _zip(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    lists = _as_long(it, args)
    if any(items is None for items in lists):
        return Unknown("sequence of unknown length")
    return Seq([Seq(list(row), "tuple") for row in zip(*[i for i in lists if i is not None])])


def _as_long(it: Interpreter, args: list[Value]) -> list[list[Value] | None]:
    """The items of each; what is of unknown length is taken to be as long as what it goes with."""
    sure = [isinstance(a, (Seq, Dict, Layer, Instance, str)) for a in args]
    lists = [known_items(it, a) if known else None for a, known in zip(args, sure)]
    shortest = min((len(items) for items in lists if items is not None), default=0)
    if not shortest:
        return [i if known else known_items(it, a) for a, i, known in zip(args, lists, sure)]
    usual = it.count, it.guessed, it.guessed_list
    it.count = shortest
    try:
        return [i if known else known_items(it, a) for a, i, known in zip(args, lists, sure)]
    finally:
        it.count, it.guessed, it.guessed_list = usual


@external("builtins.reversed")
def _reversed(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    items = known_items(it, args[0])
    return Unknown("sequence of unknown length") if items is None else Seq(list(reversed(items)))


@external("builtins.sorted")
def _sorted(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    items = known_items(it, args[0])
    if items is None:
        return Unknown("sequence of unknown length")
    if (
        not kwargs
        and all(isinstance(i, (int, float)) for i in items)
        or all(isinstance(i, str) for i in items)
    ):
        return Seq(sorted(items, reverse=kwargs.get("reverse") is True))
    return Unknown("sorted")


def _as_sequence(kind: str) -> How:
    def make(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
        if not args:
            return Seq([], kind)
        if kind == "set":
            known = args[0].items if isinstance(args[0], Seq) else known_items(it, args[0])
            return Unknown("sequence of unknown length") if known is None else as_set(known)
        if isinstance(args[0], Seq):
            return Seq(list(args[0].items), kind)
        if isinstance(args[0], ShapeOf):
            return args[0] if kind != "list" else Seq([args[0]], kind)
        items = known_items(it, args[0])
        return Unknown("sequence of unknown length") if items is None else Seq(items, kind)

    return make


EXTERNALS["builtins.list"] = _as_sequence("list")
EXTERNALS["builtins.tuple"] = _as_sequence("tuple")
EXTERNALS["builtins.set"] = _as_sequence("set")
EXTERNALS["torch.Size"] = _as_sequence("size")


@external("builtins.iter")
def _iter(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    return args[0] if args and isinstance(args[0], Alike) else _as_sequence("list")(it, args, kwargs)


@external("builtins.next")
def _next(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    from lint_params.shape.evaluate.containers import TENSORS

    if args and isinstance(args[0], Alike):
        return args[0].element(0)
    if isinstance(args[0], Unknown) and args[0].why == TENSORS:
        return it.ctx.unknown_tensor()
    if isinstance(args[0], Seq):
        it.ctx.rewrite(args[0].items, [More()])  # it is an iterator, which has one item less now
    return Unknown("next")


@external("builtins.map")
def _map(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    lists = [known_items(it, a) for a in args[1:]]
    if any(items is None for items in lists):
        return Unknown("sequence of unknown length")
    rows = zip(*[i for i in lists if i is not None])
    counted = all(isinstance(a, Seq) and a.kind == "tuple" for a in args[1:])
    made = [it.call(args[0], list(row), {}, it.ctx.node, "map") for row in rows]
    return Seq(made, "tuple" if counted else "list")


@external("builtins.filter")
def _filter(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    items = known_items(it, args[1])
    if items is None:
        return Unknown("sequence of unknown length")
    kept: list[Value] = []
    for item in items:
        verdict = item if args[0] is None else it.call(args[0], [item], {}, it.ctx.node, "filter")
        known = truth(it, verdict)
        if known is None:
            kept.append(Splice([[item], []]))
        elif known:
            kept.append(item)
    return Seq(kept)


@external("builtins.any")
def _any(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    items = known_items(it, args[0])
    results = [None] if items is None else [truth(it, i) for i in items]
    return True if True in results else _open(items) if None in results else False


def _open(items: list[Value] | None) -> Unknown:
    """What any and all give where one of the items is not decided."""
    return Unknown(SHAPES if any(map(asks_shapes, items or ())) else "condition")


@external("builtins.all")
def _all(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    items = known_items(it, args[0])
    results = [None] if items is None else [truth(it, i) for i in items]
    return False if False in results else _open(items) if None in results else True


@external("itertools.chain")
def _chain(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    lists = [known_items(it, a) for a in args]
    if any(items is None for items in lists):
        return Unknown("sequence of unknown length")
    return Seq([i for items in lists if items is not None for i in items])


@external("itertools.chain.from_iterable")
def _chained(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    lists = known_items(it, args[0]) if args else None
    return Unknown("sequence of unknown length") if lists is None else _chain(it, lists, {})


@external("itertools.pairwise")
def _pairwise(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    items = known_items(it, args[0]) if args else None
    if items is None:
        return Unknown("sequence of unknown length")
    return Seq([Seq([a, b], "tuple") for a, b in zip(items, items[1:])])


@external("itertools.product")
def _product(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    lists = [items for a in args if (items := known_items(it, a)) is not None]
    if kwargs or len(lists) < len(args) or math.prod(map(len, lists)) > MAX_PRODUCT:
        return Unknown("sequence of unknown length")
    return Seq([Seq(list(one), "tuple") for one in itertools.product(*lists)])


@external("itertools.repeat")
def _repeat(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    if len(args) > 1 and is_size(args[1]):
        return binary(it, ast.Mult, Seq([args[0]]), args[1])
    return Unknown("repeat")


@external("builtins.dict", "collections.OrderedDict", "collections.defaultdict", "easydict.EasyDict",
          "types.SimpleNamespace", "argparse.Namespace")  # fmt: skip
def _dict(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    items: dict[Any, Value] = {}
    is_open = False
    default = None
    for source in args:
        if isinstance(source, Dict):
            items.update(source.items)
            is_open, default = source.open, source.default
        elif isinstance(source, Config) and not kwargs:
            return source
        elif isinstance(source, Seq):
            for pair in source.items:
                if (
                    isinstance(pair, Seq)
                    and len(pair.items) == 2
                    and isinstance(pair.items[0], (str, int))
                ):
                    items[pair.items[0]] = pair.items[1]
                else:
                    is_open = True
        else:
            is_open = True
    is_open = is_open or kwargs.pop(OPEN, None) is not None
    items.update(kwargs)
    return Dict(items, is_open, default)


@external("builtins.slice")
def _slice(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    return slice(*args)


@external("builtins.str", "builtins.repr")
def _str(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    value = args[0] if args else ""
    return str(value) if isinstance(value, (str, int, float, bool, type(None))) else Unknown("text")
