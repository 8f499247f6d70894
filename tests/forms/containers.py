"""Sequences and lists of layers, made and run in other words."""

from __future__ import annotations

import ast

from classes import modules
from imports import dotted, imported
from layers import owned
from steps import in_methods
from variant import Form, at, each_statement, expression, form, forms, method, own_attribute, statements


def _sequential(form: Form, text: str, imports: str = "") -> int:
    """``nn.Sequential(a, b)`` in other words; SEQ is the class, A0 ... its layers."""
    names, count = imported(form.tree), 0
    nodes = in_methods(form)

    def change(old: ast.stmt) -> list[ast.stmt]:
        nonlocal count
        if old not in nodes or not isinstance(old, (ast.Assign, ast.Return, ast.Expr)):
            return [old]
        before: list[ast.stmt] = []

        class Calls(ast.NodeTransformer):
            def visit_Call(self, node: ast.Call) -> ast.AST:
                nonlocal count
                self.generic_visit(node)
                if dotted(node.func, names) != "torch.nn.Sequential" or not node.args:
                    return node
                if any(isinstance(a, ast.Starred) for a in node.args):
                    return node
                if len(node.args) == 1 and not isinstance(node.args[0], ast.Call):
                    return node
                if isinstance(node.args[0], ast.Call) and "OrderedDict" in ast.unparse(node.args[0].func):
                    return node
                count += 1
                name = form.fresh("stack")
                head, _, each = text.partition("|")
                each, _, result = each.partition("|")
                parts = {f"A{i}": a for i, a in enumerate(node.args)}
                if head:
                    source = head.format(name=name) + "\n" + "\n".join(
                        each.format(name=name, i=i, layer=f"A{i}") for i in range(len(node.args)))  # fmt: skip
                    before.extend(statements(source, node, SEQ=node.func, **parts))
                    return expression(result.format(name=name), node, SEQ=node.func)
                inner = ", ".join(each.format(i=i, layer=f"A{i}") for i in range(len(node.args)))
                return expression(result.format(inner=inner), node, SEQ=node.func, **parts)

            def visit_ListComp(self, node: ast.AST) -> ast.AST:
                return node

            visit_GeneratorExp = visit_DictComp = visit_Lambda = visit_ListComp

        if old.value is not None:
            old.value = Calls().visit(old.value)
        return [*before, old]

    each_statement(form.tree, change)
    if count and imports:
        form.add_import(imports)
    return count


forms(
    _sequential,
    sequential_of_ordered_dict=(
        "|('layer{i}', {layer})|SEQ(OrderedDict([{inner}]))", "from collections import OrderedDict"
    ),
    sequential_of_star="|{layer}|SEQ(*[{inner}])",
    sequential_of_list="{name} = []|{name}.append({layer})|SEQ(*{name})",
    sequential_of_grown_list="{name} = []|{name} += [{layer}]|SEQ(*{name})",
    sequential_by_add_module="{name} = SEQ()|{name}.add_module('layer{i}', {layer})|{name}",
    sequential_by_append="{name} = SEQ()|{name}.append({layer})|{name}",
    sequential_of_dict=(
        "{name} = OrderedDict()|{name}['layer{i}'] = {layer}|SEQ({name})", "from collections import OrderedDict"
    ),
)


@form
def sequential_by_loop(form: Form) -> int:
    """``for layer in self.net: x = layer(x)`` instead of ``x = self.net(x)``."""
    names, count = imported(form.tree), 0
    sequences = {c: {n for n, k in owned(c, names).items() if k == "torch.nn.Sequential"} for c in modules(form)}
    for cls, own in sequences.items():
        forward = method(cls, "forward")
        if forward is None:
            continue

        def change(old: ast.stmt, own: set[str] = own) -> list[ast.stmt]:
            nonlocal count
            value = getattr(old, "value", None)
            if not isinstance(old, (ast.Assign, ast.Return)) or not isinstance(value, ast.Call):
                return [old]
            name = own_attribute(value.func)
            if name not in own or len(value.args) != 1:
                return [old]
            count += 1
            local, layer = form.fresh("out"), form.fresh("layer")
            text = f"{local} = X\nfor {layer} in self.{name}:\n    {local} = {layer}({local})"
            new = statements(text, old, X=value.args[0])
            old.value = expression(local, old)
            return [*new, old]

        each_statement(forward, change)
    return count


