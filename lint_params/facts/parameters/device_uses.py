"""What a Module does in forward with a tensor that stays where it was made: needs it where the input
is, moves it, or only asks it something."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts
    from lint_params.facts.value.kinds import Kind

_MOVES = frozenset("to cuda cpu type_as type float double half bfloat16 new_tensor pin_memory".split())
_ASKS = frozenset(
    "shape size device dtype dim ndim numel tolist item numpy __len__ copy_ is_cuda".split()
)
#: Methods of a tensor that need their argument on the same device.
_TAKES = frozenset(
    "masked_fill masked_fill_ matmul mm bmm mul mul_ add add_ sub sub_ div div_ lerp lerp_ where "
    "maximum minimum addcmul addcdiv einsum dot logical_and logical_or eq ne".split()
)
#: Functions that take no other tensor: what matters is where the result goes.
_TAKES_ONE = frozenset(
    "multinomial bernoulli softmax log_softmax sigmoid tanh exp log sqrt abs neg argmax argsort cumsum flip roll "
    "unbind tile broadcast_to as_tensor clone unsqueeze squeeze reshape permute transpose sin cos Parameter".split()
)
#: Layers of torch that want their input where their weights are.
_PLAIN_LAYERS = frozenset(
    "Linear Bilinear Embedding EmbeddingBag Conv1d Conv2d Conv3d LayerNorm GroupNorm RMSNorm LSTM GRU RNN".split()
)
_EINOPS = ("einops.rearrange", "einops.repeat", "einops.reduce")
_CASTS = ("float", "double", "half", "bfloat16")
_DTYPE = re.compile(r"torch\.(b?float|half|double|u?int|long|short|bool)\d*$")
_ROWS = ("torch.linspace", "torch.arange", "torch.logspace")


def device_use(facts: FileFacts, node: ast.expr, depth: int = 0) -> str:
    """"used" (arithmetic or an argument), "moved", or "asked" (shape, index, number)."""
    parent = facts.parent(node)
    below: ast.AST = node
    while parent is not None and (
        isinstance(parent, (ast.Attribute, ast.Subscript, ast.UnaryOp, ast.Compare))
        or (isinstance(parent, ast.Call) and parent.func is below)
        or (isinstance(parent, ast.IfExp) and parent.test is not below)
        or _with_number(facts, parent, node)
    ):
        if isinstance(parent, ast.Attribute):
            if parent.attr in _MOVES and not _only_casts(facts, parent, facts.parent(parent)):
                return "moved"
            if parent.attr == "device" and isinstance(facts.parent(parent), ast.Compare):
                return "moved"  # whoever compares devices knows of them
            if parent.attr in _ASKS:
                return "asked"
        if isinstance(parent, ast.Subscript) and parent.value is below and _is_registered(facts, parent.slice):
            return "used"
        if isinstance(parent, ast.Subscript) and (
            parent.slice is below or _is_one_number(facts, node, parent)
        ):
            return "asked"
        if isinstance(parent, ast.Compare) and not _is_elementwise(parent):
            return "asked"
        below, parent = parent, facts.parent(parent)
    given: ast.AST = below
    if isinstance(parent, ast.keyword):
        given, parent = parent, facts.parent(parent)
    if isinstance(parent, (ast.Tuple, ast.List)):
        whole = facts.parent(parent)
        if isinstance(whole, ast.Assign) and isinstance(parent, ast.Tuple) and depth < 3:
            return _unpacked(facts, whole, parent.elts.index(below), depth)  # type: ignore[arg-type]
        return "used" if _is_joined(facts, parent) else "asked"
    if isinstance(parent, ast.BinOp):
        whole = facts.parent(parent)
        other = parent.right if parent.left is below else parent.left
        return "moved" if _moved_whole(facts, whole) or _is_on_host(facts, other) else "used"
    if isinstance(parent, ast.AugAssign) and parent.value is below:
        return "used"
    if isinstance(parent, ast.Call):
        return _argument(facts, parent, given, depth)
    if isinstance(parent, (ast.Assign, ast.AnnAssign)) and parent.value is below and depth < 3:
        return _local(facts, parent, depth)
    return "asked"


def _argument(facts: FileFacts, call: ast.Call, given: ast.AST, depth: int) -> str:
    called = facts.qualify(call.func) or ""
    if called.startswith("torch."):
        if any(one.arg == "device" for one in call.keywords):
            return "moved"
        last = called.rpartition(".")[2]
        if any(_is_on_host(facts, one) for one in call.args if one is not given):
            return "moved"
        if last in _TAKES_ONE and call.args[:1] == [given] and depth < 3:
            return device_use(facts, call, depth + 1)
        return "asked" if last in ("is_tensor", "numel", "Size") else "used"
    if called in _EINOPS and call.args[:1] == [given] and depth < 3:
        return device_use(facts, call, depth + 1)
    if called.startswith("builtins."):
        return "asked"
    if isinstance(call.func, ast.Attribute) and call.func.attr in _TAKES:
        return "used"
    if _first_layer(facts, facts.kind_of(call.func)) in _PLAIN_LAYERS and _is_set_once(facts, given) and not (
        _has_hooks(facts, given)
    ):
        return "used"
    above = facts.parent(call)
    if isinstance(above, ast.Attribute) and above.attr in _MOVES:
        return "moved"  # what comes of it goes where it is wanted
    into = facts.receiver_of(call, given) if depth < 3 else None
    return _uses(*into, depth) if into is not None else "moved"  # by somebody, who may move it


def _first_layer(facts: FileFacts, kind: Kind) -> str:
    """The layer of torch that a module hands its input to: the first one of ``nn.Sequential(nn.Linear(...), ...)``."""
    made = kind.node.args if kind.torch == "torch.nn.Sequential" and isinstance(kind.node, ast.Call) else []
    if made and kind.facts is not None and not isinstance(made[0], ast.Starred):
        return kind.facts.kind_of(made[0]).layer
    return kind.layer


def _has_hooks(facts: FileFacts, given: ast.AST) -> bool:
    """Whether the class hangs a hook before a layer, which may move what comes in."""
    cls = facts.class_around(given)
    scopes = [scope for one in cls.mro for scope in one.scope.within()] if cls is not None else []
    return any("pre_hook" in node.attr for scope in scopes for node in scope.nodes(ast.Attribute))


def _is_on_host(facts: FileFacts, other: ast.expr, depth: int = 0) -> bool:
    """``y.detach().cpu()``, ``y.to("cpu")``, also by name: what is computed with it is to stay there."""
    if isinstance(other, ast.Name):
        values = facts.reach(other) if depth < 3 else None
        return bool(values) and all(_is_on_host(facts, one, depth + 1) for one in values or ())
    while isinstance(other, ast.Call) and isinstance(other.func, ast.Attribute):
        first = other.args[0] if other.args else None
        if other.func.attr == "cpu" or other.func.attr == "to" and getattr(first, "value", None) == "cpu":
            return True
        other = other.func.value
    return False


def _is_set_once(facts: FileFacts, given: ast.AST) -> bool:
    """``self.positions`` that no later line makes anew, where the input is perhaps."""
    name, cls = facts.self_attribute(given), facts.class_around(given)
    return name is not None and cls is not None and len(cls.assignments(name)) == 1


def _unpacked(facts: FileFacts, statement: ast.Assign, place: int, depth: int) -> str:
    """What becomes of one of ``rows, columns = self.rows[i], self.columns[j]``."""
    target = statement.targets[0]
    if not isinstance(target, ast.Tuple) or len(statement.targets) > 1 or len(target.elts) <= place:
        return "asked"
    one = target.elts[place]
    if not isinstance(one, ast.Name) or any(isinstance(part, ast.Starred) for part in target.elts):
        return "asked"
    return _named(facts, statement, one.id, depth)


def _uses(facts: FileFacts, names: list[ast.Name], depth: int) -> str:
    uses = {device_use(facts, name, depth + 1) for name in names}
    return next((word for word in ("moved", "used") if word in uses), "asked")


def _local(facts: FileFacts, statement: ast.stmt, depth: int) -> str:
    """What becomes of the local name that the tensor is given to."""
    target, *more = facts.targets(statement)
    if more or not isinstance(target, ast.Name):
        return "moved"
    return _named(facts, statement, target.id, depth)


def _named(facts: FileFacts, statement: ast.stmt, given: str, depth: int) -> str:
    names = [
        name
        for name in facts.scope_of(statement).nodes(ast.Name)
        if name.id == given and isinstance(name.ctx, ast.Load)
        and any(one.node is statement for one in facts.definitions(name) or ())
    ]
    return _uses(facts, names, depth)


def _only_casts(facts: FileFacts, method: ast.Attribute, call: ast.AST | None) -> bool:
    """``.to(dtype=x.dtype)``, ``.to(x.dtype)`` and ``.float()`` leave the tensor where it is."""
    if not isinstance(call, ast.Call):
        return False
    if method.attr in _CASTS:
        return not call.args and not call.keywords
    given = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "dtype")]
    return method.attr == "to" and len(given) == len(call.args) + len(call.keywords) == 1 and _is_dtype(facts, given[0])


def _is_dtype(facts: FileFacts, given: ast.expr) -> bool:
    """``x.dtype``, ``dtype`` or ``torch.float16``."""
    name = given.attr if isinstance(given, ast.Attribute) else given.id if isinstance(given, ast.Name) else ""
    return name.endswith("dtype") or _DTYPE.match(facts.qualify(given) or "") is not None


def _is_registered(facts: FileFacts, index: ast.expr) -> bool:
    """``self.index`` or ``self.index.view(-1)`` of a buffer: it is on the device of the model, and no
    tensor of the CPU takes such an index."""
    values = facts.reach(index) if isinstance(index, ast.Name) else None
    index = values[0] if values is not None and len(values) == 1 else index
    while isinstance(index, ast.Call) and isinstance(index.func, ast.Attribute):
        index = index.func.value
    return facts.self_attribute(index) is not None and facts.kind_of(index).what == "buffer"


def _is_joined(facts: FileFacts, items: ast.Tuple | ast.List) -> bool:
    """``torch.cat((token, x))``, ``pack([token, x], "b * d")``: all of them must be on one device."""
    call = facts.parent(items)
    return isinstance(call, ast.Call) and call.args[:1] == [items] and (
        facts.qualify(call.func) in ("torch.cat", "torch.concat", "torch.concatenate", "torch.stack", "einops.pack")
    )


def _with_number(facts: FileFacts, node: ast.AST | None, use: ast.expr) -> bool:
    """``self.radius**2``: still where it was, and no other tensor met it. What is kept from one
    batch to the next is used by any arithmetic."""
    if not isinstance(node, ast.BinOp):
        return False
    cls, name = facts.class_around(use), facts.self_attribute(use)
    fixed = cls is not None and name is not None and len(cls.assignments(name)) == 1
    return any(
        isinstance(side, ast.Constant) or fixed and isinstance(side, ast.Name) and facts.is_number(side)
        for side in (node.left, node.right)
    )


def _is_elementwise(node: ast.Compare) -> bool:
    """``mask == 0`` makes another tensor; ``x is None`` and ``x in y`` only ask."""
    return all(isinstance(op, (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)) for op in node.ops)


def _is_one_number(facts: FileFacts, owner: ast.expr, taken: ast.Subscript) -> bool:
    """``self.schedule[epoch]`` of a row: 0 dimensions go with every device."""
    name, cls = facts.self_attribute(owner), facts.class_around(owner)
    if name is None or cls is None:
        return False
    made = [member.kind.node for member in cls.assignments(name)]
    row = all(isinstance(m, ast.Call) and is_row(facts, m) for m in made)
    if isinstance(taken.slice, ast.Constant):
        return row and type(taken.slice.value) is int
    if not row or not isinstance(taken.slice, ast.Name):
        return False
    if _counts(facts, taken.slice):
        return True
    scope = facts.scope_of(taken).node
    arguments = getattr(scope, "args", None)
    return isinstance(arguments, ast.arguments) and any(
        arg.arg == taken.slice.id and arg.annotation is not None
        and "int" in ast.unparse(arg.annotation)
        for arg in (*arguments.args, *arguments.kwonlyargs)
    )


def _counts(facts: FileFacts, name: ast.Name) -> bool:
    """Whether it is the number of ``for i in range(...)`` or ``for i, x in enumerate(...)``."""
    made = [one.node for one in facts.definitions(name) or ()]
    return bool(made) and all(
        isinstance(loop, (ast.For, ast.comprehension))
        and isinstance(loop.iter, ast.Call)
        and (
            facts.qualify(loop.iter.func) == "builtins.range"
            or facts.qualify(loop.iter.func) == "builtins.enumerate"
            and isinstance(loop.target, ast.Tuple)
            and getattr(loop.target.elts[0], "id", "") == name.id
        )
        for loop in made
    )


def is_row(facts: FileFacts, call: ast.Call) -> bool:
    """``torch.arange(...)``, ``torch.tensor([...])`` of numbers: one dimension."""
    if facts.qualify(call.func) in _ROWS:
        return True
    data = facts.argument(call, 0, "data")
    if facts.creation(call) is None or not isinstance(data, (ast.List, ast.ListComp)):
        return False
    items = data.elts if isinstance(data, ast.List) else [data.elt]
    return all(isinstance(one, (ast.Constant, ast.BinOp, ast.UnaryOp)) for one in items)


def _moved_whole(facts: FileFacts, statement: ast.AST | None) -> bool:
    """``rows = offset + self.rows`` and then ``rows.view(-1).to(device)``."""
    while isinstance(statement, ast.IfExp):
        statement = facts.parent(statement)
    given = facts.targets(statement)[:1]
    if statement is None or not given:
        return False
    kept = facts.self_attribute(given[0])
    if kept is not None:
        return any(
            isinstance(other.value, ast.Call) and facts.self_attribute(other.targets[0]) == kept
            and other.lineno > given[0].lineno and is_moved(facts, other.value)
            for other in facts.scope_of(statement).nodes(ast.Assign)
        )
    if not isinstance(given[0], ast.Name):
        return False
    for node in facts.scope_of(statement).nodes(ast.Attribute):
        root: ast.expr = node.value
        while isinstance(root, (ast.Call, ast.Attribute)):
            root = root.func if isinstance(root, ast.Call) else root.value
        if node.attr in ("to", "cuda") and isinstance(root, ast.Name):
            found = facts.definitions(root) or ()
            if any(one.node is statement for one in found):
                return True
    return False


def is_given_moved(facts: FileFacts, node: ast.Attribute) -> bool:
    """``self.mean = self.mean.to(x.device)``."""
    parent = facts.parent(node)
    value = getattr(parent, "value", None)
    if not isinstance(parent, (ast.Assign, ast.AnnAssign)) or value is None:
        return True
    return any(
        isinstance(part, ast.Attribute) and part.attr in _MOVES
        or isinstance(part, ast.keyword) and part.arg == "device"
        for part in ast.walk(value)
    )


def is_moved(facts: FileFacts, value: ast.expr | None) -> bool:
    """``self.curve = self.curve.to("cuda")``, or a local name that some line has moved."""
    values = [value]
    if isinstance(value, ast.Name):
        name = value.id
        values = [
            node.value
            for node in facts.scope_of(value).assignments
            if any(isinstance(one, ast.Name) and one.id == name for one in facts.targets(node)[:1])
        ]
    values += [arm for one in values if isinstance(one, ast.IfExp) for arm in (one.body, one.orelse)]
    methods = [one.func for one in values if isinstance(one, ast.Call)]
    return any(isinstance(one, ast.Attribute) and one.attr in ("to", "cuda", "type_as") for one in methods)
