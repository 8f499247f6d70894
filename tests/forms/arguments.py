"""Arguments in other words: by keyword, by position, unpacked, bound before."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable

from imports import dotted, imported, is_layer
from variant import Form, at, each_statement, expression, form, method, statements


def signature(form: Form, node: ast.Call, names: dict[str, str]) -> list[str] | None:
    """The names of what may be given by position: of torch's layers, and of the file's own."""
    full = dotted(node.func, names)
    if is_layer(full) or full.startswith("torch.nn.functional."):
        import torch

        try:
            found = eval(full, {"torch": torch})
            given = inspect.signature(found).parameters.values()
        except (AttributeError, ValueError, TypeError):
            return None
        return None if any(p.kind is p.VAR_POSITIONAL for p in given) else [p.name for p in given]
    if isinstance(node.func, ast.Name):
        for cls in form.classes:
            init = method(cls, "__init__")
            if cls.name == node.func.id and init is not None:
                return None if init.args.vararg else [a.arg for a in init.args.args[1:]]
        for each in form.tree.body:
            if isinstance(each, ast.FunctionDef) and each.name == node.func.id:
                return None if each.args.vararg else [a.arg for a in each.args.args]
    return None


def _calls(form: Form) -> list[ast.Call]:
    return [n for n in ast.walk(form.tree) if isinstance(n, ast.Call)]


@form
def positional_by_keyword(form: Form) -> int:
    names, count = imported(form.tree), 0
    for node in _calls(form):
        order = signature(form, node, names)
        if not order or not node.args or any(isinstance(a, ast.Starred) for a in node.args):
            continue
        if len(node.args) <= len(order):
            new = [ast.keyword(n, v) for n, v in zip(order, node.args, strict=False)]
            node.keywords[:0] = [at_value(k) for k in new]
            node.args = []
            count += 1
    return count


def at_value(keyword: ast.keyword) -> ast.keyword:
    keyword.lineno = keyword.value.lineno
    return keyword


@form
def keywords_in_other_order(form: Form) -> int:
    count = positional_by_keyword(form) if callable(positional_by_keyword) else 0
    changed = 0
    for node in _calls(form):
        if len(node.keywords) > 1 and all(k.arg for k in node.keywords) and not node.args:
            if not any(isinstance(n, ast.Call) for k in node.keywords for n in ast.walk(k)):
                node.keywords.reverse()
                changed += 1
    return changed if count or changed else 0


@form
def keyword_by_position(form: Form) -> int:
    names, count = imported(form.tree), 0
    for node in _calls(form):
        order = signature(form, node, names)
        if not order or any(isinstance(a, ast.Starred) for a in node.args):
            continue
        while len(node.args) < len(order):
            given = next((k for k in node.keywords if k.arg == order[len(node.args)]), None)
            if given is None:
                break
            node.keywords.remove(given)
            node.args.append(given.value)
            count += 1
    return count


def _layers(form: Form, make: Callable[[ast.Call, str, list[ast.stmt]], ast.expr | None], inside: bool = True) -> int:
    """Replace the calls that make layers, statement by statement."""
    names = imported(form.tree)
    count = 0
    methods = {s for f in form.functions for s in ast.walk(f) if isinstance(s, ast.stmt) and s is not f}

    def change(old: ast.stmt) -> list[ast.stmt]:
        nonlocal count
        if inside and old not in methods:
            return [old]
        before: list[ast.stmt] = []

        class Calls(ast.NodeTransformer):
            def visit_Call(self, node: ast.Call) -> ast.AST:
                nonlocal count
                self.generic_visit(node)
                full = dotted(node.func, names)
                wanted = is_layer(full) and not full.endswith(("Parameter", "Buffer"))
                if not wanted or any(isinstance(a, ast.Starred) for a in node.args):
                    return node
                if any(k.arg is None for k in node.keywords):
                    return node
                new = make(node, full, before)
                if new is None:
                    return node
                count += 1
                return new

            def visit_ListComp(self, node: ast.AST) -> ast.AST:
                return node

            visit_GeneratorExp = visit_DictComp = visit_Lambda = visit_ListComp

        for name, value in ast.iter_fields(old):
            if isinstance(value, ast.expr):
                setattr(old, name, Calls().visit(value))
        return [*before, old]

    each_statement(form.tree, change)
    return count


@form
def arguments_by_star(form: Form) -> int:
    def make(node: ast.Call, full: str, before: list[ast.stmt]) -> ast.expr | None:
        if not node.args:
            return None
        packed = ast.Starred(ast.Tuple(node.args, ast.Load()), ast.Load())
        node.args = [at(packed, node)]
        return node

    return _layers(form, make)


def _bare(node: ast.Call) -> bool:
    """Whether the arguments may be worked out earlier in the statement's place."""
    return not any(isinstance(n, (ast.Call, ast.NamedExpr)) for a in node.args for n in ast.walk(a))


@form
def arguments_by_tuple(form: Form) -> int:
    def make(node: ast.Call, full: str, before: list[ast.stmt]) -> ast.expr | None:
        if not node.args or not _bare(node):
            return None
        name = form.fresh("sizes")
        before += statements(f"{name} = X", node, X=ast.Tuple(node.args, ast.Load()))
        node.args = [expression(f"f(*{name})", node).args[0]]
        return node

    return _layers(form, make)


