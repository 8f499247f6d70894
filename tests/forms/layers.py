"""How layers are registered, held and called."""

from __future__ import annotations

import ast

from classes import modules
from imports import dotted, imported
from steps import in_methods
from variant import Form, each_statement, expression, form, forms, method, own_attribute, statements

_NO_LAYERS = ("Parameter", "Buffer")


def is_layer(full: str) -> bool:
    return full.startswith("torch.nn.") and not full.endswith(_NO_LAYERS)


def _registered(form: Form, text: str, wanted: str = "layer container", imports: str = "") -> int:
    """``self.name = nn.X(...)`` in constructors in other words."""
    names, count = imported(form.tree), 0
    nodes = in_methods(form, "__init__")

    def change(old: ast.stmt) -> list[ast.stmt]:
        nonlocal count
        if old not in nodes or not isinstance(old, ast.Assign) or len(old.targets) != 1:
            return [old]
        name = own_attribute(old.targets[0])
        full = dotted(old.value.func, names) if isinstance(old.value, ast.Call) else ""
        kind = "parameter" if full == "torch.nn.Parameter" else "layer" if is_layer(full) else ""
        kind = "container" if full.endswith(("List", "Dict")) else kind
        if not name or kind not in wanted.split():
            return [old]
        count += 1
        return statements(text.format(name=name), old, X=old.value)

    each_statement(form.tree, change)
    if count and imports:
        form.add_import(imports)
    return count


forms(
    _registered,
    layers_by_setattr="setattr(self, {name!r}, X)",
    layers_by_add_module="self.add_module({name!r}, X)",
    layers_by_register_module="self.register_module({name!r}, X)",
    layers_by_local="{name}_made = X\nself.{name} = {name}_made",
    layers_by_double_target="self.{name} = {name}_made = X",
    layers_by_walrus="self.{name} = ({name}_made := X)",
    layers_by_pair="(self.{name}, {name}_other) = (X, None)",
    layers_behind_identity=("self.{name} = torch.nn.Sequential(X)", "layer", "import torch.nn"),
    layers_in_branches="if id(self) % 2:\n    self.{name} = X\nelse:\n    self.{name} = X",
    layers_not_none="self.{name} = None\nif self.{name} is None:\n    self.{name} = X",
    parameters_by_register=("self.register_parameter({name!r}, X)", "parameter"),
    parameters_by_local=("{name}_made = X\nself.{name} = {name}_made", "parameter"),
    parameters_by_setattr=("setattr(self, {name!r}, X)", "parameter"),
)


@form
def parameter_data_by_local(form: Form) -> int:
    """``data = torch.zeros(...)`` above ``nn.Parameter(data)``."""
    names, count = imported(form.tree), 0
    nodes = in_methods(form)

    def change(old: ast.stmt) -> list[ast.stmt]:
        nonlocal count
        value = getattr(old, "value", None)
        if old not in nodes or not isinstance(value, ast.Call) or dotted(value.func, names) != "torch.nn.Parameter":
            return [old]
        if not value.args or not isinstance(value.args[0], ast.Call):
            return [old]
        name = form.fresh("data_of")
        before = statements(f"{name} = X", value.args[0], X=value.args[0])
        value.args[0] = expression(name, value.args[0])
        count += 1
        return [*before, old]

    each_statement(form.tree, change)
    return count


def owned(cls: ast.ClassDef, names: dict[str, str]) -> dict[str, str]:
    """Names of layers that the constructor makes, to their kinds."""
    init = method(cls, "__init__")
    return {own_attribute(s.targets[0]): dotted(s.value.func, names) for s in ast.walk(init or ast.Module([], []))
            if isinstance(s, ast.Assign) and isinstance(s.value, ast.Call) and own_attribute(s.targets[0])}  # fmt: skip


def _called(form: Form, text: str, *kinds: str) -> int:
    """``self.fc(x)`` in other words."""
    names, count = imported(form.tree), 0
    for cls in modules(form):
        own = {n for n, k in owned(cls, names).items() if is_layer(k) and (not kinds or k in kinds)}

        class Calls(ast.NodeTransformer):
            def visit_Call(self, node: ast.Call) -> ast.AST:
                nonlocal count
                self.generic_visit(node)
                name = own_attribute(node.func)
                if name not in own or (kinds and (len(node.args) != 1 or node.keywords)):  # noqa: B023
                    return node
                count += 1
                if "INPUT" in text:
                    return expression(text.format(name=name), node, INPUT=node.args[0])
                node.func = expression(text.format(name=name), node)
                return node

        for function in cls.body:
            if isinstance(function, ast.FunctionDef) and function.name != "__init__":
                Calls().visit(function)
    if count and "INPUT" in text:
        form.add_import("import torch")
    return count


forms(
    _called,
    layer_by_forward="self.{name}.forward",
    layer_by_call="self.{name}.__call__",
    layer_by_getattr="getattr(self, '{name}')",
    layer_by_modules="self._modules['{name}']",
    layer_by_get_submodule="self.get_submodule('{name}')",
    linear_by_function=("torch.nn.functional.linear(INPUT, self.{name}.weight, self.{name}.bias)", "torch.nn.Linear"),
)


@form
def layer_in_local(form: Form) -> int:
    """``fc = self.fc`` at the start of forward."""
    names, count = imported(form.tree), 0
    for cls in modules(form):
        own, forward = owned(cls, names), method(cls, "forward")
        if forward is None:
            continue
        used = {}
        for node in ast.walk(forward):
            if isinstance(node, ast.Call) and own_attribute(node.func) in own:
                name = own_attribute(node.func)
                node.func = expression(used.setdefault(name, form.fresh(name + "_layer")), node)
        forward.body[:0] = [s for name, local in used.items() for s in statements(f"{local} = self.{name}", forward)]
        count += len(used)
    return count


def _held(form: Form, make: str, put: str, use: str) -> int:
    """Layers in one container instead of attributes."""
    names, count = imported(form.tree), 0
    for cls in modules(form):
        init = method(cls, "__init__")
        writes = [own_attribute(n) for n in ast.walk(form.tree) if isinstance(getattr(n, "ctx", None), ast.Store)]
        held = [n for n, k in owned(cls, names).items() if is_layer(k) and writes.count(n) == 1]
        if init is None or not held:
            continue
        holder, order = form.fresh("held"), {n: i for i, n in enumerate(held)}

        class Reads(ast.NodeTransformer):
            def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
                self.generic_visit(node)
                name = own_attribute(node)
                if name in order and isinstance(node.ctx, ast.Load):  # noqa: B023
                    return expression(use.format(holder=holder, name=name, place=order[name]), node)  # noqa: B023
                return node

        Reads().visit(cls)
        new = []
        for old in init.body:
            name = own_attribute(old.targets[0]) if isinstance(old, ast.Assign) and len(old.targets) == 1 else ""
            if name in order:
                if order[name] == 0:
                    new += statements(make.format(holder=holder), old)
                new += statements(put.format(holder=holder, name=name), old, X=old.value)
                count += 1
            else:
                new.append(old)
        init.body = new
    if count:
        form.add_import("import torch.nn")
    return count


forms(
    _held,
    layers_in_module_dict=(
        "self.{holder} = torch.nn.ModuleDict()", "self.{holder}['{name}'] = X", "self.{holder}['{name}']"
    ),
    layers_in_module_list=(
        "self.{holder} = torch.nn.ModuleList()", "self.{holder}.append(X)", "self.{holder}[{place}]"
    ),
    layers_in_holder=("self.{holder} = torch.nn.Module()", "self.{holder}.{name} = X", "self.{holder}.{name}"),
)
