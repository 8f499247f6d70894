"""Code that goes over all parameters or modules of ``self``: does it reach one Parameter?"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lint_params.trees import last_name

if TYPE_CHECKING:
    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.file import FileFacts
    from lint_params.facts.scope import Scope

#: Anything of these on ``self`` may reach every parameter.
_ALL = frozenset(
    """
        apply parameters named_parameters modules named_modules children named_children
        state_dict load_state_dict _parameters post_init init_weights _init_weights weights_init
        initialize_weights __dict__
        register_load_state_dict_pre_hook _register_load_state_dict_pre_hook
    """.split()
)
_RESETS = ("reset_parameters", "_reset_parameters")
_RESET_WHOLE = ("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell", "Transformer")
_ASK = ("isinstance", "hasattr", "type", "print", "id")
_HARMLESS = ("super", "isinstance", "hasattr", "type", "print", "len", "id")


def reaches_all(
    facts: FileFacts, scope: Scope, cls: ClassFacts, name: str, made: ast.AST
) -> bool:
    """Whether a function does something to all parameters that may include ``name``, or hands
    ``self`` to somebody."""
    instance = scope.instance_name
    if instance is None:
        return False
    for node in scope.nodes(ast.Name):
        if node.id != instance or not isinstance(node.ctx, ast.Load):
            continue
        parent = facts.parent(node)
        if isinstance(parent, ast.Attribute):
            goes_over_all = parent.attr in _ALL or parent.attr in _RESETS and _torch_resets_all(cls)
            if goes_over_all and not _is_own_method(cls, parent) and not _misses(facts, parent, cls, name, made):
                return True
            continue
        if isinstance(parent, ast.Call) and node in parent.args and (
            _is_harmless(parent) or is_looked_at(facts, parent, node)
        ):
            continue
        return True
    return False


def _torch_resets_all(cls: ClassFacts) -> bool:
    """Whether torch's own reset goes over all parameters, also those of a class below."""
    return any(base in _RESET_WHOLE for base in cls.torch_bases)


def _is_own_method(cls: ClassFacts, node: ast.Attribute) -> bool:
    """Whether ``self.init_weights`` is a method that the project shows: what it writes is read."""
    return cls.method(node.attr) is not None


def _is_harmless(call: ast.Call) -> bool:
    func = call.func
    if isinstance(func, ast.Attribute):
        return func.attr == "__init__"
    if not isinstance(func, ast.Name):
        return False
    if func.id == "setattr" and len(call.args) > 1:
        return isinstance(call.args[1], ast.Constant)
    return func.id in _HARMLESS


def is_looked_at(facts: FileFacts, call: ast.Call, given: ast.Name) -> bool:
    """Whether a function of the project only asks for its class: ``log_usage(self)``."""
    into = facts.receiver_of(call, given)
    if into is None:
        return False
    there, uses = into
    for use in uses:
        parent = there.parent(use)
        asked = isinstance(parent, ast.Attribute) and parent.attr in ("__class__", "__module__", "__name__")
        handed = isinstance(parent, ast.Call) and use in parent.args and last_name(parent.func) in _ASK
        if not asked and not handed:
            return False
    return True


def _misses(
    facts: FileFacts, node: ast.Attribute, cls: ClassFacts, name: str, made: ast.AST
) -> bool:
    """Whether ``self.apply(f)`` or a loop over ``self.parameters()`` or ``self.modules()`` surely
    leaves it alone."""
    call = facts.parent(node)
    if not isinstance(call, ast.Call) or call.func is not node:
        return False
    if node.attr == "apply":
        return bool(call.args) and visits(facts, call.args[0], cls, name) is False
    loop = facts.parent(call)
    if not isinstance(loop, ast.For) or loop.iter is not call or loop.orelse:
        return False
    target = loop.target
    if node.attr == "parameters" and isinstance(target, ast.Name):
        return _skips(facts, loop, "", target.id, name, made)
    if node.attr == "named_parameters" and isinstance(target, ast.Tuple) and len(target.elts) == 2:
        words = [part.id if isinstance(part, ast.Name) else "" for part in target.elts]
        return _skips(facts, loop, words[0], words[1], name, made)
    if node.attr == "modules" and isinstance(target, ast.Name):
        names = [part for part in ast.walk(loop) if isinstance(part, ast.Name) and part is not target]
        return not any(_touches(facts, part, cls, name) for part in names if part.id == target.id)
    return False


