"""Whether a module has trainable parameters, from how it was made."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.facts.members import argument
from lint_params.facts.torch_names import LAYER_PARAMETERS
from lint_params.facts.value.kinds import Kind

if TYPE_CHECKING:
    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.file import FileFacts
    from lint_params.facts.members import Member

#: Normalisation layers whose parameters a flag takes away: the flag and its place.
_FLAGS = {
    "BatchNorm1d": ("affine", 3, True),
    "BatchNorm2d": ("affine", 3, True),
    "BatchNorm3d": ("affine", 3, True),
    "SyncBatchNorm": ("affine", 3, True),
    "InstanceNorm1d": ("affine", 3, False),
    "InstanceNorm2d": ("affine", 3, False),
    "InstanceNorm3d": ("affine", 3, False),
    "LazyInstanceNorm1d": ("affine", 2, False),
    "LazyInstanceNorm2d": ("affine", 2, False),
    "LazyInstanceNorm3d": ("affine", 2, False),
    "GroupNorm": ("affine", 3, True),
    "LayerNorm": ("elementwise_affine", 2, True),
    "RMSNorm": ("elementwise_affine", 2, True),
}


#: Words in a class's source that say that what it holds is meant to stay as it is.
FROZEN = ("requires_grad", "requires_grad_", "eval", "freeze", "no_grad", "inference_mode")


def kind_owns(kind: Kind, depth: int = 0) -> bool | None:
    """True: surely has parameters; False: surely none; None: the source does not say."""
    if depth > 12:
        return None
    if kind.what == "choice":
        answers = {kind_owns(choice, depth + 1) for choice in kind.choices}
        return answers.pop() if len(answers) == 1 else None
    if kind.is_parameter:
        return True
    if kind.what not in ("module", "object"):
        return None
    if kind.cls is not None:
        answer = class_owns(kind.cls, depth + 1)
        return True if answer is None and _is_given_new(kind, depth) else answer
    if kind.is_module_container:
        return _contents_own(kind, depth)
    if not kind.layer or kind.layer in ("Module", "Container"):
        return None
    if kind.layer not in LAYER_PARAMETERS:
        return False
    flag = _FLAGS.get(kind.layer)
    if flag is not None:
        name, place, default = flag
        given = argument(kind.node, place, name) if isinstance(kind.node, ast.Call) else None
        if given is None:
            return default
        if isinstance(given, ast.Constant):
            return bool(given.value)
        return True if kind.facts is not None and _is_on_by_default(kind.facts, given) else None
    return True


def _is_on_by_default(facts: FileFacts, flag: ast.expr) -> bool:
    """``elementwise_affine=self.affine`` of a constructor whose ``affine`` is True unless somebody says otherwise."""
    name, cls = facts.self_attribute(flag), facts.class_around(flag)
    if name is not None and cls is not None:
        made = cls.assignments(name)
        value = made[0].value if len(made) == 1 and made[0].method == "__init__" else None
        return isinstance(value, ast.Name) and made[0].cls.facts is facts and _is_on_by_default(facts, value)
    default = facts.default_of(flag) if isinstance(flag, ast.Name) else []
    return bool(default) and all(isinstance(one, ast.Constant) and one.value is True for one in default)


def _contents_own(kind: Kind, depth: int) -> bool | None:
    call = kind.node
    if not isinstance(call, ast.Call) or kind.facts is None:
        return None
    if not call.args:
        return False
    if any(_given_owns(kind.facts, call, arg, depth) for arg in call.args):
        return True
    if kind.layer == "Sequential":
        kinds = [
            kind.facts.kind_of(arg.value).element if isinstance(arg, ast.Starred) else
            kind.facts.made(arg)
            for arg in call.args
        ]
        if len(kinds) == 1 and kinds[0] is not None and kinds[0].what == "dict":
            kinds = [kinds[0].element]
    else:
        inside = kind.facts.kind_of(call.args[0])
        kinds = list(inside.items) if inside.items is not None else [inside.element]
    answers = [kind_owns(one, depth + 1) if one is not None else None for one in kinds]
    if True in answers:
        return True
    return False if answers and all(answer is False for answer in answers) else None


def _given_owns(facts: FileFacts, call: ast.Call, arg: ast.expr, depth: int) -> bool:
    """Whether a list or dict that a container is given surely holds a layer with parameters."""
    given = arg.value if isinstance(arg, ast.Starred) else arg
    part = _ends_cut(given)
    if part is not None and isinstance(given, ast.Subscript):
        given = given.value
    if facts.kind_of(given).what not in ("list", "tuple", "dict"):
        return False
    around = [one.node for one in facts.conditions(call)]
    items = facts.items_of(given)
    if part is not None and not all(_in_any_case(facts, item.node, around) for item in items):
        return False  # nobody knows which ones are cut off
    return any(
        not _maybe(item.kind) and _in_any_case(facts, item.node, around) and kind_owns(item.kind, depth + 1)
        for item in items[part or slice(None)]
    )


def _ends_cut(given: ast.expr) -> slice | None:
    """``layers[:-1]``, ``layers[1:]``: how many are left out at which end."""
    cut = given.slice if isinstance(given, ast.Subscript) else None
    if not isinstance(cut, ast.Slice) or cut.step is not None:
        return None
    try:
        first, last = (ast.literal_eval(one) if one is not None else None for one in (cut.lower, cut.upper))
    except ValueError:
        return None
    numbers = all(one is None or type(one) is int for one in (first, last))
    return slice(first, last) if numbers else None


def _in_any_case(facts: FileFacts, node: ast.AST, around: list[ast.AST]) -> bool:
    """Whether it runs wherever what stands ``around`` does, loops taken as run."""
    return all(one.what in ("for", "while") or one.node in around for one in facts.conditions(node))


def class_owns(cls: ClassFacts, depth: int = 0) -> bool | None:
    """Whether instances of a class of the project have parameters: registered or, for a
    class that is no Module, held in its attributes."""
    unknown = not cls.bases_complete
    for one in cls.mro:
        for member in one.dynamic_members:
            unknown = True
            if member.how == "add_module" and not _maybe(member.kind) and kind_owns(member.kind, depth + 1):
                if _always(one.facts, member.node) and member.method in cls.surely_built_by:
                    return True
        for name, members in one.members.items():
            for member in members:
                if member.how in ("declared", "delete"):
                    continue
                if not cls.is_module and not _is_made(member):
                    continue  # what a plain object was given belongs to whoever gave it
                answer = kind_owns(member.kind, depth + 1)
                if answer and member.kind.annotated:
                    answer = None  # what it is given: its own only if that was made for it
                if answer is False and member.kind.is_module_container:
                    answer = _grown_owns(one, name, depth)
                if answer is True and member.method in cls.surely_built_by and not _maybe(member.kind):
                    if not any(c.what in ("if", "else") for c in member.conditions):
                        return True
                    unknown = True
                elif answer is not False and member.kind.may_be(
                    "unknown", "module", "parameter", "object", "list", "dict"
                ):
                    unknown = True
    if any(kind_owns(Kind("module", torch=f"torch.nn.{b}"), depth + 1) for b in cls.torch_bases):
        return True
    if "Sequential" in cls.torch_bases:
        given = _given_to_sequential(cls, depth)
        return True if given else None
    return None if unknown else False


def _is_given_new(kind: Kind, depth: int) -> bool:
    """``Residual(nn.Linear(3, 4))``: whether a Module keeps a layer that was made for it."""
    call, found = kind.node, kind.cls.method("__init__") if kind.cls is not None else None
    if found is None or kind.facts is None or not isinstance(call, ast.Call) or not found[0].is_module:
        return False
    still = (*FROZEN, "detach")
    if any(node.attr in still for scope in found[0].scope.within() for node in scope.nodes(ast.Attribute)):
        return False
    kept = {name for members in found[0].members.values() for name in _kept(members)}
    spec = found[1].node.args if isinstance(found[1].node, ast.FunctionDef) else None
    if spec is None:
        return False
    names = [arg.arg for arg in (*spec.posonlyargs, *spec.args)][1:]
    given = [argument(call, place, name) for place, name in enumerate(names) if name in kept]
    given += [word.value for word in call.keywords if word.arg in kept and word.arg not in names]
    if spec.vararg is not None and spec.vararg.arg in kept:
        given = [*given, *call.args[len(names) :]]
    return any(_is_made_with_parameters(kind.facts, one, depth) for one in given)


def _kept(members: list[Member]) -> Iterator[str]:
    """The arguments that a constructor keeps in any case: ``self.fn = fn``, ``nn.ModuleList(fns)``."""
    member = members[0]
    if len(members) > 1:
        return
    if member.how != "assign" or member.method != "__init__" or member.conditions or member.value is None:
        return
    given = [member.value]
    if isinstance(member.value, ast.Call) and member.kind.is_module_container:
        given = [part for arg in member.value.args for part in (arg.elts if isinstance(arg, ast.List) else [arg])]
    for value in given:
        value = value.value if isinstance(value, ast.Starred) else value
        if isinstance(value, ast.Name) and member.scope.bound.get(value.id) == [
            arg for arg in member.scope.arguments if arg.arg == value.id
        ]:
            yield value.id


def _is_made_with_parameters(facts: FileFacts, given: ast.expr | None, depth: int) -> bool:
    """Whether what stands here as an argument, or each of the layers in it, is made on the spot."""
    if isinstance(given, ast.Starred) and isinstance(given.value, (ast.List, ast.Tuple, ast.ListComp)):
        items = facts.items_of(given.value)
        return any(isinstance(item.expr, ast.Call) and kind_owns(item.kind, depth + 1) for item in items)
    return isinstance(given, ast.Call) and bool(kind_owns(facts.made(given), depth + 1))


def _given_to_sequential(cls: ClassFacts, depth: int) -> bool:
    """Whether a class that is an ``nn.Sequential`` surely hands it a layer with parameters."""
    for one in cls.mro:
        for call in one.parent_init_calls:
            for arg in call.args if one.facts.scope_of(call).name == "__init__" else ():
                kind = one.facts.kind_of(arg)
                if not isinstance(arg, ast.Starred) and not _maybe(kind) and kind_owns(kind, depth + 1):
                    return True
    return False


def _grown_owns(cls: ClassFacts, name: str, depth: int) -> bool | None:
    """Of a container that begins empty: whether what goes into it has parameters."""
    items = cls.items(name)
    sure = [item for item in items if item.fresh and _always(cls.facts, item.node)]
    if any(kind_owns(item.kind, depth + 1) and not _maybe(item.kind) for item in sure):
        return True
    return None if items else False


def _always(facts: FileFacts, node: ast.AST) -> bool:
    """Whether the constructor surely comes by, loops taken as run."""
    cls, name = facts.class_around(node), facts.scope_of(node).name
    built = cls is not None and name in cls.surely_built_by
    return (built or name == "__init__") and _in_any_case(facts, node, [])


def _is_made(member: Member) -> bool:
    return isinstance(member.value, ast.Call) and not member.kind.annotated


def _maybe(kind: Kind) -> bool:
    """Whether it may be None instead; what all of a choice have is answered by ``kind_owns``."""
    return any(one.optional or one.what == "none" for one in kind.every())
