"""Rewrite wrong files and their sound twins in forms of the same meaning, and lint what comes out.

    python tests/forms/forms.py                          the fixtures, each form alone
    python tests/forms/forms.py --pairs 3 DIR ...        cases too, and three random pairs each
    python tests/forms/forms.py --form layers_by_ --show some forms; name each difference
    python tests/forms/forms.py --sample 6 --run all     six forms of each source, all run on torch

A variant of a wrong file must have the findings of its origin: the same codes on lines that come
from the same lines (``moved``: told elsewhere, or by another rule). A variant of a sound file must
have none (``FALSE``). The origin is the file as ``ast`` writes it. Torch runs the variants of which
the linter says something else than of the origin, and of the others the share ``--run``; what does
not end as the origin does has another meaning and is left out.

DIR holds cases: ``NAME/{buggy,fixed}.py`` with ``demo.py`` and ``case.json``, folders
``NAME/{buggy,fixed}/`` with ``check.py`` and ``meta.json``, or sound files. The linter is the one
that Python finds first: ``PYTHONPATH`` may name a copy of another revision.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]

import arguments  # noqa: E402, F401
import blocks  # noqa: E402, F401
import calls  # noqa: E402, F401
import classes  # noqa: E402, F401
import constants  # noqa: E402, F401
import containers  # noqa: E402, F401
import imports  # noqa: E402, F401
import layers  # noqa: E402, F401
import methods  # noqa: E402, F401
import steps  # noqa: E402, F401
import two_files  # noqa: E402, F401
import values  # noqa: E402, F401
from judging import Variant, compare, lint, linter_for, tables, written  # noqa: E402
from sets import Source, cases, fixtures  # noqa: E402
from variant import FORMS, ORIGIN, Form  # noqa: E402


def rewritten(source: Source, *names: str, seed: int = 1) -> Variant | None:
    """The source in these forms one after the other; None where one of them finds nothing."""
    form = Form(ast.parse(source.text), random.Random(f"{seed} {source.name} {names}"))
    if not all(FORMS[name](form) for name in names):
        return None
    files, lines = dict(source.others), {}
    for path, text, own in form.texts(source.module):
        files[path], lines[path] = text, own
    module = f"parcel.{source.module}" if form.package else source.module
    return Variant(source, "+".join(names), files, lines, module)


def variants(source: Source, wanted: list[str], some: int, pairs: int, seed: int) -> Iterator[Variant]:
    rng = random.Random(f"{seed} {source.set} {source.name}")
    seen = set()
    chosen = [[name] for name in rng.sample(wanted, min(some, len(wanted)))]
    for names in [*chosen, *(rng.sample(wanted, 2) for _ in range(pairs))]:
        made = rewritten(source, *names, seed=seed)
        text = json.dumps(made.files, sort_keys=True) if made is not None else ""
        if made is not None and text not in seen:
            seen.add(text)
            yield made


def linted(source: Source, wanted: list[str], args: argparse.Namespace, folder: Path) -> list[Variant]:
    """The variants of a source, compared with it."""
    linter, origin = linter_for(source), rewritten(source, ORIGIN)
    assert origin is not None
    lint(origin, linter, folder)
    found = []
    for variant in variants(source, wanted, args.sample, args.pairs, args.seed):
        variant.origin = origin
        lint(variant, linter, folder)
        compare(variant)
        found.append(variant)
    shutil.rmtree(folder)
    return found


def execute(rows: list[Variant], folder: Path) -> None:
    """Adds to each what torch made of it."""
    request, answers = folder / "request.json", folder / "answers.jsonl"
    todo = [
        {"id": row.id, "folder": str(written(row, folder / "run")), "module": row.module, "demo": row.source.demo,
         "check": row.source.check, "run": row.source.run}
        for row in rows
    ]  # fmt: skip
    request.write_text(json.dumps(todo), encoding="utf-8")
    answers.touch()
    subprocess.run([sys.executable, str(HERE / "torch_side.py"), str(request), str(answers)], check=True)
    said = {row["id"]: row["outcome"] for row in map(json.loads, answers.read_text(encoding="utf-8").splitlines())}
    for row in rows:
        row.outcome = said[row.id]


def show(row: Variant) -> None:
    """Names each difference, or that torch ran it otherwise."""
    where = f"{row.name} {row.source.set} {row.source.name}"
    if not row.means_the_same:
        print("OTHER", where, "|", row.origin.outcome[:90] if row.origin else "", "|", row.outcome[:120])
        return
    for kind, found in ("lost", row.lost), ("NEW" if row.source.wrong else "FALSE", row.new):
        for one in found:
            print(kind, one.code, where, one.place, sorted(one.lines), one.message, "|", row.outcome[:60])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path, help="folders of cases beside the fixtures")
    parser.add_argument("--no-fixtures", action="store_true")
    parser.add_argument("--only", default="", help="only sources whose set or name contains this")
    parser.add_argument("--form", action="append", help="only forms that begin so")
    parser.add_argument("--sample", type=int, default=1000, help="so many forms of each source")
    parser.add_argument("--pairs", type=int, default=0, help="and so many random pairs of forms")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--run", default="0.05", help="the share of the other variants that torch runs, or all")
    parser.add_argument("--show", action="store_true", help="name each difference")
    parser.add_argument("--keep", type=Path, help="write the variants that differ there")
    args = parser.parse_args()
    sources = [] if args.no_fixtures else list(fixtures())
    sources += [source for folder in args.folders for source in cases(folder)]
    sources = [source for source in sources if args.only in f"{source.set}/{source.name}"]
    wanted = [name for name in FORMS if name != ORIGIN and (not args.form or name.startswith(tuple(args.form)))]
    share = 1.0 if args.run == "all" else float(args.run)
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory(prefix="forms-") as scratch:
        folder = Path(scratch)
        rows = [row for source in sources for row in linted(source, wanted, args, folder / "lint")]
        run = [row for row in rows if row.lost or row.new or rng.random() < share]
        origins = {row.origin.id: row.origin for row in run if row.origin is not None}
        execute([*origins.values(), *run], folder)
    for row in run:
        if args.show:
            show(row)
        if args.keep and (row.lost or row.new):
            written(row, args.keep / row.name)
    print(tables(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
