"""Sizes that fit only where arguments of the constructor happen to be one number.

``Linear(hidden, dim)`` on an input of ``dim`` features is no contradiction: it works where
``hidden`` is ``dim``. Nobody would give the two names then.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from lint_params.project import Project, SourceFile
from lint_params.shape.check import Obligation, Verdict
from lint_params.shape.context import LAYER_RULES
from lint_params.shape.runs.builders import item_of, nobody_agrees
from lint_params.shape.runs.left_out import brought_by_input, only_left_out
from lint_params.shape.runs.one_class import Checked
from lint_params.shape.runs.optional_layers import has_line, on_condition
from lint_params.shape.runs.steady import is_given
from lint_params.shape.runs.unlike import are_unlike
from lint_params.shape.sizes.dim import MAYBE, NO, Atom, Operation, Poly, Size, Symbol, of_atom, same, sub, substitute
from lint_params.shape.value import only_symbol
from lint_params.trees import is_none, last_name, walk

#: Rules of layers, in which a number stands where an argument should.
_LAYERS = (*LAYER_RULES, "parameter-product-mismatch")
#: What goes past the lines that follow.
_LEAVES = (ast.Return, ast.Raise, ast.Break, ast.Continue)
_EQUAL = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn)


def forced(
    file: SourceFile, runs: Iterable[Checked], project: Project | None
) -> Iterator[tuple[Checked, Obligation]]:
    """The first of each class that is sound otherwise; what follows is its consequence."""
    runs = list(runs)
    unsound = {
        id(run.root)
        for run in runs
        for o in run.obligations
        if o.verdict is Verdict.REFUTED and not o.inside and 0 not in (o.expected, o.got)
    }
    for run in runs:
        if run.how not in ("sizes", "open") or id(run.root) in unsound:
            continue
        if isinstance(run.root, ast.ClassDef):
            ties = [o for o in run.obligations if _is_tie(file, run, o)]
            if run.exhausted:  # the rest of it would show what is chosen where
                ties = [o for o in ties if not o.inside and _in_one_stack(file, run.root, o)]
            found = next((o for o in ties if not (o.inside and _may_not_meet(file, project, run, o))), None)
            if found is None or _is_compared(run.root, found):
                continue
            if not found.inside and _may_not_meet(file, project, run, found):
                continue
            if only_left_out(run, found, runs) or brought_by_input(run, found, runs):
                continue
            if nobody_agrees(project, file, run.root, found.expected or 0, found.got or 0, run.how == "sizes"):
                yield run, found


def _may_not_meet(file: SourceFile, project: Project | None, run: Checked, o: Obligation) -> bool:
    """Whether the two layers may stand on branches of which the arguments choose one."""
    if not isinstance(run.root, ast.ClassDef):
        return True
    if o.inside:
        left_out = any(value is None for value in run.inputs.values())  # its width may be that of one side
        parts = _parts(file, project, run, o)
        return left_out or run.how == "open" or any(_chooses(cls, lines) for cls, lines in parts)
    return not _in_one_stack(file, run.root, o) and (run.how == "open" or on_condition(file, run.root, o, _names_of(o)))


def _is_tie(file: SourceFile, run: Checked, o: Obligation) -> bool:
    if o.verdict is not Verdict.UNKNOWN or o.why != "sizes not comparable":
        return False
    if o.expected is None or o.got is None or (o.rule not in _LAYERS if o.inside else o.path != file.path):
        return False
    if run.guessed and not (_are_arguments(o) or _is_written(file, o)):
        return False  # a number in either may be that of the guess
    if not (o.source or o.sources) or 1 in (o.expected, o.got):
        return False  # an input that was guessed; one feature, which often stands for any number
    names = _names_of(o)
    if isinstance(o.expected, int) or isinstance(o.got, int):
        if o.rule not in _LAYERS:
            return False  # in a view it is what people expect
        names = {name.partition(".")[0] for name in names}  # a number where config.dim should be
    if are_unlike(o.expected, o.got):
        names = {name.partition(".")[0] for name in names}  # config.num_labels for config.hidden_size
    if not names or not {item_of(name)[0] for name in names} <= run.arguments.keys():
        return False
    if run.guessed and not all(_is_item_written(run.root, name) for name in names):
        return False  # which item it is may be a matter of the guess
    whole = substitute(o.expected, no_rest), substitute(o.got, no_rest)
    if same(*whole) is not MAYBE:
        return False  # one number after all, or two: then this path is none that anybody takes
    return substitute(sub(o.expected, o.got), default_of) != 0


def _is_item_written(cls: ast.AST | None, name: str) -> bool:
    """Whether an item of an argument stands as such in a class, ``channels[0]``; what is no item does."""
    argument, place = item_of(name)
    return place is None or cls is not None and any(
        isinstance(node, ast.Subscript)
        and last_name(node.value) == argument
        and isinstance(node.slice, ast.Constant)
        and node.slice.value == place
        for node in walk(cls)
    )


def _are_arguments(o: Obligation) -> bool:
    """Whether both sides are arguments as they stand, in which no count is."""
    return all(isinstance(size, Poly) and only_symbol(size) is not None for size in (o.expected, o.got))


def _is_written(file: SourceFile, o: Obligation) -> bool:
    """Whether one side is an argument as it stands, and the other a number that the layer is built with."""
    for number, other, built in ((o.expected, o.got, o.built), (o.got, o.expected, o.source and o.source.built)):
        if isinstance(number, int) and other is not None and only_symbol(other) is not None:
            return built is not None and built.path == file.path and is_given(file.tree, built.line, number)
    return False


def _names_of(o: Obligation) -> set[str]:
    return _names(o.expected or 0) | _names(o.got or 0)


def _names(size: Size) -> set[str]:
    """The symbols in a size, "" among them for what is no argument of the constructor."""
    found: set[str] = set()
    for atom in size.atoms if isinstance(size, Poly) else ():
        if isinstance(atom, Symbol):
            found.add(atom.name if atom.kind == "argument" else "")
        elif isinstance(atom, Operation) and atom.name == "%" and isinstance(atom.args[1], Poly):
            found |= _names(atom.args[0]) | _names(atom.args[1])
        else:
            found.add("")  # what is halved is even, what is divided leaves no rest: nobody says so
    return found


def no_rest(atom: Atom) -> Size | None:
    """Every division leaves no rest: ``dim // heads * heads`` is ``dim``."""
    return 0 if isinstance(atom, Operation) and atom.name == "%" else None