def visits(facts: FileFacts, given: ast.expr, cls: ClassFacts, name: str) -> bool | None:
    """Whether the function that ``apply`` is given, of this or another file, may touch
    ``module.<name>`` of each module; None where it is not known."""
    found = facts.function_of(ast.Call(given, [], []))
    return None if found is None else _visits(found[0], found[1], cls, name)


def _visits(facts: FileFacts, scope: Scope, cls: ClassFacts, name: str) -> bool:
    """Whether a function that gets each module may touch ``module.<name>``."""
    given = scope.node.args if isinstance(scope.node, ast.FunctionDef) else None
    if given is None or scope.children or given.kwonlyargs:
        return True
    arguments = [*given.posonlyargs, *given.args]
    if scope.instance_name is not None:
        arguments = arguments[1:]
    if len(arguments) != 1:
        return True
    module = arguments[0].arg
    names = [node for node in scope.nodes(ast.Name) if node.id == module]
    return any(_touches(facts, node, cls, name) for node in names)


def _touches(facts: FileFacts, module: ast.Name, cls: ClassFacts, name: str) -> bool:
    """Whether a use of a module that may be the whole model has to do with ``module.<name>``."""
    parent = facts.parent(module)
    if isinstance(parent, ast.Attribute):
        return parent.attr == name or parent.attr in _ALL or cls.method(parent.attr) is not None
    return not (isinstance(parent, ast.Call) and module in parent.args and _is_harmless(parent))


def _skips(
    facts: FileFacts, loop: ast.For, key: str, parameter: str, name: str, made: ast.AST
) -> bool:
    """Whether every statement of the loop stands under a condition that does not hold for it."""
    for statement in loop.body:
        while isinstance(statement, ast.If):
            if not _fails(facts, statement.test, key, parameter, name, made):
                return False
            if not statement.orelse:
                break
            if len(statement.orelse) > 1:
                return False
            statement = statement.orelse[0]
        else:
            return False
    return True


def _fails(
    facts: FileFacts, test: ast.expr, key: str, parameter: str, name: str, made: ast.AST
) -> bool:
    """``p.dim() > 1`` of a vector; ``"weight" in key`` of another name."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return False
    right, operator = test.comparators[0], test.ops[0]
    if isinstance(operator, ast.In) and isinstance(right, ast.Name) and right.id == key:
        word = test.left.value if isinstance(test.left, ast.Constant) else None
        return isinstance(word, str) and word not in name
    rank = _rank(facts, made)
    if not isinstance(right, ast.Constant) or not isinstance(right.value, int) or rank is None:
        return False
    asked = ast.unparse(test.left)
    if asked not in (f"{parameter}.dim()", f"{parameter}.ndim", f"len({parameter}.shape)",
                     f"len({parameter}.size())", f"{parameter}.ndimension()"):  # fmt: skip
        return False
    if isinstance(operator, ast.Gt):
        return rank <= right.value
    return isinstance(operator, ast.GtE) and rank < right.value


def _rank(facts: FileFacts, made: ast.AST) -> int | None:
    """How many dimensions the new Parameter has."""
    data = facts.argument(made, 0, "data") if isinstance(made, ast.Call) else None
    found = facts.creation(data) if data is not None else None
    if found is None:
        return None
    if found.shape is None and len(found.node.args) == 1 and facts.is_whole(found.node.args[0]):
        return 1
    return len(found.shape) if found.shape is not None else None
