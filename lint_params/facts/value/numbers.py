"""Whole numbers, as far as the source shows them."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from lint_params.facts.value.call_sites import argument_values
from lint_params.facts.value.words import class_constant
from lint_params.trees import last_name

if TYPE_CHECKING:
    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.file import FileFacts
    from lint_params.facts.members import Member
    from lint_params.facts.scope import Scope

_SIZE_CALLS = ("torch.zeros", "torch.ones", "torch.empty", "torch.randn", "torch.rand")
_OLD_SIZE_CALLS = ("torch.Tensor", "torch.FloatTensor", "torch.DoubleTensor", "torch.cuda.FloatTensor")
#: Layers whose first two arguments, if they take so many by position, are numbers.
_SIZED = frozenset(
    """
        Linear LazyLinear Bilinear Embedding EmbeddingBag Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d
        ConvTranspose3d RNN LSTM GRU RNNCell LSTMCell GRUCell BatchNorm1d BatchNorm2d BatchNorm3d GroupNorm
        MultiheadAttention TransformerEncoderLayer TransformerDecoderLayer
    """.split()
)
_SETTINGS = re.compile(r"(^|_)(config|cfg|args|hparams|opt|params)$", re.IGNORECASE)
#: Arguments that hold one number by the way everybody calls them; a plain "size" may be a tuple.
_COUNTS = re.compile(
    r"^(n|num|number)_|^d_model$|(^|_)(dim|hidden|hidden_size|vocab_size|embed_size|embedding_dim)$"
    r"|_(features|channels|heads|classes|units|bins|experts|layers)$"  # alone they may be the things
)


def is_whole(facts: FileFacts, expr: ast.expr, depth: int = 0) -> bool:
    """Whether a number surely is an int."""
    if depth > 8:
        return False
    if isinstance(expr, ast.Constant):
        return type(expr.value) is int
    if isinstance(expr, ast.UnaryOp):
        return is_whole(facts, expr.operand, depth + 1)
    if isinstance(expr, ast.BinOp):
        if isinstance(expr.op, (ast.Div, ast.Pow, ast.MatMult)):
            return False
        return is_whole(facts, expr.left, depth + 1) and is_whole(facts, expr.right, depth + 1)
    if isinstance(expr, ast.IfExp):
        return is_whole(facts, expr.body, depth + 1) and is_whole(facts, expr.orelse, depth + 1)
    if isinstance(expr, ast.Call):
        name = facts.qualify(expr.func)
        if name in ("builtins.int", "builtins.len", "math.prod", "math.ceil", "math.floor"):
            return True
        if name in ("builtins.max", "builtins.min", "builtins.abs", "builtins.sum"):
            return bool(expr.args) and all(is_whole(facts, arg, depth + 1) for arg in expr.args)
        method = expr.func.attr if isinstance(expr.func, ast.Attribute) else ""
        if name is not None or expr.keywords:
            return False
        return method in ("dim", "numel") or method == "size" and bool(expr.args)
    if isinstance(expr, ast.Subscript):
        if isinstance(expr.slice, ast.Slice):
            return False
        return isinstance(expr.value, ast.Attribute) and expr.value.attr == "shape"
    if isinstance(expr, ast.Name):
        found = facts.definitions(expr)
        if found is None:
            value = facts.module_value(expr.id)
            return value is not None and is_whole(facts, value, depth + 1)
        return bool(found) and all(_defined_whole(facts, expr, one, depth) for one in found)
    if isinstance(expr, ast.Attribute):
        for one in facts.dotted_definitions(expr):
            if one.how != "assign" or one.path or one.value is None or one.value is expr:
                return False
            return is_whole(facts, one.value, depth + 1)
        return _member_whole(facts, expr, depth) or _is_setting(facts, expr) or _field_whole(facts, expr, depth)
    return False


_NUMBERS = frozenset("item size dim numel element_size nelement".split())
_NUMBER_NAMES = ("math.pi", "math.e", "math.tau", "math.inf", "math.nan")
_NUMBER_CALLS = frozenset("int float len abs max min sum round".split())


def is_number(facts: FileFacts, expr: ast.expr, depth: int = 0) -> bool:
    """Whether a value surely is a Python number and no tensor."""
    if depth > 8:
        return False
    if isinstance(expr, ast.Constant):
        return isinstance(expr.value, (int, float))
    if isinstance(expr, ast.UnaryOp):
        return is_number(facts, expr.operand, depth + 1)
    if isinstance(expr, ast.BinOp):
        return is_number(facts, expr.left, depth + 1) and is_number(facts, expr.right, depth + 1)
    if isinstance(expr, ast.IfExp):
        return is_number(facts, expr.body, depth + 1) and is_number(facts, expr.orelse, depth + 1)
    if isinstance(expr, ast.Call):
        name = facts.qualify(expr.func) or ""
        if name.startswith("math."):
            return True
        if name.startswith("builtins."):
            return name[9:] in _NUMBER_CALLS and (
                name[9:] in ("int", "float", "len")
                or bool(expr.args) and all(is_number(facts, arg, depth + 1) for arg in expr.args)
            )
        method = expr.func.attr if isinstance(expr.func, ast.Attribute) else ""
        return not name and method in _NUMBERS and (method != "size" or bool(expr.args))
    if isinstance(expr, ast.Name):
        found = facts.definitions(expr) or ()
        if len(found) == 1 and found[0].how == "argument" and found[0].annotation is not None:
            return facts.qualify(found[0].annotation) in ("builtins.float", "builtins.int", "builtins.bool")
        values = facts.reach(expr) or argument_values(facts, expr)
        return bool(values) and all(is_number(facts, one, depth + 1) for one in values)
    if isinstance(expr, ast.Attribute):
        if facts.qualify(expr) in _NUMBER_NAMES:
            return True
        own, cls = facts.self_attribute(expr), facts.class_around(expr)
        if own is None or cls is None:
            return _field_number(facts, expr, depth)
        members = cls.assignments(own)
        return bool(members) and not any(own in one.members for one in cls.subclasses) and all(
            one.how in ("assign", "class") and one.value is not None
            and is_number(one.cls.facts, one.value, depth + 1)
            for one in members
        )
    return False


def _field_number(facts: FileFacts, expr: ast.Attribute, depth: int) -> bool:
    """``cfg.scale`` of a class of the project with nothing but numbers for it: the default in its
    body and what is given to it by that name, or in that place, in the files of both."""
    cls, name = facts.kind_of(expr.value).cls, expr.attr
    if cls is None or not cls.bases_complete or any(name in one.members for one in cls.subclasses):
        return False
    members = cls.assignments(name)
    if not members or any(one.how not in ("class", "declared") for one in members):
        return False
    given = [(one.cls.facts, one.value) for one in members if one.value is not None]
    for file in {id(one): one for one in (facts, cls.facts)}.values():
        values = _given_to_field(file, cls, name)
        if values is None:
            return False
        given += [(file, value) for value in values]
    return bool(given) and all(is_number(file, value, depth + 1) for file, value in given)


def _given_to_field(facts: FileFacts, cls: ClassFacts, name: str) -> list[ast.expr] | None:
    """What a file gives the field: ``Config(scale=2)``, ``replace(cfg, scale=2)``, ``cfg.scale = 2``;
    None where it may be anything."""
    found: list[ast.expr] = []
    order = [name for one in reversed(cls.mro) for name, got in one.members.items() if not got[0].method]
    for call in facts.nodes(ast.Call):
        found += [keyword.value for keyword in call.keywords if keyword.arg == name]
        if facts.class_of(call.func) is not cls:
            continue
        if any(isinstance(arg, ast.Starred) for arg in call.args) or any(one.arg is None for one in call.keywords):
            return None
        found += call.args[order.index(name) : order.index(name) + 1]
    for write in facts.writes:
        own = facts.self_attribute(write.target) is not None and facts.class_around(write.target) is not cls
        if isinstance(write.target, ast.Attribute) and write.target.attr == name and not own:
            if write.value is None or write.how != "bind":
                return None
            found.append(write.value)
    return found


def _member_whole(facts: FileFacts, expr: ast.Attribute, depth: int) -> bool:
    """``self.n`` of which every assignment in the class is a whole number."""
    name, cls = facts.self_attribute(expr), facts.class_around(expr)
    members = cls.assignments(name) if name is not None and cls is not None else []
    return bool(members) and all(
        member.how == "assign"
        and member.value is not None
        and is_whole(member.cls.facts, member.value, depth + 1)
        for member in members
    )


def _field_whole(facts: FileFacts, expr: ast.Attribute, depth: int) -> bool:
    """``args.n`` of a class of the project that says ``n: int``, or only gives whole numbers."""
    cls = facts.kind_of(expr.value).cls
    if cls is None or not cls.bases_complete or any(expr.attr in one.members for one in cls.subclasses):
        return False
    members = cls.assignments(expr.attr)
    return bool(members) and all(_whole_in_class(member, depth) for member in members)


def _whole_in_class(member: Member, depth: int) -> bool:
    facts = member.cls.facts
    if member.how not in ("assign", "class", "declared"):
        return False
    annotation = getattr(member.node, "annotation", None)
    if annotation is not None:
        return facts.qualify(annotation) == "builtins.int" and not _says_otherwise(member.value)
    return member.value is not None and is_whole(facts, member.value, depth + 1)


def _is_setting(facts: FileFacts, expr: ast.Attribute) -> bool:
    """``config.hidden_size``, ``self.config.d_model``: a setting by the way everybody calls it."""
    whose = last_name(expr.value)
    return _SETTINGS.search(whose) is not None and _COUNTS.search(expr.attr) is not None


def _defined_whole(facts: FileFacts, use: ast.Name, one: object, depth: int) -> bool:
    how, value = getattr(one, "how", ""), getattr(one, "value", None)
    if how == "argument":
        if _says_otherwise(value):
            return False
        annotation = getattr(one, "annotation", None)
        if annotation is not None:
            return facts.qualify(annotation) == "builtins.int"
        if _COUNTS.search(use.id) or _is_size(facts, use.id, facts.scope_of(use)):
            return True
        values = argument_values(facts, use)
        return bool(values) and all(is_whole(facts, one, depth + 1) for one in values)
    if how == "for" and isinstance(value, ast.Call):
        counts = {"builtins.range": (), "builtins.enumerate": (0,)}.get(facts.qualify(value.func) or "")
        return counts is not None and counts == getattr(one, "path", None)
    if how == "assign" and value is not None and value is not use:
        path = getattr(one, "path", ())
        return _is_shape(value) if len(path) == 1 else not path and is_whole(facts, value, depth + 1)
    return False


def _is_shape(value: ast.expr) -> bool:
    """``out_f, in_f = weight.shape`` or ``weight.size()``: each of them is a whole number."""
    if isinstance(value, ast.Call):
        return isinstance(value.func, ast.Attribute) and value.func.attr == "size" and not value.args
    return isinstance(value, ast.Attribute) and value.attr == "shape"


def _says_otherwise(default: ast.expr | None) -> bool:
    """A default that is no whole number, whatever the annotation says."""
    parts = ast.walk(default) if default is not None else ()
    return any(
        isinstance(part, ast.Constant) and part.value is not None and type(part.value) is not int
        for part in parts
    )


def _is_size(facts: FileFacts, name: str, scope: Scope) -> bool:
    """Whether the function also uses a name where only a whole number fits."""
    for node in scope.nodes(ast.Name):
        if node.id != name or not isinstance(node.ctx, ast.Load):
            continue
        parent = facts.parent(node)
        inside = isinstance(parent, ast.Tuple)
        if inside:
            parent = facts.parent(parent)  # type: ignore[arg-type]
        if not isinstance(parent, ast.Call) or parent.func is node:
            continue
        called = facts.qualify(parent.func) or ""
        if called == "builtins.range":
            return True
        if called in _SIZE_CALLS and (inside or len(parent.args) > 1):
            return True  # alone it may be a whole torch.Size
        if called in _OLD_SIZE_CALLS and not inside and len(parent.args) > 1:
            return True  # alone, or in a tuple, it may be data
        if called == "torch.full" and parent.args and _within(parent.args[0], node):
            return True
        if called.startswith("torch.nn.") and called[9:] in _SIZED and node in parent.args[:2]:
            return True
    return False


def _within(outer: ast.expr, inner: ast.AST) -> bool:
    return any(part is inner for part in ast.walk(outer))


def _is_list(facts: FileFacts, expr: ast.expr) -> bool:
    """Whether it is written out as a list: no array, whose items ``*`` and ``+`` would change."""
    if isinstance(expr, ast.BinOp):
        return any(_is_list(facts, side) for side in (expr.left, expr.right))
    values = facts.reach(expr) or [expr] if isinstance(expr, ast.Name) else [expr]
    return all(isinstance(one, (ast.List, ast.Tuple, ast.ListComp)) for one in values)


def whole_data(facts: FileFacts, data: ast.expr) -> bool:
    """Whether torch makes a tensor of whole numbers (or bools) of it."""
    if isinstance(data, (ast.List, ast.Tuple)):
        return bool(data.elts) and all(whole_data(facts, part) for part in data.elts)
    if isinstance(data, ast.Constant):
        return isinstance(data.value, int)
    if isinstance(data, ast.ListComp):
        return is_whole(facts, data.elt)
    if isinstance(data, ast.BinOp) and isinstance(data.op, (ast.Add, ast.Mult)):
        sides = [_is_list(facts, side) and whole_data(facts, side) for side in (data.left, data.right)]
        if all(sides) or any(sides) and isinstance(data.op, ast.Mult):  # [0] * n
            return True
    if isinstance(data, ast.Call) and facts.qualify(data.func) in ("builtins.range", "builtins.list"):
        inner = data.args[0] if data.args else None
        if facts.qualify(data.func) == "builtins.range":
            return True
        return inner is not None and whole_data(facts, inner)
    if isinstance(data, ast.Attribute):
        name = facts.self_attribute(data)
        constant = class_constant(facts, data, name) if name is not None else None
        return constant is not None and whole_data(facts, constant)
    if isinstance(data, ast.Name):
        given = argument_values(facts, data)
        if given and all(isinstance(v, (ast.List, ast.Tuple)) and whole_data(facts, v) for v in given):
            return True
        values = facts.reach(data)
        if values and all(
            isinstance(v, (ast.List, ast.Tuple, ast.Constant)) and whole_data(facts, v)
            for v in values
        ):
            return True
    return is_whole(facts, data)