def default_of(atom: Atom) -> Size | None:
    """With its defaults the class is as its author wants it."""
    return atom.default if isinstance(atom, Symbol) else None


def _is_compared(cls: ast.ClassDef, o: Obligation) -> bool:
    """Whether the class asks itself whether the two are one."""
    both = _names_of(o)
    local = {
        target.id: _mentioned(node.value)
        for node in walk(cls) if isinstance(node, ast.Assign)
        for target in node.targets if isinstance(target, ast.Name)
    }  # fmt: skip
    for node in walk(cls):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], _EQUAL) and not is_none(node.comparators[0]):
            left, right = (_through(side, local) for side in (node.left, node.comparators[0]))
            if left & both and (right & both or len(both) == 1) and not _differ_anyway(node, o):
                return True
    return False


def _differ_anyway(node: ast.Compare, o: Obligation) -> bool:
    """Whether the two are no one number even where two arguments are that are compared as they stand:
    ``heads == 1 and dim_head == dim`` does not ask whether ``dim`` is ``3 * heads * dim_head``."""
    if not isinstance(node.left, ast.Name) or not isinstance(node.comparators[0], ast.Name):
        return False
    one, other = node.left.id, node.comparators[0].id
    both = (o.expected or 0, o.got or 0)
    atoms = {a for size in both if isinstance(size, Poly) for a in size.deep}
    symbols = {a.name: a for a in atoms if isinstance(a, Symbol)}
    if one not in symbols or other not in symbols:
        return False
    joined = of_atom(symbols[other])
    as_one = [substitute(size, lambda atom: joined if atom is symbols[one] else None) for size in both]
    return same(*as_one) is NO


