"""Values as a reader knows them."""

from __future__ import annotations

from lint_params.shape.value import Choice, Seq, Tensor, Unknown, Value


def shown(value: Value) -> str:
    """A value as a reader knows it: shapes in brackets, tuples of them in parentheses."""
    if isinstance(value, Tensor):
        return str(value.shape)
    if isinstance(value, Seq):
        return f"({', '.join(shown(item) for item in value.items)})"
    if isinstance(value, Choice):
        return " or ".join(shown(option) for option in value.options)
    if isinstance(value, Unknown):
        return f"unknown ({value.why})"
    return (
        str(value)
        if isinstance(value, (int, float, str, bool, type(None)))
        else type(value).__name__
    )
