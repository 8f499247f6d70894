"""Python's builtins and the parts of its library and torch's that build modules."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lint_params.shape import dim
from lint_params.shape.arithmetic import binary, equality
from lint_params.shape.dim import Poly
from lint_params.shape.iterate import any_sequence, concrete_count, known_items
from lint_params.shape.objects import get_attr, set_attr
from lint_params.shape.truth import truth
from lint_params.shape.value import (
    OPEN,
    REAL,
    AnySeq,
    Choice,
    ClassRef,
    Config,
    Dict,
    External,
    Function,
    Instance,
    Layer,
    Native,
    Ratio,
    Real,
    Seq,
    Shape,
    ShapeOf,
    Splice,
    Tensor,
    Unknown,
    Value,
    as_size,
    is_size,
)

if TYPE_CHECKING:
    from lint_params.shape.interpreter import Interpreter

How = Callable[["Interpreter", list[Value], dict[str, Value]], Value]
EXTERNALS: dict[str, How] = {}
CONSTANTS: dict[str, Value] = {"math.pi": math.pi, "math.e": math.e, "math.inf": math.inf, "torch.pi": math.pi}


def external(*names: str) -> Callable[[How], How]:
    def register(how: How) -> How:
        for name in names:
            EXTERNALS[name] = how
        return how

    return register


_TYPES = "int float bool str list tuple dict set frozenset object type bytes".split()
_OTHERS = "Exception ValueError TypeError RuntimeError NotImplementedError KeyError AssertionError print".split()


def builtin(name: str) -> Value:
    """A name that neither the function nor the file defines."""
    if f"builtins.{name}" in EXTERNALS or name in _TYPES or name in _OTHERS:
        return External(f"builtins.{name}")
    if name == "__name__":
        return "__main__"
    return Unknown("undefined name")


# -- numbers --------------------------------------------------------------------------------


@external("builtins.int", "math.trunc", "numpy.int64", "torch.sym_int")
def _int(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    value = args[0] if args else 0
    if isinstance(value, Choice):
        return it.each(value, lambda v: _int(it, [v], {}))
    if isinstance(value, Ratio):
        return dim.floordiv(value.top, value.bottom)
    if isinstance(value, (int, float, str)):
        return int(value)
    size = as_size(value)
    return it.ctx.fresh("int(...)", low=None) if size is None else size


@external("builtins.round", "numpy.round")
def _round(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    value = args[0]
    if isinstance(value, Real):
        return it.ctx.fresh("round(...)", low=None) if len(args) == 1 else REAL
    if isinstance(value, Ratio):
        return value.top if value.bottom == 1 else dim.opaque("round", value.top, value.bottom, low=0)
    if isinstance(value, (int, float)):
        return round(value, *[a for a in args[1:] if isinstance(a, int)])
    size = as_size(value)
    return REAL if size is None else size


@external("math.ceil", "numpy.ceil")
def _ceil(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    value = args[0]
    if isinstance(value, Ratio):
        return dim.neg(dim.floordiv(dim.neg(value.top), value.bottom))
    if isinstance(value, (int, float)):
        return math.ceil(value)
    size = as_size(value)
    return it.ctx.fresh("ceil(...)", low=None) if size is None else size


@external("math.floor", "numpy.floor")
def _floor(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    return _int(it, args, kwargs)


@external("builtins.float")
def _float(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    value = args[0] if args else 0.0
    if isinstance(value, (int, float, str)):
        return float(value)
    return value if isinstance(value, (Ratio, Poly)) else REAL


@external("builtins.abs")
def _abs(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    value = args[0]
    if isinstance(value, (int, float)):
        return abs(value)
    if isinstance(value, Tensor):
        return it.ctx.same_shape(value)
    if isinstance(value, Poly) and (dim.lower(value) or -1) >= 0:
        return value
    return REAL


@external("builtins.bool")
def _bool(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    known = truth(it, args[0]) if args else False
    return Unknown("condition") if known is None else known


@external("builtins.max")
def _max(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    return _extreme(it, args, kwargs, dim.maximum, max)


@external("builtins.min")
def _min(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    return _extreme(it, args, kwargs, dim.minimum, min)


def _extreme(it: Interpreter, args: list[Value], kwargs: dict[str, Value], symbolic: Any, plain: Any) -> Value:
    items = args if len(args) > 1 else known_items(it, args[0])
    if not items or kwargs:
        return Unknown("max or min")
    items = [i.size if isinstance(i, Config) else i for i in items]
    if all(isinstance(i, (int, float)) for i in items):
        return plain(items)
    if not all(is_size(i) for i in items):
        return Unknown("max or min")
    out = it.ctx.resolve(items[0])
    for item in items[1:]:
        out = symbolic(out, it.ctx.resolve(item))
    return out


@external("builtins.sum")
def _sum(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    items = known_items(it, args[0])
    if items is None:
        return Unknown("sum")
    total: Value = args[1] if len(args) > 1 else kwargs.get("start", 0)
    for item in items:
        total = binary(it, ast.Add, total, item)
    return total


@external("math.prod", "numpy.prod")
def _prod(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    items = known_items(it, args[0])
    if items is None:
        return Unknown("product")
    total: Value = 1
    for item in items:
        total = binary(it, ast.Mult, total, item)
    return total


@external("builtins.divmod")
def _divmod(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    return Seq([binary(it, ast.FloorDiv, *args), binary(it, ast.Mod, *args)], "tuple")


@external("builtins.pow", "math.pow", "operator.pow")
def _pow(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    return binary(it, ast.Pow, args[0], args[1])


@external("operator.mul")
def _mul(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    return binary(it, ast.Mult, args[0], args[1])


@external("operator.add")
def _add(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    return binary(it, ast.Add, args[0], args[1])


def _math(name: str) -> None:
    how = getattr(math, name)

    @external(f"math.{name}", f"numpy.{name}")
    def call(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
        if all(isinstance(a, (int, float)) for a in args) and not kwargs:
            try:
                return how(*args)
            except (ValueError, OverflowError, TypeError):
                return Unknown("math")
        size = as_size(args[0]) if args else None
        if name in ("sqrt", "isqrt") and isinstance(size, Poly):
            return _root(it.ctx.resolve(size))
        return REAL


def _root(size: dim.Size) -> Value:
    """The square root of a perfect square of one symbol, else an opaque number."""
    if isinstance(size, Poly) and len(size.terms) == 1:
        ((monomial, factor),) = size.terms.items()
        if all(p % 2 == 0 for _, p in monomial) and math.isqrt(factor) ** 2 == factor:
            out: dim.Size = math.isqrt(factor)
            for atom, count in monomial:
                out = dim.mul(out, dim.power(dim.of_atom(atom), count // 2))
            return out
    if isinstance(size, int):
        return math.sqrt(size)
    return REAL


for _name in "sqrt log log2 log10 exp sin cos tanh isqrt gcd".split():
    _math(_name)


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
        if isinstance(item, Splice):
            sure = False
            out.append(Splice([[Seq([Unknown("index"), v], "tuple") for v in o] for o in item.options]))
        else:
            out.append(Seq([i if sure else Unknown("index"), item], "tuple"))
    return Seq(out)


@external("builtins.zip", "itertools.zip_longest")
def _zip(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    lists = [known_items(it, a) for a in args]
    if any(items is None for items in lists):
        return Unknown("sequence of unknown length")
    return Seq([Seq(list(row), "tuple") for row in zip(*[i for i in lists if i is not None])])


@external("builtins.reversed")
def _reversed(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    items = known_items(it, args[0])
    return Unknown("sequence of unknown length") if items is None else Seq(list(reversed(items)))


@external("builtins.sorted")
def _sorted(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    items = known_items(it, args[0])
    if items is None:
        return Unknown("sequence of unknown length")
    if not kwargs and all(isinstance(i, (int, float)) for i in items) or all(isinstance(i, str) for i in items):
        return Seq(sorted(items, reverse=kwargs.get("reverse") is True))
    return Unknown("sorted")


def _as_sequence(kind: str) -> How:
    def make(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
        if not args:
            return Seq([], kind)
        if isinstance(args[0], Seq):
            return Seq(list(args[0].items), kind)
        if isinstance(args[0], ShapeOf):
            return args[0]
        items = known_items(it, args[0])
        return Unknown("sequence of unknown length") if items is None else Seq(items, kind)

    return make


EXTERNALS["builtins.list"] = _as_sequence("list")
EXTERNALS["builtins.tuple"] = _as_sequence("tuple")
EXTERNALS["builtins.set"] = _as_sequence("set")
EXTERNALS["builtins.iter"] = _as_sequence("list")
EXTERNALS["torch.Size"] = _as_sequence("size")


@external("builtins.next")
def _next(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    return Unknown("next")


@external("builtins.map")
def _map(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    lists = [known_items(it, a) for a in args[1:]]
    if any(items is None for items in lists):
        return Unknown("sequence of unknown length")
    rows = zip(*[i for i in lists if i is not None])
    return Seq([it.call(args[0], list(row), {}, it.ctx.node, "map") for row in rows])


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
    return True if True in results else Unknown("condition") if None in results else False


@external("builtins.all")
def _all(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    items = known_items(it, args[0])
    results = [None] if items is None else [truth(it, i) for i in items]
    return False if False in results else Unknown("condition") if None in results else True


@external("itertools.chain")
def _chain(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    lists = [known_items(it, a) for a in args]
    if any(items is None for items in lists):
        return Unknown("sequence of unknown length")
    return Seq([i for items in lists if items is not None for i in items])


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
                if isinstance(pair, Seq) and len(pair.items) == 2 and isinstance(pair.items[0], (str, int)):
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


# -- objects --------------------------------------------------------------------------------


@external("builtins.isinstance")
def _isinstance(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    known = is_instance(it, args[0], args[1])
    return Unknown("condition") if known is None else known


def is_instance(it: Interpreter, value: Value, kind: Value) -> bool | None:
    """``isinstance``, or None where it is not decided."""
    if isinstance(kind, Seq):
        results = [is_instance(it, value, k) for k in kind.items]
        return True if True in results else None if None in results else False
    if isinstance(value, Choice):
        found = {is_instance(it, option, kind) for option in value.options}
        return found.pop() if len(found) == 1 else None
    if isinstance(kind, ClassRef):
        if isinstance(value, Instance):
            from lint_params.shape.classes import mro

            line = mro(it, value.cls)
            if any(isinstance(b, ClassRef) and b.node is kind.node for b in line):
                return True
            return None if any(isinstance(b, Unknown) for b in line) else False
        if isinstance(value, (Unknown, Config)):
            return None
        return False
    if not isinstance(kind, External):
        return None
    name = kind.name
    if isinstance(value, (Unknown, Config)):
        return None
    python: dict[str, Any] = {
        "builtins.int": lambda v: isinstance(v, (int, Poly)),
        "builtins.float": lambda v: isinstance(v, (float, Ratio, Real)),
        "builtins.bool": lambda v: isinstance(v, bool),
        "builtins.str": lambda v: isinstance(v, str),
        "builtins.list": lambda v: isinstance(v, Seq) and v.kind == "list",
        "builtins.tuple": lambda v: isinstance(v, Seq) and v.kind in ("tuple", "size"),
        "builtins.dict": lambda v: isinstance(v, Dict),
        "torch.Tensor": lambda v: isinstance(v, Tensor),
    }
    if name.startswith(("collections.abc.", "typing.")):
        last = name.rpartition(".")[2]
        if last in ("Sequence", "Iterable", "List", "Tuple"):
            return None if isinstance(value, AnySeq) else isinstance(value, (Seq, str))
        if last in ("Mapping", "Dict"):
            return isinstance(value, Dict)
        return None
    if name in python:
        if isinstance(value, AnySeq):
            return None if name in ("builtins.list", "builtins.tuple") else False
        if isinstance(value, Tensor) and value.free and name != "torch.Tensor":
            return None  # an argument that is a tensor only as far as we guess
        if isinstance(value, Tensor) and name == "torch.Tensor":
            return None if value.free and value.shape.lead else True
        return bool(python[name](value))
    if isinstance(value, Layer):
        if name == value.spec.name or name == "torch.nn.Module":
            return True
        return None if name.startswith("torch.nn.") and _related(name, value.spec.name) else False
    if isinstance(value, Instance):
        from lint_params.shape.classes import mro

        line = mro(it, value.cls)
        if any(isinstance(b, External) and b.name == name for b in line):
            return True
        if name == "torch.nn.Module":
            return None if any(isinstance(b, Unknown) for b in line) else False
        return None
    return None


def _related(kind: str, name: str) -> bool:
    """Whether one torch class may extend the other: private bases such as _BatchNorm."""
    return kind.rpartition(".")[2].startswith("_")


@external("builtins.hasattr")
def _hasattr(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    owner, name = args
    if isinstance(owner, (Instance, Layer)) and isinstance(name, str):
        if name in owner.attrs:
            return True
        value = get_attr(it, owner, name)
        if isinstance(value, Unknown):
            return False if value.why == "no such attribute" else value
        return True
    return Unknown("condition")


@external("builtins.getattr")
def _getattr(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    if not isinstance(args[1], str):
        return Unknown("attribute of unknown name")
    value = get_attr(it, args[0], args[1])
    if isinstance(value, Unknown) and len(args) > 2 and value.why in ("no such attribute", "module attribute"):
        return args[2]
    return value


@external("builtins.setattr")
def _setattr(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    if isinstance(args[1], str):
        set_attr(it, args[0], args[1], args[2])
    elif isinstance(args[0], (Instance, Layer)):
        it.ctx.write(args[0].attrs, "?", Unknown("attribute of unknown name"))
    return None


@external("builtins.type")
def _type(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    value = args[0]
    if isinstance(value, Instance):
        return value.cls
    return External(value.spec.name) if isinstance(value, Layer) else Unknown("type")


@external("builtins.callable")
def _callable(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    if isinstance(args[0], (Function, Native, ClassRef, External, Layer)):
        return True
    return False if args[0] is None or isinstance(args[0], (str, int, float)) else Unknown("condition")


@external("builtins.print", "warnings.warn")
def _nothing(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    return None


@external("functools.partial")
def _partial(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    fn, given = args[0], list(args[1:])
    return Native(
        "partial", lambda more, named: it.call(fn, [*given, *more], {**kwargs, **named}, it.ctx.node, it.ctx.callee)
    )


@external("copy.deepcopy", "copy.copy", "torch.compile", "torch.jit.script", "torch.jit.trace", "torch.fx.wrap",
          "torch.nn.utils.weight_norm", "torch.nn.utils.spectral_norm",
          "torch.nn.utils.parametrizations.weight_norm", "torch.nn.utils.parametrizations.spectral_norm",
          "torch.nn.utils.parametrizations.orthogonal", "torch.nn.DataParallel", "lightning.pytorch.seed_everything",
          "torch.nn.parallel.DistributedDataParallel", "torch.nn.SyncBatchNorm.convert_sync_batchnorm")  # fmt: skip
def _same_object(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    value = args[0]
    return Seq(list(value.items), value.kind) if isinstance(value, Seq) else value


@external("typing.cast")
def _cast(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    return args[1]


@external("torch.utils.checkpoint.checkpoint", "torch.func.functional_call")
def _checkpoint(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    named = {k: v for k, v in kwargs.items() if k not in ("use_reentrant", "preserve_rng_state", "context_fn")}
    return it.call(args[0], args[1:], named, it.ctx.node, "checkpoint")


@external("torch.utils.checkpoint.checkpoint_sequential")
def _checkpoint_sequential(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    return it.call(args[0], [args[2]], {}, it.ctx.node, "checkpoint_sequential")


@external("functools.reduce")
def _reduce(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    items = known_items(it, args[1])
    if items is None:
        return Unknown("reduce")
    items = [*args[2:], *items]
    if not items:
        return Unknown("reduce")
    total = items[0]
    for item in items[1:]:
        total = it.call(args[0], [total, item], {}, it.ctx.node, "reduce")
    return total


@external("torch.nn.Parameter", "torch.nn.Buffer")
def _parameter(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    data = args[0] if args else kwargs.get("data")
    it.ctx.callee = "Parameter"
    if isinstance(data, Tensor) and data.shape.dims == (0,):
        data = None
    if data is None:  # a mistake with a rule of its own: nothing more is said of its shape
        made = it.ctx.tensor((), lead=True, dtype="float", text="a Parameter")
    elif isinstance(data, Tensor):
        shape = Shape(data.shape.dims, data.shape.lead)
        made = it.ctx.tensor((), dtype=data.dtype, text="a Parameter")
        made.shape = shape
    else:
        made = it.ctx.unknown_tensor()
    made.param = "parameter"
    return made


@external("torch.nn.init.*")
def _init(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    return args[0] if args else kwargs.get("tensor")


for _name in (
    "uniform_ normal_ trunc_normal_ constant_ ones_ zeros_ eye_ dirac_ xavier_uniform_ xavier_normal_ "
    "kaiming_uniform_ kaiming_normal_ orthogonal_ sparse_"
).split():
    EXTERNALS[f"torch.nn.init.{_name}"] = _init
del EXTERNALS["torch.nn.init.*"]

class RandomSource:
    """numpy's RandomState or Generator: its draws have the shape that ``size`` says."""

    __slots__ = ()


