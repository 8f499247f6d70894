"""What builds or wraps modules and Parameters: partial, deepcopy, checkpoint, nn.Parameter, nn.init."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lint_params.shape.evaluate.iterate import known_items
from lint_params.shape.evaluate.memo import copied
from lint_params.shape.evaluate.objects import Namespace
from lint_params.shape.value import (
    OPEN,
    Config,
    Dict,
    External,
    Instance,
    Layer,
    Partial,
    Seq,
    Shape,
    Tensor,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter
from lint_params.shape.python import EXTERNALS, external


@external("functools.partial")
def _partial(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    fn, given = args[0], list(args[1:])
    if isinstance(fn, Partial) and isinstance(fn.given["args"], Seq):  # Python makes one of the two
        inner = fn.given["keywords"].items
        given, kwargs, fn = [*fn.given["args"].items, *given], {**inner, **kwargs}, fn.given["func"]
    return Partial(
        lambda more, named: it.call(
            fn, [*given, *more], {**kwargs, **named}, it.ctx.node, it.ctx.callee
        ),
        {"func": fn, "args": Seq(given, "tuple"), "keywords": Dict(dict(kwargs), OPEN in kwargs)},
    )


@external("copy.deepcopy", "copy.copy")
def _copy(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    """What is written to the copy does not show in the original."""
    value = args[0]
    if isinstance(value, Config):
        new = Config(value.name)
        new.attrs, new._size, new.seq = dict(value.attrs), value._size, value.seq
        return new
    if isinstance(value, Namespace):
        held = dict(value.owner.attrs)
        return Dict({}, True, lambda key: copied(held.get(key, Unknown("item of a copy")), {}))
    new = copied(value, {})
    if isinstance(new, (Instance, Layer)):
        new.token = None  # what is remembered of the original need not hold for it
    return new


@external("torch.compile", "torch.jit.script", "torch.jit.trace", "torch.fx.wrap",
          "torch.nn.utils.weight_norm", "torch.nn.utils.spectral_norm",
          "torch.nn.utils.parametrizations.weight_norm", "torch.nn.utils.parametrizations.spectral_norm",
          "torch.nn.utils.parametrizations.orthogonal", "torch.nn.DataParallel", "lightning.pytorch.seed_everything",
          "torch.nn.parallel.DistributedDataParallel", "torch.nn.SyncBatchNorm.convert_sync_batchnorm")  # fmt: skip
def _same_object(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    value = args[0]
    return Seq(list(value.items), value.kind) if isinstance(value, Seq) else value


@external("torch.utils.checkpoint.checkpoint", "torch.func.functional_call")
def _checkpoint(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    named = {
        k: v
        for k, v in kwargs.items()
        if k not in ("use_reentrant", "preserve_rng_state", "context_fn")
    }
    return it.call(args[0], args[1:], named, it.ctx.node, "checkpoint")


@external("torch.utils.checkpoint.checkpoint_sequential")
def _checkpoint_sequential(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    return it.call(args[0], [args[2]], {}, it.ctx.node, "checkpoint_sequential")


@external("torch.nn._get_activation_fn")
def _activation_by_name(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    """torch's own, which copies of its transformer layers call; both that it has keep the shape."""
    name = args[0] if args else kwargs["activation"]
    if isinstance(name, str) and name not in ("relu", "gelu"):
        return Unknown("raises")
    return External(f"torch.nn.functional.{name if isinstance(name, str) else 'relu'}")


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
