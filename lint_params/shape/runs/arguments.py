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
)
from lint_params.shape.evaluate.iterate import LARGEST_DEFAULT
from lint_params.shape.evaluate.objects import OF_SUBCLASS
from lint_params.shape.evaluate.scope import Scope
from lint_params.shape.runs.needed import needed
from lint_params.shape.sizes.dim import symbol
from lint_params.shape.sizes.sized import holds_size
from lint_params.shape.value import (
    REAL,
    AnySeq,
    Choice,
    ClassRef,
    Config,
    Dict,
    External,
    Flag,
    Function,
    Instance,
    Layer,
    Native,
    Seq,
    Shape,
    Tensor,
    Unknown,
    Value,
    argument_size,
)
from lint_params.trees import walk

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
#: Arguments of forward that are sizes rather than tensors, by their names.
_SIZE_NAMES = re.compile(
    r"^(H|W|T|D|B|N|C|L|height|width|(num|n)_\w+|\w*_?(size|length|len|dim|steps?|frames))$"
)


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
    return annotation is not None and _last(annotation) in ("int", "float", "bool")


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
        given = _by_annotation(it, _without_none(arg.annotation), scope, name, mode)
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


def _without_none(annotation: ast.expr | None) -> ast.expr | None:
    """``Optional[int]`` and ``int | None`` without the None."""
    if isinstance(annotation, ast.Subscript) and _last(annotation.value) == "Optional":
        return annotation.slice
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        for side, other in (
            (annotation.left, annotation.right),
            (annotation.right, annotation.left),
        ):
            if isinstance(other, ast.Constant) and other.value is None:
                return side
    return annotation


def _last(node: ast.expr) -> str:
    return (
        node.attr
        if isinstance(node, ast.Attribute)
        else node.id
        if isinstance(node, ast.Name)
        else ""
    )


