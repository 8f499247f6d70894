"""``verdicts.csv`` itself, and how it is read, written and compared."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from judgements import Key
from verdict_table import DECIDED, FIELDS, Row, differences, read, row_of, summary, write

from lint_params.evidence import Outcome, Verification
from lint_params.trace import REASONS


def key(line: int, code: str = "LP401") -> Key:
    return Key("zoo", "1.0", "zoo/net.py", line, code)


def test_the_table_is_large_and_varied_and_a_reader_agrees() -> None:
    rows = read()
    assert len(rows) >= 100
    assert sum(at.code == "LP209" for at in rows) * 2 <= len(rows)
    assert len({at.library for at in rows}) >= 20
    assert not [at for at, row in rows.items() if row.reader.startswith("wrong")]
    assert all(row.verdict in DECIDED or row.reason in REASONS for row in rows.values())
    assert sum(row.verdict == "confirmed" for row in rows.values()) * 2 > len(rows)


def test_a_row_says_the_verdict_or_its_reason() -> None:
    shown = Verification(Outcome.CONFIRMED, "RuntimeError: (5x2 and 3x4)\nsnippet", "cpu")
    assert row_of(shown) == Row("confirmed", "", "cpu")
    unknown = Verification(Outcome.INCONCLUSIVE, "construct-failed: no: way\nsnippet", "meta")
    assert row_of(unknown) == Row("inconclusive", "construct-failed", "meta")
    assert row_of(unknown).end == "construct-failed"


def test_what_was_said_of_the_same_verdict_is_kept() -> None:
    before = {key(1): Row("confirmed", "", "cpu", "right: it is"), key(2): Row("refuted", "", "cpu", "wrong: no")}
    now = {key(2): Row("confirmed", "", "cpu"), key(1): Row("confirmed", "", "cuda")}
    out = io.StringIO()
    write(now, before, out)
    lines = out.getvalue().splitlines()
    assert lines == [
        ",".join(FIELDS),
        "zoo,1.0,zoo/net.py,1,LP401,confirmed,,cuda,right: it is",
        "zoo,1.0,zoo/net.py,2,LP401,confirmed,,cpu,",
    ]


@pytest.mark.parametrize("reader", ["", "fine"])
def test_nothing_decided_goes_unread(tmp_path: Path, reader: str) -> None:
    path = tmp_path / "verdicts.csv"
    with path.open("w", encoding="utf-8") as file:
        write({key(1): Row("refuted", "", "cpu", reader)}, {}, file)
    with pytest.raises(SystemExit, match="nobody read it"):
        read(path)


def test_another_run_is_compared_by_verdict_and_reason() -> None:
    before = {key(n): Row("confirmed", "", "cpu", "right: x") for n in (1, 2, 3)}
    now = {
        key(1): Row("confirmed", "", "cuda"),
        key(2): Row("inconclusive", "timeout", "cpu"),
        key(4): Row("refuted", "", "cpu"),
    }
    assert list(differences(before, now)) == [
        "zoo 1.0 zoo/net.py:2 LP401: confirmed before, timeout now",
        "zoo 1.0 zoo/net.py:3 LP401: confirmed before, not found any more",
        "zoo 1.0 zoo/net.py:4 LP401: refuted, not in the table",
    ]
    assert list(summary(now)) == [
        "LP401: confirmed 1, timeout 1, refuted 1",
        "all 3: confirmed 1, timeout 1, refuted 1",
    ]
