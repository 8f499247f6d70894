"""Follows one parameter of forward to the first thing with weights that takes it. Child only."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from lint_params.verify.made_up import needs
from lint_params.verify.made_up.needs import Need, name_of, own_nodes, statements, tree_of


class Reader:
    """Follows one parameter through a function until something that owns weights takes it."""

    def __init__(self, module: nn.Module, function: ast.FunctionDef, name: str, depth: int) -> None:
        self.module = module
        self.function = function
        self.name = name
        self.depth = depth
        self.alive = {name}
        self.items: set[str] = set()  # names of its items, one after the other
        self.mixed: set[str] = set()  # names of what it was joined into

    def need(self) -> Need | None:
        for statement in statements(self.function.body):
            self._follow(statement)
            found = self._in(statement)
            if found is not None:
                return found
            if isinstance(statement, ast.Assign):
                mentions = self._mentions(statement.value)
                joined = mentions and self._joined(statement.value)
                for target in statement.targets:
                    for node in ast.walk(target):
                        if isinstance(node, ast.Name):
                            if mentions:
                                self.alive.add(node.id)
                                self.mixed.update({node.id} if joined else ())
                            elif node.id != self.name:
                                self.alive.discard(node.id)
        return None

    def _follow(self, statement: ast.stmt) -> None:
        """``for item in x``, ``[f(item) for item in x]``."""
        for node in own_nodes(statement):
            if not isinstance(node, (ast.For, ast.comprehension)):
                continue
            walked, target = node.iter, node.target
            if isinstance(walked, ast.Call) and name_of(walked.func) in ("zip", "enumerate"):
                first = int(name_of(walked.func) == "enumerate")
                parts = target.elts if isinstance(target, ast.Tuple) else []
                pairs = list(zip(parts[first:], walked.args))
            else:
                pairs = [(target, walked)]
            for item, value in pairs:
                if name_of(value) in self.alive and isinstance(item, ast.Name):
                    self.items.add(item.id)
                    self.alive.add(item.id)

    def _mentions(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Attribute) and node.attr in ("shape", "device", "dtype"):
            return False
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("size", "dim", "new_zeros", "numel")
        ):
            return any(self._mentions(arg) for arg in node.args)
        if isinstance(node, ast.Name):
            return node.id in self.alive
        return any(self._mentions(child) for child in ast.iter_child_nodes(node))

    def _in(self, statement: ast.AST) -> Need | None:
        """Innermost use first, in the order of the text."""
        best: tuple[int, int, Need] | None = None
        for node in own_nodes(statement):
            found: Need | None = None
            if isinstance(node, ast.Call):
                found = self._call(node)
            elif isinstance(node, ast.BinOp):
                found = self._operator(node)
            if found is not None:
                size = sum(1 for _ in ast.walk(node))
                if best is None or size < best[0]:
                    best = (size, 0, found)
        return best[2] if best else None

    def _call(self, node: ast.Call) -> Need | None:
        taken = [arg for arg in node.args if self._mentions(arg)]
        taken += [word.value for word in node.keywords if self._mentions(word.value)]
        if not taken:
            return None
        joined = self._joined(taken[0])
        func = node.func
        if isinstance(func, ast.Attribute) and name_of(func.value) == "self":
            target = getattr(self.module, func.attr, None)
            if target is None or isinstance(target, nn.Module):
                return self._adjust(self._of_part(target, node, taken[0]), taken[0], joined)
            if inspect.ismethod(target):
                index = (
                    next(i for i, a in enumerate([*node.args]) if a is taken[0])
                    if (taken[0] in node.args)
                    else 0
                )
                inner = tree_of(target)
                if inner is None:
                    return None
                names = [arg.arg for arg in inner.args.args if arg.arg != "self"]
                if index < len(names) and self.depth < 8:
                    return Reader(self.module, inner, names[index], self.depth + 1).need()
            return None
        if isinstance(func, ast.Attribute) and ast.unparse(func.value) == "super()":
            layer = type(self.module).__mro__[1].__module__.startswith("torch.nn.modules")
            return self._adjust(needs.of_module(self.module, self.depth + 1), taken[0], joined) if layer else None
        for module in self._callee(func):
            return self._adjust(self._of_part(module, node, taken[0]), taken[0], joined)
        called = func.attr if isinstance(func, ast.Attribute) else name_of(func)
        if called == "one_hot" and taken[0] is node.args[0]:
            return self._classes(node)
        if called in ("linear", "matmul", "mm", "bmm", "embedding", "conv2d", "conv1d"):
            operands = [*node.args]
            if isinstance(func, ast.Attribute) and self._mentions(func.value):
                operands.insert(0, func.value)
            if len(operands) > 1 and not joined:
                return self._weight(called, operands[0], operands[1])
        return None

    def _of_part(self, part: nn.Module | None, node: ast.Call, arg: ast.expr) -> Need | None:
        """What a module wants in the place of ``arg`` among the arguments of a call."""
        if part is None:
            return None
        forward = tree_of(getattr(type(part), "forward", None))
        of_torch = type(part).__module__.startswith("torch.")
        if forward is None or of_torch or len(node.args) + len(node.keywords) < 2:
            return needs.of_module(part, self.depth + 1)
        given = dict(zip((one.arg for one in forward.args.args[1:]), node.args))
        given |= {word.arg: word.value for word in node.keywords if word.arg}
        name = next((name for name, value in given.items() if value is arg), "")
        return needs.of_forward(part, self.depth + 1).get(name)

    def _classes(self, node: ast.Call) -> Need:
        """``one_hot(labels, n)`` takes a whole number below n for each row."""
        given = [*node.args[1:2], *(w.value for w in node.keywords if w.arg == "num_classes")]
        value = given[0].value if given and isinstance(given[0], ast.Constant) else None
        count = value if value is not None or not given else self._object(given[0])
        return Need("ids", count if isinstance(count, int) and count > 0 else 2, rank=1)

    def _callee(self, func: ast.expr) -> Iterator[nn.Module]:
        """``layer(x)`` in a loop over ``self.layers``, ``self.blocks[0](x)``."""
        if isinstance(func, ast.Subscript):
            value = self._object(func.value)
            if isinstance(value, (nn.ModuleList, nn.Sequential)) and len(value):
                yield value[0]
            elif isinstance(value, nn.ModuleDict) and len(value):
                yield next(iter(value.values()))
        elif isinstance(func, ast.Name):
            for node in ast.walk(self.function):
                if isinstance(node, (ast.For, ast.comprehension)):
                    position = _position(node.target, func.id)
                    if position is None:
                        continue
                    value = self._looped(node.iter, position)
                    several = isinstance(value, (nn.ModuleList, nn.Sequential, list, tuple))
                    if several and len(value) and isinstance(value[0], nn.Module):
                        yield value[0]
                elif isinstance(node, ast.Assign) and any(
                    name_of(target) == func.id for target in node.targets
                ):
                    value = self._object(node.value)
                    if isinstance(value, nn.Module):
                        yield value

    def _looped(self, node: ast.expr, position: int) -> Any:
        if isinstance(node, ast.Call) and name_of(node.func) in ("enumerate", "zip", "reversed"):
            args = node.args
            if name_of(node.func) == "enumerate":
                inner = args[0]
                if isinstance(inner, ast.Call):
                    return self._looped(inner, max(position - 1, 0))
                return self._object(inner)
            return self._object(args[min(position, len(args) - 1)])
        return self._object(node)

    def _object(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Name):
            return self.module if node.id == "self" else None
        if isinstance(node, ast.Attribute):
            owner = self._object(node.value)
            return getattr(owner, node.attr, None) if owner is not None else None
        if isinstance(node, ast.Subscript):
            value = self._object(node.value)
            if isinstance(value, (nn.ModuleList, nn.Sequential)) and len(value):
                return value[0]
        return None

    def _joined(self, node: ast.AST) -> bool:
        return any(
            isinstance(inner, ast.Call)
            and isinstance(inner.func, (ast.Attribute, ast.Name))
            and (getattr(inner.func, "attr", "") or getattr(inner.func, "id", ""))
            in ("cat", "concat", "concatenate", "hstack")
            or isinstance(inner, ast.Name)
            and inner.id in self.mixed
            for inner in ast.walk(node)
        )

    def _adjust(self, need: Need | None, arg: ast.AST, joined: bool) -> Need | None:
        if need is None:
            return None
        for node in ast.walk(arg):  # x[:, i] with i of a loop: one column a pick
            if (
                isinstance(node, ast.Subscript)
                and name_of(node.value) in self.alive
                and isinstance(node.slice, ast.Tuple)
                and not isinstance(node.slice.elts[-1], ast.Slice)
            ):
                need = replace(need, picked=max(need.picked, self._picks(node.slice.elts[-1])))
        for node in ast.walk(arg):  # z.view(z.size(0), -1, 1, 1): flat before
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                ones = [isinstance(a, ast.Constant) and a.value == 1 for a in node.args[-need.nd :]]
                if node.func.attr in ("view", "reshape") and need.nd and ones and all(ones):
                    need = replace(need, nd=0, rank=2)
        items = any(isinstance(node, ast.Name) and node.id in self.items for node in ast.walk(arg))
        return replace(need, joined=need.joined or joined, items=need.items or items)

    def _picks(self, index: ast.expr) -> int:
        if isinstance(index, ast.Constant) and isinstance(index.value, int):
            highest = 0
            for node in ast.walk(self.function):
                if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple):
                    last = node.slice.elts[-1]
                    if isinstance(last, ast.Constant) and isinstance(last.value, int):
                        highest = max(highest, last.value)
            return highest + 1
        for node in ast.walk(self.function):
            if not isinstance(node, (ast.For, ast.comprehension)):
                continue
            if _position(node.target, name_of(index)) is not None:
                value = self._looped(node.iter, 1)
                if isinstance(value, (nn.ModuleList, nn.Sequential)):
                    return len(value)
        return 1

    def _operator(self, node: ast.BinOp) -> Need | None:
        for ours, other in ((node.left, node.right), (node.right, node.left)):
            if not self._mentions(ours) or self._joined(ours):
                continue
            if any(isinstance(inner, ast.Call) for inner in ast.walk(ours)):
                continue
            if isinstance(node.op, ast.MatMult) and ours is node.left:
                return self._weight("matmul", ours, other)
            if isinstance(node.op, (ast.Add, ast.Mult, ast.Sub, ast.Div)):
                while isinstance(other, ast.Call) and len(other.args) == 1 and not self._mentions(other):
                    other = other.args[0]  # torch.sigmoid(self.weight)
                weight = self._object(other)
                if isinstance(weight, nn.Parameter) and _known(weight) and weight.dim():
                    return _broadcast(weight)
        return None

    def _weight(self, called: str, ours: ast.expr, other: ast.expr) -> Need | None:
        turned = False
        while isinstance(other, ast.Call) and isinstance(other.func, ast.Attribute):
            turned ^= other.func.attr in ("t", "transpose")
            other = other.func.value
        if isinstance(other, ast.Attribute) and other.attr in ("T", "mT"):
            turned, other = not turned, other.value
        if isinstance(other, ast.BinOp):
            other = other.left
        weight = self._object(other)
        if not isinstance(weight, torch.Tensor) or not _known(weight) or not weight.dim():
            return None
        if called == "embedding":
            return None
        if called.startswith("conv") and weight.dim() > 2:
            return Need("image", weight.shape[1], nd=weight.dim() - 2)
        if called == "linear":
            turned = not turned
        if not self._mentions(ours):
            return None
        size = weight.shape[-1] if turned or weight.dim() == 1 else weight.shape[-2]
        return Need("features", int(size), rank=3 if called == "bmm" else 0, guessed=True)


def _known(weight: torch.Tensor) -> bool:
    return not is_lazy(weight)


def _broadcast(weight: torch.Tensor) -> Need | None:
    shape = [int(size) for size in weight.shape]
    while len(shape) > 1 and shape[0] == 1:
        shape.pop(0)
    if len(shape) > 1 and all(size == 1 for size in shape[1:]):
        return Need("image", shape[0], nd=len(shape) - 1)
    return Need("features", shape[-1]) if shape[-1] > 1 else None


def _position(target: ast.expr, name: str) -> int | None:
    if isinstance(target, ast.Tuple):
        flat: list[ast.expr] = []
        for element in target.elts:
            flat += element.elts if isinstance(element, ast.Tuple) else [element]
        for index, element in enumerate(flat):
            if name_of(element) == name:
                return index
        return None
    return 0 if name and name_of(target) == name else None
