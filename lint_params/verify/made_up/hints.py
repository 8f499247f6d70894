"""What a function's body says of one of its parameters, or of an attribute of one. Child only."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator


class Hints:
    """How a function's body uses one of its parameters, or what that holds (``cfg.width``)."""

    def __init__(self, function: ast.AST, name: str, tree: ast.AST) -> None:
        self.function, self.name, self.tree = function, name, tree
        self.keys: dict[str, ast.expr | None] = {}  # name["key"], name.get("key", default)
        self.attributes: set[str] = set()
        self.results: dict[str, list[str]] = {}  # a, b = name.method(...): what holds the results
        self.choices: list[str] = []
        self.indexed = False
        self.iterated = False
        self.called = False  # name(...): a class or function
        self.call: ast.Call | None = None  # how
        self.run = False  # self.name(...): a Module, as forward calls it
        self.index = 0
        self.unpacked = 0
        self.spread = False  # f(*name)
        self.sized = False  # a layer's constructor takes it, or arithmetic with it
        self.optional = False  # name is None
        self.of_rows = 0  # so many parts has each item of a loop over it
        self.passed: list[tuple[str, int | str]] = []  # to what it is handed on, and where there
        nodes = list(ast.walk(function))
        aliases = _aliases(nodes, name)
        for node in nodes:
            self._look(node, aliases)

    def inner(self, key: str) -> Hints:
        """The same of an attribute, or of what stands under a key."""
        return Hints(self.function, f"{self.name}.{key}", self.tree)

    def join(self, other: Hints) -> None:
        """What a function says to which the parameter is handed on."""
        self.attributes |= other.attributes
        self.keys = {**other.keys, **self.keys}
        self.choices += other.choices
        self.call = self.call or other.call
        for name in ("index", "unpacked", "of_rows"):
            setattr(self, name, max(getattr(self, name), getattr(other, name)))
        for name in ("called", "run", "indexed", "iterated", "sized"):
            setattr(self, name, getattr(self, name) or getattr(other, name))

    def _key(self, args: list[ast.expr]) -> None:
        if args and isinstance(args[0], ast.Constant):
            self.keys.setdefault(str(args[0].value), args[1] if len(args) > 1 else None)

    def _walked(self, items: ast.expr, item: ast.expr, aliases: set[str]) -> None:
        """``for item in items``, which may count them or show how far it is."""
        while isinstance(items, ast.Call) and items.args:
            called = getattr(items.func, "id", getattr(items.func, "attr", ""))
            if called == "enumerate" and isinstance(item, ast.Tuple) and len(item.elts) == 2:
                item = item.elts[1]
            elif called not in ("tqdm", "trange", "islice"):
                return
            items = items.args[0]
        if _slot(items) in aliases:
            self.iterated = True
            if isinstance(item, ast.Tuple):
                self.unpacked = self.of_rows = len(item.elts)

    def _look(self, node: ast.AST, aliases: set[str]) -> None:
        if isinstance(node, ast.Subscript):
            self._subscript(node, aliases)
        elif isinstance(node, ast.Attribute) and _slot(node.value) in aliases:
            self.attributes.add(node.attr)
        elif isinstance(node, ast.Call):
            self._call(node, aliases)
        elif isinstance(node, ast.BinOp):
            sides = [node.left, node.right]
            parts = any(isinstance(side, (ast.List, ast.Tuple, ast.JoinedStr)) or _is_text(side) for side in sides)
            self.sized |= not parts and any(_slot(side) in aliases for side in sides)
        elif isinstance(node, (ast.For, ast.comprehension)):
            self._walked(node.iter, node.target, aliases)
        elif isinstance(node, ast.Starred) and _slot(node.value) in aliases:
            self.iterated = self.spread = True
        elif isinstance(node, ast.Assign):
            self._assigned(node, aliases)
        elif isinstance(node, ast.Compare) and _slot(node.left) in aliases:
            for op, other in zip(node.ops, node.comparators):
                if isinstance(op, (ast.Is, ast.IsNot)):
                    self.optional |= isinstance(other, ast.Constant) and other.value is None
                self.choices += _texts(other)

    def _subscript(self, node: ast.Subscript, aliases: set[str]) -> None:
        key = node.slice
        if _slot(node.value) in aliases:
            value = key.value if isinstance(key, ast.Constant) else None
            if isinstance(value, str):
                self.keys.setdefault(value, None)
                return
            self.indexed = True
            if isinstance(value, int):
                self.index = max(self.index, value + 1)
        elif _slot(key) in aliases:
            self.choices += _texts(node.value)

    def _call(self, node: ast.Call, aliases: set[str]) -> None:
        func = node.func
        if isinstance(func, ast.Attribute) and _slot(func.value) in aliases:
            self.results.setdefault(func.attr, [])
            if func.attr == "get":
                self._key(node.args)
        plain = getattr(func, "id", "")
        called = plain or getattr(func, "attr", "")
        if _slot(func) in aliases:
            if _slot(func).startswith("self."):
                self.run = True
            else:
                self.called, self.call = True, self.call or node
        given = [*node.args, *(word.value for word in node.keywords)]
        if plain == "getattr" and _slot(given[0]) in aliases:
            self._key(given[1:])
        places: list[int | str] = [*range(len(node.args)), *(word.arg or "" for word in node.keywords)]
        to = _slot(func) if _slot(func) == f"self.{called}" else called
        self.passed += [(to, at) for at, arg in zip(places, given) if _slot(arg) in aliases]
        if _SIZED.fullmatch(called):
            self.sized |= any(_slot(part) in aliases for part in _parts(given))
        kept = given[1:2] if called == "register_buffer" else given[:1]
        if called in ("Parameter", "from_pretrained", "register_buffer") and kept and _slot(kept[0]) in aliases:
            self.attributes.add("detach")  # as a tensor has it
        if called == "from_numpy" and given and _slot(given[0]) in aliases:
            self.attributes.add("astype")
        if plain in ("len", "enumerate", "zip", "list", "tuple", "sum", "iter", "reversed"):
            self.iterated |= any(_slot(arg) in aliases for arg in node.args)

    def _assigned(self, node: ast.Assign, aliases: set[str]) -> None:
        apart = [t for t in node.targets if isinstance(t, (ast.Tuple, ast.List))]
        if _slot(node.value) in aliases and apart:
            self.iterated, self.unpacked = True, len(apart[0].elts)
        func = node.value.func if isinstance(node.value, ast.Call) else None
        if isinstance(func, ast.Attribute) and _slot(func.value) in aliases and apart:
            self.results[func.attr] = [_slot(each) for each in apart[0].elts]


