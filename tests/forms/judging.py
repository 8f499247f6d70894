"""What the linter says of a variant, beside what it says of the origin."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from sets import Source
from variant import Lines

from lint_params import registry
from lint_params.config import Config
from lint_params.rule import Status
from lint_params.runner import Linter


class Found(NamedTuple):
    """A finding: ``lines`` are those of the original that its line comes from."""

    code: str
    lines: frozenset[int]
    place: str
    message: str


@dataclass
class Variant:
    """One source in one form (or several, joined by ``+``)."""

    source: Source
    name: str
    files: dict[str, str]
    lines: dict[str, Lines]
    module: str
    origin: Variant | None = None
    findings: list[Found] = field(default_factory=list)
    lost: list[Found] = field(default_factory=list)
    new: list[Found] = field(default_factory=list)
    moved: int = 0
    outcome: str = ""

    @property
    def id(self) -> str:
        return hashlib.sha1(f"{self.source.set} {self.source.name} {self.name}".encode()).hexdigest()[:16]

    @property
    def means_the_same(self) -> bool:
        """Whether torch ran both alike: both well, or with one kind of exception."""
        return self.origin is None or not self.outcome or _kind(self.outcome) == _kind(self.origin.outcome)


def _kind(outcome: str) -> str:
    return outcome.partition(":")[0].partition(" ")[0]


def written(variant: Variant, folder: Path) -> Path:
    place = folder / variant.id
    for path, text in variant.files.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(text, encoding="utf-8")
    return place


def linter_for(source: Source) -> Linter:
    """The default rules, and the one that the source is an example of."""
    rule = registry.load(source.rule) if source.rule else None
    return Linter(Config(extend_select=() if rule is None or rule.status is Status.RETIRED else (rule.code,)))


def lint(variant: Variant, linter: Linter, folder: Path) -> None:
    place = written(variant, folder)
    for path in variant.files:
        result = linter.lint_file(str(place / path))
        assert not result.crashes, (variant.source.name, variant.name, result.crashes)
        own = variant.lines.get(path)
        for finding in result.findings:
            line = finding.place.line
            lines = frozenset({-line}) if own is None else frozenset(own.get(line, ())) - {0}
            variant.findings.append(Found(finding.code, lines, f"{path}:{line}", finding.message))


def compare(variant: Variant) -> None:
    """What the origin has and the variant has not, and the other way round."""
    assert variant.origin is not None
    right = frozenset(variant.source.lines) if variant.source.wrong else frozenset()
    left = list(variant.findings)

    def alike(one: Found, other: Found) -> bool:
        near = one.lines & other.lines or (one.lines & right and other.lines & right)
        return one.code == other.code and bool(near)

    for old in variant.origin.findings:
        if not any(alike(old, one) for one in variant.findings):
            variant.lost.append(old)
        elif match := next((one for one in left if alike(old, one)), None):
            left.remove(match)
    variant.new = [one for one in left if not any(alike(one, old) for old in variant.origin.findings)]
    for old in list(variant.lost):  # told elsewhere, or by another rule
        again = next((one for one in variant.new if one.code == old.code or one.lines & old.lines), None)
        if again is not None:
            variant.lost.remove(old)
            variant.new.remove(again)
            variant.moved += 1


HEADS = ("files", "run", "other meaning", "findings", "moved", "lost", "new on wrong", "FALSE")


def tables(rows: Iterable[Variant]) -> str:
    """Counts by form, and by rule."""
    forms: dict[str, Counter[str]] = defaultdict(Counter)
    rules: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        count = forms["pairs" if "+" in row.name else row.name]
        if not row.means_the_same:
            count["other meaning"] += 1
            continue
        assert row.origin is not None
        count.update({"files": 1, "run": bool(row.outcome), "findings": len(row.origin.findings), "lost": len(row.lost)})
        count.update({"moved": row.moved, "new on wrong" if row.source.wrong else "FALSE": len(row.new)})
        for found in row.origin.findings:
            rules[found.code]["findings"] += 1
        for found in row.lost:
            rules[found.code].update(["lost", "by " + row.name])
    total: Counter[str] = sum(forms.values(), Counter())
    lines = [f"{'form':38}" + "".join(f"{head:>14}" for head in HEADS)]
    for name, count in [*sorted(forms.items(), key=lambda item: -item[1]["lost"]), ("all", total)]:
        lines.append(f"{name:38}" + "".join(f"{count[head]:>14}" for head in HEADS))
    for code, count in sorted(rules.items()):
        most = ", ".join(f"{name[3:]} {n}" for name, n in count.most_common(20) if name.startswith("by "))
        lines.append(f"{code} {count['lost']} of {count['findings']} {most}"[:400])
    return "\n".join(lines)
