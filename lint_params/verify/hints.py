"""What a function's body says of one of its parameters. Child only."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator


class Hints:
    """How a function's body uses one of its parameters."""

    def __init__(self, function: ast.AST, name: str, tree: ast.AST) -> None:
        self.keys: dict[str, ast.expr | None] = {}  # name["key"], name.get("key", default)
        self.attributes: set[str] = set()
        self.choices: list[str] = []
        self.indexed = False
        self.iterated = False
        self.called = False  # name(...): a class or function
        self.run = False  # self.name(...): a Module, as forward calls it
        self.index = 0
        self.unpacked = 0
        self.spread = False  # f(*name)
        self.sized = False  # a layer's constructor takes it, or arithmetic with it
        self.of_rows = 0  # so many parts has each item of a loop over it
        nodes = list(ast.walk(function))
        aliases = {name} | {
            target.id if isinstance(target, ast.Name) else target.attr
            for node in nodes
            if isinstance(node, ast.Assign) and _mentions(node.value, name)
            for target in node.targets
            if isinstance(target, (ast.Name, ast.Attribute))
        }
        for node in nodes:
            self._look(node, aliases, name)

    def _key(self, args: list[ast.expr]) -> None:
        if args and isinstance(args[0], ast.Constant):
            self.keys.setdefault(str(args[0].value), args[1] if len(args) > 1 else None)

    def _walked(self, items: ast.expr, item: ast.expr, name: str) -> None:
        """``for item in items``, which may count them or show how far it is."""
        while isinstance(items, ast.Call) and items.args:
            called = getattr(items.func, "id", getattr(items.func, "attr", ""))
            if called == "enumerate" and isinstance(item, ast.Tuple) and len(item.elts) == 2:
                item = item.elts[1]
            elif called not in ("tqdm", "trange", "islice"):
                return
            items = items.args[0]
        if _is(items, {name}):
            self.iterated = True
            if isinstance(item, ast.Tuple):
                self.unpacked = self.of_rows = len(item.elts)

    def _look(self, node: ast.AST, aliases: set[str], name: str) -> None:
        if isinstance(node, ast.Subscript) and _is(node.value, aliases):
            key = node.slice
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                self.keys.setdefault(key.value, None)
            elif _is(node.value, {name}):
                self.indexed = True
                if isinstance(key, ast.Constant) and isinstance(key.value, int):
                    self.index = max(self.index, key.value + 1)
        elif isinstance(node, ast.Subscript) and _is(node.slice, {name}):
            for constant in ast.walk(node.value):
                if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                    self.choices.append(constant.value)
        elif isinstance(node, ast.Attribute) and _is(node.value, aliases):
            self.attributes.add(node.attr)
        elif isinstance(node, ast.Call):
            func = node.func
            if isinstance(func, ast.Attribute) and func.attr == "get" and _is(func.value, aliases):
                self._key(node.args)
            if isinstance(func, ast.Name) and func.id == name:
                self.called = True
            elif _is(func, aliases):
                self.run = True
            plain = getattr(func, "id", "")
            called = plain or getattr(func, "attr", "")
            if _LAYER.fullmatch(called):
                self.sized |= any(_is(part, {name}) for part in _parts(node.args))
            if called in ("Parameter", "from_pretrained") and node.args and _is(node.args[0], {name}):
                self.attributes.add("detach")  # as a tensor has it
            if plain in ("len", "enumerate", "zip", "list", "tuple", "sum", "iter", "reversed"):
                self.iterated |= any(_is(arg, {name}) for arg in node.args)
        elif isinstance(node, (ast.For, ast.comprehension)):
            self._walked(node.iter, node.target, name)
        elif isinstance(node, ast.Starred) and _is(node.value, {name}):
            self.iterated = self.spread = True
        elif isinstance(node, ast.Assign) and _is(node.value, {name}):
            for target in node.targets:
                if isinstance(target, (ast.Tuple, ast.List)):
                    self.iterated, self.unpacked = True, len(target.elts)
        elif isinstance(node, ast.Compare) and _is(node.left, aliases):
            for other in node.comparators:
                for constant in ast.walk(other):
                    if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                        self.choices.append(constant.value)


#: Layers whose constructor takes sizes.
_LAYER = re.compile(
    r"(Lazy)?(Linear|Bilinear|Conv(Transpose)?\dd|Embedding(Bag)?|(Layer|Batch|Group)Norm\w*|GRU|LSTM|RNN)(Cell)?"
)


def _parts(args: list[ast.expr]) -> Iterator[ast.expr]:
    """Arguments, and what arithmetic puts together."""
    for arg in args:
        if isinstance(arg, ast.BinOp):
            yield from _parts([arg.left, arg.right])
        else:
            yield arg


#: What these make of an argument is the argument again; ``LayerNorm(dim)`` is no ``dim``.
_KEEPS = re.compile(
    r"dict|list|tuple|copy|deepcopy|vars|ModuleList|Sequential|create"
    r"|.*([Cc]onfig|[Nn]amespace|[Aa]ttr|[Bb]unch|[Ee]asy|[Hh]params|DotDict|AttrDict|Box)\w*"
)


def _mentions(value: ast.expr, name: str) -> bool:
    """``hp = hparams``, ``hp = dict(hparams)``, ``self.config = config``."""
    if isinstance(value, ast.Call) and len(value.args) == 1:
        called = getattr(value.func, "id", getattr(value.func, "attr", ""))
        return bool(_KEEPS.fullmatch(called)) and _is(value.args[0], {name})
    return _is(value, {name})


def _is(node: ast.expr, names: set[str]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in names
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
        and node.attr in names
    )
