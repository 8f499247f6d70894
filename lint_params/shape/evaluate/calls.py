"""Calls: of functions of the project (by evaluating them), layers, classes and known names."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lint_params.shape.call import build_layer, call_function, call_layer
from lint_params.shape.check import Refuted
from lint_params.shape.evaluate.classes import decorators
from lint_params.shape.evaluate.containers import CONTAINERS, build_container, call_container
from lint_params.shape.evaluate.decorated import decorated, is_harmless
from lint_params.shape.evaluate.hooks import CHANGED
from lint_params.shape.evaluate.instances import call_instance, init_external, instantiate
from lint_params.shape.evaluate.overrides import blame_override, judge_overrides
from lint_params.shape.evaluate.parameters import bind_parameters
from lint_params.shape.evaluate.plain import answer, question
from lint_params.shape.evaluate.scope import Scope
from lint_params.shape.evaluate.shown import shown
from lint_params.shape.ops import function_spec, layer_spec
from lint_params.shape.python import EXTERNALS
from lint_params.shape.value import (
    OPEN,
    Choice,
    ClassRef,
    Config,
    Dict,
    External,
    Function,
    Instance,
    Layer,
    Native,
    Origin,
    Seq,
    Tensor,
    Unknown,
    Value,
    is_refuted,
)

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter

MAX_CALLS = 40
#: ``is_flash_attn_available()`` goes through packages and devices: sizes do not hang on its way there.
_ASKS_WHAT_IS_THERE = re.compile(r"_?is_\w+_(available|installed)$")
#: What may be an argument that its callers set, and the names of those that make a norm.
_HANDED = (type(None), Config, Unknown)
_NORM = re.compile(r"(^|[._])norm(_layer|_cls|_class|_fn|_func|_module)?$", re.IGNORECASE)
#: What a module or function that somebody hands over makes of a tensor.
OF_ARGUMENT = "what an argument makes of a tensor"


def call(
    it: Interpreter,
    callee: Value,
    args: list[Value],
    kwargs: dict[str, Value],
    node: ast.AST,
    text: str,
) -> Value:
    """``callee(*args, **kwargs)``; ``text`` is the callee as the reader wrote it."""
    ctx = it.ctx
    ctx.node, ctx.callee = node, text
    kind = callee.__class__
    if kind is Function:
        return _inline(it, callee, args, kwargs, node, text)
    if kind is External:
        return _external(it, callee, args, kwargs, node, text)
    if kind is Layer or kind is Instance:
        if CHANGED in callee.attrs:
            return Unknown("a hook or a forward of its own")
        if kind is Layer:
            output = _layer(it, callee, args, kwargs, node, text)
        else:
            output = call_instance(it, callee, args, kwargs, node, text)
        if it.log is not None:
            it.log.append((text, callee, shown(output)))
        return output
    if isinstance(callee, Native):
        try:
            return callee.call(args, kwargs)
        except Refuted:
            return Unknown("refuted")
        except TypeError:
            return Unknown("arguments do not fit")
    if kind is ClassRef:
        return instantiate(it, callee, args, kwargs, node)
    if isinstance(callee, Choice):
        options = [o for o in callee.options if o is not None]
        if not options:
            return Unknown("call of None")
        if len(options) == 1:
            return it.call(options[0], args, kwargs, node, text)
        return it.each(Choice(options), lambda o: it.call(o, args, kwargs, node, text))
    handed = any(isinstance(arg, Tensor) for arg in (*args, *kwargs.values()))
    if kind in _HANDED and _NORM.search(text) and not handed and not is_refuted(callee):
        return Native(text, lambda given, named: _normed(it, given))
    if isinstance(callee, Config):
        return Unknown(OF_ARGUMENT if handed else "call of an argument")
    return callee if isinstance(callee, Unknown) else Unknown("call")


def _normed(it: Interpreter, given: list[Value]) -> Value:
    """What a norm that somebody hands over makes of a tensor: all of them keep its shape."""
    x = given[0] if given else None
    return it.ctx.same_shape(x) if isinstance(x, Tensor) else Unknown(OF_ARGUMENT)


def _layer(
    it: Interpreter,
    layer: Layer,
    args: list[Value],
    kwargs: dict[str, Value],
    node: ast.AST,
    text: str,
) -> Value:
    if layer.spec.name in CONTAINERS:
        return call_container(it, layer, args, kwargs, node, text)
    for i, arg in enumerate(args):
        if isinstance(arg, Choice):
            return _each_argument(
                it, arg, i, args, kwargs, lambda a, k: _layer(it, layer, a, k, node, text)
            )
    if any(map(is_refuted, args)):
        return Unknown("refuted")  # one cause, one finding
    it.ctx.node, it.ctx.callee = node, text or layer.spec.short
    if args and isinstance(args[0], (Unknown, Config)):
        # Whatever it is, the layer takes it as a tensor, or fails for a reason we cannot see.
        why = args[0].why if isinstance(args[0], Unknown) else "an argument of unknown type"
        args = [it.ctx.tensor((), lead=True, text=f"a value that is not known ({why})"), *args[1:]]
    if (
        args
        and isinstance(args[0], Seq)
        and args[0].kind == "tuple"
        and layer.spec.short in TENSOR_ONLY
    ):
        it.ctx.built = layer.origin
        try:
            it.ctx.refute("recurrent-mismatch", "{name} takes a tensor{built} but gets a tuple")
        except Refuted:
            return Unknown("refuted")
    before = len(it.ctx.obligations)
    output = call_layer(it.ctx, layer, args, kwargs)
    blame_override(it, layer, before)
    return output


#: Layers that surely refuse a tuple.
TENSOR_ONLY = frozenset(
    "Linear Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d BatchNorm1d BatchNorm2d "
    "BatchNorm3d LayerNorm GroupNorm Dropout ReLU GELU SiLU Tanh Sigmoid LeakyReLU ELU Softmax".split()
)


def _is_left_over(value: Value) -> bool:
    """Whether it is, or a list of tensors has, what is left of a call that does not fit."""
    return is_refuted(value) or isinstance(value, Seq) and any(map(is_refuted, value.items))


def _external(
    it: Interpreter,
    callee: External,
    args: list[Value],
    kwargs: dict[str, Value],
    node: ast.AST,
    text: str,
) -> Value:
    name = callee.name
    if name.endswith(".__init__") and args and isinstance(args[0], Instance):
        base = External(name.removesuffix(".__init__"))  # nn.Linear.__init__(self, ...)
        return init_external(it, args[0], base, args[1:], kwargs)
    if name in CONTAINERS:
        origin = Origin(getattr(node, "lineno", 0), name.rpartition(".")[2], it.ctx.path)
        made = build_container(it, name, args, kwargs, origin)
        if isinstance(made, Layer):
            made.node = builder_call(it, node)
            it.made.append(made)
        return made
    spec = layer_spec(name)
    if spec is not None:
        for key, value in [*enumerate(args), *kwargs.items()]:
            if isinstance(value, Choice):
                return _each_argument(
                    it,
                    value,
                    key,
                    args,
                    kwargs,
                    lambda a, k: _external(it, callee, a, k, node, text),
                )
        origin = Origin(getattr(node, "lineno", 0), name.rpartition(".")[2], it.ctx.path)
        it.ctx.built = origin
        layer = build_layer(it.ctx, spec, args, kwargs, origin)
        if isinstance(layer, Layer):
            layer.node = builder_call(it, node)
            it.made.append(layer)
        return layer
    python = EXTERNALS.get(name)
    if (
        python is not None
        and OPEN in kwargs
        and name not in ("builtins.dict", "collections.OrderedDict")
    ):
        if name != "functools.partial":
            return Unknown("**kwargs of unknown keys")
    if python is not None:
        try:
            return python(it, args, kwargs)
        except Refuted:
            return Unknown("refuted")
        except (TypeError, IndexError, KeyError, ValueError, AttributeError):
            return Unknown("arguments do not fit")
    function = function_spec(name)
    if function is not None:
        if any(map(_is_left_over, args)):
            return Unknown("refuted")
        for key, value in [*enumerate(args), *kwargs.items()]:
            if isinstance(value, Choice) and any(isinstance(o, Tensor) for o in value.options):
                return _each_argument(
                    it,
                    value,
                    key,
                    args,
                    kwargs,
                    lambda a, k: _external(it, callee, a, k, node, text),
                )
        return call_function(it.ctx, function, args, kwargs)
    return Unknown(f"unknown function {name}")


def builder_call(it: Interpreter, node: ast.AST) -> ast.AST:
    """Where a layer is built, as its class sees it: a plain function that builds layers for
    many callers is not where one caller's sizes are wrong."""
    for fn, (_, call_node, _) in zip(reversed(it.frames), reversed(it.ctx.stack)):
        plain = fn.bound is None and fn.owner is None and not isinstance(fn.node, ast.Lambda)
        if not plain or not isinstance(call_node, ast.Call):
            break
        node = call_node
    return node


