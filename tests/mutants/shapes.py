"""Mistakes in sizes: what a layer is built for, what a Parameter measures, what a view says."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from edits import Attribute, Change, Subject, lines_of, mistake, own, plain

#: Which arguments of a layer are sizes that must fit: position, keyword.
SIZES: dict[str, tuple[str, ...]] = {
    "Linear": ("in_features", "out_features"),
    "Conv1d": ("in_channels", "out_channels"),
    "Conv2d": ("in_channels", "out_channels"),
    "Conv3d": ("in_channels", "out_channels"),
    "ConvTranspose2d": ("in_channels", "out_channels"),
    "Embedding": ("", "embedding_dim"),
    "LSTM": ("input_size", "hidden_size"),
    "GRU": ("input_size", "hidden_size"),
    "MultiheadAttention": ("embed_dim",),
}
NORMS: dict[str, tuple[str, ...]] = {
    "LayerNorm": ("normalized_shape",),
    "RMSNorm": ("normalized_shape",),
    "BatchNorm1d": ("num_features",),
    "BatchNorm2d": ("num_features",),
    "BatchNorm3d": ("num_features",),
    "InstanceNorm2d": ("num_features",),
    "GroupNorm": ("", "num_channels"),
}


def layer_calls(subject: Subject, *tables: dict[str, tuple[str, ...]]) -> Iterator[tuple[ast.Call, list[ast.expr]]]:
    """Every construction of one of torch's layers in the class, with its size arguments."""
    for node in ast.walk(subject.node):
        if isinstance(node, ast.Call):
            kind = subject.dotted(node.func)
            for table in tables:
                if kind.startswith("nn.") and kind[3:] in table:
                    yield node, _sizes(node, table[kind[3:]])


def _sizes(call: ast.Call, names: tuple[str, ...]) -> list[ast.expr]:
    found = []
    for place, name in enumerate(names):
        if name and place < len(call.args) and not isinstance(call.args[place], ast.Starred):
            found.append(call.args[place])
        found += [word.value for word in call.keywords if word.arg == name and name]
    return found


def _attribute_of(subject: Subject, node: ast.AST) -> str:
    """The attribute whose definition contains a node."""
    first = getattr(node, "lineno", 0)
    for one in subject.attributes:
        if first in range(one.statement.lineno, (one.statement.end_lineno or 0) + 1):
            return one.name
    return ""


def _change(subject: Subject, call: ast.AST, node: ast.expr, text: str, literal: bool) -> Change:
    edit = subject.replace(node, text)
    return Change((edit,), _attribute_of(subject, call), (call,), literal)


def _grouped(text: str) -> str:
    return text if text.replace(".", "").replace("_", "").isalnum() else f"({text})"


def _each(subject: Subject, suffix: str, *tables: dict[str, tuple[str, ...]]) -> Iterator[Change]:
    for call, sizes in layer_calls(subject, *tables):
        literal = all(plain(size) for size in sizes)
        for size in sizes:
            text = subject.text(size)
            if isinstance(size, ast.Constant) and isinstance(size.value, int):
                made = str(size.value + 1 if suffix == " + 1" else size.value * 2)
            elif isinstance(size, ast.Constant):
                continue
            else:
                made = f"{_grouped(text)}{suffix}"
            yield _change(subject, call, size, made, literal)


@mistake("shape")
def size_off_by_one(subject: Subject) -> Iterator[Change]:
    yield from _each(subject, " + 1", SIZES)


@mistake("shape")
def size_doubled(subject: Subject) -> Iterator[Change]:
    yield from _each(subject, " * 2", SIZES)


@mistake("shape")
def norm_off_by_one(subject: Subject) -> Iterator[Change]:
    yield from _each(subject, " + 1", NORMS)


@mistake("shape")
def norm_doubled(subject: Subject) -> Iterator[Change]:
    yield from _each(subject, " * 2", NORMS)


