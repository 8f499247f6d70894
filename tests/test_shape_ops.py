"""Every op: its examples, symbolically and with torch, agree on what is accepted and refused."""

from __future__ import annotations

from collections import defaultdict

import pytest
import torch
from shape_examples import Symbolic, differences, real, refusal

from lint_params.shape import ops

ops.load()

#: Ops one of whose sizes is a matter of the data.
SIZES_FROM_DATA = {
    "torch.nn.functional.one_hot": "the largest class, without num_classes",
    "torch.nn.utils.rnn.pack_padded_sequence": "the sum of the lengths",
    "torch.nn.utils.rnn.pad_packed_sequence": "the largest length",
    "torch.nn.utils.rnn.pack_sequence": "the sum of the lengths",
    "torch.nn.utils.rnn.pad_sequence": "the largest length",
}

#: Ops that torch refuses for no shape of the examples' kinds: they take what comes.
WITHOUT_CONDITION = {
    "torch.nn.Identity",
    "torch.nn.Transformer.generate_square_subsequent_mask",
    "torch.nn.functional.one_hot",
    "torch.nn.utils.rnn.pack_sequence",
    "torch.nn.utils.rnn.pad_packed_sequence",
    "torch.nn.utils.rnn.pad_sequence",
    *(
        f"torch.nn.functional.{name}_"
        for name in ["relu", "elu", "celu", "selu", "hardtanh", "leaky_relu", "rrelu", "threshold"]
    ),
}

SPECS = [
    (name, spec)
    for name, spec in sorted({**ops.LAYERS, **ops.FUNCTIONS}.items())
    if name.startswith("torch.nn")
]
ACCEPTS = [(name, text) for name, spec in SPECS for text in spec.accepts]
REJECTS = [(name, text) for name, spec in SPECS for text in spec.rejects]


@pytest.mark.parametrize(("name", "text"), ACCEPTS)
def test_accepted_with_the_shape_that_torch_gives(name: str, text: str) -> None:
    run = Symbolic()
    value = run.run(text)
    assert not run.refuted(), run.refuted()[0].text
    torch.manual_seed(0)
    found = differences(value, real(text), run.number)
    if name in SIZES_FROM_DATA:
        found = [line for line in found if "unknown sizes" not in line]
    assert not found


LINES = defaultdict[str, str](str)


@pytest.mark.parametrize(("name", "text"), REJECTS)
def test_refused_by_both(name: str, text: str) -> None:
    torch.manual_seed(0)
    assert refusal(text) is not None, "torch accepts it"
    run = Symbolic()
    run.run(text)
    refuted = run.refuted()
    assert len(refuted) == 1, "one cause, one finding"
    message = refuted[0]
    message.text.format(
        name=message.name, expected=message.expected, got=message.got, built="", source="", at=LINES
    )


@pytest.mark.parametrize(("name", "spec"), SPECS)
def test_every_op_has_an_accepting_example(
    name: str, spec: ops.LayerSpec | ops.FunctionSpec
) -> None:
    assert spec.accepts


@pytest.mark.parametrize(("name", "spec"), SPECS)
def test_every_op_with_a_condition_has_a_rejecting_example(
    name: str, spec: ops.LayerSpec | ops.FunctionSpec
) -> None:
    assert bool(spec.rejects) != (name in WITHOUT_CONDITION)


def test_a_text_of_the_source_does_not_break_the_message() -> None:
    run = Symbolic()
    run.run("nn.Conv2d(3, 4, 3, padding_mode='{0}')")
    assert "'{0}'" in run.refuted()[0].text.format(
        name="", expected="", got="", built="", source=""
    )