def _loops(form: Form, indexed: bool) -> int:
    """``for layer in self.layers`` by index, or numbered."""
    count = 0
    for node in (n for cls in modules(form) for n in ast.walk(cls)):
        if not isinstance(node, ast.For) or not own_attribute(node.iter) or not isinstance(node.target, ast.Name):
            continue
        index, count = form.fresh("i"), count + 1
        if indexed:
            node.body[:0] = statements(f"{node.target.id} = X[{index}]", node, X=node.iter)
            node.iter = expression("range(len(X))", node, X=node.iter)
            node.target = at(ast.Name(index, ast.Store()), node)
        else:
            node.iter = expression("enumerate(X)", node, X=node.iter)
            pair = ast.Tuple([ast.Name(index, ast.Store()), node.target], ast.Store())
            node.target = at(pair, node)
    return count


forms(_loops, loop_by_index=(True,), loop_by_enumerate=(False,))


@form
def comprehension_by_append(form: Form) -> int:
    """A list comprehension in a constructor as a loop."""
    nodes, count = in_methods(form, "__init__"), 0

    def change(old: ast.stmt) -> list[ast.stmt]:
        nonlocal count
        if old not in nodes or not isinstance(old, ast.Assign):
            return [old]
        before: list[ast.stmt] = []

        class Lists(ast.NodeTransformer):
            def visit_ListComp(self, node: ast.ListComp) -> ast.AST:
                nonlocal count
                one = node.generators[0]
                if len(node.generators) != 1 or one.ifs or not isinstance(one.target, ast.Name):
                    return node
                name, item = form.fresh("items"), form.fresh(one.target.id)
                text = f"{name} = []\nfor {item} in I:\n    {name}.append(E)"
                element = expression("E", node, E=node.elt)
                for n in ast.walk(element):
                    if isinstance(n, ast.Name) and n.id == one.target.id:
                        n.id = item
                before.extend(statements(text, node, I=one.iter, E=element))
                count += 1
                return expression(name, node)

        old.value = Lists().visit(old.value)
        return [*before, old]

    each_statement(form.tree, change)
    return count


@form
def list_literal_by_append(form: Form) -> int:
    """``nn.ModuleList([a, b])`` grown from an empty one."""
    names, count = imported(form.tree), 0
    nodes = in_methods(form, "__init__")

    def change(old: ast.stmt) -> list[ast.stmt]:
        nonlocal count
        value = getattr(old, "value", None)
        if old not in nodes or not isinstance(old, ast.Assign) or not isinstance(value, ast.Call):
            return [old]
        if dotted(value.func, names) not in ("torch.nn.ModuleList", "torch.nn.ParameterList") or len(value.args) != 1:
            return [old]
        given, target = value.args[0], old.targets[0]
        value.args = []
        count += 1
        if isinstance(given, (ast.List, ast.Tuple)) and not any(isinstance(e, ast.Starred) for e in given.elts):
            return [old, *[s for e in given.elts for s in statements("T.append(E)", e, T=_read(target), E=e)]]
        if isinstance(given, (ast.ListComp, ast.GeneratorExp)) and len(given.generators) == 1 and not given.generators[0].ifs:
            one = given.generators[0]
            new = statements("for V in I:\n    T.append(E)", given, V=one.target, I=one.iter, T=_read(target), E=given.elt)
            return [old, *new]
        value.args = [given]
        count -= 1
        return [old]

    each_statement(form.tree, change)
    return count


def _read(target: ast.expr) -> ast.expr:
    return ast.parse(ast.unparse(target), mode="eval").body
