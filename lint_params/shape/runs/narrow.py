"""What is too narrow only as long as something is left out: ``cond_dim=0`` or ``use_time=False``
leaves no room for an input that forward joins to another. Whoever gives the one gives the other,
so that a layer is too narrow for it counts only where it is so whatever the defaults are."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping

from lint_params.shape.check import Obligation, Verdict
from lint_params.shape.runs.arguments import parameters
from lint_params.shape.runs.chosen import OPENED, Key
from lint_params.shape.runs.one_class import Checked, only_at
from lint_params.shape.sizes.dim import NO, Atom, Size, cancel, same, substitute, symbol
from lint_params.shape.sizes.poly import Symbol
from lint_params.shape.value import Value
from lint_params.trees import is_none, walk

#: The run of a class with some of its arguments chosen otherwise.
Again = Callable[[Mapping[Key, Value]], "Checked | None"]


def whatever_is_given(run: Checked, cls: ast.ClassDef, init: ast.FunctionDef | None, again: Again) -> Checked:
    """The run of a class without what is refuted only because an input is not empty, unless it is
    refuted with all in its constructor open that a default may have left out."""
    absent = {arg.arg for arg, default in parameters(init.args) if is_none(default)} if init is not None else set()
    resting = [o for o in run.obligations if o.verdict is Verdict.REFUTED and _rests_on_presence(o, absent)]
    opened = _left_out(init) if resting and init is not None else {}
    elsewhere = bool(resting) and (_says_nothing(cls) or init is not None and _asks_for_more(init))
    if not opened and not elsewhere:
        return run
    other = again(opened) if not elsewhere else None
    agreed = {id(o.node) for o in other.obligations if o.verdict is Verdict.REFUTED} if other else set()
    run.obligations = [o for o in run.obligations if o not in resting or id(o.node) in agreed]
    return run


def takes_defaults(run: Checked, init: ast.FunctionDef) -> bool:
    """Whether a run takes the default of an argument as it stands."""
    return any(
        default is not None and (arg.arg not in run.arguments or _stands(run, arg, default))
        for arg, default in parameters(init.args)
    )


def _stands(run: Checked, arg: ast.arg, default: ast.expr | None) -> bool:
    """Whether a whole number by default is that number in the run."""
    plain = isinstance(default, ast.Constant) and type(default.value) is int
    return plain and run.arguments.get(arg.arg) == default.value  # type: ignore[union-attr]


def whatever_is_chosen(run: Checked, init: ast.FunctionDef, given: frozenset[str], again: Again) -> Checked:
    """The run of a class without what is refuted only for the default of a number that all callers
    give: a kernel or a number of layers, which is taken as it stands."""
    plain = {
        (init.name, arg.arg): default.value  # type: ignore[union-attr]
        for arg, default in parameters(init.args)
        if arg.arg in given and _stands(run, arg, default)
    }
    others: list[Mapping[Key, Value]] = [{key: value + 1 for key, value in plain.items()}, dict.fromkeys(plain, 1)]
    for chosen in others if plain else ():
        other = again(chosen)
        if other is not None and not other.exhausted:
            run = only_at(run, (o for o in other.obligations if o.verdict is Verdict.REFUTED))
    return run


def _rests_on_presence(o: Obligation, absent: set[str]) -> bool:
    """Whether the two sizes can be the same if an input is empty, or what one of the ``absent`` counts:
    arguments that are None by default, which callers may hand on as that."""
    if o.expected is None or o.got is None or same(o.expected, o.got) is not NO:
        return False
    empty: dict[Atom, Size] = {}

    def may_be_empty(atom: Atom) -> Size | None:
        if isinstance(atom, Symbol) and (atom.kind in ("input", "opaque") or atom.name in absent):
            return empty.setdefault(atom, symbol(atom.name, atom.kind, 0))
        return None

    # A factor of both, as the size of a batch, says nothing by being 0.
    return same(*(substitute(size, may_be_empty) for size in cancel(o.expected, o.got))) is not NO


def _left_out(init: ast.FunctionDef) -> dict[Key, Value]:
    """The arguments whose defaults may leave something out, and those that may hold such ones."""
    return {
        (init.name, arg.arg): OPENED
        for arg, default in parameters(init.args)[1:]
        if (arg.annotation is not None if default is None else _may_be_nothing(default))
    }


def _may_be_nothing(default: ast.expr) -> bool:
    """``0``, ``-1``, ``None``, ``()``, a flag or a text; a plain size is something."""
    if isinstance(default, ast.Constant):
        value = default.value
        return not isinstance(value, (int, float)) or isinstance(value, bool) or value == 0
    if isinstance(default, (ast.Tuple, ast.List)):
        return not default.elts
    return True


def _says_nothing(cls: ast.ClassDef) -> bool:
    """``cond_dim = 0``, for classes below it to change"""
    return any(
        isinstance(node, (ast.Assign, ast.AnnAssign))
        and isinstance(node.value, ast.Constant)
        and (node.value.value is None or type(node.value.value) is int and node.value.value <= 0)
        for node in cls.body
    )


def _asks_for_more(init: ast.FunctionDef) -> bool:
    """``kwargs.get("cond_dim", 0)``"""
    rest = init.args.kwarg
    return rest is not None and any(
        isinstance(node, (ast.Attribute, ast.Subscript))
        and isinstance(node.value, ast.Name)
        and node.value.id == rest.arg
        for node in walk(init)
    )
