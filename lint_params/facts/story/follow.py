"""The story of a script: its statements in the order in which they run.

A small abstract run: branches are followed and joined, loops run twice, functions of the
project are entered where they are called. What it tells is kept in ``spent``, ``stale`` and
``early`` (see ``stories.py``); what it does not understand it leaves alone.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lint_params.facts.story.calls import Calls
from lint_params.facts.story.things import (
    MISSING,
    NOTHING,
    State,
    Thing,
    Value,
    join_states,
    union,
)
from lint_params.facts.value.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from lint_params.facts.file import FileFacts
    from lint_params.facts.scope import Scope

#: Statements that one story may run before it gives up.
BUDGET = 6_000
DEPTH = 6


class GaveUp(Exception):
    """The story is longer than anybody should read."""


class Story(Calls):
    """One run, from one entry. ``facts`` is the file whose statement is being run."""

    def __init__(self, facts: FileFacts) -> None:
        super().__init__(facts)
        self.steps = 0
        self.returned: list[tuple[State, Value]] = []
        self._loops: list[tuple[list[State], list[State]]] = []

    # -- statements --------------------------------------------------------------------
    def block(self, body: list[ast.stmt]) -> bool:
        """Run statements on ``self.s``; False where no path comes out at the end."""
        return all(self.statement(statement) for statement in body)

    def statement(self, node: ast.stmt) -> bool:
        self.steps += 1
        if self.steps > BUDGET:
            raise GaveUp
        handler = _HANDLERS.get(node.__class__)
        return bool(handler(self, node)) if handler is not None else True

    def _expr(self, node: ast.Expr) -> bool:
        self.value(node.value)
        return not _never_returns(self.facts, node.value)

    def _assign(self, node: ast.Assign) -> bool:
        value = self.value(node.value)
        self.copies.assigned(self, node, node.targets[0], node.value, value)
        for target in node.targets:
            self.store(target, value, node)
        return True

    def _ann_assign(self, node: ast.AnnAssign) -> bool:
        if node.value is not None:
            value = self.value(node.value)
            self.copies.assigned(self, node, node.target, node.value, value)
            self.store(node.target, value, node)
        return True

    def _aug_assign(self, node: ast.AugAssign) -> bool:
        value = self.value(node.value)
        if isinstance(node.target, (ast.Name, ast.Attribute)):
            before = self.value(node.target)
            self.grow(before, value, node, extend=True)
            self.operated(before, node, "arithmetic")
            for one in before:
                self.regrouped(one)
        elif isinstance(node.target, ast.Subscript):
            for one in self.value(node.target.value):
                self.regrouped(one, _key(node.target.slice))
        return True

    def _delete(self, node: ast.Delete) -> bool:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.s.env.pop(target.id, None)
            elif isinstance(target, (ast.Attribute, ast.Subscript)):
                for owner in self.value(target.value):
                    self.not_lazy(owner)
        return True

    def _return(self, node: ast.Return) -> bool:
        value = self.value(node.value) if node.value is not None else NOTHING
        self.returned.append((self.s, value))
        return False

    def _raise(self, node: ast.Raise) -> bool:
        return False

    def _assert(self, node: ast.Assert) -> bool:
        self.value(node.test)
        return True

    def _if(self, node: ast.If) -> bool:
        self.value(node.test)
        known = self.truth(node.test)
        if known is not None:
            return self.block(node.body if known else node.orelse)
        self.doubt(node.test)
        before, around = self.s, self.branches
        plain = self.asks_gradient(node.test)  # ``if p.requires_grad``: leaves nothing out
        ends = []
        for arm, body in (("if", node.body), ("else", node.orelse)):
            self.s = before.copy()
            if not plain:
                self.branches = (*around, self.branch(node, arm))
            self.narrow(node.test, arm == "if")
            ends.append(self.s if self.block(body) else None)
        self.branches = around
        return self._go_on(join_states(ends[0], ends[1]))

    def _go_on(self, state: State | None) -> bool:
        if state is None:
            return False
        self.s = state
        return True

    def _for(self, node: ast.For | ast.AsyncFor) -> bool:
        iterated = self.value(node.iter)
        element = self.element_of(iterated, node.iter)
        leaves = _leaves_early(node)
        self.consume(iterated, node.iter, "the loop", whole=not leaves)

        def enter() -> None:
            self.store(node.target, element, node)

        once = _surely_once(node.iter)
        # A module has parameters: such a loop runs.
        parts = [part for one in element for part in (one, *(p for v in one.items for p in v))]
        runs = any(part.attr == "*" for part in parts) and not leaves
        return self._loop(node, enter, node.body, node.orelse, 1 if once else 2, runs=runs)

    def _while(self, node: ast.While) -> bool:
        known = self.truth(node.test)
        if known is False:
            return True

        def enter() -> None:
            self.value(node.test)

        forever = known is True
        return self._loop(node, enter, node.body, node.orelse, 2, forever)

    def _loop(self, node, enter, body, orelse, passes, forever=False, runs=False) -> bool:  # type: ignore[no-untyped-def]
        around = self.branches
        breaks: list[State] = []
        out: State | None = None if forever or runs else self.s.copy()
        head: State | None = self.s
        for number in range(passes):
            if head is None:
                break
            continues: list[State] = []
            self._loops.append((breaks, continues))
            self.s = head.copy()
            self.branches = (*around, self.branch(node, f"pass {number}"))
            enter()
            end = self.s if self.block(body) else None
            self._loops.pop()
            for other in continues:
                end = join_states(end, other)
            head = end
            if not forever:
                out = join_states(out, end)
        self.branches = around
        if out is not None:
            self.s = out
            out = self.s if self.block(orelse) else None
        for other in breaks:
            out = join_states(out, other)
        return self._go_on(out)

    def _with(self, node: ast.With | ast.AsyncWith) -> bool:
        for item in node.items:
            value = self.value(item.context_expr)
            if item.optional_vars is not None:
                self.store(item.optional_vars, value, node)
        return self.block(node.body)

    def _try(self, node: ast.Try) -> bool:
        before, around = self.s.copy(), self.branches
        if not all(isinstance(handler.body[-1], ast.Raise) for handler in node.handlers):
            self.branches = (*around, self.branch(node, "try"))
        done = self.s if self.block(node.body) else None
        after = self.s  # also where the body ended in a return: what it did before that
        thrown = join_states(before, after.copy())
        if done is not None and node.orelse:
            done = self.s if self.block(node.orelse) else None
        result = done
        for handler in node.handlers:
            assert thrown is not None
            self.s = thrown.copy()
            self.branches = (*around, self.branch(node, "except"))
            if handler.name:
                self.s.env[handler.name] = NOTHING
            if self.block(handler.body):
                result = join_states(result, self.s)
        self.branches = around
        if node.finalbody:
            self.s = result if result is not None else (thrown or before)
            if not self.block(node.finalbody):
                return False
            if result is not None:
                result = self.s
        return self._go_on(result)

    def _match(self, node: ast.Match) -> bool:
        self.value(node.subject)
        before, around = self.s, self.branches
        result: State | None = before.copy()
        for place, case in enumerate(node.cases):
            self.s = before.copy()
            self.branches = (*around, self.branch(node, f"case {place}"))
            for part in ast.walk(case.pattern):
                name = getattr(part, "name", None) or getattr(part, "rest", None)
                if isinstance(name, str):
                    self.s.env[name] = NOTHING
            if self.block(case.body):
                result = join_states(result, self.s)
        self.branches = around
        return self._go_on(result)

    def _break(self, node: ast.Break) -> bool:
        if self._loops:
            self._loops[-1][0].append(self.s)
        return False

    def _continue(self, node: ast.Continue) -> bool:
        if self._loops:
            self._loops[-1][1].append(self.s)
        return False

    def _define(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        scope = self._inner_scope(node)
        if scope is not None:
            made = Thing("function", function=(self.facts, scope), env=self.s.env, name=node.name)
            self.s.env[node.name] = (made,)
        return True

    def _inner_scope(self, node: ast.AST) -> Scope | None:
        self.facts.scope_of(node).children  # noqa: B018 - the walk registers the scopes
        return self.facts.index.scopes.get(node)

    def _class(self, node: ast.ClassDef) -> bool:
        cls = self.facts.class_at(node)
        if cls is not None:
            self.s.env[node.name] = (Thing("class", Kind("class", node, self.facts, cls=cls)),)
        return True

    # -- storing -----------------------------------------------------------------------
    def store(self, target: ast.expr, value: Value, node: ast.AST) -> None:
        if isinstance(target, ast.Name):
            self.rebound(target.id, self.s.env.get(target.id, ()), value, node)
            for one in value:
                if not one.name and one.what not in ("unknown", "constant") and one.parent is None:
                    one.name = target.id
            self.s.env[target.id] = value
        elif isinstance(target, ast.Attribute):
            for owner in self.value(target.value):
                self.set_attribute(owner, target.attr, value, node)
        elif isinstance(target, ast.Subscript):
            key = _key(target.slice)
            for owner in self.value(target.value):
                if owner.what in ("list", "dict", "tuple"):
                    self.grow((owner,), value, node)
                else:
                    self.set_attribute(owner, key, value, node)
        elif isinstance(target, (ast.Tuple, ast.List)):
            starred = any(isinstance(part, ast.Starred) for part in target.elts)
            for place, part in enumerate(target.elts):
                if isinstance(part, ast.Starred):
                    part = part.value
                self.store(part, NOTHING if starred else self.item(value, place), node)

    def bind_arguments(
        self,
        facts: FileFacts,
        function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
        given: list[Value],
        named: dict[str, Value],
    ) -> dict[str, Value]:
        """The callee's first names: what is not given is its default, or unknown."""
        env: dict[str, Value] = {}
        args = function.args
        plain = [*args.posonlyargs, *args.args]
        for arg, value in zip(plain, given):
            env[arg.arg] = value
        for name, value in named.items():
            env.setdefault(name, value)
        defaults = list(zip(reversed(plain), reversed(args.defaults)))
        defaults += [(a, d) for a, d in zip(args.kwonlyargs, args.kw_defaults) if d is not None]
        for arg, default in defaults:
            if arg.arg not in env:
                constant = default.value if isinstance(default, ast.Constant) else MISSING
                env[arg.arg] = NOTHING
                if constant is not MISSING:
                    env[arg.arg] = (Thing("constant", constant=constant),)
        for arg in [*plain, *args.kwonlyargs]:
            if arg.arg not in env:
                env[arg.arg] = (self.argument(facts, arg),)
        if args.vararg is not None:
            rest = given[len(plain) :]
            env[args.vararg.arg] = (Thing("tuple", items=rest, complete=False),)
        if args.kwarg is not None:
            env[args.kwarg.arg] = NOTHING
        return env

    def enter(
        self,
        facts: FileFacts,
        scope: Scope,
        env: dict[str, Value],
        call: ast.AST | None,
        outer: dict[str, Value] | None = None,
    ) -> Value:
        """Run a function of the project here; what it returns."""
        if len(self.active) >= DEPTH or any(one is scope for one in self.active):
            return NOTHING
        kept = (self.facts, self.sites, self.branches, self.s.env, self.returned, self._loops)
        kept_outer = self.outer
        if call is not None:
            self.sites = (*self.sites, (self.facts, call))
        if not self.active and self.module_env is not None:
            self.module_env = self.s.env
        self.facts, self.returned, self._loops = facts, [], []
        self.outer = [outer] if outer is not None else []
        self.active.append(scope)
        self.s.env = env
        try:
            fell = self.block(scope.node.body)
            ends = self.returned
            if fell:
                ends = [*ends, (self.s, (Thing("constant", constant=None),))]
        finally:
            self.active.pop()
            self.facts, self.sites, self.branches, mine, self.returned, self._loops = kept
            self.outer = kept_outer
        state: State | None = None
        value: Value = ()
        for end, returned in ends:
            end = end.copy()
            end.env = mine
            state = join_states(state, end)
            value = union(value, returned)
        if state is None:  # it always raises
            self.s.env = mine
            return NOTHING
        self.s = state
        self.s.env = dict(mine)
        return value or NOTHING


