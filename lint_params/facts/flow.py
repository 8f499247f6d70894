"""Which assignments can reach a use of a name: one forward pass over a function.

Branches are joined, loops run twice (enough for reaching definitions), paths that return or
raise end. Besides names, dotted paths (``self.proj``, ``layer.weight``) are followed.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lint_params.facts.asked import asked_class_name, asked_type
from lint_params.facts.scope import Scope
from lint_params.names import dotted

#: A function with more statements than this (counted with loop repeats) is not followed.
BUDGET = 20_000


@dataclass(eq=False)
class Definition:
    """One way in which a name got its value.

    ``how``: "assign" (``value``, unpacked along ``path``), "argument" (``value`` is the
    default), "for" (an element of ``value``, then along ``path``), "with", "import",
    "def", "augmented", "narrow" (``isinstance`` held: ``value`` is the class expression,
    ``before`` what was known), "class name" (a test of the class's name held: ``value`` is a
    comparison of that text), "start" (nothing yet), "unknown".
    """

    name: str
    how: str
    value: ast.expr | None = None
    node: ast.AST | None = None
    path: tuple[int, ...] = ()
    annotation: ast.expr | None = None
    before: tuple[Definition, ...] = ()

    # A loop's body is followed more than once: the same line makes the same definition.
    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Definition)
            and self.node is other.node
            and self.value is other.value
            and (self.name, self.how, self.path) == (other.name, other.how, other.path)
        )

    def __hash__(self) -> int:
        return hash((self.name, self.how, id(self.node)))


Env = dict[str, tuple[Definition, ...]]
#: The pseudo-name that says whether the parent's ``__init__`` has run.
SUPER = "super().__init__"
_START = Definition(SUPER, "start")


class Flow:
    """``before[statement]`` is what every name can be when the statement begins."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.before: dict[ast.stmt, Env] = {}
        self.complete = True
        self._steps = 0
        self._loops: list[tuple[list[Env], list[Env]]] = []
        env: Env = {SUPER: (_START,)}
        for definition in _arguments(scope):
            env[definition.name] = (definition,)
        self.end = self._block(scope.node.body, env)

    def at(self, statement: ast.stmt | None) -> Env | None:
        """None where the statement is never reached or the function was too much."""
        return self.before.get(statement) if statement is not None and self.complete else None

    # -- statements --------------------------------------------------------------------
    def _block(self, body: list[ast.stmt], env: Env | None) -> Env | None:
        for statement in body:
            if env is None:
                return None
            env = self._statement(statement, env)
        return env

    def _statement(self, node: ast.stmt, env: Env) -> Env | None:
        self._steps += 1
        if self._steps > BUDGET:
            self.complete = False
            return None
        known = self.before.get(node)
        self.before[node] = env if known is None or known is env else _join(known, env)
        handler = _HANDLERS.get(node.__class__)
        return handler(self, node, env) if handler is not None else env

    def _assign(self, node: ast.Assign, env: Env) -> Env:
        env = _called_super(node.value, env)
        env = dict(env)
        for target in node.targets:
            bind(env, target, node.value, node, "assign")
        return env

    def _ann_assign(self, node: ast.AnnAssign, env: Env) -> Env:
        env = dict(env)
        if node.value is not None:
            bind(env, node.target, node.value, node, "assign", annotation=node.annotation)
        elif isinstance(node.target, ast.Name):
            made = Definition(node.target.id, "unknown", None, node, annotation=node.annotation)
            env[node.target.id] = (made,)
        return env

    def _aug_assign(self, node: ast.AugAssign, env: Env) -> Env:
        name = dotted(node.target) if isinstance(node.target, (ast.Name, ast.Attribute)) else None
        if name is None:
            return env
        env = dict(env)
        before = env.get(name, ())
        _forget(env, name)
        env[name] = (Definition(name, "augmented", node.value, node, before=before),)
        return env

    def _delete(self, node: ast.Delete, env: Env) -> Env:
        env = dict(env)
        for target in node.targets:
            name = dotted(target)
            if name is not None:
                _forget(env, name)
                env.pop(name, None)
        return env

    def _expression(self, node: ast.Expr, env: Env) -> Env:
        return _walrus(node.value, _called_super(node.value, env))

    def _if(self, node: ast.If, env: Env) -> Env | None:
        env = _walrus(node.test, env)
        yes, no = narrow(node.test, env, node, True), narrow(node.test, env, node, False)
        return _merge(self._block(node.body, yes), self._block(node.orelse, no))

    def _for(self, node: ast.For | ast.AsyncFor, env: Env) -> Env | None:
        breaks: list[Env] = []
        head: Env | None = env
        for _ in range(2):
            continues: list[Env] = []
            self._loops.append((breaks, continues))
            assert head is not None
            inside = dict(head)
            bind(inside, node.target, node.iter, node, "for")
            out = self._block(node.body, inside)
            self._loops.pop()
            before = head
            for other in [out, *continues]:
                head = _merge(head, other)
            if head is before:
                break  # nothing new comes round
        result = self._block(node.orelse, head)
        for other in breaks:
            result = _merge(result, other)
        return result

    def _while(self, node: ast.While, env: Env) -> Env | None:
        breaks: list[Env] = []
        head: Env = _walrus(node.test, env)
        for _ in range(2):
            continues: list[Env] = []
            self._loops.append((breaks, continues))
            self.before[node] = _join(self.before[node], head)
            out = self._block(node.body, narrow(node.test, head, node, True))
            self._loops.pop()
            before = head
            for other in [out, *continues]:
                head = _merge(head, other) or head
            if head is before:
                break
        forever = isinstance(node.test, ast.Constant) and bool(node.test.value)
        result = None if forever else self._block(node.orelse, head)
        for other in breaks:
            result = _merge(result, other)
        return result

    def _with(self, node: ast.With | ast.AsyncWith, env: Env) -> Env | None:
        env = dict(env)
        for item in node.items:
            if item.optional_vars is not None:
                bind(env, item.optional_vars, item.context_expr, node, "with")
        return self._block(node.body, env)

    def _try(self, node: ast.Try, env: Env) -> Env | None:
        done = self._block(node.body, env)
        # An exception may come from anywhere in the body: all it may have bound, and before.
        thrown = env
        for statement in node.body:
            for inner in _statements(statement):
                seen = self.before.get(inner)
                if seen is not None:
                    thrown = _join(thrown, seen)
        if done is not None:
            thrown = _join(thrown, done)
        result = self._block(node.orelse, done)
        for handler in node.handlers:
            caught = dict(thrown)
            if handler.name:
                caught[handler.name] = (Definition(handler.name, "unknown", None, handler),)
            result = _merge(result, self._block(handler.body, caught))
        if not node.finalbody:
            return result
        after = self._block(node.finalbody, _merge(result, thrown))
        return None if result is None else after

    def _match(self, node: ast.Match, env: Env) -> Env | None:
        result: Env | None = env
        for case in node.cases:
            inside = dict(env)
            for part in ast.walk(case.pattern):
                name = getattr(part, "name", None) or getattr(part, "rest", None)
                if isinstance(name, str):
                    inside[name] = (Definition(name, "unknown", None, node),)
            result = _merge(result, self._block(case.body, inside))
        return result

    def _stop(self, node: ast.stmt, env: Env) -> None:
        return None

    def _break(self, node: ast.Break, env: Env) -> None:
        if self._loops:
            self._loops[-1][0].append(env)

    def _continue(self, node: ast.Continue, env: Env) -> None:
        if self._loops:
            self._loops[-1][1].append(env)

    def _define(self, node: ast.stmt, env: Env) -> Env:
        name: str = node.name  # type: ignore[attr-defined]
        return {**env, name: (Definition(name, "def", None, node),)}

    def _import(self, node: ast.Import | ast.ImportFrom, env: Env) -> Env:
        env = dict(env)
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            env[name] = (Definition(name, "import", None, node),)
        return env


