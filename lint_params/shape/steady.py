"""What is reported only because other runs agree: guessed counts, ranks of inputs."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Mapping

from lint_params.shape import interpreter
from lint_params.shape.check import Obligation, Verdict
from lint_params.shape.dim import Poly, sub
from lint_params.shape.interpreter import Interpreter
from lint_params.shape.runs import Checked
from lint_params.trees import walk

#: Ranks of inputs, the usual ones first: most classes are sound with one of these.
RANKS = (3, 2, 4, 1, 5)


def open_question(it: Interpreter, checked: Checked) -> bool:
    """Whether something was left unknown only because any number of dimensions may come in."""
    verdicts = {o.verdict for o in checked.obligations}
    return (
        Verdict.UNKNOWN in verdicts
        and Verdict.REFUTED not in verdicts
        and not checked.exhausted
        and 0 < len(checked.open_inputs) <= 2
        and not _as_sequence(checked)
        and checked.steps * len(RANKS) ** len(checked.open_inputs) < interpreter.MAX_STEPS
    )


def by_rank(
    it: Interpreter, checked: Checked, again: Callable[[Mapping[str, int]], Checked]
) -> Checked | None:
    """The mistake that the class shows whatever the ranks of its inputs are; None if it runs
    with some. Of the ranks the one that gets furthest is the one that the author had in mind."""
    found = _furthest(it, checked.open_inputs, again)
    if found is None or not it.guessed:
        return found
    lists = it.guessed_list
    for count in OTHER_COUNTS:
        it.count = count
        try:
            other = _furthest(it, checked.open_inputs, again)
        finally:
            it.count = 2
        if other is None or not _agree(found.obligations[-1], other.obligations[-1:], lists):
            return None
    return found


def _furthest(
    it: Interpreter, inputs: tuple[str, ...], again: Callable[[Mapping[str, int]], Checked]
) -> Checked | None:
    best: Checked | None = None
    for ranks in itertools.product(RANKS, repeat=len(inputs)):
        other = again(dict(zip(inputs, ranks)))
        if other.exhausted:
            return None
        refuted = [i for i, o in enumerate(other.obligations) if o.verdict is Verdict.REFUTED]
        if not refuted and not other.pinned:
            return None
        if not refuted:
            continue
        other.obligations = other.obligations[: refuted[0] + 1]
        if best is None or other.obligations[-1].at > best.obligations[-1].at:
            best = other
    if best is not None:
        best.how = "ranks"
    return best


#: Other numbers of repetitions that must refute what the first guess refuted.
OTHER_COUNTS = (3, 4)


def steady(it: Interpreter, checked: Checked, again: Callable[[], Checked]) -> Checked:
    """Keep only what is refuted whatever an unknown number of repetitions is."""
    if not it.guessed or not any(o.verdict is Verdict.REFUTED for o in checked.obligations):
        return checked
    lists = it.guessed_list
    for count in OTHER_COUNTS:
        it.count = count
        try:
            other = again()
        finally:
            it.count = 2
        checked.obligations = [
            o
            for o in checked.obligations
            if o.verdict is not Verdict.REFUTED or _agree(o, other.obligations, lists)
        ]
    return checked


def _agree(o: Obligation, others: list[Obligation], lists: bool) -> bool:
    """Whether a run with another guess refutes the same: sizes that change with the guess are
    the guess's own, not the author's, unless they go on differing by the same symbols."""
    for other in others:
        if other.node is o.node and other.verdict is Verdict.REFUTED:
            if str(other.expected) == str(o.expected) and str(other.got) == str(o.got):
                return not lists or _symbolic(o)
            if o.got is not None and o.expected is not None and isinstance(other.got, Poly):
                apart = sub(o.got, o.expected)
                if isinstance(apart, Poly) and other.expected is not None:
                    return str(apart) == str(sub(other.got, other.expected))
    return False


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
