"""Building layers and calling ops: arguments bound as Python binds them."""

from __future__ import annotations

import inspect
from typing import Any

from lint_params.shape.check import Refuted
from lint_params.shape.context import Context
from lint_params.shape.ops import FunctionSpec, LayerSpec
from lint_params.shape.provenance import remember, tensors
from lint_params.shape.sizes.dim import Operation, Poly, Size, Symbol
from lint_params.shape.value import (
    OPEN,
    Layer,
    Origin,
    Seq,
    Shape,
    Splice,
    Tensor,
    Unknown,
    Value,
)


def bind(
    signature: inspect.Signature, args: list[Value], kwargs: dict[str, Value]
) -> dict[str, Any] | None:
    """The arguments by parameter name with defaults filled in; None where they do not fit."""
    unsure = kwargs.get(OPEN)
    plan = _plan(signature)
    out: dict[str, Any] = dict(zip(plan.positional, args))
    if len(args) > len(plan.positional) and plan.var_positional is None:
        return None
    extra: dict[str, Any] = {}
    for name, value in kwargs.items():
        if name in plan.named:
            if name in out:
                return None
            out[name] = value
        elif name == OPEN:
            if plan.var_keyword is not None:
                extra[OPEN] = value
        elif plan.var_keyword is not None:
            extra[name] = value
        else:
            return None
    if len(out) < plan.count:
        for name, default in plan.defaults.items():
            if name not in out:
                if unsure is not None and name not in _HARMLESS:
                    out[name] = unsure
                elif default is inspect.Parameter.empty:
                    return None
                else:
                    out[name] = default
    if plan.var_positional is not None:
        out[plan.var_positional] = tuple(args[len(plan.positional) :])
    if plan.var_keyword is not None:
        out[plan.var_keyword] = extra
    return out


_VAR_POSITIONAL = inspect.Parameter.VAR_POSITIONAL
_VAR_KEYWORD = inspect.Parameter.VAR_KEYWORD
_KEYWORD_ONLY = inspect.Parameter.KEYWORD_ONLY
#: Arguments that change no shape: they may well stand in ``**factory_kwargs``.
_HARMLESS = frozenset({"device", "dtype", "inplace"})


class _Plan:
    """A signature taken apart once: binding is the most frequent thing that ops need."""

    __slots__ = ("positional", "named", "defaults", "count", "var_positional", "var_keyword", "order")

    def __init__(self, signature: inspect.Signature) -> None:
        kinds = inspect.Parameter
        parameters = signature.parameters.values()
        ordinary = (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)
        self.positional = [p.name for p in parameters if p.kind in ordinary]
        self.named = frozenset(
            p.name
            for p in parameters
            if p.kind in (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)
        )
        self.defaults = {
            p.name: p.default
            for p in parameters
            if p.kind in ordinary or p.kind is kinds.KEYWORD_ONLY
        }
        self.count = len(self.defaults)
        self.order = [(p.name, p.kind) for p in parameters]
        self.var_positional = next(
            (p.name for p in parameters if p.kind is kinds.VAR_POSITIONAL), None
        )
        self.var_keyword = next((p.name for p in parameters if p.kind is kinds.VAR_KEYWORD), None)


_PLANS: dict[int, _Plan] = {}  # by the identity of signatures that live as long as the ops


def _plan(signature: inspect.Signature) -> _Plan:
    plan = _PLANS.get(id(signature))
    if plan is None:
        plan = _PLANS[id(signature)] = _Plan(signature)
    return plan


