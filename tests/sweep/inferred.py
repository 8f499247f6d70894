"""The same class as the interpreter runs it: symbols for the whole numbers that are given, bound
to the real numbers only when the shapes are compared."""

from __future__ import annotations

from typing import Any

from lint_params.project import Project, SourceFile
from lint_params.shape.evaluate.interpreter import Interpreter, OutOfBudget
from lint_params.shape.evaluate.objects import LAYER
from lint_params.shape.runs.arguments import free_tensor
from lint_params.shape.runs.one_class import Fresh, find_method
from lint_params.shape.sizes.dim import Atom, Poly, Size, substitute, symbol
from lint_params.shape.value import (
    ClassRef,
    Config,
    External,
    Function,
    Instance,
    Layer,
    Seq,
    Tensor,
    Value,
    only_symbol,
)


class Listening(Interpreter):
    """Keeps what each layer gave, as (layer, output)."""

    def __init__(self, project: Project) -> None:
        super().__init__(project)
        self.heard: list[tuple[Layer, Value]] = []
        self.log = []  # so that no call is answered from memory: each of them is to be heard

    def call(self, callee: Value, args: list[Value], kwargs: dict[str, Value], node: Any, text: str = "") -> Value:
        value = super().call(callee, args, kwargs, node, text)
        if isinstance(callee, Layer):
            self.heard.append((callee, value))
        return value


class Inferred:
    """``outputs`` by the name of the layer: known sizes from the end, and whether that is all."""

    def __init__(self) -> None:
        self.outputs: dict[str, list[tuple[list[Size], bool]]] = {}
        self.binding: dict[Atom, int] = {}
        self.refuted: list[str] = []
        self.why = ""

    def number(self, size: Size) -> int | None:
        bound = substitute(size, self.binding.get) if isinstance(size, Poly) else size
        return bound if isinstance(bound, int) else None


def run(project: Project, file: SourceFile, name: str, arguments: dict[str, Any], given: list[tuple[str, Any]]) -> Inferred:
    """``arguments`` of the constructor and ``given`` to forward, as torch got them."""
    it = Listening(project)
    found = Inferred()
    scope = it.file_scope(file)
    it.current = file
    cls = scope.lookup(it, name)
    if not isinstance(cls, ClassRef):
        found.why = "not a class here"
        return found
    tensors: list[tuple[Value, tuple[int, ...] | None]] = []
    instance: Value = None
    with Fresh(it, name) as obligations:
        kwargs = {k: _argument(k, v, found) for k, v in arguments.items()}
        try:
            instance = it.call(cls, [], kwargs, cls.node, name)
            forward = find_method(it, cls, "forward")
            if not isinstance(instance, Instance) or forward is None:
                found.why = "no forward" if forward is None else f"not built: {instance!r}"[:80]
                return found
            owner, node = forward
            for n, v in given:
                shaped = hasattr(v, "shape")
                tensors.append((free_tensor(n) if shaped else _plain(n, v), tuple(v.shape) if shaped else None))
            names = [n for n, _ in given]
            method = Function(node, owner.file, owner.scope, instance, owner)
            it.instances.append(instance)
            it.call(method, [], {n: t for n, (t, _) in zip(names, tensors)}, node, "forward")
        except (OutOfBudget, RecursionError):
            found.refuted.append("out of budget")  # what was heard until then counts
        for tensor, shape in tensors:
            if shape is not None:
                _bind(it, tensor, shape, found)
        called = {id(layer): layer for layer, _ in it.heard}
        for where, layer in _named(instance, "", called, set()):
            found.outputs[where] = [_sizes(it, out) for one, out in it.heard if one is layer]
        found.refuted += [o.text for o in obligations if o.verdict.value == "refuted"]
    return found


def _argument(name: str, value: Any, found: Inferred) -> Value:
    if type(value) is int and value > 0:
        size = symbol(name, "argument", 1, value)
        (atom,) = size.atoms
        found.binding[atom] = value
        return size
    return _plain(name, value)


def _plain(name: str, value: Any) -> Value:
    """What need not be a symbol, as the interpreter has it."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return Seq([_plain(f"{name}[{i}]", v) for i, v in enumerate(value)], type(value).__name__)
    if isinstance(value, type) and value.__module__.startswith("torch.nn."):
        return External(f"torch.nn.{value.__name__}")
    return Config(name)


def _bind(it: Interpreter, tensor: Value, shape: tuple[int, ...], found: Inferred) -> None:
    """The symbols of an input, from its real sizes."""
    dims = [it.ctx.resolve(d) for d in tensor.shape.dims]
    fronts = [(it.ctx.resolve(size), index) for index, size in tensor.shape.front.items()]
    pairs = [*zip(reversed(dims), reversed(shape)), *((s, shape[i]) for s, i in fronts if i < len(shape))]
    for size, real in pairs:
        one = only_symbol(size)
        if one is not None and one not in found.binding:
            found.binding[one] = real


def _named(value: Value, prefix: str, called: dict[int, Layer], seen: set[int]) -> Any:
    """The layers that were called, by the names that torch gives them."""
    if id(value) in seen or not isinstance(value, (Instance, Layer)):
        return
    seen.add(id(value))
    if id(value) in called:
        yield prefix, value
    parts = {**(value.items or {}), **{k: v for k, v in value.attrs.items() if k != LAYER}}
    if isinstance(value, Instance) and isinstance(value.attrs.get(LAYER), Layer):
        yield from _named(value.attrs[LAYER], prefix, called, seen)
    for key, part in parts.items():
        yield from _named(part, f"{prefix}.{key}" if prefix else str(key), called, seen)


def _sizes(it: Interpreter, value: Value) -> tuple[list[Size], bool]:
    if isinstance(value, Seq) and value.items:
        value = value.items[0]
    if not isinstance(value, Tensor):
        return [], False
    return [it.ctx.resolve(d) for d in value.shape.dims], not value.shape.lead