def _text_annotation(annotation: ast.expr | None) -> ast.expr | None:
    """An annotation in quotes, parsed."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            return ast.parse(annotation.value, mode="eval").body
        except SyntaxError:
            return None
    return annotation


def _by_annotation(
    it: Interpreter, annotation: ast.expr | None, scope: Scope, name: str, mode: Mode
) -> Value:
    if _PROCESSES.search(name):
        return Unknown("the number of processes, which may have cut the layers among them")
    annotation = _without_none(_text_annotation(annotation))
    kind = (
        _last(annotation.value if isinstance(annotation, ast.Subscript) else annotation)
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
    while isinstance(annotation, ast.Subscript) and _last(annotation.value) in ("Type", "type"):
        annotation = annotation.slice
    parts: list[ast.expr] = [] if annotation is None else [annotation]
    if isinstance(annotation, ast.Subscript) and _last(annotation.value) == "Union":
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
    annotation = _text_annotation(annotation)
    if annotation is None:
        return None
    cls = it.aside(lambda: it.eval(annotation, scope))
    if not isinstance(cls, ClassRef) or len(it.active) > 6:
        return None
    if is_module_class(it, cls):
        return Config(name)
    line = mro(it, cls)
    if is_dataclass(cls):
        instance = Instance(cls)
        for field, node, base in fields(it, line):
            inner = Scope(it.file_scope(base.file), base.scope)
            value = _field(it, field, node, inner, mode, f"{name}.")
            instance.attrs[field] = value
        finish_dataclass(it, instance)
        return instance
    init = _init_of(cls, line)
    if init is None:
        return None
    given = constructor_arguments(it, init[1], init[0], mode)
    made = instantiate(it, cls, [], given, annotation)
    if not isinstance(made, Instance):
        return None
    made.attrs[OF_SUBCLASS] = Config(name)
    return made


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


def _init_of(cls: ClassRef, line: list[Value]) -> tuple[ClassRef, ast.FunctionDef] | None:
    for base in line:
        if not isinstance(base, ClassRef):
            return None
        node = definition(base, "__init__")
        if isinstance(node, ast.FunctionDef):
            return base, node
    return None


def function_arguments(it: Interpreter, spec: ast.arguments, scope: Scope) -> dict[str, Value]:
    """Arguments for a plain function: defaults as they stand, else values of unknown type."""
    return {
        arg.arg: it.eval(default, scope)
        if default is not None
        else constructor_argument(it, arg, None, scope, Mode.SIZES)
        for arg, default in parameters(spec)
    }


def forward_arguments(
    it: Interpreter, instance: Instance, fn: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope, mode: Mode
) -> dict[str, Value]:
    """Keyword arguments for a method: tensors of free shape unless the source says otherwise."""

    def is_layer(name: str) -> bool:
        held = instance.attrs.get(name)
        if isinstance(held, Layer):
            return held.spec.name != "torch.nn.Identity"
        return isinstance(held, Instance)

    out: dict[str, Value] = {}
    required = needed(fn, is_layer)
    for arg, default in parameters(fn.args)[1:]:
        default = None if arg.arg in required else default
        if arg.annotation is None and default is None and _is_taken_apart(fn, arg.arg):
            out[arg.arg] = _tensors(arg.arg)
        else:
            out[arg.arg] = forward_argument(it, arg, default, scope, mode)
    return out


def _is_taken_apart(fn: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> bool:
    """Whether an argument is rather a list than a tensor: unpacked, or used only by number."""
    number, uses = 0, 0
    for node in walk(fn):
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Name)
            and node.value.id == name
        ):
            if any(isinstance(target, (ast.Tuple, ast.List)) for target in node.targets):
                return True
        elif isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
            uses += 1
        elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            index = node.slice.operand if isinstance(node.slice, ast.UnaryOp) else node.slice
            if isinstance(index, ast.Constant) and type(index.value) is int:
                number += node.value.id == name
    return 0 < number == uses


def forward_argument(
    it: Interpreter, arg: ast.arg, default: ast.expr | None, scope: Scope, mode: Mode
) -> Value:
    annotation = _without_none(_text_annotation(arg.annotation))
    kind = (
        _last(annotation.value if isinstance(annotation, ast.Subscript) else annotation)
        if annotation
        else ""
    )
    if default is not None:
        value = it.eval(default, scope)
        if isinstance(value, bool):
            return value if mode is not Mode.OPEN else Flag(arg.arg)
        if value is None and mode is Mode.OPEN and kind in ("", "Tensor"):
            return free_tensor(arg.arg)
        if not isinstance(value, int) or mode is Mode.DEFAULTS:
            return value
        return symbol(arg.arg, "input", 1 if value >= 1 else None)
    if kind == "int" or (not kind and _SIZE_NAMES.match(arg.arg)):
        return symbol(arg.arg, "input")
    if kind == "bool":
        return Flag(arg.arg)
    if kind in ("str", "float", "Callable", "Module"):
        return Unknown("an argument of another kind")
    if kind in ("Dict", "dict", "Mapping"):
        return Dict({}, open=True)
    if kind in ("List", "list", "Tuple", "tuple", "Sequence"):
        return _tensors(arg.arg)
    if kind in ("", "Tensor", "FloatTensor", "LongTensor") or _may_be_tensor(annotation, kind):
        tensor = free_tensor(arg.arg)
        optional = annotation is not _text_annotation(arg.annotation)
        return Choice([tensor, None]) if optional else tensor
    return Unknown("an argument of another kind")


def _may_be_tensor(annotation: ast.expr | None, kind: str) -> bool:
    """``Union[Tensor, float]``: a tensor is one of what may come in; ``Float[Tensor, "b n"]``."""
    if not isinstance(annotation, ast.Subscript) or kind not in ("Union", "Float", "Int", "Bool", "Num", "Shaped"):
        return False
    parts = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
    return any(_last(part) in ("Tensor", "FloatTensor", "LongTensor") for part in parts)


_IMAGE = re.compile(r"^(img|image|input)_(size|resolution)$|^img_dim$|^resolution$")
_CHANNELS = re.compile(
    r"^(in_chans|in_channels|in_ch|channels|img_channels|num_channels|input_channels)$"
)


#: What people call the images that forward takes; a video or a volume is none.
IMAGE_NAMES = re.compile(r"^(x|img|imgs|image|images|inputs?|pixel_values|batch|data)$")


def nominal_image(it: Interpreter, ctor: dict[str, Value]) -> Tensor | None:
    """The image that a vision model is built for (``img_size``, ``in_chans``), if it says so."""
    for name, value in ctor.items():
        if _IMAGE.match(name):
            sides = value.items if isinstance(value, Seq) else [value, value]
            channels = next((v for n, v in ctor.items() if _CHANNELS.match(n)), None)
            sizes = [it.ctx.size(s) for s in sides]
            if len(sizes) != 2 or None in sizes or channels is None:
                return None
            planes = it.ctx.size(channels)
            if planes is None:
                return None
            dims = (symbol("batch", "input"), planes, *(s for s in sizes if s is not None))
            return Tensor(Shape(dims), "float", None, None, True)
    return None


def free_tensor(name: str) -> Tensor:
    """A tensor that the caller chooses: nothing is known of it."""
    return Tensor(Shape((), lead=True), None, None, None, True)


def _tensors(name: str) -> AnySeq:
    made: dict[int, Value] = {}

    def element(i: int) -> Value:
        return made.setdefault(i, free_tensor(f"{name}[{i}]"))

    return AnySeq(name, element, symbol(f"len({name})", "count"))
