"""What the sweep prints: two runs compared, a table of libraries, what nobody judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from judgements import UNJUDGED, VERDICTS, Judgement, Key, no_longer_found, verdict, verdicts
from linting import Run

Found = Mapping[Key, str]


def shown(key: Key, message: str) -> str:
    return f"  {key.library}: {key.file}:{key.line}: {key.code} {message}"


def shortened(keys: Iterable[Key], texts: Mapping[Key, str], most: int) -> Iterator[str]:
    """Rule by rule, at most so many lines of each, then how many more there are."""
    by_rule = sorted(keys, key=lambda key: (key.code, key))
    for code, group in groupby(by_rule, key=lambda key: key.code):
        own = list(group)
        yield f" {code}: {len(own)}"
        yield from (shown(key, texts[key]) for key in own[:most])
        if len(own) > most:
            yield f"  ... and {len(own) - most} more of {code}"


def changes(base: Found, head: Found, judged: dict[Key, Judgement], most: int) -> Iterator[str]:
    """Added, Removed, and Changed: the same finding in other words."""
    changed = {key for key in base.keys() & head.keys() if base[key] != head[key]}
    words = {key: f"{base[key]} -> {head[key]}" for key in changed}
    for title, keys, texts in (
        ("Added", head.keys() - base.keys(), head),
        ("Removed", base.keys() - head.keys(), base),
        ("Changed", changed, words),
    ):
        counts = verdicts(keys, judged)
        yield f"{title}: {len(keys)}" + (f" ({listed(counts)})" if keys else "")
        said = {key: f"{texts[key]} [{verdict(key, judged)}]" for key in keys}
        yield from shortened(keys, said, most)


def crash_changes(base: Iterable[str], head: Iterable[str], most: int) -> Iterator[str]:
    """Crashes are no findings: they are compared apart, by their text."""
    before, now = set(base), set(head)
    for title, texts in (("New crashes", now - before), ("Crashes mended", before - now)):
        yield f"{title}: {len(texts)}"
        yield from (f"  {text}" for text in sorted(texts)[:most])
        if len(texts) > most:
            yield f"  ... and {len(texts) - most} more"


def unsettled(
    found: Found, judged: dict[Key, Judgement], swept: set[tuple[str, str]], most: int
) -> Iterator[str]:
    """What a person has to look at: findings without a judgement, true ones that are gone."""
    unjudged = [key for key in found if key not in judged]
    yield f"Without a judgement: {len(unjudged)}"
    yield from shortened(unjudged, found, most)
    gone = no_longer_found(found, judged, swept)
    lost = {key: judged[key].why for key in gone if judged[key].verdict == "true"}
    yield f"True, and no longer found: {len(lost)}"
    yield from shortened(lost, lost, most)


def trouble(runs: Mapping[str, Run]) -> Iterator[str]:
    for name, run in runs.items():
        yield from (f"{name}: crash: {crash}" for crash in run.crashes)
        yield from (f"{name}: out of time: {file}" for file in run.late)


def listed(counts: Mapping[str, int]) -> str:
    names = [name for name in (*VERDICTS, UNJUDGED) if counts.get(name)]
    return ", ".join(f"{counts[name]} {name}" for name in names) or "none"


HEADINGS = ("library", "files", "lines", *VERDICTS, UNJUDGED, "late", "crashes", "CPU s", "base")


def table(
    runs: Mapping[str, Run], base: Mapping[str, Run], tallies: Mapping[str, Counter[str]]
) -> Iterator[str]:
    """A row for each library, and one for all of them."""
    rows = [
        line(name, [run], [base[name]] if base else [], tallies[name]) for name, run in runs.items()
    ]
    total = sum(tallies.values(), Counter())
    rows.append(line("in all", runs.values(), base.values(), total))
    widths = [max(map(len, column)) for column in zip(HEADINGS, *rows)]
    for row in (HEADINGS, *rows):
        cells = [cell.rjust(width) for cell, width in zip(row, widths)]
        cells[0] = row[0].ljust(widths[0])
        yield "  ".join(cells).rstrip()


def line(
    name: str, runs: Iterable[Run], base: Iterable[Run], tally: Counter[str]
) -> tuple[str, ...]:
    own, old = list(runs), list(base)
    return (
        name,
        f"{sum(run.files for run in own):,}",
        f"{sum(run.lines for run in own):,}",
        *(str(tally[word]) for word in (*VERDICTS, UNJUDGED)),
        str(sum(len(run.late) for run in own)),
        str(sum(len(run.crashes) for run in own)),
        f"{sum(run.cpu for run in own):.1f}",
        f"{sum(run.cpu for run in old):.1f}" if old else "",
    )