def _key(index: ast.expr) -> str:
    try:
        return f"[{ast.literal_eval(index)!r}]"
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return "[...]"


def _leaves_early(node: ast.For | ast.AsyncFor) -> bool:
    """Whether a loop may end before its iterator does: break, return, or yield to a caller."""
    known: bool | None = getattr(node, _EARLY, None)
    if known is None:
        known = _has_exit(node)
        setattr(node, _EARLY, known)
    return known


#: Kept on the node itself, so that it goes with the tree.
_EARLY = "_lint_params_leaves_early"


def _has_exit(node: ast.For | ast.AsyncFor) -> bool:
    todo: list[ast.AST] = list(node.body)
    while todo:
        one = todo.pop()
        if isinstance(one, (ast.Break, ast.Return, ast.Yield)):
            return True
        if isinstance(one, (ast.For, ast.While, ast.AsyncFor)):
            inner = [n for n in ast.walk(one) if isinstance(n, (ast.Return, ast.Yield))]
            if inner:
                return True
            continue
        if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            continue
        todo += ast.iter_child_nodes(one)
    return False


def _surely_once(iterated: ast.expr) -> bool:
    """``range(1)`` and one-element literals."""
    if isinstance(iterated, (ast.List, ast.Tuple)):
        return len(iterated.elts) <= 1
    return (
        isinstance(iterated, ast.Call)
        and isinstance(iterated.func, ast.Name)
        and iterated.func.id == "range"
        and len(iterated.args) == 1
        and isinstance(iterated.args[0], ast.Constant)
        and iterated.args[0].value in (0, 1)
    )


def _never_returns(facts: FileFacts, node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and facts.qualify(node.func) in (
        "sys.exit",
        "os._exit",
        "builtins.exit",
        "builtins.quit",
    )


_HANDLERS: dict[type, Callable[..., bool]] = {
    ast.Expr: Story._expr,
    ast.Assign: Story._assign,
    ast.AnnAssign: Story._ann_assign,
    ast.AugAssign: Story._aug_assign,
    ast.Delete: Story._delete,
    ast.Return: Story._return,
    ast.Raise: Story._raise,
    ast.Assert: Story._assert,
    ast.If: Story._if,
    ast.For: Story._for,
    ast.AsyncFor: Story._for,
    ast.While: Story._while,
    ast.With: Story._with,
    ast.AsyncWith: Story._with,
    ast.Try: Story._try,
    ast.Match: Story._match,
    ast.Break: Story._break,
    ast.Continue: Story._continue,
    ast.FunctionDef: Story._define,
    ast.AsyncFunctionDef: Story._define,
    ast.ClassDef: Story._class,
}
if hasattr(ast, "TryStar"):
    _HANDLERS[ast.TryStar] = Story._try
