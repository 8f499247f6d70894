"""Classes of the project: their bases in method resolution order and what they define."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lint_params.names import dotted
from lint_params.shape.ops import layer_spec
from lint_params.shape.value import ClassRef, External, Unknown, Value

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter

_OBJECT = External("builtins.object")


def bases(it: Interpreter, cls: ClassRef) -> list[Value]:
    """The evaluated bases; what is no class is Unknown."""
    from lint_params.shape.evaluate.scope import Scope

    out: list[Value] = []
    for node in cls.node.bases:
        if isinstance(node, ast.Subscript):  # Generic[T]
            node = node.value
        value = it.aside(lambda n=node: it.eval(n, Scope(it.file_scope(cls.file), cls.scope)))  # type: ignore[misc]
        if isinstance(value, External) and value.name in _TRANSPARENT:
            continue
        out.append(value if isinstance(value, (ClassRef, External)) else Unknown("base class"))
    return out


_TRANSPARENT = frozenset({"typing.Generic", "typing.Protocol", "abc.ABC", "builtins.object"})


def mro(it: Interpreter, cls: ClassRef) -> list[Value]:
    """The method resolution order; Unknown stands where a base is not known."""
    key = cls.identity
    known = it.orders.get(key)
    if known is None:
        it.orders[key] = [cls]  # a class that inherits itself ends here
        known = it.orders[key] = _linear(it, cls, 0)
    return known


def _linear(it: Interpreter, cls: ClassRef, depth: int) -> list[Value]:
    if depth > 20:
        return [cls, Unknown("deep inheritance")]
    parents = bases(it, cls)
    lines = [_linear(it, p, depth + 1) if isinstance(p, ClassRef) else [p] for p in parents]
    return [cls, *_merge([*lines, list(parents)])]


def _merge(lines: list[list[Value]]) -> list[Value]:
    """C3, falling back to the order of appearance where the bases contradict each other."""
    out: list[Value] = []
    lines = [list(line) for line in lines if line]
    while lines:
        for line in lines:
            head = line[0]
            if not any(_equal(head, other) for rest in lines for other in rest[1:]):
                break
        else:
            head = lines[0][0]
        out.append(head)
        lines = [[v for i, v in enumerate(line) if i or not _equal(v, head)] for line in lines]
        lines = [line for line in lines if line]
    # nn.Module last, whatever mixins come after it in the text
    return [v for v in out if v != _MODULE] + ([_MODULE] if _MODULE in out else [])


_MODULE = External("torch.nn.Module")


def _equal(a: Value, b: Value) -> bool:
    if isinstance(a, ClassRef) and isinstance(b, ClassRef):
        return bool(a.identity == b.identity)
    return a is b or (isinstance(a, External) and a == b)  # an Unknown base is itself only


def is_module_class(it: Interpreter, cls: ClassRef) -> bool:
    """Whether objects of the class surely are torch modules."""
    return any(
        isinstance(b, External)
        and (
            b.name in MODULE_BASES
            or b.name.startswith("torch.nn.")
            or layer_spec(b.name) is not None
        )
        for b in mro(it, cls)
    )


#: Classes of other libraries that are nn.Modules and add nothing that shapes depend on.
MODULE_BASES = frozenset(
    {
        "torch.nn.Module",
        "lightning.pytorch.LightningModule",
        "lightning.LightningModule",
        "lightning.pytorch.core.LightningModule",
        "transformers.PreTrainedModel",
        "transformers.modeling_utils.PreTrainedModel",
        "diffusers.ModelMixin",
        "diffusers.models.modeling_utils.ModelMixin",
    }
)


def definition(cls: ClassRef, name: str) -> ast.AST | None:
    """The node that gives ``name`` its meaning in the class body: a def, class or value."""
    return members(cls).get(name)


def members(cls: ClassRef) -> dict[str, ast.AST]:
    """What the class body defines, by name."""
    table: dict[str, ast.AST] | None = getattr(cls.node, _TABLE, None)
    if table is None:
        table = {}
        _collect(cls.node.body, table)
        setattr(cls.node, _TABLE, table)
    return table


#: Kept on the node itself, so that it goes with the tree.
_TABLE = "_lint_params_table"


def _collect(body: list[ast.stmt], table: dict[str, ast.AST]) -> None:
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            marks = decorators(node)
            if any(
                m.endswith((".setter", ".deleter")) or m in ("overload", "typing.overload")
                for m in marks
            ):
                continue
            table[node.name] = node
        elif isinstance(node, ast.ClassDef):
            table[node.name] = node
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    table[target.id] = node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            if node.value is not None:
                table[node.target.id] = node.value
        elif isinstance(node, (ast.If, ast.Try)):
            _collect(node.body, table)


def decorators(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """The decorators by their dotted source names, arguments left out."""
    if not node.decorator_list:
        return []
    out = []
    for mark in node.decorator_list:
        text = dotted(mark.func if isinstance(mark, ast.Call) else mark)
        out.append(text or "?")
    return out
