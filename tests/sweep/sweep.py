"""Lint released libraries, and hold the findings against what a person said about them.

    python tests/sweep/sweep.py                      all pinned libraries
    python tests/sweep/sweep.py timm kornia          some of them
    python tests/sweep/sweep.py --base HEAD~5 timm   what changed since a revision

The sources come from the package index, by name and version, into a cache outside of the
repository (``--cache``, else ``$LINT_PARAMS_SWEEP``, else the user's cache folder); nothing is
installed or imported. Every file has a time limit (``--limit`` seconds of CPU).

Printed: findings per rule and library with their verdicts, findings without a judgement,
judgements that no finding answers to any more, crashes, files that ran out of time, and CPU
seconds. With ``--base`` the same is done with the linter of that revision, and findings that
are added or removed are listed per rule. Exit status 1: something is without a judgement, is
judged false, or crashed.

``judged.csv`` beside this file holds the judgements: library, version, file, line, code,
verdict, why. Verdicts: ``true`` (a mistake), ``arguable`` (works, or can not be reached, and a
reader may still want to know), ``false`` (an alarm that should not be). A judgement of another
version of a library does not count.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
JUDGED = HERE / "judged.csv"
FIELDS = ["library", "version", "file", "line", "code", "verdict", "why"]
#: A wheel for any of these will do: its sources are read, never run.
PLATFORMS = ["any", "manylinux1_x86_64", "manylinux2014_x86_64", "manylinux_2_28_x86_64"]

#: Distribution, version. Vision, language, speech, graphs, reinforcement learning, medicine,
#: time series, recommenders, probabilistic models, equivariant networks.
LIBRARIES = {
    "timm": "1.0.20",
    "torchvision": "0.24.0",
    "vit_pytorch": "1.26.11",
    "x_transformers": "2.31.10",
    "peft": "0.21.2",
    "segmentation_models_pytorch": "0.6.0",
    "diffusers": "0.35.2",
    "transformers": "4.57.1",
    "allennlp": "2.10.1",
    "botorch": "0.18.1",
    "dgl": "2.1.0",
    "escnn": "1.0.11",
    "espnet": "202511",
    "flair": "0.15.1",
    "gpytorch": "1.15.2",
    "kornia": "0.9.0",
    "lightly": "1.6.0",
    "monai": "1.6.1",
    "nemo_toolkit": "3.0.0",
    "neuralforecast": "3.3.0",
    "open_clip_torch": "3.3.0",
    "pyro_ppl": "1.9.2",
    "pytorch_forecasting": "1.8.0",
    "pytorch_lightning": "2.6.6",
    "recbole": "1.2.1",
    "sentence_transformers": "6.2.0",
    "speechbrain": "1.1.2",
    "stable_baselines3": "2.9.2",
    "tianshou": "2.0.1",
    "torch_geometric": "2.8.1",
    "torchaudio": "2.11.0",
    "torchrl": "0.14.1",
    "ultralytics": "8.4.190",
    "x_clip": "0.14.4",
}

Key = tuple[str, str, str, int, str]
Row = dict[str, Any]


class OutOfTime(BaseException):
    """No Exception: what the linter catches must not swallow it."""


def sources(cache: Path, library: str, version: str) -> Path:
    """The folder with the sources of a library, downloaded once."""
    folder = cache / f"{library}-{version}"
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps"]
        command += ["--only-binary", ":all:", "--python-version", "3.11", "-d", scratch]
        for platform in PLATFORMS:
            command += ["--platform", platform]
        subprocess.run([*command, f"{library}=={version}"], check=True)
        (wheel,) = Path(scratch).glob("*.whl")
        unpacked = Path(scratch) / "unpacked"
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(unpacked, [n for n in archive.namelist() if n.endswith(".py")])
        unpacked.rename(folder)
    return folder


def lint_folder(folder: Path, limit: float) -> Iterator[Row]:
    """Runs in a process of its own, with the linter that is to be asked on its path."""
    from lint_params.config import Config
    from lint_params.runner import Linter

    def stop(*_: object) -> None:
        raise OutOfTime

    signal.signal(signal.SIGVTALRM, stop)
    linter = Linter(Config(), noqa=False)
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder).as_posix()
        row: Row = {"file": name, "findings": [], "crashes": [], "late": False}
        began = time.process_time()
        signal.setitimer(signal.ITIMER_VIRTUAL, limit)
        try:
            result = linter.lint_file(str(path))
        except OutOfTime:
            row["late"] = True
        else:
            row["crashes"] = result.crashes
            row["findings"] = [[f.place.line, f.code, f.message] for f in result.findings]
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        row["cpu"] = time.process_time() - began
        if row["findings"] or row["crashes"] or row["late"] or row["cpu"] > 0.01:
            yield row


def asked(linter: Path, folder: Path, limit: float) -> list[Row]:
    """The rows of ``lint_folder`` by the linter that stands in a folder."""
    command = [sys.executable, __file__, "--lint", str(folder), "--limit", str(limit)]
    environment = {**os.environ, "PYTHONPATH": str(linter)}
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def linter_of(revision: str, scratch: Path) -> Path:
    """The package as a revision has it, laid out as it is installed."""
    archive = scratch / "linter.tar"
    command = ["git", "archive", "-o", str(archive), revision, "lint_params", "rules"]
    subprocess.run(command, cwd=ROOT, check=True)
    target = scratch / "linter"
    target.mkdir()
    subprocess.run(["tar", "-xf", str(archive), "-C", str(target)], check=True)
    (target / "rules").rename(target / "lint_params" / "rules")
    return target


def working_tree(scratch: Path) -> Path:
    """The package as it stands now, laid out as it is installed."""
    target = scratch / "now"
    target.mkdir()
    (target / "lint_params").mkdir()
    for entry in (ROOT / "lint_params").iterdir():
        (target / "lint_params" / entry.name).symlink_to(entry)
    (target / "lint_params" / "rules").symlink_to(ROOT / "rules")
    return target


def judgements() -> dict[Key, Row]:
    with JUDGED.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {
        (row["library"], row["version"], row["file"], int(row["line"]), row["code"]): row
        for row in rows
    }


def findings(library: str, rows: Iterable[Row]) -> dict[Key, str]:
    version = LIBRARIES[library]
    return {
        (library, version, row["file"], line, code): message
        for row in rows
        for line, code, message in row["findings"]
    }


def shown(key: Key, message: str) -> str:
    library, _, file, line, code = key
    return f"  {library}: {file}:{line}: {code} {message}"


def compare(before: dict[Key, str], after: dict[Key, str]) -> None:
    for title, keys, texts in (
        ("Added", after.keys() - before.keys(), after),
        ("Removed", before.keys() - after.keys(), before),
    ):
        counts = Counter(key[4] for key in keys)
        print(f"{title}: {len(keys)}", dict(sorted(counts.items())) or "")
        for key in sorted(keys):
            print(shown(key, texts[key]))


def summary(found: dict[Key, str], judged: dict[Key, Row]) -> bool:
    """Print the tables; whether everything has been judged, and nothing false."""
    counts = Counter(
        (key[0], key[4], judged[key]["verdict"] if key in judged else "unjudged") for key in found
    )
    for (library, code, verdict), number in sorted(counts.items()):
        print(f"{library:30} {code} {verdict:9} {number}")
    verdicts = Counter(verdict for _, _, verdict in counts.elements())
    print("total:", ", ".join(f"{n} {verdict}" for verdict, n in sorted(verdicts.items())) or 0)
    unjudged = [key for key in sorted(found) if key not in judged]
    if unjudged:
        print(f"{len(unjudged)} without a judgement:")
    for key in unjudged:
        print(shown(key, found[key]))
    swept = {key[0] for key in found}
    gone = [key for key in judged if key[0] in swept and key not in found]
    lost = [key for key in gone if judged[key]["verdict"] == "true"]
    if lost:
        print(f"{len(lost)} true ones are no longer found:")
    for key in sorted(lost):
        print(shown(key, judged[key]["why"]))
    return not unjudged and not verdicts["false"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("libraries", nargs="*", help="which of the pinned ones; all by default")
    parser.add_argument("--base", metavar="REV", help="compare with the linter of a revision")
    parser.add_argument("--cache", type=Path, help="where the sources are kept")
    parser.add_argument("--limit", type=float, default=60.0, help="CPU seconds for one file")
    parser.add_argument("--lint", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.lint:
        for row in lint_folder(args.lint, args.limit):
            print(json.dumps(row), flush=True)
        return 0
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    cache = args.cache or Path(os.environ.get("LINT_PARAMS_SWEEP") or home / "lint-params-sweep")
    if unknown := set(args.libraries) - set(LIBRARIES):
        parser.error(f"not pinned: {', '.join(sorted(unknown))}")
    before: dict[Key, str] = {}
    found: dict[Key, str] = {}
    crashed = False
    with tempfile.TemporaryDirectory() as scratch:
        now = working_tree(Path(scratch))
        base = linter_of(args.base, Path(scratch)) if args.base else None
        for library in args.libraries or LIBRARIES:
            folder = sources(cache, library, LIBRARIES[library])
            rows = asked(now, folder, args.limit)
            found.update(findings(library, rows))
            cpu = sum(row["cpu"] for row in rows)
            text = f"{library} {LIBRARIES[library]}: {cpu:.1f} s of CPU"
            if base:
                old = asked(base, folder, args.limit)
                before.update(findings(library, old))
                text += f", base {sum(row['cpu'] for row in old):.1f} s"
            print(text, flush=True)
            for row in rows:
                if row["late"]:
                    print(f"  {row['file']}: out of time")
                for crash in row["crashes"]:
                    crashed = True
                    print(f"  crash: {crash}")
    if base:
        compare(before, found)
    return 0 if summary(found, judgements()) and not crashed else 1


if __name__ == "__main__":
    sys.exit(main())
