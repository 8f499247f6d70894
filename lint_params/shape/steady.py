"""What is reported only because other runs agree: guessed counts, ranks of inputs."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable

from lint_params.shape import interpreter
from lint_params.shape.check import Obligation, Verdict
from lint_params.shape.dim import Poly
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
        and not it.guessed
        and 0 < checked.open_inputs <= 2
        and not _as_sequence(checked)
        and checked.steps * len(RANKS) ** checked.open_inputs < interpreter.MAX_STEPS
    )


def by_rank(
    it: Interpreter, checked: Checked, again: Callable[[tuple[int, ...]], Checked]
) -> Checked | None:
    """The mistake that the class shows whatever the ranks of its inputs are; None if it runs
    with some. Of the ranks the one that gets furthest is the one that the author had in mind."""
    best: Checked | None = None
    for ranks in itertools.product(RANKS, repeat=checked.open_inputs):
        other = again(ranks)
        if other.exhausted or it.guessed:
            return None
        refuted = [i for i, o in enumerate(other.obligations) if o.verdict is Verdict.REFUTED]
        if not refuted:
            return None
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
    guessed = it.guessed
    if not guessed or not any(o.verdict is Verdict.REFUTED for o in checked.obligations):
        return checked
    for count in OTHER_COUNTS:
        it.count = count
        try:
            other = again()
        finally:
            it.count = 2
        # Sizes that change with the guess are the guess's own, not the author's.
        agreed = {_said(o) for o in other.obligations}
        checked.obligations = [
            o
            for o in checked.obligations
            if o.verdict is not Verdict.REFUTED or (_symbolic(o) and _said(o) in agreed)
        ]
    return checked


def _said(o: Obligation) -> tuple[int, str, str, str]:
    """What a refutation says, whichever symbols this run uses for it."""
    return id(o.node), o.verdict.value, str(o.expected), str(o.got)


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
