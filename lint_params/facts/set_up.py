"""Whether somebody other than its constructor may run ``Module.__init__`` on the objects of a class."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.file import FileFacts
    from lint_params.facts.scope import Scope

#: Only tell a checker the type.
_CASTS = ("typing.cast", "typing_extensions.cast")
#: What a decorator that sets an object up cannot do without.
_SETS_UP = {"__init__", "__new__", "__dict__", "super", "Module", "setattr", "__setattr__", "vars"}


def may_be_set_up(cls: ClassFacts) -> bool:
    """By a metaclass, a ``__new__`` that does more than to make the object, a decorator of ``__init__``, or
    code that puts another ``__init__`` in its place."""
    init = cls.methods.get("__init__")
    if init is not None and any(not _is_harmless(cls, one) for one in init.decorators):
        return True
    if "__new__" in cls.methods or any(_decides(cls, one) for one in cls.mro):
        return True
    return any(
        node.attr == "__init__" and isinstance(node.ctx, ast.Store) and cls.facts.class_of(node.value) is cls
        for node in cls.facts.nodes(ast.Attribute)
    )


def sets_up_heirs(cls: ClassFacts) -> bool:
    """Whether its ``__init_subclass__`` has to do with how the classes below are made, other than to read the
    arguments of their constructors."""
    method = cls.methods.get("__init_subclass__")
    if method is None:
        return False
    return any(node.value == "__init__" for node in method.nodes(ast.Constant)) or any(
        node.attr == "__init__" and not _is_only_read(cls.facts, node) for node in method.nodes(ast.Attribute)
    )


def _is_only_read(facts: FileFacts, init: ast.Attribute) -> bool:
    call = facts.parent(init)
    return isinstance(call, ast.Call) and facts.qualify(call.func) in ("inspect.signature", "inspect.getfullargspec")


def _is_harmless(cls: ClassFacts, decorator: ast.expr) -> bool:
    """``@torch.no_grad()``, ``@override``: the function runs as it is written."""
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    if (cls.facts.qualify(called) or "").startswith(("torch.", "typing.", "typing_extensions.", "warnings.")):
        return True
    return not isinstance(decorator, ast.Call) and _only_wraps(cls.facts.function_behind(called))


def _only_wraps(found: tuple[FileFacts, Scope] | None) -> bool:
    """Whether a decorator of the project is known, and hands the object to nobody but the constructor."""
    node = found[1].node if found is not None else None
    if found is None or not isinstance(node, ast.FunctionDef) or len(node.args.args) != 1:
        return False
    parts = list(found[1].within())
    names = {node.id for part in parts for node in part.nodes(ast.Name)}
    names |= {node.attr for part in parts for node in part.nodes(ast.Attribute)}
    if names & _SETS_UP:
        return False
    init, objects = node.args.args[0].arg, {_first_of(part) for part in parts[1:]}
    return not any(_gets(call, objects) for part in parts for call in part.nodes(ast.Call) if not _runs(call, init))


def _first_of(scope: Scope) -> str:
    args = getattr(scope.node, "args", None)
    names = [*args.posonlyargs, *args.args, args.vararg] if isinstance(args, ast.arguments) else []
    return names[0].arg if names and names[0] is not None else ""


def _runs(call: ast.Call, init: str) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == init


def _gets(call: ast.Call, objects: set[str]) -> bool:
    """Whether a call is given one of the objects, or everything that came in, or is a method of it."""
    if isinstance(call.func, ast.Name) and call.func.id in ("isinstance", "hasattr", "type"):
        return False
    parts = [call.func, *call.args, *(keyword.value for keyword in call.keywords)]
    return any(isinstance(node, ast.Name) and node.id in objects for part in parts for node in ast.walk(part))


def _decides(cls: ClassFacts, base: ClassFacts) -> bool:
    """Whether a base of the class, or it itself, has a say in how objects are made."""
    if any(keyword.arg is None for keyword in base.node.keywords) or not base.has_plain_metaclass:
        return True
    made = base.methods.get("__new__")
    if made is not None and not _only_makes(cls, base, made):
        return True
    return base is not cls and sets_up_heirs(base)


def _only_makes(cls: ClassFacts, base: ClassFacts, new: Scope) -> bool:
    """Whether a ``__new__`` gives back what ``super().__new__(cls)`` made, and hands it to nobody but to methods of
    the class that call no constructor."""
    read = {node.attr for part in new.within() for node in part.nodes(ast.Attribute)}
    if read & {"__init__", "__class__", "__dict__"}:
        return False
    made = {
        ast.unparse(target)
        for node in new.nodes(ast.Assign)
        if _is_made(base.facts, node.value)
        for target in node.targets
    }
    if not all(_is_object(base.facts, node.value, made) for node in new.nodes(ast.Return)):
        return False
    objects = {*made, new.instance_name or "cls"}
    return all(
        _is_made(base.facts, call) or _is_super(call) or not _gets(call, objects) or _is_own(cls, call, objects)
        for part in new.within()
        for call in part.nodes(ast.Call)
    )


def _is_super(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == "super"


def _is_made(facts: FileFacts, value: ast.expr | None) -> bool:
    """``super().__new__(cls)``, and that with its type said."""
    if not isinstance(value, ast.Call):
        return False
    if facts.qualify(value.func) in _CASTS:
        return len(value.args) == 2 and (isinstance(value.args[1], ast.Name) or _is_made(facts, value.args[1]))
    return isinstance(value.func, ast.Attribute) and value.func.attr == "__new__"


def _is_object(facts: FileFacts, value: ast.expr | None, made: set[str]) -> bool:
    return value is not None and ast.unparse(value) in made or _is_made(facts, value)


def _is_own(cls: ClassFacts, call: ast.Call, objects: set[str]) -> bool:
    """``instance._encode(value)``, a method that the project shows and that calls no constructor, or a call that
    is given no more than an attribute."""
    parts = [node for part in (*call.args, *(word.value for word in call.keywords)) for node in ast.walk(part)]
    read = {id(node.value) for node in parts if isinstance(node, ast.Attribute)}
    if any(isinstance(node, ast.Name) and node.id in objects and id(node) not in read for node in parts):
        return False
    func = call.func
    if not isinstance(func, ast.Attribute) or not isinstance(func.value, ast.Name) or func.value.id not in objects:
        return not isinstance(func, ast.Name) or func.id not in objects
    found = cls.method(func.attr)
    return found is not None and not any(_may_set_up(part) for part in found[1].within())


def _may_set_up(method: Scope) -> bool:
    """Whether a method calls a constructor, another method of the object, or hands the object on."""
    if any(node.attr in _SETS_UP for node in method.nodes(ast.Attribute)):
        return True
    objects = {method.instance_name or ""}
    return any(_gets(call, objects) for call in method.nodes(ast.Call))