@external("numpy.random.RandomState", "numpy.random.default_rng", "numpy.random.Generator")
def _random_source(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    return RandomSource()


#: How many distribution parameters stand before ``size``.
_DRAWS = {"normal": 2, "uniform": 2, "standard_normal": 0, "random": 0, "integers": 2, "random_sample": 0,
          "laplace": 2, "gamma": 2, "beta": 2, "exponential": 1, "poisson": 1}  # fmt: skip


def draw(it: Interpreter, name: str) -> Value:
    """The method of a random source that makes an array."""
    if name in ("rand", "randn"):
        return Native(name, lambda args, kwargs: _array(it, Seq(list(args), "tuple")))
    if name not in _DRAWS:
        return Unknown("attribute")
    before = _DRAWS[name]
    return Native(
        name,
        lambda args, kwargs: _array(it, kwargs.get("size", args[before] if len(args) > before else None)),
    )


def _array(it: Interpreter, size: Value) -> Value:
    if size is None:
        return REAL
    sizes = it.ctx.sizes(size) if isinstance(size, Seq) else None
    one = it.ctx.size(size) if sizes is None else None
    if sizes is None and one is None:
        return it.ctx.unknown_tensor("float")
    return it.ctx.tensor(sizes if sizes is not None else (one or 0,), dtype="float", text="a numpy array")


def _drawn(name: str) -> How:
    def call(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
        return draw(it, name).call(args, kwargs)

    return call


for _name in (*_DRAWS, "rand", "randn"):
    EXTERNALS[f"numpy.random.{_name}"] = _drawn(_name)

__all__ = ["CONSTANTS", "EXTERNALS", "builtin", "equality", "is_instance"]
