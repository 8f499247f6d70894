"""What a call returns: constructors, torch functions, methods, functions of the project."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from lint_params.facts.torch_names import COMPUTED, COMPUTED_BELOW, CREATORS, PARTS
from lint_params.facts.value.call_sites import default_of, is_none_by_default
from lint_params.facts.value.contents import is_record
from lint_params.facts.value.kinds import NUMBER, TENSOR, UNKNOWN, Kind, join
from lint_params.facts.value.method_calls import method_kind
from lint_params.trees import is_none

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts

_TENSORS = ("parameter", "buffer", "tensor")
_COPIES = ("copy.deepcopy", "copy.copy")
_COMPILES = ("torch.compile", "torch.jit.script", "torch.nn.parallel.DistributedDataParallel")
#: torch.nn.utils functions that give back the module they were given.
_RETURN_MODULE = ("weight_norm", "spectral_norm", "remove_weight_norm", "remove_spectral_norm")


def call_kind(facts: FileFacts, node: ast.Call) -> Kind:
    func = node.func
    qualified = facts.qualify(func)
    if qualified is not None:
        kind = _known_call(facts, node, qualified)
        if kind is not None:
            return kind
    elif isinstance(func, ast.Attribute):
        kind = method_kind(facts, node, func)
        if kind is not None:
            return kind
    if is_record(facts, func):
        items = tuple(facts.kind_of(arg) for arg in node.args) if not node.keywords else None
        return Kind("tuple", node, facts, items=items)
    wholes = _completed(facts, node)
    if wholes:
        return join(call_kind(facts, whole) for whole in wholes)
    callee = facts.kind_of(func) if not isinstance(func, ast.Lambda) else UNKNOWN
    if callee.what == "class":
        return _instance(facts, node, callee)
    if callee.what == "choice" and all(one.what == "class" for one in callee.choices):
        return join(_instance(facts, node, one) for one in callee.choices)
    if callee.gives_tensor:
        return Kind("tensor", node, facts, torch=callee.torch)
    if isinstance(callee.node, ast.Lambda) and callee.facts is not None:
        return callee.facts.kind_of(callee.node.body)
    return facts.returned(node)


def _completed(facts: FileFacts, node: ast.Call) -> list[ast.Call]:
    """The whole calls behind ``block = partial(Block, dim)``: ``Block(dim, ...)`` for ``block(...)``
    and for ``partial(Block, dim)(...)``; for ``partial(...) if flag else Block`` those of both."""
    values = facts.reach(node.func) if isinstance(node.func, (ast.Name, ast.Call)) else None
    arms = [arm for value in values or () for arm in _arms(value)]
    wholes = [completed(facts, node, arm) for arm in arms]
    if not any(wholes):
        return []
    return [whole or _called(facts, node, arm, node.args, node.keywords) for whole, arm in zip(wholes, arms)]


def _arms(value: ast.expr) -> list[ast.expr]:
    return [*_arms(value.body), *_arms(value.orelse)] if isinstance(value, ast.IfExp) else [value]


def _called(
    facts: FileFacts, node: ast.Call, func: ast.expr, args: list[ast.expr], keywords: list[ast.keyword]
) -> ast.Call:
    """The call of another function, in the place of this one."""
    call = ast.copy_location(ast.Call(func, args, keywords), node)
    facts.index.parents[call] = facts.index.parents[node]
    return call


def made(facts: FileFacts, expr: ast.expr) -> Kind:
    """What an expression makes; of ``norm_layer(dim)``, an argument of which nobody says more than
    that it makes Modules, what it makes where the argument is left at its default."""
    kind = facts.kind_of(expr)
    if not isinstance(expr, ast.Call) or not isinstance(expr.func, ast.Name):
        return kind
    some_module = kind.annotated and kind.torch == "torch.nn.Module"
    default = _by_default(facts, expr.func) if kind.what == "unknown" or some_module else None
    if default is None:
        return kind
    whole = completed(facts, expr, default)
    if whole is not None:
        return call_kind(facts, whole)
    callee = facts.kind_of(default)
    return _instance(facts, expr, callee) if callee.what == "class" else kind


def _by_default(facts: FileFacts, use: ast.Name) -> ast.expr | None:
    """What an argument stands for where nobody gives it: its default, or what takes the place of None."""
    default = default_of(facts, use)
    if default:
        return default[0]
    found = facts.definitions(use) or ()
    values = [one.value for one in found if one.how == "assign" and one.value is not None and not one.path]
    if len(values) != 1 or len(found) > 2:
        return None
    value = values[0]
    if len(found) == 2:
        statement = facts.statement(value)
        above = facts.parent(statement) if statement is not None else None
        rest = [one for one in found if one.how == "argument" and is_none(one.value)]
        asked = isinstance(above, ast.If) and ast.unparse(above.test) in (f"{use.id} is None", f"not {use.id}")
        return value if rest and asked else None
    if isinstance(value, ast.BoolOp) and isinstance(value.op, ast.Or) and len(value.values) == 2:
        return value.values[1] if is_none_by_default(facts, value.values[0]) else None
    if isinstance(value, ast.IfExp) and isinstance(value.test, ast.Compare) and is_none(value.test.comparators[-1]):
        if len(value.test.ops) == 1 and is_none_by_default(facts, value.test.left):
            return value.body if isinstance(value.test.ops[0], ast.Is) else value.orelse
    return None


def completed(facts: FileFacts, node: ast.Call, part: ast.expr) -> ast.Call | None:
    """The call with what ``part``, a partial, has already."""
    if not isinstance(part, ast.Call) or facts.qualify(part.func) != "functools.partial" or not part.args:
        return None
    later = {keyword.arg for keyword in node.keywords}
    kept = [keyword for keyword in part.keywords if keyword.arg not in later]
    return _called(facts, node, part.args[0], [*part.args[1:], *node.args], [*kept, *node.keywords])


def _instance(facts: FileFacts, node: ast.Call, callee: Kind) -> Kind:
    if callee.annotated:  # Type[nn.Module]: some Module
        return replace(callee, what="module", node=node, facts=facts, optional=False)
    if callee.cls is not None:
        what = "module" if callee.cls.is_module else "object"
        return Kind(what, node, facts, cls=callee.cls)
    return _known_call(facts, node, callee.torch) or UNKNOWN


def _known_call(facts: FileFacts, node: ast.Call, name: str) -> Kind | None:
    """A call of something outside the project; None: ask the project."""
    from lint_params.facts.value.infer import instance_of

    if name.startswith("builtins."):
        return _builtin(facts, node, name[9:])
    if name == "typing.cast" and len(node.args) == 2:
        return facts.kind_of(node.args[1])
    if not name.startswith(("torch", "copy.", "functools.", "itertools.", "collections.")):
        return None
    made = instance_of(name)
    if made.known:
        if made is TENSOR:
            return Kind("tensor", node, facts, torch="torch.Tensor")
        return replace(made, node=node, facts=facts, element=_contents(facts, node, made))
    if name in CREATORS:
        return Kind("tensor", node, facts, torch=name)
    if name in _COPIES and node.args:
        return replace(facts.kind_of(node.args[0]), node=node, facts=facts, owner=None, member="")
    if (name in _COMPILES or name == "torch.autograd.Variable") and node.args:
        return facts.kind_of(node.args[0])
    home, _, last = name.rpartition(".")
    if home in ("torch.nn.utils", "torch.nn.utils.parametrizations") and node.args:
        if last in _RETURN_MODULE or home.endswith("parametrizations"):
            return facts.kind_of(node.args[0])
    if name == "torch.meshgrid" and node.args:
        return Kind("tuple", node, facts, element=Kind("tensor", origin=facts.kind_of(node.args[0])))
    if home == "torch" and last in PARTS:
        return Kind("tuple", node, facts, element=TENSOR)
    if (home == "torch" and last in COMPUTED) or home == "torch.nn.functional" or name in COMPUTED_BELOW:
        origin = facts.kind_of(node.args[0]) if node.args else UNKNOWN
        return Kind("tensor", node, facts, name, origin=origin if origin.known else None)
    if home == "torch.nn.init" and node.args:
        return facts.kind_of(node.args[0])
    if name == "collections.OrderedDict":
        return Kind("dict", node, facts, element=_held(facts, node))
    if name == "collections.defaultdict":
        return Kind("dict", node, facts)
    if name == "collections.deque":
        return Kind("list", node, facts)
    if name in ("itertools.chain", "itertools.chain.from_iterable"):
        parts = [facts.kind_of(arg).element for arg in node.args]
        return Kind("iterator", node, facts, element=join(part or UNKNOWN for part in parts))
    return UNKNOWN if name.startswith("torch.") else None


def _contents(facts: FileFacts, node: ast.Call, made: Kind) -> Kind | None:
    """What the items of a ModuleList, Sequential, ParameterList ... are."""
    if not made.is_module_container or not node.args:
        return None
    if len(node.args) == 1 and not made.torch.endswith("Sequential"):
        return facts.kind_of(node.args[0]).element
    kinds = [
        facts.kind_of(arg.value).element or UNKNOWN
        if isinstance(arg, ast.Starred)
        else facts.kind_of(arg)
        for arg in node.args
    ]
    if len(kinds) == 1 and kinds[0].what == "dict":
        return kinds[0].element
    return join(kinds)


def _builtin(facts: FileFacts, node: ast.Call, name: str) -> Kind | None:
    first = facts.kind_of(node.args[0]) if node.args else UNKNOWN
    if name in ("list", "tuple", "set", "sorted", "reversed", "iter", "filter"):
        if name == "filter" and len(node.args) == 2:
            first = facts.kind_of(node.args[1])
        what = {"sorted": "list", "reversed": "iterator", "iter": "iterator", "filter": "iterator"}
        element = iterated(first) if node.args else None
        items = first.items if name in ("list", "tuple") else None
        return Kind(what.get(name, name), node, facts, element=element, items=items)
    if name == "dict":
        return Kind("dict", node, facts, element=_held(facts, node))
    if name == "sum" and len(node.args) == 2 and isinstance(node.args[1], ast.List):
        return Kind("list", node, facts, element=_held(facts, ast.Call(node.func, node.args[:1], [])))
    if name == "enumerate":
        pair = Kind("tuple", items=(NUMBER, iterated(first)))
        return Kind("iterator", node, facts, element=pair)
    if name == "zip":
        pair = Kind("tuple", items=tuple(iterated(facts.kind_of(arg)) for arg in node.args))
        return Kind("iterator", node, facts, element=pair)
    if name == "map":
        return Kind("iterator", node, facts, element=_mapped(facts, node))
    if name == "next":
        return first.element or UNKNOWN
    if name in ("int", "float", "len", "abs", "round", "bool", "hash", "id", "ord"):
        return NUMBER if first.what not in _TENSORS or name == "len" else UNKNOWN
    if name == "range":
        return Kind("iterator", node, facts, element=NUMBER)
    if name in ("getattr",):
        return _getattr(facts, node, first)
    if name in ("str", "repr", "format"):
        return Kind("string")
    if name == "super":
        return UNKNOWN
    return UNKNOWN


def _getattr(facts: FileFacts, node: ast.Call, owner: Kind) -> Kind:
    from lint_params.facts.value.infer import attribute_of, is_torch_class

    names = facts.words(node.args[1]) if len(node.args) == 2 else None
    home = facts.qualify(node.args[0]) if names else None
    if home == "torch.nn" and all(is_torch_class(f"{home}.{name}") for name in names or ()):
        return join(Kind("class", node, facts, torch=f"{home}.{name}") for name in names or ())
    return join(attribute_of(owner, str(name)) for name in names) if names else UNKNOWN


def _held(facts: FileFacts, node: ast.Call) -> Kind | None:
    """What the values of ``dict(...)`` are; None where it holds nothing, or nothing that is shown."""
    held = [item.kind for item in facts.items_of(node)]
    if node.args and not facts.items_of(ast.Call(node.func, node.args, [])):
        held.append(_second(iterated(facts.kind_of(node.args[0]))) or UNKNOWN)
    return join(held) if held else None


def _second(pair: Kind) -> Kind | None:
    return pair.items[1] if pair.items is not None and len(pair.items) == 2 else None


def _mapped(facts: FileFacts, node: ast.Call) -> Kind | None:
    """What ``map(f, ...)`` gives, one at a time."""
    given = node.args[0] if node.args else None
    if isinstance(given, ast.Lambda):
        return facts.kind_of(given.body)
    made = facts.kind_of(given) if given is not None else UNKNOWN
    return _instance(facts, node, made) if made.what == "class" and made.cls is not None else None


def iterated(kind: Kind) -> Kind:
    """What a loop over it yields."""
    if kind.what == "choice":
        return join(iterated(choice) for choice in kind.choices)
    if kind.what == "dict":
        return UNKNOWN
    if kind.what in _TENSORS:
        return Kind("tensor", origin=kind)
    if kind.torch in ("torch.nn.ModuleDict", "torch.nn.ParameterDict"):
        return Kind("string")
    if kind.is_container or kind.is_module_container:
        if kind.element is not None:
            return kind.element
        if kind.torch == "torch.nn.ParameterList":
            return Kind("parameter", torch="torch.nn.Parameter", annotated=True)
    return UNKNOWN
