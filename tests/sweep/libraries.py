"""The libraries that are swept, and how their sources come from the package index."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

PINNED = Path(__file__).resolve().parent / "libraries.csv"
#: A wheel for any of these will do: its sources are read, never run.
PLATFORMS = ["any", "manylinux1_x86_64", "manylinux2014_x86_64", "manylinux_2_28_x86_64"]


@dataclass(frozen=True)
class Library:
    """One release. ``archive`` is ``sdist`` where the index has no wheel, or one without sources."""

    name: str
    version: str
    corner: str
    archive: str = "wheel"

    def folder(self, cache: Path) -> Path:
        return cache / f"{self.name}-{self.version}"


def pinned() -> dict[str, Library]:
    with PINNED.open(newline="", encoding="utf-8") as file:
        rows = [Library(**row) for row in csv.DictReader(file)]
    return {row.name: row for row in rows}


def cache_folder() -> Path:
    """Where sources are kept between runs: outside of the repository."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("LINT_PARAMS_SWEEP") or home / "lint-params-sweep")


def sources(library: Library, cache: Path) -> Path:
    """The folder with the sources of a release, downloaded once."""
    folder = library.folder(cache)
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        download(library, Path(scratch))
        (archive,) = Path(scratch).iterdir()
        unpacked = Path(scratch) / "unpacked"
        unpack(archive, unpacked)
        unpacked.rename(folder)
    return folder


def download(library: Library, target: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(target)]
    if library.archive == "sdist":
        command += ["--no-binary", ":all:"]
    else:
        command += ["--only-binary", ":all:", "--python-version", "3.11"]
        for platform in PLATFORMS:
            command += ["--platform", platform]
    done = subprocess.run([*command, f"{library.name}=={library.version}"], check=False)
    # pip asks an sdist for its metadata once it has it, which fails where the build needs torch.
    if done.returncode and not any(target.iterdir()):
        raise SystemExit(f"{library.name} {library.version} cannot be downloaded")


def unpack(archive: Path, target: Path) -> None:
    """The Python files of a wheel or an sdist; nothing else is kept, nothing is built."""
    target.mkdir()
    if archive.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(target, [n for n in wheel.namelist() if n.endswith(".py")])
        return
    with tarfile.open(archive) as sdist:
        wanted = [m for m in sdist.getmembers() if m.isfile() and m.name.endswith(".py")]
        sdist.extractall(target, wanted, filter="data")
    (top,) = target.iterdir()  # NAME-VERSION, which the folder is called already
    for entry in list(top.iterdir()):
        shutil.move(entry, target / entry.name)
    top.rmdir()