def _parts(
    file: SourceFile, project: Project | None, run: Checked, o: Obligation
) -> Iterator[tuple[ast.ClassDef, set[int]]]:
    """The classes that have a part in a mismatch inside a module, each with its lines: that one, who
    called it, and where the size was made."""
    origins = (o.source, o.built, o.source and o.source.built, *o.sources)
    places = {(one.path, one.line) for one in origins if one is not None}
    places |= {(path, getattr(frame, "lineno", 0)) for path, frame, _ in o.stack}
    places.add((o.path, getattr(o.node, "lineno", 0)))
    lines = {path: {line for other, line in places if other == path} for path, _ in places}
    for module in o.inside:
        yield module.cls.node, lines.get(module.cls.file.path, set())
    for path in lines:
        home = file if path == file.path else project.load(Path(path)) if project is not None else None
        for cls in home.tree.body if home is not None else ():
            if isinstance(cls, ast.ClassDef) and has_line(cls, lines[path]):
                yield cls, lines[path]
    if isinstance(run.root, ast.ClassDef):
        yield run.root, lines.get(file.path, set())


def _chooses(cls: ast.ClassDef, lines: set[int]) -> bool:
    """Whether one of the lines runs only under a condition, or a class takes anything out of a table."""
    handed_on = _handed_on(cls)
    if any(
        isinstance(node, ast.Dict) and id(node) not in handed_on
        or isinstance(node, ast.Subscript) and isinstance(node.value, (ast.List, ast.Tuple))
        or isinstance(node, ast.Call) and last_name(node.func) in ("get", "pop", "getattr")
        for node in walk(cls)
    ):
        return True
    functions = [n for n in walk(cls) if isinstance(n, ast.FunctionDef) and has_line(n, lines)]
    return any(
        isinstance(node, (ast.If, ast.IfExp, ast.BoolOp, ast.Try, ast.While, ast.Match))
        and (has_line(node, lines) or any(isinstance(part, _LEAVES) for part in walk(node)))
        for function in functions
        for node in walk(function)
    )


def _handed_on(cls: ast.ClassDef) -> set[int]:
    """Dicts that are for calls to take whole: ``factory = {"device": device}`` and nothing but ``**factory``."""
    taken = {id(n.value) for n in walk(cls) if isinstance(n, ast.keyword) and not n.arg}
    read = {n.id for n in walk(cls) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load) and id(n) not in taken}
    return {
        id(n.value)
        for n in walk(cls)
        if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Name) and n.targets[0].id not in read
    }


def _in_one_stack(file: SourceFile, cls: ast.ClassDef, o: Obligation) -> bool:
    """Whether both layers stand in one ``nn.Sequential``, and neither under a condition there: they
    follow each other whenever either is there."""
    if o.built is None or o.source is None or o.source.built is None:
        return False
    places = (o.built, o.source.built)
    if any(place.path != file.path for place in places):
        return False
    stacks = [n for n in walk(cls) if isinstance(n, ast.Call) and last_name(n.func) == "Sequential"]
    lines = {place.line for place in places}
    return any(
        all(n.lineno <= line <= (n.end_lineno or 0) for line in lines)
        and not any(isinstance(part, (ast.IfExp, ast.BoolOp)) for part in walk(n))
        for n in stacks
    )


def _through(side: ast.expr, local: dict[str, set[str]]) -> set[str]:
    """The names in an expression, and those of which its local names are made."""
    names = _mentioned(side)
    return names.union(*(local.get(name, set()) for name in names))


def _mentioned(node: ast.expr) -> set[str]:
    return {last_name(n) for n in walk(node)}
