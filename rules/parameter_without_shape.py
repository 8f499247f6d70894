"""A Parameter is made from nothing, or from something that is no tensor.

`nn.Parameter()` is no placeholder that finds its shape later: it is a tensor of shape (0,),
registered, and nothing ever gives it another one. So are `nn.Parameter(None)`,
`nn.Parameter(torch.Tensor())`, `nn.Parameter(torch.empty(0))`. A number, a list or an array
is refused, and `torch.Tensor(0.5)` too: it takes sizes, not values.

Bad::

    import torch
    from torch import nn

    class Scale(nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.dim = dim
            self.gain = nn.Parameter()

        def forward(self, x):
            return x * self.gain

Good::

    import torch
    from torch import nn

    class Scale(nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.dim = dim
            self.gain = nn.Parameter(torch.ones(dim))

        def forward(self, x):
            return x * self.gain

Run::

    Scale(5)(torch.randn(2, 5))

Says: The size of tensor a (5) must match the size of tensor b (0)

Silent when: the empty Parameter only says where the model is (`self.dummy.device`), takes no
gradient, is an explicit `torch.empty(0)` that nobody reads, is put into another object or handed
on, whose later writes are not in sight, or is given its real value later outside forward; a class of another library is called Parameter.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Run, Verification

if TYPE_CHECKING:
    from lint_params.facts import FileFacts

_LEGACY = tuple(f"torch.{kind}Tensor" for kind in ("", "Float", "Double", "Half", "BFloat16"))
_DUMMY = re.compile(r"dummy|device|placeholder|anchor|marker|_?empty", re.IGNORECASE)
_NO_TENSOR = {"number": "a number", "string": "a string", "list": "a list", "tuple": "a tuple"}
_FLOATS = ("builtins.float", *(f"math.{name}" for name in ("sqrt", "log", "exp", "cos", "sin", "tanh")))
_NUMPY = ("array", "zeros", "ones", "full", "log", "sqrt", "exp", "asarray", "eye", "arange")


class ParameterWithoutShape(Rule):
    code = "LP101"
    level = Level.ERROR
    words = ("Parameter", "Tensor(")

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for call in facts.calls_of("torch.nn.Parameter"):
            message = self._message(facts, call)
            if message:
                member = facts.member_of(call)
                yield self.report(
                    facts,
                    call,
                    message,
                    subject=facts.subject(call),
                    details={"attribute": member.name if member is not None else ""},
                )
        for call in facts.calls_of(*_LEGACY):
            value = call.args[0] if len(call.args) == 1 and not call.keywords else None
            if value is not None and _is_float(facts, value):
                name, shown = ast.unparse(call.func), facts.source_of(value)
                yield self.report(
                    facts,
                    call,
                    f"`{name}({shown})` takes sizes, not a value, and refuses a float: write "
                    f"`torch.tensor({shown})`",
                    subject=facts.subject(call),
                )

    def _message(self, facts: FileFacts, call: ast.Call) -> str:
        if any(isinstance(arg, ast.Starred) for arg in call.args):
            return ""
        if any(keyword.arg is None for keyword in call.keywords):
            return ""
        data = facts.argument(call, 0, "data")
        given = facts.argument(call, 1, "requires_grad")
        frozen = given is not None and not (isinstance(given, ast.Constant) and given.value is True)
        if data is None or (isinstance(data, ast.Constant) and data.value is None):
            if frozen or not self._is_meant(facts, call, explicit=False):
                return ""
            what = "`nn.Parameter()`" if data is None else "`nn.Parameter(None)`"
            return f"{what} has shape (0,) and keeps it: give it a tensor of its final shape, {_HOW}"
        made = facts.creation(data)
        if made is not None:
            empty = made.shape is not None and 0 in [facts.size(part) for part in made.shape]
            if not empty or frozen:
                return ""
            bare = not made.node.args and made.function in _LEGACY
            if not self._is_meant(facts, call, explicit=not bare):
                return ""
            return (
                f"`{facts.source_of(call)}` is empty and keeps its shape: give it a tensor of its "
                f"final shape, {_HOW}"
            )
        wrong = self._no_tensor(facts, data)
        if wrong:
            shown = facts.source_of(data)
            return f"nn.Parameter takes a tensor, and this is {wrong}: write `torch.tensor({shown})`"
        return ""

    def _is_meant(self, facts: FileFacts, call: ast.Call, *, explicit: bool) -> bool:
        """Whether the empty Parameter is meant to hold weights."""
        member = facts.member_of(call)
        if member is None:
            return self._is_local_meant(facts, call, explicit)
        if not member.name or member.how == "class" or facts.is_given_later(member):
            return False
        if not member.cls.is_module:
            return False  # kept for its name only, or filled by others
        used = facts.uses_of(member)
        if explicit or _DUMMY.search(member.name):
            return bool(used) and not _DUMMY.search(member.name)
        return True

    def _is_local_meant(self, facts: FileFacts, call: ast.Call, explicit: bool) -> bool:
        parent = facts.parent(call)
        if isinstance(parent, ast.Attribute) and not isinstance(facts.statement(call), (ast.Assign, ast.Return)):
            return False  # `nn.Parameter().numel()`: asked, and kept nowhere
        while isinstance(parent, (ast.IfExp, ast.BoolOp, ast.NamedExpr)):
            parent = facts.parent(parent)
        if explicit:
            return False
        if not isinstance(parent, (ast.Assign, ast.AnnAssign)):
            return not isinstance(parent, (ast.Call, ast.Return))  # who gets it may fill it
        target = parent.targets[0] if isinstance(parent, ast.Assign) else parent.target
        if not isinstance(target, ast.Name):
            return facts.self_attribute(target) is not None  # one of several values
        if _DUMMY.search(target.id):
            return False
        scope = facts.scope_of(call)
        if any(_registers(facts, one, target.id) for one in scope.nodes(ast.Call)) or any(
            isinstance(one.value, ast.Name) and one.value.id == target.id
            and any(isinstance(to, ast.Attribute) and facts.self_attribute(to) is None for to in one.targets)
            for one in scope.nodes(ast.Assign)
        ):
            return False  # in another module, which others fill
        return not any(
            isinstance(write.target, ast.Name)
            and write.target.id == target.id
            and write.node is not parent
            and (write.through == "data" or write.how == "bind")
            for write in facts.writes_in(scope)
        )

    def _no_tensor(self, facts: FileFacts, data: ast.expr) -> str:
        kind = facts.kind_of(data)
        if facts.is_number(data):
            return "a number"
        field = isinstance(data, ast.Attribute) and facts.self_attribute(data) is None
        if kind.what in _NO_TENSOR and not kind.optional and not (field and kind.what == "number"):
            return _NO_TENSOR[kind.what]
        given = facts.argument_values(data) if isinstance(data, ast.Name) else []
        if not given and isinstance(data, ast.Name):
            given = facts.default_of(data)
        kinds = {facts.kind_of(value).what for value in given}
        if len(kinds) == 1 and (what := kinds.pop()) in _NO_TENSOR:
            return _NO_TENSOR[what]
        if kind.is_module and not kind.annotated:
            return f"a Module ({kind.describe()})"
        for value in facts.reach(data) or [data]:
            name = facts.qualify(value.func) if isinstance(value, ast.Call) else None
            if name is None:
                continue
            home, _, last = name.rpartition(".")
            if home == "math":
                return "a number"
            if home == "numpy" and last in _NUMPY:
                return "a numpy value"
        return ""

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        lines = range(finding.place.line, finding.place.end_line + 1)
        failure = run.failure_at(
            lines, "has no attribute 'detach'", "data must be a sequence", "must be Tensor, not"
        ) or run.failure_at(lines, "'float' object has no attribute 'detach'", tried=True)  # a default: none is made up
        if failure is not None:
            return run.confirmed_by(failure)
        made = [one for one in run.created_at(finding) if one.direct]
        empty = [one for one in made if 0 in one.shape]
        if empty:
            text = f"the Parameter has shape {empty[0].shape}"
            later = run.failure("construct", "forward")
            return run.confirmed(f"{text}; {later}" if later is not None else text)
        if made:
            return run.refuted(finding, f"the Parameter has shape {made[0].shape}")
        return None


_HOW = (
    "or use a Lazy layer or nn.UninitializedParameter where the first input decides it"
)


def _registers(facts: FileFacts, call: ast.Call, name: str) -> bool:
    """``other.register_parameter("scale", p)``, ``setattr(other, key, p)``"""
    func = call.func
    if not any(isinstance(given, ast.Name) and given.id == name for given in call.args):
        return False
    if isinstance(func, ast.Name) and func.id == "setattr":
        owner = call.args[0]
        return not (isinstance(owner, ast.Name) and owner.id == facts.scope_of(call).instance_name)
    return isinstance(func, ast.Attribute) and func.attr == "register_parameter" and facts.self_attribute(func) is None


def _is_float(facts: FileFacts, value: ast.expr) -> bool:
    given = (facts.argument_values(value) or facts.default_of(value)) if isinstance(value, ast.Name) else []
    for one in facts.reach(value) or given or [value]:
        if isinstance(one, ast.UnaryOp):
            one = one.operand
        name = facts.qualify(one.func) if isinstance(one, ast.Call) else None
        if name not in _FLOATS and not (isinstance(one, ast.Constant) and isinstance(one.value, float)):
            return False
    return True
