"""How many parameters a module has, as a polynomial over its arguments."""

from __future__ import annotations

from dataclasses import dataclass

from lint_params.shape.context import Context
from lint_params.shape.sizes.dim import Poly, Size, Symbol, add, product, substitute
from lint_params.shape.value import Choice, Instance, Layer, Tensor, Unknown, Value


@dataclass(frozen=True)
class Count:
    """A number of parameters; not ``exact`` where something that may hold more is not known."""

    size: Size
    exact: bool = True

    def __add__(self, other: Count) -> Count:
        return Count(add(self.size, other.size), self.exact and other.exact)

    def __str__(self) -> str:
        return str(self.size) if self.exact else f"at least {self.size}"

    @property
    def at_defaults(self) -> int | None:
        """The number where every argument in it has a default and takes it."""
        size: Size | None = self.size
        if isinstance(size, Poly):
            size = substitute(size, lambda a: a.default if isinstance(a, Symbol) else None)
        return size if isinstance(size, int) and self.exact else None


def parameter_count(ctx: Context, value: Value, seen: set[int]) -> Count:
    """The number of trainable and frozen parameters that a module registers, each counted once."""
    if id(value) in seen:
        return Count(0)
    seen.add(id(value))
    if isinstance(value, Tensor):
        if value.param is None or id(value.shape) in seen:
            return Count(0)
        seen.add(id(value.shape))
        if value.shape.lead:
            return Count(0, exact=False)
        return Count(product([ctx.resolve(d) for d in value.shape.dims]))
    total = Count(0)
    if isinstance(value, Layer):
        shapes = value.spec.params(ctx, value.args) if value.spec.params is not None else {}
        for dims in shapes.values():
            if dims is not None:
                total += Count(product([ctx.resolve(d) for d in dims]))
    if isinstance(value, (Layer, Instance)):
        held = value.attrs if isinstance(value, Instance) else {}
        for child in [*held.values(), *(value.items or {}).values()]:
            total += parameter_count(ctx, child, seen)
    elif isinstance(value, Choice):
        # One of them is built: their number is known only where it is the same.
        counts = [parameter_count(ctx, option, set(seen)) for option in value.options]
        return counts[0] if all(c == counts[0] for c in counts) else Count(0, exact=False)
    elif isinstance(value, Unknown):
        return Count(0, exact=False)
    return total
