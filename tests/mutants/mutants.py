"""Inject one mistake each into classes of released libraries; count how many the linter catches.

    python tests/mutants/mutants.py --seed 1 --count 2000          all libraries
    python tests/mutants/mutants.py --count 200 timm diffusers     some of them, a sample
    python tests/mutants/mutants.py --literal              every one whose sizes are numbers: they are few
    python tests/mutants/mutants.py --base REV                     with the linter of a revision
    python tests/mutants/mutants.py --missed                       also lists what was missed
    python tests/mutants/mutants.py --write DIR                    also writes original, mutant, meta

Run it with a Python that can import the libraries and torch; the linter is taken from this
working tree. Nothing of a library is kept: mutants are made at run time. What torch said about
originals and mutants is kept in ``--cache`` (by version and text), so that only linting is
repeated.

How a mutant comes about: a class that torch builds (and, for most, runs forward, backward and a
step of SGD; see targets.py and torch_side.py) gets one mistake (registration.py,
declaration.py, mutation.py, shapes.py). It is valid if torch then raises where the original did
not, in torch itself rather than in a check or a missing name of the file (and, for sizes, on inputs
of other sizes, too), or if the silent effect of the mistake shows (observe.py); memory that a class
leaves unwritten and the model around it writes, as ``_init_weights`` does, is none. Without a GPU
``.cuda()`` of a tensor is a copy, as it is there.

How it is judged: the mutated text is linted at the path of the original, so that other files are
found as they are in reality. Caught is a mutant with a finding that the original does not have on
a right line: a line that was changed (or its statement), a line of the file in torch's traceback,
or one that defines or uses the attribute that was changed; or one whose trace names a changed line,
or the line on which the call around it begins (a layer's arguments often stand on lines of their own).
``elsewhere`` counts those with findings on other lines only, ``preview`` counts those that only a
rule in preview reports; neither is in ``caught``.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "sweep")]

import declaration  # noqa: E402, F401
import mutation  # noqa: E402, F401
import registration  # noqa: E402, F401
import shapes  # noqa: E402, F401
from edits import Proposal, classes, proposals  # noqa: E402
from linting import linter_of, working_tree  # noqa: E402
from tables import tables  # noqa: E402
from targets import LIBRARIES, Library  # noqa: E402

Json = dict[str, Any]
T = TypeVar("T")
#: So many mutants are run before their results are put by.
BATCH = 200


def package(name: str) -> Path:
    """The folder of an installed library, which is not imported for it."""
    spec = importlib.util.find_spec(name)
    assert spec is not None and spec.submodule_search_locations, f"{name} is not installed"
    return Path(spec.submodule_search_locations[0])


def files(name: str, library: Library) -> list[str]:
    folder = package(name)
    found = {path for pattern in library.files for path in folder.glob(pattern)}
    return [str(path) for path in sorted(found) if "torch" in path.read_text(encoding="utf-8")]


def child(script: str, request: Json, linter: Path) -> list[Json]:
    """The answers of one of the two sides, each in a process of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        asked, said = Path(scratch) / "request.json", Path(scratch) / "answers.jsonl"
        asked.write_text(json.dumps(request), encoding="utf-8")
        said.touch()
        environment = {
            **os.environ,
            "PYTHONPATH": str(linter),
            "PYTHONHASHSEED": "0",
            "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
        }
        command = [sys.executable, str(HERE / script), str(asked), str(said)]
        subprocess.run(command, env=environment, check=True)
        return [json.loads(line) for line in said.read_text(encoding="utf-8").splitlines()]


