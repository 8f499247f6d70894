"""Other tools on the same files in the same run: what each catches, what each says of sound code.

    python tests/peers.py                print the table
    python tests/peers.py --write        keep the result, and put the table into the README
    python tests/peers.py --render       the table anew from the result that was kept
    python tests/peers.py --only ruff    lint-params and some of the tools
    python tests/peers.py --mutants DIR  also what ``tests/mutants/mutants.py --write DIR`` made

The interpreter must have lint-params and torch. The tools are pinned in compare/tools.py and
installed, as the sources of the libraries are, into a cache outside of the repository
(``--cache``, else ``$LINT_PARAMS_SWEEP``, else the user's cache folder). Example cases are read
from ``../shared/cases`` where there are any; ``--cases`` names another folder.
compare/pairs.py says what counts as a catch.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from compare import mutants, pairs, tables
from compare.outputs import Said
from compare.pairs import Pair
from compare.tools import TOOLS, Bench, CannotRun, Tool
from support import FIXTURES, ROOT

sys.path.append(str(Path(__file__).parent / "sweep"))
from libraries import cache_folder, pinned, sources

RESULT = ROOT / "tests" / "compare" / "peers.json"
PEERS = ["lint-params", "torchfix", "ruff", "pyrefly", "pyrefly-torch-stubs", "mypy"]
SOUND = ["timm", "vit_pytorch"]
TITLES = {
    "cases": "mistakes that torch refuses, caught",
    "cases-silent": "mistakes that torch lets pass, caught",
    "twins": "twins in `fixtures/shapes`, caught",
    "pages": "first examples of our rules, caught",
    "mutants": "mutants of released classes, parameters, caught",
    "mutants-shape": "mutants of released classes, shapes, caught",
}
Result = dict[str, Any]


def staged(folder: Path, every: Sequence[Pair], sound: dict[str, str]) -> list[str]:
    """All files in one folder, under names that no two share."""
    for package in mutants.packages(every):
        mutants.copied(package, folder)
    files = dict(sound)
    for pair in every:
        files |= pair.files
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return sorted(files)


def by_file(said: Sequence[Said], root: Path) -> dict[str, list[Said]]:
    """By the path below ``root``; tools name files as they were given or absolutely."""
    found = defaultdict(list)
    for one in said:
        found[os.path.relpath(os.path.realpath(root / one.path), os.path.realpath(root))].append(one)
    return found


def judged(every: Sequence[Pair], sound: dict[str, str], found: dict[str, list[Said]]) -> Result:
    """The names of the mistakes that were caught, by group; sound files that something is said of."""
    caught = defaultdict(list)
    alarmed = [name for name in sound if found.get(name)]
    for pair in every:
        buggy, fixed = pair.files
        if pairs.caught(pair, found.get(buggy, []), found.get(fixed, [])):
            caught[pair.group].append(pair.name)
        if found.get(fixed) and not pair.original:  # what is said of libraries is counted apart
            alarmed.append(fixed)
    return {"caught": dict(caught), "alarmed": alarmed}


def told(bench: Bench, tool: Tool, every: Sequence[Pair], sound: dict[str, str]) -> Result:
    """What a tool says of all files in one run, and what that costs."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        done = bench.run(tool, root, staged(root, every, sound))
        found = by_file(tool.read(done.out), root)
    return {**judged(every, sound, found), "cost": done.cost.asdict()}


def measured(bench: Bench, key: str, every: Sequence[Pair], sound: dict[str, str]) -> Result:
    """All that is asked of a tool; what it could not do is missing, and said."""
    tool = TOOLS[key]
    row: Result = {"title": tool.title, "version": tool.version, "how": tool.how, "libraries": {}}
    try:
        row |= told(bench, tool, [pair for pair in every if not pair.original], sound)
        if changed := [pair for pair in every if pair.original]:
            row["caught"] |= told(bench, tool, changed, {})["caught"]
        for library in SOUND:
            folder = sources(pinned()[library], bench.cache)
            done = bench.run(tool, folder, ["."])
            row["libraries"][library] = {"said": len(tool.read(done.out)), **done.cost.asdict()}
    except CannotRun as error:
        row["cannot"] = str(error)
    return row


