"""Imports the linted file once, with probes on the flagged lines. Runs in the child only."""

# Running the linted file is this module's work:
# ruff: noqa: S102
from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
import types
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

#: How often a loop that trains may go round.
TRAINING_ROUNDS = 3
_TRAINING = {"backward", "step", "zero_grad", "optimize", "fit", "train_step", "training_step"}


def module_name(path: Path) -> tuple[Path, str]:
    """The folder to put on sys.path and the dotted name under which the file imports."""
    parts = [] if path.stem == "__init__" else [path.stem]
    folder = path.parent
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    return folder, ".".join(parts) or path.parent.name


def load(
    path: Path, text: str, lines: Iterable[int], probes: dict[str, Callable[..., Any]]
) -> tuple[types.ModuleType, ast.Module]:
    """Execute the file as a module of its package; returns it with its untouched tree."""
    root, name = module_name(path)
    for folder in (str(root), str(path.parent)) if "." not in name else (str(root),):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    if "." in name:
        importlib.import_module(name.rpartition(".")[0])
        already = sys.modules.get(name)
        if already is not None and path.stem == "__init__":
            return already, ast.parse(text)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    tree = ast.parse(text)
    exec(compiled(text, path, set(lines)), _namespace(module, probes))
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)
    return module, tree


def run_as_main(
    path: Path, text: str, lines: Iterable[int], probes: dict[str, Callable[..., Any]]
) -> None:
    """Execute the file's own code as ``python file.py`` would, training loops bounded."""
    module = types.ModuleType("__main__")
    module.__file__ = str(path)
    _, name = module_name(path)
    module.__package__ = name.rpartition(".")[0]
    sys.modules["__main__"] = module
    sys.argv = [str(path)]
    exec(compiled(text, path, set(lines)), _namespace(module, probes))


def _namespace(module: types.ModuleType, probes: dict[str, Callable[..., Any]]) -> dict[str, Any]:
    space = vars(module)
    space.update(probes)
    return space


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
        more = {name for name, called in bodies.items() if called & known} - known
        if not more:
            return known
        known |= more


def _called(node: ast.AST) -> set[str]:
    names = set()
    for call in ast.walk(node):
        if isinstance(call, ast.Call):
            func = call.func
            names.add(func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", ""))
    return names


def _call(name: str, args: list[ast.expr], at: ast.AST, **more: Any) -> ast.Call:
    made = ast.Call(ast.Name(name, ast.Load()), args, more.get("keywords", []))
    return ast.copy_location(made, at)


class _Prober(ast.NodeTransformer):
    """Bounds training loops everywhere; watches single expressions on the flagged lines."""

    def __init__(self, lines: set[int], trainers: set[str]) -> None:
        self.lines = lines
        self.trainers = trainers

    def visit_Module(self, node: ast.Module) -> ast.AST:
        self.generic_visit(node)
        if any(self._flagged(statement) for statement in node.body):
            node.body = [self._survivable(statement) for statement in node.body]
        return node

    def _flagged(self, statement: ast.stmt) -> bool:
        end = statement.end_lineno or statement.lineno
        return bool(self.lines.intersection(range(statement.lineno, end + 1)))

    def _survivable(self, statement: ast.stmt) -> ast.stmt:
        """A flagged statement of the file's own code may fail: the rest is still to be run."""
        if isinstance(statement, ast.If):
            statement.body = [self._survivable(inner) for inner in statement.body]
            return statement
        keeps = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
        if isinstance(statement, keeps):
            return statement
        return _guarded(statement, "__lp_failed__", [ast.Constant(self._flagged(statement))])

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
        if (
            node.lineno in self.lines
            and isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and not (isinstance(call.func.value, ast.Call) and _is_super(call.func.value))
        ):
            first: list[ast.expr] = [
                ast.Constant(node.lineno),
                call.func.value,
                ast.Constant(call.func.attr),
            ]
            node.value = _call("__lp_call__", first + call.args, call, keywords=call.keywords)
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        self.generic_visit(node)
        target = node.targets[0]
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


def _guarded(statement: ast.stmt, teller: str, more: list[ast.expr]) -> ast.stmt:
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
