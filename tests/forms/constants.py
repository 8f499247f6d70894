"""Whole numbers that come out of the module, the class or the constructor's arguments."""

from __future__ import annotations

import ast

from values import Place, swapped
from variant import Form, at, expression, forms, method, statements


def _constants(form: Form, before: str, each: str, after: str, use: str, imports: str = "") -> int:
    """All values in one place of the module."""
    holder, kind = form.fresh("CONFIG"), form.fresh("Config")
    values: dict[int, str] = {}

    def make(node: ast.Constant, place: Place) -> ast.expr:
        key = values.setdefault(int(node.value), f"n_{node.value}")
        return expression(use.format(holder=holder, kind=kind, key=key), node)

    count = swapped(form, make)
    if count:
        lines = [each.format(key=k, n=n, holder=holder, kind=kind) for n, k in values.items()]
        whole = before + "".join(lines) + after
        form.add_constant(whole.replace("HOLDER", holder).replace("KIND", kind), form.tree)
        if imports:
            form.add_import(imports)
    return count


forms(
    _constants,
    number_in_constant=("", "{holder}_{key} = {n}\n", "", "{holder}_{key}"),
    number_in_module_dict=("HOLDER = {", "'{key}': {n}, ", "}", "{holder}['{key}']"),
    number_by_get=("HOLDER = {", "'{key}': {n}, ", "}", "{holder}.get('{key}', 3)"),
    number_in_dataclass=(
        "@dataclass\nclass KIND:\n", "    {key}: int = {n}\n", "HOLDER = KIND()", "{holder}.{key}",
        "from dataclasses import dataclass",
    ),
    number_in_namespace=(
        "HOLDER = SimpleNamespace(", "{key}={n}, ", ")", "{holder}.{key}", "from types import SimpleNamespace"
    ),
    number_in_namedtuple=(
        "class KIND(NamedTuple):\n", "    {key}: int = {n}\n", "HOLDER = KIND()", "{holder}.{key}",
        "from typing import NamedTuple",
    ),
    number_in_class_of_constants=("class KIND:\n", "    {key} = {n}\n", "", "{kind}.{key}"),
    number_in_enum=("class KIND(enum.IntEnum):\n", "    {key} = {n}\n", "", "{kind}.{key}.value", "import enum"),
    number_by_argparse=(
        "HOLDER_p = argparse.ArgumentParser()\n",
        "{holder}_p.add_argument('--{key}', type=int, default={n})\n",
        "HOLDER = HOLDER_p.parse_args([])", "{holder}.{key}", "import argparse",
    ),
)  # fmt: skip


def _in_class(form: Form, text: str, use: str) -> int:
    """Values in the body of the class, where self shows them."""
    added: dict[ast.ClassDef, dict[int, str]] = {}

    def make(node: ast.Constant, place: Place) -> ast.expr | None:
        if not place.is_method or place.cls is None:
            return None
        own = added.setdefault(place.cls, {})
        key = own.setdefault(int(node.value), f"n_{node.value}")
        return expression(use.format(key=key, cls=place.cls.name), node)

    count = swapped(form, make)
    for cls, values in added.items():
        for n, key in values.items():
            new = ast.parse(text.format(key=key, n=n)).body
            cls.body[:0] = [at(node, cls) for node in new]
    return count


forms(
    _in_class,
    number_in_class_attribute=("{key} = {n}", "self.{key}"),
    number_by_class_name=("{key} = {n}", "{cls}.{key}"),
    number_by_property=("@property\ndef {key}(self):\n    return {n}", "self.{key}"),
    number_by_method=("def {key}(self):\n    return {n}", "self.{key}()"),
    number_by_static_method=("@staticmethod\ndef {key}():\n    return {n}", "self.{key}()"),
)


def _in_constructor(form: Form, keyword_only: bool, kept: bool) -> int:
    """Values as defaults of constructor arguments, kept on self for the other methods."""
    added: dict[ast.ClassDef, dict[int, str]] = {}

    def make(node: ast.Constant, place: Place) -> ast.expr | None:
        init = method(place.cls, "__init__") if place.cls is not None else None
        if init is None or place.cls is None or not place.is_method or init.args.kwarg or init.args.vararg:
            return None
        if place.function is not init and not kept:
            return None
        own = added.setdefault(place.cls, {})
        key = own.setdefault(int(node.value), f"n_{node.value}")
        return expression(key if place.function is init else f"self.{key}", node)

    count = swapped(form, make)
    for cls, values in added.items():
        init = method(cls, "__init__")
        assert init is not None
        for n, key in values.items():
            new, default = ast.arg(key), ast.Constant(n)
            at(new, init), at(default, init)
            if keyword_only:
                init.args.kwonlyargs.append(new)
                init.args.kw_defaults.append(default)
            elif init.args.kwonlyargs:
                return 0
            else:
                init.args.args.append(new)
                init.args.defaults.append(default)
        if kept:
            for key in values.values():
                init.body.append(statements(f"self.{key} = {key}", init)[0])
    return count


forms(_in_constructor, number_in_default=(False, False), number_in_keyword_default_kept=(True, True))
