"""What torch said of findings in published libraries, and what a reader said of that.

``verdicts.csv`` has a row for each finding that ``verdicts.py --write`` has run: the verdict,
the reason of an inconclusive one, the device, and under ``reader`` the judgement of a person
who opened the source at the line: ``right`` or ``wrong`` with why. Every confirmed and every
refuted row has one. A row is of one line of one version of a library. The table has the findings
of ``judged.csv`` and all that any rule finds in timm and segmentation_models_pytorch; it was made
with torch 2.14.1, most of what the libraries need, and ``--timeout 30``. What they need and is not
there is an import-failed or construct-failed, and may be another one elsewhere.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from judgements import Key

TABLE = Path(__file__).resolve().parent / "verdicts.csv"
FIELDS = [*Key._fields, "verdict", "reason", "device", "reader"]
DECIDED = ("confirmed", "refuted")


class Row(NamedTuple):
    verdict: str
    reason: str
    device: str
    reader: str = ""

    @property
    def end(self) -> str:
        return self.reason or self.verdict


def row_of(proof: Any) -> Row:
    """The row of a finding's ``verification``, which nobody has read yet."""
    verdict = proof.verdict.value
    reason = "" if verdict in DECIDED else proof.evidence.partition("\n")[0].partition(":")[0]
    return Row(verdict, reason, proof.device)


def read(path: Path = TABLE) -> dict[Key, Row]:
    """All rows; one that is double, or decided and without a reader, is a mistake in the file."""
    rows: dict[Key, Row] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for cells in csv.DictReader(file):
            key = Key(*(cells[name] for name in Key._fields[:3]), int(cells["line"]), cells["code"])
            row = Row(*(cells[name] for name in Row._fields))
            judged = row.reader.startswith(("right: ", "wrong: "))
            if key in rows or row.verdict in DECIDED and not judged:
                raise SystemExit(f"{path.name}: {','.join(map(str, key))}: double, or nobody read it")
            rows[key] = row
    return rows


def write(rows: Mapping[Key, Row], read_before: Mapping[Key, Row], file: TextIO) -> None:
    """The rows; what was said of the same verdict is kept."""
    out = csv.writer(file, lineterminator="\n")
    out.writerow(FIELDS)
    for key, row in sorted(rows.items()):
        old = read_before.get(key)
        if old is not None and old.verdict == row.verdict:
            row = row._replace(reader=old.reader)
        out.writerow([*key, *row])


def differences(before: Mapping[Key, Row], now: Mapping[Key, Row]) -> Iterator[str]:
    """What another run says otherwise; a reason counts, a device does not."""
    for key in sorted(before.keys() | now.keys()):
        old, new = before.get(key), now.get(key)
        said = f"{key.library} {key.version} {key.file}:{key.line} {key.code}: "
        if new is None:
            yield f"{said}{old.end if old else ''} before, not found any more"
        elif old is None:
            yield f"{said}{new.end}, not in the table"
        elif old.end != new.end:
            yield f"{said}{old.end} before, {new.end} now"


def summary(rows: Mapping[Key, Row]) -> Iterator[str]:
    """Counts per rule and of all."""
    by_code: dict[str, Counter[str]] = defaultdict(Counter)
    for key, row in rows.items():
        by_code[key.code][row.end] += 1
    for code, counts in sorted(by_code.items()):
        yield f"{code}: {_listed(counts)}"
    yield f"all {len(rows)}: {_listed(Counter(row.end for row in rows.values()))}"


def _listed(counts: Counter[str]) -> str:
    ends: Iterable[tuple[str, int]] = counts.most_common()
    return ", ".join(f"{end} {n}" for end, n in ends)
