"""Does code of another file, of which only the tree is read, fill a Parameter?"""

from __future__ import annotations

import ast
import re

from lint_params.trees import last_name

#: Methods and functions that go over all that a model has, or ask it to initialise itself.
INITS = frozenset(["apply", "init_weights", "_init_weights", "post_init", "initialize_weights"])
EVERYTHING = ("modules", "named_modules", "parameters", "named_parameters", "children", "named_children")
#: What is called ``init_params(model)``, ``initialize(net)`` or ``weights_init``; an
#: ``init_process_group`` is not.
_FILLS_ALL = re.compile(
    r"^(init|initiali[sz]e|named_apply)$"
    r"|init\w*_?(weight|param|model|module|net)|(weight|param|model|module|net)\w*_init",
    re.IGNORECASE,
)
_ASKING = ("hasattr", "getattr", "setattr", "endswith", "startswith")
#: In-place methods that leave the values alone.
_KEEP = ("requires_grad_", "retain_grad_", "share_memory_")
_FILLS = re.compile(r"_$|init|reset|fill|set|copy|load|assign|update", re.IGNORECASE)


def is_filled_by(tree: ast.Module, name: str, owner: str) -> bool:
    """Whether the file writes an attribute of that name of a class that it does not make itself,
    or goes over all that a model has."""
    above = {below: node for node in ast.walk(tree) for below in ast.iter_child_nodes(node)}
    made = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    derived = any(last_name(base) == owner for node in made for base in node.bases)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            own = isinstance(node.value, ast.Name) and node.value.id == "self" and not derived
            if node.attr in INITS and not is_of_class(node):
                return True
            if node.attr == name and not own and _is_touched(node, above):
                return True
        if isinstance(node, ast.Constant) and node.value == name and _is_asked(above.get(node)):
            return True
        if isinstance(node, ast.Call) and _FILLS_ALL.search(last_name(node.func)):
            return True
        if isinstance(node, ast.For) and isinstance(node.iter, ast.Call):
            if last_name(node.iter.func) in EVERYTHING and sets(node):
                return True
    return False


def is_of_class(node: ast.Attribute) -> bool:
    """``Scale.apply(x)``: an autograd.Function runs; no model goes over what it has."""
    return node.attr == "apply" and last_name(node.value)[:1].isupper()


def sets(loop: ast.For) -> bool:
    """Whether something is done to what a loop goes over."""
    for part in ast.walk(loop):
        if isinstance(part, ast.Call):
            last = last_name(part.func)
            writes = last.endswith("_") and last not in _KEEP
            if writes or "init" in last or "reset" in last or last in ("copy", "setattr"):
                return True
    return False


def _is_asked(over: ast.AST | None) -> bool:
    """``hasattr(m, "w")``, ``name.endswith("w")``, ``name == "w"``."""
    return isinstance(over, ast.Compare) or isinstance(over, ast.Call) and last_name(over.func) in _ASKING


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