@mistake("shape")
def in_and_out_swapped(subject: Subject) -> Iterator[Change]:
    for call, sizes in layer_calls(subject, SIZES):
        if len(sizes) == 2 and subject.text(sizes[0]) != subject.text(sizes[1]):
            first, second = sizes
            edits = (
                subject.replace(first, subject.text(second)),
                subject.replace(second, subject.text(first)),
            )
            literal = all(plain(size) for size in sizes)
            yield Change(edits, _attribute_of(subject, call), (call,), literal)


@mistake("shape")
def factor_dropped(subject: Subject) -> Iterator[Change]:
    """``dim * heads`` becomes ``dim`` or ``heads``."""
    for call, sizes in layer_calls(subject, SIZES, NORMS):
        for size in sizes:
            if isinstance(size, ast.BinOp) and isinstance(size.op, (ast.Mult, ast.FloorDiv)):
                yield _change(subject, call, size, subject.text(size.left), plain(size))
                if isinstance(size.op, ast.Mult):
                    yield _change(subject, call, size, subject.text(size.right), plain(size))


@mistake("shape")
def constant_for_a_symbol(subject: Subject) -> Iterator[Change]:
    for call, sizes in layer_calls(subject, SIZES, NORMS):
        for size in sizes:
            if not plain(size):
                for number in ("64", "100"):
                    yield _change(subject, call, size, number, False)


@mistake("shape")
def other_size_of_the_constructor(subject: Subject) -> Iterator[Change]:
    """One argument of the constructor for another one that another layer uses."""
    calls = list(layer_calls(subject, SIZES, NORMS))
    texts = {subject.text(s) for _, sizes in calls for s in sizes if isinstance(s, ast.Name)}
    for call, sizes in calls:
        for size in sizes:
            if isinstance(size, ast.Name):
                for text in sorted(texts - {size.id}):
                    yield _change(subject, call, size, text, False)


@mistake("shape")
def input_of_cat_removed(subject: Subject) -> Iterator[Change]:
    """A layer behind it then gets too few: the sizes are those of the layers, not the call's own."""
    sizes = [size for _, sizes in layer_calls(subject, SIZES, NORMS) for size in sizes]
    literal = bool(sizes) and all(map(plain, sizes))
    for node in ast.walk(subject.node):
        if isinstance(node, ast.Call) and subject.dotted(node.func) in ("torch.cat", "torch.concat"):
            items = node.args[0] if node.args else None
            if isinstance(items, (ast.List, ast.Tuple)) and len(items.elts) > 1:
                kept = ", ".join(subject.text(e) for e in items.elts[:-1])
                text = f"[{kept}]"
                yield _change(subject, node, items, text, literal)


@mistake("shape")
def view_of_another_size(subject: Subject) -> Iterator[Change]:
    for node in ast.walk(subject.node):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in ("view", "reshape") and len(node.args) > 1:
                literal = all(plain(a) or isinstance(a, ast.UnaryOp) for a in node.args)
                for arg in node.args:
                    if isinstance(arg, (ast.Name, ast.Attribute, ast.BinOp)):
                        text = f"{_grouped(subject.text(arg))} + 1"
                        yield _change(subject, node, arg, text, literal)
                    elif isinstance(arg, ast.Constant) and arg.value not in (-1, 1):
                        yield _change(subject, node, arg, str(arg.value + 1), literal)


@mistake("shape")
def override_transposed(subject: Subject) -> Iterator[Change]:
    """``fc.weight = nn.Parameter(torch.zeros(in, out))``."""
    for one in subject.layers("Linear"):
        sizes = _sizes(one.call, SIZES["Linear"])
        if len(sizes) == 2 and subject.names.get("torch") == "torch":
            first, second = (subject.text(s) for s in sizes)
            line = f"self.{one.name}.weight = torch.nn.Parameter(torch.zeros({first}, {second}))"
            literal = all(plain(s) for s in sizes)
            yield Change((subject.after(one.statement, line),), one.name, literal=literal)


