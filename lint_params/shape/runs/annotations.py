"""What an annotation says, read as a tree."""

from __future__ import annotations

import ast

from lint_params.trees import is_none


def without_none(annotation: ast.expr | None) -> ast.expr | None:
    """``Optional[int]`` and ``int | None`` without the None."""
    if isinstance(annotation, ast.Subscript) and last(annotation.value) == "Optional":
        return annotation.slice
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        for side, other in (
            (annotation.left, annotation.right),
            (annotation.right, annotation.left),
        ):
            if is_none(other):
                return side
    return annotation


def last(node: ast.expr) -> str:
    return (
        node.attr
        if isinstance(node, ast.Attribute)
        else node.id
        if isinstance(node, ast.Name)
        else ""
    )


def text_annotation(annotation: ast.expr | None) -> ast.expr | None:
    """An annotation in quotes, parsed."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            return ast.parse(annotation.value, mode="eval").body
        except SyntaxError:
            return None
    return annotation
