"""One layer or Parameter is repeated where copies were meant.

``[nn.Linear(4, 4)] * 3`` makes one layer and puts it into the list three times; a comprehension
over a layer that was made before does the same, and so does a loop that appends it, or
``copy.copy``, which copies no Parameter. The "stack" has one set of weights. Make a new
one for each place.

Bad::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self, dim, depth):
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(dim, dim)] * depth)

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            return x

Good::

    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self, dim, depth):
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(dim, dim) for _ in range(depth)])

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            return x

Run::

    assert len(list(Net(4, 3).parameters())) == 6

Silent when: what is repeated has no parameters, a flag decides about it, the repeated instance is
an attribute (a shared head) or an argument (unless the function says by its name that it clones, or
stacks what a caller makes for it, and decides nothing), the names, the class or a comment say that it
is shared, two blocks that have names are repeated and put together, or each is copied or handed to another
call, which may copy it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule, Step, Verification

if TYPE_CHECKING:
    from lint_params.evidence import Run
    from lint_params.facts import ClassFacts, FileFacts, Scope

_LISTS = ("torch.nn.ModuleList", "torch.nn.Sequential", "torch.nn.ParameterList")
_DICTS = ("torch.nn.ModuleDict", "torch.nn.ParameterDict")
_BRANCHES = ("if", "else", "ifexp", "match")
_PASSES = tuple(
    f"builtins.{name}" for name in ("list", "tuple", "iter", "enumerate", "zip", "reversed", "dict")
) + ("itertools.chain", "itertools.islice", "collections.OrderedDict")
_ANSWERS = tuple(f"builtins.{name}" for name in ("bool", "isinstance", "hasattr", "callable", "any", "all"))
_GROWS = ("append", "extend", "insert", "add_module", "update")
_CLONES = re.compile(r"clone|copies|deepcopy|replicate", re.IGNORECASE)
_AGAIN = re.compile(r"iter|step|unroll|loop|refine", re.IGNORECASE)
_SHARED = re.compile(r"shar|\bone \w+ for (all|each|every)\b|tie[ds_]|\btie\b|reus|same|recurr|univers|albert", re.IGNORECASE)


class RepeatedInstance(Rule):
    code = "LP308"
    level = Level.ERROR
    words = ("nn", "Module")

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for node in facts.nodes(ast.BinOp):
            if isinstance(node.op, ast.Mult):
                for items, times in ((node.left, node.right), (node.right, node.left)):
                    items = _as_listed(facts, items)
                    if isinstance(items, (ast.List, ast.Tuple)) and not _is_one_at_most(facts, times):
                        for item in items.elts:
                            yield from self._repeated(facts, node, item, fresh=True)
                            if isinstance(item, ast.Name) and len(items.elts) == 1:
                                yield from self._not_cloned(facts, node, item)
        for node in facts.nodes(ast.ListComp, ast.GeneratorExp, ast.DictComp):  # type: ignore[assignment]
            if isinstance(node, (ast.ListComp, ast.GeneratorExp, ast.DictComp)) and self._counts(facts, node):
                item = _once_copied(facts, _each(node))
                if isinstance(item, ast.Name) and not _is_one_of_stacks(facts, node):
                    yield from self._repeated(facts, node, item, fresh=False)
                    yield from self._not_cloned(facts, node, item)
        for call in facts.nodes(ast.Call):
            func = call.func
            if not isinstance(func, ast.Attribute) or func.attr not in ("append", "add_module") or not call.args:
                continue
            item = _once_copied(facts, call.args[-1]) if self._is_looped(facts, call) else call
            if isinstance(item, ast.Name) and (
                facts.kind_of(func.value).torch in _LISTS or self._becomes_listed(facts, func.value)
            ):
                yield from self._repeated(facts, call, item, fresh=True)
        for call in facts.calls_of("builtins.dict.fromkeys", "itertools.repeat"):
            place = 1 if ast.unparse(call.func).endswith("fromkeys") else 0
            value = facts.argument(call, place)
            if value is not None:
                yield from self._repeated(facts, call, value, fresh=True)

    def _not_cloned(self, facts: FileFacts, node: ast.expr, item: ast.Name) -> Iterator[Finding]:
        """``def get_clones(module, n)``, whose name says what it does not do with its argument, and
        ``Decoder(layer, n)``, which somebody gives a new layer to make a stack of."""
        scope = facts.scope_of(facts.parent(node) or node)
        given = [one.how for one in facts.definitions(item) or ()]
        if given != ["argument"] or not self._is_listed(facts, node):
            return
        if any(scope.nodes(ast.If)) or facts.conditions(node) or self._says_shared(facts, node, item):
            return
        clones = _CLONES.search(scope.name) and not _SHARED.search(scope.name)
        stacks = not clones and self._is_given_new(facts, node, scope, item.id)
        if not clones and not stacks:
            return
        name = scope.owner.name if stacks and scope.owner is not None else scope.name
        yield self.report(
            facts,
            node,
            f"`{name}` repeats the one `{item.id}` that it is given and copies nothing: all places "
            f"share one set of weights; write copy.deepcopy({item.id})",
            subject=facts.subject(node),
            details={"lines": [], "attribute": self._kept_as(facts, node)},
        )

    def _is_given_new(self, facts: FileFacts, node: ast.expr, scope: Scope, name: str) -> bool:
        """Whether a constructor stacks an argument for which a caller makes a layer right there."""
        cls, attribute = facts.class_around(node), self._kept_as(facts, node)
        statement = facts.statement(node)
        if cls is None or not cls.is_module or scope is not cls.init or not attribute or statement is None:
            return False
        text = f"{cls.name} {ast.unparse(statement)}"
        if _SHARED.search(text) or _AGAIN.search(text) or not _is_run_through(facts, cls, attribute):
            return False
        values = [facts.value_given(call, scope, name) for call in facts.named_calls.get(cls.name, ())]
        return any(
            isinstance(value, ast.Call) and kind.is_module and not kind.annotated and facts.owns_parameters(kind)
            for value in values
            if value is not None and (kind := facts.kind_of(value))
        )

    def _counts(self, facts: FileFacts, node: ast.ListComp | ast.GeneratorExp | ast.DictComp) -> bool:
        """``for _ in range(n)`` around a name that the comprehension does not bind, or the one loop of
        ``{name: layer for name in names}``, whose keys say that each is another one."""
        item = _once_copied(facts, _each(node))
        if len(node.generators) != 1 or not isinstance(item, ast.Name):
            return False
        one = node.generators[0]
        if any(isinstance(n, ast.Name) and n.id == item.id for n in ast.walk(one.target)):
            return False
        if isinstance(node, ast.DictComp):
            return True
        if not isinstance(one.iter, ast.Call) or not one.iter.args:
            return False
        return facts.qualify(one.iter.func) == "builtins.range" and not _is_one(one.iter.args[-1])

    def _is_looped(self, facts: FileFacts, node: ast.AST) -> bool:
        """Whether the line is repeated by ``for _ in range(n)`` and the item is made before that."""
        around = facts.conditions(node)
        loop = around[0].node if around and around[0].what == "for" else None
        if not isinstance(loop, ast.For) or not isinstance(loop.iter, ast.Call) or not isinstance(node, ast.Call):
            return False
        if facts.qualify(loop.iter.func) != "builtins.range" or _is_one(loop.iter.args[-1]):
            return False
        item = _once_copied(facts, node.args[-1]) if node.args else None
        found = facts.definitions(item) if isinstance(item, ast.Name) else None
        inside = {part for one in loop.body for part in ast.walk(one)}
        return bool(found) and not any(one.how != "assign" or one.node in inside for one in found or ())

    def _becomes_listed(self, facts: FileFacts, target: ast.expr) -> bool:
        """``nn.Sequential(*layers)`` of the local list that grows."""
        names = facts.scope_of(target).nodes(ast.Name) if isinstance(target, ast.Name) else ()
        return any(one.id == getattr(target, "id", "") and self._is_listed(facts, one) for one in names)

    def _repeated(
        self, facts: FileFacts, node: ast.expr, item: ast.expr, *, fresh: bool
    ) -> Iterator[Finding]:
        kind = facts.kind_of(item)
        if not kind.known and isinstance(item, ast.Call):
            kind = facts.made(item)
        if isinstance(item, ast.Name):
            values = facts.reach(item)
            if values is None or not all(isinstance(value, ast.Call) for value in values):
                return
        elif not isinstance(item, ast.Call):
            return
        if kind.annotated or kind.node is None or not isinstance(kind.node, ast.Call):
            return
        if not (kind.is_parameter or (kind.is_module and facts.owns_parameters(kind))):
            return
        if any(c.what in _BRANCHES for c in facts.conditions(node)) or _has_other_way(facts, node, item):
            return
        if isinstance(item, ast.Name) and not fresh and not self._is_listed(facts, node):
            return
        if _is_renewed(facts, node):
            return
        if self._says_shared(facts, node, item) or kind.facts is facts and _is_noted(facts, kind.node):
            return
        what = "Parameter" if kind.is_parameter else kind.describe()
        trace: tuple[Step, ...] = ()
        if kind.facts is facts and kind.node.lineno != node.lineno:
            trace = (Step(kind.node.lineno, f"the one {what} is made here"),)
        made = ast.unparse(kind.node) if len(ast.unparse(kind.node)) < 40 else what + "(...)"
        new = f"{{name: {made} for name in names}}" if isinstance(node, ast.DictComp) else f"[{made} for _ in range(n)]"
        yield self.report(
            facts,
            node,
            f"one {what} is repeated: all places share one set of weights; make a new one for each, {new}",
            trace=trace,
            subject=facts.subject_of(node),
            details={"lines": [kind.node.lineno], "attribute": self._kept_as(facts, node)},
        )

    def _is_listed(self, facts: FileFacts, node: ast.expr) -> bool:
        """Whether the repetition becomes a ModuleList, Sequential or ParameterList."""
        parent = facts.parent(node)
        while isinstance(parent, (ast.Starred, ast.List, ast.BinOp)):
            parent = facts.parent(parent)
        named = [parent.target] if isinstance(parent, ast.AugAssign) else facts.targets(parent)
        if len(named) == 1 and isinstance(named[0], ast.Name) and not isinstance(node, (ast.Name, ast.DictComp)):
            return self._becomes_listed(facts, named[0])
        wanted = _DICTS if isinstance(node, ast.DictComp) else _LISTS
        return isinstance(parent, ast.Call) and facts.qualify(parent.func) in wanted

    def _kept_as(self, facts: FileFacts, node: ast.expr) -> str:
        statement = facts.statement(node)
        for target in facts.targets(statement):
            name = facts.self_attribute(target)
            if name is not None:
                return name
        return ""

    def _says_shared(self, facts: FileFacts, node: ast.expr, item: ast.expr) -> bool:
        """In the lines around, apart from those of the item's own arguments."""
        statement = facts.statement(node)
        first = statement.lineno if statement is not None else node.lineno
        last = node.end_lineno or node.lineno
        own = range(item.lineno + 1, item.end_lineno or 0)
        lines = [facts.line(number) for number in range(first - 1, last + 1) if number not in own]
        if any(_SHARED.search(line) for line in lines[1:]):
            return True
        around = facts.class_around(node)
        if around is not None and _SHARED.search(f"{around.name} {ast.get_docstring(around.node) or ''}"):
            return True
        return lines[0].lstrip().startswith("#") and bool(_SHARED.search(lines[0]))

    def verify(self, run: Run, finding: Finding) -> Verification | None:
        ids: dict[int, list[str]] = {}
        for module in run.modules:
            if module.own_parameters:
                ids.setdefault(module.id, []).append(module.name)
        for tensor in run.tensors("construct", "parameter"):
            ids.setdefault(tensor.id, []).append(tensor.name)
        inside = finding.details["attribute"]
        seen = 0
        for every in ids.values():
            names = [name for name in every if not inside or inside in name.split(".")]
            if len(names) > 1:
                if inside or run.kind == "script" or run.ran(finding) and _are_items(names):
                    return run.confirmed(f"{', '.join(names[:4])} are one object")
                return None
            seen += len(names)
        if run.ok("construct") and seen > 1:  # `[layer] * depth` may be one layer deep here
            return run.refuted(finding, "no instance stands in two places")
        return None


