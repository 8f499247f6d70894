"""Classes put together another way: bases, mixins, decorators, functions that define them."""

from __future__ import annotations

import ast
import copy

from imports import dotted, imported
from variant import Form, expression, form, forms, names_in, statements


def modules(form: Form) -> list[ast.ClassDef]:
    """Classes that surely are Modules: torch's own base, or one of the file's."""
    names = imported(form.tree)
    found: list[ast.ClassDef] = []
    for cls in form.classes:
        bases = [dotted(b, names) for b in cls.bases]
        own = {c.name for c in found}
        if any(b.startswith("torch.nn.") for b in bases) or any(
            isinstance(b, ast.Name) and b.id in own for b in cls.bases
        ):
            found.append(cls)
    return found


def is_super(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and "super" in names_in(node)


def _split(form: Form, moved: tuple[str, ...] | None, mixin: bool = False) -> int:
    """Give each class a base that takes its place, and move methods up (None: all)."""
    count = 0
    for cls in modules(form):
        below = [n for n in cls.body if not isinstance(n, ast.FunctionDef) or (moved and n.name not in moved)]
        if moved is None:
            below = []
        up = [n for n in cls.body if n not in below]
        if not up or (moved is not None and not any(isinstance(n, ast.FunctionDef) for n in below)):
            continue
        for function in up:
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super":
                    node.args = []
        name = form.fresh(cls.name + ("Mixin" if mixin else "Base"))
        base = copy.copy(cls)
        base.name, base.body = name, up
        if mixin:
            base.bases, base.keywords, base.decorator_list = [], [], []
            cls.bases = [expression(name, cls), *cls.bases]
        else:
            cls.bases, cls.keywords = [expression(name, cls)], []
        cls.body = below or statements("pass", cls)
        form.tree.body.insert(form.tree.body.index(cls), base)
        count += 1
    return count


forms(
    _split,
    all_in_base=(None,),
    constructor_in_base=(("__init__",),),
    forward_in_base=(("forward",),),
    forward_in_mixin=(("forward",), True),
)


def _new_base(form: Form, text: str, imports: str = "") -> int:
    """A base of the file between nn.Module and the classes."""
    names = imported(form.tree)
    name = form.fresh("Common")
    found = [c for c in form.classes if [dotted(b, names) for b in c.bases] == ["torch.nn.Module"]]
    if not found:
        return 0
    place = form.tree.body.index(found[0])
    base = ast.unparse(found[0].bases[0])
    for cls in found:
        cls.bases = [expression(name, cls)]
    form.tree.body[place:place] = statements(text.format(name=name, base=base), found[0])
    if imports:
        form.add_import(imports)
    return len(found)


forms(
    _new_base,
    base_of_the_file="class {name}({base}):\n    pass",
    base_with_constructor="class {name}({base}):\n    def __init__(self):\n        super().__init__()\n"
    "        self.built = True\n    def describe(self):\n        return type(self).__name__",
    base_with_open_constructor="class {name}({base}):\n    def __init__(self, *args, **kwargs):\n"
    "        super().__init__(*args, **kwargs)",
    base_that_is_abstract=(
        "class {name}({base}, ABC):\n    @abstractmethod\n    def forward(self, *args, **kwargs):\n"
        "        raise NotImplementedError",
        "from abc import ABC, abstractmethod",
    ),
)


@form
def empty_subclass(form: Form) -> int:
    """The class that users build derives from the written one."""
    count = 0
    for cls in modules(form):
        if "super" in names_in(cls) and any(
            isinstance(n, ast.Call) and getattr(n.func, "id", "") == "super" and n.args for n in ast.walk(cls)
        ):
            continue
        below = form.fresh("_" + cls.name)
        new = statements(f"class {cls.name}({below}):\n    '''As it is.'''\n    def extra_repr(self):\n        return ''", cls)
        form.tree.body.insert(form.tree.body.index(cls) + 1, new[0])
        cls.name = below
        count += 1
    return count


def _super(form: Form, text: str) -> int:
    count = 0
    for cls in modules(form):
        base = ast.unparse(cls.bases[0])
        for node in ast.walk(cls):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "__init__":
                inner = node.func.value
                new = text.format(cls=cls.name, base=base)
                plain = isinstance(inner, ast.Call) and getattr(inner.func, "id", "") == "super"
                if plain and ast.unparse(node.func) != new:
                    node.func = expression(new, node)
                    if "self" not in text.partition("__init__")[0]:
                        node.args = [expression("self", node), *node.args] if "super" not in text else node.args
                    count += 1
    return count


forms(
    _super,
    super_with_arguments="super({cls}, self).__init__",
    super_without_arguments="super().__init__",
    base_called_by_name="{base}.__init__",
)


@form
def classes_in_a_function(form: Form) -> int:
    """Each class is made by a function that returns it."""
    count = 0
    for cls in modules(form):
        name = form.fresh("define_" + cls.name.lower())
        text = f"def {name}():\n    pass\n    return {cls.name}\n{cls.name} = {name}()"
        function, assign = statements(text, cls)
        function.body[0] = cls
        place = form.tree.body.index(cls)
        form.tree.body[place : place + 1] = [function, assign]
        count += 1
    return count


@form
def class_decorated(form: Form) -> int:
    name, count = form.fresh("registered"), 0
    for cls in modules(form):
        cls.decorator_list.insert(0, expression(name, cls))
        count += 1
    if count:
        form.add_constant(f"REGISTRY = {{}}\ndef {name}(cls):\n    REGISTRY[cls.__name__] = cls\n    return cls",
                          form.tree)  # fmt: skip
    return count