#: Layers whose constructor takes sizes; what makes a tensor of some.
_SIZED = re.compile(
    r"(Lazy)?(Linear|Bilinear|Conv(Transpose)?\dd|Embedding(Bag)?|(Layer|Batch|Group)Norm\w*|GRU|LSTM|RNN)(Cell)?"
    r"|range|zeros|ones|empty|randn?|eye|full|(Float)?Tensor"
)


def _parts(args: list[ast.expr]) -> Iterator[ast.expr]:
    """Arguments, what arithmetic puts together, and the sizes in a tuple."""
    for arg in args:
        if isinstance(arg, ast.BinOp):
            yield from _parts([arg.left, arg.right])
        elif isinstance(arg, ast.Tuple):
            yield from _parts(arg.elts)
        else:
            yield arg


#: What these make of an argument is the argument again; ``LayerNorm(dim)`` is no ``dim``.
_KEEPS = re.compile(
    r"dict|list|tuple|copy|deepcopy|vars|ModuleList|Sequential|create"
    r"|.*([Cc]onfig|[Nn]amespace|[Aa]ttr|[Bb]unch|[Ee]asy|[Hh]params|DotDict|AttrDict|Box)\w*"
)


def _aliases(nodes: list[ast.AST], name: str) -> set[str]:
    """The texts that mean the same: ``hp = hparams``, ``hp = dict(hparams)``, ``self.config = config``.

    ``self.dropout`` is no argument of this name where it is given another value.
    """
    owner, _, key = name.rpartition(".")
    found = {f"{one}.{key}" for one in _aliases(nodes, owner)} if owner else {name, f"self.{name}"}
    assigned = [
        (_slot(target), node.value)
        for node in nodes
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, (ast.Name, ast.Attribute))
    ]
    held = f"self.{name}"
    if any(target == held for target, _ in assigned) and not any(
        target == held and _kept(value) in found for target, value in assigned
    ):
        found.discard(held)
    return found | {target for target, value in assigned if _kept(value) in found}


def _kept(value: ast.expr) -> str:
    if isinstance(value, ast.Call) and len(value.args) == 1:
        called = getattr(value.func, "id", getattr(value.func, "attr", ""))
        if _KEEPS.fullmatch(called):
            return _slot(value.args[0])
    return _slot(value)


def _slot(node: ast.AST | None) -> str:
    """``cfg.width``, ``cfg["width"]`` and ``cfg.get("width", 8)`` are one text; "" if it is no name."""
    if isinstance(node, ast.Name):
        return node.id
    owner: ast.AST | None = None
    key: ast.AST | str = ""
    if isinstance(node, ast.Attribute):
        owner, key = node.value, node.attr
    elif isinstance(node, ast.Subscript):
        owner, key = node.value, node.slice
    elif isinstance(node, ast.Call) and node.args:
        if getattr(node.func, "attr", "") == "get" and isinstance(node.func, ast.Attribute):
            owner, key = node.func.value, node.args[0]
        elif getattr(node.func, "id", "") == "getattr" and len(node.args) > 1:
            owner, key = node.args[:2]
    before = _slot(owner) if owner is not None else ""
    word = key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else key
    return f"{before}.{word}" if before and isinstance(word, str) else ""


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _texts(node: ast.AST) -> list[str]:
    """The texts that are written in an expression."""
    constants = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)]
    return [value for value in constants if isinstance(value, str)]
