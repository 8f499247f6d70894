"""What a person said about findings: ``judged.csv``, matched with what a run finds.

Verdicts: ``true`` (a mistake), ``arguable`` (works, or cannot be reached, and a reader may still
want to know), ``false`` (an alarm that should not be). A judgement is of one line of one version
of a library; it says nothing about another version.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, TextIO

JUDGED = Path(__file__).resolve().parent / "judged.csv"
FIELDS = ["library", "version", "file", "line", "code", "verdict", "why"]
VERDICTS = ("true", "arguable", "false")
UNJUDGED = "unjudged"


class Key(NamedTuple):
    """One finding of one release; its message may change."""

    library: str
    version: str
    file: str
    line: int
    code: str


class Judgement(NamedTuple):
    verdict: str
    why: str


def judgements(path: Path = JUDGED) -> dict[Key, Judgement]:
    """All of them; a row that is double or has another verdict is a mistake in the file."""
    said: dict[Key, Judgement] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            key = Key(row["library"], row["version"], row["file"], int(row["line"]), row["code"])
            if key in said or row["verdict"] not in VERDICTS or not row["why"]:
                raise SystemExit(f"{path.name}: {','.join(map(str, key))}: double, or no judgement")
            said[key] = Judgement(row["verdict"], row["why"])
    return said


def verdict(key: Key, judged: dict[Key, Judgement]) -> str:
    return judged[key].verdict if key in judged else UNJUDGED


def verdicts(found: Iterable[Key], judged: dict[Key, Judgement]) -> Counter[str]:
    return Counter(verdict(key, judged) for key in found)


def no_longer_found(
    found: Iterable[Key], judged: dict[Key, Judgement], swept: set[tuple[str, str]]
) -> list[Key]:
    """Judged before, in a release that was swept now, and not reported any more."""
    missing = judged.keys() - set(found)
    return sorted(key for key in missing if (key.library, key.version) in swept)


def write(found: Iterable[Key], judged: dict[Key, Judgement], file: TextIO) -> None:
    """The findings in the form of ``judged.csv``; where nobody judged, two cells are empty."""
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(FIELDS)
    for key in sorted(found):
        rows.writerow([*key, *judged.get(key, ("", ""))])
