"""Whole numbers that come another way."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field

from variant import Form, Function, at, each_statement, expression, form, forms, statements


@dataclass
class Place:
    """Where a literal stands: its function, its class, and what is to be put before."""

    function: Function
    cls: ast.ClassDef | None
    before: list[ast.stmt] = field(default_factory=list)

    @property
    def is_method(self) -> bool:
        arguments = self.function.args.posonlyargs + self.function.args.args
        return self.cls is not None and bool(arguments) and arguments[0].arg == "self"


Make = Callable[[ast.Constant, Place], "ast.expr | None"]


class _Swap(ast.NodeTransformer):
    """Whole numbers from two upwards among the arguments of calls."""

    def __init__(self, place: Place, make: Make) -> None:
        self.place, self.make, self.depth, self.count = place, make, 0, 0

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.depth += 1
        node.args = [self.visit(a) for a in node.args]
        node.keywords = [self.visit(k) for k in node.keywords]
        self.depth -= 1
        node.func = self.visit(node.func)
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return node

    visit_JoinedStr = visit_ListComp = visit_GeneratorExp = visit_DictComp = visit_Lambda
    visit_FunctionDef = visit_ClassDef = visit_Lambda

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if not self.depth or type(node.value) is not int or node.value < 2:
            return node
        new = self.make(node, self.place)
        if new is None:
            return node
        self.count += 1
        return at(new, node)


def swapped(form: Form, make: Make) -> int:
    """Replace the literals of each function, block by block."""
    owners = {f: c for c in form.classes for f in c.body if isinstance(f, ast.FunctionDef)}
    count = 0
    for function in form.functions:
        inner = {s for f in form.functions if f is not function and f in set(ast.walk(function))
                 for s in ast.walk(f)}  # fmt: skip

        def change(old: ast.stmt, function: Function = function, inner: set[ast.AST] = inner) -> list[ast.stmt]:
            nonlocal count
            if old in inner or old is function:
                return [old]
            place = Place(function, owners.get(function))
            swap = _Swap(place, make)
            for name, value in ast.iter_fields(old):
                if isinstance(value, ast.expr):
                    setattr(old, name, swap.visit(value))
            for item in getattr(old, "items", []):
                item.context_expr = swap.visit(item.context_expr)
            count += swap.count
            return [*place.before, old]

        each_statement(function, change)
    return count


def _simple(name: str, text: str) -> None:
    """A form that puts an expression of the same value in place; N is the value."""

    def rewrite(form: Form) -> int:
        def make(node: ast.Constant, place: Place) -> ast.expr:
            n = int(node.value)
            half = f"{n // 2} * 2" if n % 2 == 0 else f"{n // 2} * 2 + 1"
            return expression(text.format(n=n, half=half), node)

        return swapped(form, make)

    rewrite.__name__ = name
    globals()[name] = form(rewrite)


for _name, _text in {
    "number_by_halves": "{half}",
    "number_times_and_divided": "{n} * 3 // 3",
    "number_if_true": "({n} if True else 1)",
    "number_by_int": "int({n})",
    "number_by_int_of_float": "int({n} * 1.0)",
    "number_by_max": "max({n}, 1)",
    "number_by_sum": "sum([{n} - 1, 1])",
    "number_by_len": "len(range({n}))",
    "number_of_a_tuple": "({n}, 7)[0]",
    "number_of_a_dict": "{{'size': {n}}}['size']",
    "number_by_or": "({n} or 1)",
}.items():
    _simple(_name, _text)


@form
def number_by_walrus(form: Form) -> int:
    def make(node: ast.Constant, place: Place) -> ast.expr:
        return expression(f"({form.fresh('size')} := {node.value})", node)

    return swapped(form, make)


def _above(form: Form, written: str, read: str) -> int:
    """Statements above give the number to new names, of which one is read."""

    def make(node: ast.Constant, place: Place) -> ast.expr:
        names = {stem: form.fresh(stem) for stem in ("size", "other") if f"{{{stem}}}" in written}
        place.before += statements(written.format(n=node.value, **names), node)
        return expression(read.format(**names), node)

    return swapped(form, make)


forms(
    _above,
    number_in_local=("{size} = {n}", "{size}"),
    number_in_annotated_local=("{size}: int = {n}", "{size}"),
    number_by_unpacking=("({size}, {other}) = ({n}, 5)", "{size}"),
    number_in_two_steps=("{size} = {n}\n{other} = {size}", "{other}"),
    number_that_grows=("{size} = 1\n{size} += {n} - 1", "{size}"),
    number_in_config_dict_local=("{size} = dict(size={n})", "{size}['size']"),
)
