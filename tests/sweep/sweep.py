"""Lint released libraries, and hold the findings against what a person said about them.

    python tests/sweep/sweep.py                      all pinned libraries
    python tests/sweep/sweep.py timm kornia          some of them
    python tests/sweep/sweep.py --base HEAD~5 timm   what changed since a revision
    python tests/sweep/sweep.py --folder PATH        any other sources

The sources come from the package index, by the names and versions of ``libraries.csv``, into a
cache outside of the repository (``--cache``, else ``$LINT_PARAMS_SWEEP``, else the user's cache
folder); nothing is installed or imported. Every file has a time limit (``--limit`` seconds of
CPU).

Printed: with ``--base`` what is Added, Removed and Changed, rule by rule, long lists cut with a
count, crashes apart; findings that nobody judged; true ones that are no longer found; a table of
the libraries with their lines, verdicts and CPU seconds. Exit status 1: something is without a
judgement, is judged false, or crashed. ``--write FILE`` has the findings as rows for
``judged.csv``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from judgements import UNJUDGED, Key, judgements, verdicts, write
from libraries import Library, cache_folder, pinned, sources
from linting import Run, ask, linter_of, working_tree
from report import changes, crash_changes, listed, table, trouble, unsettled


def findings(library: Library, run: Run) -> dict[Key, str]:
    return {
        Key(library.name, library.version, *where): message
        for where, message in run.findings.items()
    }


def options(libraries: Iterable[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("libraries", nargs="*", help="which of the pinned ones; all by default")
    parser.add_argument("--folder", type=Path, action="append", default=[], help="lint this, too")
    parser.add_argument("--base", metavar="REV", help="compare with the linter of a revision")
    parser.add_argument("--cache", type=Path, help="where the sources are kept")
    parser.add_argument("--limit", type=float, default=60.0, help="CPU seconds for one file")
    parser.add_argument("--most", type=int, default=20, help="lines printed for one rule")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="the findings as judged.csv has them"
    )
    args = parser.parse_args()
    if unknown := set(args.libraries) - set(libraries):
        parser.error(f"not pinned: {', '.join(sorted(unknown))}")
    return args


def chosen(args: argparse.Namespace, known: dict[str, Library]) -> list[tuple[Library, Path]]:
    """The releases and where their sources lie; downloads what the cache lacks."""
    cache = args.cache or cache_folder()
    names = args.libraries or ([] if args.folder else list(known))
    own = [(known[name], sources(known[name], cache)) for name in names]
    return own + [(Library(path.name, "", ""), path) for path in args.folder]


def show(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


def main() -> int:
    known = pinned()
    args = options(known)
    runs: dict[str, Run] = {}
    base: dict[str, Run] = {}
    found: dict[Key, str] = {}
    before: dict[Key, str] = {}
    swept = set()
    with tempfile.TemporaryDirectory() as scratch:
        now = working_tree(Path(scratch))
        then = linter_of(args.base, Path(scratch)) if args.base else None
        for library, folder in chosen(args, known):
            swept.add((library.name, library.version))
            run = runs[library.name] = ask(now, folder, args.limit)
            found.update(findings(library, run))
            if then:
                base[library.name] = ask(then, folder, args.limit)
                before.update(findings(library, base[library.name]))
            print(f"{library.name} {library.version}: {run.cpu:.1f} s", file=sys.stderr, flush=True)
    judged = judgements()
    if args.write:
        with args.write.open("w", encoding="utf-8") as file:
            write(found, judged, file)
    if then:
        show(changes(before, found, judged, args.most))
        crashes = ([c for run in side.values() for c in run.crashes] for side in (base, runs))
        show(crash_changes(*crashes, args.most))
    show(unsettled(found, judged, swept, args.most))
    show(trouble(runs))
    tallies = {name: verdicts((k for k in found if k.library == name), judged) for name in runs}
    show(table(runs, base, tallies))
    total = verdicts(found, judged)
    print(f"{len(found)} findings: {listed(total)}")
    crashed = any(run.crashes for run in runs.values())
    return 1 if total["false"] or total[UNJUDGED] or crashed else 0


if __name__ == "__main__":
    sys.exit(main())