_HANDLERS: dict[type[ast.AST], Callable[[Flow, Any, Env], Env | None]] = {
    ast.Assign: Flow._assign,
    ast.AnnAssign: Flow._ann_assign,
    ast.AugAssign: Flow._aug_assign,
    ast.Delete: Flow._delete,
    ast.Expr: Flow._expression,
    ast.If: Flow._if,
    ast.For: Flow._for,
    ast.AsyncFor: Flow._for,
    ast.While: Flow._while,
    ast.With: Flow._with,
    ast.AsyncWith: Flow._with,
    ast.Try: Flow._try,
    ast.Match: Flow._match,
    ast.Return: Flow._stop,
    ast.Raise: Flow._stop,
    ast.Break: Flow._break,
    ast.Continue: Flow._continue,
    ast.FunctionDef: Flow._define,
    ast.AsyncFunctionDef: Flow._define,
    ast.ClassDef: Flow._define,
    ast.Import: Flow._import,
    ast.ImportFrom: Flow._import,
}
if hasattr(ast, "TryStar"):
    _HANDLERS[ast.TryStar] = Flow._try


# -- environments ----------------------------------------------------------------------
def _join(one: Env, other: Env) -> Env:
    """Both; ``one`` itself where ``other`` adds nothing."""
    if one is other:
        return one
    joined = one
    for name, found in other.items():
        mine = one.get(name)
        if mine is None:
            # An attribute set on one path only is, on the other, what its owner made it.
            new = None if "." in name and name != SUPER else found
        elif mine is found:
            continue
        else:
            more = tuple(item for item in found if item not in mine)
            new = mine + more if more else None
        if new is not None:
            if joined is one:
                joined = dict(one)
            joined[name] = new
    gone = [name for name in one if "." in name and name != SUPER and name not in other]
    if gone:
        joined = {name: found for name, found in joined.items() if name not in gone}
    return joined