def rendered(result: Result) -> str:
    """The table and what is needed to read it."""
    tools = result["tools"]
    head = ["", *(tool["title"] for tool in tools)]
    rows = [["version", *(tool["version"] for tool in tools)]]
    for group, count in result["pairs"].items():
        title = f"{TITLES.get(group, group)}, of {count}"
        rows.append([title, *(_cell(tool, lambda t: len(t["caught"].get(group, []))) for tool in tools)])
    alarmed = f"sound files that it says something of, of {result['sound']}"
    rows.append([alarmed, *(_cell(tool, lambda t: len(t["alarmed"])) for tool in tools)])
    for library, name in result["libraries"].items():
        rows.append([f"findings in {name}", *(_of(tool, library, "said", str) for tool in tools)])
    rows.append(["CPU s, the files above", *(_cell(t, lambda t: tables.seconds(t["cost"]["cpu"])) for t in tools)])
    for library, name in result["libraries"].items():
        rows.append([f"CPU s, {name}", *(_of(tool, library, "cpu", tables.seconds) for tool in tools)])
    for library, name in list(result["libraries"].items())[:1]:
        rows.append([f"peak MB, {name}", *(_of(tool, library, "peak", tables.megabytes) for tool in tools)])
    how = "; ".join(f"{tool['title']}: {tool['how']}" for tool in tools)
    text = tables.table(head, rows) + f"\n{result['date']}, {result['machine']}. {how}.\n"
    for tool in tools:
        if "cannot" in tool:
            text += f"{tool['title']} could not run: {tool['cannot']}.\n"
    return text


def _cell(tool: Result, read: Any) -> str:
    return "–" if "cost" not in tool else str(read(tool))


def _of(tool: Result, library: str, key: str, shown: Any) -> str:
    row = tool["libraries"].get(library)
    return shown(row[key]) if row else "–"


def show(result: Result) -> None:
    tables.write(ROOT / "README.md", "peers", rendered(result))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="keep the result and the README's table")
    parser.add_argument("--render", action="store_true", help="only the README's table, from the last result")
    parser.add_argument("--only", nargs="+", choices=PEERS[1:], help="some of the tools")
    parser.add_argument("--cases", type=Path, default=pairs.CASES, help="a folder of example cases")
    parser.add_argument("--mutants", type=Path, metavar="DIR", help="mutants that were written")
    parser.add_argument("--count", type=int, default=200, help="how many of the mutants")
    parser.add_argument("--cache", type=Path, help="where tools and sources are kept")
    args = parser.parse_args()
    if args.write and args.only:
        parser.error("--write keeps a whole run")
    if args.render:
        show(json.loads(RESULT.read_text(encoding="utf-8")))
        return 0
    bench = Bench(args.cache or cache_folder())
    every = [*pairs.cases(args.cases / "bugs", "cases"), *pairs.twins(), *pairs.pages()]
    if args.mutants:
        every += mutants.mutants(args.mutants, args.count)
    sound = pairs.clean([args.cases / "clean"]) | pairs.clean([FIXTURES / "models"])
    counts: dict[str, int] = {}
    for group in sorted({pair.group for pair in every}, key=[*TITLES].index):
        counts[group] = sum(pair.group == group for pair in every)
    result: Result = {
        "date": datetime.date.today().isoformat(),
        "machine": f"Python {platform.python_version()}, torch {version('torch')}, {os.cpu_count()} cores",
        "pairs": counts,
        "sound": sum(not pair.original for pair in every) + len(sound),
        "libraries": {name: f"{name} {pinned()[name].version}" for name in SOUND},
        "tools": [],
    }
    for key in PEERS:
        if args.only and key not in ("lint-params", *args.only):
            continue
        result["tools"].append(measured(bench, key, every, sound))
        print(key, json.dumps(result["tools"][-1])[:200], file=sys.stderr)
    print(rendered(result))
    if args.write:
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        show(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
