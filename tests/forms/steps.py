"""Values by names in between, and without them."""

from __future__ import annotations

import ast

from classes import modules
from variant import Form, each_statement, expression, form, forms, method, names_in, statements

_SIMPLE = (ast.Assign, ast.AugAssign, ast.Return, ast.Expr, ast.AnnAssign)
_LAZY = (ast.Lambda, ast.IfExp, ast.BoolOp, ast.ListComp, ast.GeneratorExp, ast.DictComp, ast.SetComp,
         ast.NamedExpr, ast.Yield, ast.YieldFrom, ast.Await, ast.JoinedStr, ast.Starred)  # fmt: skip


def in_methods(form: Form, *only: str) -> set[ast.stmt]:
    """Statements of methods of Modules (all, or of these names), without nested functions."""
    found: set[ast.stmt] = set()
    for cls in modules(form):
        for function in cls.body:
            if isinstance(function, ast.FunctionDef) and (not only or function.name in only):
                inner = {s for f in ast.walk(function) if f is not function and isinstance(f, ast.FunctionDef)
                         for s in ast.walk(f)}  # fmt: skip
                found |= {s for s in ast.walk(function) if isinstance(s, ast.stmt)} - inner - {function}
    return found


def outside(form: Form) -> set[ast.stmt]:
    """Statements of the module and of its functions, none of classes."""
    inside = {s for c in form.classes for s in ast.walk(c)}
    return {s for s in ast.walk(form.tree) if isinstance(s, ast.stmt)} - inside


def hoisted(form: Form, nodes: set[ast.stmt], stem: str) -> int:
    """Each call inside of a statement into a statement of its own, in the order of evaluation."""
    count = 0

    def change(old: ast.stmt) -> list[ast.stmt]:
        nonlocal count
        if old not in nodes or not isinstance(old, _SIMPLE) or getattr(old, "value", None) is None:
            return [old]
        if any(isinstance(n, _LAZY) for n in ast.walk(old)) or "super" in names_in(old):
            return [old]
        before: list[ast.stmt] = []

        class Calls(ast.NodeTransformer):
            def visit_Call(self, node: ast.Call) -> ast.AST:
                self.generic_visit(node)
                if node is old.value:
                    return node
                name = form.fresh(stem)
                before.extend(statements(f"{name} = X", node, X=node))
                return expression(name, node)

        Calls().visit(old.value)
        count += len(before)
        return [*before, old]

    each_statement(form.tree, change)
    return count


@form
def calls_in_steps(form: Form) -> int:
    return hoisted(form, in_methods(form, "forward"), "step")


@form
def arguments_in_steps(form: Form) -> int:
    return hoisted(form, in_methods(form, "__init__"), "part")


@form
def script_in_steps(form: Form) -> int:
    return hoisted(form, outside(form), "value")


def _copies(form: Form, text: str, nodes: set[ast.stmt], imports: str = "") -> int:
    count = 0

    def change(old: ast.stmt) -> list[ast.stmt]:
        nonlocal count
        if old in nodes and isinstance(old, ast.Assign) and len(old.targets) == 1:
            count += 1
            return statements(text.format(name=form.fresh("same")), old, X=old.value, Y=old.targets[0])
        if old in nodes and isinstance(old, ast.Return) and old.value is not None:
            count += 1
            return statements(text.replace("Y =", "return").format(name=form.fresh("same")), old, X=old.value)
        return [old]

    each_statement(form.tree, change)
    if count and imports:
        form.add_import(imports)
    return count


def _in_forward(form: Form, text: str) -> int:
    return _copies(form, text, in_methods(form, "forward"))


def _in_class(form: Form, text: str, imports: str = "") -> int:
    return _copies(form, text, in_methods(form), imports)


forms(
    _in_class,
    values_by_a_name="{name} = X\nY = {name}",
    values_by_annotated_name=("{name}: Any = X\nY = {name}", "from typing import Any"),
    values_by_cast=("Y = cast(object, X)", "from typing import cast"),
)
forms(
    _in_forward,
    values_out_of_a_tuple="{name} = (X, None)\nY = {name}[0]",
    values_out_of_a_list="{name} = []\n{name}.append(X)\nY = {name}[-1]",
    values_out_of_a_dict="{name} = {{'value': X}}\nY = {name}['value']",
)


@form
def script_values_by_a_name(form: Form) -> int:
    return _copies(form, "{name} = X\nY = {name}", outside(form))


@form
def values_by_identity(form: Form) -> int:
    """Through a function of the module that gives back what it gets."""
    name = form.fresh("same_as")
    count = _copies(form, f"Y = {name}(X)", in_methods(form, "forward"))
    if count:
        form.add_constant(f"def {name}(value):\n    return value", form.tree)
    return count


@form
def chained(form: Form) -> int:
    """``x = f(x); x = g(x)`` as ``x = g(f(x))``."""
    nodes, count = in_methods(form, "forward"), 0
    for function in [m for c in modules(form) if (m := method(c, "forward")) is not None]:
        body = function.body
        place = 0
        while place + 1 < len(body):
            first, second = body[place], body[place + 1]
            value = getattr(second, "value", None)
            if (
                first in nodes and isinstance(first, ast.Assign) and len(first.targets) == 1
                and isinstance(first.targets[0], ast.Name) and isinstance(second, (ast.Assign, ast.Return))
                and value is not None and not any(isinstance(n, _LAZY) for n in ast.walk(second))
            ):  # fmt: skip
                name = first.targets[0].id
                reads = [n for n in ast.walk(value) if isinstance(n, ast.Name) and n.id == name]
                again = isinstance(second, ast.Return) or (
                    len(second.targets) == 1 and isinstance(second.targets[0], ast.Name)
                    and second.targets[0].id == name
                )  # fmt: skip
                if len(reads) == 1 and again:
                    parts = {name: first.value}

                    class Put(ast.NodeTransformer):
                        def visit_Name(self, node: ast.Name) -> ast.AST:
                            return parts.get(node.id, node) if isinstance(node.ctx, ast.Load) else node  # noqa: B023

                    second.value = Put().visit(value)
                    nodes.add(second)
                    del body[place]
                    count += 1
                    continue
            place += 1
    return count
