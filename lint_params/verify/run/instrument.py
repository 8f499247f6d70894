"""Rewrites the linted file's tree: probes on the flagged lines, bounds on loops that train."""

from __future__ import annotations

import ast
import copy
import types
from pathlib import Path
from typing import Any

from lint_params.trees import is_self, paired_modules
from lint_params.verify.made_up.scopes import called

#: How often a loop that trains may go round.
TRAINING_ROUNDS = 3
_TRAINING = {"backward", "step", "zero_grad", "optimize", "fit", "train_step", "training_step"}


def compiled(text: str, path: Path, lines: set[int]) -> types.CodeType:
    tree = _Prober(lines, _trainers(ast.parse(text))).visit(ast.parse(text))
    ast.fix_missing_locations(tree)
    return compile(tree, str(path), "exec", dont_inherit=True)


def _trainers(tree: ast.Module) -> set[str]:
    """Names of functions of the file that (by way of others) take an optimizer's step."""
    bodies = {
        node.name: _called(node)
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    known = set(_TRAINING)
    while True:
        more = {name for name, names in bodies.items() if names & known} - known
        if not more:
            return known
        known |= more


def _called(node: ast.AST) -> set[str]:
    return {called(call) for call in ast.walk(node) if isinstance(call, ast.Call)}


def _call(name: str, args: list[ast.expr], at: ast.AST, **more: Any) -> ast.Call:
    made = ast.Call(ast.Name(name, ast.Load()), args, more.get("keywords", []))
    return ast.copy_location(made, at)


class _Prober(ast.NodeTransformer):
    """Bounds training loops everywhere; watches single expressions on the flagged lines.

    A statement of the file's own code may fail: what is left of the file is still to be run.
    """

    def __init__(self, lines: set[int], trainers: set[str]) -> None:
        self.lines = lines
        self.trainers = trainers

    def visit_Module(self, node: ast.Module) -> ast.AST:
        self.generic_visit(node)
        node.body = [self._survivable(statement) for statement in node.body]
        return node

    def _flagged(self, statement: ast.stmt) -> bool:
        end = statement.end_lineno or statement.lineno
        return bool(self.lines.intersection(range(statement.lineno, end + 1)))

    def _survivable(self, statement: ast.stmt) -> ast.stmt:
        if isinstance(statement, ast.If):
            statement.body = [self._survivable(inner) for inner in statement.body]
            return statement
        if _is_text(statement) or _is_future(statement):
            return statement  # nothing may stand before these
        keeps = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
        own = not isinstance(statement, keeps) and self._flagged(statement)
        guarded = _guarded(statement, "__lp_failed__", [ast.Constant(own)])
        ends: list[ast.expr] = [ast.Name(kind, ast.Load()) for kind in ("Exception", "SystemExit")]
        guarded.handlers[0].type = ast.Tuple(ends, ast.Load())
        return guarded

    def visit_For(self, node: ast.For) -> ast.AST:
        self.generic_visit(node)
        if _called(node) & self.trainers:
            node.iter = _call("__lp_loop__", [node.iter], node.iter)
        return node

    def visit_While(self, node: ast.While) -> ast.AST:
        self.generic_visit(node)
        if _called(node) & self.trainers:
            turn = _call("__lp_turn__", [ast.Constant(node.lineno)], node.test)
            node.test = ast.copy_location(ast.BoolOp(ast.And(), [turn, node.test]), node.test)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        self._guard_block(node)
        return node

    def _guard_block(self, node: ast.AST) -> None:
        """Flagged assignments and calls may fail when ``tolerant``: see ``Probes``."""
        simple = (ast.Assign, ast.AugAssign, ast.Expr)
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if not isinstance(block, list):
                continue
            for index, statement in enumerate(block):
                if isinstance(statement, simple) and self._flagged(statement):
                    block[index] = _guarded(statement, "__lp_guard__", [])
                elif isinstance(statement, (ast.If, ast.For, ast.While, ast.With)):
                    self._guard_block(statement)

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        self.generic_visit(node)
        call = node.value
        if node.lineno in self.lines and _changes_result(call):
            assert isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
            call.func.value = _watched(call.func.value)  # the one before it is what nobody has
            return node
        if node.lineno in self.lines and isinstance(call, ast.Compare) and isinstance(call.left, ast.Attribute):
            asked: list[ast.expr] = [ast.Constant(node.lineno), call.left.value, ast.Constant(call.left.attr)]
            call.left = _call("__lp_look__", asked, call)
        if node.lineno in self.lines and isinstance(call, ast.Attribute):
            looked: list[ast.expr] = [ast.Constant(node.lineno), call.value, ast.Constant(call.attr)]
            node.value = _call("__lp_look__", looked, call)
        if (
            node.lineno in self.lines
            and isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and not (isinstance(call.func.value, ast.Call) and _is_super(call.func.value))
        ):
            node.value = _watched(call)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        pair = paired_modules(node) if node.lineno in self.lines else None
        text = " and ".join(map(ast.unparse, pair)) if pair is not None else ""
        plain = node.func if isinstance(node.func, ast.Name) else None
        self.generic_visit(node)
        node.func = plain or node.func  # what is called is no iterator
        pair = paired_modules(node) if pair is not None else None
        if pair is not None:
            asked = node if isinstance(node.func, ast.Attribute) else node.args[0]
            assert isinstance(asked, ast.Call) and isinstance(asked.func, ast.Attribute)
            told: list[ast.expr] = [ast.Constant(node.lineno), ast.Constant(text), pair[0], copy.deepcopy(pair[1])]
            asked.func.value = _call("__lp_pair__", told, node)
        if node.lineno in self.lines:
            node.args = [_read(arg) for arg in node.args]
            if called(node) == "setattr" and len(node.args) == 3:
                owner, name, value = node.args
                return _call("__lp_set__", [ast.Constant(node.lineno), name, value, owner], node)
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        target = node.targets[0]
        names = [one.id for one in ast.walk(node.value) if isinstance(one, ast.Name)]
        self.generic_visit(node)
        if node.lineno in self.lines and isinstance(target, ast.Name) and target.id in names:
            old = ast.Name(target.id, ast.Load())  # `p = p - 1`: another object than before?
            asked = [ast.Constant(node.lineno), ast.Constant(target.id), old, node.value]
            node.value = _call("__lp_rename__", asked, node.value)
        if node.lineno in self.lines and len(node.targets) == 1 and _settable(target):
            assert isinstance(target, ast.Attribute)
            args = [
                ast.Constant(node.lineno),
                ast.Constant(target.attr),
                node.value,
                target.value,
            ]
            return ast.copy_location(ast.Expr(_call("__lp_set__", args, node)), node)
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        load = isinstance(node.ctx, ast.Load)
        if node.lineno in self.lines and load and node.id not in ("super", "self"):
            named: list[ast.expr] = [ast.Constant(node.lineno), ast.Constant(node.id), node]
            return _call("__lp_read__", named, node)
        return node


def _changes_result(call: ast.expr) -> bool:
    """``p.mul(rate).add_(q)``"""
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return False
    first = call.func.value
    in_place = call.func.attr.endswith("_") and not call.func.attr.endswith("__")
    return in_place and isinstance(first, ast.Call) and isinstance(first.func, ast.Attribute)


def _watched(call: ast.expr) -> ast.Call:
    """The call of a method, and what it changes."""
    assert isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
    first: list[ast.expr] = [ast.Constant(call.lineno), call.func.value, ast.Constant(call.func.attr)]
    return _call("__lp_call__", first + call.args, call, keywords=call.keywords)


def _read(arg: ast.expr) -> ast.expr:
    """``self.params``, which may give nothing more, as an argument; a name is seen by itself."""
    own = isinstance(arg, ast.Attribute) and is_self(arg.value)
    if not own or not isinstance(arg, ast.Attribute) or arg.attr.startswith("__"):
        return arg
    return _call("__lp_read__", [ast.Constant(arg.lineno), ast.Constant(ast.unparse(arg)), arg], arg)


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _is_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _guarded(statement: ast.stmt, teller: str, more: list[ast.expr]) -> ast.Try:
    said: list[ast.expr] = [ast.Name("__lp_error__", ast.Load()), *more]
    told = ast.copy_location(ast.Expr(_call(teller, said, statement)), statement)
    handler = ast.ExceptHandler(ast.Name("Exception", ast.Load()), "__lp_error__", [told])
    guarded = ast.Try([statement], [ast.copy_location(handler, statement)], [], [])
    return ast.copy_location(guarded, statement)


def _settable(target: ast.expr) -> bool:
    # A name-mangled attribute (self.__x) must stay in the class body that mangles it.
    return isinstance(target, ast.Attribute) and not (
        target.attr.startswith("__") and not target.attr.endswith("__")
    )


def _is_super(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == "super"