@mistake("shape")
def parameter_transposed(subject: Subject) -> Iterator[Change]:
    """Two sizes of a Parameter change places."""
    for one, made in _parameter_tensors(subject):
        sizes = made.args
        for left, right in zip(sizes, sizes[1:]):
            if subject.text(left) != subject.text(right):
                edits = (
                    subject.replace(left, subject.text(right)),
                    subject.replace(right, subject.text(left)),
                )
                yield Change(edits, one.name, literal=all(plain(s) for s in sizes))


@mistake("shape")
def parameter_of_another_size(subject: Subject) -> Iterator[Change]:
    for one, made in _parameter_tensors(subject):
        for size in made.args:
            text = f"{_grouped(subject.text(size))} + 1"
            if isinstance(size, ast.Constant) and isinstance(size.value, int):
                text = str(size.value + 2)
            yield Change((subject.replace(size, text),), one.name, literal=all(map(plain, made.args)))


def _parameter_tensors(subject: Subject) -> Iterator[tuple[Attribute, ast.Call]]:
    for one in subject.parameters:
        for node in ast.walk(one.call.args[0]):
            if isinstance(node, ast.Call) and subject.dotted(node.func) in (
                *("torch.zeros", "torch.ones", "torch.randn", "torch.empty", "torch.rand"),
                "torch.Tensor",
            ):
                if len(node.args) > 1 or (node.args and isinstance(node.args[0], ast.Name)):
                    yield one, node
                break


@mistake("shape")
def heads_do_not_divide(subject: Subject) -> Iterator[Change]:
    for node in ast.walk(subject.node):
        if isinstance(node, ast.Call):
            kind, place = subject.dotted(node.func), -1
            if kind in ("nn.GroupNorm", "nn.MultiheadAttention"):
                place = 0 if kind == "nn.GroupNorm" else 1
            if 0 <= place < len(node.args):
                arg = node.args[place]
                literal = all(plain(a) for a in node.args[:2])
                if isinstance(arg, ast.Constant) and isinstance(arg.value, int):
                    yield _change(subject, node, arg, str(arg.value * 2 + 3), literal)
                elif not isinstance(arg, ast.Starred):
                    text = f"{_grouped(subject.text(arg))} * 2 + 3"
                    yield _change(subject, node, arg, text, literal)


@mistake("shape")
def transposition_dropped(subject: Subject) -> Iterator[Change]:
    """``q @ k.transpose(-2, -1)`` becomes ``q @ k``."""
    for node in ast.walk(subject.node):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            for side in (node.left, node.right):
                if isinstance(side, ast.Call) and isinstance(side.func, ast.Attribute):
                    if side.func.attr in ("transpose", "t", "permute"):
                        text = subject.text(side.func.value)
                        yield _change(subject, node, side, text, False)
                elif isinstance(side, ast.Attribute) and side.attr in ("T", "mT"):
                    yield _change(subject, node, side, subject.text(side.value), False)


@mistake("shape")
def chunks_counted_wrong(subject: Subject) -> Iterator[Change]:
    for node in ast.walk(subject.node):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "chunk" and node.args:
                count = node.args[0]
                if isinstance(count, ast.Constant) and isinstance(count.value, int):
                    yield _change(subject, node, count, str(count.value + 1), False)


@mistake("shape")
def layer_left_out(subject: Subject) -> Iterator[Change]:
    """``x = self.proj(x)`` becomes ``pass``: the next layer gets what the last one made."""
    sized = {a.name for a in subject.layers(*SIZES)}
    forward = subject.method("forward")
    for node in ast.walk(forward) if forward else ():
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            name = own(node.value.func)
            args = node.value.args
            if name in sized and len(args) == 1:
                if subject.text(args[0]) == subject.text(node.targets[0]):
                    below = [s for s in ast.walk(forward) if isinstance(s, ast.stmt)]
                    later = [s for s in below if s.lineno > max(lines_of(node))][:1]
                    yield Change((subject.remove(node),), name, tuple(later))
