"""How many parameters a module has, as a polynomial over its arguments."""

from __future__ import annotations

from lint_params.shape.context import Context
from lint_params.shape.dim import Size, Symbol, add, product, substitute
from lint_params.shape.value import Instance, Layer, Tensor, Value


def parameter_count(ctx: Context, value: Value, seen: set[int]) -> Size:
    """The number of trainable and frozen parameters that a module registers."""
    if id(value) in seen:
        return 0
    seen.add(id(value))
    total: Size = 0
    if isinstance(value, Layer):
        shapes = value.spec.params(ctx, value.args) if value.spec.params is not None else {}
        for dims in shapes.values():
            if dims is not None:
                total = add(total, product([ctx.resolve(d) for d in dims]))
        for child in (value.items or {}).values():
            total = add(total, parameter_count(ctx, child, seen))
    elif isinstance(value, Instance):
        for child in [*value.attrs.values(), *(value.items or {}).values()]:
            if isinstance(child, Tensor) and child.param is not None and not child.shape.lead:
                if id(child.shape) not in seen:
                    seen.add(id(child.shape))
                    total = add(total, product([ctx.resolve(d) for d in child.shape.dims]))
            elif isinstance(child, (Layer, Instance)):
                total = add(total, parameter_count(ctx, child, seen))
    return total


def at_defaults(total: Size) -> int | None:
    if isinstance(total, int):
        return total
    value = substitute(total, lambda atom: atom.default if isinstance(atom, Symbol) else None)
    return value if isinstance(value, int) else None
