"""The ops: one function each, found by walking this folder.

A layer is a class of torch.nn::

    @layer(
        "torch.nn.Linear",
        "in_features, out_features, bias=True, device=None, dtype=None",
        accepts=["nn.Linear(3, 4)(zeros(2, 3))"],
        rejects=["nn.Linear(3, 4)(zeros(2, 5))"],
        params=lambda ctx, a: {"weight": (a["out_features"], a["in_features"]), ...},
    )
    def linear(ctx, layer, input):
        ...

A function is a function of torch, torch.nn.functional or einops, a method of Tensor (name
``Tensor.<method>``, first parameter ``self``), or several names at once::

    @function("torch.cat", "torch.concat", accepts=[...], rejects=[...])
    def cat(ctx, tensors, dim=0): ...

Parameters are bound as Python binds them, so their names must be torch's names. The examples
are expressions over ``torch``, ``nn``, ``F`` and ``zeros(*sizes)``, ``ints(*sizes)``; tests run
them symbolically and on torch's meta device and compare the shapes. An op returns a value,
``ctx.unknown(why)`` where it does not know, and lets ``Refuted`` pass.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lint_params.shape.context import Context
from lint_params.shape.sizes.dim import Size
from lint_params.shape.value import Layer, Value

Params = Callable[[Context, dict[str, Value]], dict[str, tuple[Size, ...] | None]]


@dataclass(frozen=True)
class LayerSpec:
    """A class of torch.nn: ``signature`` binds its constructor, ``forward`` is its semantics."""

    name: str
    signature: inspect.Signature
    forward: Callable[..., Value]
    forward_signature: inspect.Signature
    params: Params | None = None
    construct: Callable[[Context, dict[str, Value]], None] | None = None
    #: Further attributes that torch sets, by name: attribute -> constructor argument or function.
    attrs: dict[str, Any] = field(default_factory=dict)
    accepts: Sequence[str] = ()
    rejects: Sequence[str] = ()

    @property
    def short(self) -> str:
        return self.name.rpartition(".")[2]


@dataclass(frozen=True)
class FunctionSpec:
    name: str
    call: Callable[..., Value]
    signature: inspect.Signature
    accepts: Sequence[str] = ()
    rejects: Sequence[str] = ()


LAYERS: dict[str, LayerSpec] = {}
FUNCTIONS: dict[str, FunctionSpec] = {}
_loaded = False


def layer(
    names: str | Sequence[str],
    signature: str,
    *,
    params: Params | None = None,
    construct: Callable[[Context, dict[str, Value]], None] | None = None,
    attrs: dict[str, Any] | None = None,
    accepts: Sequence[str] = (),
    rejects: Sequence[str] = (),
) -> Callable[[Callable[..., Value]], Callable[..., Value]]:
    """Register the semantics of a torch.nn class (or of several with one signature)."""
    bound = _signature(signature)

    def register(forward: Callable[..., Value]) -> Callable[..., Value]:
        how = _without_first(forward, 2)
        for name in [names] if isinstance(names, str) else names:
            LAYERS[name] = LayerSpec(
                name, bound, forward, how, params, construct, attrs or {}, accepts, rejects
            )
        return forward

    return register


def function(
    *names: str, accepts: Sequence[str] = (), rejects: Sequence[str] = ()
) -> Callable[[Callable[..., Value]], Callable[..., Value]]:
    """Register the semantics of a function or tensor method under its names."""

    def register(call: Callable[..., Value]) -> Callable[..., Value]:
        how = _without_first(call, 1)
        for name in names:
            FUNCTIONS[name] = FunctionSpec(name, call, how, accepts, rejects)
        return call

    return register


def _signature(text: str) -> inspect.Signature:
    scope: dict[str, Any] = {}
    exec(f"def call({text}): pass", scope)  # our own literals, never the linted source
    return inspect.signature(scope["call"])


def _without_first(call: Callable[..., Value], count: int) -> inspect.Signature:
    signature = inspect.signature(call)
    return signature.replace(parameters=list(signature.parameters.values())[count:])


def load() -> None:
    """Import every file of this folder once."""
    global _loaded
    if not _loaded:
        _loaded = True
        for module in pkgutil.iter_modules(__path__):
            importlib.import_module(f"{__name__}.{module.name}")


def layer_spec(name: str) -> LayerSpec | None:
    load()
    return LAYERS.get(name)


def function_spec(name: str) -> FunctionSpec | None:
    load()
    return FUNCTIONS.get(name)


__all__ = ["FUNCTIONS", "LAYERS", "FunctionSpec", "Layer", "LayerSpec", "function", "layer", "load"]
