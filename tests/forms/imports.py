"""Torch by other names."""

from __future__ import annotations

import ast
from collections.abc import Callable

from variant import Form, at, expression, form

_BOUND = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def imported(tree: ast.Module) -> dict[str, str]:
    """Names bound by imports of the module and by nothing else, to dotted names."""
    found: dict[str, str] = {}
    inner = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                short = alias.asname or alias.name.split(".")[0]
                found[short] = alias.name if alias.asname else short
                if node not in tree.body:
                    inner.add(short)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                if node not in tree.body:
                    inner.add(alias.asname or alias.name)
    bound = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
    bound |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    bound |= {n.name for n in ast.walk(tree) if isinstance(n, _BOUND)}
    return {name: full for name, full in found.items() if name not in bound | inner}


def dotted(node: ast.AST, names: dict[str, str]) -> str:
    """The full name of what an expression names through imports."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return ""
    full = ".".join([names[node.id], *reversed(parts)])
    return full.replace("torch.nn.modules.", "torch.nn.").replace("torch.nn.parameter.", "torch.nn.")


class _Renamed(ast.NodeTransformer):
    def __init__(self, form: Form, new: Callable[[str], str]) -> None:
        self.names, self.new, self.count = imported(form.tree), new, 0

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        return self._visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self._visit(node)

    def _visit(self, node: ast.expr) -> ast.AST:
        if isinstance(getattr(node, "ctx", None), ast.Load):
            full = dotted(node, self.names)
            text = self.new(full) if full else ""
            if text:
                self.count += 1
                return at(ast.parse(text, mode="eval").body, node)
        return self.generic_visit(node)


def renamed(form: Form, new: Callable[[str], str]) -> int:
    visitor = _Renamed(form, new)
    visitor.visit(form.tree)
    return visitor.count


def _below(full: str, prefix: str) -> str:
    rest = full[len(prefix) :]
    return rest if full.startswith(prefix) and rest.isidentifier() else ""


def is_layer(full: str) -> bool:
    return full.startswith("torch.nn.") and full.count(".") == 2 and full[9].isupper()


def _prefix(form: Form, full: str, short: str, line: str) -> int:
    """What is below a module, by another name of the module."""
    name = form.fresh(short)

    def new(found: str) -> str:
        rest = _below(found, full + ".")
        return f"{name}.{rest}" if rest and not found.endswith(".nn") else ""

    count = renamed(form, new)
    if count:
        form.add_import(line.replace("NAME", name))
    return count


@form
def torch_as_th(form: Form) -> int:
    return _prefix(form, "torch", "th", "import torch as NAME")


@form
def nn_by_import_as(form: Form) -> int:
    return _prefix(form, "torch.nn", "tnn", "import torch.nn as NAME")


@form
def nn_from_torch(form: Form) -> int:
    return _prefix(form, "torch.nn", "N", "from torch import nn as NAME")


@form
def functional_by_other_name(form: Form) -> int:
    return _prefix(form, "torch.nn.functional", "fun", "from torch.nn import functional as NAME")


@form
def nn_written_out(form: Form) -> int:
    count = renamed(form, lambda full: full if is_layer(full) else "")
    if count and "torch" not in imported(form.tree):
        form.add_import("import torch")
    return count


@form
def modules_by_submodule(form: Form) -> int:
    """``torch.nn.parameter.Parameter`` and ``nn.modules.Linear``."""

    def new(full: str) -> str:
        if full == "torch.nn.Parameter":
            return "torch.nn.parameter.Parameter"
        if is_layer(full) and "Parameter" not in full and not full.endswith("Buffer"):
            return full.replace("torch.nn.", "torch.nn.modules.")
        return ""

    count = renamed(form, new)
    if count and "torch" not in imported(form.tree):
        form.add_import("import torch")
    return count


def _each(form: Form, wanted: Callable[[str], bool], line: str, place: str = "import") -> int:
    """Each name by a name of its own."""
    made: dict[str, str] = {}

    def new(full: str) -> str:
        if not wanted(full):
            return ""
        if full not in made:
            made[full] = form.fresh("My" + full.rpartition(".")[2])
        return made[full]

    count = renamed(form, new)
    for full, name in sorted(made.items()):
        module, _, last = full.rpartition(".")
        text = line.format(module=module, last=last, name=name, full=full)
        if place == "import":
            form.add_import(text)
        else:
            form.add_constant(text, form.tree)
    if place != "import" and count and "torch" not in imported(form.tree):
        form.add_import("import torch")
    return count


@form
def layers_by_own_names(form: Form) -> int:
    return _each(form, is_layer, "from {module} import {last} as {name}")


@form
def functions_by_own_names(form: Form) -> int:
    def wanted(full: str) -> bool:
        return bool(_below(full, "torch.nn.functional.") or _below(full, "torch.")) and full not in (
            "torch.nn", "torch.optim", "torch.utils", "torch.Tensor", "torch.jit", "torch.distributed"
        )  # fmt: skip

    return _each(form, wanted, "from {module} import {last} as {name}")


@form
def layers_assigned_to_names(form: Form) -> int:
    return _each(form, is_layer, "{name} = {full}", "constant")


@form
def layers_by_star(form: Form) -> int:
    """``from torch.nn import *``, where the file has no such names itself."""

    def new(full: str) -> str:
        last = full.rpartition(".")[2]
        return last if is_layer(full) and last not in form.taken - attributes else ""

    attributes = {n.attr for n in ast.walk(form.tree) if isinstance(n, ast.Attribute)}
    count = renamed(form, new)
    if count:
        form.add_import("from torch.nn import *")
    return count


@form
def imported_where_used(form: Form) -> int:
    """Imports inside of each method."""
    names = imported(form.tree)
    count = 0
    for function in form.functions:
        used = {n.id for n in ast.walk(ast.Module(function.body, [])) if isinstance(n, ast.Name)} & set(names)
        lines = [f"from {names[n].rpartition('.')[0]} import {names[n].rpartition('.')[2]} as {n}"
                 if "." in names[n] else f"import {names[n]} as {n}" for n in sorted(used)]  # fmt: skip
        inner = any(isinstance(n, (ast.FunctionDef, ast.Lambda)) for s in function.body for n in ast.walk(s))
        if lines and not inner:
            function.body[:0] = [at(s, function.body[0]) for s in ast.parse("\n".join(lines)).body]
            count += 1
    return count


@form
def imports_that_may_fail(form: Form) -> int:
    count = 0
    for place, node in enumerate(form.tree.body):
        if isinstance(node, (ast.Import, ast.ImportFrom)) and getattr(node, "module", "") != "__future__":
            name = (node.names[0].asname or node.names[0].name).split(".")[0]
            if name == "*":
                continue
            wrapped = ast.parse(f"try:\n    pass\nexcept ImportError:\n    {name} = None").body[0]
            assert isinstance(wrapped, ast.Try)
            at(wrapped, node)
            wrapped.body = [node]
            form.tree.body[place] = wrapped
            count += 1
    return count


@form
def torch_by_import_module(form: Form) -> int:
    """``nn = torch.nn`` after ``import torch``."""
    name = form.fresh("layers")

    def new(full: str) -> str:
        return f"{name}.{full[9:]}" if is_layer(full) else ""

    count = renamed(form, new)
    if count:
        form.add_constant(f"{name} = torch.nn", form.tree)
        if "torch" not in imported(form.tree):
            form.add_import("import torch")
    return count


__all__ = ["dotted", "expression", "imported", "is_layer"]
