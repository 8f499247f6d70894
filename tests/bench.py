"""What lint-params costs, beside other tools on the same files in the same run.

    python tests/bench.py            measure, print the tables
    python tests/bench.py --write    keep the result, and put the tables into compare/README.md
    python tests/bench.py --render   the tables anew from the result that was kept
    python tests/bench.py --quick    less of everything, to see that it works
    python tests/bench.py --only growth start    these parts, with --write into what was kept

CPU seconds are of a command and all that it starts, on any number of cores; the peak is that of
its largest process. Every command runs several times, in turns with the others, and the medians
are shown. The parts: ``library`` (cold, and again with the cache), ``file`` (one command a file,
and what the plugin adds to flake8), ``classes`` (what shapes take, class by class), ``start``,
``verify``, ``growth`` (sizes that double) and ``memory`` (transformers, the largest library). Tools
and sources are kept as tests/peers.py has them.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from compare import measures, tables
from compare.tools import Bench
from support import ROOT

sys.path.append(str(Path(__file__).parent / "sweep"))
from libraries import cache_folder, pinned, sources

RESULT = ROOT / "tests" / "compare" / "bench.json"
PAGE = ROOT / "tests" / "compare" / "README.md"
KEYS = ["flake8", "flake8-lint-params", "torchfix", "ruff-default", "pyrefly"]
SIZES = [16, 32, 64, 128, 256]
Part = dict[str, Any]


def library(bench: Bench, quick: bool) -> Part:
    timm = pinned()["timm"]
    folder = sources(timm, bench.cache)
    target = "timm/layers" if quick else "timm"
    found = measures.library(bench, folder, target, KEYS, 1 if quick else 3)
    return {"name": f"{target} {timm.version}", **found}


def file(bench: Bench, quick: bool) -> Part:
    folder = sources(pinned()["timm"], bench.cache) / "timm"
    files = [path for path in sorted(folder.rglob("*.py")) if b"torch" in path.read_bytes()]
    some = files[:: len(files) // (3 if quick else 11)]
    inside = measures.per_file(files[:40] if quick else files)
    return {**measures.one_file(bench, some, KEYS), "inside": inside}


def classes(bench: Bench, quick: bool) -> Part:
    timm = pinned()["timm"]
    files = sorted((sources(timm, bench.cache) / "timm").rglob("*.py"))
    return {"name": f"timm {timm.version}", **measures.per_class(files[:40] if quick else files)}


def start(bench: Bench, quick: bool) -> Part:
    return measures.start(bench, KEYS, 2 if quick else 7)


def verify(bench: Bench, quick: bool) -> Part:
    return measures.verify(1 if quick else 3, quick)


def growth(bench: Bench, quick: bool) -> Part:
    return {"series": measures.growth(SIZES[:3] if quick else SIZES)}


def memory(bench: Bench, quick: bool) -> Part:
    big = pinned()["transformers"]
    folder = sources(big, bench.cache)
    target = "transformers/models/bert" if quick else "transformers"
    return {"name": f"{target} {big.version}", **measures.large(folder, target)}


PARTS: dict[str, Callable[[Bench, bool], Part]] = {
    "library": library, "file": file, "classes": classes, "start": start, "verify": verify, "growth": growth, "memory": memory,
}  # fmt: skip


def _costs(rows: Sequence[Part], unit: float = 1.0) -> str:
    """Against lint-params, which comes first; ``unit`` 1000 shows milliseconds."""
    name = "s" if unit == 1 else "ms"
    shown = tables.seconds if unit == 1 else lambda value: f"{value:.0f}"
    first = next(row for row in rows if row["title"] == "lint-params")
    cells = [
        [row["title"], shown(unit * row["cpu"]), shown(unit * row["wall"]), tables.megabytes(row["peak"]),
         f"{row['cpu'] / first['cpu']:.2f}", str(row["runs"])]
        for row in rows
    ]  # fmt: skip
    return tables.table(["", f"CPU {name}", f"wall {name}", "peak MB", "CPU, ratio", "runs"], cells)


def _library(part: Part) -> Iterable[str]:
    yield f"### A library\n\n{part['name']}, {part['files']} files, {part['lines']:,} lines.\n\n"
    yield _costs(part["rows"])
    yield from (f"\n{line}\n" for line in part["cannot"])


def _file(part: Part) -> Iterable[str]:
    yield f"### One file\n\nA command for each of {part['files']} files of timm: the medians.\n\n"
    yield _costs(part["rows"], 1000)
    inside = part["inside"]
    rows = [
        [title, *(f"{inside[kind][key]:.0f}" for key in ("p50", "p95", "most"))]
        for kind, title in (("together", "in one run over all"), ("alone", "each file alone"))
    ]
    yield f"\nWhat the plugin adds to flake8, over {inside['files']} files, CPU ms:\n\n"
    yield tables.table(["", "p50", "p95", "most"], rows)


def _classes(part: Part) -> Iterable[str]:
    yield f"### Classes\n\nWhat shapes take for each of the {part['classes']:,} Module classes of {part['name']}, CPU ms:\n\n"
    names = ["mean", "p50", "p95", "p99", "most"]
    yield tables.table(["", *names], [["lint-params", *(f"{part[name]:.1f}" for name in names)]])


def _start(part: Part) -> Iterable[str]:
    yield "### Start\n\nThe version, then a file of one line.\n\n"
    yield _costs(part["version"], 1000)
    yield "\n" + _costs(part["tiny"], 1000)


def _verify(part: Part) -> Iterable[str]:
    yield f"### Verify\n\nThe {part['files']} twins with a mistake in `fixtures/shapes`.\n\n"
    yield _costs(part["rows"])
    for after in [part["after"]] if "after" in part else []:
        yield (
            f"\n{after['findings']} findings from all fixtures: torch is imported in {after['start']:.1f} s, then they take "
            f"{after['wall']:.1f} s of wall time ({after['cpu']:.1f} s of CPU in all, at a load of {after['load']:.1f}); "
            f"{after['confirmed']} are confirmed.\n"
        )


def _growth(part: Part) -> Iterable[str]:
    points = part["series"][0]["points"]
    yield "### Growth\n\nCPU ms, and what a doubling costs at the end; linear is 2.\n\n"
    rows = []
    for series in part["series"]:
        cpu = [point["cpu"] for point in series["points"]]
        rows.append([series["series"], *(f"{1000 * value:.0f}" for value in cpu), f"{cpu[-1] / cpu[-2]:.1f}"])
    yield tables.table(["", *(str(point["size"]) for point in points), "× a doubling"], rows)


def _memory(part: Part) -> Iterable[str]:
    yield f"### Memory\n\n{part['name']}, {part['files']} files, {part['lines']:,} lines.\n\n"
    yield _costs(part["rows"])


SHOWN = {
    "library": _library, "file": _file, "classes": _classes, "start": _start, "verify": _verify, "growth": _growth, "memory": _memory,
}  # fmt: skip


def rendered(result: Part) -> str:
    shown = ""
    for name in (name for name in PARTS if name in result):
        title, _, rest = "".join(SHOWN[name](result[name])).partition("\n\n")
        shown += f"{title}\n\n{rest}\n{result[name]['when']}.\n\n"
    return shown


def kept() -> Part:
    return json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="less of everything")
    parser.add_argument("--write", action="store_true", help="keep the result and the page's tables")
    parser.add_argument("--render", action="store_true", help="only the page's tables, from the last result")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="some parts")
    parser.add_argument("--cache", type=Path, help="where tools and sources are kept")
    args = parser.parse_args()
    if args.write and args.quick:
        parser.error("--write keeps whole parts")
    if args.render:
        tables.write(PAGE, "bench", rendered(kept()))
        return 0
    bench = Bench(args.cache or cache_folder())
    when = f"{datetime.date.today().isoformat()}, Python {platform.python_version()}, torch {version('torch')}, {os.cpu_count()} cores"
    result: Part = {}
    for name in args.only:
        print(f"{name} ...", file=sys.stderr, flush=True)
        result[name] = {"when": when, **PARTS[name](bench, args.quick)}
    print(rendered(result))
    if args.write:
        result = kept() | result
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        tables.write(PAGE, "bench", rendered(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