def _is_noted(facts: FileFacts, made: ast.Call) -> bool:
    """Whether a comment where the instance is made, or above, says that it is shared."""
    comment = facts.line(made.end_lineno or made.lineno).partition("#")[2]
    above = facts.line((facts.statement(made) or made).lineno - 1).strip()
    return bool(_SHARED.search(comment) or above.startswith("#") and _SHARED.search(above))


def _is_run_through(facts: FileFacts, cls: ClassFacts, attribute: str) -> bool:
    """``for layer in self.layers: x = layer(x)``, one layer after the other."""
    return any(
        facts.self_attribute(loop.iter) == attribute and isinstance(loop.target, ast.Name)
        for one in cls.scope.within()
        for loop in one.nodes(ast.For)
    )


def _each(node: ast.ListComp | ast.GeneratorExp | ast.DictComp) -> ast.expr:
    """What the comprehension gives for each of its turns."""
    return node.value if isinstance(node, ast.DictComp) else node.elt


def _has_other_way(facts: FileFacts, node: ast.AST, item: ast.expr) -> bool:
    """Whether the function has a branch in which each place gets its own: an earlier return, or
    ``if refine: self.heads = nn.ModuleList([copy.deepcopy(head) ...])`` before or after."""
    for call in facts.scope_of(node).nodes(ast.Call):
        if not any(one.what in _BRANCHES for one in facts.conditions(call)):
            continue
        copied = call.args[0] if call.args and facts.qualify(call.func) == "copy.deepcopy" else None
        if isinstance(copied, ast.Name) and copied.id == getattr(item, "id", ""):
            return True
        early = isinstance(facts.parent(call), ast.Return) and isinstance(facts.statement(node), ast.Return)
        if early and facts.qualify(call.func) in (*_LISTS, *_DICTS):
            return True
    return False


