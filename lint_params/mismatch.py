"""Reading torch's shape errors: which two sizes contradict, and are they the finding's two?

A shape error alone proves nothing: a sound class that is given the wrong input raises one
too. So a finding about sizes is confirmed only by an error that names the finding's own two
sizes, or, where the finding's sizes are symbols, by an error at the finding's own place whose
sizes do not come from an input that the verifier made up.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lint_params.evidence import Failure, Run, Verification, all_lines, own_lines
from lint_params.torch_errors import contradiction, evaluated, is_rank_error, is_shape_error, numbers

if TYPE_CHECKING:
    from lint_params.rule import Finding

#: Inputs that the project itself gives, so that their sizes are evidence.
_OWN_INPUTS = ("call site", "config", "script", "captured")
#: How a symbol for a size of an input is written.
_INPUT_SIZE = re.compile(r"\bsize\(-?\d+\)")


def _same_pair(failure: Failure, got: int, expected: int) -> bool:
    """Whether the error's two sizes are these two (a view's may differ by a common factor)."""
    for one, other in contradiction(failure.text):
        if {one, other} == {got, expected}:
            return True
        view = "is invalid for input of size" in failure.text
        if (
            view
            and one
            and other
            and (one * expected == other * got or one * got == other * expected)
        ):
            return True
        if view and other == expected and got and one % got == 0:
            return True  # values of one sample, times the batch
    named = numbers(failure.text)
    return not contradiction(failure.text) and got in named and expected in named


def _half(failure: Failure, finding: Finding, got: int | None, expected: int | None) -> bool:
    """Whether the known one of the finding's sizes is in the message, where the other is of the
    input: the finding is about all inputs, whatever size was taken."""
    known = expected if got is None else got
    other = str(finding.details.get("got" if got is None else "expected") or "")
    both = (got is None) is not (expected is None) and bool(_INPUT_SIZE.search(other))
    return both and any(known in pair for pair in contradiction(failure.text))


def _of_input(failure: Failure, run: Run, stated: bool = False) -> bool:
    """Whether a size in the error comes from one that the verifier made up for the input.

    ``stated``: also where it is a size that the constructor was given, or that is asked for.
    """
    if run.inputs_from in _OWN_INPUTS:
        return False
    free = {*failure.made_up, *(failure.of_input if stated else ())}
    if stated and failure.phase == "script":  # a function's data were not changed to see
        free.update(size for shape in run.input_shapes for size in shape)
    return any(got in free or want in free for got, want in contradiction(failure.text))


def _own(failure: Failure, run: Run) -> bool:
    """Whether the error is the code's own, whatever its two sizes are."""
    if run.inputs_from in _OWN_INPUTS:
        return True
    return not is_rank_error(failure) and not _of_input(failure, run, stated=True)


def _here(failure: Failure, finding: Finding) -> bool:
    """Whether the error is at the finding's own place: its lines, or its layer."""
    attribute = str(finding.details.get("attribute") or "")
    if attribute and failure.layer:
        path = f".{failure.layer}."
        if f".{attribute}." in path:
            return True
    lines = all_lines(finding)
    if failure.layer_line in lines or lines.intersection(failure.parameter_lines):
        return True
    if attribute and failure.layer and failure.layer_line:
        return False  # another layer, called on the same line
    return failure.passes(lines)


def shape_mismatch(run: Run, finding: Finding) -> Verification | None:
    """The verdict that every rule about sizes gives; see the module's docstring.

    A finding whose ``details`` say ``"silent": True`` (sizes that torch broadcasts) is for
    its own rule to judge: nothing is raised where it is right.
    """
    if finding.details.get("silent"):
        return None
    got = evaluated(finding.details.get("got"), run.arguments)
    expected = evaluated(finding.details.get("expected"), run.arguments)
    for failure in (*run.failures, *run.tried):
        if _too_few_rows(failure, finding):
            return run.confirmed_by(failure)
        if failure.reason or not is_shape_error(failure):
            continue
        if not _here(failure, finding):
            continue
        exact = got is not None and expected is not None and _same_pair(failure, got, expected)
        if failure.repaired and not exact:
            continue
        if _normalised_elsewhere(failure, expected):
            return run.confirmed_by(failure)
        if got is not None and expected is not None:
            if exact and not _of_input(failure, run):
                return run.confirmed_by(failure)
            if _same_layer(failure, finding, run, got, expected):
                return run.confirmed_by(failure)
            if run.inputs_from not in _OWN_INPUTS:
                continue  # another pair on made-up input: not the finding's evidence
        if not failure.repaired and _half(failure, finding, got, expected):
            return run.confirmed_by(failure)
        if run.tolerant:
            continue  # a consequence, perhaps, of what was passed over
        if not run.degenerate and _own(failure, run):
            return run.confirmed_by(failure)
    if run.ok("forward"):
        equal = _equal_sizes(run)
        if equal:
            return run.inconclusive("degenerate-input", equal)
        if run.arguments_from == "synthesised" and _literal(finding):
            return run.inconclusive("degenerate-input", "the arguments were made up")
        return run.refuted(finding, f"line {finding.place.line} ran and torch raised nothing")
    return None


def _too_few_rows(failure: Failure, finding: Finding) -> bool:
    """An Embedding whose weight the finding's line replaced refuses ids that it promises."""
    return (
        "index out of range in self" in failure.text
        and not failure.repaired
        and bool(set(own_lines(finding)) & set(failure.parameter_lines))
    )


_NORMALISED = re.compile(r"normalized_shape=\[(\d+)\].*input of size\[([\d, ]+)\]")


def _normalised_elsewhere(failure: Failure, expected: int | None) -> bool:
    """LayerNorm over the last dimension although its size stands in another one."""
    found = _NORMALISED.search(failure.text)
    if found is None or int(found[1]) != expected:
        return False
    sizes = [int(size) for size in found[2].split(",")]
    return expected in sizes[1:-1] and sizes[-1] != expected


def _same_layer(failure: Failure, finding: Finding, run: Run, got: int, expected: int) -> bool:
    """The finding's own layer and one of its sizes, where the run's arguments are others.

    The static part tries values for a constructor's arguments as the verifier does; the two
    need not have tried the same.
    """
    attribute = str(finding.details.get("attribute") or "")
    pairs = contradiction(failure.text)
    return (
        run.arguments_from == "synthesised"
        and any(name and value not in (got, expected) for name, value in run.arguments.items())
        and bool(attribute)
        and f".{attribute}." in f".{failure.layer}."
        and failure.passes(all_lines(finding))
        and any({one, other} & {got, expected} for one, other in pairs)
        and not _of_input(failure, run)
    )


def contests(run: Run) -> bool:
    """Whether the run raised a shape error that no made-up input explains.

    Then another run of the same class that went well does not refute the finding.
    """
    given = {size for shape in run.input_shapes for size in shape}
    return any(
        is_shape_error(failure)
        and not failure.repaired
        and _own(failure, run)
        and not any(given & {*pair} for pair in contradiction(failure.text))
        for failure in (*run.failures, *run.tried)
    )


def _literal(finding: Finding) -> bool:
    """Sizes that the static part knows as numbers may hold for one call of the class only."""
    return isinstance(finding.details.get("got"), int)


def _equal_sizes(run: Run) -> str:
    """Arguments that are equal by accident hide a mismatch (a transposition above all)."""
    seen: dict[int, str] = {}
    for name, size in run.arguments.items():
        if isinstance(size, int) and size > 3:
            if size in seen:
                return f"{seen[size]} and {name} are both {size}"
            seen[size] = name
    return ""
