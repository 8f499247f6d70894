"""Names that the code around treats as tensors, and torch functions without side effects."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lint_params.facts.torch_names import COMPUTED, COMPUTED_BELOW, INPLACE_ARGUMENT, NEW_TENSOR_METHODS

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts

#: Called as a statement for what they do besides: waiting for a device, drawing a number.
_SIDE_EFFECTS = frozenset("""
    cpu numpy item tolist values indices register_hook record_stream
""".split())
_NOT_FUNCTIONAL = frozenset("""
    dropout_ relu_ elu_ selu_ celu_ threshold_ rrelu_ hardtanh_
""".split())
#: Attributes and methods that tensors have, and neither Modules nor batches of a library.
_TENSOR_ONLY = frozenset(
    """
        unsqueeze permute masked_fill argmax numel view_as expand_as
        is_floating_point data_ptr unflatten masked_select scatter_ contiguous softmax
        log_softmax topk index_select
    """.split()
)


def is_pure_method(name: str) -> bool:
    return name in NEW_TENSOR_METHODS and name not in _SIDE_EFFECTS


def is_pure_function(qualified: str) -> bool:
    """``torch.relu``, ``torch.nn.functional.softmax``: they only return something."""
    home, _, last = qualified.rpartition(".")
    if home == "torch":
        return (last in COMPUTED or is_pure_method(last)) and not last.endswith("_")
    return qualified in COMPUTED_BELOW or (
        home == "torch.nn.functional" and not last.endswith("_") and last[:1].islower()
    )


def may_work_in_place(call: ast.Call, qualified: str) -> bool:
    """``F.relu(x, inplace=True)``, ``F.dropout(x, 0.5, True, True)``: told by name or by place to change
    what it is given, or by something that nobody can read here."""
    home, _, last = qualified.rpartition(".")
    place = INPLACE_ARGUMENT.get(last) if home == "torch.nn.functional" else None
    named = [keyword.value for keyword in call.keywords if keyword.arg == "inplace"]
    given = call.args[place:] if place is not None else []
    starred = place is not None and any(isinstance(one, ast.Starred) for one in call.args)
    return starred or any(not (isinstance(one, ast.Constant) and one.value is False) for one in [*named, *given[:1]])


def is_argument(facts: FileFacts, name: ast.Name) -> bool:
    """Whether a name can only be an argument of its function (and not ``self``)."""
    found = facts.definitions(name) or ()
    scope = facts.scope_of(name)
    return bool(found) and all(
        one.how == "argument" and one.annotation is None and one.name != scope.self_name
        for one in found
    )


def is_used_as_tensor(facts: FileFacts, name: ast.Name) -> bool:
    """Whether the function also does with the name what only tensors can."""
    for node in facts.scope_of(name).nodes(ast.Name):
        if node.id != name.id or node is name:
            continue
        if facts.definitions(node) != facts.definitions(name):
            continue
        parent = facts.parent(node)
        if (
            isinstance(parent, ast.Attribute) and parent.attr in _TENSOR_ONLY
            and isinstance(facts.parent(parent), ast.Call)
        ):
            return True
        if isinstance(parent, ast.Call) and node in parent.args[: _tensors_taken(facts, parent)]:
            return True
    return False


def _tensors_taken(facts: FileFacts, call: ast.Call) -> int:
    """How many arguments can only be tensors: the first of ``F.softmax(x, -1)``, ``torch.exp(x)`` and
    of a layer of torch, the target of a loss too."""
    home, _, last = (facts.qualify(call.func) or "").rpartition(".")
    if home == "torch.nn.functional":
        return 2 if last.endswith(("loss", "cross_entropy", "with_logits", "kl_div")) else int(last[:1].islower())
    if home == "torch":
        return int(last in NEW_TENSOR_METHODS)
    layer = facts.kind_of(call.func)
    return 2 if layer.layer.endswith("Loss") else int(layer.gives_tensor)


def goes_back(facts: FileFacts, read: ast.expr) -> bool:
    """``self.hits[i] = self.hits[i] + count``: an item is counted up where it lies; no tensor of
    the input meets it."""
    item = facts.parent(read)
    sum_ = facts.parent(item) if isinstance(item, ast.Subscript) and item.value is read else None
    statement = facts.parent(sum_) if isinstance(sum_, ast.BinOp) else None
    if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Subscript):
        return False
    assert isinstance(sum_, ast.BinOp)
    other = sum_.right if sum_.left is item else sum_.left
    plain = isinstance(other, (ast.Name, ast.Constant)) and not facts.kind_of(other).may_be(
        "tensor", "buffer", "parameter"
    )
    return plain and ast.unparse(statement.targets[0]) == ast.unparse(item)  # type: ignore[arg-type]
