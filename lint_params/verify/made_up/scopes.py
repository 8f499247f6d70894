"""One walk over a file's tree: what stands where, so that no search walks it again. Child only."""

from __future__ import annotations

import ast
from collections import defaultdict

#: A function or class; None stands for the file.
Scope = ast.FunctionDef | ast.ClassDef | None


def called(node: ast.Call) -> str:
    """The last part of the name that is called, "" if it has none."""
    func = node.func
    return func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")


class Scopes:
    """The nodes' parents and scopes; the calls by name; the assignments by scope and name."""

    def __init__(self, tree: ast.Module) -> None:
        self.parents: dict[ast.AST, ast.AST] = {}
        self.of: dict[ast.AST, Scope] = {tree: None}
        self.every_call: list[ast.Call] = []
        self.calls: dict[str, list[ast.Call]] = defaultdict(list)  # by the name that is called
        self._stored: dict[tuple[Scope, str], list[ast.Assign]] = defaultdict(list)
        self._bound: dict[tuple[Scope, str], list[ast.Assign | ast.AnnAssign]] = defaultdict(list)
        todo: list[ast.AST] = [tree]
        for node in todo:  # grows as it goes: level by level
            inside = node if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else self.of[node]
            for child in ast.iter_child_nodes(node):
                self.parents[child] = node
                self.of[child] = inside
                todo.append(child)
            if isinstance(node, ast.Call):
                self.every_call.append(node)
                self.calls[called(node)].append(node)
            elif isinstance(node, (ast.Assign, ast.AnnAssign)):
                self._assigned(node)

    def _assigned(self, node: ast.Assign | ast.AnnAssign) -> None:
        scope = self.of[node]
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if node.value is not None:
            for name in {target.id for target in targets if isinstance(target, ast.Name)}:
                self._bound[scope, name].append(node)
        if isinstance(node, ast.Assign):
            inner = [each for target in targets for each in ast.walk(target)]
            for name in {each.id for each in inner if isinstance(each, ast.Name)}:
                self._stored[scope, name].append(node)

    def last(self, scope: Scope, name: str, line: int) -> ast.Assign | None:
        """The last assignment up to a line whose target contains the name."""
        found = [node for node in self._stored.get((scope, name), ()) if node.lineno <= line]
        return max(found, key=lambda node: node.lineno, default=None)

    def bound(self, scope: Scope, name: str, line: int) -> ast.Assign | ast.AnnAssign | None:
        """The last assignment before a line whose target is the name."""
        found = [node for node in self._bound.get((scope, name), ()) if node.lineno < line]
        return max(found, key=lambda node: node.lineno, default=None)