def _is_one_of_stacks(facts: FileFacts, node: ast.expr) -> bool:
    """``[trend for _ in range(n)] + [season for _ in range(m)]``: who names two blocks and repeats each
    means each to be one."""
    above = facts.parent(node)
    if not isinstance(above, ast.BinOp) or not isinstance(above.op, ast.Add):
        return False
    return all(isinstance(side, ast.ListComp) and isinstance(side.elt, ast.Name) for side in (above.left, above.right))


def _are_items(names: list[str]) -> bool:
    """Whether these stand at places of one list, and are no tie that was meant."""
    parts = [name.split(".") for name in names]
    apart = [{*each} for each in zip(*parts) if len({*each}) > 1]
    return len({len(each) for each in parts}) == 1 and len(apart) == 1 and all(one.isdigit() for one in apart[0])


def _is_renewed(facts: FileFacts, node: ast.AST, names: tuple[str, ...] = ()) -> bool:
    """Whether each of the repeated goes on through a copy or any other call, which may make a new
    one of it, itself or under a local name: ``[copy.deepcopy(one) for one in repeat(layer, n)]``."""
    parent = facts.parent(node)
    if isinstance(parent, ast.comprehension):
        return parent.iter is node and _makes_new(facts, parent)
    if isinstance(parent, ast.For):
        return parent.iter is node and not _is_put_in(parent)
    if isinstance(parent, (ast.Starred, ast.List, ast.Tuple, ast.BinOp, ast.IfExp, ast.keyword)):
        return _is_renewed(facts, parent, names)
    if isinstance(parent, ast.Attribute) and parent.attr in ("items", "values"):
        return _is_renewed(facts, facts.parent(parent) or parent, names)
    if isinstance(parent, ast.Call) and parent.func is not node:
        called = facts.qualify(parent.func) or ""
        if called in _PASSES:
            return _is_renewed(facts, parent, names)
        grows = isinstance(parent.func, ast.Attribute) and parent.func.attr in _GROWS
        return not grows and not _is_container(facts, parent)
    target = parent.targets[0] if isinstance(parent, ast.Assign) else None
    if not isinstance(target, ast.Name) or target.id in names:
        return False
    return any(
        _is_renewed(facts, use, (*names, target.id))
        for use in facts.scope_of(target).nodes(ast.Name)
        if use.id == target.id and any(one.node is parent for one in facts.definitions(use) or ())
    )