def build_layer(
    ctx: Context,
    spec: LayerSpec,
    args: list[Value],
    kwargs: dict[str, Value],
    origin: Origin | None,
) -> Value:
    """An instance of a torch.nn class; Unknown where torch's constructor refuses it."""
    bound = bind(spec.signature, args, kwargs)
    if bound is None:
        return Unknown("constructor arguments do not fit")
    try:
        if spec.construct is not None:
            spec.construct(ctx, bound)
        shapes = spec.params(ctx, bound) if spec.params is not None else {}
    except Refuted:
        return Unknown("refuted")
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError):
        return Unknown("arguments of an unforeseen kind")
    for dims in shapes.values():
        for size in dims or ():
            _at_least_one(ctx, size)
    plan = _plan(spec.signature)
    attrs = {name: value for name, value in bound.items() if name in plan.defaults}
    for name, source in spec.attrs.items():
        attrs[name] = source(ctx, bound) if callable(source) else bound.get(source)
    for name, dims in shapes.items():
        if any(isinstance(size, int) and size < 1 for size in dims or ()):
            attrs[name] = Unknown("a size below 1")  # a placeholder, a default that no caller uses
        else:
            attrs[name] = None if dims is None else parameter_tensor(name, dims, origin)
    return Layer(spec, bound, attrs, origin)


def _at_least_one(ctx: Context, size: Size) -> None:
    """A size that a layer is built with is no 0: ``Linear(c // 4, c)`` means that c is 4 or more,
    and ``Linear(skip, c)`` that something is skipped."""
    if isinstance(size, Poly) and len(size.atoms) == 1 and len(size.terms) == 1:
        (atom,) = size.atoms
        if atom.low != 0:
            return
        if isinstance(atom, Symbol):
            ctx.raise_low(atom)
        elif isinstance(atom, Operation) and atom.name == "//":
            atom.raise_low(1)


def parameter_tensor(name: str, dims: tuple[Size, ...], origin: Origin | None) -> Tensor:
    return Tensor(Shape(dims), "float", origin, name)


def call_layer(ctx: Context, layer: Layer, args: list[Value], kwargs: dict[str, Value]) -> Value:
    """The output of a layer; Unknown after a refuted obligation: one cause, one finding."""
    bound = bind(layer.spec.forward_signature, args, kwargs)
    if bound is None:
        return Unknown("arguments do not fit")
    ctx.built = layer.origin
    layer.called = True
    return _run(ctx, layer.spec.forward, [layer], layer.spec.forward_signature, bound)


def call_function(
    ctx: Context, spec: FunctionSpec, args: list[Value], kwargs: dict[str, Value]
) -> Value:
    """The result of a function or method of torch."""
    for numpy, own in (("axis", "dim"), ("keepdims", "keepdim")):  # torch takes both names
        if (
            numpy in kwargs
            and numpy not in spec.signature.parameters
            and own in spec.signature.parameters
        ):
            kwargs = {own if name == numpy else name: value for name, value in kwargs.items()}
    bound = bind(spec.signature, args, kwargs)
    if bound is None:
        return Unknown("arguments do not fit")
    ctx.built = None
    return _run(ctx, spec.call, [], spec.signature, bound)


def _counted(value: Value) -> Value:
    """The value as an operation sees it, which may count the items of a list."""
    if value.__class__ is Seq and any(isinstance(item, Splice) for item in value.items):
        return Unknown("list with conditional items")
    return value


def _run(
    ctx: Context, op: Any, first: list[Value], signature: inspect.Signature, bound: dict[str, Any]
) -> Value:
    args: list[Value] = []
    kwargs: dict[str, Value] = {}
    for name, kind in _plan(signature).order:
        value = bound[name]
        if kind is _VAR_POSITIONAL:
            args.extend([_counted(item) for item in value])
        elif kind is _VAR_KEYWORD:
            kwargs.update(value)
        elif kind is _KEYWORD_ONLY:
            kwargs[name] = _counted(value)
        else:
            args.append(_counted(value))
    ctx.operands = tensors(args)
    try:
        result = op(ctx, *first, *args, **kwargs)
    except Refuted:
        return Unknown("refuted")
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError):
        # Arguments of a kind that the op does not foresee: it knows nothing of the result.
        return Unknown("arguments of an unforeseen kind")
    finally:
        operands, ctx.operands = ctx.operands, []
    remember(result, operands, first[0] if first else None)
    return result