@form
def keywords_by_dict(form: Form) -> int:
    names = imported(form.tree)

    def make(node: ast.Call, full: str, before: list[ast.stmt]) -> ast.expr | None:
        order = signature(form, node, names)
        if not order or not node.args or not _bare(node):
            return None
        name = form.fresh("options")
        keys: list[ast.expr | None] = [ast.Constant(n) for n in order[: len(node.args)]]
        before += statements(f"{name} = X", node, X=ast.Dict(keys, node.args))
        node.args = []
        node.keywords = [*node.keywords, at(ast.keyword(None, ast.Name(name, ast.Load())), node)]
        return node

    return _layers(form, make)


@form
def layer_by_partial(form: Form) -> int:
    def make(node: ast.Call, full: str, before: list[ast.stmt]) -> ast.expr | None:
        if len(node.args) < 2 and not node.keywords:
            return None
        made = ast.Call(ast.Name("partial", ast.Load()), [node.func, *node.args[:1]], node.keywords)
        at(made.func, node)
        made.lineno = node.lineno
        outer = ast.Call(made, node.args[1:], [])
        outer.lineno = node.lineno
        return outer

    count = _layers(form, make)
    if count:
        form.add_import("from functools import partial")
    return count


@form
def layer_class_by_variable(form: Form) -> int:
    def make(node: ast.Call, full: str, before: list[ast.stmt]) -> ast.expr | None:
        name = form.fresh("kind")
        before += statements(f"{name} = X", node, X=node.func)
        node.func = expression(name, node)
        return node

    return _layers(form, make)


@form
def layer_class_by_getattr(form: Form) -> int:
    def make(node: ast.Call, full: str, before: list[ast.stmt]) -> ast.expr | None:
        if not isinstance(node.func, ast.Attribute):
            return None
        node.func = expression(f"getattr(X, {node.func.attr!r})", node, X=node.func.value)
        return node

    return _layers(form, make)


@form
def layer_class_by_table(form: Form) -> int:
    table = form.fresh("LAYERS")
    kinds: dict[str, ast.expr] = {}

    def make(node: ast.Call, full: str, before: list[ast.stmt]) -> ast.expr | None:
        key = full.rpartition(".")[2].lower()
        kinds.setdefault(key, node.func)
        node.func = expression(f"{table}[{key!r}]", node)
        return node

    count = _layers(form, make)
    if count:
        pairs = ", ".join(f"{key!r}: {ast.unparse(value)}" for key, value in kinds.items())
        form.add_constant(f"{table} = {{{pairs}}}", form.tree)
    return count


def _factory(form: Form, text: str) -> int:
    made: list[tuple[str, ast.Call]] = []

    def make(node: ast.Call, full: str, before: list[ast.stmt]) -> ast.expr | None:
        if not node.args or any(k.arg is None for k in node.keywords):
            return None
        name = form.fresh("make_" + full.rpartition(".")[2].lower())
        inputs = ", ".join(f"a{i}" for i in range(len(node.args)))
        options = "".join(f", {k.arg}={k.arg}" for k in node.keywords)
        more = "".join(f", {k.arg}" for k in node.keywords)
        body = text.format(name=name, inputs=inputs, more=more, options=options, func=ast.unparse(node.func))
        new = statements(body, node)
        form.tree.body[_place(form) : _place(form)] = new
        at(node.func, node)
        node.func = expression(name, node)
        made.append((name, node))
        return node

    return _layers(form, make)


def _place(form: Form) -> int:
    """Above the first class or function."""
    return next(i for i, n in enumerate(form.tree.body) if isinstance(n, (ast.ClassDef, ast.FunctionDef)))


@form
def layer_by_factory(form: Form) -> int:
    return _factory(form, "def {name}({inputs}{more}):\n    return {func}({inputs}{options})")


@form
def layer_by_annotated_factory(form: Form) -> int:
    return _factory(form, "def {name}({inputs}{more}) -> object:\n    layer = {func}({inputs}{options})\n"
                    "    assert layer is not None\n    return layer")  # fmt: skip


@form
def layer_by_lambda(form: Form) -> int:
    return _factory(form, "{name} = lambda {inputs}{more}: {func}({inputs}{options})")


@form
def layer_by_open_factory(form: Form) -> int:
    return _factory(form, "def {name}(*args, **kwargs):\n    return {func}(*args, **kwargs)")


@form
def layer_by_subclass(form: Form) -> int:
    """``class Dense(nn.Linear): pass``."""
    kinds: dict[str, str] = {}

    def make(node: ast.Call, full: str, before: list[ast.stmt]) -> ast.expr | None:
        if full not in kinds:
            kinds[full] = form.fresh("Own" + full.rpartition(".")[2])
            form.tree.body[_place(form) : _place(form)] = statements(
                f"class {kinds[full]}({ast.unparse(node.func)}):\n    pass", node
            )
        node.func = expression(kinds[full], node)
        return node

    return _layers(form, make)