def _each_argument(
    it: Interpreter,
    value: Choice,
    key: Any,
    args: list[Value],
    kwargs: dict[str, Value],
    use: Callable[[list[Value], dict[str, Value]], Value],
) -> Value:
    """A call for each alternative of one of its arguments."""
    return it.each(value, lambda option: use(*_with(args, kwargs, key, option)))


def _with(
    args: list[Value], kwargs: dict[str, Value], key: Any, value: Value
) -> tuple[list[Value], dict[str, Value]]:
    if isinstance(key, int):
        return [*args[:key], value, *args[key + 1 :]], kwargs
    return args, {**kwargs, key: value}


#: Decorators that leave the meaning of a method as it is, by their last name.
_HARMLESS = frozenset(
    "staticmethod classmethod property cached_property no_grad inference_mode enable_grad wraps override ignore "
    "unused export lru_cache cache abstractmethod overload autocast custom_fwd custom_bwd compile disable "
    "script_method final typechecked jaxtyped beartype deprecated torch_int_div setter getter deleter "
    "can_return_tuple auto_docstring deprecate_kwarg add_start_docstrings replace_return_docstrings "
    "add_start_docstrings_to_model_forward add_code_sample_docstrings merge_with_config_defaults "
    "check_model_inputs capture_outputs use_kernel_forward_from_hub dynamic_rope_update "
    "register_to_config apply_lora_scale apply_forward_hook maybe_allow_in_graph register_model "
    "register_notrace_module register_notrace_function force_fp32 auto_fp16 save_hyperparameters".split()
)


