"""Values for arguments that nobody has given: symbols, flags, free tensors.

Three ways to fill them (``Mode``): SIZES keeps sizes symbolic and takes the defaults of what
shapes the structure (flags, strides, depths); OPEN takes no default for granted; DEFAULTS
takes every default as it stands and symbols for the rest.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

from lint_params.shape.evaluate.classes import definition, is_module_class, mro
from lint_params.shape.evaluate.instances import (
    default_of,
    fields,
    finish_dataclass,
    instantiate,
    is_dataclass,
    is_made_of_fields,
)
from lint_params.shape.evaluate.iterate import LARGEST_DEFAULT
from lint_params.shape.evaluate.objects import OF_SUBCLASS
from lint_params.shape.evaluate.scope import Scope
from lint_params.shape.runs.annotations import last, text_annotation, without_none
from lint_params.shape.runs.needed import needed
from lint_params.shape.sizes.dim import symbol
from lint_params.shape.sizes.sized import holds_size
from lint_params.shape.value import (
    REAL,
    AnySeq,
    Choice,
    ClassRef,
    Config,
    External,
    Flag,
    Function,
    Instance,
    Native,
    Seq,
    Shape,
    Tensor,
    Unknown,
    Value,
    argument_size,
)

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter


#: What a caller gives for the constructor argument of a name, or None.
Handed = Callable[[str], "Value | None"]


class Mode(Enum):
    SIZES = "sizes"
    OPEN = "open"
    DEFAULTS = "defaults"


#: Whole numbers that shape the structure of a module rather than the sizes of its tensors.
_STRUCTURE = re.compile(
    r"stride|pad|kernel|dilation|group|depth|layers|blocks|stages|expansion|expand|ratio|factor|mult|"
    r"reduction|order|level|downsample|upsample|repeat|iter|step|num_convs|n_convs|cardinality|scale|"
    r"num_res|index|idx|version|_id$|axis|^dim_?index"
)
#: Of these the numbers of repetitions: a few stand for many.
_REPEATED = re.compile(r"depth|layers|blocks")


def constructor_arguments(
    it: Interpreter,
    fn: ast.FunctionDef | ast.AsyncFunctionDef,
    owner: ClassRef,
    mode: Mode,
    given: frozenset[str] = frozenset(),
    handed: Handed = lambda name: None,
) -> dict[str, Value]:
    """Keyword arguments for ``__init__``; those that DEFAULTS leaves as they stand are not given.

    ``given`` are the parameters that callers in sight set: their defaults tell no sizes.
    ``handed`` is what callers choose the structure by (a layer class) where no default does.
    """
    scope = Scope(it.file_scope(owner.file), owner.scope)
    out: dict[str, Value] = {}
    required = needed(fn)
    for arg, default in parameters(fn.args)[1:]:
        if arg.arg in required:
            default = None
        if mode is Mode.DEFAULTS and default is not None and arg.arg not in given:
            continue
        if arg.arg in given and default is not None:
            value = _by_annotation(it, arg.annotation, scope, arg.arg, mode)
            plain = it.eval(default, scope)
            if isinstance(plain, (int, float)) or _is_activation(plain):
                value = _around_default(it, plain, arg, scope, arg.arg, mode)
        else:
            value = constructor_argument(it, arg, default, scope, mode)
        if isinstance(value, (Unknown, Config)) and not _is_number(arg.annotation):
            choice = handed(arg.arg)
            value = value if choice is None else choice
        out[arg.arg] = value
    return out


def chooses(value: Value) -> bool:
    """Whether a default chooses a structure: a layer class, a function, a text."""
    return isinstance(value, (External, ClassRef, Function, Native, str))


def _is_activation(value: Value) -> bool:
    """Whether a default is a layer without parameters: what callers set instead is another."""
    from lint_params.shape.ops import layer_spec

    spec = layer_spec(value.name) if isinstance(value, External) else None
    return spec is not None and spec.params is None


def _is_number(annotation: ast.expr | None) -> bool:
    return annotation is not None and last(annotation) in ("int", "float", "bool")


def parameters(spec: ast.arguments) -> list[tuple[ast.arg, ast.expr | None]]:
    """The named parameters with their default expressions, ``self`` included."""
    positional = [*spec.posonlyargs, *spec.args]
    first = len(positional) - len(spec.defaults)
    out: list[tuple[ast.arg, ast.expr | None]] = [
        (arg, spec.defaults[i - first] if i >= first else None) for i, arg in enumerate(positional)
    ]
    out.extend(zip(spec.kwonlyargs, spec.kw_defaults))
    return out


def constructor_argument(
    it: Interpreter,
    arg: ast.arg,
    default: ast.expr | None,
    scope: Scope,
    mode: Mode,
    prefix: str = "",
) -> Value:
    name = prefix + arg.arg
    if mode is Mode.DEFAULTS:
        if default is not None:
            return _given(it.eval(default, scope), name)
        made = _configured(it, arg.annotation, scope, mode, name)
        return _by_annotation(it, arg.annotation, scope, name, mode) if made is None else made
    if default is None:
        return _by_annotation(it, arg.annotation, scope, name, mode)
    value = it.eval(default, scope)
    return _around_default(it, value, arg, scope, name, mode)


#: How many processes there are: 1 of itself, and what they share out is not to be seen.
_PROCESSES = re.compile(
    r"world_?size|(^|_)(tp|mp|sp|ep)_(size|degree)|_parallel_(size|degree)|(num|n)_(gpus|devices|shards|ranks)$"
)


def _is_unset(value: Value, name: str) -> bool:
    """``embedding_dim: int = -1``: no size is below zero, somebody has to give it."""
    return type(value) is int and value < 0 and holds_size(name)


def _given(value: Value, name: str) -> Value:
    """A default as it stands, where it can be meant."""
    return symbol(name, "argument", 1) if _is_unset(value, name) else value


def _around_default(
    it: Interpreter, value: Value, arg: ast.arg, scope: Scope, name: str, mode: Mode
) -> Value:
    """The symbolic counterpart of a default."""
    if isinstance(value, bool):
        return value if mode is Mode.SIZES else Flag(name)
    if isinstance(value, int):
        if _PROCESSES.search(name):
            return value
        if _is_unset(value, name):
            return symbol(name, "argument", 1)
        if mode is Mode.SIZES and (value < 1 or _STRUCTURE.search(name)):
            many = value > LARGEST_DEFAULT and _REPEATED.search(name)
            return symbol(name, "count", 1, value) if many else value
        low = 1 if value >= 1 else 0 if value == 0 else None
        return symbol(name, "argument", low, value)
    if value is None and mode is Mode.OPEN:
        given = _by_annotation(it, without_none(arg.annotation), scope, name, mode)
        return Choice([None, given]) if not isinstance(given, Unknown) else given
    if isinstance(value, Seq) and not value.items and value.kind in ("list", "tuple"):
        return Config(name)  # nobody means an empty one
    if isinstance(value, Seq) and mode is Mode.OPEN:
        parts = [
            _around_default(it, item, arg, scope, f"{name}[{i}]", mode)
            if isinstance(item, (int, Seq))
            else item
            for i, item in enumerate(value.items)
        ]
        return Seq(parts, value.kind)
    if isinstance(value, str) and mode is Mode.OPEN:
        return Unknown("a text argument")
    if isinstance(value, Unknown):
        return _by_annotation(it, arg.annotation, scope, name, mode)
    return value


def _by_annotation(
    it: Interpreter, annotation: ast.expr | None, scope: Scope, name: str, mode: Mode
) -> Value:
    if _PROCESSES.search(name):
        return Unknown("the number of processes, which may have cut the layers among them")
    annotation = without_none(text_annotation(annotation))
    kind = (
        last(annotation.value if isinstance(annotation, ast.Subscript) else annotation)
        if annotation
        else ""
    )
    if kind == "int":
        return argument_size(name)
    if kind == "bool":
        return Flag(name)
    if kind == "str":
        return Unknown("a text argument")
    if kind == "float":
        return REAL
    if kind in ("Type", "type", "Union"):
        chosen = _class_of(it, annotation, scope)
        if chosen is not None:
            return chosen
    if kind in ("Callable", "Type", "type", "Tensor", "device", "dtype"):
        return Unknown("an argument of another kind")
    if kind == "Module":
        return Config(name)  # what it gives is unknown, its sizes are ``encoder.dim``
    if isinstance(annotation, ast.Subscript) and kind in (
        "List",
        "list",
        "Sequence",
        "Tuple",
        "tuple",
        "Iterable",
    ):
        return _sequence(it, annotation, scope, name, mode)
    if annotation is not None:
        made = _configured(it, annotation, scope, mode, name)
        if made is not None:
            return made
    return Config(name)


def _class_of(it: Interpreter, annotation: ast.expr | None, scope: Scope) -> Value | None:
    """The first of the module classes that ``Type[Basic]`` or ``Union[Basic, Bottleneck]`` names:
    one possible instance is built, as for counts."""
    while isinstance(annotation, ast.Subscript) and last(annotation.value) in ("Type", "type"):
        annotation = annotation.slice
    parts: list[ast.expr] = [] if annotation is None else [annotation]
    if isinstance(annotation, ast.Subscript) and last(annotation.value) == "Union":
        parts = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
    elif isinstance(annotation, ast.BinOp):
        parts = [annotation.left, annotation.right]
    classes = [it.aside(lambda p=p: it.eval(p, scope)) for p in parts]  # type: ignore[misc]
    if not classes or not all(isinstance(c, ClassRef) and is_module_class(it, c) for c in classes):
        return None
    own = any(definition(c, "__init__") is not None for c in classes)
    return classes[0] if own else None


def _sequence(
    it: Interpreter, annotation: ast.Subscript, scope: Scope, name: str, mode: Mode
) -> Value:
    inner = annotation.slice
    elements = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if any(isinstance(e, ast.Constant) and e.value is Ellipsis for e in elements):
        elements = elements[:1]
    elif isinstance(inner, ast.Tuple):
        return Seq(
            [_by_annotation(it, e, scope, f"{name}[{i}]", mode) for i, e in enumerate(elements)],
            "tuple",
        )
    made: dict[int, Value] = {}

    def element(i: int) -> Value:
        if i not in made:
            made[i] = _by_annotation(it, elements[0], scope, f"{name}[{i}]", mode)
        return made[i]

    return AnySeq(name, element, symbol(f"len({name})", "count"))


def _configured(
    it: Interpreter, annotation: ast.expr | None, scope: Scope, mode: Mode, name: str
) -> Value | None:
    """An object of a class of the project (a configuration) with symbolic or default values."""
    annotation = text_annotation(annotation)
    if annotation is None:
        return None
    cls = it.aside(lambda: it.eval(annotation, scope))
    if not isinstance(cls, ClassRef) or len(it.active) > 6:
        return None
    if is_module_class(it, cls):
        return Config(name)
    line = mro(it, cls)
    if is_dataclass(cls):
        return _of_fields(it, cls, line, mode, name)
    init = _init_of(line)
    if init is None:
        return None
    owner, node = init
    if node is None:
        made: Value = _of_fields(it, cls, line, mode, name)
    else:
        made = instantiate(it, cls, [], constructor_arguments(it, node, owner, mode), annotation)
    if not isinstance(made, Instance):
        return None
    made.attrs[OF_SUBCLASS] = Config(name)
    return made


def _of_fields(it: Interpreter, cls: ClassRef, line: list[Value], mode: Mode, name: str) -> Instance:
    instance = Instance(cls)
    for field, node, base in fields(it, line):
        inner = Scope(it.file_scope(base.file), base.scope)
        instance.attrs[field] = _field(it, field, node, inner, mode, f"{name}.")
    finish_dataclass(it, instance)
    return instance


def _field(
    it: Interpreter, field: str, node: ast.AnnAssign, scope: Scope, mode: Mode, prefix: str
) -> Value:
    arg = ast.arg(field, node.annotation)
    if node.value is None:
        return constructor_argument(it, arg, None, scope, mode, prefix)
    value = default_of(it, node.value, scope)
    if isinstance(value, Tensor):
        return free_tensor(field)  # what it holds by then, whatever it begins with
    if mode is Mode.DEFAULTS:
        return _given(value, prefix + field)
    return _around_default(it, value, arg, scope, prefix + field, mode)


def _init_of(line: list[Value]) -> tuple[ClassRef, ast.FunctionDef | None] | None:
    """The constructor of a class and whose it is; None in its place where it is a dataclass's."""
    for base in line:
        if not isinstance(base, ClassRef):
            return None
        node = definition(base, "__init__")
        if isinstance(node, ast.FunctionDef):
            return base, node
        if is_made_of_fields(base):
            return base, None
    return None


def function_arguments(it: Interpreter, spec: ast.arguments, scope: Scope) -> dict[str, Value]:
    """Arguments for a plain function: defaults as they stand, else values of unknown type."""
    return {
        arg.arg: it.eval(default, scope)
        if default is not None
        else constructor_argument(it, arg, None, scope, Mode.SIZES)
        for arg, default in parameters(spec)
    }


def free_tensor(name: str) -> Tensor:
    """A tensor that the caller chooses: nothing is known of it."""
    return Tensor(Shape((), lead=True), None, None, None, True)


