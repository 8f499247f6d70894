"""Binding targets: names, attributes, items, and tuples of them."""

from __future__ import annotations

import ast
import contextlib
from typing import TYPE_CHECKING

from lint_params.shape.check import Refuted
from lint_params.shape.evaluate.children import lose
from lint_params.shape.evaluate.iterate import known_items, place
from lint_params.shape.evaluate.join import join_all
from lint_params.shape.evaluate.objects import Namespace, forget_plain, put, set_attr
from lint_params.shape.evaluate.scope import Scope
from lint_params.shape.evaluate.subscript import plain_slice
from lint_params.shape.ops.index import set_item
from lint_params.shape.value import (
    AnySeq,
    Choice,
    Config,
    Dict,
    Instance,
    Layer,
    More,
    Seq,
    ShapeOf,
    Splice,
    Tensor,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter


def assign(it: Interpreter, target: ast.expr, value: Value, scope: Scope) -> None:
    """Bind a target: a name, attribute, item, or a tuple of targets."""
    if isinstance(target, ast.Name):
        home = scope.outer.get(target.id, scope) if scope.outer else scope
        it.ctx.write(home.vars, target.id, value)
    elif isinstance(target, ast.Attribute):
        set_attr(it, it.eval(target.value, scope), target.attr, value)
    elif isinstance(target, (ast.Tuple, ast.List)):
        _unpack(it, target.elts, value, scope)
    elif isinstance(target, ast.Starred):
        assign(it, target.value, value, scope)
    elif isinstance(target, ast.Subscript):
        _assign_item(it, target, value, scope)


def _unpack(it: Interpreter, targets: list[ast.expr], value: Value, scope: Scope) -> None:
    count = len(targets)
    star = next((i for i, t in enumerate(targets) if isinstance(t, ast.Starred)), None)
    items = _parts(it, value, count, star)
    if items is None and star is None:
        _need_as_many(it, value, count)
    if items is None:
        why = value.why if isinstance(value, Unknown) else "unpacking"
        items = [Unknown(why) for _ in range(count)]
        star = None
    if star is not None:
        after = count - star - 1
        middle = items[star : len(items) - after]
        whole = len(middle) == 1 and isinstance(middle[0], ShapeOf)
        starred = middle[0] if whole else Seq(middle)
        items = [*items[:star], starred, *items[len(items) - after :]]
    for target, item in zip(targets, items):
        assign(it, target, item, scope)


def _need_as_many(it: Interpreter, value: Value, count: int) -> None:
    """``a, b, c = x.chunk(2)``: tensors that are unpacked into too many names."""
    if not isinstance(value, Seq) or value.kind != "tuple" or not value.items:
        return
    if all(isinstance(part, Tensor) and not part.free for part in value.items):
        first, it.ctx.callee, it.ctx.built = value.items[0], "the assignment", None
        with contextlib.suppress(Refuted):
            it.ctx.refute(
                "join-mismatch", "{expected} names take {got} tensors{source}",
                count, len(value.items), first,
            )  # fmt: skip


def _parts(it: Interpreter, value: Value, count: int, star: int | None) -> list[Value] | None:
    """The items of a value that is unpacked into ``count`` targets, or None."""
    if isinstance(value, Choice):
        lists = [_parts(it, o, count, star) for o in value.options]
        known = [items for items in lists if items is not None]
        if len(known) != len(lists) or any(len(k) != len(known[0]) for k in known):
            return None
        return [join_all(it, list(column)) for column in zip(*known)]
    if isinstance(value, ShapeOf):
        if star is not None:
            return _open_shape(it, value, count, star)
        dims = it.ctx.of_rank(value.tensor, count + value.drop)
        return list(dims[:count]) if dims is not None else None
    if (
        isinstance(value, Seq)
        and star is None
        and len(value.items) < count  # as many: ``a, b = x.shape, y.shape``
        and sum(isinstance(i, ShapeOf) for i in value.items) == 1
    ):
        return _with_open_shape(it, value.items, count)
    if isinstance(value, Config):
        return [value.attr(i) for i in range(count)] if star is None else None
    if isinstance(value, Tensor):
        dims = it.ctx.dims(value)
        # Perhaps a tuple that somebody passes, or that a module returns as it is really built.
        if not dims or value.free or not isinstance(dims[0], int):
            return [it.ctx.unknown_tensor() for _ in range(count)] if star is None else None
        if star is None:
            return [it.ctx.tensor(dims[1:], like=value, text="a row") for _ in range(count)]
        return None
    if isinstance(value, AnySeq) and star is None:  # as many as there are names
        it.ctx.learn_equal(value.length, count)
        return [value.element(i) for i in range(count)]
    items = known_items(it, value)
    if items is None:
        return None
    if star is None and len(items) != count:
        return None
    return items if star is None or len(items) >= count - 1 else None


def _with_open_shape(it: Interpreter, items: list[Value], count: int) -> list[Value] | None:
    """``b, n, _, h = *x.shape, heads``: how many are asked for tells the rank of x."""
    at = next(i for i, item in enumerate(items) if isinstance(item, ShapeOf))
    shape = items[at]
    wanted = count - len(items) + 1
    dims = it.ctx.of_rank(shape.tensor, wanted + shape.drop) if wanted > 0 else None
    return None if dims is None else [*items[:at], *dims[:wanted], *items[at + 1 :]]


def _open_shape(it: Interpreter, value: ShapeOf, count: int, star: int) -> list[Value] | None:
    """``*lead, n = x.shape``: the last sizes are known; how many lead them is not."""
    after = count - star - 1
    last = it.ctx.last(value.tensor, value.drop + after)
    if last is None or star:
        return None
    return [ShapeOf(value.tensor, value.drop + after), *last[:after]]


def _assign_item(it: Interpreter, target: ast.Subscript, value: Value, scope: Scope) -> None:
    if isinstance(target.value, ast.Attribute) and target.value.attr == "_modules":
        module = it.eval(target.value.value, scope)
        if isinstance(module, (Layer, Instance)):
            name = it.eval(target.slice, scope)
            if isinstance(name, str):
                set_attr(it, module, name, value)  # net._modules["fc"] = layer is net.fc = layer
            else:
                lose(it, module)
            return
    owner = it.eval(target.value, scope)
    index = it.eval(target.slice, scope)
    if isinstance(owner, Namespace):
        put(it, owner.owner, index, value)
    elif isinstance(owner, Dict):
        if isinstance(index, (str, int, float, bool)):
            it.ctx.write(owner.items, index, value)
        else:
            owner.open = True
            if not isinstance(value, (Tensor, Layer, Instance)):
                forget_plain(it, owner.items, "item of unknown name")
    elif isinstance(owner, Config):
        it.changed += 1
        if isinstance(index, (str, int)):  # what stands there by the time it is read, nobody knows
            it.ctx.write(owner.attrs, index, Unknown("item of an argument"))
    elif isinstance(owner, Seq):
        it.ctx.rewrite(owner.items, _with_item(it, owner.items, index, value))
    elif isinstance(owner, (Layer, Instance)) and owner.items is not None:
        if isinstance(index, int):
            keys = list(owner.items)
            if -len(keys) <= index < len(keys):
                it.ctx.write(owner.items, keys[index], value)
        elif isinstance(index, str):
            it.ctx.write(owner.items, index, value)
        else:
            it.ctx.write(owner.items, "?", Unknown("item of unknown name"))
    elif isinstance(owner, Tensor) and isinstance(value, Tensor):
        it.ctx.node, it.ctx.callee = target, "the assignment to an item"
        with contextlib.suppress(Refuted):
            set_item(
                it.ctx,
                owner,
                index.items if isinstance(index, Seq) and index.kind == "tuple" else [index],
                value,
            )


def _with_item(it: Interpreter, items: list[Value], index: Value, value: Value) -> list[Value]:
    """The items of a list once one of them, or a slice of them, is another."""
    if isinstance(index, slice):
        return _with_slice(it, items, index, value)
    at = place(items, index) if isinstance(index, int) else None
    if at is not None:
        return [*items[:at], value, *items[at + 1 :]]
    if len(items) == 1 and isinstance(items[0], ShapeOf) and isinstance(index, int) and index < 0:
        # ``sizes = list(x.shape); sizes[-2] = n``
        last = it.ctx.last(items[0].tensor, items[0].drop - index)
        if last is not None:
            rest = last[1 : -index] if index < -1 else ()
            return [ShapeOf(items[0].tensor, items[0].drop - index), value, *rest]
    if any(isinstance(item, (Splice, ShapeOf)) for item in items):
        return [More()]
    return [Unknown("item assignment") for _ in items]


def _with_slice(it: Interpreter, items: list[Value], index: slice, value: Value) -> list[Value]:
    """``sizes[0:2] = [n]``: a list may become shorter or longer."""
    cut, new = plain_slice(it, index), known_items(it, value)
    if cut is None or new is None or any(isinstance(item, (Splice, ShapeOf)) for item in items):
        return [More()]
    out = list(items)
    try:
        out[cut] = new
    except ValueError:  # a stepped slice of another length, which Python refuses too
        return [More()]
    return out


def delete_item(it: Interpreter, owner: Value, index: Value) -> None:
    if isinstance(owner, Seq):
        at = place(owner.items, index) if isinstance(index, int) else None
        gone = [*owner.items[:at], *owner.items[at + 1 :]] if at is not None else [More()]
        it.ctx.rewrite(owner.items, gone)
    elif isinstance(owner, (Layer, Instance)) and owner.items is not None:
        keys = list(owner.items)
        it.epoch += 1
        if isinstance(index, int) and -len(keys) <= index < len(keys):
            values = [owner.items[k] for i, k in enumerate(keys) if i != index % len(keys)]
            it.ctx.rewrite_dict(owner.items, {str(i): v for i, v in enumerate(values)})
        else:
            it.ctx.rewrite_dict(owner.items, {"?": Unknown("items of unknown number")})
    elif isinstance(owner, Dict) and isinstance(index, (str, int)):
        it.ctx.rewrite_dict(owner.items, {k: v for k, v in owner.items.items() if k != index})
