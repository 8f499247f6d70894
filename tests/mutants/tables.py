"""The tables: caught of valid, by mistake and by library."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Json = dict[str, Any]


def tables(rows: list[Json], seed: int, missed: bool) -> str:
    parts = [f"seed {seed}: {_share(rows)}"]
    parts.append(_table("mistake", rows, lambda row: f"{row['kind']}: {row['mistake']}"))
    parts.append(_table("kind", rows, _kind))
    parts.append(_table("library", rows, lambda row: row["library"]))
    shapes = [row for row in rows if row["kind"] == "shape"]
    parts.append(_table("shapes of", shapes, lambda row: row["library"]))
    if missed:
        parts += ["missed:", *(_missed(row) for row in rows if not row["caught"])]
    return "\n\n".join(parts)


def _kind(row: Json) -> str:
    if row["kind"] == "shape":
        return "shape, literal" if row["literal"] else "shape, symbolic"
    return str(row["kind"])


def _share(rows: Iterable[Json]) -> str:
    rows = list(rows)
    caught = sum(row["caught"] for row in rows)
    return f"{caught} of {len(rows)} caught, {100 * caught / max(1, len(rows)):.1f}%"


def _table(title: str, rows: list[Json], of: Callable[[Json], str]) -> str:
    groups: dict[str, list[Json]] = {}
    for row in rows:
        groups.setdefault(of(row), []).append(row)
    lines = [f"{title:50} valid caught     %  preview  elsewhere"]
    for name in sorted(groups):
        group = groups[name]
        caught = sum(row["caught"] for row in group)
        preview = sum(row["preview"] for row in group)
        elsewhere = sum(row["elsewhere"] for row in group)
        share = 100 * caught / len(group)
        lines.append(f"{name:50} {len(group):5} {caught:6} {share:5.1f} {preview:8} {elsewhere:10}")
    return "\n".join(lines)


def _missed(row: Json) -> str:
    place = f"{row['path']}:{','.join(map(str, row['lines']))}"
    first = row["lines"][0] if row["lines"] else 1
    text = row["text"].splitlines()[first - 1].strip()
    where = f" raised at {row['raised']}" if row["raised"] else ""
    said = "".join(f"\n    said {f['line']}: {f['code']} {f['message']}" for f in row["findings"])
    return f"{row['id']} {row['mistake']} in {row['subject']}\n  {place}\n    {text}\n    {row['how']}{where}{said}"