def _merge(one: Env | None, other: Env | None) -> Env | None:
    if one is None or other is None:
        return other if one is None else one
    return _join(one, other)


def _forget(env: Env, name: str) -> None:
    """Drop the dotted paths that begin at ``name``: their owner is another object now."""
    prefix = name + "."
    for key in [key for key in env if key.startswith(prefix) and key != SUPER]:
        del env[key]


def bind(
    env: Env,
    target: ast.expr,
    value: ast.expr,
    node: ast.AST,
    how: str,
    path: tuple[int, ...] = (),
    annotation: ast.expr | None = None,
) -> None:
    if isinstance(target, (ast.Tuple, ast.List)):
        starred = any(isinstance(part, ast.Starred) for part in target.elts)
        pairs = how == "assign" and isinstance(value, (ast.Tuple, ast.List)) and not path
        for place, part in enumerate(target.elts):
            if starred:
                inner = part.value if isinstance(part, ast.Starred) else part
                bind(env, inner, value, node, "unknown", ())
            elif pairs and len(value.elts) == len(target.elts):  # type: ignore[attr-defined]
                bind(env, part, value.elts[place], node, how)  # type: ignore[attr-defined]
            else:
                bind(env, part, value, node, how, (*path, place))
        return
    name = dotted(target) if isinstance(target, (ast.Name, ast.Attribute)) else None
    if name is None:
        return
    _forget(env, name)
    env[name] = (Definition(name, how, value, node, path, annotation),)


def _walrus(expr: ast.expr, env: Env) -> Env:
    # Only where it commonly stands: in tests and calls of an expression statement.
    found = [part for part in _shallow(expr) if isinstance(part, ast.NamedExpr)]
    if not found:
        return env
    env = dict(env)
    for part in found:
        bind(env, part.target, part.value, part, "assign")
    return env


def _shallow(expr: ast.expr) -> list[ast.expr]:
    parts = [expr]
    if isinstance(expr, ast.BoolOp):
        parts += expr.values
    elif isinstance(expr, ast.UnaryOp):
        parts.append(expr.operand)
    elif isinstance(expr, ast.Compare):
        parts += [expr.left, *expr.comparators]
    return parts


def _called_super(value: ast.expr, env: Env) -> Env:
    if isinstance(value, ast.Call) and is_parent_init(value):
        return {**env, SUPER: (Definition(SUPER, "assign", value, value),)}
    return env


def is_parent_init(call: ast.Call, own: str | None = None) -> bool:
    """``super().__init__(...)``, ``super(C, self).__init__(...)`` or ``Base.__init__(self)``
    (``own``: what the object is called here; another one may be set up)."""
    func = call.func
    if not (isinstance(func, ast.Attribute) and func.attr == "__init__"):
        return False
    inner = func.value
    if isinstance(inner, ast.Call):
        return isinstance(inner.func, ast.Name) and inner.func.id == "super"
    first = call.args[0] if call.args else None
    if isinstance(first, ast.Attribute) or (own and isinstance(first, ast.Name) and first.id != own):
        return False
    return dotted(inner) is not None and (dotted(inner) or "").partition(".")[0] != "self"


def narrow(test: ast.expr, env: Env, node: ast.AST, held: bool) -> Env:
    """The environment where the test came out as ``held``."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return narrow(test.operand, env, node, not held)
    if isinstance(test, ast.BoolOp):
        if isinstance(test.op, ast.And) == held:
            for part in test.values:
                env = narrow(part, env, node, held)
            return env
    name, classes = asked_type(test) if held else (None, [])
    if name is not None:
        types = classes[0] if len(classes) == 1 else ast.Tuple(classes, ast.Load())
        return {**env, name: (Definition(name, "narrow", types, node, before=env.get(name, ())),)}
    named = asked_class_name(test, env) if held else None
    if named is not None:
        return {**env, named: (Definition(named, "class name", test, node, before=env.get(named, ())),)}
    return env


def _arguments(scope: Scope) -> list[Definition]:
    if not isinstance(scope.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return []
    args = scope.node.args
    plain = [*args.posonlyargs, *args.args]
    defaults: list[ast.expr | None] = [None] * (len(plain) - len(args.defaults))
    found = []
    pairs = list(zip(plain, [*defaults, *args.defaults])) + list(
        zip(args.kwonlyargs, args.kw_defaults)
    )
    for arg, default in pairs:
        found.append(Definition(arg.arg, "argument", default, arg, annotation=arg.annotation))
    for extra in (args.vararg, args.kwarg):
        if extra is not None:
            found.append(Definition(extra.arg, "unknown", None, extra))
    return found


def _statements(node: ast.stmt) -> list[ast.stmt]:
    found = [node]
    for name in ("body", "orelse", "finalbody"):
        for inner in getattr(node, name, ()):
            if isinstance(inner, ast.stmt) and not isinstance(
                node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
            ):
                found += _statements(inner)
    for handler in getattr(node, "handlers", ()):
        for inner in handler.body:
            found += _statements(inner)
    return found
