"""Sizes that nobody means to be one, whoever builds the class: a number of classes and a width, a
number and a setting whose defaults are all others."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from lint_params.project import Project, SourceFile
from lint_params.shape.runs.arguments import parameters
from lint_params.shape.runs.uses import beside
from lint_params.shape.sizes.dim import Poly, Size
from lint_params.shape.value import only_symbol
from lint_params.trees import last_name, walk

#: Numbers of channels that pictures have: what takes an argument of them is often meant for these.
PICTURES = 4
#: How many things there are to tell apart, which is no width.
_KINDS = re.compile(r"(^|\.)((num|n|nb)_?(class(es)?|labels|tags)|(n_)?vocab(ulary)?(_?size)?)$")
#: Widths of the features inside a net; those of another net, or of what it gives, may count classes.
_WIDTHS = re.compile(
    r"(^|\.)(?!out|target|teacher)(\w*_)?(dim|width|channels|features|hidden|hidden_size|hidden_dim|planes|d_model"
    r"|dim_(hidden|reduced|inner|model))$"
)


def is_configured_otherwise(project: Project | None, file: SourceFile, one: Size, other: Size) -> bool | None:
    """Whether a number stands where a setting of a configuration should, whose defaults in sight are
    all others: whoever builds the class hands over such a configuration. None where there is no
    such number or no default in sight."""
    for number, size in ((one, other), (other, one)):
        symbol = only_symbol(size)
        if isinstance(number, int) and number > PICTURES and symbol is not None and symbol.name.count(".") == 1:
            name = symbol.name.partition(".")[2]
            users = beside(project, file, name) if project is not None and name.isidentifier() else ()
            defaults = {n for user in (file, *users) if user is not None for n in _defaults(user.tree, name)}
            return number not in defaults if defaults else None
    return None


def _defaults(tree: ast.Module, name: str) -> Iterator[int]:
    """The numbers that the fields, arguments, keywords and options of a name are set to in a file."""
    for node in walk(tree):
        pairs: list[tuple[str, ast.expr | None]] = []
        if isinstance(node, ast.arguments):
            pairs = [(arg.arg, default) for arg, default in parameters(node)]
        elif isinstance(node, ast.AnnAssign):
            pairs = [(last_name(node.target), node.value)]
        elif isinstance(node, ast.Assign):
            pairs = [(last_name(target), node.value) for target in node.targets]
        elif isinstance(node, ast.keyword):
            pairs = [(node.arg or "", node.value)]
        elif isinstance(node, ast.Dict):
            pairs = [(key.value, value) for key, value in zip(node.keys, node.values)
                     if isinstance(key, ast.Constant) and isinstance(key.value, str)]  # fmt: skip
        elif isinstance(node, ast.Call) and any(_is_option(arg, name) for arg in node.args):
            pairs = [(name, node)]  # add_argument("--hidden-size", default=768)
        values = (value for key, value in pairs if key == name and value is not None)
        numbers = (part.value for value in values for part in walk(value) if isinstance(part, ast.Constant))
        yield from (number for number in numbers if type(number) is int)


def _is_option(node: ast.expr, name: str) -> bool:
    text = node.value if isinstance(node, ast.Constant) else None
    return isinstance(text, str) and text.strip("-").replace("-", "_") == name


def are_unlike(one: Size, other: Size) -> bool:
    """Whether one size is a number of classes, as its name says, and the other a width."""

    def named(size: Size, words: re.Pattern[str]) -> bool:
        return isinstance(size, Poly) and all(words.search(getattr(atom, "name", "")) for atom in size.deep)

    return named(one, _KINDS) and named(other, _WIDTHS) or named(one, _WIDTHS) and named(other, _KINDS)
