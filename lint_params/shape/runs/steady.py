"""What is reported only because other runs agree: guessed counts, ranks of inputs."""

from __future__ import annotations

import ast
import itertools
import operator
import re
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import closing

from lint_params.shape.check import Obligation, Verdict
from lint_params.shape.evaluate import interpreter
from lint_params.shape.evaluate.interpreter import Interpreter
from lint_params.shape.runs.one_class import Checked, refutes
from lint_params.shape.sizes.dim import NO, ONE, Poly, Size, same, sub
from lint_params.shape.value import Origin, Tensor
from lint_params.trees import walk

#: Ranks of inputs, the usual ones first: most classes are sound with one of these.
RANKS = (3, 2, 4, 1, 5)
#: One that nearly nobody uses: windows of windows of pictures.
RARE = 6


def open_question(it: Interpreter, checked: Checked) -> bool:
    """Whether something was left unknown only because any number of dimensions may come in."""
    verdicts = {o.verdict for o in checked.obligations}
    return (
        Verdict.UNKNOWN in verdicts
        and Verdict.REFUTED not in verdicts
        and not checked.exhausted
        and 0 < len(checked.open_inputs) <= 2
        and not checked.numbered
        and not _as_sequence(checked)
        and checked.forward_steps * len(RANKS) ** len(checked.open_inputs) < interpreter.MAX_STEPS
    )


#: Runs of a class on inputs of these ranks, each when it is asked for.
WithRanks = Callable[[Iterable[Mapping[str, int]]], Generator[Checked, None, None]]


def by_rank(it: Interpreter, checked: Checked, again: WithRanks) -> Checked | None:
    """The run with the first ranks of its inputs that the class is sound with. If there are none,
    the mistake that it shows whatever the ranks are, with those that the author had in mind."""
    found = _misfits(checked.open_inputs, again)
    if isinstance(found, Checked):
        found.how = "sound"
        return found
    lists = it.guessed_list
    for count in OTHER_COUNTS if it.guessed else ():
        it.count = count
        try:
            runs = _misfits(checked.open_inputs, again)
            others = [] if isinstance(runs, Checked) else [o.obligations[-1] for o in runs]
        finally:
            it.count = 2
        found = [one for one in found if _agree(one.obligations[-1], others, lists)]
    best = max(found, key=lambda run: _meant(run.obligations[-1]), default=None)
    if best is not None:
        best.how = "ranks"
    return best


def _meant(o: Obligation) -> tuple[bool, int]:
    """How likely the ranks of a run are the author's: a number of dimensions that does not fit is
    rather that of the guess, and the others show in how far it gets."""
    return not o.counts_dimensions, o.at


def _misfits(inputs: tuple[str, ...], again: WithRanks) -> list[Checked] | Checked:
    """The runs with all ranks, each up to its mistake; or the first of them that is sound: one
    that takes the samples of a batch for features is no reading of the class, unless it does with
    all that have more dimensions than what misfits: ``g.view(-1)`` of one sample."""
    found: list[Checked] = []
    misfits: list[int] = []
    doubtful: list[int] = []
    every = itertools.product(RANKS, repeat=len(inputs))
    with closing(again(dict(zip(inputs, ranks)) for ranks in every)) as runs:
        for run in runs:
            refuted = [i for i, o in enumerate(run.obligations) if o.verdict is Verdict.REFUTED]
            if run.exhausted:
                return []
            if not (refuted or any(o.batch for o in run.obligations)):
                return run
            ranks = [len(x.shape.dims) for x in run.inputs.values() if isinstance(x, Tensor)]
            (misfits if refuted else doubtful).append(sum(ranks))
            if refuted:
                run.obligations = run.obligations[: refuted[0] + 1]
                found.append(run)
    if not found or max(misfits, default=0) < max(doubtful, default=0):
        return []
    with closing(again([dict.fromkeys(inputs, RARE)])) as runs:
        return found if all(refutes(run) for run in runs) else []


#: Other numbers of repetitions that must refute what the first guess refuted.
OTHER_COUNTS = (3, 4)


def steady(
    it: Interpreter, checked: Checked, again: Callable[[], Checked], literal: bool = False
) -> Checked:
    """Keep only what is refuted whatever an unknown number of repetitions is.

    ``literal``: of code in which sizes are plain numbers, as it is run.
    """
    if not it.guessed or not refutes(checked):
        return checked
    lists, written = it.guessed_list and not literal, _written(it, checked)
    refuted = [o for o in checked.obligations if o.verdict is Verdict.REFUTED]
    confirmed: set[int] = set()
    numbered = [o for o in refuted if "is out of range for size" in o.text]
    for count in (*OTHER_COUNTS, *([1] if numbered else [])):
        it.count = count
        try:
            other = again()
        finally:
            it.count = 2
        for o in [o for o in (refuted if count > 1 else numbered) if o in checked.obligations]:
            if _agree(o, other.obligations, lists and o not in written) or (
                other.exhausted and o in written
            ):
                confirmed.add(id(o))
            elif not _before(o, other):
                checked.obligations.remove(o)
    checked.obligations[:] = [
        o for o in checked.obligations if o.verdict is not Verdict.REFUTED or id(o) in confirmed
    ]
    checked.doubted = [o for o in refuted if id(o) not in confirmed or o not in checked.obligations]
    return checked


