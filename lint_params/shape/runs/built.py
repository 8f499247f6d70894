"""Classes that are sound only where sizes agree, or that leave sizes open, as their own file makes
them: by their defaults, and in functions that return a whole model. What fails there is no matter
of what callers give."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.project import SourceFile
from lint_params.shape.check import Obligation, Verdict
from lint_params.shape.runs.one_class import Checked
from lint_params.shape.runs.scripts import plainly_called, run_function
from lint_params.shape.runs.steady import steady
from lint_params.shape.runs.ties import default_of, no_rest
from lint_params.shape.sizes.dim import Poly, Size, Symbol, substitute
from lint_params.trees import walk

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter

#: So many functions are run for one class.
MOST = 2
#: The steps of all that are run in a file for proofs only.
MOST_STEPS = 60_000


def doubts(run: Checked) -> list[Obligation]:
    """What a class itself leaves open of a run, though both sizes are made of its arguments; and
    what was refuted only for a guessed number of repetitions."""
    return [*run.doubted, *(o for o in run.obligations if _is_doubt(o))]


def configured_doubts(run: Checked) -> list[Obligation]:
    """Of the doubts of a run those that a configuration alone settles: both sizes are made of its
    fields, which have defaults, in the class itself or in a part that it hands the configuration to."""
    return [
        o
        for o in run.obligations
        if _is_doubt(o, inside=True) and all(_of_configuration(size) for size in (o.expected, o.got))
    ]


def undecided(run: Checked) -> bool:
    """Whether a run leaves a layer's sizes open."""
    return not run.exhausted and any(o.verdict is Verdict.UNKNOWN and o.expected is not None for o in run.obligations)


def _is_doubt(o: Obligation, inside: bool = False) -> bool:
    if o.verdict is Verdict.UNKNOWN and o.why == "divisibility":
        return _leaves_rest(o.got, o.expected)
    if o.verdict is not Verdict.UNKNOWN or o.why != "sizes not comparable" or (o.inside and not inside):
        return False
    if o.expected is None or o.got is None or not (_given(o.expected) and _given(o.got)):
        return False
    whole = substitute(o.expected, no_rest), substitute(o.got, no_rest)
    return whole[0] != whole[1]


def _leaves_rest(whole: Size | None, by: Size | None) -> bool:
    """Whether the defaults of two sizes do not divide: ``GroupNorm(67, channels)`` for 128 channels."""
    whole, by = (substitute(size or 0, default_of) for size in (whole, by))
    return isinstance(whole, int) and isinstance(by, int) and by > 1 and whole % by != 0


def _given(size: Size) -> bool:
    """Whether a size is made of arguments of the constructor, and of numbers."""
    return not isinstance(size, Poly) or all(
        not isinstance(a, Symbol) or a.kind in ("argument", "count") for a in (size._deep or size.deep)
    )


def _of_configuration(size: Size | None) -> bool:
    """Whether a size is a number where every field, as ``config.dim``, is what it is by default."""
    if not isinstance(size, Poly):
        return size is not None
    symbols = [a for a in size.deep if isinstance(a, Symbol)]
    return all("." in a.name and a.default is not None for a in symbols) and _given(size)


def check_built(
    it: Interpreter, file: SourceFile, classes: list[ast.ClassDef], left_open: list[ast.ClassDef], ran: set[str]
) -> Iterator[Checked]:
    """Functions that need no arguments and lead to one of the classes; not those that ``ran``.
    Of those that lead to a class ``left_open`` one is enough."""
    named = _named(file) if classes or left_open else {}
    for cls in (*classes, *left_open):
        leading = _functions(file, cls, named)
        most = MOST
        if cls not in classes:  # entries of a registry take what only the registry knows
            leading = [fn for fn in leading if not fn.decorator_list]
            most = 0 if any(fn.name in ran for fn in leading) else 1
        for fn in [fn for fn in leading if fn.name not in ran][:most]:
            ran.add(fn.name)
            run = run_function(it, fn, file)
            yield steady(it, run, lambda fn=fn: run_function(it, fn, file))  # type: ignore[misc]


def check_entries(
    it: Interpreter, file: SourceFile, lacking: list[ast.ClassDef], ran: set[str]
) -> Iterator[Checked]:
    """Entries of a registry that lead to classes of which something is not proved, those that
    choose most that is new first: for proofs only."""
    named, steps = _named(file) if lacking else {}, 0
    for cls in lacking:
        leading = {fn.name: fn for fn in _functions(file, cls, named)}
        seen = {one for name in ran & leading.keys() for one in _choices(leading.pop(name))}
        for _ in range(MOST):
            name = max(leading, key=lambda name: len(_choices(leading[name]) - seen), default="")
            if not name or steps > MOST_STEPS or _choices(leading[name]) <= seen:
                break
            fn = leading.pop(name)
            seen |= _choices(fn)
            ran.add(name)
            run = run_function(it, fn, file)
            steps += run.steps
            run.obligations[:] = [o for o in run.obligations if o.verdict is not Verdict.REFUTED]
            yield run


def _choices(fn: ast.FunctionDef) -> frozenset[str]:
    """The names and keywords of a function, which choose what it builds."""
    parts = [n for statement in fn.body for n in walk(statement)]
    names = {n.id for n in parts if isinstance(n, ast.Name)}
    return frozenset(names | {f"{n.arg}={ast.unparse(n.value)}" for n in parts if isinstance(n, ast.keyword)})


def _own(file: SourceFile) -> dict[str, ast.ClassDef | ast.FunctionDef]:
    return {n.name: n for n in file.tree.body if isinstance(n, (ast.ClassDef, ast.FunctionDef))}


def _named(file: SourceFile) -> dict[str, set[str]]:
    """The file's other classes and functions that each of them names."""
    own = _own(file)
    return {
        name: {n.id for n in walk(node) if isinstance(n, ast.Name)} & own.keys() - {name}
        for name, node in own.items()
    }


def _functions(file: SourceFile, cls: ast.ClassDef, named: dict[str, set[str]]) -> list[ast.FunctionDef]:
    """Those that name the class come first, and of these the plainest."""
    own = _own(file)
    reached, ring = {cls.name}, [cls.name]
    found: list[ast.FunctionDef] = []
    while ring:
        ring = [name for name in own if name not in reached and named[name] & set(ring)]
        reached.update(ring)
        some = [n for n in map(own.get, ring) if isinstance(n, ast.FunctionDef) and plainly_called(n)]
        found += sorted(some, key=lambda fn: sum(1 for _ in walk(fn)))
    return found
