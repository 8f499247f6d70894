"""Run the findings in published libraries on torch: verdicts and reasons per rule and library.

    PYTHON tests/sweep/verdicts.py timm vit_pytorch                what the linter says by default
    PYTHON tests/sweep/verdicts.py timm --all-rules --most 40 --show
    PYTHON tests/sweep/verdicts.py --judged                        the findings of judged.csv
    PYTHON tests/sweep/verdicts.py --compare                       those of verdicts.csv once more

PYTHON is the interpreter of an environment in which the libraries' own needs can be imported.
A library that is installed there is linted as it lies there; any other one of ``libraries.csv``
comes from the cache of the sweep (``--cache``). ``--all-rules`` turns on preview rules and advice,
which makes findings enough to judge the verifier by. Printed: for each rule and library how many
were confirmed, refuted and inconclusive, for what reasons, and how long it took; then each
confirmed and refuted finding, for a person to read. ``--show`` prints the others too.

``--write FILE`` has them as rows for ``verdicts.csv``, where a person writes what is to be said of
each confirmed and refuted one (``verdict_table.py``); ``--compare`` runs the findings of that
table once more and prints what is different; exit status 1: something is.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Collection, Iterator
from importlib import metadata, util
from pathlib import Path
from typing import Any

from judgements import Key, judgements
from libraries import cache_folder, pinned, sources
from linting import working_tree
from verdict_table import DECIDED, TABLE, Row, differences, read, row_of, summary, write


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("libraries", nargs="*", help="names of libraries.csv, or for import")
    parser.add_argument("--all-rules", action="store_true", help="preview rules and advice too")
    parser.add_argument("--judged", action="store_true", help="the findings of judged.csv only")
    parser.add_argument("--compare", action="store_true", help="those of verdicts.csv, with it")
    parser.add_argument("--most", type=int, help="findings of one rule in one library, at most")
    parser.add_argument("--under", default="", help="only files with this in their path")
    parser.add_argument("--cache", type=Path, default=cache_folder(), help="of the sweep")
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds for one run")
    parser.add_argument("--show", action="store_true", help="print inconclusive findings too")
    parser.add_argument("--write", type=Path, metavar="FILE", help="rows for verdicts.csv")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    said = read() if TABLE.exists() else {}
    wanted = {*(said if args.compare else ()), *(judgements() if args.judged else ())}
    now: dict[Key, Row] = {}
    with tempfile.TemporaryDirectory() as scratch:
        linter = working_tree(Path(scratch))
        sys.path.insert(0, str(linter))
        others = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(linter), *others]))
        for library in args.libraries or sorted({key.library for key in wanted}):
            now.update(verdicts(library, args, wanted))
    for line in summary(now):
        print(line)
    if args.write:
        with args.write.open("w", encoding="utf-8") as file:
            write(now, said, file)
    known = {key: row for key, row in said.items() if not args.libraries or key.library in args.libraries}
    changed = list(differences(known, now)) if args.compare else []
    for line in changed:
        print(line)
    return bool(changed)


def verdicts(library: str, args: argparse.Namespace, wanted: Collection[Key]) -> dict[Key, Row]:
    """Run one library and print it; the rows by their keys."""
    from lint_params.verify import verify_findings

    root, folder, version = place_of(library, args.cache)

    def key_of(finding: Any) -> Key:
        file = Path(finding.path).relative_to(root).as_posix()
        return Key(library, version, file, finding.place.line, finding.code)

    files = {root / key.file for key in wanted if key[:2] == (library, version)}
    began = time.process_time()
    findings = linted(sorted(files if wanted else folder.rglob("*.py")), args)
    if wanted:
        findings = [finding for finding in findings if key_of(finding) in wanted]
    print(f"{library}: {len(findings)} findings in {time.process_time() - began:.0f} s of CPU")
    began, cpu = time.monotonic(), children()
    judged = verify_findings(findings, device="cpu", jobs=args.jobs, timeout=args.timeout)
    print(f"  verified in {time.monotonic() - began:.0f} s, {children() - cpu:.0f} s of CPU")
    rows = {key_of(finding): row_of(finding.verification) for finding in judged}
    for line in summary(rows):
        print(f"  {line}")
    for finding in judged:
        proof, key = finding.verification, key_of(finding)
        if rows[key].verdict in DECIDED or args.show:
            print(f"  {rows[key].verdict} {key.file}:{key.line}: {key.code} {finding.message}")
            print("      " + proof.evidence.replace("\n", "\n      "), flush=True)
    return rows


def place_of(library: str, cache: Path) -> tuple[Path, Path, str]:
    """The folder that its files are named from, the one to lint, and its version."""
    spec = util.find_spec(library)
    if spec is not None and spec.submodule_search_locations:
        folder = Path(next(iter(spec.submodule_search_locations)))
        version = metadata.version(metadata.packages_distributions()[library][0])
        return folder.parent, folder, version
    known = pinned()[library]
    folder = sources(known, cache)
    return folder, folder, known.version


def children() -> float:
    """CPU seconds of the processes that have ended by now."""
    times = os.times()
    return times.children_user + times.children_system


def linted(paths: list[Path], args: argparse.Namespace) -> list[Any]:
    taken: Counter[str] = Counter()
    findings = []
    for finding in found(paths, args):
        taken[finding.code] += 1
        if finding.code != "LP001" and (not args.most or taken[finding.code] <= args.most):
            findings.append(finding)
    return findings


def found(paths: list[Path], args: argparse.Namespace) -> Iterator[Any]:
    from lint_params.config import Config
    from lint_params.runner import Linter

    every = args.all_rules or args.compare
    linter = Linter(Config(select=("ALL",), preview=True) if every else Config(), noqa=False)
    for path in paths:
        if args.under in str(path):
            yield from linter.lint_file(str(path)).findings


if __name__ == "__main__":
    sys.exit(main())
