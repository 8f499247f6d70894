"""What forward is called with: tensors of free shape, unless the source says otherwise."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from lint_params.shape.evaluate.scope import Scope
from lint_params.shape.runs.annotations import last, text_annotation, without_none
from lint_params.shape.runs.arguments import Mode, free_tensor, parameters
from lint_params.shape.runs.needed import needed
from lint_params.shape.sizes.dim import symbol
from lint_params.shape.value import (
    AnySeq,
    Choice,
    Dict,
    Flag,
    Instance,
    Layer,
    Seq,
    Shape,
    Tensor,
    Unknown,
    Value,
)
from lint_params.trees import walk

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter


#: Arguments of forward that are sizes rather than tensors, by their names.
_SIZE_NAMES = re.compile(
    r"^(H|W|T|D|B|N|C|L|height|width|(num|n)_\w+|\w*_?(size|length|len|dim|steps?|frames))$"
)


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
    annotation = without_none(text_annotation(arg.annotation))
    kind = (
        last(annotation.value if isinstance(annotation, ast.Subscript) else annotation)
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
        optional = annotation is not text_annotation(arg.annotation)
        return Choice([tensor, None]) if optional else tensor
    return Unknown("an argument of another kind")


def _may_be_tensor(annotation: ast.expr | None, kind: str) -> bool:
    """``Union[Tensor, float]``: a tensor is one of what may come in; ``Float[Tensor, "b n"]``."""
    if not isinstance(annotation, ast.Subscript) or kind not in ("Union", "Float", "Int", "Bool", "Num", "Shaped"):
        return False
    parts = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
    return any(last(part) in ("Tensor", "FloatTensor", "LongTensor") for part in parts)


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


def _tensors(name: str) -> AnySeq:
    made: dict[int, Value] = {}

    def element(i: int) -> Value:
        return made.setdefault(i, free_tensor(f"{name}[{i}]"))

    return AnySeq(name, element, symbol(f"len({name})", "count"))
