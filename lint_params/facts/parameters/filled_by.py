"""Does code of another file, of which only the tree is read, fill a Parameter?"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from lint_params.trees import is_self, last_name

if TYPE_CHECKING:
    from lint_params.facts.classes import ClassFacts

#: Methods and functions that go over all that a model has, or ask it to initialise itself.
INITS = frozenset(["apply", "init_weights", "_init_weights", "post_init", "initialize_weights"])
EVERYTHING = ("modules", "named_modules", "parameters", "named_parameters", "children", "named_children")
#: What is called ``init_params(model)``, ``initialize(net)`` or ``weights_init``; an
#: ``init_process_group`` is not.
_FILLS_ALL = re.compile(
    r"^(init|initiali[sz]e|named_apply|vector_to_parameters)$"
    r"|init\w*_?(weight|param|model|module|net)|(weight|param|model|module|net)\w*_init",
    re.IGNORECASE,
)
_ASKING = ("hasattr", "getattr", "setattr", "endswith", "startswith")
#: In-place methods that leave the values alone.
_HOLDS = re.compile(r"Module|Sequential|Transformer|Parallel")
_KEEP = ("requires_grad_", "retain_grad_", "share_memory_", "detach_")
_FILLS = re.compile(r"_$|init|reset|fill|set|copy|load|assign|update", re.IGNORECASE)


def is_filled_by(tree: ast.Module, name: str, cls: ClassFacts) -> bool:
    """Whether the file writes an attribute of that name of a class that it does not make itself,
    or goes over all that a model has."""
    above = {below: node for node in ast.walk(tree) for below in ast.iter_child_nodes(node)}
    made = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    derived = any(last_name(base) == cls.name for node in made for base in node.bases)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            own = is_self(node.value) and not derived
            if node.attr in INITS and not is_of_class(node) and not _only_layers_of_torch(tree, above[node]):
                return True
            if node.attr == name and not own and _is_touched(node, above):
                return True
        if isinstance(node, ast.Constant) and node.value == name and _is_asked(above.get(node)):
            return True
        if isinstance(node, ast.Call) and (
            _FILLS_ALL.search(last_name(node.func)) or _is_unnamed(node) and _is_written(node, above)
        ):
            return True
        if isinstance(node, ast.For) and isinstance(node.iter, ast.Call):
            if last_name(node.iter.func) in EVERYTHING and sets(node) and not _asks_for_another(tree, node, cls):
                return True
    return False


def _only_layers_of_torch(tree: ast.Module, call: ast.AST) -> bool:
    """``self.apply(fill)`` of a function that does nothing but behind ``isinstance(m, nn.Linear)``."""
    if not isinstance(call, ast.Call) or last_name(call.func) != "apply" or len(call.args) != 1:
        return False
    wanted = last_name(call.args[0])
    found = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == wanted]
    body = [one for one in found[0].body if not isinstance(one, ast.Expr)] if len(found) == 1 else []
    return bool(body) and all(map(_is_for_torch, body))


def _is_for_torch(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.If) or not isinstance(statement.test, ast.Call):
        return False
    test = statement.test
    if last_name(test.func) != "isinstance" or len(test.args) != 2:
        return False
    classes = _classes(test)
    of_torch = all(isinstance(one, ast.Attribute) and last_name(one.value) == "nn" for one in classes)
    return of_torch and "Module" not in map(last_name, classes) and all(map(_is_for_torch, statement.orelse))


def _classes(test: ast.Call) -> list[ast.expr]:
    """Those that ``isinstance(m, nn.Linear)`` or ``isinstance(m, (nn.Linear, nn.Conv2d))`` asks for."""
    return test.args[1].elts if isinstance(test.args[1], ast.Tuple) else [test.args[1]]


def _asks_for_another(tree: ast.Module, loop: ast.For, cls: ClassFacts) -> bool:
    """``for m in self.modules(): if hasattr(m, "reset"): m.reset()`` where the class has none, or
    ``if isinstance(m, nn.Linear): ...``, or that of a class of that file whose ``reset`` fills nothing."""
    only = loop.body[0] if len(loop.body) == 1 else None
    if not isinstance(only, ast.If) or only.orelse or not cls.bases_complete:
        return False
    test = only.test
    if not isinstance(test, ast.Call) or len(test.args) != 2:
        return False
    if ast.unparse(test.args[0]) != ast.unparse(loop.target):
        return False
    if last_name(test.func) == "hasattr":
        word = getattr(test.args[1], "value", None)
        if not isinstance(word, str) or cls.may_define(word):
            return False
        return not any(_hands_on(one, ast.unparse(loop.target), word) for one in only.body)
    target = ast.unparse(loop.target)
    return last_name(test.func) == "isinstance" and all(
        _is_single_layer(one) or _fills_nothing(tree, one, cls, only.body, target) for one in _classes(test)
    )


def _fills_nothing(tree: ast.Module, asked: ast.expr, cls: ClassFacts, body: list[ast.stmt], target: str) -> bool:
    """Whether another class of that file is asked for, none of this one, and all that is done is ``m.reset()``, a
    method of it that sets no values."""
    found = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == last_name(asked)]
    call = body[0].value if len(body) == 1 and isinstance(body[0], ast.Expr) else None
    if len(found) != 1 or not isinstance(call, ast.Call):
        return False
    if cls.name in (found[0].name, *map(last_name, found[0].bases)):
        return False
    func = call.func
    if not isinstance(func, ast.Attribute) or ast.unparse(func.value) != target:
        return False
    methods = [node for node in found[0].body if isinstance(node, ast.FunctionDef) and node.name == func.attr]
    return len(methods) == 1 and not sets(methods[0])


def _hands_on(statement: ast.stmt, target: str, word: str) -> bool:
    """Whether something else than ``m.reset()`` is done, which may reach what ``m`` is made of."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    return not (isinstance(call, ast.Call) and ast.unparse(call.func) == f"{target}.{word}")


