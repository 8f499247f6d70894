"""Sizes in messages stay readable."""

from lint_params.shape.sizes.dim import add, mul, symbol
from lint_params.shape.sizes.shown import LONGEST, short


def test_a_size_is_cut_where_nobody_would_read_on() -> None:
    size = symbol("window_size", "argument", 1)
    assert short(mul(2, size)) == "2*window_size"
    long = size
    for number in range(3, 12):
        long = add(long, mul(number, symbol(f"window_height_{number}", "argument", 1)))
    assert len(str(long)) > LONGEST
    assert len(short(long)) == LONGEST and short(long).endswith("...")


def test_what_is_no_size_is_written_as_it_is() -> None:
    assert short(None) == "None" and short(12) == "12"
