"""Bodies of methods in other methods and functions, and other names in them."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

from classes import is_super, modules
from variant import Form, form, forms, method, names_in, own_attribute, statements


def _plain(function: ast.FunctionDef) -> bool:
    """Whether its body can be moved into another function: nothing tied to this one."""
    a = function.args
    if a.vararg or a.kwarg or function.decorator_list or a.posonlyargs or a.kwonlyargs:
        return False
    bad = (ast.Yield, ast.YieldFrom, ast.Await, ast.Nonlocal, ast.Global)
    inner = [n for s in function.body for n in ast.walk(s)]
    return not any(isinstance(n, bad) or (isinstance(n, ast.Name) and n.id in ("super", "__class__")) for n in inner)


def _plain_forwards(form: Form) -> Iterator[tuple[ast.ClassDef, ast.FunctionDef]]:
    for cls in modules(form):
        forward = method(cls, "forward")
        if forward is not None and _plain(forward):
            yield cls, forward


def _given(function: ast.FunctionDef) -> list[str]:
    return [a.arg for a in function.args.args[1:]]


def _docstring(body: list[ast.stmt]) -> int:
    return int(bool(body) and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant))


@form
def constructor_in_helper(form: Form) -> int:
    """``__init__`` calls super and ``self._build(...)``."""
    count = 0
    for cls in modules(form):
        init = method(cls, "__init__")
        if init is None:
            continue
        first = next((i for i, s in enumerate(init.body) if is_super(s)), None)
        if first is None or first + 1 >= len(init.body):
            continue
        rest = init.body[first + 1 :]
        before = names_in(ast.Module(init.body[:first], []), ast.Store)
        helper = copy.deepcopy(init)
        helper.name, helper.body, helper.args.defaults = form.fresh("_build"), rest, []
        if before or not _plain(helper):
            continue
        call = f"self.{helper.name}({', '.join(_given(init))})"
        init.body[first + 1 :] = statements(call, rest[0])
        cls.body.insert(cls.body.index(init) + 1, helper)
        count += 1
    return count


@form
def forward_in_helper(form: Form) -> int:
    count = 0
    for cls, forward in _plain_forwards(form):
        helper = copy.deepcopy(forward)
        helper.name, helper.args.defaults = form.fresh("_run"), []
        forward.body = statements(f"return self.{helper.name}({', '.join(_given(forward))})", forward.body[-1])
        cls.body.append(helper)
        count += 1
    return count


@form
def forward_in_nested_function(form: Form) -> int:
    count = 0
    for _, forward in _plain_forwards(form):
        name = form.fresh("run")
        inner = copy.deepcopy(forward)
        inner.name, inner.args.defaults, inner.args.args = name, [], inner.args.args[1:]
        forward.body = [inner, *statements(f"return {name}({', '.join(_given(forward))})", forward.body[-1])]
        count += 1
    return count


@form
def forward_in_function(form: Form) -> int:
    """A function of the module gets the model."""
    count = 0
    for cls, forward in _plain_forwards(form):
        helper = copy.deepcopy(forward)
        helper.name, helper.args.defaults = form.fresh("run_model"), []
        inputs = ", ".join(["self", *_given(forward)])
        forward.body = statements(f"return {helper.name}({inputs})", forward.body[-1])
        form.tree.body.insert(form.tree.body.index(cls) + 1, helper)
        count += 1
    return count


@form
def last_step_in_method(form: Form) -> int:
    """What forward returns is worked out in a method that gets the locals."""
    count = 0
    for cls in modules(form):
        forward = method(cls, "forward")
        last = forward.body[-1] if forward is not None else None
        if forward is None or not isinstance(last, ast.Return) or last.value is None or not _plain(forward):
            continue
        locals_ = names_in(forward, ast.Store) | {a.arg for a in forward.args.args[1:]}
        if any(isinstance(n, (ast.NamedExpr, ast.comprehension, ast.Lambda)) for n in ast.walk(last)):
            continue
        used = sorted(names_in(last) & locals_)
        name = form.fresh("_finish")
        helper = statements(f"def {name}({', '.join(['self', *used])}):\n    return X", last, X=last.value)
        forward.body[-1:] = statements(f"return self.{name}({', '.join(used)})", last)
        cls.body.append(helper[0])
        count += 1
    return count


@form
def forward_in_steps(form: Form) -> int:
    """The first half of forward in a method that returns all locals it makes."""
    count = 0
    for cls, forward in _plain_forwards(form):
        start = _docstring(forward.body)
        body = forward.body[start:]
        half = body[: len(body) // 2]
        if not half or not all(isinstance(s, (ast.Assign, ast.Expr)) for s in half):
            continue
        made = sorted({t.id for s in half for t in getattr(s, "targets", []) if isinstance(t, ast.Name)})
        if not made or names_in(ast.Module(half, []), ast.Store) != set(made):
            continue
        name = form.fresh("_begin")
        helper = copy.deepcopy(forward)
        result = ", ".join(made)
        helper.name, helper.args.defaults = name, []
        helper.body = [*half, *statements(f"return {result}", half[-1])]
        call = f"{result} = self.{name}({', '.join(_given(forward))})"
        forward.body[start : start + len(half)] = statements(call, half[0])
        cls.body.append(helper)
        count += 1
    return count


def _locals(form: Form, name: str) -> int:
    given = {k.arg for n in ast.walk(form.tree) if isinstance(n, ast.Call) for k in n.keywords}
    keys = {n.value for n in ast.walk(form.tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    count = 0
    for cls in form.classes:
        function = method(cls, name)
        if function is None or "locals" in names_in(function):
            continue
        own = {a.arg for a in ast.walk(function) if isinstance(a, ast.arg)} | names_in(function, ast.Store)
        bound = {n.name for n in ast.walk(function) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))}
        own -= given | keys | bound | {"self"}
        new = {old: form.fresh(old + "_value") for old in sorted(own)}
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and node.id in new:
                node.id = new[node.id]
            elif isinstance(node, ast.arg) and node.arg in new:
                node.arg = new[node.arg]
        count += len(new)
    return count


forms(_locals, constructor_with_new_names="__init__", forward_with_new_names="forward")


@form
def arguments_only_by_position(form: Form) -> int:
    count = 0
    given = {k.arg for n in ast.walk(form.tree) if isinstance(n, ast.Call) for k in n.keywords}
    for cls in modules(form):
        forward = method(cls, "forward")
        if forward is not None and not forward.args.posonlyargs and not {a.arg for a in forward.args.args} & given:
            forward.args.posonlyargs, forward.args.args = forward.args.args, []
            count += 1
    return count


@form
def sizes_by_property(form: Form) -> int:
    """``self.dim = dim`` is kept as ``self._dim`` and read through a property."""
    count = 0
    for cls in modules(form):
        init = method(cls, "__init__")
        for old in list(init.body) if init is not None else []:
            if not isinstance(old, ast.Assign) or len(old.targets) != 1:
                continue
            name = own_attribute(old.targets[0])
            if not name:
                continue
            plain = all(isinstance(n, (ast.Name, ast.BinOp, ast.operator, ast.Constant, ast.expr_context))
                        for n in ast.walk(old.value))  # fmt: skip
            writes = [n for n in ast.walk(form.tree) if own_attribute(n) == name and isinstance(n.ctx, ast.Store)]
            if not plain or len(writes) != 1:
                continue
            old.targets[0].attr = "_" + name
            cls.body += statements(f"@property\ndef {name}(self):\n    return self._{name}", old)
            count += 1
    return count
