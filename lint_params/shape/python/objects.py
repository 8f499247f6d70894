"""isinstance, getattr and what else looks at objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lint_params.shape.evaluate.classes import is_module_class, mro
from lint_params.shape.evaluate.objects import get_attr, put
from lint_params.shape.sizes.dim import Poly
from lint_params.shape.sizes.sized import may_hold_size
from lint_params.shape.value import (
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
    Partial,
    Ratio,
    Real,
    Seq,
    Tensor,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter
from lint_params.shape.python import external

# -- objects --------------------------------------------------------------------------------


@external("builtins.isinstance")
def _isinstance(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    known = is_instance(it, args[0], args[1])
    return Unknown("condition") if known is None else known


#: What decides for the types that are known by name.
_PYTHON: dict[str, Callable[[Value], bool]] = {
    "builtins.int": lambda v: isinstance(v, (int, Poly)),
    "builtins.float": lambda v: isinstance(v, (float, Ratio, Real)),
    "builtins.bool": lambda v: isinstance(v, bool),
    "builtins.str": lambda v: isinstance(v, str),
    "builtins.list": lambda v: isinstance(v, Seq) and v.kind == "list",
    "builtins.tuple": lambda v: isinstance(v, Seq) and v.kind in ("tuple", "size"),
    "builtins.dict": lambda v: isinstance(v, Dict),
    "torch.Tensor": lambda v: isinstance(v, Tensor),
}


#: Values of Python's own types.
_PLAIN = (str, int, float, type(None), Poly, Seq, Dict)


def _may_be(a: Value, b: ClassRef) -> bool:
    """Whether two classes that calls made have one text: the call may be the same, evaluated twice."""
    return isinstance(a, ClassRef) and a.node is b.node


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
            line = mro(it, value.cls)
            if any(isinstance(b, ClassRef) and b.identity == kind.identity for b in line):
                return True
            unsure = any(isinstance(b, Unknown) or _may_be(b, kind) for b in line)
            return None if unsure else False
        if isinstance(value, (Unknown, Config)):
            return None
        return False
    if not isinstance(kind, External):
        return None
    name = kind.name
    if isinstance(value, (Unknown, Config)):
        return None
    if name.startswith("torch.") and name != "torch.Size" and isinstance(value, _PLAIN):
        return False
    if name.startswith(("collections.abc.", "typing.")) and name.rpartition(".")[2] in _HOLD:
        if isinstance(value, Function) or isinstance(value, ClassRef) and _is_plain_module(it, value):
            return False
    if name in _CALLABLES or isinstance(value, (External, ClassRef, Function, Native)):
        return _is_callable(value, name)
    if name.startswith(("collections.abc.", "typing.")):
        return _holds(value, name.rpartition(".")[2])
    if name in _PYTHON:
        if isinstance(value, AnySeq):
            return None if name in ("builtins.list", "builtins.tuple") else False
        if isinstance(value, Tensor) and value.free and name != "torch.Tensor":
            return None  # an argument that is a tensor only as far as we guess
        if isinstance(value, Tensor) and name == "torch.Tensor":
            return None if value.free and value.shape.lead else True
        return _PYTHON[name](value)
    if isinstance(value, Layer):
        if name == value.spec.name or name == "torch.nn.Module":
            return True
        return None if name.startswith("torch.nn.") and _related(name, value.spec.name) else False
    if isinstance(value, Instance):
        line = mro(it, value.cls)
        if any(isinstance(b, External) and b.name == name for b in line):
            return True
        if name == "torch.nn.Module":
            return None if any(isinstance(b, Unknown) for b in line) else False
        return None
    return None


def _is_plain_module(it: Interpreter, cls: ClassRef) -> bool:
    """A class of Modules that is no container itself: with a metaclass, as that of an Enum, it may be."""
    line = mro(it, cls)
    return is_module_class(it, cls) and not any(
        isinstance(one, Unknown) or isinstance(one, ClassRef) and (one.node.keywords or one.node.decorator_list)
        for one in line
    )


_KINDS = ("list", "tuple")


def _holds(value: Value, kind: str) -> bool | None:
    """Whether a value is a ``Sequence``, a ``Dict`` and so on; a Tensor or a Module may hold items, too."""
    if not isinstance(value, (Seq, Dict, str, int, float, type(None))):
        return None
    if kind in ("List", "Tuple"):
        return False if not isinstance(value, Seq) else value.kind == kind.lower() if value.kind in _KINDS else None
    if kind in ("Mapping", "Dict"):
        return isinstance(value, Dict)
    if kind == "Sequence":
        return isinstance(value, (Seq, str))
    return isinstance(value, (Seq, str, Dict)) if kind == "Iterable" else None


#: Kinds of things that hold others.
_HOLD = frozenset("Iterable Iterator Sequence Collection Sized Mapping MutableMapping List Tuple Dict Set".split())
#: Kinds of things that are called: each of these tells a class from a function.
_CALLABLES = {
    "builtins.type": (ClassRef,),
    "types.FunctionType": (Function,),
    "types.LambdaType": (Function,),
    "functools.partial": (Partial,),
    "typing.Callable": (ClassRef, Function, Native),
    "collections.abc.Callable": (ClassRef, Function, Native),
}


def _is_callable(value: Value, name: str) -> bool | None:
    """What a class, a function or a partial is, and what is none of them."""
    if isinstance(value, External):
        from lint_params.shape.ops import layer_spec

        if layer_spec(value.name) is None:
            return False if name == "builtins.str" else None
        if name.endswith("Hashable"):
            return None
        return name in ("builtins.type", "typing.Callable", "collections.abc.Callable")
    if isinstance(value, (Instance, Layer, Choice)):
        return None if name.endswith("Callable") else False
    if isinstance(value, Tensor) and value.free:
        return None  # an argument that is a tensor only as far as we guess
    kinds = _CALLABLES.get(name)
    if isinstance(value, (ClassRef, Function, Native)) and kinds is None:
        return False if name.startswith("builtins.") or name.startswith("torch.") else None
    return isinstance(value, kinds or ())


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
            missing = value.why == "module attribute" and name not in _OF_MODULES and name[:1] != "_"
            return False if missing or value.why == "no such attribute" else value
        return True
    if isinstance(owner, External) and isinstance(name, str) and owner.name.startswith("torch."):
        return True if it.known_external(f"{owner.name}.{name}") else Unknown("condition")
    return Unknown("condition")


#: What every nn.Module has, whether the interpreter knows it or not.
_OF_MODULES = frozenset(
    "T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches "
    "eval extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half ipu "
    "load_state_dict modules mtia named_buffers named_children named_modules named_parameters parameters "
    "register_backward_hook register_buffer register_forward_hook register_forward_pre_hook "
    "register_full_backward_hook register_full_backward_pre_hook register_load_state_dict_post_hook "
    "register_load_state_dict_pre_hook register_module register_parameter register_state_dict_post_hook "
    "register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory state_dict to "
    "to_empty train training type xpu zero_grad".split()
)


@external("builtins.eval", "builtins.exec")
def _code(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    """Where it is called by its name the text is read: see ``evaluated``."""
    return Unknown("code in a text")


@external("builtins.getattr")
def _getattr(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    if not isinstance(args[1], str):
        return Unknown("attribute of unknown name")
    value = get_attr(it, args[0], args[1])
    if (
        isinstance(value, Unknown)
        and len(args) > 2
        and value.why in ("no such attribute", "module attribute")
    ):
        return args[2]
    return value


@external("builtins.setattr", "builtins.object.__setattr__")
def _setattr(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    put(it, *args[:3])
    return None


@external("builtins.vars")
def _vars(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    known = len(args) == 1 and isinstance(args[0], Instance)
    return get_attr(it, args[0], "__dict__") if known else Unknown("names")


@external("builtins.type")
def _type(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    value = args[0]
    if isinstance(value, Instance):
        return value.cls
    return External(value.spec.name) if isinstance(value, Layer) else Unknown("type")


@external("inspect.signature")
def _signature(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    """``parameters`` by name; of what a function is given, nothing else is asked."""
    if not isinstance(args[0], Function):
        return Unknown("signature")
    spec = args[0].node.args
    names = [arg.arg for arg in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)]
    own = names[1:] if args[0].bound is not None else names
    return Dict({"parameters": Dict({name: Unknown("parameter") for name in own})})


@external("builtins.callable")
def _callable(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    value = args[0]
    if isinstance(value, (Function, Native, ClassRef, External, Layer)):
        return True
    if isinstance(value, Config):  # nobody calls a size
        return False if may_hold_size(value.name) else Unknown("condition")
    plain = value is None or isinstance(value, (str, int, float, Poly, Seq, Dict))
    return False if plain else Unknown("condition")


@external("builtins.print", "warnings.warn")
def _nothing(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    return None


@external("typing.cast")
def _cast(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    return args[1]