def _before(o: Obligation, other: Checked) -> bool:
    """Whether a run failed elsewhere, before it came to the call of ``o``: it says nothing of that."""
    return not any(x.node is o.node for x in other.obligations) and any(
        x.verdict is Verdict.REFUTED for x in other.obligations
    )


def _written(it: Interpreter, checked: Checked) -> list[Obligation]:
    """Mismatches of two numbers that stand so in the calls that build the two layers: they are no
    guess's. ``it`` has just run."""
    calls = [m.node for m in it.made if isinstance(m.node, ast.Call)]

    def stands(number: object, built: Origin | None) -> bool:
        made = [call for call in calls if built is not None and call.lineno == built.line]
        given = [node for call in made for node in (*call.args, *(k.value for k in call.keywords))]
        return any(_reckoned(node, checked.root) == number for node in given)

    def declared(o: Obligation) -> bool:
        """A Parameter's own number where a 1 is asked for."""
        source = o.source
        return (
            o.expected == 1
            and o.built is None
            and source is not None
            and source.built is None
            and source.path == o.path
            and is_given(checked.root, source.line, o.got)
        )

    return [
        o
        for o in checked.obligations
        if o.verdict is Verdict.REFUTED
        and isinstance(o.expected, int)
        and (o.source is not None and stands(o.expected, o.built) and stands(o.got, o.source.built) or declared(o)
             or _divides(o))
    ]  # fmt: skip


def _divides(o: Obligation) -> bool:
    """``GroupNorm(32, 48)``: what a constructor refuses of two numbers, however long lists are."""
    return o.rule == "indivisible-channels" and isinstance(o.got, int)


def is_given(root: ast.AST | None, line: int, number: object) -> bool:
    """Whether a call that begins in a line is given a number as it stands."""
    return any(
        isinstance(value, ast.Constant) and value.value == number
        for node in (walk(root) if root is not None else ())
        if isinstance(node, ast.Call) and node.lineno == line
        for value in (*node.args, *(keyword.value for keyword in node.keywords))
    )


def _reckoned(node: ast.expr, root: ast.AST | None) -> int | None:
    """The number that an expression stands for: ``96``, ``2 * 48``, ``width`` after ``width = 48``."""
    if isinstance(node, ast.Constant):
        return node.value if type(node.value) is int else None
    if isinstance(node, ast.Name):
        once = _given_once(root, node.id)
        return once.value if isinstance(once, ast.Constant) and type(once.value) is int else None
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left, right = _reckoned(node.left, root), _reckoned(node.right, root)
        return None if left is None or right is None else _OPERATORS[type(node.op)](left, right)
    return None


_OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}


def _given_once(root: ast.AST | None, name: str) -> ast.expr | None:
    """What is assigned to a name that is assigned to once."""
    found = [
        node.value
        for node in (walk(root) if root is not None else ())
        if isinstance(node, ast.Assign)
        and any(isinstance(part, ast.Name) and part.id == name for target in node.targets for part in walk(target))
    ]
    return found[0] if len(found) == 1 else None


def _agree(o: Obligation, others: list[Obligation], lists: bool) -> bool:
    """Whether a run with another guess refutes the same: sizes that change with the guess are
    the guess's own, not the author's, unless they go on differing by the same symbols."""
    return any(
        other.node is o.node
        and other.verdict is Verdict.REFUTED
        and (_same_sizes(o, other) and (not lists or _symbolic(o)) or _as_far_apart(o, other))
        for other in others
    )


def _same_sizes(o: Obligation, other: Obligation) -> bool:
    one, two = f"{o.expected} {o.got}", f"{other.expected} {other.got}"
    if one == two or o.expected is None or o.got is None or same(o.expected, o.got) is not NO:
        return one == two  # an item that would have to be 1 may be 1
    return _numbered_anew(one) == _numbered_anew(two)


def _numbered_anew(text: str) -> str:
    """The same with items of lists numbered as they come: the last item of a list has another
    number when the list is guessed to be longer."""
    order: dict[str, str] = {}
    return re.sub(r"\[\d+\]", lambda m: order.setdefault(m[0], f"[{len(order)}]"), text)


def _as_far_apart(o: Obligation, other: Obligation) -> bool:
    if o.got is None or o.expected is None or other.got is None or other.expected is None:
        return False
    apart = sub(o.got, o.expected)
    if not isinstance(apart, Poly) or str(apart) != str(sub(other.got, other.expected)):
        return False
    # A plain number that changes is counted in the rounds of a loop, not in the author's sizes.
    return all(_number(a) == _number(b) for a, b in ((o.got, other.got), (o.expected, other.expected)))


def _number(size: Size) -> int:
    """The plain number in a sum."""
    return size if isinstance(size, int) else size.terms.get(ONE, 0)


def _symbolic(o: Obligation) -> bool:
    """Whether a size is in symbols: two plain numbers may both come from lists of some length."""
    return isinstance(o.expected, Poly) or isinstance(o.got, Poly)


def _as_sequence(checked: Checked) -> bool:
    """Whether forward numbers or iterates an argument: it may be a list, whatever it is called."""
    names = set(checked.inputs)
    for node in walk(checked.forward) if checked.forward is not None else ():
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            if node.value.id in names and not isinstance(node.slice, (ast.Slice, ast.Tuple)):
                return True
        elif isinstance(node, (ast.For, ast.comprehension)):
            if any(isinstance(n, ast.Name) and n.id in names for n in walk(node.iter)):
                return True
    return False
