"""Functions of plain values: ``get_padding(3, 1)`` is worked out once for all runs over a file.

A library asks the same little questions for each of its layers. The answer is remembered of a
function that was given only numbers, texts, classes and tuples of these, that gave back such a
value, and that did nothing else. The steps that it took are counted again at each call: what fits
into the budget of a run does not hang on what is remembered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from lint_params.shape.evaluate.scope import MISSING, Scope
from lint_params.shape.sizes.dim import Atom, Poly, Symbol
from lint_params.shape.value import (
    PERHAPS,
    Choice,
    ClassRef,
    Config,
    Dict,
    External,
    Flag,
    Function,
    Instance,
    Layer,
    Real,
    Seq,
    Splice,
    Tensor,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter

Key = Any
Call = tuple[Function, list[Value], dict[str, Value]]

_CONSTANT = frozenset({type(None), bool, int, float, str})
#: Values that can become others.
CHANGEABLE = frozenset({Choice, Config, Dict, Instance, Layer, Seq, Splice, Tensor})


class Answer(NamedTuple):
    """What a function gave back, after how many steps. ``reads`` are the lists and mappings of
    modules that it looked into, each with what it held; ``call`` keeps what the key tells apart."""

    call: Call
    result: Value
    steps: int
    reads: list[tuple[Value, Any]]

    def holds(self) -> bool:
        return all(contents(one) == held for one, held in self.reads)


def contents(value: Value) -> Any:
    """What a list or mapping holds, to see later whether it has changed; None where something
    could change inside."""
    if value.__class__ is Seq:
        held: Any = list(value.items)
    elif value.__class__ is Dict:
        held = dict(value.items)
    else:
        return None
    parts = held.values() if isinstance(held, dict) else held
    return None if any(part.__class__ in CHANGEABLE for part in parts) else held


def question(it: Interpreter, fn: Function, args: list[Value], kwargs: dict[str, Value]) -> Key | None:
    """The key of a call that may be remembered, or None."""
    if fn.bound is not None or fn.owner is not None:
        return None
    keys: list[Key] = []
    for arg in args:
        key = _key(it, arg)
        if key is None:
            return None
        keys.append(key)
    for name, value in kwargs.items():
        key = _key(it, value)
        if key is None:
            return None
        keys += (name, key)
    if it.watch is not None or it.log is not None or it.rebound or not _settled(it, fn):
        return None
    flags = frozenset(it.ctx.flags.items()) if it.ctx.flags else None
    return (id(fn.node), id(fn.scope), len(args), *keys, flags)


def _key(it: Interpreter, value: Value) -> Key | None:
    kind = value.__class__
    if kind in _CONSTANT:
        return (kind, value)
    if kind is Poly:
        return it.ctx.resolve(value)
    if kind is External:
        return value
    if kind is Unknown and value is not PERHAPS:
        return (kind, value.why)
    if kind is Config and not value.attrs and value.seq is None:  # used as a number, if at all
        return (kind, id(value), value._size and it.ctx.resolve(value._size))
    if kind is Flag or kind is Real:
        return (kind, id(value))
    if kind is ClassRef or kind is Function:
        return (kind, id(value.node)) if _is_definition(value) else None
    if _is_fixed(value):
        keys = [_key(it, part) for part in (value.options if kind is Choice else value.items)]
        return None if None in keys else (kind, *keys)
    return None


def _settled(it: Interpreter, fn: Function) -> bool:
    """Whether what a function sees around itself is there to stay."""
    if it.file_scope(fn.file).running is not None:
        return False
    scope: Scope | None = fn.scope
    while scope is not None:
        if scope.function is None or scope.function.node in it.active:
            return False
        if any(value.__class__ in CHANGEABLE for value in scope.vars.values()):
            return False
        scope = scope.parent
    return True


def answer(it: Interpreter, key: Key, call: Call, work_out: Callable[[], Value]) -> Value:
    """What the call gives back, from memory where that holds."""
    known = it.answers.get(key)
    if known is not None and known.holds():
        it.take(known.steps)
        if it.reads is not None:
            it.reads += known.reads
        return known.result
    before, start, steps, mark = _state(it), Atom.latest(), it.steps, it.ctx.mark()
    outer, it.reads = it.reads, []
    try:
        result = work_out()
    finally:
        reads, it.reads = it.reads, outer
        if outer is not None:
            outer += reads
    if before == _state(it) and all(held is not None for _, held in reads) and _only_locals(it, mark):
        lasting = _lasting(it, result, start, call)
        if lasting is not MISSING:
            it.answers[key] = Answer(call, lasting, steps - it.steps, reads)
    return result


def _state(it: Interpreter) -> tuple[Any, ...]:
    """What a function leaves as it was that only gives something back."""
    busy = [name for file in it.files() for name in file.busy]
    return (len(it.ctx.obligations), len(it.made), it.epoch, it.rebound, it.guessed, it.numbered, busy)


def _only_locals(it: Interpreter, mark: int) -> bool:
    """Whether nothing was written since but the locals of calls."""
    lasting = [it.ctx.bound, *(file.values for file in it.files())]
    return all(
        target.__class__ is dict and not any(target is one for one in lasting)
        for target, _, _ in it.ctx.trail[mark:]
    )


def _lasting(it: Interpreter, value: Value, start: int, call: Call) -> Value:
    """A value that is what any other call would get; MISSING where it can be changed, has symbols
    of its own, or comes from how deep this call was."""
    kind = value.__class__
    if kind is Poly:
        size = it.ctx.resolve(value)
        new = isinstance(size, Poly) and any(isinstance(a, Symbol) and a.order > start for a in size.deep)
        return MISSING if new else size
    if _is_fixed(value):
        parts = [_lasting(it, part, start, call) for part in (value.options if kind is Choice else value.items)]
        if any(part is MISSING for part in parts):
            return MISSING
        return Choice(parts) if kind is Choice else Seq(parts, "tuple")
    if kind is Unknown:
        return MISSING if value.why in _OF_THIS_CALL else value
    given = any(value is one for one in (*call[1], *call[2].values()))
    return value if given or kind in _CONSTANT or kind is Real or _is_definition(value) else MISSING


#: Why a result is unknown that another call may well know.
_OF_THIS_CALL = frozenset({"recursion", "call depth", "budget", "circular definition", "bound later"})


def _is_fixed(value: Value) -> bool:
    """Whether a value is a tuple or a choice, which stay as they are where their parts do: not a
    choice of classes, which knows what it was asked."""
    if value.__class__ is Choice:
        return not any(option.__class__ is ClassRef for option in value.options)
    return value.__class__ is Seq and value.kind == "tuple" and not value.names


def _is_definition(value: Value) -> bool:
    """Whether a value is something that a module imports or defines."""
    kind = value.__class__
    if kind is ClassRef:
        return value.scope is None
    return kind is External or (kind is Function and value.scope is value.bound is value.owner is None)
