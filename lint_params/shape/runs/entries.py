"""Methods that are called from outside beside ``forward``: ``encode``, ``loss``, ``act``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.shape.evaluate.classes import decorators, mro
from lint_params.shape.evaluate.scope import Scope
from lint_params.shape.runs.arguments import Mode, free_tensor, parameters
from lint_params.shape.runs.forward_inputs import forward_arguments
from lint_params.shape.value import Choice, ClassRef, Function, Instance, Layer

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter

_TRANSPARENT = frozenset({"torch.no_grad", "torch.inference_mode", "no_grad", "inference_mode"})


def call_entries(it: Interpreter, instance: Instance, mark: int) -> None:
    """Call each as if right after the constructor, at ``mark``, with arguments of free shape."""
    for owner, node in list(_entries(it, instance)):
        if id(node) in it.entered:
            continue
        it.ctx.undo(mark)
        scope = Scope(it.file_scope(owner.file), owner.scope)
        method = Function(node, owner.file, owner.scope, instance, owner)
        arguments = {
            name: Choice([free_tensor(name), None]) if value is None else value  # most callers give it
            for name, value in forward_arguments(it, instance, node, scope, Mode.SIZES).items()
        }
        it.instances.append(instance)
        try:
            it.call(method, [], arguments, node, node.name)
        finally:
            it.instances.pop()


def _entries(it: Interpreter, instance: Instance) -> Iterator[tuple[ClassRef, ast.FunctionDef]]:
    seen = {"forward"}
    for base in mro(it, instance.cls):
        if not isinstance(base, ClassRef):
            return
        for node in base.node.body:
            if not isinstance(node, ast.FunctionDef) or node.name in seen:
                continue
            seen.add(node.name)
            plain = all(mark in _TRANSPARENT for mark in decorators(node))
            if plain and not node.name.startswith("_") and _runs_modules(instance, node):
                yield base, node


def _runs_modules(instance: Instance, node: ast.FunctionDef) -> bool:
    """Whether the method puts one of its own arguments into the module or one of its layers."""
    own, *names = [arg.arg for arg, _ in parameters(node.args)] or [""]
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and any(
            isinstance(a, ast.Name) and a.id in names for a in part.args
        ):
            callee = part.func
            if isinstance(callee, ast.Name) and callee.id == own:
                return True
            if isinstance(callee, ast.Attribute) and isinstance(callee.value, ast.Name):
                module = isinstance(instance.attrs.get(callee.attr), (Layer, Instance))
                if callee.value.id == own and (module or callee.attr == "forward"):
                    return True
    return False