class Cache:
    """Rows by key, in one file a library and version."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{name}.jsonl"
        self.rows: dict[str, Json] = {}
        if self.path.exists():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                self.rows[row["key"]] = row

    def add(self, key: str, row: Json) -> None:
        self.rows[key] = {**row, "key": key}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(self.rows[key]) + "\n")


def running(name: str, library: Library, cache: Cache, linter: Path) -> dict[str, str]:
    """The classes that torch builds, each with the root that shows how."""
    if "classes" not in cache.rows:
        roots = [json.dumps({"model": m, "inputs": i}) for m, i in library.roots]
        request = {"files": files(name, library), "roots": roots, "wanted": None}
        found: dict[str, Json] = {}
        for row in child("torch_side.py", request, linter):
            if row["class"] not in found or row["runs"] > found[row["class"]]["runs"]:
                found[row["class"]] = row
        cache.add("classes", {"found": {key: row["root"] for key, row in found.items()}})
    return dict(cache.rows["classes"]["found"])


def candidates(found: dict[str, str]) -> Iterator[tuple[str, Proposal]]:
    """Every mistake that can be made in a class that runs."""
    for path in sorted({key.partition("::")[0] for key in found}):
        for subject in classes(Path(path).read_text(encoding="utf-8")):
            if f"{path}::{subject.node.name}" in found:
                yield from ((path, proposal) for proposal in proposals(subject))


def _named(proposal: Proposal) -> str:
    return f"{proposal.operator.kind}: {proposal.operator.mistake}"


def sample(rows: Iterable[T], count: int, seed: int, mistake: Callable[[T], str]) -> list[T]:
    """So many of them, the mistakes in turn, so that the rare ones are there too."""
    by_mistake = defaultdict(list)
    for row in rows:
        by_mistake[mistake(row)].append(row)
    for name, group in sorted(by_mistake.items()):
        random.Random(f"{seed} {name}").shuffle(group)
    chosen: list[T] = []
    groups = [by_mistake[name] for name in sorted(by_mistake)]
    while len(chosen) < count and any(groups):
        for group in groups:
            if group and len(chosen) < count:
                chosen.append(group.pop())
    return chosen


def made(some: list[tuple[str, Proposal]], name: str, found: dict[str, str]) -> list[Json]:
    """The mutants of what was chosen, each text once."""
    judge = [(HERE / script).read_text(encoding="utf-8") for script in ("observe.py", "torch_side.py")]
    rows: dict[str, Json] = {}
    for path, proposal in some:
        mutant = proposal.mutant()
        if mutant is not None:
            subject = proposal.subject.node.name
            key = f"{path}::{subject}"
            said = f"{judge} {Path(path).relative_to(package(name))} {subject} {mutant}"
            place = {"library": name, "path": path, "subject": subject, "root": found[key]}
            identity = hashlib.sha1(said.encode()).hexdigest()[:16]
            rows.setdefault(mutant.text, {**vars(mutant), **place, "id": identity})
    return list(rows.values())


def executed(rows: list[Json], name: str, library: Library, cache: Cache, linter: Path) -> None:
    """Adds to each row what torch did, ``valid`` above all."""
    todo = [row for row in sorted(rows, key=lambda row: row["root"]) if row["id"] not in cache.rows]
    for first in range(0, len(todo), BATCH):
        wanted: dict[str, dict[str, list[Json]]] = defaultdict(lambda: defaultdict(list))
        for row in todo[first : first + BATCH]:
            wanted[row["root"]][f"{row['path']}::{row['subject']}"].append(row)
        request = {"files": files(name, library), "roots": [], "wanted": wanted}
        for row in child("torch_side.py", request, linter):
            cache.add(row["id"], row)
    for row in rows:
        row.update(cache.rows.get(row["id"], {"valid": False, "why": "no answer"}))


def begun(text: str, lines: list[int]) -> set[int]:
    """The lines, and those on which the innermost calls around them begin: a layer's place."""
    found = set(lines)
    calls = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call)]
    for line in lines:
        around = [n for n in calls if n.lineno <= line <= (n.end_lineno or 0)]
        inner = min(around, key=lambda n: (n.end_lineno or 0) - n.lineno, default=None)
        found |= set() if inner is None else {inner.lineno}
    return found


def linted(rows: list[Json], linter: Path) -> None:
    """Adds to each row the new findings."""
    request = {"rows": [{k: row[k] for k in ("id", "path", "text")} for row in rows]}
    found = {row["id"]: row["findings"] for row in child("lint_side.py", request, linter)}
    for row in rows:
        row["findings"] = found[row["id"]]
        right = {*row["lines"], *row["related"], *row["raised"]}
        changed = begun(row["text"], row["lines"])
        hits = [f for f in row["findings"] if f["line"] in right or changed & {*f["trace"]}]
        row["caught"] = any(not f["preview"] for f in hits)
        row["preview"] = bool(hits) and not row["caught"]
        row["elsewhere"] = bool(row["findings"]) and not hits


def write(rows: list[Json], folder: Path) -> None:
    """Original, mutant and meta of each row, for other tools to read."""
    for row in rows:
        target = folder / row["library"] / row["id"]
        target.mkdir(parents=True, exist_ok=True)
        (target / "original.py").write_text(Path(row["path"]).read_text(encoding="utf-8"), encoding="utf-8")
        (target / "mutant.py").write_text(row["text"], encoding="utf-8")
        meta = {key: value for key, value in row.items() if key not in ("text", "root", "key")}
        (target / "meta.json").write_text(json.dumps(meta, indent=1), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("libraries", nargs="*", help="which of the libraries; all by default")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=2000, help="mutants that are tried, in all")
    parser.add_argument("--mistake", help="only mistakes whose kind and name contain this")
    parser.add_argument("--literal", action="store_true", help="only sizes that are written as numbers")
    parser.add_argument("--cache", type=Path, help="where torch's answers are kept")
    parser.add_argument("--base", metavar="REV", help="lint with the linter of a revision")
    parser.add_argument("--missed", action="store_true", help="list what was missed")
    parser.add_argument("--write", type=Path, metavar="DIR", help="write the mutants into a folder")
    args = parser.parse_args()
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    cache = args.cache or home / "lint-params-mutants"
    chosen = args.libraries or list(LIBRARIES)
    if unknown := set(chosen) - set(LIBRARIES):
        parser.error(f"not known: {', '.join(sorted(unknown))}")
    if missing := [name for name in ("torch", *chosen) if importlib.util.find_spec(name) is None]:
        parser.error(f"not installed for this Python: {', '.join(missing)}")
    rows: list[Json] = []
    tried = 0
    with tempfile.TemporaryDirectory() as scratch:
        linter = working_tree(Path(scratch))
        asked = linter_of(args.base, Path(scratch)) if args.base else linter
        for number, name in enumerate(chosen):
            library = LIBRARIES[name]
            version = importlib.metadata.version(library.distribution)
            kept = Cache(cache, f"{name}-{version}")
            found = running(name, library, kept, linter)
            wanted = args.mistake or ""
            every = [each for each in candidates(found) if wanted in _named(each[1])]
            every = [each for each in every if each[1].change.literal or not args.literal]
            share = (args.count - tried) // (len(chosen) - number)
            picked = sample(every, share, args.seed, lambda each: each[1].operator.mistake)
            some = made(picked, name, found)
            tried += len(some)
            executed(some, name, library, kept, linter)
            valid = [row for row in some if row["valid"]]
            print(f"{name} {version}: {len(found)} classes, {len(some)} tried, {len(valid)} valid", flush=True)
            rows += valid
        linted(rows, asked)
    if args.write:
        write(rows, args.write)
    print(tables(rows, args.seed, args.missed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