def _is_single_layer(node: ast.expr) -> bool:
    """``nn.Linear``, which no class of the project is and which has no modules in it."""
    of_torch = isinstance(node, ast.Attribute) and last_name(node.value) == "nn"
    return of_torch and not _HOLDS.search(last_name(node))


def is_of_class(node: ast.Attribute) -> bool:
    """``Scale.apply(x)``: an autograd.Function runs; no model goes over what it has."""
    return node.attr == "apply" and last_name(node.value)[:1].isupper()


def sets(loop: ast.AST) -> bool:
    """Whether something is done to what a loop goes over."""
    for part in ast.walk(loop):
        if isinstance(part, ast.Call):
            last = last_name(part.func)
            writes = last.endswith("_") and last not in _KEEP
            if writes or "init" in last or "reset" in last or last in ("copy", "setattr"):
                return True
        if isinstance(part, (ast.Attribute, ast.Subscript)) and isinstance(part.ctx, ast.Store):
            if not isinstance(part, ast.Attribute) or part.attr == "data":
                return True
    return False


def _is_asked(over: ast.AST | None) -> bool:
    """``hasattr(m, "w")``, ``name.endswith("w")``, ``name == "w"``."""
    return isinstance(over, ast.Compare) or isinstance(over, ast.Call) and last_name(over.func) in _ASKING


def _is_unnamed(call: ast.Call) -> bool:
    """``getattr(m, key)``, ``m.get_parameter(key)`` of a name that the code works out."""
    place = {"getattr": 1, "get_parameter": 0}.get(last_name(call.func))
    return place is not None and len(call.args) > place and not isinstance(call.args[place], ast.Constant)


def _is_written(node: ast.AST, above: dict[ast.AST, ast.AST]) -> bool:
    """``x.normal_()``, ``x.data.copy_(t)``, ``init.zeros_(x)``."""
    over = above[node]
    while isinstance(over, ast.Attribute) and over.attr in ("data", "T", *_KEEP):
        node, over = over, above[over]
        if isinstance(over, ast.Call) and over.func is node:
            node, over = over, above[over]
    if isinstance(over, ast.Call) and node in over.args:
        return last_name(over.func)[-1:] == "_"
    method = over.attr if isinstance(over, ast.Attribute) else ""
    return method[-1:] == "_" and method[-2:] != "__" and method not in _KEEP


def _is_touched(node: ast.Attribute, above: dict[ast.AST, ast.AST]) -> bool:
    """Whether ``m.w`` is written, handed to what may write it, or gets another name."""
    here: ast.AST = node
    while True:
        over = above[here]
        if isinstance(over, (ast.Attribute, ast.Subscript)) and over.value is here:
            if isinstance(over.ctx, ast.Store):
                return True
        elif isinstance(over, ast.Call):
            return _FILLS.search(last_name(over.func)) is not None
        elif not isinstance(over, (ast.List, ast.Tuple, ast.Starred, ast.keyword)):
            break
        here = over
    if isinstance(over, (ast.BinOp, ast.UnaryOp, ast.Compare, ast.Subscript, ast.Return, ast.FormattedValue)):
        return False
    return True