def _makes_new(facts: FileFacts, loop: ast.comprehension) -> bool:
    """``f(one) for one in ...``; ``one for one in ...`` hands on what is there."""
    outer = facts.parent(loop)
    given = outer.value if isinstance(outer, ast.DictComp) else getattr(outer, "elt", None)
    one = _once_copied(facts, given) if isinstance(given, ast.expr) else None
    names = {part.id for part in ast.walk(loop.target) if isinstance(part, ast.Name)}
    return not (isinstance(one, ast.Name) and one.id in names) or outer is None or _is_renewed(facts, outer)


def _is_put_in(loop: ast.For) -> bool:
    """``for one in ...: layers.append(one)``."""
    names = {part.id for part in ast.walk(loop.target) if isinstance(part, ast.Name)}
    calls = [part for line in loop.body for part in ast.walk(line) if isinstance(part, ast.Call)]
    return any(
        isinstance(call.func, ast.Attribute) and call.func.attr in _GROWS
        and any(isinstance(arg, ast.Name) and arg.id in names for arg in call.args)
        for call in calls
    )


def _is_container(facts: FileFacts, call: ast.Call) -> bool:
    """``nn.ModuleList(...)``, or a class of the project that is one and takes what that takes."""
    made = facts.kind_of(call.func)
    cls = made.cls if made.what == "class" else None
    bases = cls.torch_bases if cls is not None and cls.method("__init__") is None else ()
    return made.is_module_container or any(f"torch.nn.{base}" in _LISTS for base in bases)