#: How deep a function may call itself where it is told how far it has come: ``unet(x, height + 1)``.
COUNTED = 9


def _too_deep(it: Interpreter, fn: Function, args: list[Value], kwargs: dict[str, Value]) -> bool:
    """Whether a function that calls itself would go on without an end in sight."""
    outer = [handed for node, handed in zip(it.active, it.handed) if node is fn.node]
    numbers = [_numbers(*handed) for handed in (outer[-1], (args, kwargs))]
    return len(outer) >= COUNTED or not numbers[1] or numbers[0] == numbers[1]


def _numbers(args: list[Value], kwargs: dict[str, Value]) -> list[tuple[object, int]]:
    return [(key, one) for key, one in (*enumerate(args), *kwargs.items()) if one.__class__ is int]


def _inline(
    it: Interpreter,
    fn: Function,
    args: list[Value],
    kwargs: dict[str, Value],
    node: ast.AST,
    text: str,
) -> Value:
    """Evaluate the body of a function of the project with these arguments."""
    if len(it.active) >= MAX_CALLS:
        return Unknown("call depth")
    if it.active.count(fn.node) >= 3 and _too_deep(it, fn, args, kwargs):
        return Unknown("recursion")
    if _ASKS_WHAT_IS_THERE.match(getattr(fn.node, "name", "")):
        return Unknown("what is installed")
    if not isinstance(fn.node, ast.Lambda):
        marks = decorators(fn.node)
        if marks and not fn.plain and not all(is_harmless(fn.file, mark, _HARMLESS) for mark in marks):
            made = decorated(it, fn, _HARMLESS)
            if not isinstance(made, Function) or made.node is not fn.node:
                bound = [] if fn.bound is None else [fn.bound]
                return it.call(made, [*bound, *args], kwargs, node, text)
    key = question(it, fn, args, kwargs)
    if key is None:
        return _run(it, fn, args, kwargs, node, text)
    return answer(it, key, (fn, args, kwargs), lambda: _run(it, fn, args, kwargs, node, text))


def _run(
    it: Interpreter,
    fn: Function,
    args: list[Value],
    kwargs: dict[str, Value],
    node: ast.AST,
    text: str,
) -> Value:
    from lint_params.shape.evaluate.stmt import run_body

    scope = Scope(it.file_scope(fn.file), fn.scope, fn)
    if not bind_parameters(it, fn, args, kwargs, scope):
        return Unknown("arguments do not fit")
    if isinstance(fn.bound, Instance) and not isinstance(fn.node, ast.Lambda) and fn.node.decorator_list:
        _registered(it, fn, scope)
    ctx = it.ctx
    kept = (ctx.node, ctx.path, ctx.callee, ctx.built, ctx.stack, it.current)
    ctx.stack = (*ctx.stack, (ctx.path, node, text))
    ctx.path, it.current = fn.file.path, fn.file
    it.active.append(fn.node)
    it.handed.append((args, kwargs))
    it.entered.add(id(fn.node))
    it.frames.append(fn)
    replaced = len(it.overrides)
    try:
        if isinstance(fn.node, ast.Lambda):
            return it.eval(fn.node.body, scope)
        result = run_body(it, fn.node, scope)
        if len(it.overrides) > replaced:
            judge_overrides(it, replaced)
        return result
    finally:
        del it.overrides[replaced:]
        it.active.pop()
        it.handed.pop()
        it.frames.pop()
        ctx.node, ctx.path, ctx.callee, ctx.built, ctx.stack, it.current = kept


def _registered(it: Interpreter, fn: Function, scope: Scope) -> None:
    """``@register_to_config`` keeps the constructor's arguments in ``self.config``."""
    assert not isinstance(fn.node, ast.Lambda)
    if any(mark.rpartition(".")[2] == "register_to_config" for mark in decorators(fn.node)):
        names = [arg.arg for arg in (*fn.node.args.posonlyargs, *fn.node.args.args, *fn.node.args.kwonlyargs)][1:]
        it.ctx.write(fn.bound.attrs, "config", Dict({name: scope.vars[name] for name in names}))
