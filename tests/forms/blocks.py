"""Blocks around the bodies of methods, and lines and decorators that change nothing."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

from classes import is_super, modules
from imports import dotted, imported
from steps import in_methods
from variant import Form, each_statement, expression, form, forms, method, statements


def _wrapped(form: Form, text: str, imports: str = "", *only: str) -> int:
    """Put the bodies of methods (below super) into a block; PASS stands for the body."""
    count = 0
    for cls in modules(form):
        for function in cls.body:
            if not isinstance(function, ast.FunctionDef) or (only and function.name not in only):
                continue
            start = next((i + 1 for i, s in enumerate(function.body) if is_super(s)), 0)
            rest = function.body[start:]
            if not rest or any(isinstance(n, (ast.Break, ast.Continue)) for n in rest):
                continue
            new = statements(text, rest[0])
            hole = next(b for s in new for b in _holes(s))
            hole[:] = rest
            function.body[start:] = new
            count += 1
    if count and imports:
        form.add_import(imports)
    return count


def _holes(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    for each in ast.walk(node):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(each, name, None)
            if isinstance(block, list) and len(block) == 1 and isinstance(block[0], ast.Pass):
                yield block


forms(
    _wrapped,
    body_if_true="if True:\n    pass",
    body_in_else="if False:\n    raise RuntimeError\nelse:\n    pass",
    body_in_try="try:\n    pass\nexcept KeyError:\n    raise",
    body_in_try_finally="try:\n    pass\nfinally:\n    print(end='')",
    body_in_with=("with nullcontext():\n    pass", "from contextlib import nullcontext"),
    body_in_loop_of_one=("for _ in range(1):\n    pass", "", "__init__"),
    forward_in_autocast=("with torch.autocast('cpu', enabled=False):\n    pass", "import torch", "forward"),
    forward_with_grad=(
        "with torch.set_grad_enabled(torch.is_grad_enabled()):\n    pass", "import torch", "forward"
    ),
)


def _noise(form: Form, text: str, imports: str = "") -> int:
    count = 0
    for cls in modules(form):
        forward = method(cls, "forward")
        if forward is not None and len(forward.args.args) > 1:
            first = forward.args.args[1].arg
            forward.body[:0] = statements(text.format(first=first), forward.body[0])
            count += 1
    if imports:
        form.add_import(imports)
    return count


forms(
    _noise,
    forward_after_check="if not isinstance({first}, object):\n    raise TypeError(type({first}))",
    forward_with_asserts="assert {first} is not None, 'nothing given'\nassert callable(self)",
    forward_with_prints="print('in', type({first}), end='')",
    forward_with_unused_branch="if getattr(self, 'never_there', False):\n    return None",
    forward_with_device=("device = getattr({first}, 'device', 'cpu')\nlogging.debug('%s', device)", "import logging"),
)


@form
def noise_between(form: Form) -> int:
    """A line that does nothing between all lines of methods."""
    nodes = in_methods(form)

    def change(old: ast.stmt) -> list[ast.stmt]:
        docstring = isinstance(old, ast.Expr) and isinstance(old.value, ast.Constant)
        if old not in nodes or docstring or isinstance(old, (ast.Nonlocal, ast.Global)):
            return [old]
        return [*statements("print(end='')", old), old]

    each_statement(form.tree, change)
    return len(nodes)


@form
def annotated(form: Form) -> int:
    """Annotations on the arguments of methods, with the future import."""
    count = 0
    for cls in modules(form):
        init, forward = method(cls, "__init__"), method(cls, "forward")
        for argument in forward.args.args[1:] if forward is not None else []:
            argument.annotation = argument.annotation or expression("torch.Tensor", argument)
            count += 1
        if init is not None:
            init.returns = init.returns or expression("None", init)
    if count and "torch" not in imported(form.tree):
        form.add_import("import torch")
    return count


@form
def annotated_attributes(form: Form) -> int:
    """``self.fc: nn.Module = nn.Linear(...)``."""
    names, count = imported(form.tree), 0

    def change(old: ast.stmt) -> list[ast.stmt]:
        nonlocal count
        target = old.targets[0] if isinstance(old, ast.Assign) and len(old.targets) == 1 else None
        value = getattr(old, "value", None)
        if isinstance(target, ast.Attribute) and isinstance(value, ast.Call):
            full = dotted(value.func, names)
            if full.startswith("torch.nn."):
                count += 1
                new = ast.AnnAssign(target, copy.deepcopy(value.func), value, 0)
                new.lineno = old.lineno
                for n in ast.walk(new.annotation):
                    n.lineno = old.lineno
                return [new]
        return [old]

    each_statement(form.tree, change)
    return count


def _decorated(form: Form, name: str, body: str) -> int:
    """A decorator of the file that only calls the method it gets."""
    decorator, count = form.fresh("traced"), 0
    for cls in modules(form):
        function = method(cls, name)
        if function is not None:
            function.decorator_list.insert(0, expression(decorator, function))
            count += 1
    if count:
        form.add_constant(
            f"def {decorator}(function):\n    @functools.wraps(function)\n    def wrapper(self, *args, **kwargs):\n"
            f"        {body}\n    return wrapper",
            form.tree,
        )
        form.add_import("import functools")
    return count


forms(
    _decorated,
    forward_decorated=("forward", "return function(self, *args, **kwargs)"),
    constructor_decorated=("__init__", "function(self, *args, **kwargs)"),
)