def _as_listed(facts: FileFacts, items: ast.expr) -> ast.expr:
    """``[layer]`` for a local name of it."""
    values = facts.reach(items) if isinstance(items, ast.Name) else None
    return values[0] if values is not None and len(values) == 1 and isinstance(values[0], ast.List) else items


def _once_copied(facts: FileFacts, item: ast.expr) -> ast.expr:
    """``layer`` of ``copy.copy(layer)``: a shallow copy of a Module has the same Parameters."""
    if isinstance(item, ast.Call) and item.args and facts.qualify(item.func) == "copy.copy":
        return item.args[0] if facts.kind_of(item.args[0]).is_module else item
    return item


def _is_one_at_most(facts: FileFacts, times: ast.expr, depth: int = 0) -> bool:
    """Whether a number of repetitions is a flag: ``batch_norm * [nn.BatchNorm1d(n)]``."""
    if _is_one(times) or isinstance(times, ast.Compare):
        return True
    if isinstance(times, ast.UnaryOp):
        return isinstance(times.op, ast.Not)
    if depth > 4:
        return False
    if isinstance(times, ast.BoolOp):
        return all(_is_one_at_most(facts, part, depth + 1) for part in times.values)
    if isinstance(times, ast.IfExp):
        return all(_is_one_at_most(facts, part, depth + 1) for part in (times.body, times.orelse))
    if isinstance(times, ast.Call):
        if facts.qualify(times.func) == "builtins.int" and len(times.args) == 1:
            return _is_one_at_most(facts, times.args[0], depth + 1)
        return facts.qualify(times.func) in _ANSWERS
    name = facts.self_attribute(times)
    cls = facts.class_around(times) if name is not None else None
    if cls is not None:
        given = [one.value for one in cls.assignments(name or "")]
        return bool(given) and all(one is not None and _is_one_at_most(facts, one, depth + 1) for one in given)
    found = facts.definitions(times) if isinstance(times, ast.Name) else None
    return bool(found) and all(
        one.annotation is not None and facts.qualify(one.annotation) == "builtins.bool"
        or one.value is not None and not one.path and one.how in ("argument", "assign")
        and (_is_flag(one.value) if one.how == "argument" else _is_one_at_most(facts, one.value, depth + 1))
        for one in found or ()
    )


def _is_flag(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, bool)


def _is_one(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value in (0, 1)
